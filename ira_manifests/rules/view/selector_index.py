"""The selectors and targets of a directory, for checks across a namespace."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules.view.selectors import ANY, POD, SERVICE, Requirement, Scope, Selector

_VERSION = 2
"""Version of the JSON format; `from_json` refuses any other."""


class Target(NamedTuple):
    """Pods or a Service that a selector can match by labels."""

    kind: str
    """`POD` or `SERVICE`."""
    name: str
    """The name of the Pods' workload, or of the Service."""
    labels: Mapping[str, str]


class SelectorIndex(NamedTuple):
    """The targets of a directory, and the selectors that must match no others."""

    targets: Sequence[Target]
    selectors: Sequence[Selector]

    def to_json(self) -> str:
        """Return the index as JSON, compact enough to keep for ten thousand directories."""
        selectors = [
            [
                each.file, each.path, each.kind, each.name, each.selects, each.labels,
                each.requirements,
            ]
            for each in self.selectors
        ]  # fmt: skip
        return json.dumps([_VERSION, self.targets, selectors])

    @classmethod
    def from_json(cls, text: str) -> SelectorIndex:
        """Parse the result of `to_json`. Raises `TypeError` or `ValueError` for any other text."""
        version, targets, selectors = json.loads(text)
        if version != _VERSION:
            raise ValueError
        return cls([_target(*each) for each in targets], [_selector(*each) for each in selectors])


def _target(kind: Any, name: Any, labels: Any) -> Target:
    return Target(_one_of(kind, (POD, SERVICE)), _text(name), _labels(labels))


def _selector(  # the fields in the order of `to_json`
    file: Any, path: Any, kind: Any, name: Any, selects: Any, labels: Any, requirements: Any
) -> Selector:
    found = tuple(_requirement(*each) for each in _list(requirements))
    return Selector(
        _text(file), _path(path), _text(kind), _text(name), _one_of(selects, (POD, SERVICE, ANY)),
        _labels(labels), found, Scope.OWN,
    )  # fmt: skip


def _requirement(key: Any, operator: Any, values: Any) -> Requirement:
    return Requirement(_text(key), _text(operator), tuple(map(_text, _list(values))))


def _path(value: Any) -> Path:
    return tuple(each if type(each) is int else _text(each) for each in _list(value))


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _one_of(value: Any, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise ValueError
    return _text(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _labels(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError
    return {name: _text(label) for name, label in value.items()}
