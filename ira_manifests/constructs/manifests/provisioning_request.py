"""The objects of `ProvisioningRequest`, its changes to the workload, and their sources.

Both objects are computed from the rendered Deployment or LeaderWorkerSet, including the caller's
patches. GKE takes one pod set a request, so the Pods of a LeaderWorkerSet are all asked for by its
leader's: leader and workers ask for the same. Kueue merges such pod sets in the same way:
https://github.com/kubernetes-sigs/kueue/issues/5266, https://github.com/ray-project/ray/pull/59070
"""

from __future__ import annotations

from ira_manifests.constructs.manifests import leader_worker_set, metadata, parts, rollout
from ira_manifests.constructs.manifests.parts import Json
from ira_manifests.constructs.manifests.sources import Source, of_items, source, taints
from ira_manifests.constructs.manifests.vllm_deployment import POD
from ira_manifests.constructs.manifests.vllm_deployment import objects as workload_of
from ira_manifests.constructs.manifests.workload import TEMPLATES, pods_of, templates_of
from ira_manifests.kubernetes import labels as keys
from ira_manifests.kubernetes import queued_capacity as queued
from ira_manifests.kubernetes.patterns import MAX_LABEL
from ira_manifests.profiles.cell import Cell

TEMPLATE, REQUEST = "PodTemplate", "Default"
"""Ids of the objects in the construct."""

# Fields that decide on which nodes a Pod fits: a template that differs in them needs a new request.
_OF_POD = (
    "affinity",
    "nodeName",
    "nodeSelector",
    "overhead",
    "priorityClassName",
    "resourceClaims",
    "resources",
    "runtimeClassName",
    "schedulerName",
    "tolerations",
    "topologySpreadConstraints",
)
_OF_CONTAINER = ("resources", "restartPolicy")
_LISTS = ("initContainers", "containers")


def objects(cell: Cell, name: str, bucket: str | None = None) -> dict[str, Json]:
    """Return the objects by their ids in the construct, without the computed fields.

    `name`: the name of the request that the Pods consume.
    """
    own = {
        **parts.labels("vllm", cell.workload_name, "capacity"),
        **parts.bucket_label(bucket),
    }
    # The engine's release, because the image's tag may not contain it.
    of_template = {**own, keys.VERSION: cell.engine.version, queued.WARDEN_LABEL: "true"}
    return {
        TEMPLATE: _manifest(cell, "v1", "PodTemplate", name, of_template),
        REQUEST: _manifest(cell, queued.API_VERSION, "ProvisioningRequest", name, own),
    }


def _manifest(cell: Cell, api_version: str, kind: str, name: str, own: dict[str, str]) -> Json:
    labels = {**own, **metadata.labels_of(cell, kind)}
    return parts.manifest(api_version, kind, name, labels, {}, metadata.annotations_of(cell, kind))


def additions(cell: Cell, workload: Json) -> Json:
    """Return the changes that move a workload's Pods from the compute class to queued capacity.

    They are values to add to the workload, by JSON pointer; its other values are kept.
    """
    spec = workload["spec"]
    found: Json = {} if "replicas" in spec else {"/spec/replicas": _fixed(cell)}
    if "progressDeadlineSeconds" in spec or workload["kind"] == "Deployment":
        deadline = max(spec.get("progressDeadlineSeconds", 0), _wait(cell))
        found["/spec/progressDeadlineSeconds"] = deadline
    paths = TEMPLATES[workload["kind"]]
    for path, template in zip(paths, templates_of(workload), strict=True):
        added = _of_template(cell, str(workload["metadata"]["name"]), template)
        found |= {f"/{'/'.join(path)}/{key}": value for key, value in added.items()}
    return found


def _of_template(cell: Cell, request: str, template: Json) -> Json:
    """Return the values to add to a Pod template whose Pods consume a request."""
    queue = cell.platform.queued_provisioning
    metadata, pod = dict(template.get("metadata", {})), template["spec"]
    metadata["annotations"] = {
        **metadata.get("annotations", {}),
        queued.CONSUME: request,
        queued.CLASS: queue.provisioning_class,
    }
    selector = {**pod.get("nodeSelector", {}), **_node_selector(cell)}
    selector.pop(queued.COMPUTE_CLASS, None)
    kept = pod.get("tolerations", [])
    added = [item for item in parts.tolerations(queue.tolerations) if item not in kept]
    return {
        "metadata": metadata,
        "spec/nodeSelector": selector,
        "spec/tolerations": [*kept, *added],
    }


def _wait(cell: Cell) -> int:
    """Return the seconds that a rollout on queued capacity may take."""
    queue = cell.platform.queued_provisioning
    return queue.wait_seconds + cell.engine.startup_seconds + rollout.ready_seconds(cell)


def _fixed(cell: Cell) -> int:
    """Return the number of Pods of a workload that is scaled on ordinary capacity."""
    return 1 if cell.settings.autoscaling is None else cell.settings.autoscaling.min


def computed_template(workload: Json) -> Json:
    """Return the fields of the PodTemplate that are computed from a workload."""
    template = templates_of(workload)[0]
    pod = template["spec"]
    lists = {key: pod[key] for key in _LISTS if key in pod}
    filled = {key: list(map(_requests_from_limits, each)) for key, each in lists.items()}
    return {
        "metadata": {"name": _template_name(workload)},
        "template": {**template, "spec": {**pod, **filled}},
    }


def computed_request(cell: Cell, workload: Json, template_name: str) -> Json:
    """Return the fields of the ProvisioningRequest that are computed from a workload."""
    annotations = templates_of(workload)[0]["metadata"]["annotations"]
    queue = cell.platform.queued_provisioning
    parameters = {"maxRunDurationSeconds": str(queue.max_run_duration_seconds)}
    if queue.valid_until_seconds is not None:
        parameters["ValidUntilSeconds"] = str(queue.valid_until_seconds)
    pod_set = {"count": pods_of(workload), "podTemplateRef": {"name": template_name}}
    return {
        "metadata": {"name": annotations[queued.CONSUME]},
        "spec": {
            "provisioningClassName": annotations[queued.CLASS],
            "parameters": parameters,
            "podSets": [pod_set],
        },
    }


def _node_selector(cell: Cell) -> dict[str, str]:
    pool = cell.gpu.queued_node_pool
    if pool is not None:
        return {queued.NODE_POOL: pool}  # the driver was chosen when the pool was created
    return {
        queued.ACCELERATOR: cell.machine.accelerator,
        queued.FLEX_START: "true",
        queued.DRIVER: "latest",
    }


def _requests_from_limits(container: Json) -> Json:
    """Copy limits to missing requests, as the API server does for Pods but not for templates."""
    resources = container.get("resources", {})
    if "limits" not in resources:
        return container
    requests = {**resources["limits"], **resources.get("requests", {})}
    return {**container, "resources": {**resources, "requests": requests}}


def _template_name(workload: Json) -> str:
    pod = templates_of(workload)[0]["spec"]
    shape = {
        "pod": {key: pod[key] for key in _OF_POD if key in pod},
        "containers": [
            {field: container[field] for field in _OF_CONTAINER if field in container}
            for key in _LISTS
            for container in pod.get(key, [])
        ],
    }
    suffix = "-" + parts.fingerprint(shape, 8)
    return str(workload["metadata"]["name"])[: MAX_LABEL - len(suffix)] + suffix


_SELECTOR = f"{POD}.nodeSelector"
_ANNOTATIONS = "Deployment spec.template.metadata.annotations"
_SPEC = "ProvisioningRequest spec"
_QUEUE = "@platform.queued_provisioning"


def sources(cell: Cell, bucket: str | None = None) -> list[Source]:
    """Return the source of each field of the objects, and of each changed field of the workload."""
    rows = _sources(cell, bucket)
    return leader_worker_set.moved(rows) if cell.profile.nodes > 1 else rows


def _sources(cell: Cell, bucket: str | None) -> list[Source]:
    """Return the rows as they are for a Deployment."""
    version, namespace = f"metadata.labels.{keys.VERSION}", "metadata.namespace"
    workload = workload_of(cell)["Default"]
    spec, template = workload["spec"], templates_of(workload)[0]
    return [
        source("@gpu.queued_node_pool", f"{_SELECTOR}.{queued.NODE_POOL}", name="queued_nodes"),
        source("@machine.accelerator", f"{_SELECTOR}.{queued.ACCELERATOR}", name="queued_nodes"),
        source("@gpu.queued", f"{_SELECTOR}.{queued.FLEX_START}"),
        source("the construct: the image's CUDA may need a newer driver than GKE's default",
               f"{_SELECTOR}.{queued.DRIVER}"),
        *_of_tolerations(cell, template["spec"].get("tolerations", [])),
        *([] if "replicas" in spec else
          [source("@settings.autoscaling.min: a request is for a fixed number of Pods",
                  "Deployment spec.replicas", name="queued_replicas")]),
        *_of_deadline(cell, spec),
        source(f"{_QUEUE}.provisioning_class", f"{_SPEC}.provisioningClassName",
               f"{_ANNOTATIONS}.{queued.CLASS}", name="provisioning_class"),
        source(f"{_QUEUE}.max_run_duration_seconds", f"{_SPEC}.parameters.maxRunDurationSeconds",
               name="max_run_duration_seconds"),
        source(f"{_QUEUE}.valid_until_seconds", f"{_SPEC}.parameters.ValidUntilSeconds",
               name="valid_until_seconds"),
        source("@platform.inference.workload_name", "ProvisioningRequest metadata.name"),
        source("@engine.version", f"PodTemplate {version}"),
        source(parts.of_namespace(bucket), f"PodTemplate {namespace}",
               f"ProvisioningRequest {namespace}"),
        *parts.described("PodTemplate", "ProvisioningRequest"),
        *metadata.sources(cell, "PodTemplate", "ProvisioningRequest"),
        source(parts.of_bucket(bucket, cell.platform), f"PodTemplate metadata.labels.{keys.BUCKET}",
               f"ProvisioningRequest metadata.labels.{keys.BUCKET}"),
        source("the construct: the Pods consume the ProvisioningRequest",
               f"{_ANNOTATIONS}.{queued.CONSUME}"),
        source("the construct: the workload's name and a hash of what decides where its Pods fit",
               "PodTemplate metadata.name"),
        source("the construct: the workload's Pod, limits copied to requests",
               "PodTemplate template", copied="Deployment spec.template"),
        source("the construct: the number of Pods, and the PodTemplate's name",
               f"{_SPEC}.podSets"),
    ]  # fmt: skip


def _of_deadline(cell: Cell, spec: Json) -> list[Source]:
    if spec.get("progressDeadlineSeconds", 0) > _wait(cell):
        return []
    return [
        source(f"{_QUEUE}.wait_seconds + @engine.startup_seconds{rollout.and_ready(cell)}",
               "Deployment spec.progressDeadlineSeconds", name="queued_progress_deadline_seconds"),
    ]  # fmt: skip


def _of_tolerations(cell: Cell, kept: list[Json]) -> list[Source]:
    """Return the rows of the tolerations that are appended to the Deployment's."""
    queue = parts.tolerations(cell.platform.queued_provisioning.tolerations)
    added = [number for number, item in enumerate(queue) if item not in kept]
    list_of, field = f"{_QUEUE}.tolerations", f"{POD}.tolerations"
    items = of_items(list_of, field, added, first=len(kept))
    if not items:
        return []
    fields = [each for item in items for each in item.fields]
    return [source(list_of, *fields, name="queued_tolerations", listed=taints), *items]
