"""The objects of `VllmDeployment`, and the sources of their fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ira_manifests.constructs.manifests import (
    fetch_safetensors,
    inference_server,
    leader_worker_set,
    metadata,
    parts,
    patches,
    pod_additions,
    rollout,
)
from ira_manifests.constructs.manifests.inference_server import PORT, SHARED_MEMORY
from ira_manifests.constructs.manifests.parts import Json
from ira_manifests.constructs.manifests.sources import Source, of_items, source, taints
from ira_manifests.kubernetes import labels as keys
from ira_manifests.kubernetes import queued_capacity as queued
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.repositories import Beside
from ira_manifests.vllm.draining import LEAVING, TEARDOWN, Drain

_NAME = "vllm"


def objects(
    cell: Cell, *, bucket: str | None = None, service_account: str | None = None
) -> dict[str, Json]:
    """Return the objects by their ids in the construct, with the patches of the cell's profiles.

    The options are those of the construct.
    """
    return patches.applied(cell, unpatched(cell, bucket=bucket, service_account=service_account))


def service_account(cell: Cell) -> Json:
    """Return a cell's service account alone, with the patches of the cell's profiles."""
    made = {"ServiceAccount": _service_account(cell, cell.service_account)}
    return patches.applied(cell, made)["ServiceAccount"]


def unpatched(
    cell: Cell, *, bucket: str | None = None, service_account: str | None = None
) -> dict[str, Json]:
    """Return the same objects without patches."""
    found = {}
    if service_account is None:
        service_account = cell.service_account
        found["ServiceAccount"] = _service_account(cell, service_account)
    config_map = parts.config_map_of(cell)
    if bucket is not None:
        values = {"IRA_BUCKET_NAME": bucket, **cell.runtime_values}
        found["ConfigMap"] = parts.config_map(
            values, _labels(cell, "ConfigMap"), metadata.annotations_of(cell, "ConfigMap")
        )
        config_map = found["ConfigMap"]["metadata"]["name"]
    pod = _pod_spec(cell, service_account, config_map, bucket or parts.BUCKET_PLACEHOLDER)
    deployment = _deployment(cell, pod, bucket)
    if cell.profile.nodes > 1:
        deployment = leader_worker_set.of_deployment(cell, deployment)
    return {**found, "Service": _service(cell), "Default": deployment}


def selector(cell: Cell) -> dict[str, str]:
    """Return the labels that select only the workload's Pods that serve; immutable once applied.

    Of several nodes, those are the leaders.
    """
    own = _labels(cell, "Pod")
    leads = leader_worker_set.LEADS if cell.profile.nodes > 1 else {}
    return {**{key: own[key] for key in (keys.NAME, keys.INSTANCE)}, **leads}


def _labels(cell: Cell, kind: str) -> dict[str, str]:
    own = parts.labels(_NAME, cell.workload_name, inference_server.NAME)
    return {**own, **metadata.labels_of(cell, kind)}


def _service_account(cell: Cell, name: str) -> Json:
    kind = "ServiceAccount"
    own = parts.labels(_NAME, name, "service-account")
    return parts.service_account(
        name, {**own, **metadata.labels_of(cell, kind)}, metadata.annotations_of(cell, kind)
    )


def _service(cell: Cell) -> Json:
    port = {"name": "http", "protocol": "TCP", "port": PORT, "targetPort": PORT}
    spec = {"type": "ClusterIP", "selector": selector(cell), "ports": [port]}
    return parts.manifest(
        "v1",
        "Service",
        cell.workload_name,
        _labels(cell, "Service"),
        {"spec": spec},
        metadata.annotations_of(cell, "Service"),
    )


def _deployment(cell: Cell, pod_spec: Json, bucket: str | None) -> Json:
    engine, kind = cell.engine, "Deployment"
    others = ",".join(f"{each.model_id}@{each.revision}" for each in _pinned(cell))
    annotations = {
        **keys.GCSFUSE_ANNOTATIONS,
        keys.DEFAULT_CONTAINER: inference_server.NAME,
        # The server reads a folder: it has no revision to be told, but another one is other files.
        **({keys.REVISION: cell.model.revision} if cell.model.revision else {}),
        **({keys.OTHER_REVISIONS: others} if others else {}),
        **metadata.annotations_of(cell, "Pod"),
    }
    spec = {
        # Beside an autoscaler, every apply would set the number of Pods again.
        **({} if cell.settings.autoscaling else {"replicas": cell.settings.replicas or 1}),
        "progressDeadlineSeconds": (
            cell.platform.inference.node_wait_seconds
            + engine.startup_seconds
            + rollout.ready_seconds(cell)
        ),
        **rollout.fields(cell),
        "selector": {"matchLabels": selector(cell)},
        "template": {
            "metadata": {"labels": _labels(cell, "Pod"), "annotations": annotations},
            "spec": pod_spec,
        },
    }
    labels = {**_labels(cell, kind), keys.VERSION: engine.version, **parts.bucket_label(bucket)}
    return parts.manifest(
        "apps/v1",
        kind,
        cell.workload_name,
        labels,
        {"spec": spec},
        metadata.annotations_of(cell, kind),
    )


def _pinned(cell: Cell) -> list[Beside]:
    return [each for each in cell.repositories if each.revision is not None]


def _pod_spec(cell: Cell, service_account: str, config_map: str, bucket: str) -> Json:
    inference, given = cell.platform.inference, cell.settings
    pull = {"imagePullSecrets": [{"name": name} for name in given.image_pull_secrets]}
    priority = {"priorityClassName": given.priority_class}
    return {
        "serviceAccountName": service_account,
        # No container calls the API server. Cloud Storage FUSE gets its own tokens, from the
        # kubelet (tokenRequests of its CSIDriver) and from GKE's metadata server; its tests start
        # Pods without this one (GoogleCloudPlatform/gcs-fuse-csi-driver, test/e2e/testsuites).
        "automountServiceAccountToken": False,
        # Otherwise the variables of a Service could overwrite an engine's setting: VLLM_PORT.
        "enableServiceLinks": False,
        **(pull if given.image_pull_secrets else {}),
        **(priority if given.priority_class else {}),
        "nodeSelector": {queued.COMPUTE_CLASS: cell.machine.compute_class, **given.node_selector},
        "tolerations": parts.tolerations(inference.tolerations),
        **pod_additions.topology_spread(cell, selector(cell)),
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        **pod_additions.init_containers(cell),
        "containers": [
            inference_server.container(cell, config_map),
            fetch_safetensors.container(cell, config_map),
            *given.containers,
        ],
        "volumes": [*_volumes(cell, bucket), *given.volumes],
        **_grace_period(cell.engine.drain),
    }


def _grace_period(drain: Drain | None) -> Json:
    return {} if drain is None else {"terminationGracePeriodSeconds": drain.grace_period}


def _bucket_volume(cell: Cell, bucket: str, name: str, model_id: str) -> Json:
    options = [*cell.platform.inference.mount_options, f"only-dir:{model_id}"]
    attributes = {
        "bucketName": bucket,
        "mountOptions": ",".join(options),
        "skipCSIBucketAccessCheck": "true",
    }
    return {"name": name, "csi": {"driver": keys.GCSFUSE_DRIVER, "volumeAttributes": attributes}}


def _volumes(cell: Cell, bucket: str) -> list[Json]:
    folders = parts.bucket_volumes(cell).items()
    # The sidecar uses volumes of these names for its cache, temporary files and write buffer.
    sidecar = ("gke-gcsfuse-cache", "gke-gcsfuse-tmp", "gke-gcsfuse-buffer")
    # Shared memory counts as the server's memory. The other volumes have no limit: the sidecar's
    # cache is as large as the model's files, and the size of compiled kernels is not known either.
    shared = {"medium": "Memory", "sizeLimit": cell.profile.memory}
    return [
        *(_bucket_volume(cell, bucket, name, model_id) for name, model_id in folders),
        {"name": SHARED_MEMORY, "emptyDir": shared},
        *({"name": name, "emptyDir": {"medium": "Memory"}} for name in sidecar),
        *([parts.temporary_volume()] if cell.engine.read_only_root else ()),
    ]


POD = "Deployment spec.template.spec"
_OF_SERVER = f"{POD}.containers[{inference_server.NAME}]"
_OF_FETCH = f"{POD}.containers[{fetch_safetensors.NAME}]"
_OF_BUCKET = f"{POD}.volumes[{parts.BUCKET_VOLUME}]"
_STARTUP = "@engine.startup_seconds"
_TEMPLATE = "Deployment spec.template.metadata"
_KINDS = ("Deployment", "Pod", "Service", "ServiceAccount")


def sources(
    cell: Cell, *, bucket: str | None = None, service_account: str | None = None
) -> list[Source]:
    """Return the source of each field of the objects with the same options."""
    rows = _sources(cell, bucket, service_account)
    return leader_worker_set.sources(rows) if cell.profile.nodes > 1 else rows


def _sources(cell: Cell, bucket: str | None, service_account: str | None) -> list[Source]:
    of_account = "@platform.inference.service_account"
    if service_account is not None:
        of_account = parts.of_option("service_account")
    rows = [
        *_from_profiles(cell, of_account, bucket),
        source(parts.of_namespace(bucket), "Deployment metadata.namespace",
               "Service metadata.namespace", "ServiceAccount metadata.namespace",
               name="namespace"),
        *_from_construct(cell, bucket),
    ]  # fmt: skip
    made = unpatched(cell, bucket=bucket, service_account=service_account)
    return [*rows, *patches.sources(cell, made.values(), rows)]


def _from_profiles(cell: Cell, of_account: str, bucket: str | None) -> list[Source]:
    """Return the rows of values from profiles, in the order in which `explain` lists them."""
    tolerations = "@platform.inference.tolerations"
    tolerated = len(cell.platform.inference.tolerations)
    kinds = _KINDS if bucket is None else (*_KINDS, "ConfigMap")
    pull = cell.settings.image_pull_secrets
    return [
        source("@platform.inference.workload_name", "Deployment metadata.name",
               "Deployment spec.selector", "Service metadata.name", "Service spec.selector",
               name="workload_name"),
        source(of_account, f"{POD}.serviceAccountName", "ServiceAccount metadata.name",
               name="service_account"),
        *_of_replicas(cell),
        source("@settings.priority_class", f"{POD}.priorityClassName", name="priority_class"),
        *(source(f"@settings.image_pull_secrets[{index}]", f"{POD}.imagePullSecrets[{secret}]",
                 name="image_pull_secrets", listed=_names)
          for index, secret in enumerate(pull)),
        source("@machine.compute_class", f"{POD}.nodeSelector.{queued.COMPUTE_CLASS}",
               name="compute_class"),
        *(source(f"@settings.node_selector[{key}]", f"{POD}.nodeSelector.{key}",
                 name=f"node_selector.{key}") for key in cell.settings.node_selector),
        *_of_revisions(cell),
        *metadata.sources(cell, *kinds),
        source(tolerations, f"{POD}.tolerations", name="tolerations", listed=taints),
        *of_items(tolerations, f"{POD}.tolerations", range(tolerated)),
        source("@engine.version", f"Deployment metadata.labels.{keys.VERSION}",
               name="engine_version"),
        source("@cell.gpu_memory_utilization", "ConfigMap data.GPU_MEMORY_UTILIZATION",
               name="gpu_memory_utilization"),
        source("@cell.max_model_len", "ConfigMap data.MAX_MODEL_LEN", name="max_model_len"),
        source("@cell.tensor_parallel", "ConfigMap data.TENSOR_PARALLEL_SIZE",
               name="tensor_parallel"),
        source("@model.model_id", "ConfigMap data.MODEL_ID", name="model_id"),
        *inference_server.sources(cell, _OF_SERVER),
        source("@cell.memory", f"{POD}.volumes[{SHARED_MEMORY}].emptyDir.sizeLimit"),
        source("@engine.read_only_root", f"{POD}.volumes[{parts.TEMPORARY_VOLUME}]"),
        *fetch_safetensors.sources(cell, _OF_FETCH),
        *pod_additions.sources(cell, POD, _OF_SERVER),
        source(inference_server.MOUNTED,
               f"{_OF_FETCH}.volumeMounts[{parts.BUCKET_VOLUME}].mountPath"),
        source("@platform.inference.mount_options and @model.model_id",
               f"{_OF_BUCKET}.csi.volumeAttributes.mountOptions", name="mount_options"),
        *(source(f"@platform.inference.mount_options and {setting}",
                 f"{POD}.volumes[{name}].csi.volumeAttributes.mountOptions", name="mount_options")
          for name, setting in parts.other_volumes(cell).items()),
        source(f"@platform.inference.node_wait_seconds + {_STARTUP}{rollout.and_ready(cell)}",
               "Deployment spec.progressDeadlineSeconds", name="progress_deadline_seconds"),
        *rollout.sources(cell),
        source(f"@engine.drain_seconds + {LEAVING} for the Services + {TEARDOWN} for the "
               "engine to end", f"{POD}.terminationGracePeriodSeconds", name="grace_period"),
    ]  # fmt: skip


def _of_revisions(cell: Cell) -> list[Source]:
    noted = f"{_TEMPLATE}.annotations"
    others = " and ".join(parts.setting_of(each) for each in _pinned(cell))
    rows = (
        (cell.model.revision, "@model.revision", keys.REVISION, "revision"),
        (others, others, keys.OTHER_REVISIONS, "other_revisions"),
    )
    return [source(text, f"{noted}.{key}", name=name) for given, text, key, name in rows if given]


def _of_replicas(cell: Cell) -> list[Source]:
    field = "Deployment spec.replicas"
    if cell.settings.autoscaling is not None:
        return []
    if cell.settings.replicas is not None:
        return [source("@settings.replicas", field, name="replicas")]
    return [source("the construct: one Pod a workload", field)]


def _names(values: Sequence[Any]) -> str:
    return ", ".join(str(item["name"]) for item in values)


def _from_construct(cell: Cell, bucket: str | None) -> list[Source]:
    """Return the rows of values that no profile decides; docs/differences.md explains most."""
    return [
        *parts.described("Deployment", "Service", "ServiceAccount"),
        *_of_config_map(cell, bucket),
        source(parts.of_bucket(bucket, cell.platform), f"Deployment metadata.labels.{keys.BUCKET}",
               *(f"{POD}.volumes[{name}].csi.volumeAttributes.bucketName"
                 for name in parts.bucket_volumes(cell))),
        source("the construct: reached from inside the cluster", "Service spec.type"),
        source("the construct: vLLM's port", "Service spec.ports"),
        source(parts.LABELS, f"{_TEMPLATE}.labels"),
        source(parts.SIDECAR, f"{_TEMPLATE}.annotations", f"{POD}.volumes"),
        source("the construct: kubectl logs shows the server",
               f"{_TEMPLATE}.annotations.{keys.DEFAULT_CONTAINER}"),
        source(parts.API_SERVER, f"{POD}.automountServiceAccountToken"),
        source("the construct: a Service's VLLM_PORT would be taken for a setting",
               f"{POD}.enableServiceLinks"),
        source(parts.SECURITY, f"{POD}.securityContext"),
        source(inference_server.SHARED, f"{POD}.volumes[{SHARED_MEMORY}]"),
    ]  # fmt: skip


def _of_config_map(cell: Cell, bucket: str | None) -> list[Source]:
    """Return the rows of the construct's ConfigMap, or of the one that kustomize generates."""
    of_bucket = source(parts.of_bucket(bucket, cell.platform), "ConfigMap data.IRA_BUCKET_NAME")
    own = parts.sources_of_config_map()
    if bucket is None:
        own = [source(parts.KIND, "ConfigMap kind")]
        own += parts.sources_of_final_config_map() if cell.platform.rendered else []
    return [*own, of_bucket]
