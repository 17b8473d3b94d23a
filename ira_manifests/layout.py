"""Names of the output: directories, links, the Job and mounts, as the walkthrough has them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

MODEL_DOWNLOAD = "model-download"
DOWNLOAD_JOB = "transfer-model-to-gcs"
"""Name of the Job and of its disk, in that directory."""


def download_name(model: str) -> str:
    """Return the name of the directory, the Job and the claim that download one model alone."""
    return f"{MODEL_DOWNLOAD}-{model}"


SHARED = "shared"
"""The directory of the objects that several directories need, where something prunes."""

ARGO_CD, FLUX = "argo-cd", "flux"
"""Where the objects of a controller are."""


def application(model: str) -> str:
    """Return the directory that Argo CD applies for a model; its last part names it there."""
    return f"{ARGO_CD}/model-{model}"


CELLS = "online-inference-gpu-"
"""How the name of a cell's directory begins."""

BASE = f"{MODEL_DOWNLOAD}/base"
"""Where the user's env files are. kustomize reads no file outside of a kustomization's folder, so
that of the download, which needs the token, is around this one, which serving needs alone."""

BUCKET_KEY, MODEL_KEY = "IRA_BUCKET_NAME", "MODEL_ID"
"""The keys of the user's file, and the variables of the same names."""

TOKEN_SECRET = "hugging-face-token-secret"  # noqa: S105  a name, not a token
"""The Secret that is generated from the user's token file; the walkthrough's name."""

TOKEN_KEY = "HUGGING_FACE_TOKEN"  # noqa: S105
"""The key of the token, in that file and in any Secret that the download reads it from."""

BASE_LINK = "base"
"""The name by which the user knows that directory. What is built never follows the link."""

LINKS = {BASE_LINK: BASE}
"""Symbolic links at the top of the output, each with the directory that it leads to."""


def links_of(directories: Iterable[str]) -> dict[str, str]:
    """Return the links of an output with these directories: those whose target is among them."""
    held = frozenset(directories)
    return {link: target for link, target in LINKS.items() if target in held}


TOP = "."
"""The top of the output folder, as the name of a directory."""

GITIGNORE = ".gitignore"

_RESERVED = frozenset({ARGO_CD, BASE_LINK, FLUX, SHARED})
WHY_RESERVED = (
    "the output has directories named argo-cd, base, flux, shared, and beginning with "
    f"{MODEL_DOWNLOAD} and {CELLS.removesuffix('-')}"
)
"""Which names of directories an environment can't have."""


def is_reserved(environment: str) -> bool:
    """Return whether the output can have a directory of an environment's name."""
    return environment in _RESERVED or environment.startswith((MODEL_DOWNLOAD, CELLS))


def placed(environment: str, directory: str) -> str:
    """Return the name of a directory in the output; those of an environment are below its name."""
    return f"{environment}/{directory}" if environment else directory


def environment_of(directory: str) -> str:
    """Return the environment of a directory of the output; empty if it is of none."""
    first, below, _ = directory.partition("/")
    return first if below and not is_reserved(first) else ""


API_PORT = 8000
"""The port of the server's API, which is vLLM's own default."""

MOUNT_ROOT = "/gcs"
"""Where containers mount the bucket, or a model's folder of it."""


def mount_path(model_id: str) -> str:
    """Return the folder of a model inside the containers, which is the name that vLLM serves."""
    return f"{MOUNT_ROOT}/{model_id}"


OBJECT_FILES = {
    "ServiceAccount": "service-account.yaml",
    "ConfigMap": "config-map.yaml",
    "ExternalSecret": "external-secret.yaml",
    "SecretProviderClass": "secret-provider-class.yaml",
    "PersistentVolumeClaim": "persistent-volume-claim.yaml",
    "Service": "service.yaml",
    "NetworkPolicy": "network-policy.yaml",
    "PodTemplate": "pod-template.yaml",
    "ProvisioningRequest": "provisioning-request.yaml",
    "Deployment": "deployment.yaml",
    "LeaderWorkerSet": "leader-worker-set.yaml",
    "Job": "job.yaml",
    "HorizontalPodAutoscaler": "horizontal-pod-autoscaler.yaml",
    "PodDisruptionBudget": "pod-disruption-budget.yaml",
    "PodMonitoring": "pod-monitoring.yaml",
    "PodMonitor": "pod-monitor.yaml",
    "InferencePool": "inference-pool.yaml",
    "InferenceObjective": "inference-objective.yaml",
    "HealthCheckPolicy": "health-check-policy.yaml",
    "GCPBackendPolicy": "gcp-backend-policy.yaml",
    "HTTPRoute": "http-route.yaml",
}
"""File names by kind; a directory's objects are written and applied in this order."""


def by_file(objects: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return a directory's objects by file name, in the order in which they are applied.

    Raises `KeyError` for a kind that `OBJECT_FILES` does not name.
    """
    order = {kind: number for number, kind in enumerate(OBJECT_FILES)}
    ordered = sorted(objects, key=lambda item: order[item["kind"]])
    return {OBJECT_FILES[item["kind"]]: item for item in ordered}
