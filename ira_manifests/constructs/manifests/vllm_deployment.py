"""The objects of `VllmDeployment`, and the sources of their fields."""

from __future__ import annotations

from ira_manifests.constructs.manifests import fetch_safetensors, parts
from ira_manifests.constructs.manifests.parts import Json
from ira_manifests.constructs.manifests.sources import Source, of_items, option, source, taints
from ira_manifests.kubernetes import labels as keys
from ira_manifests.kubernetes import queued_capacity as queued
from ira_manifests.layout import MOUNT_ROOT, mount_path
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.schema import Engine
from ira_manifests.vllm.draining import LEAVING, OPTION, TEARDOWN, Drain

_PORT = 8000
_NAME = "vllm"
_SERVER = "inference-server"
_SHARED_MEMORY = "dshm"

# Health checks, in seconds. A server under load can answer late without hanging, so the liveness
# probe allows three minutes of failures. The startup probe covers the loading of the model; its
# length is the engine's startup_seconds.
_STARTUP_PERIOD = 10
_HEALTH = {"httpGet": {"path": "/health", "port": _PORT, "scheme": "HTTP"}}
_READINESS = {**_HEALTH, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 3}
_LIVENESS = {**_HEALTH, "periodSeconds": 30, "timeoutSeconds": 10, "failureThreshold": 6}


def objects(
    cell: Cell, *, bucket: str | None = None, service_account: str | None = None
) -> dict[str, Json]:
    """Return the objects by their ids in the construct. The options are those of the construct."""
    found = {}
    if service_account is None:
        service_account = cell.service_account
        account_labels = parts.labels(_NAME, service_account, "service-account")
        found["ServiceAccount"] = parts.service_account(service_account, account_labels)
    config_map = parts.CONFIG_MAP
    if bucket is not None:
        values = {"IRA_BUCKET_NAME": bucket, **cell.runtime_values}
        found["ConfigMap"] = parts.config_map(values, _labels(cell))
        config_map = found["ConfigMap"]["metadata"]["name"]
    pod = _pod_spec(cell, service_account, config_map, bucket or parts.BUCKET_PLACEHOLDER)
    return {**found, "Service": _service(cell), "Default": _deployment(cell, pod, bucket)}


def selector(cell: Cell) -> dict[str, str]:
    """Return the labels that select only this workload's Pods; immutable once applied."""
    own = _labels(cell)
    return {key: own[key] for key in (keys.NAME, keys.INSTANCE)}


def _labels(cell: Cell) -> dict[str, str]:
    return parts.labels(_NAME, cell.workload_name, _SERVER)


def _service(cell: Cell) -> Json:
    port = {"name": "http", "protocol": "TCP", "port": _PORT, "targetPort": _PORT}
    spec = {"type": "ClusterIP", "selector": selector(cell), "ports": [port]}
    return parts.manifest("v1", "Service", cell.workload_name, _labels(cell), {"spec": spec})


def _deployment(cell: Cell, pod_spec: Json, bucket: str | None) -> Json:
    engine = cell.platform.engine
    annotations = {**keys.GCSFUSE_ANNOTATIONS, keys.DEFAULT_CONTAINER: _SERVER}
    spec = {
        "replicas": 1,
        "progressDeadlineSeconds": (
            cell.platform.inference.node_wait_seconds + engine.startup_seconds
        ),
        "strategy": {"type": "Recreate"},
        "selector": {"matchLabels": selector(cell)},
        "template": {
            "metadata": {"labels": _labels(cell), "annotations": annotations},
            "spec": pod_spec,
        },
    }
    labels = {**_labels(cell), keys.VERSION: engine.version, **parts.bucket_label(bucket)}
    return parts.manifest("apps/v1", "Deployment", cell.workload_name, labels, {"spec": spec})


def _pod_spec(cell: Cell, service_account: str, config_map: str, bucket: str) -> Json:
    inference = cell.platform.inference
    return {
        "serviceAccountName": service_account,
        # No container calls the API server. Cloud Storage FUSE gets its own tokens, from the
        # kubelet (tokenRequests of its CSIDriver) and from GKE's metadata server; its tests start
        # Pods without this one (GoogleCloudPlatform/gcs-fuse-csi-driver, test/e2e/testsuites).
        "automountServiceAccountToken": False,
        # Otherwise the variables of a Service could overwrite an engine's setting: VLLM_PORT.
        "enableServiceLinks": False,
        "nodeSelector": {queued.COMPUTE_CLASS: cell.machine.compute_class},
        "tolerations": parts.tolerations(inference.tolerations),
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [_server(cell, config_map), fetch_safetensors.container(cell, config_map)],
        "volumes": _volumes(cell, bucket),
        **_grace_period(cell.platform.engine.drain),
    }


def _grace_period(drain: Drain | None) -> Json:
    return {} if drain is None else {"terminationGracePeriodSeconds": drain.grace_period}


def _pre_stop(drain: Drain | None) -> Json:
    """Return the preStop hook, which waits until the Pod is removed from its Services.

    It runs a command, because Kubernetes before 1.30 silently drops the API's own sleep action.
    """
    if drain is None:
        return {}
    command = ["sleep", str(drain.pre_stop)]
    return {"lifecycle": {"preStop": {"exec": {"command": command}}}}


def _shutdown_timeout(drain: Drain | None) -> list[str]:
    if drain is None or drain.shutdown_timeout is None:
        return []
    return [f"{OPTION}={drain.shutdown_timeout}"]


def _server(cell: Cell, config_map: str) -> Json:
    engine, profile = cell.platform.engine, cell.profile
    startup_failures = -(-engine.startup_seconds // _STARTUP_PERIOD)
    return {
        "name": _SERVER,
        "image": engine.reference,
        "imagePullPolicy": "Always",
        "command": ["vllm", "serve"],
        "args": [
            mount_path("$(MODEL_ID)"),
            "--gpu-memory-utilization=$(GPU_MEMORY_UTILIZATION)",
            "--max-model-len=$(MAX_MODEL_LEN)",
            "--tensor-parallel-size=$(TENSOR_PARALLEL_SIZE)",
            *cell.server_flags,
            *_shutdown_timeout(engine.drain),
        ],
        "env": [*parts.env(config_map, list(cell.runtime_values)), *_settings(engine)],
        "ports": [{"name": "metrics", "containerPort": _PORT, "protocol": "TCP"}],
        "resources": parts.resources_of(
            profile.cpu, profile.memory, **{keys.GPU: str(profile.gpus)}
        ),
        "startupProbe": {
            **_HEALTH,
            "periodSeconds": _STARTUP_PERIOD,
            "timeoutSeconds": 5,
            "failureThreshold": startup_failures,
        },
        "readinessProbe": _READINESS,
        "livenessProbe": _LIVENESS,
        **_pre_stop(engine.drain),
        "securityContext": parts.container_security(
            engine.run_as_user, read_only=engine.read_only_root
        ),
        "volumeMounts": [
            {"name": _SHARED_MEMORY, "mountPath": "/dev/shm"},  # noqa: S108  not a temporary file
            parts.model_mount(cell),
            *([parts.TEMPORARY_MOUNT] if engine.read_only_root else ()),
        ],
    }


def _settings(engine: Engine) -> list[Json]:
    """Return the environment variables that disable access to the Hub and usage statistics.

    The model is local, so the Hub is not needed. vLLM sends usage statistics unless one of two
    variables is set (vllm/usage/usage_lib.py).
    """
    settings = parts.variables(HF_HUB_OFFLINE="1", VLLM_NO_USAGE_STATS="1", DO_NOT_TRACK="1")
    # Caches of compiled kernels are in the home directory of the engine's user.
    home = parts.variables(HOME=parts.TEMPORARY) if engine.read_only_root else []
    return [*settings, *home]


def _volumes(cell: Cell, bucket: str) -> list[Json]:
    only_model = f"only-dir:{cell.model.model_id}"
    attributes = {
        "bucketName": bucket,
        "mountOptions": ",".join([*cell.platform.inference.mount_options, only_model]),
        "skipCSIBucketAccessCheck": "true",
    }
    csi = {"driver": keys.GCSFUSE_DRIVER, "volumeAttributes": attributes}
    # The sidecar uses volumes of these names for its cache, temporary files and write buffer.
    sidecar = ("gke-gcsfuse-cache", "gke-gcsfuse-tmp", "gke-gcsfuse-buffer")
    # Shared memory counts as the server's memory. The other volumes have no limit: the sidecar's
    # cache is as large as the model's files, and the size of compiled kernels is not known either.
    shared = {"medium": "Memory", "sizeLimit": cell.profile.memory}
    return [
        {"name": parts.BUCKET_VOLUME, "csi": csi},
        {"name": _SHARED_MEMORY, "emptyDir": shared},
        *({"name": name, "emptyDir": {"medium": "Memory"}} for name in sidecar),
        *([parts.temporary_volume()] if cell.platform.engine.read_only_root else ()),
    ]


POD = "Deployment spec.template.spec"
_OF_SERVER, _OF_FETCH = (f"{POD}.containers[{name}]" for name in (_SERVER, fetch_safetensors.NAME))
_OF_BUCKET = f"{POD}.volumes[{parts.BUCKET_VOLUME}]"
_STARTUP = "@platform.engine.startup_seconds"


def sources(
    cell: Cell, *, bucket: str | None = None, service_account: str | None = None
) -> list[Source]:
    """Return the source of each field of the objects with the same options."""
    of_account = "@platform.inference.service_account"
    if service_account is not None:
        of_account = parts.of_option("service_account")
    return [
        *_from_profiles(cell, of_account),
        source(parts.of_namespace(bucket), "Deployment metadata.namespace",
               "Service metadata.namespace", "ServiceAccount metadata.namespace",
               name="namespace"),
        *_from_construct(bucket),
    ]  # fmt: skip


def _from_profiles(cell: Cell, of_account: str) -> list[Source]:
    """Return the rows of values from profiles, in the order in which `explain` lists them."""
    server, fetch = _OF_SERVER, _OF_FETCH
    seconds = cell.platform.engine.startup_seconds
    temporary, mount = parts.TEMPORARY_VOLUME, f"volumeMounts[{parts.BUCKET_VOLUME}].mountPath"
    tolerations = "@platform.inference.tolerations"
    tolerated = len(cell.platform.inference.tolerations)
    staged = cell.profile.pipeline_parallel > 1
    gpus = "@cell.tensor_parallel" + (" × @cell.pipeline_parallel" if staged else "")
    return [
        source("@platform.inference.workload_name", "Deployment metadata.name",
               "Deployment spec.selector", "Service metadata.name", "Service spec.selector",
               name="workload_name"),
        source(of_account, f"{POD}.serviceAccountName", "ServiceAccount metadata.name",
               name="service_account"),
        source("@machine.compute_class", f"{POD}.nodeSelector.{queued.COMPUTE_CLASS}",
               name="compute_class"),
        source(tolerations, f"{POD}.tolerations", name="tolerations", listed=taints),
        *of_items(tolerations, f"{POD}.tolerations", range(tolerated)),
        source("@platform.engine.reference", f"{server}.image", name="image"),
        source("@platform.engine.version", f"Deployment metadata.labels.{keys.VERSION}",
               name="engine_version"),
        source("@platform.engine.run_as_user", f"{server}.securityContext.runAsUser",
               name="run_as_user"),
        source("@platform.engine.read_only_root",
               f"{server}.securityContext.readOnlyRootFilesystem", f"{server}.env[HOME]",
               f"{server}.volumeMounts[{temporary}]", f"{POD}.volumes[{temporary}]",
               name="read_only_root"),
        source("@cell.gpu_memory_utilization", "ConfigMap data.GPU_MEMORY_UTILIZATION",
               name="gpu_memory_utilization"),
        source("@cell.max_model_len", "ConfigMap data.MAX_MODEL_LEN", name="max_model_len"),
        source("@cell.tensor_parallel", "ConfigMap data.TENSOR_PARALLEL_SIZE",
               name="tensor_parallel"),
        source("@model.model_id", "ConfigMap data.MODEL_ID", name="model_id"),
        source("@model.trust_remote_code", f"{server}.args[--trust-remote-code]",
               name="--trust-remote-code"),
        source("@cell.kv_cache_dtype", f"{server}.args[--kv-cache-dtype]",
               name="--kv-cache-dtype"),
        source("@cell.pipeline_parallel", f"{server}.args[--pipeline-parallel-size]",
               name="--pipeline-parallel-size"),
        *(source("@cell.flags", f"{server}.args[{flag}]", name=flag)
          for flag in dict.fromkeys(map(option, cell.profile.flags))),
        source("@cell.cpu", f"{server}.resources.limits.cpu", f"{server}.resources.requests.cpu",
               name="cpu"),
        source("@cell.memory", f"{server}.resources.limits.memory",
               f"{server}.resources.requests.memory",
               f"{POD}.volumes[{_SHARED_MEMORY}].emptyDir.sizeLimit", name="memory"),
        source(f"{gpus}: one GPU for each part",
               f"{server}.resources.limits.{keys.GPU}", f"{server}.resources.requests.{keys.GPU}",
               name="gpus"),
        source(f"@model.model_id: {MOUNT_ROOT}/ and the model id",
               *(f"{each}.{mount}" for each in (server, fetch)), name="mount_path"),
        *fetch_safetensors.sources(fetch),
        source("@platform.inference.mount_options and @model.model_id",
               f"{_OF_BUCKET}.csi.volumeAttributes.mountOptions", name="mount_options"),
        source(f"{_STARTUP}: {seconds} seconds, one try every {_STARTUP_PERIOD}",
               f"{server}.startupProbe.failureThreshold", name="startup_tries"),
        source(f"@platform.inference.node_wait_seconds + {_STARTUP}",
               "Deployment spec.progressDeadlineSeconds", name="progress_deadline_seconds"),
        source(f"@platform.engine.drain_seconds + {LEAVING} for the Services + {TEARDOWN} for the "
               "engine to end", f"{POD}.terminationGracePeriodSeconds", name="grace_period"),
        source("@platform.engine.drain_seconds", f"{server}.args[{OPTION}]", name=OPTION),
    ]  # fmt: skip


_PROBE = "the construct: vLLM's /health"
_SETTINGS = "the construct: the server looks nothing up on the Hub, and sends no statistics"
_SHARED = "the construct: shared memory of the parallel workers"


def _from_construct(bucket: str | None) -> list[Source]:
    """Return the rows of values that no profile decides; docs/differences.md explains most."""
    server = _OF_SERVER
    template = "Deployment spec.template.metadata"
    return [
        *parts.described("Deployment", "Service", "ServiceAccount"),
        *_of_config_map(bucket),
        source(parts.of_bucket(bucket), f"Deployment metadata.labels.{keys.BUCKET}",
               f"{_OF_BUCKET}.csi.volumeAttributes.bucketName"),
        source("the construct: reached from inside the cluster", "Service spec.type"),
        source("the construct: vLLM's port", "Service spec.ports"),
        source("the construct: one Pod a workload", "Deployment spec.replicas"),
        source("the construct: the old Pod must leave its GPUs to the new one",
               "Deployment spec.strategy"),
        source(parts.LABELS, f"{template}.labels"),
        source(parts.SIDECAR, f"{template}.annotations", f"{POD}.volumes"),
        source("the construct: kubectl logs shows the server",
               f"{template}.annotations.{keys.DEFAULT_CONTAINER}"),
        source(parts.API_SERVER, f"{POD}.automountServiceAccountToken"),
        source("the construct: a Service's VLLM_PORT would be taken for a setting",
               f"{POD}.enableServiceLinks"),
        source(parts.SECURITY, f"{POD}.securityContext", f"{server}.securityContext"),
        source(_SHARED, f"{POD}.volumes[{_SHARED_MEMORY}]",
               f"{server}.volumeMounts[{_SHARED_MEMORY}]"),
        source(parts.VOLUME, f"{server}.volumeMounts[{parts.BUCKET_VOLUME}]"),
        source(parts.CONFIG, f"{server}.env"),
        source(parts.WALKTHROUGH, f"{server}.name"),
        source(parts.REFERENCE, f"{server}.imagePullPolicy"),
        source("the construct: the entry that every release of vLLM knows", f"{server}.command"),
        source("the construct: the values of the ConfigMap, $(NAME) expanded", f"{server}.args"),
        source(_SETTINGS, f"{server}.env[HF_HUB_OFFLINE]", f"{server}.env[VLLM_NO_USAGE_STATS]",
               f"{server}.env[DO_NOT_TRACK]"),
        source("the construct: vLLM's port, under the name of the reference architecture",
               f"{server}.ports"),
        source(_PROBE, f"{server}.startupProbe"),
        source(f"{_PROBE}; half a minute of failures takes it out of the Service",
               f"{server}.readinessProbe"),
        source(f"{_PROBE}; three minutes of failures restart it", f"{server}.livenessProbe"),
        source("the construct: the Pod leaves its Services before the server ends",
               f"{server}.lifecycle"),
    ]  # fmt: skip


def _of_config_map(bucket: str | None) -> list[Source]:
    """Return the rows of the construct's ConfigMap, or of the one that kustomize generates."""
    if bucket is None:
        return [source(parts.KIND, "ConfigMap kind")]
    of_bucket = source(parts.of_bucket(bucket), "ConfigMap data.IRA_BUCKET_NAME")
    return [*parts.sources_of_config_map(), of_bucket]
