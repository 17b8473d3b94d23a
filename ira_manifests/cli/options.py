"""Options and arguments of each command, with their help.

They are parsed before a command's module is imported, so --help and a mistyped option are fast.
"""

from __future__ import annotations

from pathlib import Path

from ira_manifests.cli import shared_options as shared
from ira_manifests.cli import terminal, terraform
from ira_manifests.cli.parser import Parser
from ira_manifests.profile_files import KINDS

SHELLS = ("bash", "zsh", "fish")
CI_SERVICES = ("github", "gitlab", "none")
CONTROLLERS = ("argo-cd", "flux")
DIFF_FORMATS = ("text", "markdown")


def init(parser: Parser) -> None:
    """Add the arguments of `init`."""
    parser.add_argument(
        "folder",
        metavar="FOLDER",
        nargs="?",
        type=shared.folder("FOLDER"),
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
    shared.as_json(parser)


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
    shared.out(parser)
    shared.profiles(parser)
    shared.only(parser)
    shared.environments(parser)
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
    shared.names(parser)
    parser.add_argument(
        "--check",
        action="store_true",
        help="Write nothing; if the output is stale, print a diff and exit with 1.",
    )
    shared.as_json(parser)


def check(parser: Parser) -> None:
    """Add the options of `check`."""
    shared.out(parser)
    shared.profiles(parser)
    shared.only(parser)
    shared.environments(parser)
    shared.names(parser)
    shared.output_format(parser)
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
        type=shared.folder("--from"),
        help="Compare with this folder of profiles instead.",
    )
    shared.profiles(parser)
    shared.environments(parser)
    shared.names(parser)
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
    shared.as_json(parser)


def upgrade(parser: Parser) -> None:
    """Add the options of `upgrade`."""
    parser.add_argument(
        "--engine", metavar="VERSION", required=True, help="The release of vLLM, such as 0.33.0."
    )
    parser.add_argument(
        "--environment",
        dest="environments",
        metavar="NAME",
        action="append",
        help="Pin it in the file of this environment alone. Repeatable. [default: platform.yaml]",
    )
    parser.add_argument(
        "--all",
        dest="every",
        action="store_true",
        help="Change every pin: also those of models, cells and environments.",
    )
    parser.add_argument(
        "--tag",
        metavar="TAG",
        help="The image's tag, where the pin has one that is more than its release.",
    )
    parser.add_argument(
        "--digest", metavar="DIGEST", help="The image's digest, where the pin has one."
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="Say what changes, and write nothing."
    )
    parser.add_argument(
        "--all-options",
        action="store_true",
        help="List the options of vLLM that are gone, renamed or new.",
    )
    shared.profiles(parser)
    shared.as_json(parser)


def doctor(parser: Parser) -> None:
    """Add the options of `doctor`."""
    shared.profiles(parser)
    shared.as_json(parser)


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
        type=shared.folder("--out"),
        help="Write a file for each kind to this folder, such as profiles/schemas.",
    )


def completion(parser: Parser) -> None:
    """Add the arguments of `completion`."""
    parser.add_argument(
        "shell",
        metavar="SHELL",
        choices=SHELLS,
        help=f"The shell: {', '.join(SHELLS)}.",
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
