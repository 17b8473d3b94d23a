"""Flux: a Kustomization for each directory, which waits for those that it needs.

https://fluxcd.io/flux/components/kustomize/kustomizations/
"""

from __future__ import annotations

from typing import Any

from ira_manifests.gitops.applied import OfModel, Place, models
from ira_manifests.kubernetes import leader_worker_set as lws
from ira_manifests.kubernetes import queued_capacity as queued
from ira_manifests.layout import FLUX, SHARED
from ira_manifests.output.directory import Directory
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.controllers import Flux
from ira_manifests.profiles.matrix import Matrix

Json = dict[str, Any]


def directory(matrix: Matrix, flux: Flux) -> Directory:
    """Return the directory with the Kustomizations of all others, each in a file of its name."""
    at = Place(flux, matrix.environment)
    return Directory(FLUX, objects=_objects(list(matrix.values()), flux, at))


def _objects(cells: list[Cell], flux: Flux, at: Place) -> dict[str, Json]:
    found = {SHARED: _kustomization(flux, at, SHARED)}
    for model in models(cells):
        found[model.download] = _kustomization(flux, at, model.download, SHARED)
        found |= _serving(flux, at, model)
    return {f"{name}.yaml": item for name, item in sorted(found.items())}


def _serving(flux: Flux, at: Place, model: OfModel) -> dict[str, Json]:
    return {
        name: _kustomization(flux, at, name, SHARED, model.download, checks=_checks(cell, name))
        for cell in model.cells
        for name in cell.directories
    }


def _kustomization(
    flux: Flux, at: Place, name: str, *after: str, checks: tuple[Json, ...] = ()
) -> Json:
    """Return the Kustomization of a directory. `after`: directories that have to be ready."""
    of_source = flux.source.namespace
    return {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": at.name(name), "namespace": flux.namespace},
        "spec": {
            **({"dependsOn": [{"name": at.name(each)} for each in after]} if after else {}),
            "sourceRef": {
                "kind": flux.source.kind,
                "name": flux.source.name,
                **({"namespace": of_source} if of_source else {}),
            },
            "path": f"./{at.path(name)}",
            **({"serviceAccountName": flux.service_account} if flux.service_account else {}),
            "interval": f"{flux.interval_seconds}s",
            "retryInterval": f"{flux.retry_seconds}s",
            "timeout": f"{flux.timeout_seconds}s",
            "prune": True,
            "wait": True,
            **({"healthCheckExprs": list(checks)} if checks else {}),
        },
    }


def _checks(cell: Cell, name: str) -> tuple[Json, ...]:
    """Return how the health of the custom resources of a cell is read.

    Flux takes one without a condition `Ready` for healthy as soon as it exists.
    """
    group = _check(lws.API_VERSION, lws.KIND, current="Available")
    request = _check(queued.API_VERSION, "ProvisioningRequest", "Provisioned", failed="Failed")
    return (
        *([group] if cell.profile.nodes > 1 else []),
        *([request] if name == cell.queued_directory else []),
    )


def _check(api_version: str, kind: str, current: str, failed: str = "") -> Json:
    return {
        "apiVersion": api_version,
        "kind": kind,
        **({"failed": _is_true(failed)} if failed else {}),
        "current": _is_true(current),
    }


def _is_true(condition: str) -> str:
    """Return the expression that tells whether a condition is True.

    Flux goes on waiting where there is no status yet.
    """
    return f"status.conditions.exists(e, e.type == '{condition}' && e.status == 'True')"
