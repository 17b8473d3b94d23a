"""Copies a model from the Hugging Face Hub to the bucket: the objects of `ModelDownloadJob`."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ira_manifests import hub_lock
from ira_manifests.constructs.manifests import parts
from ira_manifests.constructs.manifests.parts import Json
from ira_manifests.errors import InputError
from ira_manifests.kubernetes import labels as keys
from ira_manifests.layout import DOWNLOAD_JOB as NAME
from ira_manifests.profiles.schema import ModelDownload, ModelProfile, Platform

# The FUSE sidecar writes files to the volume of this name before it uploads them.
_BUFFER_VOLUME = "gke-gcsfuse-buffer"
# huggingface_hub and what it needs take 35 MB unpacked; the model's files never come here.
_TEMPORARY_LIMIT = "1Gi"
# Linux takes no longer text of an argument or variable (MAX_ARG_STRLEN), less its name.
_LONGEST_VARIABLE = 128 * 1024 - 100
_VALUES = ("MODEL_ID", "IRA_BUCKET_NAME")
_TOKEN_VOLUME = "hugging-face-token"  # noqa: S105  a name, not a token
_PACKAGES_VOLUME = "packages"


def objects(
    platform: Platform,
    *,
    bucket: str | None = None,
    model_id: str | None = None,
    token_secret: str | None = None,
    models: Iterable[ModelProfile] = (),
) -> dict[str, Json]:
    """Return the objects by their ids in the construct, whose options these are.

    Raises `InputError` for lists of models that no variable holds.
    """
    download, labels = platform.model_download, _labels()
    found = {"ServiceAccount": parts.service_account(download.service_account, labels)}
    config_map = parts.CONFIG_MAP
    if bucket is not None and model_id is not None:
        values = {"IRA_BUCKET_NAME": bucket, "MODEL_ID": model_id}
        found["ConfigMap"] = parts.config_map(values, labels)
        config_map = found["ConfigMap"]["metadata"]["name"]
    job = _job(
        download,
        containers=(
            _installation(download, config_map),
            _container(download, config_map, _own_lists(models, model_id)),
        ),
        volumes=_volumes(
            bucket or parts.BUCKET_PLACEHOLDER, secret_of_token(platform, token_secret)
        ),
    )
    return {**found, "Buffer": _buffer(download), "Default": job}


def secret_of_token(platform: Platform, named: str | None) -> str:
    """Return the name of the Secret that holds the token: the named one, else the platform's."""
    return named or platform.model_download.token_secret or parts.TOKEN_SECRET


def _labels() -> dict[str, str]:
    return parts.labels("model-download", NAME, "model-download")


def _buffer(download: ModelDownload) -> Json:
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": download.storage_class,
        "resources": {"requests": {"storage": download.storage}},
    }
    return parts.manifest("v1", "PersistentVolumeClaim", NAME, _labels(), {"spec": spec})


def _job(download: ModelDownload, *, containers: tuple[Json, Json], volumes: list[Json]) -> Json:
    first, second = containers
    metadata = {
        "labels": {"app": NAME, **_labels()},
        "annotations": {
            **keys.GCSFUSE_ANNOTATIONS,
            # An eviction ends a Job that is not tried again.
            keys.SAFE_TO_EVICT: "false",
            keys.DEFAULT_CONTAINER: NAME,
        },
    }
    pod = {
        "restartPolicy": "OnFailure",
        "serviceAccountName": download.service_account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "nodeSelector": {keys.METADATA_SERVER: "true"},
        "tolerations": parts.tolerations(download.tolerations),
        "securityContext": {
            "fsGroup": download.fs_group,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "initContainers": [first],
        "containers": [second],
        "volumes": volumes,
    }
    spec = {
        "backoffLimit": 0,
        "activeDeadlineSeconds": download.active_deadline_seconds,
        "ttlSecondsAfterFinished": download.ttl_seconds_after_finished,
        "template": {"metadata": metadata, "spec": pod},
    }
    return parts.manifest("batch/v1", "Job", NAME, _labels(), {"spec": spec})


def _common(download: ModelDownload, config_map: str, script: str) -> Json:
    """Return what both containers have; they run one after the other, so each may have it all."""
    return {
        "image": download.image,
        "command": ["bash", "-c"],
        "args": [parts.script("check_settings.sh", script)],
        # The script's last words become the Pod's status, where `kubectl describe` shows them.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "env": [
            *parts.env(config_map, _VALUES),
            {"name": "HUGGINGFACE_HUB_VERSION", "value": download.huggingface_hub},
            *parts.variables(HOME=parts.TEMPORARY),
        ],
        "resources": parts.resources_of(download.cpu, download.memory),
        "securityContext": parts.container_security(download.run_as_user, read_only=True),
    }


def _installation(download: ModelDownload, config_map: str) -> Json:
    """Return the container that talks to the package index, and has no token."""
    common = _common(download, config_map, "install_huggingface_hub.sh")
    lock = hub_lock.requirements(download.huggingface_hub)
    common["env"].append({"name": "HUGGINGFACE_HUB_LOCK", "value": lock})
    mounts = [{"name": _PACKAGES_VOLUME, "mountPath": "/packages"}, parts.TEMPORARY_MOUNT]
    return {"name": "install-huggingface-hub", **common, "volumeMounts": mounts}


def _own_lists(models: Iterable[ModelProfile], model_id: str | None) -> str:
    """Return what models say themselves of their download, by id as JSON; empty if none does."""
    lists = {
        model.model_id: {"exclude": model.download.exclude, "keep": model.download.keep}
        for model in models
        if model.download is not None and model_id in (None, model.model_id)
    }
    text = json.dumps(lists, sort_keys=True) if lists else ""
    if len(text) > _LONGEST_VARIABLE:
        raise InputError(
            f"the models' download lists take {len(text)} bytes, and a container's variable holds "
            f"{_LONGEST_VARIABLE}; shorten them, or move patterns to model_download.exclude"
        )
    return text


def _container(download: ModelDownload, config_map: str, own_lists: str) -> Json:
    """Return the container that talks to the Hub, and alone has the token."""
    common = _common(download, config_map, "download_model.sh")
    beside = " ".join(download.exclude_beside_safetensors)
    common["env"] += [
        {"name": "DOWNLOAD_EXCLUDE", "value": " ".join(download.exclude)},
        {"name": "DOWNLOAD_EXCLUDE_DUPLICATES", "value": beside},
    ]
    if own_lists:
        common["env"].append({"name": "DOWNLOAD_BY_MODEL", "value": own_lists})
    mounts = [
        {"name": parts.BUCKET_VOLUME, "mountPath": "/local"},
        {"name": _TOKEN_VOLUME, "mountPath": "/etc/hugging-face-token", "readOnly": True},
        {"name": _PACKAGES_VOLUME, "mountPath": "/packages", "readOnly": True},
        parts.TEMPORARY_MOUNT,
    ]
    return {"name": NAME, **common, "volumeMounts": mounts}


def _volumes(bucket: str, token_secret: str) -> list[Json]:
    # Without the driver's own check, the Job starts even where the bucket's name is wrong, and
    # says so; with it, the Pod would wait for its volume and say nothing.
    attributes = {"bucketName": bucket, "skipCSIBucketAccessCheck": "true"}
    token = {
        "secretName": token_secret,
        "items": [{"key": "HUGGING_FACE_TOKEN", "path": "HUGGING_FACE_TOKEN"}],
        # Read by root and by the group of fsGroup, which the container's user is in.
        "defaultMode": 0o440,
        # Without a token the Pod starts all the same, and the script says what is missing.
        "optional": True,
    }
    return [
        {
            "name": parts.BUCKET_VOLUME,
            "csi": {"driver": keys.GCSFUSE_DRIVER, "volumeAttributes": attributes},
        },
        {"name": _BUFFER_VOLUME, "persistentVolumeClaim": {"claimName": NAME}},
        {"name": _TOKEN_VOLUME, "secret": token},
        {"name": _PACKAGES_VOLUME, "emptyDir": {"sizeLimit": _TEMPORARY_LIMIT}},
        parts.temporary_volume(_TEMPORARY_LIMIT),
    ]
