"""The commands. The module of one is imported when it is called, so that --help costs nothing."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NamedTuple

from ira_manifests.cli import options, terminal
from ira_manifests.cli.common import BAD_INPUT
from ira_manifests.errors import InputError, did_you_mean

_WHAT = "GPU × model profiles to the exact kustomize directories that serve open models on GKE."


class Command(NamedTuple):
    """What a command takes and what its help says. Its function is `command` in its module."""

    options: Callable[[options.Parser], None]
    summary: str
    more: str = ""
    refused: Callable[[Sequence[str], InputError], None] | None = None
    """What is done with words that are no options, before the error is printed."""


def _document(words: Sequence[str], error: InputError) -> None:
    """Print words that are no options of `check` in the format that they ask for."""
    output_format = options.format_of(words)
    if output_format != options.FORMATS[0]:
        from ira_manifests.cli import check

        check.tell(error, output_format)


COMMANDS = {
    "synth": Command(
        options.synth,
        "Write the kustomize directories of the matrix.",
        "Nothing is written when a rule refuses a cell: see check.",
    ),
    "check": Command(
        options.check,
        "Check profiles, cells, rendered objects, and whether the output is stale.",
        "Exits with 0 where there are no findings but warnings, with 1 where there are errors, "
        "with 2 where a profile, an option or a user's file can't be used. "
        "explain RULE, such as explain IRA012, says what a finding means.",
        _document,
    ),
    "list": Command(
        options.list_,
        "Show the matrix: what each cell runs on, and whether it fits.",
        "Below it stand the pairs of GPU type and model that are not in the matrix, and why.",
    ),
    "explain": Command(
        options.explain,
        "Explain a cell (where its memory goes, what limits it, where values come from) or a rule.",
    ),
}


def run(program: str, words: Sequence[str]) -> int:
    """Run the command that the words name, and return its exit code.

    Raises `InputError` for words that are no command's, and `SystemExit` after --help.
    """
    if not words or words[0].startswith("-"):
        return _without_command(program, words)
    name, *rest = words
    if name not in COMMANDS:
        known = ", ".join(COMMANDS)
        raise InputError(
            f"no such command: {name!r}; there are {known}{did_you_mean(name, COMMANDS)}"
        )
    command = COMMANDS[name]
    parser = options.Parser(f"{program} {name}", f"{command.summary} {command.more}")
    command.options(parser)
    try:
        given = parser.parse(rest)
    except InputError as error:
        if command.refused is not None:
            command.refused(rest, error)
        raise
    code: int = import_module(f"ira_manifests.cli.{name}").command(**vars(given))
    return code


def _without_command(program: str, words: Sequence[str]) -> int:
    parser = options.Parser(program, _WHAT)
    parser.add_argument("--version", action="store_true", help="Print the version.")
    listed = parser.add_subparsers(
        title="commands", metavar="COMMAND", parser_class=argparse.ArgumentParser
    )
    for name, command in COMMANDS.items():
        listed.add_parser(name, help=command.summary)
    if parser.parse(words).version:
        from ira_manifests import __version__

        terminal.say(__version__)
        return 0
    parser.print_help(sys.stderr)
    return BAD_INPUT
