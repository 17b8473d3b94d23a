"""The objects of a cdk8s app as they are rendered, with the constructs that they belong to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ira_manifests.constructs._node import ApiObject, Chart, Composite, Construct, IConstruct
from ira_manifests.constructs.manifests.parts import Json
from ira_manifests.constructs.vllm_deployment import VllmDeployment


class AppObject(NamedTuple):
    """One object of an app."""

    path: str
    """Its path in the tree of constructs."""
    manifest: Json
    """The object with all patches."""
    chart: str
    """The path of its chart."""
    owner: Composite | None
    """The construct of this package that made it; None for an object of the caller's own."""
    workload: VllmDeployment | None
    """The workload that it is, or that it belongs to."""


def is_construct(value: object) -> bool:
    """Return whether a value is a construct, a chart or an app."""
    return isinstance(value, Construct)


def root_of(construct: Construct) -> IConstruct:
    """Return the root of a construct's tree, usually an app."""
    return construct.node.root


def workloads(root: IConstruct) -> list[VllmDeployment]:
    """Return the workloads in a tree."""
    return [each for each in root.node.find_all() if isinstance(each, VllmDeployment)]


def objects(root: IConstruct) -> list[AppObject]:
    """Return the objects in a tree, rendered now."""
    return list(_below(root, "", None))


def _below(construct: IConstruct, chart: str, owner: Composite | None) -> Iterator[AppObject]:
    node = construct.node
    if isinstance(construct, Chart):
        chart = node.path
    if isinstance(construct, Composite):
        owner = construct
    if isinstance(construct, ApiObject):
        workload = owner if isinstance(owner, VllmDeployment) else getattr(owner, "workload", None)
        yield AppObject(node.path, construct.to_json(), chart, owner, workload)
    for child in node.children:
        yield from _below(child, chart, owner)
