"""The commands. A command's module is imported when it is called, so --help is fast."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NamedTuple

from ira_manifests.cli import model_options, options, shared_options, terminal, tree_options
from ira_manifests.cli.common import BAD_INPUT
from ira_manifests.cli.parser import Parser
from ira_manifests.errors import InputError, IraError, did_you_mean

_WHAT = "Generate kustomize directories that serve open models with vLLM on GKE."


class Command(NamedTuple):
    """Options and help of a command. Its function is `command` in its module.

    `module`: its name in `cli`. Default: the command's.
    """

    options: Callable[[Parser], None]
    summary: str
    more: str = ""
    refused: Callable[[Sequence[str], InputError], None] | None = None
    """Called with invalid arguments before the error is printed."""
    module: str = ""


def _document(words: Sequence[str], error: InputError) -> None:
    """Print an error in the arguments of `check` in the requested format."""
    output_format = shared_options.format_of(words)
    if output_format != shared_options.FORMATS[0]:
        from ira_manifests.cli import check

        check.tell(error, output_format)


COMMANDS = {
    "init": Command(
        options.init,
        "Make a folder a project: profiles, CI, hooks, settings of editors.",
        "Writes what is not there, and leaves every other file as it is. "
        "Example: init serving --gpu h100 --model llama3",
    ),
    "synth": Command(
        options.synth,
        "Write the kustomize directories of the matrix.",
        "Writes nothing if a rule of severity error fires: see check.",
    ),
    "check": Command(
        options.check,
        "Check profiles, cells, rendered objects, and whether the output is stale.",
        "Exit code 0: warnings at most; 1: errors; "
        "2: an unusable profile, option or user's file. "
        "To read about a rule, use explain RULE, such as explain IRA012.",
        _document,
    ),
    "diff": Command(
        options.diff,
        "Say what a change of profiles does to a cluster.",
        "Compares the profiles with those of a Git revision: which Pods are replaced, what has to "
        "be deleted first, which machines, GPUs and memory verdicts change. Writes nothing. "
        "Exit code 0, also with changes, unless --exit-code is given. Example: diff origin/main",
    ),
    "upgrade": Command(
        options.upgrade,
        "Pin another release of vLLM, and say what it changes for every cell.",
        "Memory before and after, findings of the rules, metrics that are renamed or gone, "
        "defaults that moved, CUDA and driver. Then the pin is edited, in platform.yaml or in the "
        "file of an environment; comments stay. An older release works as well. Exit code 0: no "
        "cell has an error; 1: one has, and the pin is written all the same; 2: input that can't "
        "be used. Example: upgrade --engine 0.33.0 --dry-run",
    ),
    "lint": Command(
        tree_options.lint,
        "Judge kustomizations and manifests that this project did not write.",
        "Kustomizations are built by kubectl or kustomize, which must be installed. Needs no "
        "profiles, no cluster and no network. Exit code 0: warnings at most; 1: errors; 2: input "
        "that can't be used. A comment `# ira: ignore IRA015 REASON` at a line, or above it, "
        "silences a rule there. Example: lint overlays/prod",
        _document,
    ),
    "import": Command(
        tree_options.import_,
        "Write profiles that make what a hand-written tree makes, and tell what differs.",
        "Reads kustomizations and manifests as lint does. Writes to a new folder, and overwrites "
        "nothing. Secrets are never copied. Exit code 0: the profiles make what the tree does; 1: "
        "they are written, and differences are listed; 2: input that can't be used. "
        "Example: import overlays --dry-run",
        module="importing",
    ),
    "add": Command(
        model_options.add,
        "Write the profile of a model on the Hub: geometry, weights, cells.",
        "Reads the model's configuration and the headers of its safetensors, not the weights. "
        "Adds a cell for each GPU type on which the model works, on the smallest machine and with "
        "the longest context that keep the margin. Never overwrites a profile; --update changes in "
        "one what the model's files decide, and exits with 1 if a cell no longer fits. "
        "Example: add --update Qwen/Qwen3-8B --dry-run",
    ),
    "list": Command(
        model_options.list_,
        "List all cells: the machine of each, and whether its model fits.",
        "Then list the pairs of GPU type and model without a cell, and why. "
        "A model without a profile is listed as add would write it, and nothing is written. "
        "Example: list Qwen/Qwen3-8B",
    ),
    "explain": Command(
        model_options.explain,
        "Explain a cell or a model (memory, limits, sources of values), a directory or a rule.",
        "A model without a profile is explained as add would write it, and nothing is written. "
        "Example: explain Qwen/Qwen3-8B --gpu h100",
    ),
    "schema": Command(
        options.schema,
        "Print the JSON Schemas of profiles, by which editors complete and check them.",
        "Profiles name them in their first line. Example: schema model",
    ),
    "doctor": Command(
        options.doctor,
        "Look for what the commands need: Node.js, profiles, cache, kubectl.",
        "Exit code 1 if something that the commands need is missing or can't be used.",
    ),
    "completion": Command(
        options.completion,
        "Print the script by which a shell completes commands, options and names.",
        'For bash, in ~/.bashrc: eval "$(ira-manifests completion bash)"; '
        'for zsh, in ~/.zshrc after compinit: eval "$(ira-manifests completion zsh)"; '
        "for fish, in ~/.config/fish/config.fish: ira-manifests completion fish | source",
    ),
}


def run(program: str, words: Sequence[str]) -> int:
    """Run the command that the arguments name, and return its exit code.

    Raises `InputError` for invalid arguments, and `SystemExit` after --help.
    """
    if not words or words[0].startswith("-"):
        return _without_command(program, words)
    name, *rest = words
    if name not in COMMANDS:
        known = ", ".join(COMMANDS)
        raise InputError(
            f"no such command: {name!r}; there are {known}{did_you_mean(name, COMMANDS)}"
        )
    command, parser = COMMANDS[name], parser_of(program, name)
    try:
        given = parser.parse(rest)
    except InputError as error:
        if command.refused is not None:
            command.refused(rest, error)
        elif "--json" in rest and "--json" in parser.format_usage():
            _say_problems(error)
        raise
    values = vars(given)
    terminal.colour(values.pop("color"))
    function: Callable[..., int] = import_module(module_of(name)).command
    try:
        return function(**values)
    except IraError as error:
        if values.get("as_json"):
            _say_problems(error)
        raise


def _say_problems(error: IraError) -> None:
    """Print an error as a document as well, for whoever parses the output."""
    from ira_manifests.cli import documents
    from ira_manifests.rules.bad_input import bad_input

    documents.say({"problems": documents.findings(bad_input(error))})


def module_of(name: str) -> str:
    """Return the module of a command."""
    return f"ira_manifests.cli.{COMMANDS[name].module or name}"


def parser_of(program: str, name: str) -> Parser:
    """Return the parser of a command."""
    command = COMMANDS[name]
    parser = Parser(f"{program} {name}", f"{command.summary} {command.more}")
    command.options(parser)
    options.color(parser)
    return parser


def parser_without_command(program: str) -> Parser:
    """Return a parser of the program's own options, which lists the commands."""
    parser = Parser(program, _WHAT)
    parser.add_argument("--version", action="store_true", help="Print the version.")
    listed = parser.add_subparsers(
        title="commands", metavar="COMMAND", parser_class=argparse.ArgumentParser
    )
    for name, command in COMMANDS.items():
        listed.add_parser(name, help=command.summary)
    return parser


def _without_command(program: str, words: Sequence[str]) -> int:
    parser = parser_without_command(program)
    if parser.parse(words).version:
        from ira_manifests import __version__

        terminal.say(__version__)
        return 0
    parser.print_help(sys.stderr)
    return BAD_INPUT
