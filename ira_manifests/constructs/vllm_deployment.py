"""`VllmDeployment`: one model on one GPU type, served by vLLM's OpenAI-compatible server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

from ira_manifests.constructs import props
from ira_manifests.constructs._companions import add_companions
from ira_manifests.constructs._model_server import ModelServer
from ira_manifests.constructs._node import (
    Construct,
    added,
    holder,
    namespace_in,
    path,
)
from ira_manifests.constructs.manifests import parts
from ira_manifests.constructs.manifests import vllm_deployment as manifests
from ira_manifests.errors import InputError
from ira_manifests.kubernetes import names
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.engine import OwnEngine
from ira_manifests.profiles.geometry import GeometryProfile
from ira_manifests.profiles.platform import Platform
from ira_manifests.profiles.pod_fields import Strategy, TopologySpread
from ira_manifests.profiles.schema import GpuProfile, ModelProfile, WeightsProfile
from ira_manifests.profiles.serving_models import LoraAdapter, Speculative


class VllmDeployment(ModelServer):
    """A Deployment, its Service and its Kubernetes service account.

    Objects: ServiceAccount (id "ServiceAccount", with the first workload of its model in a
    chart), ConfigMap (id "ConfigMap", only with `bucket`), Service (id "Service"), Deployment
    (id "Default", so `ApiObject.of(construct)` returns it). What the cell's profiles put beside
    them are constructs in it, such as `Autoscaling`, each with its class as the id; a construct
    that you add for the workload takes the place of the cell's.

    What is served is either `cell`, of a matrix, or the properties from `gpu` on. A property that
    is not given has the value of the packaged profile's cell of the model on the GPU type; if there
    is no such cell, the default below.

    Args:
        scope: the chart, or a construct in it.
        id: the id in `scope`.
        cell: the model, the GPU type and their settings, from `load_matrix()`.
        bucket: the bucket that holds the model; with it, the construct also adds a ConfigMap.
            Default: the platform's. Where that has none either, the objects have a placeholder, for
            a kustomize directory that generates the ConfigMap `ira-model-configmap` and inserts
            the bucket's name.
        service_account: the name of an existing account. Default: the cell's account, which is
            added.
        validate: whether to refuse a cell in which the rules find an error. Default: true.
        companions: whether to add what the cell's `autoscaling`, `disruption_budget`,
            `network_access`, `monitoring` and `gateway` ask for. Default: true.
        gpu: a GPU type of the packaged profiles, such as "h100", or a profile.
        model_id: the model's id on the Hugging Face Hub. Its weights and geometry are those of the
            packaged profile, if there is one; without them, the memory is not judged.
        model: a profile of the model, instead of `model_id`.
        platform: settings of the platform. Default: the packaged ones.
        workload_name: the name of the Deployment and the Service, or a template with "{gpu}" and
            "{model}". Default: the platform's, "vllm-{gpu}".
        tensor_parallel: GPUs that share each layer. Default: 1.
        pipeline_parallel: groups of such GPUs, each with a part of the layers. Default: 1.
        nodes: machines that share these GPUs; with more than one, the workload is a
            LeaderWorkerSet instead of a Deployment. Default: 1.
        cpu: CPUs of the server, such as 10 or "500m". Default: three eighths of the machine's.
        memory: memory of the server, such as "128G". Default: half of the machine's, or what the
            node leaves.
        gpu_memory_utilization: the share of each GPU's memory for the server. Default: 0.90.
        max_model_len: tokens of prompt and answer together. Default: "auto", the longest that keeps
            the margin, which needs weights and geometry.
        kv_cache_dtype: dtype of the KV cache. Default: "auto", the model's own.
        compute_class: the compute class. Default: that of the smallest machine with enough GPUs.
        args: further arguments of the server, such as ["--enable-prefix-caching"]. Default: none.
        waive: rules that are waived, by id, each with a reason of three words. Default: none.
        replicas: Pods, each with GPUs of its own. Default: 1.
        priority_class: the PriorityClass of the Pods. Default: none.
        image_pull_secrets: Secrets with which the images are pulled. Default: none.
        node_selector: further labels of the nodes. Default: none.
        labels: labels of every object and of the Pods. Default: none but the construct's.
        annotations: annotations of every object. Default: none.
        pod_labels: labels of the Pods alone. Default: none but the construct's.
        pod_annotations: annotations of the Pods. Default: none but the construct's.
        service_labels: labels of the Service alone. Default: none but the construct's.
        service_annotations: annotations of the Service alone. Default: none.
        served_model_names: names by which clients call the model. Default: its id and its path.
        chat_template: a file of the model's folder, or the path of one in the image. Default: the
            model's own.
        tool_call_parser: vLLM's parser of tool calls, such as "hermes". Default: none.
        reasoning_parser: vLLM's parser of reasoning, such as "qwen3". Default: none.
        lora_adapters: LoRA adapters that clients can call beside the model, such as
            [{"name": "sql", "model_id": "acme/sql-lora"}]. Default: none.
        max_loras: adapters of one batch. Default: vLLM's, 1.
        max_lora_rank: the highest rank of the adapters. Default: vLLM's, 16.
        speculative: speculative decoding, such as {"method": "ngram",
            "num_speculative_tokens": 4}. Default: none.
        env: variables of the server: values, or keys of a Secret or ConfigMap, such as
            {"secret": "name", "key": "KEY"}. Default: none but the construct's.
        strategy: how a rollout replaces the Pods, such as {"type": "rolling-update"}. Default: all
            end before new ones start.
        topology_spread: how the Pods are spread, such as
            [{"topology_key": "topology.kubernetes.io/zone"}]. Default: as the scheduler does it.
        volumes: further volumes of the Pods, as Kubernetes has them. Default: none.
        volume_mounts: their mounts in the server's container. Default: none.
        containers: further containers of the Pods, as Kubernetes has them. Default: none.
        init_containers: containers that run before the others. Default: none.
        engine: what differs from the platform's engine, such as {"version": "0.25.0"}. Default:
            nothing.
        trust_remote_code: whether the server may run Python files of the model's repository.
            Default: false.
        min_engine: the first release of vLLM that serves the model. Default: not known.
        revision: the commit, tag or branch of the model's repository. Default: the profile's, else
            none.
        weights: the weights' sizes, as in a model's profile. Default: not known.
        geometry: the model's geometry, as in a model's profile. Default: not known.

    Raises `InputError` for properties that are wrong or contradict each other, for a cell in which
    the rules find an error, for an invalid name, for a second workload of the same name and
    namespace in the app, and if the chart's namespace is not the one that the platform names.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        cell: Cell | None = None,
        bucket: str | None = None,
        service_account: str | None = None,
        validate: bool = True,
        companions: bool = True,
        gpu: str | GpuProfile | None = None,
        model_id: str | None = None,
        model: ModelProfile | None = None,
        platform: Platform | None = None,
        workload_name: str | None = None,
        tensor_parallel: int | None = None,
        pipeline_parallel: int | None = None,
        nodes: int | None = None,
        cpu: float | str | None = None,
        memory: int | str | None = None,
        gpu_memory_utilization: float | Decimal | None = None,
        max_model_len: int | Literal["auto"] | None = None,
        kv_cache_dtype: Literal["auto", "fp8", "fp8_e4m3", "fp8_e5m2"] | None = None,
        compute_class: str | None = None,
        args: Sequence[str] | None = None,
        waive: Mapping[str, str] | None = None,
        replicas: int | None = None,
        priority_class: str | None = None,
        image_pull_secrets: Sequence[str] | None = None,
        node_selector: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        pod_labels: Mapping[str, str] | None = None,
        pod_annotations: Mapping[str, str] | None = None,
        service_labels: Mapping[str, str] | None = None,
        service_annotations: Mapping[str, str] | None = None,
        served_model_names: Sequence[str] | None = None,
        chat_template: str | None = None,
        tool_call_parser: str | None = None,
        reasoning_parser: str | None = None,
        lora_adapters: Sequence[LoraAdapter | Mapping[str, str]] | None = None,
        max_loras: int | None = None,
        max_lora_rank: int | None = None,
        speculative: Speculative | Mapping[str, Any] | None = None,
        env: Mapping[str, str | Mapping[str, str | bool]] | None = None,
        strategy: Strategy | Mapping[str, Any] | None = None,
        topology_spread: Sequence[TopologySpread | Mapping[str, Any]] | None = None,
        volumes: Sequence[Mapping[str, Any]] | None = None,
        volume_mounts: Sequence[Mapping[str, Any]] | None = None,
        containers: Sequence[Mapping[str, Any]] | None = None,
        init_containers: Sequence[Mapping[str, Any]] | None = None,
        engine: OwnEngine | Mapping[str, Any] | None = None,
        trust_remote_code: bool | None = None,
        min_engine: str | None = None,
        revision: str | None = None,
        weights: WeightsProfile | Mapping[str, Any] | None = None,
        geometry: GeometryProfile | Mapping[str, Any] | None = None,
    ) -> None:
        # The parameters that are properties, by name; tests compare them with the profile's fields.
        given = {name: value for name, value in locals().items() if value is not None}
        fields = {name: given[name] for name in given if name in props.FIELDS}
        _require_switches(scope, id, validate=validate, companions=companions)
        is_placed = bucket == parts.BUCKET_PLACEHOLDER  # by what renders directories
        if bucket is not None and not is_placed:
            names.require(f"{path(scope, id)}: the bucket", bucket, names.check_bucket)
        if service_account is not None:
            names.require(
                f"{path(scope, id)}: the service account", service_account, names.check_subdomain
            )
        both = props.beside_a_cell(given)
        if cell is None:
            cell = props.cell_of(
                path(scope, id),
                gpu=gpu,
                model_id=model_id,
                model=model,
                platform=platform,
                workload_name=workload_name,
                fields=fields,
            )
        elif both:
            raise InputError(
                f"{path(scope, id)}: {', '.join(both)} and cell are given; a cell has its own "
                "values: give the cell, or gpu, model_id and the properties that differ"
            )
        elif not isinstance(cell, Cell):
            raise InputError(
                f"{path(scope, id)}: cell: is a value of type {type(cell).__name__}; it must be a "
                'cell of a matrix, such as load_matrix()["h100", "gemma3-27b"]'
            )
        if validate:
            props.require_sound(path(scope, id), cell)
        bucket = None if is_placed else bucket or cell.platform.bucket
        self.cell, self.bucket, self.name = cell, bucket, cell.workload_name
        self.namespace = namespace_in(scope, id, cell.platform.namespace)
        kind = "Deployment" if cell.profile.nodes == 1 else "LeaderWorkerSet"
        other = holder(scope, self.namespace, kind, self.name)
        if other is not None:
            raise InputError(
                f"{path(scope, id)}: {other} has added the {kind} {self.name} to this "
                "namespace already; name workloads apart, such as with "
                'workload_name="vllm-{gpu}-{model}", of load_matrix or, without a cell, of the '
                "construct"
            )
        objects = manifests.objects(cell, bucket=bucket, service_account=service_account)
        super().__init__(scope, id, added(scope, self.namespace, objects))
        if companions:
            add_companions(self)


def _require_switches(scope: Construct, id: str, **switches: object) -> None:
    for name, value in switches.items():
        if not isinstance(value, bool):
            raise InputError(f"{path(scope, id)}: {name}: is {value!r}; write True or False")
