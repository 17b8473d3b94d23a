"""What of the profiles decides a directory, as text: equal texts give equal directories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ira_manifests.profiles import repositories

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ira_manifests.profiles.cell import Cell
    from ira_manifests.profiles.matrix import Matrix
    from ira_manifests.profiles.platform import Platform
    from ira_manifests.profiles.repositories import Download

# Fields of the platform that no object shows, or that `directories` puts in place of others. That
# there is a controller is seen, and not its settings.
_PLACED: dict[str, Any] = {
    "argo_cd": True,
    "bucket": True,
    "environments_only": True,
    "flux": True,
    "namespace": True,
}
_NOT_OF_CELL = {**_PLACED, "model_download": True}
_NOT_OF_DOWNLOAD = {
    **_PLACED,
    "engine": True,
    "fetch_safetensors": True,
    "inference": True,
    "model_download": {"namespace"},
    "queued_provisioning": True,
}


class Inputs:
    """Inputs of directories. A profile becomes text once, also where several matrices have it."""

    def __init__(self) -> None:
        self._texts: dict[tuple[int, int], tuple[BaseModel, str]] = {}
        self._repositories: dict[int, tuple[object, tuple[str, ...]]] = {}

    def of_platform(self, platform: Platform) -> str:
        """Return the whole platform."""
        return self._text(platform)

    def of_cell(self, cell: Cell) -> tuple[str, ...]:
        """Return what decides a cell's directories, beside the platform."""
        # Of the model's cells, it is the cell's own profile alone.
        profiles = self._text(cell.gpu), self._text(cell.profile), self._text(cell.model, _CELLS)
        return *cell.key, cell.model_name, *profiles

    def of_download(self, matrix: Matrix, download: Download) -> tuple[str, ...]:
        """Return what decides a download's directory, beside the platform."""
        return repr(download), *self.of_repositories(matrix)

    def of_repositories(self, matrix: Matrix) -> tuple[str, ...]:
        """Return what is downloaded of each repository of the models."""
        models = matrix.profiles.models
        if id(models) not in self._repositories:
            found = repositories.of_models(models.values()).values()
            self._repositories[id(models)] = models, tuple(map(repr, found))
        return self._repositories[id(models)][1]

    def of_models(self, matrix: Matrix) -> list[str]:
        """Return the models of a matrix's cells."""
        names = sorted({cell.model_name for cell in matrix.values()})
        return [self._text(matrix.profiles.models[name]) for name in names]

    def of_objects_of_cell(self, cell: Cell) -> tuple[str, ...]:
        """Return what decides a cell's objects, before they are put in place by `directories`."""
        # Only such patches see the namespace.
        namespace = str(cell.platform.namespace) if _copies_metadata(cell) else ""
        return self._seen(cell.platform, _NOT_OF_CELL), namespace, *self.of_cell(cell)

    def of_objects_of_download(self, matrix: Matrix, download: Download) -> tuple[str, ...]:
        """Return what decides a download's objects, before they are put in place."""
        of_platform = self._seen(matrix.platform, _NOT_OF_DOWNLOAD)
        return of_platform, *self.of_download(matrix, download)

    def _seen(self, platform: Platform, without: dict[str, Any]) -> str:
        return f"{self._text(platform, without)}{list(platform.controllers)}"

    def _text(self, profile: BaseModel, without: dict[str, Any] | None = None) -> str:
        key = id(profile), id(without)
        if key not in self._texts:
            # The profile is kept as well, so that no other one gets its id.
            self._texts[key] = profile, profile.model_dump_json(exclude=without)
        return self._texts[key][1]


_CELLS: dict[str, Any] = {"cells": True}


def _copies_metadata(cell: Cell) -> bool:
    operations = (each for patch in cell.settings.patches for each in patch.json_patch or ())
    return any(str(each.get("from", "")).startswith("/metadata") for each in operations)
