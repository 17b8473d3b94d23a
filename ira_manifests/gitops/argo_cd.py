"""Argo CD: an ApplicationSet, and a kustomization for each model, which becomes an Application.

A model's download and its cells are one Application, because Argo CD keeps an order inside of an
Application alone: the Job has a sync wave before all else, so the cells are applied when it is
complete, also where one commit changes both. With an Application for each directory, progressive
syncs would keep the order for new ones only, because they go by the state that an Application had
before it has seen the commit.

https://argo-cd.readthedocs.io/en/stable/operator-manual/applicationset/Generators-Git/
https://argo-cd.readthedocs.io/en/stable/user-guide/sync-waves/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ira_manifests.gitops.applied import OfModel, Place, models
from ira_manifests.layout import ARGO_CD, SHARED, application
from ira_manifests.output.directory import Directory
from ira_manifests.output.kustomize import Kustomization
from ira_manifests.profiles.controllers import ArgoCd
from ira_manifests.profiles.matrix import Matrix

Json = dict[str, Any]

_FILE = "application-set.yaml"
_IN_CLUSTER = "https://kubernetes.default.svc"
# A failed sync is not tried again for the same commit, unless this says so.
_RETRY: Json = {"limit": 5, "backoff": {"duration": "30s", "factor": 2, "maxDuration": "10m"}}


def directories(matrix: Matrix, argo_cd: ArgoCd) -> Iterator[Directory]:
    """Yield the directory of the ApplicationSet, and that of each model."""
    at = Place(argo_cd, matrix.environment)
    objects = {_FILE: _application_set(argo_cd, at, matrix.platform.namespace)}
    yield Directory(ARGO_CD, objects=objects)
    for model in models(list(matrix.values())):
        yield Directory(application(model.name), _of_model(model))


def _of_model(model: OfModel) -> Kustomization:
    names = (model.download, *model.serving)
    return Kustomization(resources=tuple(f"../../{name}" for name in names))


def _application_set(argo_cd: ArgoCd, at: Place, namespace: str | None) -> Json:
    git = {
        "repoURL": argo_cd.repo_url,
        "revision": argo_cd.revision,
        "directories": [{"path": at.path(SHARED)}, {"path": f"{at.path(ARGO_CD)}/*"}],
    }
    template = {
        "metadata": {"name": f"{at.prefix}-{{{{.path.basename}}}}"},
        "spec": _application(argo_cd, namespace),
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": at.prefix, "namespace": argo_cd.namespace},
        "spec": {
            "goTemplate": True,
            "goTemplateOptions": ["missingkey=error"],
            "generators": [{"git": git}],
            "template": template,
        },
    }


def _application(argo_cd: ArgoCd, namespace: str | None) -> Json:
    name = argo_cd.destination_name
    cluster = {"name": name} if name else {"server": argo_cd.destination_server or _IN_CLUSTER}
    return {
        "project": argo_cd.project,
        "source": {
            "repoURL": argo_cd.repo_url,
            "targetRevision": argo_cd.revision,
            "path": "{{.path.path}}",
        },
        "destination": {**cluster, "namespace": namespace},
        "syncPolicy": {"automated": {"prune": True, "selfHeal": True}, "retry": _RETRY},
    }
