"""The container that reads the model once to warm the file cache, and the sources of its fields."""

from __future__ import annotations

from ira_manifests.constructs.manifests import parts
from ira_manifests.constructs.manifests.parts import Json
from ira_manifests.constructs.manifests.sources import Source, source
from ira_manifests.kubernetes.images import mirrored
from ira_manifests.profiles.cell import Cell

NAME = "fetch-safetensors"

# It writes only its log to disk, a few lines for each file of the model. The kubelet keeps five log
# files of 10 MiB for each container.
_LOGS = "64Mi"


def container(cell: Cell, config_map: str) -> Json:
    """Return the container. `config_map`: the name of the ConfigMap that it reads."""
    fetch = cell.platform.fetch_safetensors
    parallelism = {"name": "FETCH_PARALLELISM", "value": str(fetch.parallelism)}
    return {
        "name": NAME,
        "image": mirrored(fetch.image, cell.platform.image_registry),
        "command": ["/bin/sh", "-c"],
        "args": [parts.script("fetch_safetensors.sh")],
        "env": [*parts.env(config_map, ["MODEL_ID"]), parallelism],
        # No CPU limit: it would throttle the reads that the server waits for while loading.
        "resources": {
            "requests": {"cpu": fetch.cpu, "memory": fetch.memory, "ephemeral-storage": _LOGS},
            "limits": {"memory": fetch.memory, "ephemeral-storage": _LOGS},
        },
        "securityContext": parts.container_security(fetch.run_as_user, read_only=True),
        "volumeMounts": [parts.model_mount(cell)],
    }


def sources(cell: Cell, field: str) -> list[Source]:
    """Return the source of each field of the container at `field`."""
    of_profile, logs = "@platform.fetch_safetensors", "ephemeral-storage"
    return [
        source(f"{of_profile}.image{parts.and_registry(cell.platform)}", f"{field}.image",
               name="fetch_image"),
        source(f"{of_profile}.run_as_user", f"{field}.securityContext.runAsUser",
               name="fetch_run_as_user"),
        source(f"{of_profile}.parallelism", f"{field}.env[FETCH_PARALLELISM].value",
               name="fetch_parallelism"),
        source(f"{of_profile}.cpu", f"{field}.resources.requests.cpu", name="fetch_cpu"),
        source(f"{of_profile}.memory", f"{field}.resources.limits.memory",
               f"{field}.resources.requests.memory", name="fetch_memory"),
        source("the construct: the reference architecture's name", f"{field}.name"),
        source("the construct: runs the script in the image's shell", f"{field}.command"),
        source("the construct: scripts/fetch_safetensors.sh", f"{field}.args"),
        source(parts.CONFIG, f"{field}.env"),
        source("the construct: the warm-up writes its log, and nothing else",
               f"{field}.resources.requests.{logs}", f"{field}.resources.limits.{logs}"),
        source(parts.SECURITY, f"{field}.securityContext"),
        source(parts.VOLUME, f"{field}.volumeMounts[{parts.BUCKET_VOLUME}]"),
    ]  # fmt: skip
