"""What the constructs share: names of the contract, labels, and parts of objects."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

from constructs import Construct

from ira_manifests.constructs._jsii_batch import holds
from ira_manifests.kubernetes import labels as keys
from ira_manifests.profiles.schema import Toleration

# The walkthrough's names of what kustomize generates from the user's env files.
CONFIG_MAP = "ira-model-configmap"
TOKEN_SECRET = "hugging-face-token-secret"  # noqa: S105  a name, not a token

# Kustomize puts the bucket's name in the place of this; the '<' keeps it from ever naming a bucket.
BUCKET_PLACEHOLDER = "<IRA_BUCKET_NAME>"

Json = dict[str, Any]


def path(scope: Construct, id: str) -> str:
    """Return where in the tree of constructs a child is, or is about to be."""
    return f"{scope.node.path}/{id}"


def manifest(
    id: str,
    *,
    api_version: str,
    kind: str,
    name: str,
    labels: Mapping[str, str],
    body: Mapping[str, Any],
) -> Json:
    """Return one complete object of a construct, under its id in there.

    `body` holds its top-level keys besides metadata.
    """
    metadata = {"name": name, "labels": dict(labels)}
    return {"id": id, "apiVersion": api_version, "kind": kind, "metadata": metadata, **body}


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


def bucket_label(bucket: str) -> dict[str, str]:
    """Return the label that names a bucket: its name to the first dot.

    A part between dots has 63 characters at most, as a label's value has:
    https://cloud.google.com/storage/docs/buckets#naming
    """
    return {keys.BUCKET: bucket.partition(".")[0]}


def config_map(values: Mapping[str, str], object_labels: Mapping[str, str]) -> Json:
    """Return an immutable ConfigMap named after its content and its owner."""
    return manifest(
        "ConfigMap",
        api_version="v1",
        kind="ConfigMap",
        name=f"{CONFIG_MAP}-{fingerprint([dict(values), dict(object_labels)], 10)}",
        labels=object_labels,
        body={"data": dict(values), "immutable": True},
    )


def service_account(scope: Construct, name: str, object_labels: Mapping[str, str]) -> list[Json]:
    """Return a Kubernetes service account, or nothing where the chart of `scope` has it.

    The platform's IAM bindings know the account by its name; workloads of one model share it.
    """
    if holds(scope, "ServiceAccount", name):
        return []
    return [
        manifest(
            "ServiceAccount",
            api_version="v1",
            kind="ServiceAccount",
            name=name,
            labels=object_labels,
            body={},
        )
    ]


def fingerprint(value: Any, length: int) -> str:
    """Return a short hash of plain values; the same values give the same text everywhere."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def env(config_map_name: str, keys: Sequence[str]) -> list[Json]:
    """Return environment variables that a container reads from a ConfigMap, each by its key."""
    return [
        {"name": key, "valueFrom": {"configMapKeyRef": {"name": config_map_name, "key": key}}}
        for key in keys
    ]


def tolerations(items: Sequence[Toleration]) -> list[Json]:
    """Return tolerations as a Pod spells them."""
    return [
        {"key": item.key, "operator": "Exists", "effect": item.effect}
        if item.value is None
        else {"key": item.key, "operator": "Equal", "value": item.value, "effect": item.effect}
        for item in items
    ]


def resources_of(cpu: str, memory: str, **extra: str) -> Json:
    """Return requests that equal limits."""
    amounts = {"cpu": cpu, "memory": memory, **extra}
    return {"requests": dict(amounts), "limits": dict(amounts)}


def variables(**values: str) -> list[Json]:
    """Return environment variables of fixed values."""
    return [{"name": name, "value": value} for name, value in values.items()]


# Beside a read-only root, everything temporary goes here, and so does what programs write home.
TEMPORARY = "/tmp"  # noqa: S108
TEMPORARY_MOUNT = {"name": "tmp", "mountPath": TEMPORARY}


def temporary_volume(size_limit: str | None = None) -> Json:
    """Return the volume of `TEMPORARY_MOUNT`, on the node's disk."""
    return {"name": "tmp", "emptyDir": {"sizeLimit": size_limit} if size_limit else {}}


def container_security(run_as_user: int | None, *, read_only: bool) -> Json:
    """Return a container's security context, as tight as Pod Security `restricted` asks.

    https://kubernetes.io/docs/concepts/security/pod-security-standards/
    Without a user the image's own user runs, which may be root; the rest still holds.
    """
    context: Json = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    if run_as_user is not None:
        context |= {"runAsNonRoot": True, "runAsUser": run_as_user}
    if read_only:
        context["readOnlyRootFilesystem"] = True
    return context


@cache
def script(*names: str) -> str:
    """Return shell scripts of this package, one after the other, as a container's argument.

    Kubernetes expands $(NAME) and turns $$ into $ in arguments; the scripts use neither.
    """
    folder = resources.files(__package__) / "scripts"
    return "\n".join((folder / name).read_text("utf-8") for name in names)
