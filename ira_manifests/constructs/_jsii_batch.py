"""Creates and renders all objects of a construct or chart in one call into Node.js.

Each call into cdk8s waits for Node.js, and every value is converted on both sides. A plain
`ApiObject` with two patches takes three calls. The classes here need one; they are implemented in
`jsii_batch/index.js`. They are written and loaded like the bindings that jsii generates:
https://aws.github.io/jsii/specification/
"""

from __future__ import annotations

import inspect
import io
import json
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import jsii
from cdk8s import ApiObject, Chart
from constructs import Construct

from ira_manifests.constructs._held import Json, hold, made_alone

_NAME, _VERSION = "ira-manifests", "1.0.0"
_TEXT = {"primitive": "string"}
_CHART, _CONSTRUCT = {"fqn": "cdk8s.Chart"}, {"fqn": "constructs.Construct"}


class _Meta(jsii.JSIIMeta):
    """Shows the signature of each class instead of the `(*args, **kwargs)` of jsii's metaclass."""

    @property
    def __signature__(self) -> inspect.Signature:
        own = inspect.signature(self.__init__)  # type: ignore[misc]  # of this very class
        return own.replace(parameters=tuple(own.parameters.values())[1:])


class Composite(Construct, metaclass=_Meta, jsii_type=f"{_NAME}.Composite"):
    """Internal: a construct of several objects. Its subclasses are the public constructs.

    `manifests`: complete objects, by id in the construct.
    """

    def __init__(self, scope: Construct, id: str, manifests: Mapping[str, Json]) -> None:
        jsii.create(self.__class__, self, [scope, id, _text(manifests)])
        hold(self, scope, manifests)

    def _object(self, id: str) -> ApiObject:
        found: ApiObject = jsii.invoke(self, "object", [id])
        return found


class Derived(Composite, jsii_type=f"{_NAME}.Derived"):
    """Internal: a construct whose objects are computed whenever they are rendered.

    They are computed from the main object of `source`. Their own patches are applied to the result.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        manifests: Mapping[str, Json],
        source: Construct,
        additions: Mapping[str, Any],
    ) -> None:
        """Add the construct.

        `additions`: values to add to the main object of `source`, by JSON pointer.
        """
        arguments = [scope, id, _text(manifests), source, json.dumps(additions)]
        jsii.create(self.__class__, self, arguments)
        hold(self, scope, manifests)

    @jsii.member(jsii_name="derive")
    def _derive(self, inputs: str) -> str:
        """Return the values to merge into each object, by id, as JSON.

        `inputs`: the objects to compute them from, as JSON: "source", and, by id, each object of
        the construct that has patches and precedes the object that is rendered.
        """
        raise NotImplementedError


def _text(manifests: Mapping[str, Json]) -> str:
    return json.dumps([{"id": name, **manifest} for name, manifest in manifests.items()])


def json_of(composite: Composite, id: str) -> Json:
    """Return one object of a construct, rendered with its current patches."""
    rendered: Json = json.loads(jsii.invoke(composite, "json", [id]))
    return rendered


def new_charts(ids: Sequence[str]) -> list[Chart]:
    """Return empty charts without a namespace, each in an app of its own."""
    charts: list[Chart] = jsii.sinvoke(Composite, "charts", [list(ids)])
    made_alone(charts)
    return charts


def render(charts: Sequence[Chart]) -> list[list[Json]]:
    """Return the objects of each chart, as its `to_json` does."""
    objects: list[list[Json]] = json.loads(jsii.sinvoke(Composite, "render", [list(charts)]))
    return objects


def take(charts: Sequence[Chart]) -> list[list[Json]]:
    """Return the objects of each chart and remove them from it."""
    objects: list[list[Json]] = json.loads(jsii.sinvoke(Composite, "take", [list(charts)]))
    return objects


def _list(kind: Json) -> Json:
    return {"collection": {"kind": "array", "elementtype": kind}}


def _method(name: str, returns: Json | None, **parameters: Json) -> Json:
    """Return jsii's description of a method. Python passes every argument, None if it is unset."""
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
        _method("charts", _list(_CHART), ids=_list(_TEXT)) | {"static": True},
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
        "jsiiVersion": "1.0.0",  # before 1.19: the kernel marks classes, later the compiler does
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
