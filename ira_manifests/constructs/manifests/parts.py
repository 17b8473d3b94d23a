"""Shared parts of manifests: names that users rely on, labels, and fragments of objects."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ira_manifests.constructs.manifests.sources import Source, source
from ira_manifests.kubernetes import labels as keys
from ira_manifests.layout import mount_path
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.env import EnvSource
from ira_manifests.profiles.platform import Platform, Toleration
from ira_manifests.profiles.repositories import Beside, volumes

# The walkthrough's name of what kustomize generates from the user's env file.
CONFIG_MAP = "ira-model-configmap"

# Kustomize replaces this with the bucket's name; no bucket name contains '<'.
BUCKET_PLACEHOLDER = "<IRA_BUCKET_NAME>"

# Texts that several tables of sources use.
KIND = "the construct: the object's kind"
LABELS = "the construct: the labels that Kubernetes recommends"
CONFIG = "the construct: read from the ConfigMap, which is named after its content"
SECURITY = "the construct: Pod Security restricted"
VOLUME = "the construct: the bucket's mount, for reading"
SIDECAR = "the construct: what the Cloud Storage FUSE driver expects"
API_SERVER = "the construct: nobody asks the API server"
WALKTHROUGH = "the construct: the walkthrough's name"
REFERENCE = "the construct: the reference architecture's"
_CHART = "the namespace of the chart"

BUCKET_VOLUME = "gcsfuse"

_SCRIPTS = Path(__file__).parents[1] / "scripts"

Json = dict[str, Any]


def manifest(
    api_version: str,
    kind: str,
    name: str,
    object_labels: Mapping[str, str],
    body: Mapping[str, Any],
    annotations: Mapping[str, str] | None = None,
) -> Json:
    """Return one complete object. `body` holds its top-level keys besides metadata."""
    # In the order of cdk8s, which sorts only the keys of metadata.
    noted = {"annotations": dict(sorted(annotations.items()))} if annotations else {}
    metadata = {**noted, "labels": dict(sorted(object_labels.items())), "name": name}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **body}


def described(*kinds: str) -> list[Source]:
    """Return the rows of the fields that all kinds of objects have: apiVersion, kind, labels."""
    identity = [f"{kind} {field}" for kind in kinds for field in ("apiVersion", "kind")]
    return [
        source(KIND, *identity),
        source(LABELS, *(f"{kind} metadata.labels" for kind in kinds)),
    ]


def labels(name: str, instance: str, component: str) -> dict[str, str]:
    """Return the labels that Kubernetes recommends for every object.

    https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/
    """
    return {
        keys.NAME: name,
        keys.INSTANCE: instance,
        keys.COMPONENT: component,
        keys.PART_OF: "online-inference-gpu",
        keys.MANAGED_BY: "ira-manifests",
    }


def bucket_label(bucket: str | None) -> dict[str, str]:
    """Return the label with the bucket's name up to the first dot.

    A part between dots has at most 63 characters, the limit of a label's value:
    https://cloud.google.com/storage/docs/buckets#naming
    """
    return {keys.BUCKET: (bucket or BUCKET_PLACEHOLDER).partition(".")[0]}


def config_map_of(cell: Cell) -> str:
    """Return the name of a cell's ConfigMap, to which kustomize adds a hash of its content.

    Cells with equal values share one, unless a controller applies them: it would count it to one of
    them, and remove it with that one.
    """
    return f"{CONFIG_MAP}-{cell.workload_name}" if cell.platform.pruned else CONFIG_MAP


def config_map(
    values: Mapping[str, str],
    object_labels: Mapping[str, str],
    annotations: Mapping[str, str] | None = None,
) -> Json:
    """Return an immutable ConfigMap whose name contains a hash of its values and labels."""
    name = f"{CONFIG_MAP}-{fingerprint([dict(values), dict(object_labels)], 10)}"
    body = {"data": dict(values), "immutable": True}
    return manifest("v1", "ConfigMap", name, object_labels, body, annotations)


def sources_of_config_map() -> list[Source]:
    """Return the rows of the fields of `config_map`, except its data."""
    return [
        *described("ConfigMap"),
        source("the construct: a name with a hash of values and labels, new for another value",
               "ConfigMap metadata.name"),
        source("the construct: another value is in another ConfigMap", "ConfigMap immutable"),
        source(_CHART, "ConfigMap metadata.namespace"),
    ]  # fmt: skip


def sources_of_final_config_map() -> list[Source]:
    """Return the rows of the fields of the ConfigMap that kustomize would generate."""
    return [
        source(KIND, "ConfigMap apiVersion"),
        source("the construct: a name with kustomize's hash of the content",
               "ConfigMap metadata.name"),
        source(of_namespace(None), "ConfigMap metadata.namespace"),
    ]  # fmt: skip


def of_option(option: str) -> str:
    """Return the source of a value that is an option of the construct."""
    return f"the option {option} of the construct"


def of_bucket(bucket: str | None, platform: Platform) -> str:
    """Return the source of the bucket's name. `bucket`: the construct's option."""
    if bucket is not None:
        return of_option("bucket")
    if platform.bucket is not None:
        return "@platform.bucket"
    return "base/ira-model-config.env: IRA_BUCKET_NAME, which kustomize puts in place"


def and_registry(platform: Platform) -> str:
    """Return what an image's source has beside its own field where there is a mirror."""
    return "" if platform.image_registry is None else " and @platform.image_registry"


def of_namespace(bucket: str | None) -> str:
    """Return the source of the namespace. `bucket`: the option, set outside kustomize."""
    return "@platform.namespace" if bucket is None else _CHART


def service_account(
    name: str, object_labels: Mapping[str, str], annotations: Mapping[str, str] | None = None
) -> Json:
    """Return a Kubernetes service account.

    The platform's IAM bindings refer to the account by name; workloads of one model share it.
    """
    return manifest("v1", "ServiceAccount", name, object_labels, {}, annotations)


def fingerprint(value: Any, length: int) -> str:
    """Return the first `length` hex digits of a hash of plain values, equal on every platform."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def bucket_volumes(cell: Cell) -> dict[str, str]:
    """Return the repositories that a cell reads, by the names of their volumes, the model's first.

    Each is a volume of its own, since a volume shows one folder of the bucket. The driver's tests
    have a Pod with several of one bucket (GoogleCloudPlatform/gcs-fuse-csi-driver,
    test/e2e/testsuites/multivolume.go).
    """
    others = volumes(cell.repositories).items()
    return {BUCKET_VOLUME: cell.model.model_id, **{name: each.model_id for name, each in others}}


def setting_of(repository: Beside) -> str:
    """Return the source of an adapter's or a draft's values."""
    name, *inner = repository.path
    return f"@settings.{name}" + "".join(f"[{item}]" for item in inner)


def other_volumes(cell: Cell) -> dict[str, str]:
    """Return the source of the volumes of adapters and a draft, by the names of the volumes."""
    return {name: setting_of(each) for name, each in volumes(cell.repositories).items()}


def bucket_mounts(cell: Cell) -> list[Json]:
    """Return the read-only mounts of all repositories that a cell reads, the model's first."""
    return [
        {"name": name, "mountPath": mount_path(model_id), "readOnly": True}
        for name, model_id in bucket_volumes(cell).items()
    ]


def model_mount(cell: Cell) -> Json:
    """Return the read-only mount of a cell's model."""
    return {"name": BUCKET_VOLUME, "mountPath": cell.mount_path, "readOnly": True}


def env(config_map_name: str, names: Sequence[str]) -> list[Json]:
    """Return environment variables with the values of the same keys of a ConfigMap."""
    return [
        {"name": name, "valueFrom": {"configMapKeyRef": {"name": config_map_name, "key": name}}}
        for name in names
    ]


def given_env(given: Mapping[str, str | EnvSource]) -> list[Json]:
    """Return environment variables of a profile: each with its text, or the key that holds it."""
    return [
        {"name": name, "value": value}
        if isinstance(value, str)
        else {"name": name, "valueFrom": _value_from(value)}
        for name, value in given.items()
    ]


def _value_from(held: EnvSource) -> Json:
    field = "configMapKeyRef" if held.secret is None else "secretKeyRef"
    optional = {"optional": True} if held.optional else {}
    return {field: {"name": held.secret or held.config_map, "key": held.key, **optional}}


def shown_env(values: Sequence[Any]) -> str:
    """Return an environment variable's text, or where its value is: never a Secret's value."""
    (variable,) = values
    if "value" in variable:
        return str(variable["value"])
    ((field, held),) = variable["valueFrom"].items()
    return f"{'Secret' if field == 'secretKeyRef' else 'ConfigMap'} {held['name']}: {held['key']}"


def tolerations(items: Sequence[Toleration]) -> list[Json]:
    """Return tolerations in the format of a Pod's spec."""
    return [
        {"key": item.key, "operator": "Exists", "effect": item.effect}
        if item.value is None
        else {"key": item.key, "operator": "Equal", "value": item.value, "effect": item.effect}
        for item in items
    ]


def resources_of(cpu: str, memory: str, **extra: str) -> Json:
    """Return resources whose requests equal their limits."""
    amounts = {"cpu": cpu, "memory": memory, **extra}
    return {"requests": dict(amounts), "limits": dict(amounts)}


def number_or_share(text: str) -> int | str:
    """Return a number of Pods, or a share of them such as "50%", as Kubernetes has them."""
    return text if text.endswith("%") else int(text)


def variables(**values: str) -> list[Json]:
    """Return environment variables with fixed values."""
    return [{"name": name, "value": value} for name, value in values.items()]


# With a read-only root, temporary files and files in the home directory are written here.
TEMPORARY = "/tmp"  # noqa: S108
TEMPORARY_VOLUME = "tmp"
TEMPORARY_MOUNT = {"name": TEMPORARY_VOLUME, "mountPath": TEMPORARY}


def temporary_volume(size_limit: str | None = None) -> Json:
    """Return the volume of `TEMPORARY_MOUNT`, on the node's disk."""
    return {"name": TEMPORARY_VOLUME, "emptyDir": {"sizeLimit": size_limit} if size_limit else {}}


def container_security(run_as_user: int | None, *, read_only: bool) -> Json:
    """Return a container's security context according to Pod Security `restricted`.

    https://kubernetes.io/docs/concepts/security/pod-security-standards/
    Without `run_as_user`, the image's default user runs, which may be root; the other settings
    still apply.
    """
    context: Json = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    if run_as_user is not None:
        context |= {"runAsNonRoot": True, "runAsUser": run_as_user}
    if read_only:
        context["readOnlyRootFilesystem"] = True
    return context


@cache
def script(*names: str) -> str:
    """Return shell scripts of this package, concatenated, as a container's argument.

    Kubernetes expands $(NAME) and $$ in arguments; the scripts use neither.
    """
    return "\n".join((_SCRIPTS / name).read_text("utf-8") for name in names)
