"""The directory of the objects that several directories need, where something prunes.

In two directories, such an object would have two owners, and the removal of one directory would
take from the other what it needs.
"""

from __future__ import annotations

from typing import Any

from ira_manifests.constructs.manifests import model_download_job, vllm_deployment
from ira_manifests.directories.final import final
from ira_manifests.layout import OBJECT_FILES, SHARED
from ira_manifests.output.directory import Directory
from ira_manifests.output.kustomize import Kustomization
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix

Json = dict[str, Any]

KINDS = frozenset({"ServiceAccount", "ExternalSecret", "SecretProviderClass"})
"""Kinds of which a directory has no object where the shared one has them."""


def shared(matrix: Matrix) -> Directory:
    """Return the directory with the shared objects of all cells and downloads, each once."""
    platform = matrix.platform
    objects = {file: item for file, (item, _) in with_owners(matrix).items()}
    # A kustomization would move every object into its namespace.
    is_one = platform.namespace == platform.download_namespace
    common = platform.namespace if is_one else None
    kustomization = Kustomization(namespace=common, resources=tuple(objects))
    directory = Directory(SHARED, kustomization, objects)
    return final(directory) if platform.rendered else directory


def with_owners(matrix: Matrix) -> dict[str, tuple[Json, Cell | None]]:
    """Return the shared objects by file name, each with its first cell; None: of the downloads."""
    platform = matrix.platform
    made = model_download_job.objects(platform).values()
    of_download = [item for item in made if item["kind"] in KINDS]
    namespaces = platform.namespace, platform.download_namespace
    found: list[tuple[Json, Cell | None]] = [
        *((_in(namespaces[0], item), cell) for item, cell in _accounts(matrix)),
        *((_in(namespaces[1], item), None) for item in of_download),
    ]
    apart = namespaces[0] != namespaces[1]
    return {_file(item, apart=apart): (item, cell) for item, cell in found}


def _in(namespace: str | None, item: Json) -> Json:
    if namespace is None:
        return item
    return {**item, "metadata": {**item["metadata"], "namespace": namespace}}


def _accounts(matrix: Matrix) -> list[tuple[Json, Cell]]:
    """Return the service accounts; cells that share one have the same labels and patches of it."""
    found: dict[str, tuple[Json, Cell]] = {}
    for cell in matrix.values():
        made = vllm_deployment.service_account(cell)
        found.setdefault(made["metadata"]["name"], (made, cell))
    return list(found.values())


def _file(item: Json, *, apart: bool) -> str:
    """Return a file name of its own for each object. `apart`: whether there are two namespaces."""
    ending, metadata = OBJECT_FILES[item["kind"]], item["metadata"]
    if item["kind"] != "ServiceAccount":
        return ending
    place = f"-{metadata['namespace']}" if apart and "namespace" in metadata else ""
    return f"{ending.removesuffix('.yaml')}-{metadata['name']}{place}.yaml"
