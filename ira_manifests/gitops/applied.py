"""Which directories a controller applies, and after which others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from ira_manifests.kubernetes.patterns import MAX_LABEL
from ira_manifests.layout import CELLS, download_name
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.controllers import Controller

_HASH = 8


@dataclass(frozen=True)
class OfModel:
    """The directories of one model."""

    name: str
    cells: tuple[Cell, ...]

    @property
    def download(self) -> str:
        """The directory whose Job copies the model to the bucket."""
        return download_name(self.name)

    @property
    def serving(self) -> tuple[str, ...]:
        """The directories that serve it, which need the download."""
        return tuple(name for cell in self.cells for name in cell.directories)


def models(cells: Sequence[Cell]) -> list[OfModel]:
    """Return the models of some cells, sorted by name."""
    names = sorted({cell.model_name for cell in cells})
    return [
        OfModel(name, tuple(cell for cell in cells if cell.model_name == name)) for name in names
    ]


@dataclass(frozen=True)
class Place:
    """Where a controller finds the output, and how it names its objects."""

    controller: Controller
    environment: str

    @property
    def prefix(self) -> str:
        """How names of objects begin."""
        return self.controller.prefix or self.environment or "ira"

    def path(self, directory: str) -> str:
        """Return the path of a directory in the repository."""
        parts = [self.controller.path, self.environment, directory]
        return "/".join(part for part in parts if part not in {"", "."})

    def name(self, directory: str) -> str:
        """Return the name of the object for a directory.

        It is the value of a label on all that the controller applies, so it has 63 characters at
        most: a longer one is cut, and ends in a hash.
        """
        return capped(f"{self.prefix}-{directory.removeprefix(CELLS)}")


def capped(name: str) -> str:
    """Return a name that fits in a label's value."""
    if len(name) <= MAX_LABEL:
        return name
    digest = sha256(name.encode()).hexdigest()[:_HASH]
    return f"{name[: MAX_LABEL - _HASH - 1].rstrip('-')}-{digest}"
