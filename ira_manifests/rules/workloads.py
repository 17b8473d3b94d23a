"""Rules of a directory's workloads: arguments, environment, images, parallelism, paths."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ira_manifests import names
from ira_manifests.directory import KUSTOMIZATION, RUNTIME_CONFIG, Directory
from ira_manifests.engine_options import UnknownReleaseError, flag_problems
from ira_manifests.expansion import expand, references
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules import pods
from ira_manifests.rules.pods import Json, PodTemplate

_GPU = "nvidia.com/gpu"
_BRACES = re.compile(r"\$\{(\w+)\}")


class Hit(NamedTuple):
    """What a rule found in a file of the directory."""

    rule: str
    file: str
    path: Path
    message: str
    hint: str


def check(directory: Directory) -> Iterator[Hit]:
    """Yield what the rules find in a directory's workloads."""
    for template in pods.pod_templates(directory):
        for path, container in template.containers():
            yield from _unexpanded(template, path, container)
            yield from _unpinned(template, path, container)
            yield from _flags(template, path, container, directory)
            yield from _parallel(template, path, container, directory)
            yield from _paths(template, path, container, directory)
        yield from _shared_memory(template, directory)
        yield from _startup(template)
        yield from _accounts(template, directory)
    yield from _unread(directory)
    yield from _selectors(directory)


def _unexpanded(template: PodTemplate, path: Path, container: Json) -> Iterator[Hit]:
    defined = {item["name"] for item in container.get("env") or ()}
    script = pods.is_script(container)
    for key in ("command", "args"):
        for index, word in enumerate(container.get(key) or ()):
            place = (*path, key, index)
            braces = None if script else _BRACES.search(word)
            if braces:
                message = f"{braces[0]} reaches the program as it is"
                hint = f"write $({braces[1]}): Kubernetes expands parentheses, a shell braces"
                yield Hit("IRA014", template.file, place, message, hint)
            for name in () if script else references(word):
                if name not in defined:
                    message = f"$({name}) stays as it is: the container has no variable {name}"
                    hint = "define the variable in env, or correct its name"
                    yield Hit("IRA014", template.file, place, message, hint)


def _unpinned(template: PodTemplate, path: Path, container: Json) -> Iterator[Hit]:
    image = container.get("image", "")
    problem = names.check_pinned_image(image)
    if problem:
        hint = "the next start may pull another program than the last"
        yield Hit("IRA015", template.file, (*path, "image"), f"{image!r} {problem}", hint)


def _flags(
    template: PodTemplate, path: Path, container: Json, directory: Directory
) -> Iterator[Hit]:
    if list(container.get("command") or []) != ["vllm", "serve"]:
        return
    version = str(container.get("image", "")).rpartition(":")[2]
    try:
        refused = flag_problems(_server_words(container, directory)[2:], version)
    except UnknownReleaseError:
        return  # its options are not known, so none of them can be called wrong
    for flag in refused:
        hint = "the server prints its usage and exits, again and again"
        yield Hit("IRA010", template.file, (*path, "args", flag.index), flag.message, hint)


def _gpus(container: Json) -> int:
    limits = (container.get("resources") or {}).get("limits") or {}
    text = str(limits.get(_GPU, "0"))
    return int(text) if text.isdecimal() else 0


def _server_words(container: Json, directory: Directory) -> list[str]:
    values = pods.variables(container, directory)
    return [expand(word, values) for word in pods.arguments(container)]


def _size(words: list[str], *flags: str) -> int:
    for name in flags:
        text = pods.flag(words, name)
        if text is not None and text.isdecimal():
            return int(text)
    return 1


def _parallel(
    template: PodTemplate, path: Path, container: Json, directory: Directory
) -> Iterator[Hit]:
    words = _server_words(container, directory)
    if "vllm" not in words[:1]:
        return
    tensor = _size(words, "--tensor-parallel-size", "-tp")
    pipeline = _size(words, "--pipeline-parallel-size", "-pp")
    gpus = _gpus(container)
    if gpus != tensor * pipeline:
        message = f"{gpus} GPUs for tensor parallel {tensor} × pipeline parallel {pipeline}"
        hint = "the server starts one process for each GPU that it is told of: make them agree"
        yield Hit("IRA011", template.file, (*path, "resources", "limits", _GPU), message, hint)


def _paths(
    template: PodTemplate, path: Path, container: Json, directory: Directory
) -> Iterator[Hit]:
    model = directory.runtime_values.get("MODEL_ID")
    if model is None:
        return
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        place = str(mount.get("mountPath", ""))
        if place.startswith("/gcs") and place != f"/gcs/{model}":
            message = f"{place} is not the folder of {model}"
            hint = f"mount the bucket at /gcs/{model}, exact case included"
            where = (*path, "volumeMounts", index, "mountPath")
            yield Hit("IRA023", template.file, where, message, hint)


def _accounts(template: PodTemplate, directory: Directory) -> Iterator[Hit]:
    model = directory.runtime_values.get("MODEL_ID")
    for index, volume in enumerate(template.spec.get("volumes") or ()):
        attributes = (volume.get("csi") or {}).get("volumeAttributes") or {}
        only = re.search(r"(?:^|,)only-dir:([^,]*)", str(attributes.get("mountOptions", "")))
        if model is not None and only and only[1] != model:
            message = f"only-dir:{only[1]} hides the folder of {model}"
            where = (*template.path, "spec", "volumes", index, "csi", "volumeAttributes")
            hint = f"write only-dir:{model}"
            yield Hit("IRA023", template.file, (*where, "mountOptions"), message, hint)
    accounts = [
        item["metadata"]["name"]
        for item in directory.objects.values()
        if item.get("kind") == "ServiceAccount"
    ]
    used = template.spec.get("serviceAccountName")
    if accounts and used not in accounts:
        message = f"{used!r} is not the directory's service account {accounts[0]!r}"
        hint = "IAM knows the account by its name: any other can't read the bucket"
        where = (*template.path, "spec", "serviceAccountName")
        yield Hit("IRA023", template.file, where, message, hint)


def _shared_memory(template: PodTemplate, _: Directory) -> Iterator[Hit]:
    memory = {
        volume["name"]
        for volume in template.spec.get("volumes") or ()
        if (volume.get("emptyDir") or {}).get("medium") == "Memory"
    }
    for path, container in template.containers():
        mounted = {
            mount["name"]
            for mount in container.get("volumeMounts") or ()
            if mount.get("mountPath") == "/dev/shm"  # noqa: S108
        }
        if _gpus(container) > 1 and not mounted & memory:
            message = f"{_gpus(container)} GPUs and no memory-backed emptyDir at /dev/shm"
            hint = "the runtime's 64 MiB are too little for the processes of tensor parallelism"
            yield Hit("IRA012", template.file, (*path, "volumeMounts"), message, hint)


def _startup(template: PodTemplate) -> Iterator[Hit]:
    for path, container in template.containers():
        if _gpus(container) and "livenessProbe" in container and "startupProbe" not in container:
            message = "a liveness probe without a startup probe kills the server while it loads"
            hint = "add a startupProbe that covers the load"
            yield Hit("IRA027", template.file, (*path, "livenessProbe"), message, hint)
        if _gpus(container) and not {"livenessProbe", "startupProbe"} & set(container):
            message = "only a readiness probe watches the server: a hung one stays in place"
            hint = "add a startupProbe that covers the load, and a livenessProbe"
            yield Hit("IRA027", template.file, path, message, hint)


def _unread(directory: Directory) -> Iterator[Hit]:
    read = {
        (item.get("valueFrom") or {}).get("configMapKeyRef", {}).get("key")
        for template in pods.pod_templates(directory)
        for _, container in template.containers()
        for item in container.get("env") or ()
    }
    read |= {replacement.key for replacement in directory.kustomization.replacements}
    for key in directory.runtime_values:
        if key not in read:
            message = f"{key} is set and no container reads it"
            hint = "read it in a container's env, or drop it: a change of it does nothing"
            yield Hit("IRA013", RUNTIME_CONFIG, (key,), message, hint)


def _selectors(directory: Directory) -> Iterator[Hit]:
    templates = [
        item for item in pods.pod_templates(directory) if item.owner.get("kind") == "Deployment"
    ]
    for template in templates:
        selector = template.owner["spec"].get("selector", {}).get("matchLabels", {})
        for other in templates:
            if other is not template and selector.items() <= other.labels.items():
                message = (
                    f"{template.owner['metadata']['name']} also selects the Pods of "
                    f"{other.owner['metadata']['name']}"
                )
                hint = "select by a label that only this workload's Pods carry"
                place = ("spec", "selector", "matchLabels")
                yield Hit("IRA016", template.file, place, message, hint)
    for file, item in directory.objects.items():
        if item.get("kind") != "Service":
            continue
        selector = (item.get("spec") or {}).get("selector") or {}
        selected = [
            other.owner["metadata"]["name"]
            for other in templates
            if selector.items() <= other.labels.items()
        ]
        if len(selected) > 1:
            message = f"the Service sends requests to {' and '.join(selected)}"
            hint = "select by a label that only one workload's Pods carry"
            yield Hit("IRA016", file, ("spec", "selector"), message, hint)


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
