"""Simulates the provisioner of GKE's persistent disks, since no disk can be created here.

The scheduler writes the node it has chosen for a claim's first Pod into the claim; the real
provisioner then makes a disk and its PersistentVolume. Here the volume is made without a disk, and
removed again when its claim is gone. All that lies between (waiting for the first Pod, binding,
protection of what is in use, release) is done by the real controllers.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from testing.objects import Json
from tests.cluster.api import Api, ApiError
from tests.cluster.base_platform import PD_DRIVER

_VOLUMES = "/api/v1/persistentvolumes"
_CLAIMS = "/api/v1/persistentvolumeclaims"
_CHOSEN_NODE = "volume.kubernetes.io/selected-node"
_PROVISIONER = "volume.kubernetes.io/storage-provisioner"
_PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
_INTERVAL_SECONDS = 0.2


@contextlib.contextmanager
def provisioning(api: Api) -> Iterator[None]:
    """Provisions in the background; an API server's error ends it and is raised after the block."""
    ended = threading.Event()
    errors: list[Exception] = []

    def run() -> None:
        while not ended.wait(_INTERVAL_SECONDS):
            try:
                provision(api)
            except Exception as error:  # noqa: BLE001 - raised again below
                errors.append(error)
                return

    thread = threading.Thread(target=run, name="provisioner", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    if errors:
        raise errors[0]


def provision(api: Api) -> None:
    """Creates the volumes of waiting claims and removes released ones."""
    volumes = {volume["metadata"]["name"]: volume for volume in api.items(_VOLUMES)}
    for claim in api.items(_CLAIMS):
        if _waits_for_disk(claim) and volume_name(claim) not in volumes:
            api.create(_VOLUMES, volume_for(claim))
    for name, volume in volumes.items():
        if _is_released(volume):
            with contextlib.suppress(ApiError):
                api.delete(f"{_VOLUMES}/{name}")


def volume_name(claim: Json) -> str:
    """The name that provisioners give to the volume of a claim."""
    return f"pvc-{claim['metadata']['uid']}"


def volume_for(claim: Json) -> Json:
    """The PersistentVolume of a disk that was made for a claim."""
    metadata, spec = claim["metadata"], claim["spec"]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": volume_name(claim),
            "annotations": {_PROVISIONED_BY: PD_DRIVER},
        },
        "spec": {
            "accessModes": spec["accessModes"],
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
            "csi": {"driver": PD_DRIVER, "volumeHandle": volume_name(claim)},
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": spec["storageClassName"],
        },
    }


def _waits_for_disk(claim: Json) -> bool:
    notes = claim["metadata"].get("annotations", {})
    asked = notes.get(_PROVISIONER) == PD_DRIVER and _CHOSEN_NODE in notes
    return asked and bool(claim["status"].get("phase") == "Pending")


def _is_released(volume: Json) -> bool:
    notes = volume["metadata"].get("annotations", {})
    mine = notes.get(_PROVISIONED_BY) == PD_DRIVER
    return mine and bool(volume["status"].get("phase") == "Released")
