"""The cell that the words of `explain` name: by its pair, or by a directory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ira_manifests.cli.model_options import only_field
from ira_manifests.errors import InputError, did_you_mean, one_of
from ira_manifests.layout import MODEL_DOWNLOAD

if TYPE_CHECKING:
    from ira_manifests.profiles.matrix import Matrix


def pair_and_field(matrix: Matrix, words: Sequence[str]) -> tuple[tuple[str, str], str | None]:
    """Return GPU type and model of a cell, which the matrix may not have, and a field.

    Words are "h100/llama3 FIELD", "h100 llama3 FIELD" or "DIRECTORY FIELD", where the directory may
    be written as a path. Raises `InputError` for a word that names no pair.
    """
    first, *more = words
    by_directory = {name: cell.key for cell in matrix.values() for name in cell.directories}
    key = by_directory.get(first.rstrip("/").rpartition("/")[2])
    if key is not None:
        return key, only_field(more)
    gpu, slash, model = first.partition("/")
    named = [gpu, model, *more] if slash else words
    unknown = gpu not in matrix.profiles.gpus
    if len(named) < len(("GPU", "MODEL")) or (unknown and gpu in matrix.profiles.models):
        raise InputError(_which(matrix, first))
    return (named[0], named[1]), only_field(named[2:])


def _which(matrix: Matrix, word: str) -> str:
    """Return what a word that is no pair may mean."""
    cells = [cell.name for cell in matrix.values() if word in cell.key]
    if cells:
        kind = "GPU type" if word in matrix.profiles.gpus else "model"
        return f"{word!r} is a {kind}; name one of its cells: {one_of(cells)}"
    known = [MODEL_DOWNLOAD, *matrix.profiles.gpus, *matrix.profiles.models]
    for cell in matrix.values():
        known += [cell.name, *cell.directories]
    example = next((cell.name for cell in matrix.values()), "GPU/MODEL")
    guess = did_you_mean(word, known) or f": name a cell such as {example}, or a rule"
    return f"{word!r} is not a cell or a rule{guess}"
