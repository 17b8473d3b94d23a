"""Names after content, for objects whose spec the API server takes no change of.

Where something applies the output and removes what is no longer in it, a changed object is a new
one, and the old one goes: https://kubernetes.io/docs/concepts/workloads/controllers/job/.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ira_manifests.constructs.manifests import parts
from ira_manifests.kubernetes import queued_capacity as queued
from ira_manifests.kubernetes.patterns import MAX_LABEL

Json = dict[str, Any]

_TTL = "ttlSecondsAfterFinished"
_HASHED = 8  # hexadecimal digits


def named_after_shape(objects: Mapping[str, Json]) -> dict[str, Json]:
    """Return objects by file name, in which a Job's and a request's name ends in a hash.

    The Pods consume the request of the new name. A PodTemplate's name has such a hash already. The
    Job stays when it has ended: removed by its time to live, it would be made again.
    """
    found = {file: _named(item) for file, item in objects.items()}
    names = {
        objects[file]["metadata"]["name"]: item["metadata"]["name"]
        for file, item in found.items()
        if item["kind"] == "ProvisioningRequest"
    }
    return {file: _consuming(item, names) for file, item in found.items()} if names else found


def _named(item: Json) -> Json:
    if item["kind"] not in ("Job", "ProvisioningRequest"):
        return item
    spec = {key: value for key, value in item["spec"].items() if key != _TTL}
    suffix = f"-{parts.fingerprint(spec, _HASHED)}"
    name = item["metadata"]["name"][: MAX_LABEL - len(suffix)] + suffix
    return {**item, "metadata": {**item["metadata"], "name": name}, "spec": spec}


def _consuming(value: Any, names: Mapping[str, str]) -> Any:
    """Return a value in which Pods consume the requests of other names."""
    if isinstance(value, list):
        return [_consuming(each, names) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: names.get(each, each) if key == queued.CONSUME else _consuming(each, names)
        for key, each in value.items()
    }
