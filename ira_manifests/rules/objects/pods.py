"""Rules of Pods: images, shared memory, probes and the number of Pods."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.kubernetes import leader_worker_set as lws
from ira_manifests.kubernetes import names
from ira_manifests.kubernetes.quantities import quantity
from ira_manifests.rules.catalogue import Needs, Severity
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import also, rule
from ira_manifests.rules.view.groups import DIRECTORY
from ira_manifests.rules.view.plain import Json, at, mapping
from ira_manifests.rules.view.pods import Container, PodTemplate
from ira_manifests.rules.view.rendered import View

_SHORTEST_START = 600  # seconds; a load takes tens of minutes
# Istio puts the image in place when it injects a gateway; other controllers, where there is none.
_INJECTED = ("auto", "")
# KubeRay mounts one in every Ray container: ray-operator/controllers/ray/common/pod.go. Kinds of
# other groups make RayClusters of the same groups of Pods.
_OF_RAY, _RAY_GROUPS = "ray.io", {"headGroupSpec", "workerGroupSpecs"}
_PARALLEL = ("--tensor-parallel-size", "--pipeline-parallel-size", "--data-parallel-size")
_SHARED_MEMORY = 1 << 30  # bytes; NCCL and the engine's queues of eight processes use less


@rule("IRA015", "unpinned-image", Severity.ERROR, DIRECTORY, Needs.PART)
def unpinned_image(view: View) -> Iterator[Finding]:
    """An image has no version, or one that moves.

    An image without a tag, or with one that moves (`latest`, `nightly`, `stable`), is another
    program after the next node comes up, together with its flags and its memory. A rollback of the
    manifest then rolls nothing back. A digest pins any tag: `path:tag@sha256:…`.
    """
    for container in view.containers:
        if view.own or _serves(view, container):
            yield from _unpinned(view, container)


@rule("IRA093", "unpinned-helper", Severity.WARNING, DIRECTORY, Needs.PART)
def unpinned_helper(view: View) -> Iterator[Finding]:
    """The image of a helper has no version, or one that moves.

    What IRA015 is for servers, for all other containers of other authors' trees: sidecars, init
    containers, clients. A new `latest` can break them, and with them the Pod, but not the model.
    """
    for container in () if view.own else view.containers:
        if not _serves(view, container):
            yield from _unpinned(view, container)


def _serves(view: View, container: Container) -> bool:
    """Return whether a container serves a model: it starts vLLM, or has GPUs."""
    return container.gpus > 0 or any(each.container is container for each in view.servers)


def _unpinned(view: View, container: Container) -> Iterator[Finding]:
    problem = names.check_pinned_image(container.image)
    runs = container.image not in _INJECTED and not container.template.is_copy
    if problem and (view.own or runs):
        message = f"{container.image!r} {problem}"
        hint = "the next start may pull a different image"
        yield view.finding(container.file, (*container.path, "image"), message, hint)


@rule("IRA012", "no-shared-memory", Severity.ERROR, DIRECTORY, Needs.OBJECTS)
def no_shared_memory(view: View) -> Iterator[Finding]:
    """GPUs work together without shared memory.

    The processes of a tensor parallel group exchange data through `/dev/shm`, and a container has
    64 MiB of it unless a memory-backed `emptyDir` is mounted there, of 1Gi or more where its size
    is limited. The server hangs or dies with a bus error under load. In trees of other authors,
    only servers of vLLM with such a group are judged.
    """
    for container in view.containers:
        template = container.template
        needed = view.own or _works_in_parallel(view, template)
        if container.gpus > 1 and needed and not _has_shared_memory(template):
            yield from _shared_memory(view, container)


def _has_shared_memory(template: PodTemplate) -> bool:
    """Return whether a Pod has the node's shared memory, or KubeRay mounts one."""
    of_ray = template.owner.group == _OF_RAY or bool(_RAY_GROUPS & {*template.path})
    return template.spec.get("hostIPC") is True or of_ray


def _works_in_parallel(view: View, template: PodTemplate) -> bool:
    """Return whether a vLLM server of an object divides its model, or its requests, by GPUs."""
    servers = (each for each in view.servers if each.container.template.owner is template.owner)
    return not template.is_copy and any(
        each.settings.get(option, "1") != "1" for each in servers for option in _PARALLEL
    )


def _shared_memory(view: View, container: Container) -> Iterator[Finding]:
    template, count = container.template, container.gpus
    mounted = [
        mount.get("name")
        for mount in container.mounts
        if mount.get("mountPath") == "/dev/shm"  # noqa: S108
    ]
    memory = {
        index: at(volume, "emptyDir", "sizeLimit")
        for index, volume in enumerate(template.volumes)
        if at(volume, "emptyDir", "medium") == "Memory" and volume.get("name") in mounted
    }
    if not memory:
        message = f"{count} GPUs and no memory-backed emptyDir at /dev/shm"
        hint = "the default of 64 MiB is too small for the processes of tensor parallelism"
        yield view.finding(container.file, (*container.path, "volumeMounts"), message, hint)
    for index, limit in memory.items():
        if limit is not None and _is_small(str(limit)):
            message = f"{count} GPUs and no more than {limit} at /dev/shm"
            hint = "remove sizeLimit, or set at least 1Gi; it counts towards the memory limit"
            place = (*template.path, "spec", "volumes", index, "emptyDir", "sizeLimit")
            yield view.finding(template.file, place, message, hint)


def _is_small(limit: str) -> bool:
    try:
        return quantity(limit) < _SHARED_MEMORY
    except ValueError:  # not a quantity, which the API server refuses
        return False


@rule("IRA027", "no-startup-probe", Severity.WARNING, DIRECTORY)
def no_startup_probe(view: View) -> Iterator[Finding]:
    """No startup probe covers the load of the model.

    A load takes tens of minutes. A liveness probe alone kills the server while it loads; a
    readiness probe alone never replaces a server that hangs. A startup probe covers the load and
    hands over to the two; one that gives up in less than ten minutes does not. The workers of a
    LeaderWorkerSet have no API to ask: their leader is not ready, and ends, without them.
    """
    for container in view.containers:
        if container.gpus and container.template.path != lws.WORKER:
            yield from _probes(view, container)
            yield from _startup(view, container)


def _probes(view: View, container: Container) -> Iterator[Finding]:
    file, path, body = container.file, container.path, container.body
    if "livenessProbe" in body and "startupProbe" not in body:
        message = "a liveness probe without a startup probe kills the server while it loads"
        hint = "add a startupProbe that covers the load"
        yield view.finding(file, (*path, "livenessProbe"), message, hint)
    if not {"livenessProbe", "startupProbe"} & set(body):
        message = "the server has only a readiness probe: it is not restarted when it hangs"
        hint = "add a startupProbe that covers the load, and a livenessProbe"
        yield view.finding(file, path, message, hint)


def _startup(view: View, container: Container) -> Iterator[Finding]:
    startup = mapping(container.body.get("startupProbe"))
    # Defaults of the API server: every 10 seconds, 3 times.
    seconds = _number(startup, "periodSeconds", 10) * _number(startup, "failureThreshold", 3)
    seconds += _number(startup, "initialDelaySeconds", 0)
    if startup and seconds < _SHORTEST_START:
        message = f"the startup probe gives up after {seconds} seconds, and the load takes longer"
        hint = f"failureThreshold × periodSeconds must cover the load: {_SHORTEST_START} at least"
        place = (*container.path, "startupProbe", "failureThreshold")
        yield view.finding(container.file, place, message, hint)


def _number(probe: Json, key: str, default: int) -> int:
    value = probe.get(key, default)
    return value if isinstance(value, int) else default


@also("IRA027", DIRECTORY, Needs.OBJECTS)
def killed_while_loading(view: View) -> Iterator[Finding]:
    """A probe of another author's server ends it before any model can be loaded."""
    for server in () if view.own else view.servers:
        container = server.container
        probe = next((each for each in _ENDING if each in container.body), None)
        if container.gpus and probe is not None:
            yield from _too_short(view, container, probe)


# The first of them decides: a liveness probe waits for the startup probe.
_ENDING = ("startupProbe", "livenessProbe")
_LEAST_START = 120  # seconds; imports, compilation and CUDA graphs of the smallest model take most


def _too_short(view: View, container: Container, name: str) -> Iterator[Finding]:
    probe = mapping(container.body.get(name))
    seconds = _number(probe, "periodSeconds", 10) * _number(probe, "failureThreshold", 3)
    seconds += _number(probe, "initialDelaySeconds", 0)
    if seconds < _LEAST_START:
        message = f"the {name} ends the server after {seconds} seconds, while it loads the model"
        hint = "add a startupProbe that covers the load: failureThreshold × periodSeconds"
        yield view.finding(container.file, (*container.path, name), message, hint)


@rule("IRA091", "requests-missing", Severity.WARNING, DIRECTORY, Needs.OBJECTS)
def requests_missing(view: View) -> Iterator[Finding]:
    """A server with GPUs requests no CPU or no memory.

    The scheduler then counts none: other Pods fill the node beside it, the server gets what CPU is
    left while it loads, and it is among the first that the kernel or the kubelet ends when memory
    runs out. On Autopilot it gets GKE's defaults, which are for small containers. A limit alone is
    a request as well.
    """
    for server in () if view.own else view.servers:
        container, template = server.container, server.container.template
        asked = {*_asked(container.body), *_asked(template.spec)}
        lacking = [each for each in ("cpu", "memory") if each not in asked]
        if container.gpus and lacking and not template.is_copy:
            message = f"the server requests no {' and no '.join(lacking)}"
            hint = "request what it needs: otherwise other Pods may fill its node"
            yield view.finding(container.file, container.path, message, hint)


def _asked(body: Json) -> set[str]:
    resources = mapping(body.get("resources"))
    return {*mapping(resources.get("requests")), *mapping(resources.get("limits"))}


@rule("IRA036", "second-machine", Severity.WARNING, DIRECTORY)
def second_machine(view: View) -> Iterator[Finding]:
    """A rollout needs another machine with GPUs.

    A rolling update with a surge starts a Pod that needs GPUs beside those of all old ones. Without
    a free machine, the update waits for capacity and the old version keeps serving. The number of
    replicas is the profile's own decision, and not reported.
    """
    for template in view.workloads:
        if template.gpus and template.kind == "Deployment":
            yield from _surge(view, template)


def _surge(view: View, template: PodTemplate) -> Iterator[Finding]:
    strategy = mapping(template.owner.spec.get("strategy"))
    kind = strategy.get("type", "RollingUpdate")
    if kind == "RollingUpdate" and at(strategy, "rollingUpdate", "maxSurge") not in (0, "0", "0%"):
        message = "a rolling update starts a Pod beside the old ones, with GPUs of its own"
        hint = "use strategy Recreate, or maxSurge: 0: both free the GPUs first"
        place = ("spec", "strategy", "type") if "type" in strategy else ("spec",)
        yield view.finding(template.file, place, message, hint)
