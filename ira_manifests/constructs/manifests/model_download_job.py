"""The Job that copies a model from the Hugging Face Hub to the bucket.

The objects of `ModelDownloadJob`, and the sources of their fields.
"""

from __future__ import annotations

from collections.abc import Iterable

from ira_manifests.constructs.manifests import download_containers as containers
from ira_manifests.constructs.manifests import parts
from ira_manifests.constructs.manifests.download_containers import (
    DOWNLOADS,
    PACKAGES_VOLUME,
    POD,
    PROFILE,
    TOKEN_VOLUME,
    of_both,
)
from ira_manifests.constructs.manifests.parts import Json
from ira_manifests.constructs.manifests.sources import Source, of_items, source, taints
from ira_manifests.kubernetes import labels as keys
from ira_manifests.layout import DOWNLOAD_JOB as NAME
from ira_manifests.layout import TOKEN_KEY, TOKEN_SECRET
from ira_manifests.profiles.platform import ModelDownload, Platform
from ira_manifests.profiles.schema import ModelProfile

# The FUSE sidecar writes files to the volume of this name before it uploads them.
_BUFFER_VOLUME = "gke-gcsfuse-buffer"
# huggingface_hub and its dependencies take 35 MB unpacked; the model's files are not stored here.
_TEMPORARY_LIMIT = "1Gi"


def objects(
    platform: Platform,
    *,
    bucket: str | None = None,
    model_id: str | None = None,
    token_secret: str | None = None,
    models: Iterable[ModelProfile] = (),
) -> dict[str, Json]:
    """Return the objects by their ids in the construct. The options are those of the construct.

    Raises `InputError` if the models' lists are too long for an environment variable.
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
            containers.installation(download, config_map),
            containers.container(
                download, config_map, containers.lists_of_models(models, model_id)
            ),
        ),
        volumes=_volumes(
            bucket or parts.BUCKET_PLACEHOLDER, secret_of_token(platform, token_secret)
        ),
    )
    return {**found, "Buffer": _buffer(download), "Default": job}


def secret_of_token(platform: Platform, named: str | None) -> str:
    """Return the name of the Secret that holds the token: the named one, else the platform's."""
    return named or platform.model_download.token_secret or TOKEN_SECRET


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
            # An eviction would end the Job, because it is not retried.
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


def _volumes(bucket: str, token_secret: str) -> list[Json]:
    # Without the driver's check, the Job starts with a wrong bucket name and reports the error.
    # With the check, the Pod would wait for its volume without an error in its log.
    attributes = {"bucketName": bucket, "skipCSIBucketAccessCheck": "true"}
    token = {
        "secretName": token_secret,
        "items": [{"key": TOKEN_KEY, "path": TOKEN_KEY}],
        # Readable by root and by the group of fsGroup, which includes the container's user.
        "defaultMode": 0o440,
        # Without a token the Pod still starts, and the script reports what is missing.
        "optional": True,
    }
    return [
        {
            "name": parts.BUCKET_VOLUME,
            "csi": {"driver": keys.GCSFUSE_DRIVER, "volumeAttributes": attributes},
        },
        {"name": _BUFFER_VOLUME, "persistentVolumeClaim": {"claimName": NAME}},
        {"name": TOKEN_VOLUME, "secret": token},
        {"name": PACKAGES_VOLUME, "emptyDir": {"sizeLimit": _TEMPORARY_LIMIT}},
        parts.temporary_volume(_TEMPORARY_LIMIT),
    ]


_OF_BUCKET, _OF_TOKEN = (f"{POD}.volumes[{name}]" for name in (parts.BUCKET_VOLUME, TOKEN_VOLUME))


def sources(
    platform: Platform,
    *,
    bucket: str | None = None,
    model_id: str | None = None,
    token_secret: str | None = None,
) -> list[Source]:
    """Return the source of each field of the objects with the same options."""
    of_model, of_secret = "base/ira-model-config.env: MODEL_ID", _of_secret(platform)
    config_map = [source(parts.KIND, "ConfigMap kind")]
    if model_id is not None:
        of_model, config_map = parts.of_option("model_id"), parts.sources_of_config_map()
    if token_secret is not None:
        of_secret = parts.of_option("token_secret")
    return [
        source(of_model, "ConfigMap data.MODEL_ID", name="model_id"),
        source(parts.of_bucket(bucket), f"{_OF_BUCKET}.csi.volumeAttributes.bucketName",
               "ConfigMap data.IRA_BUCKET_NAME", name="bucket"),
        source(of_secret, f"{_OF_TOKEN}.secret.secretName", name="token_secret"),
        *_from_profiles(platform.model_download),
        source(parts.of_namespace(bucket), "Job metadata.namespace",
               "PersistentVolumeClaim metadata.namespace", "ServiceAccount metadata.namespace",
               name="namespace"),
        *config_map,
        *_from_construct(),
        *_of_volumes(),
    ]  # fmt: skip


def _of_secret(platform: Platform) -> str:
    if platform.model_download.token_secret is not None:
        return f"{PROFILE}.token_secret"
    return "the construct: the Secret that kustomize makes of base/hugging-face-token.env"


def _from_profiles(download: ModelDownload) -> list[Source]:
    """Return the rows of values from profiles, in the order in which `explain` lists them."""
    tolerations = f"{PROFILE}.tolerations"
    return [
        source(f"{PROFILE}.service_account", f"{POD}.serviceAccountName",
               "ServiceAccount metadata.name", name="service_account"),
        *containers.sources(),
        source(f"{PROFILE}.fs_group", f"{POD}.securityContext.fsGroup", name="fs_group"),
        source(f"{PROFILE}.storage_class", "PersistentVolumeClaim spec.storageClassName",
               name="storage_class"),
        source(f"{PROFILE}.storage", "PersistentVolumeClaim spec.resources.requests.storage",
               name="storage"),
        source(f"{PROFILE}.active_deadline_seconds", "Job spec.activeDeadlineSeconds",
               name="active_deadline_seconds"),
        source(f"{PROFILE}.ttl_seconds_after_finished", "Job spec.ttlSecondsAfterFinished",
               name="ttl_seconds_after_finished"),
        source(tolerations, f"{POD}.tolerations", name="tolerations", listed=taints),
        *of_items(tolerations, f"{POD}.tolerations", range(len(download.tolerations))),
    ]  # fmt: skip


def _from_construct() -> list[Source]:
    """Return the rows of values that no profile decides, except containers and volumes."""
    template = "Job spec.template.metadata"
    return [
        *parts.described("Job", "PersistentVolumeClaim", "ServiceAccount"),
        source(parts.WALKTHROUGH, "Job metadata.name"),
        source("the construct: the Job's name", "PersistentVolumeClaim metadata.name",
               f"{template}.labels.app"),
        source("the construct: the disk of one Pod", "PersistentVolumeClaim spec.accessModes"),
        source("the construct: the script tries again itself, and the next Job goes on from there",
               "Job spec.backoffLimit"),
        source(parts.REFERENCE, f"{POD}.restartPolicy"),
        source(parts.LABELS, f"{template}.labels"),
        source(parts.SIDECAR, f"{template}.annotations"),
        source("the construct: an eviction would end the Job",
               f"{template}.annotations.{keys.SAFE_TO_EVICT}"),
        source("the construct: kubectl logs shows the download",
               f"{template}.annotations.{keys.DEFAULT_CONTAINER}"),
        source(parts.API_SERVER, f"{POD}.automountServiceAccountToken"),
        source("the construct: the scripts read no variable of a Service",
               f"{POD}.enableServiceLinks"),
        source("the construct: nodes on which a Pod gets the tokens of its service account",
               f"{POD}.nodeSelector"),
        source(parts.SECURITY, f"{POD}.securityContext"),
    ]  # fmt: skip


def _of_volumes() -> list[Source]:
    """Return the rows of volumes and mounts that the construct decides."""
    temporary, packages = (
        [f"{POD}.volumes[{name}]", *of_both(f"volumeMounts[{name}]")]
        for name in (parts.TEMPORARY_VOLUME, PACKAGES_VOLUME)
    )
    return [
        source(parts.SIDECAR, _OF_BUCKET),
        source("the construct: with a wrong bucket the Job starts, and says so",
               f"{_OF_BUCKET}.csi.volumeAttributes.skipCSIBucketAccessCheck"),
        source("the construct: the bucket's mount, for writing",
               f"{DOWNLOADS}.volumeMounts[{parts.BUCKET_VOLUME}]"),
        source("the construct: Cloud Storage FUSE writes files there before it uploads them",
               f"{POD}.volumes[{_BUFFER_VOLUME}]"),
        source("the construct: the token, a file for the container that talks to the Hub",
               _OF_TOKEN, f"{DOWNLOADS}.volumeMounts[{TOKEN_VOLUME}]"),
        source("the construct: the group of fs_group reads it", f"{_OF_TOKEN}.secret.defaultMode"),
        source("the construct: without a token the Job starts, and says what is missing",
               f"{_OF_TOKEN}.secret.optional"),
        source("the construct: what the first container installs for the second", *packages),
        source("the construct: all that is written beside a read-only root", *temporary,
               *of_both("env[HOME]")),
    ]  # fmt: skip
