"""Validation of what profiles add to a Pod: volumes, mounts and containers of all levels together.

Each is also checked on its own, by the types of `pod_fields`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ira_manifests.errors import Problem, did_you_mean, one_of
from ira_manifests.kubernetes import queued_capacity as queued
from ira_manifests.layout import API_PORT
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.loader import Profiles
from ira_manifests.profiles.pod_fields import OWN_VOLUMES
from ira_manifests.profiles.repositories import volumes
from ira_manifests.profiles.yaml_source import Path

_CONTAINERS = ("init_containers", "containers")

_Found = Iterator[tuple[Path, str]]


def problems(profiles: Profiles, cells: Iterable[Cell]) -> Iterator[Problem]:
    """Yield what contradicts itself in the Pods of all cells."""
    for cell in cells:
        for check in (
            _volumes,
            _containers,
            _ports,
            _node_pool,
            _server_mounts,
            _volumes_of_mounts,
            _spread,
        ):
            for path, message in check(cell):
                yield problem_at(profiles, cell, path, message)


def problem_at(profiles: Profiles, cell: Cell, path: Path, message: str) -> Problem:
    """Return a problem at a serving field of a cell, in the profile that decides it."""
    source, place = cell.source_of_setting(path)
    return profiles.sources[source].problem(place, message)


def _volumes(cell: Cell) -> _Found:
    given: list[tuple[Path, str]] = [
        (("volumes", n, "name"), v["name"]) for n, v in _items(cell, "volumes")
    ]
    own = volumes(cell.repositories)
    for path, name in given:
        if name in own:
            yield path, f"is {name}, the volume of {own[name].model_id}; choose another name"
    yield from _twice(given)


def _containers(cell: Cell) -> _Found:
    yield from _twice(
        [((field, n, "name"), v["name"]) for field in _CONTAINERS for n, v in _items(cell, field)]
    )


def _ports(cell: Cell) -> _Found:
    """Refuse a port twice: the containers of a Pod share its network, and the second one ends."""
    declared: list[tuple[Path, str]] = []
    for field in _CONTAINERS:
        for number, container in _items(cell, field):
            if field == "init_containers" and "restartPolicy" not in container:
                continue  # it has ended when the others start
            for index, port in enumerate(container.get("ports", [])):
                shown = f"{port['containerPort']}/{port.get('protocol', 'TCP')}"
                declared.append(((field, number, "ports", index, "containerPort"), shown))
    for path, port in declared:
        if port == f"{API_PORT}/TCP":
            message = f"is {API_PORT}, where the server listens, and the containers of a Pod share "
            yield path, f"{message}its network; choose another port"
    yield from _twice(declared)


def _node_pool(cell: Cell) -> _Found:
    pool, given = cell.gpu.queued_node_pool, cell.settings.node_selector.get(queued.NODE_POOL)
    if cell.is_queued and pool is not None and given not in (None, pool):
        message = f"is {given}, and queued_node_pool of {cell.gpu_name} is {pool}; remove one"
        yield ("node_selector", queued.NODE_POOL), message


def _server_mounts(cell: Cell) -> _Found:
    yield from _twice(
        [
            (("volume_mounts", number, "mountPath"), mount["mountPath"])
            for number, mount in _items(cell, "volume_mounts")
        ]
    )


def _spread(cell: Cell) -> _Found:
    """Refuse what the API server does: two constraints of one key and one manner."""
    yield from _twice(
        [
            (("topology_spread", number), f"{each.topology_key} with {each.when_unsatisfiable}")
            for number, each in enumerate(cell.settings.topology_spread)
        ]
    )


def _twice(values: list[tuple[Path, str]]) -> _Found:
    seen: set[str] = set()
    for path, value in values:
        if value in seen:
            yield path, f"is {value}, as another of the Pod's; keep one of the two"
        seen.add(value)


def _volumes_of_mounts(cell: Cell) -> _Found:
    own = OWN_VOLUMES if cell.engine.read_only_root else OWN_VOLUMES[:-1]
    known = {*own, *volumes(cell.repositories), *(each["name"] for each in cell.settings.volumes)}
    for path, mount in _mounts(cell):
        if mount["name"] not in known:
            message = f"is {mount['name']}, and the Pod has no such volume; it has {one_of(known)}"
            yield (*path, "name"), message + did_you_mean(mount["name"], known)


def _mounts(cell: Cell) -> Iterator[tuple[Path, Any]]:
    for number, mount in _items(cell, "volume_mounts"):
        yield ("volume_mounts", number), mount
    for field in _CONTAINERS:
        for number, container in _items(cell, field):
            for index, mount in enumerate(container.get("volumeMounts", [])):
                yield (field, number, "volumeMounts", index), mount


def _items(cell: Cell, field: str) -> Iterator[tuple[int, dict[str, Any]]]:
    yield from enumerate(getattr(cell.settings, field))
