"""The tree's download of models as fields of the platform."""

from __future__ import annotations

from typing import Any

from ira_manifests.kustomizations.names import without_hash
from ira_manifests.layout import DOWNLOAD_JOB, TOKEN_SECRET
from ira_manifests.lint.view import ForeignView
from ira_manifests.rules.view.plain import at, mapping, mappings
from ira_manifests.rules.view.pods import Object


def fields(view: ForeignView) -> dict[str, Any]:
    """Return the fields of `model_download` that a Job of the walkthrough's name has."""
    job = next(each for each in view.pods if (each.kind, each.name) == ("Job", DOWNLOAD_JOB))
    container = next(iter(mappings(job.spec.get("containers"))), {})
    limits = mapping(at(container, "resources", "limits"))
    given = {
        "image": container.get("image"),
        "run_as_user": at(container, "securityContext", "runAsUser"),
        "service_account": job.spec.get("serviceAccountName"),
        "cpu": limits.get("cpu") and str(limits["cpu"]),
        "memory": limits.get("memory"),
        "fs_group": at(job.spec, "securityContext", "fsGroup"),
        "ttl_seconds_after_finished": job.owner.spec.get("ttlSecondsAfterFinished"),
        "active_deadline_seconds": job.owner.spec.get("activeDeadlineSeconds"),
        **_disk(view),
    }
    return {name: value for name, value in given.items() if value}


def _disk(view: ForeignView) -> dict[str, Any]:
    for item in view.of_kind("PersistentVolumeClaim"):
        size = at(item.body, "spec", "resources", "requests", "storage")
        return {"storage_class": item.spec.get("storageClassName"), "storage": size}
    return {}


def objects(view: ForeignView) -> list[Object]:
    """Return the objects of the walkthrough's download in a unit; none without its Job."""
    jobs = (each for each in view.pods if (each.kind, each.name) == ("Job", DOWNLOAD_JOB))
    job = next(jobs, None)
    if job is None:
        return []
    named = {job.spec.get("serviceAccountName"), DOWNLOAD_JOB, TOKEN_SECRET}
    return [item for item in view.objects if without_hash(item.name) in named]


def is_one(view: ForeignView) -> bool:
    """Return whether a unit has the download of the walkthrough."""
    return bool(objects(view))
