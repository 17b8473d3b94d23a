"""Rules of a directory's Pods: images, memory, probes, ports, and how many there are."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ira_manifests.kubernetes import names
from ira_manifests.kubernetes.allocatable import quantity
from ira_manifests.output.directory import KUSTOMIZATION, Directory
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules import pods
from ira_manifests.rules.hit import Hit
from ira_manifests.rules.pods import Json, PodTemplate, mapping

_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
_SHORTEST_START = 600  # seconds; a load takes tens of minutes
_SHARED_MEMORY = 1 << 30  # bytes; NCCL and the engine's queues of eight processes stay below


def check(directory: Directory) -> Iterator[Hit]:
    """Yield what the rules find in a directory's workloads."""
    for template in pods.pod_templates(directory):
        for path, container in template.containers:
            yield from _unpinned(template, path, container)
            yield from _shared_memory(template, path, container)
            yield from _startup(template, path, container)
            yield from _probe_ports(template, path, container)
        yield from _several(template)
    yield from _target_ports(directory)


def _unpinned(template: PodTemplate, path: Path, container: Json) -> Iterator[Hit]:
    image = container.get("image", "")
    problem = names.check_pinned_image(image)
    if problem:
        hint = "the next start may pull another program than the last"
        yield Hit("IRA015", template.file, (*path, "image"), f"{image!r} {problem}", hint)


def _shared_memory(template: PodTemplate, path: Path, container: Json) -> Iterator[Hit]:
    count = pods.gpus(container)
    mounted = {
        mount["name"]
        for mount in container.get("volumeMounts") or ()
        if mount.get("mountPath") == "/dev/shm"  # noqa: S108
    }
    memory = {
        volume["name"]: mapping(volume.get("emptyDir")).get("sizeLimit")
        for volume in template.spec.get("volumes") or ()
        if mapping(volume.get("emptyDir")).get("medium") == "Memory" and volume["name"] in mounted
    }
    if count > 1 and not memory:
        message = f"{count} GPUs and no memory-backed emptyDir at /dev/shm"
        hint = "the runtime's 64 MiB are too little for the processes of tensor parallelism"
        yield Hit("IRA012", template.file, (*path, "volumeMounts"), message, hint)
    for index, volume in enumerate(template.spec.get("volumes") or ()):
        limit = memory.get(volume["name"])
        if count > 1 and limit is not None and quantity(str(limit)) < _SHARED_MEMORY:
            message = f"{count} GPUs and no more than {limit} at /dev/shm"
            hint = "drop sizeLimit, or allow 1Gi at least: the container's memory limit counts it"
            place = (*template.path, "spec", "volumes", index, "emptyDir", "sizeLimit")
            yield Hit("IRA012", template.file, place, message, hint)


def _startup(template: PodTemplate, path: Path, container: Json) -> Iterator[Hit]:
    if not pods.gpus(container):
        return
    if "livenessProbe" in container and "startupProbe" not in container:
        message = "a liveness probe without a startup probe kills the server while it loads"
        hint = "add a startupProbe that covers the load"
        yield Hit("IRA027", template.file, (*path, "livenessProbe"), message, hint)
    if not {"livenessProbe", "startupProbe"} & set(container):
        message = "only a readiness probe watches the server: a hung one stays in place"
        hint = "add a startupProbe that covers the load, and a livenessProbe"
        yield Hit("IRA027", template.file, path, message, hint)
    startup = mapping(container.get("startupProbe"))
    # What the API server sets where nothing is said: every 10 seconds, 3 times.
    seconds = int(startup.get("periodSeconds", 10)) * int(startup.get("failureThreshold", 3))
    seconds += int(startup.get("initialDelaySeconds", 0))
    if startup and seconds < _SHORTEST_START:
        message = f"the startup probe gives up after {seconds} seconds, and the load takes longer"
        hint = f"failureThreshold × periodSeconds must cover the load: {_SHORTEST_START} at least"
        place = (*path, "startupProbe", "failureThreshold")
        yield Hit("IRA027", template.file, place, message, hint)


def _ports(template: PodTemplate) -> set[object]:
    """Return numbers and names of the ports of a Pod's containers."""
    return {
        port.get(key)
        for _, container in template.containers
        for port in container.get("ports") or ()
        for key in ("containerPort", "name")
    } - {None}


def _probe_ports(template: PodTemplate, path: Path, container: Json) -> Iterator[Hit]:
    known = _ports(template)
    for probe in _PROBES:
        for how in ("httpGet", "tcpSocket", "grpc"):
            port = mapping(mapping(container.get(probe)).get(how)).get("port")
            if port is not None and port not in known:
                message = f"the probe asks at {port}, and the Pod has {_listed(known)}"
                hint = "the probe fails for ever: ask at the port on which the server listens"
                yield Hit("IRA035", template.file, (*path, probe, how, "port"), message, hint)


def _target_ports(directory: Directory) -> Iterator[Hit]:
    templates = [item for item in pods.pod_templates(directory) if item.kind == "Deployment"]
    for file, item in directory.objects.items():
        if item.get("kind") != "Service":
            continue
        spec = mapping(item.get("spec"))
        selector = mapping(spec.get("selector"))
        selected = [each for each in templates if selector.items() <= each.labels.items()]
        known = {port for each in selected for port in _ports(each)}
        for index, port in enumerate(spec.get("ports") or ()):
            target = port.get("targetPort", port.get("port"))
            if selected and target not in known:
                message = f"the Service sends to {target}, and the Pods have {_listed(known)}"
                hint = "every request is refused: name a port of the Pods"
                yield Hit("IRA035", file, ("spec", "ports", index, "targetPort"), message, hint)


def _listed(known: set[object]) -> str:
    return ", ".join(sorted(map(str, known))) or "no port"


def _several(template: PodTemplate) -> Iterator[Hit]:
    if template.kind != "Deployment" or not any(pods.gpus(item) for _, item in template.containers):
        return
    spec = mapping(template.owner.get("spec"))
    replicas = spec.get("replicas", 1)
    if isinstance(replicas, int) and replicas > 1:
        message = f"{replicas} Pods, each with GPUs of its own"
        hint = "every Pod takes a machine: one is enough unless the load asks for more"
        yield Hit("IRA036", template.file, ("spec", "replicas"), message, hint)
    strategy = mapping(spec.get("strategy"))
    kind = strategy.get("type", "RollingUpdate")
    surge = mapping(strategy.get("rollingUpdate")).get("maxSurge")
    if kind == "RollingUpdate" and surge not in (0, "0", "0%"):
        message = "a rolling update starts a second Pod beside the first: twice the GPUs"
        hint = "strategy Recreate frees the GPUs first; on one machine nothing else can roll"
        place = ("spec", "strategy", "type") if "type" in strategy else ("spec",)
        yield Hit("IRA036", template.file, place, message, hint)


def unmatched_targets(directory: Directory) -> Iterator[Hit]:
    """Yield replacements whose target kustomize does not find, and says nothing."""
    kinds = {item.get("kind") for item in directory.objects.values()}
    for index, replacement in enumerate(directory.kustomization.replacements):
        for number, (kind, path) in enumerate(replacement.targets):
            matched = kind in kinds and any(
                _has(item, path) for item in directory.objects.values() if item["kind"] == kind
            )
            if not matched:
                message = f"no {kind} of the directory has {path}"
                hint = "kustomize leaves the placeholder where it is, and says nothing"
                place = ("replacements", index, "targets", number)
                yield Hit("IRA024", KUSTOMIZATION, place, message, hint)


def _has(item: Json, path: str) -> bool:
    """Return whether a field path of kustomize leads somewhere."""
    value: object = item
    for part in re.findall(r"\[[^\]]*\]|[^.\[]+", path):
        named = re.fullmatch(r"\[(\w+)=(.*)\]", part)
        if named and isinstance(value, list):
            value = next((entry for entry in value if entry.get(named[1]) == named[2]), None)
        elif isinstance(value, dict):
            value = value.get(part)
        else:
            return False
    return value is not None
