"""`ModelDownloadJob`: copies a model from the Hugging Face Hub to the bucket."""

from __future__ import annotations

import json
from collections.abc import Iterable

from cdk8s import ApiObject
from constructs import Construct

from ira_manifests import hub_lock
from ira_manifests.constructs import _objects as objects
from ira_manifests.constructs._jsii_batch import Composite, holds
from ira_manifests.errors import InputError
from ira_manifests.kubernetes import labels as keys
from ira_manifests.kubernetes import names
from ira_manifests.layout import DOWNLOAD_JOB as NAME
from ira_manifests.profiles.schema import ModelDownload, ModelProfile, Platform

BUCKET_VOLUME = "gcsfuse"
# The FUSE sidecar writes files to the volume of this name before it uploads them.
_BUFFER_VOLUME = "gke-gcsfuse-buffer"
# huggingface_hub and what it needs take 35 MB unpacked; the model's files never come here.
_TEMPORARY_LIMIT = "1Gi"
# Linux takes no longer text of an argument or variable (MAX_ARG_STRLEN), less its name.
_LONGEST_VARIABLE = 128 * 1024 - 100
_VALUES = ("MODEL_ID", "IRA_BUCKET_NAME")
_TOKEN_VOLUME = "hugging-face-token"  # noqa: S105  a name, not a token
_PACKAGES_VOLUME = "packages"


class ModelDownloadJob(Composite):
    """A Job, the disk that it buffers files on, and its Kubernetes service account.

    Objects: ServiceAccount (id "ServiceAccount"), ConfigMap (id "ConfigMap", only with
    `bucket`), PersistentVolumeClaim (id "Buffer"), Job (id "Default").

    `platform`: images and amounts, from `load_matrix().platform`. `bucket` and `model_id`:
    where to and what; with both the construct stands on its own. Default: neither, for a
    kustomize directory that generates the ConfigMap `ira-model-configmap`.
    `models`: the profiles of models that say themselves what is downloaded of them; the Job takes
    those of its MODEL_ID. Default: none, so that the platform's lists hold for every model.
    `token_secret`: the Secret whose key HUGGING_FACE_TOKEN is the token. It is never created
    here: a token has no place in a manifest. Default: the platform's, else
    hugging-face-token-secret.

    The Pod first installs huggingface_hub, in a container that is not given the token.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        platform: Platform,
        bucket: str | None = None,
        model_id: str | None = None,
        token_secret: str | None = None,
        models: Iterable[ModelProfile] = (),
    ) -> None:
        _check(bucket, model_id)
        token_secret = token_secret or platform.model_download.token_secret or objects.TOKEN_SECRET
        names.require("the token's Secret", token_secret, names.check_subdomain)
        if holds(scope, "Job", NAME):
            raise InputError(
                f"{objects.path(scope, id)}: the chart has a Job {NAME} already; add one "
                "ModelDownloadJob, or a chart of another namespace"
            )
        self._labels = objects.labels("model-download", NAME, "model-download")
        download = platform.model_download
        manifests = objects.service_account(scope, download.service_account, self._labels)
        config_map = objects.CONFIG_MAP
        if bucket is not None and model_id is not None:
            values = {"IRA_BUCKET_NAME": bucket, "MODEL_ID": model_id}
            manifests.append(objects.config_map(values, self._labels))
            config_map = manifests[-1]["metadata"]["name"]
        job = self._job(
            download,
            containers=(
                _installation(download, config_map),
                _container(download, config_map, _own_lists(models, model_id)),
            ),
            volumes=_volumes(bucket or objects.BUCKET_PLACEHOLDER, token_secret),
        )
        super().__init__(scope, id, [*manifests, self._buffer(download), job])

    @property
    def buffer(self) -> ApiObject:
        """The PersistentVolumeClaim."""
        return self._object("Buffer")

    @property
    def job(self) -> ApiObject:
        """The Job."""
        return self._object("Default")

    def _buffer(self, download: ModelDownload) -> objects.Json:
        spec = {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": download.storage_class,
            "resources": {"requests": {"storage": download.storage}},
        }
        return objects.manifest(
            "Buffer",
            api_version="v1",
            kind="PersistentVolumeClaim",
            name=NAME,
            labels=self._labels,
            body={"spec": spec},
        )

    def _job(
        self,
        download: ModelDownload,
        *,
        containers: tuple[objects.Json, objects.Json],
        volumes: list[objects.Json],
    ) -> objects.Json:
        first, second = containers
        spec = {
            "backoffLimit": 0,
            "activeDeadlineSeconds": download.active_deadline_seconds,
            "ttlSecondsAfterFinished": download.ttl_seconds_after_finished,
            "template": {
                "metadata": {
                    "labels": {"app": NAME, **self._labels},
                    "annotations": {
                        **keys.GCSFUSE_ANNOTATIONS,
                        # An eviction ends a Job that is not tried again.
                        keys.SAFE_TO_EVICT: "false",
                        keys.DEFAULT_CONTAINER: NAME,
                    },
                },
                "spec": {
                    "restartPolicy": "OnFailure",
                    "serviceAccountName": download.service_account,
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "nodeSelector": {keys.METADATA_SERVER: "true"},
                    "tolerations": objects.tolerations(download.tolerations),
                    "securityContext": {
                        "fsGroup": download.fs_group,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "initContainers": [first],
                    "containers": [second],
                    "volumes": volumes,
                },
            },
        }
        return objects.manifest(
            "Default",
            api_version="batch/v1",
            kind="Job",
            name=NAME,
            labels=self._labels,
            body={"spec": spec},
        )


def _check(bucket: str | None, model_id: str | None) -> None:
    if (bucket is None) != (model_id is None):
        raise InputError(
            f"bucket is {bucket!r} and model_id is {model_id!r}; give both for a Job that stands "
            "on its own, or neither inside a kustomize directory"
        )
    if bucket is not None:
        names.require("the bucket", bucket, names.check_bucket)
    if model_id is not None:
        names.require("the model id", model_id, names.check_hub_id)


def _common(download: ModelDownload, config_map: str, script: str) -> objects.Json:
    """Return what both containers have; they run one after the other, so each may have it all."""
    return {
        "image": download.image,
        "command": ["bash", "-c"],
        "args": [objects.script("check_settings.sh", script)],
        # The script's last words become the Pod's status, where `kubectl describe` shows them.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "env": [
            *objects.env(config_map, _VALUES),
            {"name": "HUGGINGFACE_HUB_VERSION", "value": download.huggingface_hub},
            *objects.variables(HOME=objects.TEMPORARY),
        ],
        "resources": objects.resources_of(download.cpu, download.memory),
        "securityContext": objects.container_security(download.run_as_user, read_only=True),
    }


def _installation(download: ModelDownload, config_map: str) -> objects.Json:
    """Return the container that talks to the package index, and has no token."""
    common = _common(download, config_map, "install_huggingface_hub.sh")
    lock = hub_lock.requirements(download.huggingface_hub)
    common["env"].append({"name": "HUGGINGFACE_HUB_LOCK", "value": lock})
    mounts = [{"name": _PACKAGES_VOLUME, "mountPath": "/packages"}, objects.TEMPORARY_MOUNT]
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


def _container(download: ModelDownload, config_map: str, own_lists: str) -> objects.Json:
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
        {"name": BUCKET_VOLUME, "mountPath": "/local"},
        {"name": _TOKEN_VOLUME, "mountPath": "/etc/hugging-face-token", "readOnly": True},
        {"name": _PACKAGES_VOLUME, "mountPath": "/packages", "readOnly": True},
        objects.TEMPORARY_MOUNT,
    ]
    return {"name": NAME, **common, "volumeMounts": mounts}


def _volumes(bucket: str, token_secret: str) -> list[objects.Json]:
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
            "name": BUCKET_VOLUME,
            "csi": {"driver": keys.GCSFUSE_DRIVER, "volumeAttributes": attributes},
        },
        {"name": _BUFFER_VOLUME, "persistentVolumeClaim": {"claimName": NAME}},
        {"name": _TOKEN_VOLUME, "secret": token},
        {"name": _PACKAGES_VOLUME, "emptyDir": {"sizeLimit": _TEMPORARY_LIMIT}},
        objects.temporary_volume(_TEMPORARY_LIMIT),
    ]
