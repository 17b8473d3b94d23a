"""The disk that holds a model's files before they are uploaded, and the sources of its fields.

It is a claim beside the Job. What prunes would make that again when a user deletes it, and can't
change it. So there it is a volume that the Pod makes itself, and that goes with the Pod:
https://kubernetes.io/docs/concepts/storage/ephemeral-volumes/#generic-ephemeral-volumes
"""

from __future__ import annotations

from collections.abc import Mapping

from ira_manifests.constructs.manifests import parts
from ira_manifests.constructs.manifests.download_containers import POD, PROFILE
from ira_manifests.constructs.manifests.parts import Json
from ira_manifests.constructs.manifests.sources import Source, source
from ira_manifests.profiles.platform import Platform

# The FUSE sidecar writes files to the volume of this name before it uploads them.
_VOLUME = "gke-gcsfuse-buffer"


def objects(platform: Platform, name: str, labels: Mapping[str, str]) -> dict[str, Json]:
    """Return the claim, by its id in the construct; nothing where the Pod makes its own."""
    if platform.pruned:
        return {}
    spec = {"spec": _spec(platform)}
    return {"Buffer": parts.manifest("v1", "PersistentVolumeClaim", name, labels, spec)}


def volume(platform: Platform, name: str, labels: Mapping[str, str]) -> Json:
    """Return the volume of the Pod. `name`: the claim's."""
    if not platform.pruned:
        return {"name": _VOLUME, "persistentVolumeClaim": {"claimName": name}}
    template = {"metadata": {"labels": dict(labels)}, "spec": _spec(platform)}
    return {"name": _VOLUME, "ephemeral": {"volumeClaimTemplate": template}}


def _spec(platform: Platform) -> Json:
    download = platform.model_download
    return {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": download.storage_class,
        "resources": {"requests": {"storage": download.storage}},
    }


_CLAIM = "PersistentVolumeClaim"
_OF_VOLUME = f"{POD}.volumes[{_VOLUME}]"
_TEMPLATE = f"{_OF_VOLUME}.ephemeral.volumeClaimTemplate"


def _of_spec(platform: Platform) -> str:
    return f"{_TEMPLATE}.spec" if platform.pruned else f"{_CLAIM} spec"


def from_profiles(platform: Platform) -> list[Source]:
    """Return the rows of values from profiles."""
    spec = _of_spec(platform)
    return [
        source(f"{PROFILE}.storage_class", f"{spec}.storageClassName", name="storage_class"),
        source(f"{PROFILE}.storage", f"{spec}.resources.requests.storage", name="storage"),
    ]


def sources(platform: Platform, namespace: str) -> list[Source]:
    """Return the rows of all other values. `namespace`: the source of the claim's."""
    rows = [
        source("the construct: Cloud Storage FUSE writes files there before it uploads them",
               _OF_VOLUME),
        source("the construct: the disk of one Pod", f"{_of_spec(platform)}.accessModes"),
    ]  # fmt: skip
    if platform.pruned:
        return [*rows, source(parts.LABELS, f"{_TEMPLATE}.metadata.labels")]
    return [
        *rows,
        *parts.described(_CLAIM),
        source(namespace, f"{_CLAIM} metadata.namespace"),
        source("the construct: the Job's name", f"{_CLAIM} metadata.name"),
    ]
