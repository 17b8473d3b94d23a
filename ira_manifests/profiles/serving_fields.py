"""Fields of a serving workload that the platform, a model or a cell can set.

`platform.yaml` has them below `inference`, a model and a cell have them beside their other fields.
The platform's values are the defaults of all cells, and a model's those of its own:
`profiles.settings` says which value applies. Nothing is rendered for a field that nobody sets.
"""

# No annotations from __future__ here: pydantic would have to evaluate their text at every start.
from typing import Annotated

from pydantic import Field

from ira_manifests.errors import one_of
from ira_manifests.kubernetes import labels, patterns
from ira_manifests.kubernetes import queued_capacity as queued
from ira_manifests.profiles.base import Profile
from ira_manifests.profiles.env import EnvName, EnvValue
from ira_manifests.profiles.fields import (
    AnnotationValue,
    Arg,
    LabelKey,
    LabelValue,
    ModelName,
    ParserName,
    Replicas,
    Subdomain,
    TemplateFile,
)
from ira_manifests.profiles.forms import checked
from ira_manifests.profiles.patches import Patch
from ira_manifests.profiles.pod_fields import (
    Container,
    InitContainer,
    Strategy,
    TopologySpread,
    Volume,
    VolumeMount,
)
from ira_manifests.profiles.serving_models import LoraAdapter, Loras, Rank, Speculative
from ira_manifests.profiles.serving_objects import (
    Autoscaling,
    DisruptionBudget,
    Gateway,
    Monitoring,
    NetworkAccess,
)


def _check_ours(key: str) -> str | None:
    """Refuse a label that selects Pods, or that says of an object what it is."""
    if key in labels.OURS:
        return f"is set by the constructs, as are {one_of(labels.OURS)}; choose another key"
    return None


_OF_QUEUE = frozenset({queued.CONSUME, queued.CLASS, *queued.DEPRECATED})
_OF_MACHINE = frozenset({queued.ACCELERATOR, queued.FLEX_START})


def _check_annotation(key: str) -> str | None:
    if key in labels.OUR_ANNOTATIONS:
        return f"is set by the constructs, as are {one_of(labels.OUR_ANNOTATIONS)}; remove it"
    if key in _OF_QUEUE:
        return "is of Pods on queued capacity; set queued: true of the GPU type"
    return None


def _check_node_label(key: str) -> str | None:
    if key == queued.COMPUTE_CLASS:
        return "is set by the construct; set compute_class"
    if key in _OF_MACHINE:
        return "is set by the construct; the GPU type and its compute class decide it"
    return None


_LabelKey = Annotated[LabelKey, checked(_check_ours, patterns.none_of(labels.OURS))]
"""A label's key that the constructs don't set."""
_NodeLabelKey = Annotated[
    LabelKey, checked(_check_node_label, patterns.none_of({queued.COMPUTE_CLASS, *_OF_MACHINE}))
]
_AnnotationKey = Annotated[
    LabelKey, checked(_check_annotation, patterns.none_of(labels.OUR_ANNOTATIONS | _OF_QUEUE))
]
Labels = Annotated[dict[_LabelKey, LabelValue], Field(default_factory=dict)]
NodeLabels = Annotated[dict[_NodeLabelKey, LabelValue], Field(default_factory=dict)]
Annotations = Annotated[dict[_AnnotationKey, AnnotationValue], Field(default_factory=dict)]


class ServingFields(Profile):
    """What a workload can be given beyond the values that it needs."""

    replicas: Replicas | None = None
    """Pods of the workload; 1 by default. Each has GPUs of its own."""
    priority_class: Subdomain | None = None
    """The PriorityClass of the Pods, which the cluster has."""
    image_pull_secrets: tuple[Subdomain, ...] = ()
    """Secrets of the namespace with which the images are pulled."""
    node_selector: NodeLabels
    """Further labels of the nodes on which the Pods may run."""
    labels: Labels
    """Labels of every object and of the Pods, beside those that select the Pods."""
    annotations: Annotations
    """Annotations of every object."""
    pod_labels: Labels
    """Labels of the Pods alone."""
    pod_annotations: Annotations
    """Annotations of the Pods."""
    service_labels: Labels
    """Labels of the Service alone."""
    service_annotations: Annotations
    """Annotations of the Service alone."""
    served_model_names: tuple[ModelName, ...] = ()
    """Names by which clients call the model, instead of its id, `google/gemma-3-27b-it`, and its
    path, `/gcs/google/gemma-3-27b-it`. Answers and metrics have the first one."""
    chat_template: TemplateFile | None = None
    """A Jinja file that makes prompts: of the model's folder, such as `chat_template.jinja`, or the
    path of one in the image, such as `/vllm-workspace/examples/tool_chat_template_hermes.jinja`."""
    tool_call_parser: ParserName | None = None
    """vLLM's parser of the model's tool calls, such as `llama3_json`; the model then decides itself
    when to call one."""
    reasoning_parser: ParserName | None = None
    """vLLM's parser of the model's reasoning, such as `qwen3`."""
    lora_adapters: tuple[LoraAdapter, ...] = ()
    """LoRA adapters that clients can call beside the model."""
    max_loras: Loras | None = None
    """Adapters of one batch; 1 by default."""
    max_lora_rank: Rank | None = None
    """The highest rank of the adapters, `r` of their adapter_config.json; 16 by default."""
    speculative: Speculative | None = None
    """Speculative decoding."""
    args: tuple[Arg, ...] = ()
    """Further arguments of the server: see [Arguments](serving-options.md#arguments)."""
    env: Annotated[dict[EnvName, EnvValue], Field(default_factory=dict)]
    """Environment variables of the server."""
    strategy: Strategy | None = None
    """How a rollout replaces the Pods; by default all end before new ones start."""
    topology_spread: tuple[TopologySpread, ...] = ()
    """How the Pods are spread over zones or nodes."""
    volumes: tuple[Volume, ...] = ()
    """Further volumes of the Pods, as Kubernetes has them."""
    volume_mounts: tuple[VolumeMount, ...] = ()
    """Mounts of further volumes in the server's container, as Kubernetes has them."""
    containers: tuple[Container, ...] = ()
    """Further containers of the Pods, as Kubernetes has them."""
    init_containers: tuple[InitContainer, ...] = ()
    """Containers that run before the others; with restartPolicy: Always, beside them."""
    autoscaling: Autoscaling | None = None
    monitoring: Monitoring | None = None
    disruption_budget: DisruptionBudget | None = None
    network_access: NetworkAccess | None = None
    gateway: Gateway | None = None
    patches: tuple[Patch, ...] = ()
    """Changes of the cell's objects that no other field makes."""
