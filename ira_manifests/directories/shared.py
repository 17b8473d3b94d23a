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
from ira_manifests.profiles.matrix import Matrix

Json = dict[str, Any]

KINDS = frozenset({"ServiceAccount", "ExternalSecret", "SecretProviderClass"})
"""Kinds of which a directory has no object where the shared one has them."""


def shared(matrix: Matrix) -> Directory:
    """Return the directory with the shared objects of all cells and downloads, each once."""
    platform = matrix.platform
    made = list(model_download_job.objects(platform).values())
    of_download = [item for item in made if item["kind"] in KINDS]
    namespaces = platform.namespace, platform.download_namespace
    found = [
        *(_in(namespaces[0], item) for item in _accounts(matrix)),
        *(_in(namespaces[1], item) for item in of_download),
    ]
    objects = {_file(item, apart=namespaces[0] != namespaces[1]): item for item in found}
    # A kustomization would move every object into its namespace.
    common = namespaces[0] if namespaces[0] == namespaces[1] else None
    kustomization = Kustomization(namespace=common, resources=tuple(objects))
    directory = Directory(SHARED, kustomization, objects)
    return final(directory) if platform.rendered else directory


def _in(namespace: str | None, item: Json) -> Json:
    if namespace is None:
        return item
    return {**item, "metadata": {**item["metadata"], "namespace": namespace}}


def _accounts(matrix: Matrix) -> list[Json]:
    """Return the service accounts; cells that share one have the same labels and patches of it."""
    made = [vllm_deployment.service_account(cell) for cell in matrix.values()]
    return list({item["metadata"]["name"]: item for item in made}.values())


def _file(item: Json, *, apart: bool) -> str:
    """Return a file name of its own for each object. `apart`: whether there are two namespaces."""
    ending, metadata = OBJECT_FILES[item["kind"]], item["metadata"]
    if item["kind"] != "ServiceAccount":
        return ending
    place = f"-{metadata['namespace']}" if apart and "namespace" in metadata else ""
    return f"{ending.removesuffix('.yaml')}-{metadata['name']}{place}.yaml"
