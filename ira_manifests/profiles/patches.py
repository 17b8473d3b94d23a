"""Patches of a cell's objects, as profiles give them."""

# No annotations from __future__ here: pydantic would have to evaluate their text at every start.
from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from ira_manifests.errors import did_you_mean, one_of
from ira_manifests.kubernetes.fields import Wrong
from ira_manifests.kubernetes.json_patch import OPERATIONS
from ira_manifests.profiles.base import Profile
from ira_manifests.profiles.fields import Subdomain
from ira_manifests.profiles.forms import checked, refuse
from ira_manifests.profiles.pod_fields import plain, raise_all

KINDS = frozenset(
    {
        "Deployment",
        "GCPBackendPolicy",
        "HTTPRoute",
        "HealthCheckPolicy",
        "HorizontalPodAutoscaler",
        "InferenceObjective",
        "InferencePool",
        "LeaderWorkerSet",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "PodMonitor",
        "PodMonitoring",
        "Service",
        "ServiceAccount",
    }
)
"""The kinds of a cell's objects that can be patched."""
_FOLLOWING = ("PodTemplate", "ProvisioningRequest")


def _check_kind(kind: str) -> str | None:
    if kind in _FOLLOWING:
        return "follows from the Deployment or LeaderWorkerSet; patch that"
    if kind not in KINDS:
        return f"is no kind that a cell has; known: {one_of(KINDS)}{did_you_mean(kind, KINDS)}"
    return None


def _operations(value: Any) -> Any:
    found = plain(value)
    if isinstance(found, list):
        raise_all(
            [wrong for number, each in enumerate(found) for wrong in _operation(number, each)]
        )
    return tuple(found) if isinstance(found, list) else found


def _operation(number: int, value: Any) -> Iterator[Wrong]:
    if not isinstance(value, dict):
        yield Wrong((number,), "is no operation such as {op: remove, path: /spec/replicas}")
        return
    if value.get("op") not in OPERATIONS:
        path = (number, "op") if "op" in value else (number,)
        yield Wrong(path, f"needs an op that is one of {one_of(OPERATIONS)}")
        return
    needed = OPERATIONS[value["op"]]
    for key in needed:
        if key not in value:
            yield Wrong((number, key), f"is missing, which {value['op']} needs")
    for key, given in value.items():
        if key not in ("op", *needed):
            message = f"is an unknown key of {value['op']}; allowed: {one_of(['op', *needed])}"
            yield Wrong((number, key), message, is_key=True)
        elif key in ("path", "from") and not _is_pointer(given):
            yield Wrong((number, key), "is no path such as /spec/template/spec/hostNetwork")


def _is_pointer(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("/")


Operations = Annotated[tuple[dict[str, Any], ...], BeforeValidator(_operations)]
PartialObject = Annotated[dict[str, Any], BeforeValidator(plain)]


class Patch(Profile):
    """A change of one object of a cell, before it is checked and written."""

    kind: Annotated[str, checked(_check_kind, "|".join(sorted(KINDS)))]
    """The kind of the object."""
    name: Subdomain | None = None
    """Its name; without it, every object of the kind."""
    json_patch: Annotated[Operations, Field(max_length=100)] | None = None
    """Operations of a JSON patch (RFC 6902), each with op, path and value or from."""
    strategic_merge: PartialObject | None = None
    """A part of the object, which is merged into it; null deletes."""

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.json_patch is None) == (self.strategic_merge is None):
            raise refuse("needs exactly one of json_patch and strategic_merge")
        if not (self.json_patch or self.strategic_merge):
            raise refuse("changes nothing; write what it changes, or drop it")
        return self
