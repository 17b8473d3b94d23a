"""Types of the serving fields that go to the Pod as Kubernetes has them, and of its rollout.

Volumes, mounts and containers are Kubernetes' own objects. Their keys and types are checked with
the table of `kubernetes.fields`; names and mount paths must not be those of the construct.
"""

# No annotations from __future__ here: pydantic would have to evaluate their text at every start.
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails

from ira_manifests.errors import one_of
from ira_manifests.kubernetes import fields, names
from ira_manifests.kubernetes.fields import Wrong
from ira_manifests.layout import MOUNT_ROOT
from ira_manifests.profiles.base import Profile
from ira_manifests.profiles.fields import LabelKey
from ira_manifests.profiles.forms import refuse
from ira_manifests.profiles.serving_objects import PodCount

OWN_CONTAINERS = ("inference-server", "fetch-safetensors")
"""The containers of the construct."""
OWN_VOLUMES = ("gcsfuse", "dshm", "tmp")
"""The volumes of the construct, which further containers can mount as well; `tmp` is there if the
engine's root file system is read-only."""
_OF_GKE = "gke-gcsfuse-"
"""The beginning of the names of what GKE adds for Cloud Storage FUSE."""
_SHARED_MEMORY, _TEMPORARY = "/dev/shm", "/tmp"  # noqa: S108  mount paths
_GPUS = "nvidia.com/"
_PROBES = ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")


class Strategy(Profile):
    """How a rollout replaces the Pods."""

    type: Literal["recreate", "rolling-update"]
    """`recreate`: all Pods end, then the new ones start. `rolling-update`: Pods are replaced in
    steps."""
    max_surge: PodCount | None = None
    """Pods that a rolling update may add before old ones end, each with GPUs of its own: a number,
    or a share such as 50%; 0 by default."""
    max_unavailable: PodCount | None = None
    """Pods that may be missing during a rolling update, in the same form; 1 by default."""
    min_ready_seconds: Annotated[int, Field(ge=0, le=3600)] | None = None
    """Seconds for which a new Pod must be ready before it counts as available; the deadline of the
    rollout is later by as much."""

    @model_validator(mode="after")
    def _limits(self) -> Self:
        given = [name for name in ("max_surge", "max_unavailable") if getattr(self, name)]
        if self.type == "recreate" and given:
            raise refuse(f"has {given[0]}, which is of type: rolling-update alone")
        zero = ("0", "0%")
        if self.type == "rolling-update" and self.surge in zero and self.unavailable in zero:
            raise refuse("has max_surge and max_unavailable of 0; one of them must be above 0")
        return self

    @property
    def surge(self) -> str:
        """What `max_surge` is, or its default."""
        return self.max_surge or "0"

    @property
    def unavailable(self) -> str:
        """What `max_unavailable` is, or its default."""
        return self.max_unavailable or "1"


class TopologySpread(Profile):
    """How the Pods of the workload are spread over zones, nodes or other parts of the cluster."""

    topology_key: LabelKey
    """The label of nodes whose values are the parts, such as topology.kubernetes.io/zone."""
    max_skew: Annotated[int, Field(ge=1, le=1000)] = 1
    """How many Pods more than the emptiest part any other may have."""
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"] = "ScheduleAnyway"
    """Whether a Pod waits for a node in the right part, or takes another one."""


def plain(value: Any) -> Any:
    """Return a value of a profile as JSON has it: lists for tuples, no `Decimal`."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [plain(inner) for inner in value]
    return value


def raise_all(wrong: list[Wrong]) -> None:
    """Raise the errors of a value, if there are any, each at its path inside the value."""
    details = [
        InitErrorDetails(
            type=refuse(each.message),
            # In square brackets, as pydantic marks keys: see the loader.
            loc=(*each.path, "[key]") if each.is_key else each.path,
            input=None,
        )
        for each in wrong
    ]
    if details:
        raise ValidationError.from_exception_data("value", details)


@dataclass(frozen=True, eq=False)
class KubernetesObject:
    """What objects of a type of Kubernetes a field takes.

    Attributes:
        kind: a type of `kubernetes.fields`.
        check: yields what is wrong with an object whose keys and types are right.
        needs: required keys that are optional in Kubernetes.
    """

    kind: str
    check: Callable[[dict[str, Any]], Iterator[Wrong]]
    needs: tuple[str, ...] = ()

    def validate(self, value: Any) -> Any:
        """Check an object, and return it as JSON has it."""
        found = plain(value)
        wrong = list(fields.wrong(self.kind, found))
        raise_all([*(wrong or self.check(found)), *self._missing(found)])
        return found

    def _missing(self, value: Any) -> Iterator[Wrong]:
        if isinstance(value, dict):
            yield from (Wrong((key,), "is missing") for key in self.needs if key not in value)


def _kubernetes(*given: Any) -> BeforeValidator:
    return BeforeValidator(KubernetesObject(*given).validate)


def _name(value: dict[str, Any], own: tuple[str, ...]) -> Iterator[Wrong]:
    problem = names.check_rfc1123_label(value["name"])
    if problem:
        yield Wrong(("name",), f"{value['name'][:100]!r} {problem}")
    elif value["name"] in own or value["name"].startswith(_OF_GKE):
        listed = one_of([*own, f"{_OF_GKE}…"])
        yield Wrong(("name",), f"is {value['name']}, and {listed} are taken; choose another name")


def _volume(value: dict[str, Any]) -> Iterator[Wrong]:
    yield from _name(value, OWN_VOLUMES)
    sources = [key for key in value if key != "name"]
    if len(sources) != 1:
        found = one_of(sources) if sources else "none"
        yield Wrong((), f"needs exactly one source, such as configMap or emptyDir, and has {found}")


def _mount(value: dict[str, Any]) -> Iterator[Wrong]:
    path = value["mountPath"]
    if not path.startswith("/") or ":" in path:
        yield Wrong(("mountPath",), f"{path[:100]!r} is not an absolute path without a colon")


def _server_mount(value: dict[str, Any]) -> Iterator[Wrong]:
    yield from _mount(value)
    path = value["mountPath"].rstrip("/") + "/"
    for own in (MOUNT_ROOT, _SHARED_MEMORY, _TEMPORARY):
        inside = own == MOUNT_ROOT and path.startswith(f"{own}/")
        if f"{own}/".startswith(path) or inside:
            message = f"is {value['mountPath']}, which hides what the construct mounts at {own}"
            yield Wrong(("mountPath",), f"{message}; choose another path")


def _container(value: dict[str, Any]) -> Iterator[Wrong]:
    yield from _any_container(value)
    if "restartPolicy" in value:
        message = "is of init containers; move a sidecar with it to init_containers"
        yield Wrong(("restartPolicy",), message, is_key=True)


def _init_container(value: dict[str, Any]) -> Iterator[Wrong]:
    yield from _any_container(value)
    policy = value.get("restartPolicy")
    if policy not in (None, "Always"):
        message = f"is {policy!r}; an init container has Always, which makes it a sidecar, or none"
        yield Wrong(("restartPolicy",), message)
    for probe in _PROBES if policy is None else ():
        if probe in value:
            message = "is of containers that go on running; add restartPolicy: Always, or drop it"
            yield Wrong((probe,), message, is_key=True)


def _any_container(value: dict[str, Any]) -> Iterator[Wrong]:
    yield from _name(value, OWN_CONTAINERS)
    for index, mount in enumerate(value.get("volumeMounts", [])):
        for each in _mount(mount):
            yield each._replace(path=("volumeMounts", index, *each.path))
    for part in ("requests", "limits"):
        for key, amount in value.get("resources", {}).get(part, {}).items():
            if key.startswith(_GPUS):
                message = "can't be given to another container: the GPUs are the server's"
                yield Wrong(("resources", part, key), message, is_key=True)
            elif key in _CHECKS and (problem := _CHECKS[key](str(amount))):
                yield Wrong(("resources", part, key), f"{str(amount)[:60]!r} {problem}")


_CHECKS = {"cpu": names.check_cpu, "memory": names.check_bytes}

Volume = Annotated[dict[str, Any], _kubernetes("Volume", _volume)]
"""A volume with its name and one source, in Kubernetes' own spelling."""
VolumeMount = Annotated[dict[str, Any], _kubernetes("VolumeMount", _server_mount)]
"""A mount of a volume, in Kubernetes' own spelling; not below `/gcs`, `/dev/shm` or `/tmp`."""
Container = Annotated[dict[str, Any], _kubernetes("Container", _container, ("image",))]
"""A container with its name and its image, in Kubernetes' own spelling."""
InitContainer = Annotated[dict[str, Any], _kubernetes("Container", _init_container, ("image",))]
"""A container that may also have restartPolicy: Always, in Kubernetes' own spelling."""
