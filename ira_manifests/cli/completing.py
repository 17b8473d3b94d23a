"""Answers a shell that completes a command line: commands, options, files, and names of profiles.

The shell runs the program with variables of argcomplete, which finds the word to complete in them,
calls the functions below for values of arguments, and ends the process. Whatever can't be read is
not offered: a shell shows no errors.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ira_manifests.cli import app
from ira_manifests.cli.parser import Parser
from ira_manifests.errors import IraError
from ira_manifests.layout import MODEL_DOWNLOAD, SHARED

if TYPE_CHECKING:
    from ira_manifests.profiles.matrix import Matrix

_Names = Callable[["Matrix", argparse.Namespace], Iterable[str]]


def run(program: str) -> None:
    """Print what the words of the shell can be completed to, and end the process."""
    import argcomplete

    argcomplete.autocomplete(_parser(program), always_complete_options=False)


def _parser(program: str) -> Parser:
    """Return a parser of the whole command line: the program's options and all commands."""
    parser = app.parser_without_command(program)
    actions = parser._actions  # noqa: SLF001  as argcomplete itself does
    (commands,) = (each.choices for each in actions if isinstance(each.choices, dict))
    for name in app.COMMANDS:
        commands[name] = app.parser_of(program, name)
        _offer_names(commands[name])
    return parser


def _offer_names(parser: argparse.ArgumentParser) -> None:
    from argcomplete.completers import DirectoriesCompleter, FilesCompleter

    for action in parser._actions:  # noqa: SLF001
        completer: Any = None
        if action.dest in _NAMES:
            completer = _of_matrix(_NAMES[action.dest])
        elif action.dest in ("folder", "out", "profiles_folder"):
            completer = DirectoriesCompleter()
        elif action.dest in ("source", "terraform_output"):
            completer = FilesCompleter()
        elif not action.choices:
            completer = _nothing
        action.completer = completer  # type: ignore[attr-defined]


def _nothing(**_given: Any) -> tuple[str, ...]:
    """Offer nothing, for values that only the user knows: without a completer, it is files."""
    return ()


def _of_matrix(names: _Names) -> Callable[..., list[str]]:
    """Return a completer of names in the profiles that the command line reads."""

    def complete(*, parsed_args: argparse.Namespace, **_more: Any) -> list[str]:
        from ira_manifests.loading import load_matrix
        from ira_manifests.profiles.loader import find_folder

        folder: Path | None = getattr(parsed_args, "profiles_folder", None)
        try:
            matrix = load_matrix(find_folder(folder))
            return sorted(set(names(matrix, parsed_args)))
        except (IraError, OSError):
            return []

    return complete


def _cells(matrix: Matrix, _given: argparse.Namespace) -> Iterator[str]:
    for cell in matrix.values():
        yield cell.name
        yield f"{cell.gpu_name}/*"


def _gpus(matrix: Matrix, _given: argparse.Namespace) -> Iterable[str]:
    return matrix.profiles.gpus


def _models(matrix: Matrix, _given: argparse.Namespace) -> Iterable[str]:
    return matrix.profiles.models


def _model_ids(matrix: Matrix, _given: argparse.Namespace) -> Iterator[str]:
    return (model.model_id for model in matrix.profiles.models.values())


def _environments(_matrix: Matrix, given: argparse.Namespace) -> list[str]:
    from ira_manifests.profiles import environments
    from ira_manifests.profiles.loader import find_folder

    return environments.names_in(find_folder(getattr(given, "profiles_folder", None)))


def _releases(_matrix: Matrix, _given: argparse.Namespace) -> Iterable[str]:
    from ira_manifests import vllm

    return vllm.releases()


def _explained(matrix: Matrix, given: argparse.Namespace) -> Iterator[str]:
    """Yield what `explain` can be given next: a cell, the model of a GPU type, or a rule."""
    words = getattr(given, "words", None) or []
    if words:
        yield from (cell.model_name for cell in matrix.values() if [cell.gpu_name] == words)
        return
    from ira_manifests.rules import catalogue

    yield from (cell.name for cell in matrix.values())
    yield from (cell.gpu_name for cell in matrix.values())
    yield from catalogue.rules()
    yield MODEL_DOWNLOAD
    if matrix.platform.pruned:
        yield SHARED


_NAMES: dict[str, _Names] = {
    "engine": _releases,
    "environments": _environments,
    "gpus": _gpus,
    "model_id": _model_ids,
    "models": _models,
    "only": _cells,
    "words": _explained,
}
"""What values an argument can have, by the name of its value."""
