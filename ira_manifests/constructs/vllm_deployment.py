"""`VllmDeployment`: one model on one GPU type, served by vLLM's OpenAI-compatible server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cdk8s import ApiObject
from constructs import Construct

from ira_manifests.constructs import _objects as objects
from ira_manifests.constructs._jsii_batch import Composite, holds
from ira_manifests.errors import InputError
from ira_manifests.kubernetes import labels as keys
from ira_manifests.kubernetes import names
from ira_manifests.kubernetes import queued_capacity as queued
from ira_manifests.layout import mount_path
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.schema import Engine
from ira_manifests.vllm.draining import OPTION, Drain

PORT = 8000
BUCKET_VOLUME = "gcsfuse"
_SERVER = "inference-server"

# The warm-up writes nothing to disk but its log, a few lines for each file of the model. The
# kubelet keeps five files of 10 MiB of a container's log.
_LOGS = "64Mi"

# Health checks, in seconds. A server that answers late under load is not a hung one, so liveness
# gives it three minutes; the load itself is the startup probe's, whose length is the engine's.
_STARTUP_PERIOD = 10
_HEALTH = {"httpGet": {"path": "/health", "port": PORT, "scheme": "HTTP"}}
_READINESS = {**_HEALTH, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 3}
_LIVENESS = {**_HEALTH, "periodSeconds": 30, "timeoutSeconds": 10, "failureThreshold": 6}


class VllmDeployment(Composite):
    """A Deployment, its Service and its Kubernetes service account.

    Objects: ServiceAccount (id "ServiceAccount", with the first workload of its model in a
    chart), ConfigMap (id "ConfigMap", only with `bucket`), Service (id "Service"), Deployment
    (id "Default", so `ApiObject.of(construct)`).

    `cell`: what runs where. `bucket`: the bucket that holds the model; with it the construct
    stands on its own. Default: none, for a kustomize directory that generates the ConfigMap
    `ira-model-configmap` and puts the bucket's name in place.
    `service_account`: the name of an account that exists. Default: the cell's, which is added.

    Raises `InputError` for a name that is none, and for a second workload of one name in a chart.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        cell: Cell,
        bucket: str | None = None,
        service_account: str | None = None,
    ) -> None:
        if bucket is not None:
            names.require("the bucket", bucket, names.check_bucket)
        self.cell = cell
        self.name = cell.workload_name
        self._consumes = False
        if holds(scope, "Deployment", self.name):
            raise InputError(
                f"{objects.path(scope, id)}: the chart has a Deployment {self.name} already; name "
                'workloads apart, such as with load_matrix(workload_name="vllm-{gpu}-{model}")'
            )
        self._labels = objects.labels("vllm", self.name, _SERVER)
        manifests = []
        if service_account is None:
            service_account = cell.service_account
            account_labels = objects.labels("vllm", service_account, "service-account")
            manifests += objects.service_account(scope, service_account, account_labels)
        else:
            names.require("the service account", service_account, names.check_subdomain)
        config_map = objects.CONFIG_MAP
        if bucket is not None:
            values = {"IRA_BUCKET_NAME": bucket, **cell.runtime_values}
            manifests.append(objects.config_map(values, self._labels))
            config_map = manifests[-1]["metadata"]["name"]
        named = bucket or objects.BUCKET_PLACEHOLDER
        self.bucket_label = objects.bucket_label(named)
        pod = _pod_spec(cell, service_account, config_map, named)
        super().__init__(scope, id, [*manifests, self._service(), self._deployment(pod)])

    @property
    def service(self) -> ApiObject:
        """The Service."""
        return self._object("Service")

    @property
    def deployment(self) -> ApiObject:
        """The Deployment."""
        return self._object("Default")

    @property
    def selector(self) -> dict[str, str]:
        """The labels that only this workload's Pods carry; never changed once applied."""
        of_workload = (keys.NAME, keys.INSTANCE)
        return {key: self._labels[key] for key in of_workload}

    def consume(
        self,
        provisioning_class: str,
        *,
        node_selector: Mapping[str, str],
        tolerations: Sequence[objects.Json],
        progress_deadline_seconds: int,
    ) -> tuple[str, objects.Json]:
        """Return what moves the Pods from the compute class to queued capacity.

        For `ProvisioningRequest`: the name of the request that they consume, which is the
        Deployment's, and what to add to the Deployment, by JSON pointer. What the caller patched
        until now stays; what the caller patches later wins.
        Raises `InputError` the second time, and where a patch asks for other capacity as well.
        """
        if self._consumes:
            raise InputError(
                f"{self.node.path} consumes a ProvisioningRequest already; add one for each "
                "workload"
            )
        deployment = self._json("Default")
        name, spec = str(deployment["metadata"]["name"]), deployment["spec"]
        metadata, pod = spec["template"].get("metadata", {}), spec["template"]["spec"]
        metadata["annotations"] = {
            **metadata.get("annotations", {}),
            queued.CONSUME: name,
            queued.CLASS: provisioning_class,
        }
        selector = {**pod.get("nodeSelector", {}), **node_selector}
        selector.pop(queued.COMPUTE_CLASS, None)
        self.refuse_other_capacity(selector)
        deadline = max(spec.get("progressDeadlineSeconds", 0), progress_deadline_seconds)
        kept = pod.get("tolerations", [])
        added = [item for item in tolerations if item not in kept]
        return name, {
            "/spec/progressDeadlineSeconds": deadline,
            "/spec/template/metadata": metadata,
            "/spec/template/spec/nodeSelector": selector,
            "/spec/template/spec/tolerations": [*kept, *added],
        }

    def consumed(self) -> None:
        """Note that the request has been added; a second one is refused."""
        self._consumes = True

    def refuse_other_capacity(self, node_selector: Mapping[str, str]) -> None:
        """Raise `InputError` where a node selector asks for what is never queued."""
        for key, reason in queued.excluded(node_selector).items():
            raise InputError(f"{self.node.path}: drop the node selector {key}: {reason}")

    def _service(self) -> objects.Json:
        port = {"name": "http", "protocol": "TCP", "port": PORT, "targetPort": PORT}
        spec = {"type": "ClusterIP", "selector": self.selector, "ports": [port]}
        return objects.manifest(
            "Service",
            api_version="v1",
            kind="Service",
            name=self.name,
            labels=self._labels,
            body={"spec": spec},
        )

    def _deployment(self, pod_spec: objects.Json) -> objects.Json:
        engine = self.cell.platform.engine
        inference = self.cell.platform.inference
        spec = {
            "replicas": 1,
            "progressDeadlineSeconds": inference.node_wait_seconds + engine.startup_seconds,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": self.selector},
            "template": {
                "metadata": {
                    "labels": self._labels,
                    "annotations": {
                        **keys.GCSFUSE_ANNOTATIONS,
                        keys.DEFAULT_CONTAINER: _SERVER,
                    },
                },
                "spec": pod_spec,
            },
        }
        version = {keys.VERSION: engine.version}
        return objects.manifest(
            "Default",
            api_version="apps/v1",
            kind="Deployment",
            name=self.name,
            labels={**self._labels, **version, **self.bucket_label},
            body={"spec": spec},
        )


def _pod_spec(cell: Cell, service_account: str, config_map: str, bucket: str) -> objects.Json:
    inference = cell.platform.inference
    return {
        "serviceAccountName": service_account,
        # Nobody asks the API server. Cloud Storage FUSE gets its own tokens, from the kubelet
        # (tokenRequests of its CSIDriver) and from GKE's metadata server; its tests start Pods
        # without this one (GoogleCloudPlatform/gcs-fuse-csi-driver, test/e2e/testsuites).
        "automountServiceAccountToken": False,
        # A Service named like an engine's setting would otherwise overwrite it: VLLM_PORT.
        "enableServiceLinks": False,
        "nodeSelector": {queued.COMPUTE_CLASS: cell.machine.compute_class},
        "tolerations": objects.tolerations(inference.tolerations),
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [_server(cell, config_map), _fetch_safetensors(cell, config_map)],
        "volumes": _volumes(cell, bucket),
        **_grace_period(cell.platform.engine.drain),
    }


def _grace_period(drain: Drain | None) -> objects.Json:
    return {} if drain is None else {"terminationGracePeriodSeconds": drain.grace_period}


def _pre_stop(drain: Drain | None) -> objects.Json:
    """Return the hook during which the Pod leaves its Services.

    A command, not the API's own sleep: Kubernetes before 1.30 drops that one without a word.
    """
    if drain is None:
        return {}
    command = ["sleep", str(drain.pre_stop)]
    return {"lifecycle": {"preStop": {"exec": {"command": command}}}}


def _shutdown_timeout(drain: Drain | None) -> list[str]:
    if drain is None or drain.shutdown_timeout is None:
        return []
    return [f"{OPTION}={drain.shutdown_timeout}"]


def _server(cell: Cell, config_map: str) -> objects.Json:
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
        "env": [*objects.env(config_map, list(cell.runtime_values)), *_settings(engine)],
        "ports": [{"name": "metrics", "containerPort": PORT, "protocol": "TCP"}],
        "resources": objects.resources_of(
            profile.cpu, profile.memory, **{keys.GPU: str(profile.tensor_parallel)}
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
        "securityContext": objects.container_security(
            engine.run_as_user, read_only=engine.read_only_root
        ),
        "volumeMounts": [
            {"name": "dshm", "mountPath": "/dev/shm"},  # noqa: S108  shared memory, not a temp file
            _model_mount(cell),
            *([objects.TEMPORARY_MOUNT] if engine.read_only_root else ()),
        ],
    }


def _settings(engine: Engine) -> list[objects.Json]:
    """Return the environment by which the server talks to nobody but its clients.

    The model is local, so nothing is looked up on the Hub; statistics of its use are sent unless
    one of two variables says otherwise (vllm/usage/usage_lib.py).
    """
    settings = objects.variables(HF_HUB_OFFLINE="1", VLLM_NO_USAGE_STATS="1", DO_NOT_TRACK="1")
    # Caches of compiled kernels are in the home of the engine's user.
    home = objects.variables(HOME=objects.TEMPORARY) if engine.read_only_root else []
    return [*settings, *home]


def _fetch_safetensors(cell: Cell, config_map: str) -> objects.Json:
    fetch = cell.platform.fetch_safetensors
    parallelism = {"name": "FETCH_PARALLELISM", "value": str(fetch.parallelism)}
    return {
        "name": "fetch-safetensors",
        "image": fetch.image,
        "command": ["/bin/sh", "-c"],
        "args": [objects.script("fetch_safetensors.sh")],
        "env": [*objects.env(config_map, ["MODEL_ID"]), parallelism],
        # No limit of CPU: it would throttle the reads that the server's load waits for.
        "resources": {
            "requests": {"cpu": fetch.cpu, "memory": fetch.memory, "ephemeral-storage": _LOGS},
            "limits": {"memory": fetch.memory, "ephemeral-storage": _LOGS},
        },
        "securityContext": objects.container_security(fetch.run_as_user, read_only=True),
        "volumeMounts": [_model_mount(cell)],
    }


def _model_mount(cell: Cell) -> objects.Json:
    return {"name": BUCKET_VOLUME, "mountPath": cell.mount_path, "readOnly": True}


def _volumes(cell: Cell, bucket: str) -> list[objects.Json]:
    only_model = f"only-dir:{cell.model.model_id}"
    attributes = {
        "bucketName": bucket,
        "mountOptions": ",".join([*cell.platform.inference.mount_options, only_model]),
        "skipCSIBucketAccessCheck": "true",
    }
    csi = {"driver": keys.GCSFUSE_DRIVER, "volumeAttributes": attributes}
    # The sidecar takes these three names for its cache, its temporary files and its write buffer.
    sidecar = ("gke-gcsfuse-cache", "gke-gcsfuse-tmp", "gke-gcsfuse-buffer")
    # Shared memory counts as the server's own memory. What the sidecar keeps is the model's size,
    # which only its repository knows, and compiled kernels are of no known size either.
    shared = {"medium": "Memory", "sizeLimit": cell.profile.memory}
    return [
        {"name": BUCKET_VOLUME, "csi": csi},
        {"name": "dshm", "emptyDir": shared},
        *({"name": name, "emptyDir": {"medium": "Memory"}} for name in sidecar),
        *([objects.temporary_volume()] if cell.platform.engine.read_only_root else ()),
    ]
