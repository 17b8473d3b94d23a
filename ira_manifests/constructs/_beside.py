"""Base of the constructs beside a workload: their objects follow its rendered Deployment."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from pydantic import ValidationError

from ira_manifests import errors
from ira_manifests.constructs._model_server import ModelServer
from ira_manifests.constructs._node import (
    Construct,
    Derived,
    added,
    holder,
    json_of,
    namespace_in,
    path,
)
from ira_manifests.constructs.manifests import patches
from ira_manifests.constructs.manifests.parts import Json
from ira_manifests.constructs.manifests.workload import Workload, read
from ira_manifests.errors import InputError
from ira_manifests.profiles.base import Profile
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.validation import message_of

P = TypeVar("P", bound=Profile)


class Beside(Derived):
    """Objects that are computed from a workload's Deployment whenever they are rendered.

    `settings`: what the options and the cell's profiles set.
    `manifests`: returns the objects by their ids in the construct, of a cell, its rendered
    workload, the settings, and `inputs`.
    Raises `InputError` if the app has one of them already.
    """

    workload: ModelServer
    """The workload."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        workload: ModelServer,
        settings: Profile,
        manifests: Callable[..., Mapping[str, Json]],
        *inputs: object,
    ) -> None:
        (kind,) = (own for own in type(self).__mro__ if Beside in own.__bases__)
        if scope is workload:
            _of_cells.setdefault(workload, set()).add(kind)
        else:
            make_way(workload, kind)
        self.workload, self.settings = workload, settings
        self._objects, self._inputs = manifests, inputs
        namespace = namespace_in(scope, id, workload.namespace)
        made = self._manifests(read(json_of(workload, "Default")))
        for item in made.values():
            other = holder(scope, namespace, item["kind"], item["metadata"]["name"])
            if other is not None:
                raise InputError(
                    f"{path(scope, id)}: {other} has added the {item['kind']} "
                    f"{item['metadata']['name']} to this namespace already"
                )
        kinds = {each: _without_body(item) for each, item in made.items()}
        super().__init__(scope, id, added(scope, namespace, kinds), workload, {})

    def _manifests(self, workload: Workload) -> dict[str, Json]:
        cell = self.workload.cell
        return patches.applied(cell, self._objects(cell, workload, self.settings, *self._inputs))

    def _derive(self, inputs: str) -> str:
        made = self._manifests(read(json.loads(inputs)["source"]))
        return json.dumps({each: _without_kind(item) for each, item in made.items()})


_of_cells: WeakKeyDictionary[ModelServer, set[type]] = WeakKeyDictionary()
"""The classes of the constructs in each workload, which its cell's profiles ask for."""


def make_way(workload: ModelServer, construct: type) -> None:
    """Remove what a workload's cell has added of a class, for a construct of the caller's."""
    added_by_cell = _of_cells.get(workload, set())
    if construct in added_by_cell:
        added_by_cell.remove(construct)
        workload.node.try_remove_child(construct.__name__)


def _without_body(item: Json) -> Json:
    return {key: item[key] for key in ("apiVersion", "kind", "metadata")}


def _without_kind(item: Json) -> Json:
    return {key: value for key, value in item.items() if key not in ("apiVersion", "kind")}


def cell_of(scope: Construct, id: str, workload: ModelServer) -> Cell:
    """Return a workload's cell. Raises `InputError` for what is no workload."""
    require(scope, id, "workload", workload, ModelServer, "a VllmDeployment")
    return workload.cell


def require(scope: Construct, id: str, name: str, value: object, wanted: type, shown: str) -> None:
    """Raise `InputError` for an option of another type; `shown`: what it must be."""
    if not isinstance(value, wanted):
        raise InputError(
            f"{path(scope, id)}: {name} is a value of type {type(value).__name__}; it must be "
            f"{shown}"
        )


def settings_of(
    scope: Construct, id: str, profile: type[P], of_cell: P | None, given: Mapping[str, Any]
) -> P:
    """Return the settings of a construct: what is given, else the cell's, else the defaults.

    Raises `InputError` for a wrong value, naming the argument.
    """
    chosen = {name: _plain(value) for name, value in given.items() if value is not None}
    usual = {} if of_cell is None else {name: getattr(of_cell, name) for name in _set(of_cell)}
    try:
        return profile.model_validate({**usual, **chosen})
    except ValidationError as error:
        problems = "; ".join(map(_problem, error.errors(include_url=False)))
        raise InputError(f"{path(scope, id)}: {problems}") from None


def one_of(scope: Construct, id: str, name: str, value: str, allowed: Iterable[str]) -> str:
    """Return an option's value. Raises `InputError` if it is none of the allowed ones."""
    if value not in allowed:
        listed = errors.one_of(sorted(allowed))
        raise InputError(f"{path(scope, id)}: {name} is {value!r}; it must be one of {listed}")
    return value


def _plain(value: Any) -> Any:
    """Return an option as profiles hold it: tuples for lists, numbers as `Decimal`."""
    if isinstance(value, float):
        return Decimal(str(value))
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(_plain(inner) for inner in value)
    return value


def _set(profile: Profile) -> frozenset[str]:
    return frozenset(profile.model_fields_set)


def _problem(error: Any) -> str:
    where = ".".join(map(str, error["loc"]))
    if error["type"] == "missing":
        return f"{where} is missing; give it as an argument"
    if error["type"] == "extra_forbidden":
        return f"{where} is unknown"
    said = message_of(error)
    return f"{where} {said}" if where else said
