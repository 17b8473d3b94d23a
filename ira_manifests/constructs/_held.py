"""Which objects the constructs have added to which charts, and to which namespaces.

Asking cdk8s takes a call into Node.js each time, so what does not change is kept here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from cdk8s import Chart
from constructs import Construct

from ira_manifests.errors import InputError

Json = dict[str, Any]

_Key = tuple[str | None, str, str]
"""Namespace, kind and name."""

_held: WeakKeyDictionary[Chart, dict[_Key, Construct]] = WeakKeyDictionary()
_namespaces: WeakKeyDictionary[Chart, str | None] = WeakKeyDictionary()
_alone: WeakSet[Chart] = WeakSet()  # charts that are the only ones of their apps


def made_alone(charts: Iterable[Chart]) -> None:
    """Record charts that have no namespace, and are each in an app of its own."""
    for chart in charts:
        _alone.add(chart)
        _namespaces[chart] = None


def hold(composite: Construct, scope: Construct, manifests: Mapping[str, Json]) -> None:
    """Record the objects of a construct."""
    chart = _chart(scope)
    held = _held.setdefault(chart, {})
    for manifest in manifests.values():
        held[_key(chart, manifest)] = composite


def namespace_in(scope: Construct, id: str, named: str | None) -> str | None:
    """Return the namespace of the objects of a child of `scope`; None: that of kubectl's context.

    `named`: the namespace that the platform's profile or `load_matrix` names.
    Raises `InputError` if the chart has another one.
    """
    of_chart = _namespace(_chart(scope))
    if named is not None and of_chart is not None and named != of_chart:
        raise InputError(
            f"{path(scope, id)}: the chart's namespace is {of_chart}, and that of the profiles is "
            f"{named}; give the chart this one, or load_matrix(namespace={of_chart!r})"
        )
    return of_chart if named is None else named


def holder(scope: Construct, namespace: str | None, kind: str, name: str) -> str | None:
    """Return the path of the construct that has added an object to the app of `scope`, or None.

    It is in any chart of the app; two objects of one namespace, kind and name are the same in the
    cluster. An object that was added without a construct of this package is not known.
    """
    chart, key = _chart(scope), (namespace, kind, name)
    for other in (chart, *_in_one_app_with(chart, key)):
        found = _present(other, key)
        if found is not None:
            return str(found.node.path)
    return None


def added(
    scope: Construct, namespace: str | None, manifests: Mapping[str, Json]
) -> dict[str, Json]:
    """Return the objects to add to the chart of `scope`: all but service accounts that it has.

    They name their namespace where the chart does not.
    """
    chart = _chart(scope)
    placed = {} if namespace == _namespace(chart) else {"namespace": namespace}
    found = {
        name: {**manifest, "metadata": {**manifest["metadata"], **placed}} if placed else manifest
        for name, manifest in manifests.items()
    }
    return {
        name: manifest
        for name, manifest in found.items()
        if manifest["kind"] != "ServiceAccount" or _present(chart, _key(chart, manifest)) is None
    }


def path(scope: Construct, id: str) -> str:
    """Return the path of a child in the tree of constructs; the child need not exist.

    Raises `InputError` for a scope or an id of another type.
    """
    if not isinstance(scope, Construct):
        raise InputError(
            f"scope is a value of type {type(scope).__name__}; it must be a chart, or a construct "
            "in one"
        )
    if not isinstance(id, str):
        raise InputError(f"id is a value of type {type(id).__name__}; it must be text")
    return "/".join(part for part in (scope.node.path, id) if part)


def _chart(scope: Construct) -> Chart:
    if isinstance(scope, Chart):
        return scope
    try:
        return Chart.of(scope)
    except RuntimeError:  # of jsii
        where = scope.node.path or "the app"
        raise InputError(f"{where} is in no chart; add the construct to a Chart") from None


def _namespace(chart: Chart) -> str | None:
    if chart not in _namespaces:
        _namespaces[chart] = chart.namespace
    return _namespaces[chart]


def _key(chart: Chart, manifest: Json) -> _Key:
    metadata = manifest["metadata"]
    return metadata.get("namespace", _namespace(chart)), manifest["kind"], metadata["name"]


def _present(chart: Chart, key: _Key) -> Construct | None:
    """Return the construct that has added an object to a chart, unless it was removed since."""
    found = _held.get(chart, {}).get(key)
    return next((each for each in chart.node.find_all() if each is found), None) if found else None


def _in_one_app_with(chart: Chart, key: _Key) -> Iterator[Chart]:
    """Yield the other charts of a chart's app that may have an object."""
    if chart in _alone:
        return
    root = chart.node.root
    for other, held in list(_held.items()):
        if other is not chart and other not in _alone and key in held and other.node.root is root:
            yield other
