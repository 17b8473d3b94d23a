"""GKE in miniature: the objects of a base platform's cluster besides its machines."""

from __future__ import annotations

from testing.objects import Json
from tests.cluster.gke import COMPUTE_CLASS, MACHINE_OF_CLASS, PODS_ON_CLASS_NODE
from tests.cluster.machines import Machine

PD_DRIVER = "pd.csi.storage.gke.io"
GCSFUSE_DRIVER = "gcsfuse.csi.storage.gke.io"
COMPUTE_CLASSES = "/apis/cloud.google.com/v1/computeclasses"


def compute_classes() -> list[Json]:
    """The base platform's compute classes. Nothing acts on them: the nodes exist already."""
    return [_compute_class(name, machine) for name, machine in MACHINE_OF_CLASS.items()]


def compute_class_crd() -> Json:
    """A stand-in for GKE's CRD: the same kind, but its spec has no schema."""
    spec = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "computeclasses.cloud.google.com"},
        "spec": {
            "group": "cloud.google.com",
            "scope": "Cluster",
            "names": {
                "plural": "computeclasses",
                "singular": "computeclass",
                "kind": "ComputeClass",
            },
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }


def premium_rwo() -> Json:
    """GKE's storage class on SSDs: a disk is made where its first Pod is scheduled."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "premium-rwo"},
        "provisioner": PD_DRIVER,
        "parameters": {"type": "pd-ssd"},
        "allowVolumeExpansion": True,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def csi_drivers() -> list[Json]:
    """The drivers behind the manifests' volumes; attaching a disk is not simulated."""
    return [
        _csi_driver(PD_DRIVER, ["Persistent"]),
        _csi_driver(GCSFUSE_DRIVER, ["Persistent", "Ephemeral"]),
    ]


def class_toleration() -> list[Json]:
    """The admission step by which GKE lets a Pod that selects a compute class onto its nodes.

    It is described in the ai-on-gke tutorial "TPU-TPU fungibility using DRA and custom compute
    classes". GKE adds a toleration for `nvidia.com/gpu` too; not so here, since the manifests are
    to carry that one themselves.
    """
    selected = f"object.spec.nodeSelector['{COMPUTE_CLASS}']"
    toleration = (
        f"Object.spec.tolerations{{key: '{COMPUTE_CLASS}', operator: 'Equal', "
        f"value: {selected}, effect: 'NoSchedule'}}"
    )
    # Other admission steps have given every Pod a toleration by then, so the list is there.
    patch = f"[JSONPatch{{op: 'add', path: '/spec/tolerations/-', value: {toleration}}}]"
    name = "compute-class-toleration"
    return [
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": {
                "failurePolicy": "Fail",
                "reinvocationPolicy": "Never",
                "matchConstraints": {"resourceRules": [_CREATED_PODS]},
                "matchConditions": [
                    {
                        "name": "selects-a-class",
                        "expression": "has(object.spec.nodeSelector) && "
                        f"'{COMPUTE_CLASS}' in object.spec.nodeSelector",
                    }
                ],
                "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": patch}}],
            },
        },
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {"policyName": name},
        },
    ]


_CREATED_PODS = {
    "apiGroups": [""],
    "apiVersions": ["v1"],
    "operations": ["CREATE"],
    "resources": ["pods"],
}


def _compute_class(name: str, machine: Machine) -> Json:
    gpu = {"type": machine.accelerator, "count": machine.gpus, "driverVersion": "latest"}
    common = {"machineType": machine.name, "gpu": gpu, "maxPodsPerNode": PODS_ON_CLASS_NODE}
    return {
        "apiVersion": "cloud.google.com/v1",
        "kind": "ComputeClass",
        "metadata": {"name": name},
        "spec": {
            "nodePoolAutoCreation": {"enabled": True},
            "priorities": [
                {**common, "spot": False, "reservations": {"affinity": "AnyBestEffort"}},
                {**common, "spot": False},
                {**common, "flexStart": {"enabled": True}, "maxRunDurationSeconds": 604800},
                {**common, "spot": True},
            ],
        },
    }


def _csi_driver(name: str, modes: list[str]) -> Json:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "CSIDriver",
        "metadata": {"name": name},
        "spec": {"attachRequired": False, "podInfoOnMount": True, "volumeLifecycleModes": modes},
    }
