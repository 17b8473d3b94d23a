"""The Job that copies a model from the Hugging Face Hub to the bucket.

The objects of `ModelDownloadJob`, and the sources of their fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ira_manifests.constructs.manifests import download_containers as containers
from ira_manifests.constructs.manifests import download_disk, parts, token
from ira_manifests.constructs.manifests.download_containers import (
    PACKAGES_VOLUME,
    POD,
    PROFILE,
    TOKEN_VOLUME,
)
from ira_manifests.constructs.manifests.parts import Json
from ira_manifests.constructs.manifests.sources import Source, of_items, source, taints
from ira_manifests.kubernetes import labels as keys
from ira_manifests.layout import BUCKET_KEY, MODEL_KEY
from ira_manifests.layout import DOWNLOAD_JOB as NAME
from ira_manifests.profiles.platform import Platform
from ira_manifests.profiles.repositories import Download
from ira_manifests.profiles.schema import ModelProfile

# huggingface_hub and its dependencies take 35 MB unpacked; the model's files are not stored here.
_TEMPORARY_LIMIT = "1Gi"


def objects(
    platform: Platform,
    *,
    bucket: str | None = None,
    model_id: str | None = None,
    also: Sequence[str] = (),
    name: str = NAME,
    token_secret: str | None = None,
    models: Iterable[ModelProfile] = (),
) -> dict[str, Json]:
    """Return the objects by their ids in the construct. The options are those of the construct.

    Raises `InputError` if the models' lists are too long for an environment variable.
    """
    download, profiles = platform.model_download, list(models)

    def env(of: str | None) -> list[Json]:
        if bucket is None or of is None:
            return containers.of_config_map()
        return containers.known(of, bucket)

    def downloading(of: str | None, called: str) -> Json:
        own_lists = containers.lists_of_models(profiles, of)
        return containers.container(platform, env(of), own_lists, called)

    job = _job(
        platform,
        name,
        first=[
            containers.installation(platform, env(model_id)),
            *(downloading(of, containers.also_name(n)) for n, of in enumerate(also, start=1)),
        ],
        last=downloading(model_id, NAME),
        volumes=_volumes(
            bucket or parts.BUCKET_PLACEHOLDER,
            download_disk.volume(platform, name, _labels(name)),
            token.volume(platform, token_secret),
        ),
    )
    account = parts.service_account(download.service_account, _labels(NAME))
    made = {"ServiceAccount": account, **token.objects(platform, token_secret, _labels(NAME))}
    return {**made, **download_disk.objects(platform, name, _labels(name)), "Default": job}


def _labels(name: str) -> dict[str, str]:
    return parts.labels("model-download", name, "model-download")


def _first(platform: Platform) -> dict[str, str]:
    """Return the annotations by which Argo CD applies the Job, and waits for it, before others.

    https://argo-cd.readthedocs.io/en/stable/user-guide/sync-waves/
    """
    return {} if platform.argo_cd is None else {keys.SYNC_WAVE: "-1"}


def _job(
    platform: Platform, name: str, *, first: list[Json], last: Json, volumes: list[Json]
) -> Json:
    download = platform.model_download
    metadata = {
        "labels": {"app": name, **_labels(name)},
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
        "initContainers": first,
        "containers": [last],
        "volumes": volumes,
    }
    spec = {
        "backoffLimit": 0,
        "activeDeadlineSeconds": download.active_deadline_seconds,
        "ttlSecondsAfterFinished": download.ttl_seconds_after_finished,
        "template": {"metadata": metadata, "spec": pod},
    }
    return parts.manifest("batch/v1", "Job", name, _labels(name), {"spec": spec}, _first(platform))


def _volumes(bucket: str, disk: Json, token_volume: Json) -> list[Json]:
    # Without the driver's check, the Job starts with a wrong bucket name and reports the error.
    # With the check, the Pod would wait for its volume without an error in its log.
    attributes = {"bucketName": bucket, "skipCSIBucketAccessCheck": "true"}
    return [
        {
            "name": parts.BUCKET_VOLUME,
            "csi": {"driver": keys.GCSFUSE_DRIVER, "volumeAttributes": attributes},
        },
        disk,
        token_volume,
        {"name": PACKAGES_VOLUME, "emptyDir": {"sizeLimit": _TEMPORARY_LIMIT}},
        parts.temporary_volume(_TEMPORARY_LIMIT),
    ]


_OF_BUCKET, _OF_TOKEN = (f"{POD}.volumes[{name}]" for name in (parts.BUCKET_VOLUME, TOKEN_VOLUME))


@dataclass(frozen=True)
class _Origins:
    """The sources of what options of the construct, or the directory, decide."""

    bucket: str
    model_id: str
    also: tuple[str, ...]
    lists: tuple[str, ...]
    """Of the lists and revisions in each container that downloads."""
    secret: str
    namespace: str
    name: str = parts.WALKTHROUGH


def sources(
    platform: Platform,
    *,
    bucket: str | None = None,
    model_id: str | None = None,
    also: Sequence[str] = (),
    name: str = NAME,
    token_secret: str | None = None,
) -> list[Source]:
    """Return the source of each field of the objects with the same options."""
    option = parts.of_option
    origins = _Origins(
        bucket=parts.of_bucket(bucket, platform),
        model_id="base/ira-model-config.env: MODEL_ID" if model_id is None else option("model_id"),
        also=(option("also"),) * len(also),
        lists=("@models.download",) * (1 + len(also)),
        secret=_of_secret(platform) if token_secret is None else option("token_secret"),
        namespace=_of_namespace(platform, bucket),
        name=parts.WALKTHROUGH if name == NAME else option("name"),
    )
    config_map = [
        source(parts.KIND, "ConfigMap kind"),
        source(origins.model_id, f"ConfigMap data.{MODEL_KEY}", name="model_id"),
        source(origins.bucket, f"ConfigMap data.{BUCKET_KEY}"),
    ]
    rows = [
        *_sources(platform, origins, token_secret, known=model_id is not None),
        *_of_controller(platform),
    ]
    return rows if model_id is not None else [*config_map, *rows]


def sources_of(platform: Platform, download: Download) -> list[Source]:
    """Return the source of each field of the objects that download a model to a known bucket."""
    ids = (download.model_id, *download.also)
    origins = _Origins(
        bucket="@platform.bucket",
        model_id=f"@models.model_id[{download.model_id}]",
        also=tuple(f"@models.model_id[{each}]" for each in download.also),
        lists=tuple(f"@models.download[{each}]" for each in ids),
        secret=_of_secret(platform),
        namespace=_of_namespace(platform, None),
        name="the construct: the model's name in the profiles",
    )
    rows = _sources(platform, origins, known=True)
    return [*rows, *_of_controller(platform)]


def _of_controller(platform: Platform) -> list[Source]:
    if platform.argo_cd is None:
        return []
    text = "@platform.argo_cd: the download is complete before its cells are applied"
    return [source(text, f"Job metadata.annotations.{keys.SYNC_WAVE}")]


def _of_namespace(platform: Platform, bucket: str | None) -> str:
    if bucket is None and platform.model_download.namespace is not None:
        return f"{PROFILE}.namespace"
    return parts.of_namespace(bucket)


def _sources(
    platform: Platform, origins: _Origins, token_secret: str | None = None, *, known: bool
) -> list[Source]:
    """`known`: whether the model and the bucket are values of the containers."""
    number = len(origins.also)
    return [
        *(_of_known(origins) if known else _of_config_map()),
        source(origins.bucket, f"{_OF_BUCKET}.csi.volumeAttributes.bucketName", name="bucket"),
        source(origins.secret, f"{_OF_TOKEN}.secret.secretName", name="token"),
        *token.sources(platform, token_secret, origins.namespace),
        *_from_profiles(platform, number),
        *(source(text, f"{each}.env[DOWNLOAD_BY_MODEL].value", name="download")
          for text, each in zip(origins.lists, _downloading(number), strict=True)),
        source(origins.namespace, "Job metadata.namespace", "ServiceAccount metadata.namespace",
               name="namespace"),
        source(origins.name, "Job metadata.name"),
        *_from_construct(),
        *_of_volumes(number),
        *download_disk.sources(platform, origins.namespace),
    ]  # fmt: skip


def _downloading(also: int) -> list[str]:
    return [each.removesuffix(".name") for each in containers.of_downloads(also, "name")]


def _of_config_map() -> list[Source]:
    variables = [f"env[{name}]" for name in containers.PLACEHOLDERS]
    return [source(parts.CONFIG, *containers.of_all(0, *variables))]


def _of_known(origins: _Origins) -> list[Source]:
    own, *others = _downloading(len(origins.also))
    installs, value = f"{POD}.initContainers[{containers.INSTALLATION}]", f"env[{MODEL_KEY}].value"
    every = [installs, own, *others]
    return [
        source(origins.model_id, f"{own}.{value}", f"{installs}.{value}", name="model_id"),
        *(source(text, f"{each}.{value}", name="also")
          for text, each in zip(origins.also, others, strict=True)),
        source(origins.bucket, *(f"{each}.env[{BUCKET_KEY}].value" for each in every)),
        source("the construct: a variable of the script",
               *(f"{each}.env[{name}].name" for each in every
                 for name in (MODEL_KEY, BUCKET_KEY))),
    ]  # fmt: skip


def _of_secret(platform: Platform) -> str:
    given = platform.model_download.token
    if given is not None and given.secret is not None:
        return f"{PROFILE}.token.secret"
    if given is not None:
        return "the construct: the Secret's name"
    if platform.bucket is not None:
        return "the construct: the Secret's name, unless a profile gives another"
    return "the construct: the Secret that kustomize makes of base/hugging-face-token.env"


def _from_profiles(platform: Platform, also: int) -> list[Source]:
    """Return the rows of values from profiles, in the order in which `explain` lists them."""
    tolerations = f"{PROFILE}.tolerations"
    tolerated = len(platform.model_download.tolerations)
    return [
        source(f"{PROFILE}.service_account", f"{POD}.serviceAccountName",
               "ServiceAccount metadata.name", name="service_account"),
        *containers.sources(platform, also),
        source(f"{PROFILE}.fs_group", f"{POD}.securityContext.fsGroup", name="fs_group"),
        *download_disk.from_profiles(platform),
        source(f"{PROFILE}.active_deadline_seconds", "Job spec.activeDeadlineSeconds",
               name="active_deadline_seconds"),
        source(f"{PROFILE}.ttl_seconds_after_finished", "Job spec.ttlSecondsAfterFinished",
               name="ttl_seconds_after_finished"),
        source(tolerations, f"{POD}.tolerations", name="tolerations", listed=taints),
        *of_items(tolerations, f"{POD}.tolerations", range(tolerated)),
    ]  # fmt: skip


def _from_construct() -> list[Source]:
    """Return the rows of values that no profile decides, except containers and volumes."""
    template = "Job spec.template.metadata"
    return [
        *parts.described("Job", "ServiceAccount"),
        source("the construct: the Job's name", f"{template}.labels.app"),
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


def _of_volumes(also: int) -> list[Source]:
    """Return the rows of volumes and mounts that the construct decides."""
    temporary, packages = (
        [f"{POD}.volumes[{name}]", *containers.of_all(also, f"volumeMounts[{name}]")]
        for name in (parts.TEMPORARY_VOLUME, PACKAGES_VOLUME)
    )
    return [
        source(parts.SIDECAR, _OF_BUCKET),
        source("the construct: with a wrong bucket the Job starts, and says so",
               f"{_OF_BUCKET}.csi.volumeAttributes.skipCSIBucketAccessCheck"),
        source("the construct: the bucket's mount, for writing",
               *containers.of_downloads(also, f"volumeMounts[{parts.BUCKET_VOLUME}]")),
        source("the construct: the token, a file for the container that talks to the Hub",
               _OF_TOKEN, *containers.of_downloads(also, f"volumeMounts[{TOKEN_VOLUME}]")),
        source("the construct: the group of fs_group reads it", f"{_OF_TOKEN}.secret.defaultMode"),
        source("the construct: what the first container installs for the second", *packages),
        source("the construct: all that is written beside a read-only root", *temporary,
               *containers.of_all(also, "env[HOME]")),
    ]  # fmt: skip
