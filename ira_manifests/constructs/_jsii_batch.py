"""cdk8s objects in bulk: all objects of a construct, or of a chart, in one crossing into Node.js.

Each call into cdk8s waits for Node.js, and every value in it is converted on both sides; an object
of a plain `ApiObject` and two patches is three such calls. The classes here do as much in one, in
`jsii_batch/index.js`. They are written as jsii's generator writes a binding, and loaded as it loads
one: https://aws.github.io/jsii/specification/
"""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import jsii
from cdk8s import ApiObject, Chart
from constructs import Construct

Json = dict[str, Any]

_NAME, _VERSION = "ira-manifests", "1.0.0"
_TEXT = {"primitive": "string"}
_CHART, _CONSTRUCT = {"fqn": "cdk8s.Chart"}, {"fqn": "constructs.Construct"}


class Composite(Construct, metaclass=jsii.JSIIMeta, jsii_type=f"{_NAME}.Composite"):
    """A construct of several objects. `manifests`: each complete, by its id in the construct."""

    def __init__(self, scope: Construct, id: str, manifests: Mapping[str, Json]) -> None:
        jsii.create(self.__class__, self, [scope, id, _text(manifests)])
        _hold(self, scope, manifests)

    def _object(self, id: str) -> ApiObject:
        found: ApiObject = jsii.invoke(self, "object", [id])
        return found

    def _json(self, id: str) -> Json:
        """Return one object as it is rendered now."""
        rendered: Json = json.loads(jsii.invoke(self, "json", [id]))
        return rendered


class Derived(Composite, jsii_type=f"{_NAME}.Derived"):
    """A construct whose objects are computed whenever they are rendered.

    They are computed from the main object of `source`; patches of their own are applied after
    that.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        manifests: Mapping[str, Json],
        source: Construct,
        additions: Mapping[str, Any],
    ) -> None:
        """Add the construct. `additions`: to the main object of `source`, by JSON pointer."""
        arguments = [scope, id, _text(manifests), source, json.dumps(additions)]
        jsii.create(self.__class__, self, arguments)
        _hold(self, scope, manifests)

    @jsii.member(jsii_name="derive")
    def _derive(self, inputs: str) -> str:
        """Return, as JSON, what to merge into each object, by id.

        `inputs`: what they are computed from, as JSON: "source", and by its id each object with
        patches of its own that stands before the one that is rendered.
        """
        raise NotImplementedError


_held: WeakKeyDictionary[Chart, dict[tuple[str, str], Composite]] = WeakKeyDictionary()


def _hold(composite: Composite, scope: Construct, manifests: Mapping[str, Json]) -> None:
    held = _held.setdefault(_chart(scope), {})
    held.update(dict.fromkeys(map(_kind_and_name, manifests.values()), composite))


def _kind_and_name(manifest: Json) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]


def _text(manifests: Mapping[str, Json]) -> str:
    return json.dumps([{"id": name, **manifest} for name, manifest in manifests.items()])


def holds(scope: Construct, kind: str, name: str) -> bool:
    """Tell whether the chart of `scope` has an object of this kind and name from a `Composite`.

    A chart has one namespace, so two objects of one name would be one object in the cluster.
    """
    chart = _chart(scope)
    holder = _held.get(chart, {}).get((kind, name))
    return holder is not None and any(each is holder for each in chart.node.find_all())


def new_in(scope: Construct, manifests: Mapping[str, Json]) -> dict[str, Json]:
    """Return what is to be added to the chart of `scope`: an account that it has is shared."""
    return {
        name: manifest
        for name, manifest in manifests.items()
        if manifest["kind"] != "ServiceAccount" or not holds(scope, *_kind_and_name(manifest))
    }


def path(scope: Construct, id: str) -> str:
    """Return where in the tree of constructs a child is, or is about to be."""
    return f"{scope.node.path}/{id}"


def _chart(scope: Construct) -> Chart:
    return scope if isinstance(scope, Chart) else Chart.of(scope)


def new_charts(ids: Sequence[str], namespace: str | None) -> list[Chart]:
    """Return empty charts, alone each; their objects go to `namespace`, or to the context's."""
    charts: list[Chart] = jsii.sinvoke(Composite, "charts", [list(ids), namespace])
    return charts


def render(charts: Sequence[Chart]) -> list[list[Json]]:
    """Return the objects of each chart, as its `to_json` does."""
    objects: list[list[Json]] = json.loads(jsii.sinvoke(Composite, "render", [list(charts)]))
    return objects


def take(charts: Sequence[Chart]) -> list[list[Json]]:
    """Return the objects of each chart, and leave it empty."""
    objects: list[list[Json]] = json.loads(jsii.sinvoke(Composite, "take", [list(charts)]))
    return objects


def _list(kind: Json) -> Json:
    return {"collection": {"kind": "array", "elementtype": kind}}


def _method(name: str, returns: Json | None, **parameters: Json) -> Json:
    """Return a method as jsii describes one. Python gives every argument, if only None."""
    listed = [{"name": name, "type": kind, "optional": True} for name, kind in parameters.items()]
    return {"name": name, "parameters": listed} | (
        {"returns": {"type": returns}} if returns else {}
    )


def _type(name: str, base: str, initializer: Json, *methods: Json) -> Json:
    named = {"assembly": _NAME, "fqn": f"{_NAME}.{name}", "name": name, "kind": "class"}
    return {**named, "base": base, "initializer": initializer, "methods": list(methods)}


def _assembly() -> Json:
    composite = _type(
        "Composite",
        "constructs.Construct",
        _method("", None, scope=_CONSTRUCT, id=_TEXT, manifests=_TEXT),
        _method("charts", _list(_CHART), ids=_list(_TEXT), namespace=_TEXT) | {"static": True},
        _method("render", _TEXT, charts=_list(_CHART)) | {"static": True},
        _method("take", _TEXT, charts=_list(_CHART)) | {"static": True},
        _method("object", {"fqn": "cdk8s.ApiObject"}, id=_TEXT),
        _method("json", _TEXT, id=_TEXT),
    )
    derived = _type(
        "Derived",
        composite["fqn"],
        _method(
            "",
            None,
            scope=_CONSTRUCT,
            id=_TEXT,
            manifests=_TEXT,
            source=_CONSTRUCT,
            additions=_TEXT,
        ),
        _method("derive", _TEXT, inputs=_TEXT),
    )
    return {
        "schema": "jsii/0.10.0",
        "name": _NAME,
        "version": _VERSION,
        "jsiiVersion": "1.0.0",  # since 1.19, jsii's compiler marks classes; else its kernel does
        "dependencies": {"cdk8s": "^2.69.0", "constructs": "^10.3.0"},
        "types": {item["fqn"]: item for item in (composite, derived)},
    }


def _load() -> None:
    folder = resources.files(__package__) / "jsii_batch"
    files = {name: (folder / name).read_bytes() for name in ("index.js", "package.json")}
    files[".jsii"] = json.dumps(_assembly()).encode()
    with tempfile.TemporaryDirectory() as place:
        package = Path(place, "package.tgz")
        with tarfile.open(package, "w") as archive:
            for name, content in files.items():
                entry = tarfile.TarInfo(f"package/{name}")
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        jsii.load(_NAME, _VERSION, str(package))


_load()
