"""What `list` and `explain` are asked about a model by its id."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ira_manifests.errors import did_you_mean
from ira_manifests.kubernetes import names
from ira_manifests.layout import CELLS

if TYPE_CHECKING:
    from ira_manifests.profiles.matrix import Matrix


@dataclass(frozen=True)
class Question:
    """A model, and which cells of it are wanted.

    Attributes:
        model_id: its id on the Hub; None where the path of its files tells it.
        source: its files; None for those on the Hub.
        gpus: GPU types to look at; empty for all.
        max_model_len: the context that each cell must serve; None takes the longest that fits.
        revision: of the files on the Hub; None for main.
    """

    model_id: str | None
    source: Path | None = None
    gpus: tuple[str, ...] = ()
    max_model_len: int | None = None
    revision: str | None = None

    @property
    def is_of_files(self) -> bool:
        """Whether new cells are wanted, even if the model has a profile."""
        return any(each is not None for each in (self.source, self.revision, self.max_model_len))

    @property
    def options(self) -> tuple[str, ...]:
        """The options that are given; each needs a model's id."""
        given = {
            "--from": self.source is not None,
            "--revision": self.revision is not None,
            "--gpu": bool(self.gpus),
            "--max-model-len": self.max_model_len is not None,
        }
        return tuple(option for option, is_given in given.items() if is_given)


def names_model(matrix: Matrix, word: str) -> bool:
    """Return whether a word is the id of a model, and not the name of a cell or a directory.

    What may be a misspelt cell is no id: a GPU type that is nearly one of the matrix, or a model of
    the matrix behind the slash.
    """
    org, slash, name = word.partition("/")
    if not slash or names.check_hub_id(word) is not None:
        return False
    gpus, models = matrix.profiles.gpus, matrix.profiles.models
    is_cell = org in gpus or bool(did_you_mean(org, gpus)) or name in models
    return not is_cell and not name.startswith(CELLS)
