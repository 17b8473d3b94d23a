"""Options and arguments of each command, with their help.

They are parsed before a command's module is imported, so --help and a mistyped option are fast.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from ira_manifests.cli import terminal, terraform
from ira_manifests.cli.parser import Parser
from ira_manifests.errors import InputError, did_you_mean
from ira_manifests.layout import MODEL_DOWNLOAD, SHARED
from ira_manifests.profile_files import KINDS

_MOST_TOKENS = 2**31
SHELLS = ("bash", "zsh", "fish")
CI_SERVICES = ("github", "gitlab", "none")
CONTROLLERS = ("argo-cd", "flux")
FORMATS = ("text", "json", "sarif", "github")
DIFF_FORMATS = ("text", "markdown")


def init(parser: Parser) -> None:
    """Add the arguments of `init`."""
    parser.add_argument(
        "folder",
        metavar="FOLDER",
        nargs="?",
        type=_folder("FOLDER"),
        default=Path(),
        help="The project's folder, which need not exist. [default: the working directory]",
    )
    parser.add_argument(
        "--gpu",
        dest="gpus",
        metavar="GPU",
        action="append",
        help="Only this GPU type of the package, such as h100. Repeatable. [default: all]",
    )
    parser.add_argument(
        "--model",
        dest="models",
        metavar="MODEL",
        action="append",
        help="Only this model of the package, such as llama3. Repeatable. [default: all that have "
        "cells on the GPU types]",
    )
    parser.add_argument(
        "--minimal",
        action="store_true",
        help="Write no profiles: commands read those of the package until `add` writes a model.",
    )
    parser.add_argument(
        "--ci",
        choices=CI_SERVICES,
        default=CI_SERVICES[0],
        metavar="SERVICE",
        help=f"The service that checks each change: {', '.join(CI_SERVICES)}. [default: github]",
    )
    parser.add_argument(
        "--package",
        metavar="WHERE",
        help="What CI and hooks install: a release, such as ira-manifests==0.1.0, or the address "
        "of a wheel or of a repository, such as git+https://git.example.com/REPOSITORY@COMMIT. "
        "[default: what this installation came from]",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="List the files, and write nothing.",
    )
    _gitops(parser)
    _json(parser)


def _gitops(parser: Parser) -> None:
    """Add the options of an environment that a controller applies."""
    parser.add_argument(
        "--gitops",
        choices=CONTROLLERS,
        metavar="CONTROLLER",
        help="Add an environment that a controller applies from the repository: "
        f"{', '.join(CONTROLLERS)}.",
    )
    for option, metavar, text in (
        ("--bucket", "NAME", "The bucket that holds its models; required."),
        ("--environment", "NAME", "Its name. [default: prod]"),
        ("--namespace", "NAME", "The namespace of its objects. [default: inference]"),
        ("--repository", "URL", "The project's repository, as Argo CD knows it."),
    ):
        parser.add_argument(option, metavar=metavar, help=f"With --gitops: {text}")


def synth(parser: Parser) -> None:
    """Add the options of `synth`."""
    _out(parser)
    _profiles(parser)
    _only(parser)
    _environments(parser)
    parser.add_argument(
        "--bucket", metavar="NAME", help="Set the model's bucket in base/ira-model-config.env."
    )
    parser.add_argument(
        "--terraform-output",
        metavar="FILE|-",
        help=f"Take the bucket from: terraform output -json {terraform.OUTPUT}",
    )
    parser.add_argument(
        "--model-id",
        metavar="ORG/NAME",
        help="Set the model to download in base/ira-model-config.env.",
    )
    _names(parser)
    parser.add_argument(
        "--check",
        action="store_true",
        help="Write nothing; if the output is stale, print a diff and exit with 1.",
    )
    _json(parser)


def check(parser: Parser) -> None:
    """Add the options of `check`."""
    _out(parser)
    _profiles(parser)
    _only(parser)
    _environments(parser)
    _names(parser)
    _format(parser)
    parser.add_argument(
        "--profiles-only",
        action="store_true",
        help="Check profiles and cells only; needs no Node.js.",
    )
    parser.add_argument("--strict", action="store_true", help="Exit with 1 for warnings as well.")


def diff(parser: Parser) -> None:
    """Add the arguments of `diff`."""
    parser.add_argument(
        "revision_name",
        metavar="REVISION",
        nargs="?",
        help="The Git revision to compare with: a commit, a branch, a tag. [default: HEAD]",
    )
    parser.add_argument(
        "--from",
        dest="source",
        metavar="FOLDER",
        type=_folder("--from"),
        help="Compare with this folder of profiles instead.",
    )
    _profiles(parser)
    _environments(parser)
    _names(parser)
    parser.add_argument(
        "-f",
        "--format",
        dest="output_format",
        choices=DIFF_FORMATS,
        default=DIFF_FORMATS[0],
        metavar="FORMAT",
        help=f"Output format: {', '.join(DIFF_FORMATS)}. [default: text]",
    )
    parser.add_argument(
        "--exit-code", action="store_true", help="Exit with 1 if there are changes."
    )
    _json(parser)


def lint(parser: Parser) -> None:
    """Add the arguments of `lint`."""
    parser.add_argument(
        "paths",
        metavar="PATH|-",
        nargs="+",
        help="A folder with kustomizations or manifests, or a file; - for standard input, such as "
        "the output of kustomize, helm template or kubectl get -o yaml.",
    )
    _format(parser)
    for name, what in (("--rule", "Only this rule"), ("--ignore", "Not this rule")):
        parser.add_argument(
            name,
            dest={"--rule": "only_rules", "--ignore": "ignored"}[name],
            metavar="RULE",
            action="append",
            type=_known_rule(name),
            help=f"{what}, by id or name. Repeatable.",
        )
    parser.add_argument(
        "--severity",
        choices=SEVERITIES,
        default="warning",
        metavar="SEVERITY",
        help="The least severity to report: error, warning, or note, which tells what is not "
        "judged. [default: warning]",
    )
    parser.add_argument(
        "--baseline",
        metavar="FILE",
        type=_folder("--baseline"),
        help="Leave out the findings of this file, which --write-baseline has written.",
    )
    parser.add_argument(
        "--write-baseline",
        metavar="FILE",
        type=_folder("--write-baseline"),
        help="Write the findings to this file, and exit with 0.",
    )
    _models(
        parser,
        "Judge the memory of these models too: a folder with ORG/NAME/config.json of each, or with "
        "profiles of models.",
    )
    _remote(parser, "they are not judged")


def import_(parser: Parser) -> None:
    """Add the arguments of `import`."""
    parser.add_argument(
        "paths",
        metavar="PATH|-",
        nargs="+",
        help="A folder with kustomizations or manifests, or a file; - for standard input, such as "
        "the output of kustomize, helm template or kubectl get -o yaml.",
    )
    parser.add_argument(
        "-o",
        "--out",
        metavar="FOLDER",
        type=_folder("--out"),
        default=Path("profiles"),
        help="The new folder of profiles, which must not exist. [default: profiles]",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="Print the profiles, and write nothing."
    )
    _json(parser)
    _models(
        parser,
        "Take the geometry of models from a folder with ORG/NAME/config.json of each, or with "
        "profiles of models.",
    )
    _remote(parser, "kustomizations with one are not read")


def _models(parser: Parser, what: str) -> None:
    parser.add_argument(
        "--models", dest="models_folder", metavar="FOLDER", type=_folder("--models"), help=what
    )


def _remote(parser: Parser, default: str) -> None:
    parser.add_argument(
        "--allow-remote",
        action="store_true",
        help=f"Let kustomize fetch remote bases. [default: {default}]",
    )


SEVERITIES = ("error", "warning", "note")


def _known_rule(option: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        from ira_manifests.rules import catalogue

        rules = catalogue.rules()
        by_name = {each.name: each.id for each in rules.values()}
        found = value.upper() if value.upper() in rules else by_name.get(value)
        if found is None:
            raise InputError(f"{option}: no such rule: {value}{did_you_mean(value.upper(), rules)}")
        return found

    return parse


def format_of(words: Sequence[str]) -> str:
    """Return the value of --format, whatever else is wrong with the arguments of `check`."""
    parser = Parser("check", "")
    _format(parser)
    try:
        given, _ = parser.parse_known_args(words)
    except InputError:
        return FORMATS[0]
    return str(given.output_format)


def add(parser: Parser) -> None:
    """Add the arguments of `add`."""
    parser.add_argument(
        "model_id",
        metavar="ORG/NAME",
        nargs="?",
        help="The model's id on the Hub, from which it is read. With --from, where the path has "
        "the id, it can be left out.",
    )
    _source(parser)
    parser.add_argument("--name", metavar="NAME", help="Name of the profile. [default: of NAME]")
    _wanted(parser)
    parser.add_argument(
        "--update",
        action="store_true",
        help="Refresh the geometry, the weights and min_engine of the model's profile, which can "
        "be named instead of ORG/NAME, and leave all else in it as it is.",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="Print the profile, or with --update a diff, and write nothing.",
    )
    _profiles(parser)
    _json(parser)


def _tokens(value: str) -> int:
    if not value.isascii() or not value.isdigit() or not 0 < int(value[:10]) < _MOST_TOKENS:
        raise InputError(f"--max-model-len is {value[:60]!r}; give a number of tokens: 131072")
    return int(value)


def list_(parser: Parser) -> None:
    """Add the arguments of `list`."""
    parser.add_argument(
        "model_id",
        metavar="ORG/NAME",
        nargs="?",
        help="Only this model, by its id on the Hub; without a profile, the cells that `add` would "
        "write. [default: all models]",
    )
    _source(parser)
    _wanted(parser)
    parser.finish = _listed
    _profiles(parser)
    _environments(parser)
    _names(parser)
    _json(parser)


def _listed(given: argparse.Namespace) -> None:
    if given.model_id is not None and "/" not in given.model_id:
        raise InputError(
            f"unexpected argument: {given.model_id!r}; a model is named by its id, ORG/NAME"
        )


def explain(parser: Parser) -> None:
    """Add the arguments of `explain`."""
    named = (f"{name} [FIELD]" for name in ("GPU/MODEL", MODEL_DOWNLOAD, SHARED))
    subjects = (*named, "ORG/NAME", "RULE")
    parser.usage = "\n       ".join(f"{parser.prog} [options] {each}" for each in subjects)
    parser.add_argument(
        "words",
        metavar="GPU/MODEL",
        nargs="*",
        help=f"A cell, such as h100/llama3, or {MODEL_DOWNLOAD} or {SHARED}, and optionally one "
        "FIELD of its manifests, by name or path; a model by its id on the Hub; or a RULE, such as "
        "IRA012.",
    )
    _source(parser)
    _wanted(parser)
    _profiles(parser)
    _environments(parser)
    _names(parser)
    _json(parser)
    parser.finish = _explained


def _rule(word: str) -> str | None:
    """Return the id of the rule that a word names, or None where it names none."""
    is_id = re.fullmatch(r"(?i)ira[0-9]+", word)
    if not is_id and ("-" not in word or "/" in word):  # the name of every rule has a hyphen
        return None
    from ira_manifests.rules import catalogue

    rules = catalogue.rules()
    if is_id and word.upper() not in rules:
        raise InputError(f"no such rule: {word}{did_you_mean(word.upper(), rules)}")
    by_name = {each.name: each.id for each in rules.values()}
    return word.upper() if is_id else by_name.get(word)


def _explained(given: argparse.Namespace) -> None:
    """Parse a rule, by its id or name, or a directory; what is left names a cell or a model."""
    given.rule = given.field = given.directory = None
    if not given.words and given.source is not None:
        return
    if not given.words:
        raise InputError("the following arguments are required: GPU/MODEL (see explain --help)")
    first, *more = given.words
    given.field = None
    directory = first.rstrip("/").rpartition("/")[2]
    if directory in (MODEL_DOWNLOAD, SHARED) or directory.startswith(f"{MODEL_DOWNLOAD}-"):
        given.directory = directory
    given.rule = None if given.directory else _rule(first)
    if given.rule is not None and more:
        raise InputError(f"unexpected argument after a rule: {more[0]!r}")
    if given.directory:
        given.field = only_field(more)


def doctor(parser: Parser) -> None:
    """Add the options of `doctor`."""
    _profiles(parser)
    _json(parser)


def _json(parser: Parser) -> None:
    parser.add_argument("--json", dest="as_json", action="store_true", help="Print JSON.")


def schema(parser: Parser) -> None:
    """Add the arguments of `schema`."""
    parser.add_argument(
        "kind",
        metavar="KIND",
        nargs="?",
        choices=KINDS,
        help=f"A kind of profiles: {', '.join(KINDS)}. [default: all]",
    )
    parser.add_argument(
        "-o",
        "--out",
        metavar="FOLDER",
        type=_folder("--out"),
        help="Write a file for each kind to this folder, such as profiles/schemas.",
    )


def color(parser: Parser) -> None:
    """Add the option that all commands have."""
    parser.add_argument(
        "--color",
        choices=terminal.COLOURS,
        default=terminal.AUTO,
        metavar="WHEN",
        help="Colour the output: auto (a terminal, unless NO_COLOR is set), always, never. "
        "[default: auto]",
    )


def completion(parser: Parser) -> None:
    """Add the arguments of `completion`."""
    parser.add_argument(
        "shell",
        metavar="SHELL",
        choices=SHELLS,
        help=f"The shell: {', '.join(SHELLS)}.",
    )


def _source(parser: Parser) -> None:
    """Add the options that say where a model's files are."""
    parser.add_argument(
        "--from",
        dest="source",
        metavar="FOLDER|FILE",
        type=_folder("--from"),
        help="Instead of the Hub, read a folder with the model's config.json, or such a file "
        "alone. Beside it are read hf_quant_config.json, and the index and headers of its "
        "safetensors.",
    )
    parser.add_argument(
        "--revision",
        metavar="REVISION",
        help="A branch, tag or commit on the Hub. [default: main]",
    )


def _wanted(parser: Parser) -> None:
    """Add the options that say which cells of a model are wanted."""
    parser.add_argument(
        "--gpu",
        dest="gpus",
        metavar="GPU",
        action="append",
        help="Only this GPU type, such as h100. Repeatable.",
    )
    parser.add_argument(
        "--max-model-len",
        metavar="TOKENS",
        type=_tokens,
        help="The context that each cell must serve. [default: the longest that fits]",
    )


def only_field(words: Sequence[str]) -> str | None:
    """Return the field that words name; raises `InputError` for more than one."""
    if len(words) > 1:
        raise InputError(f"unexpected argument: {words[1]!r}")
    return words[0] if words else None


def _out(parser: Parser) -> None:
    parser.add_argument(
        "-o",
        "--out",
        metavar="FOLDER",
        type=_folder("--out"),
        default=Path("dist"),
        help="Output folder. [default: dist]",
    )


def _profiles(parser: Parser) -> None:
    parser.add_argument(
        "-p",
        "--profiles",
        dest="profiles_folder",
        metavar="FOLDER",
        type=_folder("--profiles"),
        help="Profiles folder. [default: ./profiles, else the packaged profiles]",
    )


def _only(parser: Parser) -> None:
    parser.add_argument(
        "--only",
        metavar="GPU/MODEL",
        action="append",
        help="Only this cell, such as h100/llama3 or 'h100/*'. Repeatable.",
    )


def _environments(parser: Parser) -> None:
    parser.add_argument(
        "--environment",
        dest="environments",
        metavar="NAME",
        action="append",
        help="Only this environment of profiles/environments. Repeatable.",
    )


def _names(parser: Parser) -> None:
    parser.add_argument(
        "--namespace",
        metavar="NAME",
        help="Namespace of all objects. [default: the kubectl context's]",
    )
    parser.add_argument(
        "--workload-name",
        metavar="TEMPLATE",
        help="Name of the Deployments, such as vllm-{gpu}-{model} to run several models of one "
        "GPU type side by side. [default: vllm-{gpu}]",
    )


def _format(parser: Parser) -> None:
    parser.add_argument(
        "-f",
        "--format",
        dest="output_format",
        choices=FORMATS,
        default="text",
        metavar="FORMAT",
        help=f"Output format: {', '.join(FORMATS)}. [default: text]",
    )


def _folder(option: str) -> Callable[[str], Path]:
    def parse(value: str) -> Path:
        if not value:
            raise InputError(f"{option} is empty; give a folder")
        return Path(value)

    return parse
