"""What profiles add to a cell's Pod: spread, volumes and containers, and the sources of these."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from ira_manifests.constructs.manifests.parts import Json
from ira_manifests.constructs.manifests.sources import Source, source
from ira_manifests.profiles.cell import Cell


def topology_spread(cell: Cell, selector: Mapping[str, str]) -> Json:
    """Return the Pod's constraints, which count the Pods of the workload alone."""
    given = [
        {
            "maxSkew": each.max_skew,
            "topologyKey": each.topology_key,
            "whenUnsatisfiable": each.when_unsatisfiable,
            "labelSelector": {"matchLabels": dict(selector)},
        }
        for each in cell.settings.topology_spread
    ]
    return {"topologySpreadConstraints": given} if given else {}


def init_containers(cell: Cell) -> Json:
    """Return the Pod's init containers."""
    given = cell.settings.init_containers
    return {"initContainers": list(given)} if given else {}


def sources(cell: Cell, pod: str, server: str) -> list[Source]:
    """Return the source of each field. `pod`, `server`: the fields of the Pod and its server."""
    given = cell.settings
    return [
        *(row for number in range(len(given.topology_spread)) for row in _of_spread(pod, number)),
        *_named("volumes", given.volumes, f"{pod}.volumes", _kind_of_volume),
        *_named("volume_mounts", given.volume_mounts, f"{server}.volumeMounts", _path),
        *_named("init_containers", given.init_containers, f"{pod}.initContainers", _image),
        *_named("containers", given.containers, f"{pod}.containers", _image),
    ]


def _of_spread(pod: str, number: int) -> list[Source]:
    field = f"{pod}.topologySpreadConstraints[{number}]"
    return [
        source(f"@settings.topology_spread[{number}]", field, name="topology_spread",
               listed=lambda values: f"{values[0]['topologyKey']}, {values[0]['maxSkew']} at most"),
        source("the construct: the labels that select only this workload's Pods",
               f"{field}.labelSelector"),
    ]  # fmt: skip


def _named(name: str, given: Sequence[Json], field: str, shown: Any) -> list[Source]:
    """Return one row for each name of items; several mounts can be of one volume."""
    numbers = defaultdict(list)
    for number, item in enumerate(given):
        numbers[item["name"]].append(number)
    return [
        source(" and ".join(f"@settings.{name}[{number}]" for number in same),
               f"{field}[{item}]", name=f"{name}.{item}", listed=shown)
        for item, same in numbers.items()
    ]  # fmt: skip


def _image(values: Sequence[Any]) -> str:
    return str(values[0]["image"])


def _path(values: Sequence[Any]) -> str:
    return ", ".join(str(each["mountPath"]) for each in values)


def _kind_of_volume(values: Sequence[Any]) -> str:
    return ", ".join(key for key in values[0] if key != "name")
