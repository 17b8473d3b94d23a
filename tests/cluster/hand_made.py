"""Small hand-written objects, for tests of the harness itself."""

from __future__ import annotations

from testing.objects import Json
from tests.cluster import gke


def server(compute_class: str, *, gpus: int) -> Json:
    """A Deployment of one Pod on the machine of a compute class."""
    template = pod({gke.GPU: str(gpus)}, selector={gke.COMPUTE_CLASS: compute_class})
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "server"},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": {"app": "server"}},
            "template": {"metadata": {"labels": {"app": "server"}}, "spec": template["spec"]},
        },
    }


def pod(resources: dict[str, str], *, selector: dict[str, str] | None = None) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "pod"},
        "spec": {
            "nodeSelector": selector or {},
            "tolerations": [{"key": gke.GPU, "operator": "Exists", "effect": "NoSchedule"}],
            "containers": [
                {"name": "main", "image": "simulated", "resources": {"limits": resources}}
            ],
        },
    }


def claim() -> Json:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "scratch"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "premium-rwo",
            "resources": {"requests": {"storage": "1Ti"}},
        },
    }


def job(*, ttl_seconds: int) -> Json:
    spec = pod(
        {"cpu": "4", "memory": "8Gi"}, selector={"iam.gke.io/gke-metadata-server-enabled": "true"}
    )["spec"]
    spec["restartPolicy"] = "OnFailure"
    spec["tolerations"] = [{"key": "on-demand", "value": "true", "effect": "NoSchedule"}]
    spec["volumes"] = [{"name": "scratch", "persistentVolumeClaim": {"claimName": "scratch"}}]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "transfer"},
        "spec": {
            "backoffLimit": 0,
            "ttlSecondsAfterFinished": ttl_seconds,
            "template": {"spec": spec},
        },
    }
