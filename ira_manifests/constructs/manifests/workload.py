"""What the objects beside a workload have in common; all of it is read from its Deployment.

The Deployment is the rendered one, so the objects follow its patches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ira_manifests.constructs.manifests import metadata, parts
from ira_manifests.constructs.manifests.parts import Json
from ira_manifests.constructs.manifests.sources import Source, source
from ira_manifests.kubernetes import labels as keys
from ira_manifests.kubernetes import leader_worker_set as lws
from ira_manifests.layout import API_PORT
from ira_manifests.profiles.cell import Cell


@dataclass(frozen=True)
class Workload:
    """A rendered Deployment, as its autoscaler, monitor, policies and pool see it.

    Attributes:
        api_version: such as apps/v1.
        kind: such as Deployment.
        name: the workload's name, which its other objects share.
        namespace: the namespace; None: that of kubectl's context.
        selector: the selector of its Pods, with matchLabels, matchExpressions or both.
        port: the number of the server's port.
        port_name: the name of that port; None if it has none.
    """

    api_version: str
    kind: str
    name: str
    namespace: str | None
    selector: Json
    port: int
    port_name: str | None

    @property
    def labels(self) -> dict[str, str]:
        """The labels of its selector, without its other conditions."""
        return dict(self.selector.get("matchLabels", {}))


TEMPLATES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "Deployment": (("spec", "template"),),
    lws.KIND: (lws.LEADER, lws.WORKER),
}
"""The paths of the Pod templates of a workload by its kind; that of the server's API is first."""


def templates_of(workload: Mapping[str, Any]) -> list[Json]:
    """Return the Pod templates of a rendered workload, the one with the server's API first."""
    found = []
    for path in TEMPLATES[workload["kind"]]:
        template: Any = workload
        for key in path:
            template = template[key]
        found.append(template)
    return found


def pods_of(workload: Mapping[str, Any]) -> int:
    """Return the number of Pods of a rendered workload."""
    spec = workload["spec"]
    of_one = spec["leaderWorkerTemplate"]["size"] if workload["kind"] == lws.KIND else 1
    return int(spec.get("replicas", 1) * of_one)


def read(deployment: Mapping[str, Any]) -> Workload:
    """Return the workload of a rendered Deployment, or LeaderWorkerSet: of its leaders."""
    named, spec = deployment["metadata"], deployment["spec"]
    if deployment["kind"] == lws.KIND:
        template, _ = templates_of(deployment)
        given = template["metadata"]["labels"]
        labels = {key: given[key] for key in (keys.NAME, keys.INSTANCE)}
        spec = {
            "template": template,
            "selector": {"matchLabels": {**labels, lws.INDEX_LABEL: lws.LEADER_INDEX}},
        }
    port = next(_ports(spec["template"]["spec"]), {})
    return Workload(
        deployment["apiVersion"],
        deployment["kind"],
        str(named["name"]),
        named.get("namespace"),
        dict(spec["selector"]),
        port.get("containerPort", API_PORT),
        port.get("name"),
    )


def _ports(pod: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the ports of a Pod: first those of the containers with a GPU, which are servers."""
    containers = pod.get("containers", [])
    for container in sorted(containers, key=lambda each: not _has_gpu(each)):
        yield from container.get("ports", [])


def _has_gpu(container: Mapping[str, Any]) -> bool:
    limits = container.get("resources", {}).get("limits", {})
    return any(key.endswith("/gpu") for key in limits)


def beside(
    cell: Cell, workload: Workload, api_version: str, kind: str, component: str, spec: Json
) -> Json:
    """Return an object beside a workload: with its name, in its namespace.

    `component`: the value of the label app.kubernetes.io/component.
    """
    own = parts.labels("vllm", cell.workload_name, component)
    labels = {**own, **metadata.labels_of(cell, kind)}
    noted = metadata.annotations_of(cell, kind)
    made = parts.manifest(api_version, kind, workload.name, labels, {"spec": spec}, noted)
    if workload.namespace is not None:
        made["metadata"]["namespace"] = workload.namespace
    return made


def sources_beside(cell: Cell, *kinds: str, also: Iterable[str] = ()) -> list[Source]:
    """Return the rows of the fields that every such object has.

    `also`: fields that are read from the Deployment.
    """
    return [
        source("the construct: the workload's own, as its Deployment has it",
               *(f"{kind} metadata.name" for kind in kinds), *also),
        source(parts.of_namespace(None), *(f"{kind} metadata.namespace" for kind in kinds)),
        *parts.described(*kinds),
        *metadata.sources(cell, *kinds),
    ]  # fmt: skip
