"""The container that runs vLLM's OpenAI-compatible server, and the sources of its fields."""

from __future__ import annotations

from dataclasses import replace

from ira_manifests.constructs.manifests import parts
from ira_manifests.constructs.manifests.parts import Json
from ira_manifests.constructs.manifests.sources import Source, option, source
from ira_manifests.kubernetes import labels as keys
from ira_manifests.kubernetes import leader_worker_set as lws
from ira_manifests.layout import API_PORT, MOUNT_ROOT
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.engine import SERVE, Engine
from ira_manifests.profiles.secrets import is_secret, secret_words
from ira_manifests.profiles.server_arguments import MODEL
from ira_manifests.vllm import multiple_nodes
from ira_manifests.vllm.draining import OPTION, Drain

NAME = "inference-server"
PORT = API_PORT
SHARED_MEMORY = "dshm"
"""The volume of /dev/shm, through which the parallel workers talk."""

# Health checks, in seconds. A server under load can answer late without hanging, so the liveness
# probe allows three minutes of failures. The startup probe covers the loading of the model; its
# length is the engine's startup_seconds.
_STARTUP_PERIOD = 10
_HEALTH = {"httpGet": {"path": "/health", "port": PORT, "scheme": "HTTP"}}
_READINESS = {**_HEALTH, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 3}
_LIVENESS = {**_HEALTH, "periodSeconds": 30, "timeoutSeconds": 10, "failureThreshold": 6}


# Those of every cell, after the model.
_ARGUMENTS = (
    "--gpu-memory-utilization=$(GPU_MEMORY_UTILIZATION)",
    "--max-model-len=$(MAX_MODEL_LEN)",
    "--tensor-parallel-size=$(TENSOR_PARALLEL_SIZE)",
)

# Each node's own, of several; the controller of LeaderWorkerSets defines the variables.
_NODES = (
    f"{multiple_nodes.NODES}=$({lws.SIZE})",
    f"{multiple_nodes.RANK}=$({lws.INDEX})",
    f"{multiple_nodes.ADDRESS}=$({lws.ADDRESS})",
)


def worker(server: Json) -> Json:
    """Return the container of a node that has workers alone, and no API to ask for health.

    `server`: the container of the leader.
    """
    without = ("ports", "startupProbe", "readinessProbe", "livenessProbe", "lifecycle")
    kept = {key: value for key, value in server.items() if key not in without}
    return {**kept, "args": [*server["args"], multiple_nodes.HEADLESS]}


def container(cell: Cell, config_map: str) -> Json:
    """Return the container. `config_map`: the name of the ConfigMap that it reads."""
    engine, profile = cell.engine, cell.profile
    startup_failures = -(-engine.startup_seconds // _STARTUP_PERIOD)
    return {
        "name": NAME,
        "image": cell.image,
        "imagePullPolicy": "Always",
        "command": list(engine.command),
        "args": [
            _model(engine),
            *_ARGUMENTS,
            *(argument.text for argument in cell.server_arguments),
            *_shutdown_timeout(engine.drain),
            *(_NODES if profile.nodes > 1 else ()),
        ],
        "env": [
            *parts.env(config_map, list(cell.runtime_values)),
            *_settings(engine),
            *parts.given_env(cell.settings.env),
        ],
        "ports": [{"name": "metrics", "containerPort": PORT, "protocol": "TCP"}],
        "resources": parts.resources_of(
            profile.cpu, profile.memory, **{keys.GPU: str(profile.gpus)}
        ),
        "startupProbe": {
            **_HEALTH,
            "periodSeconds": _STARTUP_PERIOD,
            "timeoutSeconds": 5,
            "failureThreshold": startup_failures,
        },
        "readinessProbe": _READINESS,
        "livenessProbe": _LIVENESS,
        **_pre_stop(engine.drain),
        "securityContext": parts.container_security(
            engine.run_as_user, read_only=engine.read_only_root
        ),
        "volumeMounts": [
            {"name": SHARED_MEMORY, "mountPath": "/dev/shm"},  # noqa: S108  not a temporary file
            *parts.bucket_mounts(cell),
            *([parts.TEMPORARY_MOUNT] if engine.read_only_root else ()),
            *cell.settings.volume_mounts,
        ],
    }


def _model(engine: Engine) -> str:
    """Return the argument that names the model; only `vllm serve` takes it without an option."""
    return MODEL if engine.command[-1] == SERVE[-1] else f"--model={MODEL}"


def _pre_stop(drain: Drain | None) -> Json:
    """Return the preStop hook, which waits until the Pod is removed from its Services.

    It runs a command, because Kubernetes before 1.30 silently drops the API's own sleep action.
    """
    if drain is None:
        return {}
    command = ["sleep", str(drain.pre_stop)]
    return {"lifecycle": {"preStop": {"exec": {"command": command}}}}


def _shutdown_timeout(drain: Drain | None) -> list[str]:
    if drain is None or drain.shutdown_timeout is None:
        return []
    return [f"{OPTION}={drain.shutdown_timeout}"]


def _settings(engine: Engine) -> list[Json]:
    """Return the environment variables that disable access to the Hub and usage statistics.

    The model is local, so the Hub is not needed. vLLM sends usage statistics unless one of two
    variables is set (vllm/usage/usage_lib.py).
    """
    settings = parts.variables(HF_HUB_OFFLINE="1", VLLM_NO_USAGE_STATS="1", DO_NOT_TRACK="1")
    # Caches of compiled kernels are in the home directory of the engine's user.
    home = parts.variables(HOME=parts.TEMPORARY) if engine.read_only_root else []
    return [*settings, *home]


_PROBE = "the construct: vLLM's /health"
_OFFLINE = "the construct: the server looks nothing up on the Hub, and sends no statistics"
MOUNTED = f"@model.model_id: {MOUNT_ROOT}/ and the model id"
SHARED = "the construct: shared memory of the parallel workers"


def sources(cell: Cell, field: str) -> list[Source]:
    """Return the source of each field of the container at `field`, and of its volumes' mounts."""
    return [*_from_profiles(cell, field), *_from_construct(field)]


def _from_profiles(cell: Cell, field: str) -> list[Source]:
    """Return the rows of values from profiles, in the order in which `explain` lists them."""
    seconds = cell.engine.startup_seconds
    staged = cell.profile.pipeline_parallel > 1
    gpus = "@cell.tensor_parallel" + (" × @cell.pipeline_parallel" if staged else "")
    gpus += " / @cell.nodes" if cell.profile.nodes > 1 else ""
    temporary = parts.TEMPORARY_VOLUME
    limits, requests = f"{field}.resources.limits", f"{field}.resources.requests"
    return [
        source(f"@engine.reference{parts.and_registry(cell.platform)}", f"{field}.image",
               name="image"),
        source("@engine.command", f"{field}.command", name="command")
        if cell.engine.command != SERVE
        else source("the construct: the entry that every release of vLLM knows",
                    f"{field}.command"),
        source("@engine.run_as_user", f"{field}.securityContext.runAsUser", name="run_as_user"),
        source("@engine.read_only_root", f"{field}.securityContext.readOnlyRootFilesystem",
               f"{field}.env[HOME]", f"{field}.volumeMounts[{temporary}]", name="read_only_root"),
        *_of_arguments(cell, f"{field}.args"),
        *(source(f"@settings.env[{name}]", f"{field}.env[{name}]", name=f"env.{name}",
                 listed=parts.shown_env,
                 hidden=isinstance(given, str) and is_secret(name, given))
          for name, given in cell.settings.env.items()),
        source("@cell.cpu", f"{limits}.cpu", f"{requests}.cpu", name="cpu"),
        source("@cell.memory", f"{limits}.memory", f"{requests}.memory", name="memory"),
        source(f"{gpus}: one GPU for each part",
               f"{limits}.{keys.GPU}", f"{requests}.{keys.GPU}", name="gpus"),
        source(MOUNTED,
               f"{field}.volumeMounts[{parts.BUCKET_VOLUME}].mountPath", name="mount_path"),
        *_of_other_mounts(cell, f"{field}.volumeMounts"),
        source(f"@engine.startup_seconds: {seconds} seconds, one try every {_STARTUP_PERIOD}",
               f"{field}.startupProbe.failureThreshold", name="startup_tries"),
        source("@engine.drain_seconds", f"{field}.args[{OPTION}]", name=OPTION),
    ]  # fmt: skip


def _of_other_mounts(cell: Cell, field: str) -> list[Source]:
    """Return the rows of the mounts of adapters and drafts."""
    return [
        row
        for name, setting in parts.other_volumes(cell).items()
        for row in (
            source(f"{setting}: {MOUNT_ROOT}/ and its model_id", f"{field}[{name}].mountPath",
                   name="mount_path"),
            source(parts.VOLUME, f"{field}[{name}]"),
        )
    ]  # fmt: skip


def _of_arguments(cell: Cell, field: str) -> list[Source]:
    """Return one row for each option, and for each other word of a profile."""
    found: dict[str, Source] = {}
    every = 1 + len(_ARGUMENTS)
    words = [argument.text for argument in cell.server_arguments]
    secret = {every + index for index, _ in secret_words(words, cell.engine.version)}
    for index, argument in enumerate(cell.server_arguments, start=every):
        if not argument.root:
            continue
        name, *inner = argument.path
        text = f"@{argument.root}.{name}" + "".join(f"[{each}]" for each in inner)
        key = option(argument.text) if argument.text.startswith("-") else str(index)
        shown_as = key if argument.text.startswith("-") else str(name)
        hidden = index in secret or (key in found and found[key].hidden)
        row = source(text, f"{field}[{key}]", name=shown_as, hidden=hidden)
        found[key] = row if key not in found else replace(found[key], hidden=hidden)
    return list(found.values())


def _from_construct(field: str) -> list[Source]:
    """Return the rows of values that no profile decides; docs/differences.md explains most."""
    return [
        source(parts.SECURITY, f"{field}.securityContext"),
        source(SHARED, f"{field}.volumeMounts[{SHARED_MEMORY}]"),
        source(parts.VOLUME, f"{field}.volumeMounts[{parts.BUCKET_VOLUME}]"),
        source(parts.CONFIG, f"{field}.env"),
        source(parts.WALKTHROUGH, f"{field}.name"),
        source(parts.REFERENCE, f"{field}.imagePullPolicy"),
        source("the construct: the values of the ConfigMap, $(NAME) expanded", f"{field}.args"),
        source(_OFFLINE, f"{field}.env[HF_HUB_OFFLINE]", f"{field}.env[VLLM_NO_USAGE_STATS]",
               f"{field}.env[DO_NOT_TRACK]"),
        source("the construct: vLLM's port, under the name of the reference architecture",
               f"{field}.ports"),
        source(_PROBE, f"{field}.startupProbe"),
        source(f"{_PROBE}; half a minute of failures takes it out of the Service",
               f"{field}.readinessProbe"),
        source(f"{_PROBE}; three minutes of failures restart it", f"{field}.livenessProbe"),
        source("the construct: the Pod leaves its Services before the server ends",
               f"{field}.lifecycle"),
    ]  # fmt: skip
