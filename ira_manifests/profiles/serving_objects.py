"""Profile models of the objects that stand beside a Deployment, one for each field of a cell."""

# No annotations from __future__ here: pydantic would have to evaluate their text at every start.
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from ira_manifests.kubernetes import labels as keys
from ira_manifests.kubernetes import names, patterns
from ira_manifests.profiles.base import Profile
from ira_manifests.profiles.fields import Label, LabelKey, LabelValue, Subdomain
from ira_manifests.profiles.forms import checked, number_as_text, refuse, whole_as_decimal

HostnameTemplate = Annotated[
    str, checked(names.check_hostname_template, patterns.HOSTNAME_TEMPLATE)
]
"""A hostname in which {gpu} and {model} are replaced; its first part may be `*`."""
Cidr = Annotated[str, checked(names.check_cidr, patterns.CIDR)]
"""A range of addresses with its prefix length, such as 10.0.0.0/23."""
MetricName = Annotated[str, checked(names.check_metric_name, patterns.METRIC)]
"""A metric's name without '/', '%' and spaces."""
PodCount = Annotated[
    str, BeforeValidator(number_as_text), checked(names.check_pod_count, patterns.POD_COUNT)
]
"""A number of Pods, or a share of all Pods such as 50%."""

_Replicas = Annotated[int, Field(ge=1, le=1000)]
_Port = Annotated[int, Field(ge=1, le=65535)]


class Autoscaling(Profile):
    """A HorizontalPodAutoscaler on a metric of the engine."""

    min: _Replicas = 1
    """The fewest replicas. The metric comes from running Pods, so there is no scaling to zero."""
    max: _Replicas
    """The most replicas."""
    metric: Literal["requests_waiting", "requests_running", "kv_cache_usage"] = "requests_waiting"
    """What is measured in each Pod: requests that wait for a place in the batch, requests in the
    batch, or the used share of the KV cache. Its name depends on the engine's release."""
    target: Annotated[
        Decimal, BeforeValidator(whole_as_decimal), Field(gt=0, le=1_000_000, decimal_places=3)
    ] = Decimal(5)
    """The metric's average over all Pods that the autoscaler aims at: requests, or a share of 1."""
    scale_down_seconds: Annotated[int, Field(ge=0, le=3600)] | None = None
    """How long the metric must stay low before Pods are removed; Kubernetes' default is 300."""
    metric_name: MetricName | None = None
    """The metric's name in the metrics API, if the adapter renames it; default: the name that the
    kind of monitoring gives it."""

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self.min > self.max:
            raise refuse(f"has min {self.min} above max {self.max}; min must not exceed max")
        if self.metric == "kv_cache_usage" and self.target >= 1:
            raise refuse(
                f"has the target {self.target} for kv_cache_usage, which is a share below 1; "
                "set target, such as 0.8"
            )
        if self.metric != "kv_cache_usage" and self.target < 1:
            raise refuse(
                f"has the target {self.target} for {self.metric}, which is a number of requests; "
                "set target to 1 or more"
            )
        return self


# Labels of every object, which the construct sets itself.
_OWN_LABELS = frozenset(
    {keys.NAME, keys.INSTANCE, keys.VERSION, keys.COMPONENT, keys.PART_OF, keys.MANAGED_BY}
)


def _no_own_label(labels: dict[str, str]) -> dict[str, str]:
    taken = sorted(_OWN_LABELS & labels.keys())
    if taken:
        raise refuse(f"sets {', '.join(taken)}, which every object has already; use other keys")
    return labels


class Monitoring(Profile):
    """Who collects the engine's metrics."""

    kind: Literal["google", "prometheus-operator", "automatic"] = "google"
    """`google`: a PodMonitoring of Google Cloud Managed Service for Prometheus.
    `prometheus-operator`: a PodMonitor. `automatic`: GKE's automatic application monitoring, which
    finds vLLM without any object."""
    interval_seconds: Annotated[int, Field(ge=5, le=86400)] = 15
    """Seconds between two readings."""
    labels: Annotated[dict[LabelKey, LabelValue], AfterValidator(_no_own_label)] = Field(
        default_factory=dict
    )
    """Labels of the PodMonitor, such as those that a Prometheus selects monitors by."""
    collector_namespace: Label = "monitoring"
    """The namespace of the Prometheus that reads a PodMonitor; a NetworkPolicy lets it in."""


class DisruptionBudget(Profile):
    """A PodDisruptionBudget: how many Pods an eviction, such as a node's upgrade, may take."""

    max_unavailable: PodCount | None = None
    """The most Pods that may be unavailable after an eviction: a number, or a share such as 50%."""
    min_available: PodCount | None = None
    """The fewest Pods that must be available after an eviction, in the same form."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.max_unavailable is None) == (self.min_available is None):
            raise refuse("needs exactly one of max_unavailable and min_available")
        return self


class Peer(Profile):
    """Clients that a NetworkPolicy lets in: Pods, all Pods of a namespace, or addresses."""

    namespace: Label | None = None
    """The namespace of the Pods; without it, that of the workload."""
    pods: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    """Labels that the Pods carry; none: all Pods of the namespace."""
    cidr: Cidr | None = None
    """A range of addresses, such as 10.0.0.0/23."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.cidr is None and self.namespace is None and not self.pods:
            raise refuse("names nobody; set namespace, pods or cidr")
        if self.cidr is not None and (self.namespace or self.pods):
            raise refuse("has a cidr beside Pods; write two entries")
        return self


class NetworkAccess(Profile):
    """A NetworkPolicy that refuses all connections to the server but those of named clients."""

    peers: Annotated[tuple[Peer, ...], Field(max_length=100)] = ()
    """Who may connect, besides the collector of `monitoring` and what `gateway` needs."""


class EndpointPicker(Profile):
    """The Service of an endpoint picker, which chooses the Pod of each request."""

    service: Subdomain | None = None
    """Its name; default: the workload's name and `-epp`, as the picker's Helm chart names it."""
    port: _Port = 9002
    """Its port for Envoy's external processing."""
    failure_mode: Literal["FailOpen", "FailClose"] = "FailClose"
    """What happens to requests while no picker answers: any Pod gets them, or they are refused."""
    pods: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    """Labels of its Pods, which read the servers' metrics; default: `inferencepool` and the
    Service's name, as in the chart."""


class Gateway(Profile):
    """An InferencePool behind a Gateway of GKE that exists already."""

    name: Subdomain
    """The Gateway's name. Its class must be one of those that GKE has InferencePools for:
    gke-l7-regional-external-managed or gke-l7-rilb."""
    namespace: Label | None = None
    """The Gateway's namespace; default: the workload's."""
    listener: Label | None = None
    """The listener of the Gateway; default: all that allow the route."""
    hostnames: Annotated[tuple[HostnameTemplate, ...], Field(max_length=16)] = ()
    """Hostnames of requests for this model; {gpu} and {model} are replaced. None: all requests."""
    timeout_seconds: Annotated[int, Field(gt=0, le=86400)] = 300
    """The longest time for one answer, streamed or not; GKE's default is 30."""
    priority: Annotated[int, Field(ge=-(2**31), le=2**31 - 1)] | None = None
    """Adds an InferenceObjective of this priority, which requests name in the header
    x-gateway-inference-objective: lower ones are refused first when the pool is full."""
    proxy_ranges: Annotated[tuple[Cidr, ...], Field(max_length=16)] = ()
    """Ranges of the proxy-only subnet, from which the load balancer connects; a NetworkPolicy lets
    them in."""
    endpoint_picker: EndpointPicker = Field(default_factory=EndpointPicker)
