"""Options and arguments of the commands about models: `add`, `list`, `explain`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence

from ira_manifests.cli import rule_names
from ira_manifests.cli import shared_options as shared
from ira_manifests.cli.parser import Parser
from ira_manifests.errors import InputError
from ira_manifests.layout import MODEL_DOWNLOAD, SHARED

_MOST_TOKENS = 2**31


def add(parser: Parser) -> None:
    """Add the arguments of `add`."""
    parser.add_argument(
        "model_id",
        metavar="ORG/NAME",
        nargs="?",
        help="The model's id on the Hub, from which it is read. With --from, where the path has "
        "the id, it can be left out.",
    )
    _model_files(parser)
    parser.add_argument("--name", metavar="NAME", help="Name of the profile. [default: of NAME]")
    _wanted_cells(parser)
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
    shared.profiles(parser)
    shared.as_json(parser)


def list_(parser: Parser) -> None:
    """Add the arguments of `list`."""
    parser.add_argument(
        "model_id",
        metavar="ORG/NAME",
        nargs="?",
        help="Only this model, by its id on the Hub; without a profile, the cells that `add` would "
        "write. [default: all models]",
    )
    _model_files(parser)
    _wanted_cells(parser)
    parser.finish = _listed
    shared.profiles(parser)
    shared.environments(parser)
    shared.names(parser)
    shared.as_json(parser)


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
    _model_files(parser)
    _wanted_cells(parser)
    shared.profiles(parser)
    shared.environments(parser)
    shared.names(parser)
    shared.as_json(parser)
    parser.finish = _explained


def _explained(given: argparse.Namespace) -> None:
    """Parse a rule, by its id or name, or a directory; what is left names a cell or a model."""
    given.rule = given.field = given.directory = None
    if not given.words:
        if given.source is None:
            raise InputError("the following arguments are required: GPU/MODEL (see explain --help)")
        return
    first, *more = given.words
    directory = first.rstrip("/").rpartition("/")[2]
    if directory in (MODEL_DOWNLOAD, SHARED) or directory.startswith(f"{MODEL_DOWNLOAD}-"):
        given.directory, given.field = directory, only_field(more)
        return
    given.rule = _rule(first)
    if given.rule is not None and more:
        raise InputError(f"unexpected argument after a rule: {more[0]!r}")


def _rule(word: str) -> str | None:
    """Return the id of the rule that a word names, or None where it names none."""
    is_id = re.fullmatch(r"(?i)ira[0-9]+", word)
    if not is_id and ("-" not in word or "/" in word):  # the name of every rule has a hyphen
        return None
    found = rule_names.id_of(word)
    if is_id and found is None:
        raise rule_names.unknown(word)
    return found


def _model_files(parser: Parser) -> None:
    """Add the options that say where a model's files are."""
    parser.add_argument(
        "--from",
        dest="source",
        metavar="FOLDER|FILE",
        type=shared.folder("--from"),
        help="Instead of the Hub, read a folder with the model's config.json, or such a file "
        "alone. Beside it are read hf_quant_config.json, and the index and headers of its "
        "safetensors.",
    )
    parser.add_argument(
        "--revision",
        metavar="REVISION",
        help="A branch, tag or commit on the Hub. [default: main]",
    )


def _wanted_cells(parser: Parser) -> None:
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


def _tokens(value: str) -> int:
    if not value.isascii() or not value.isdigit() or not 0 < int(value[:10]) < _MOST_TOKENS:
        raise InputError(f"--max-model-len is {value[:60]!r}; give a number of tokens: 131072")
    return int(value)


def only_field(words: Sequence[str]) -> str | None:
    """Return the field that words name; raises `InputError` for more than one."""
    if len(words) > 1:
        raise InputError(f"unexpected argument: {words[1]!r}")
    return words[0] if words else None
