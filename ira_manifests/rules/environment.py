"""Rules of containers' environment: what it reads, and what becomes of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ira_manifests.kubernetes.expansion import references
from ira_manifests.layout import mount_path
from ira_manifests.output import env_file
from ira_manifests.output.directory import RUNTIME_CONFIG, Directory
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules import pods, server
from ira_manifests.rules.hit import Hit
from ira_manifests.rules.pods import Json, PodTemplate, mapping
from ira_manifests.rules.server import Server

_BRACES = re.compile(r"\$\{(\w+)\}")
_BARE = re.compile(r"(?<!\$)\$([A-Za-z_]\w*)")

# The option that each runtime value is for; the model is the first argument.
_OPTIONS = {
    "GPU_MEMORY_UTILIZATION": "--gpu-memory-utilization",
    "MAX_MODEL_LEN": "--max-model-len",
    "TENSOR_PARALLEL_SIZE": "--tensor-parallel-size",
}


def check(directory: Directory) -> Iterator[Hit]:
    """Yield what the rules find in the environment of a directory's containers."""
    read = _read_keys(directory)
    for template in pods.pod_templates(directory):
        for path, container in template.containers:
            yield from _arguments(template, path, container)
            yield from _values(template, path, container)
            yield from _missing(template, path, container, directory)
    for started in server.started(directory):
        if started.template.kind == "Deployment":
            yield from _reach(started, directory, read)
    for key in directory.runtime_values:
        if key not in read:
            message = f"{key} is set and no container reads it"
            hint = "read it in a container's env, or drop it: a change of it does nothing"
            yield Hit("IRA013", RUNTIME_CONFIG, (key,), message, hint)


def _arguments(template: PodTemplate, path: Path, container: Json) -> Iterator[Hit]:
    if pods.is_script(container):
        return
    defined = {item["name"] for item in container.get("env") or ()}
    for key in ("command", "args"):
        for index, word in enumerate(container.get(key) or ()):
            place = (*path, key, index)
            bare = _BARE.search(word)
            if braces := _BRACES.search(word):
                yield _as_it_is(template, place, braces[0], braces[1])
            elif bare and bare[1] in defined:
                yield _as_it_is(template, place, bare[0], bare[1])
            if not container.get("envFrom"):
                yield from _undefined(template, place, word, defined)


def _values(template: PodTemplate, path: Path, container: Json) -> Iterator[Hit]:
    """A value may refer to what stands before it, in parentheses."""
    defined: set[str] = set()
    for index, item in enumerate(container.get("env") or ()):
        place, value = (*path, "env", index, "value"), str(item.get("value", ""))
        if braces := _BRACES.search(value):
            yield _as_it_is(template, place, braces[0], braces[1])
        if not container.get("envFrom"):
            yield from _undefined(template, place, value, defined)
        defined.add(item["name"])


def _as_it_is(template: PodTemplate, place: Path, text: str, name: str) -> Hit:
    message = f"{text} reaches the program as it is"
    hint = f"write $({name}): Kubernetes expands parentheses, a shell braces"
    return Hit("IRA014", template.file, place, message, hint)


def _undefined(template: PodTemplate, place: Path, text: str, defined: set[str]) -> Iterator[Hit]:
    for name in references(text):
        if name not in defined:
            message = f"$({name}) stays as it is: the container has no variable {name}"
            if "env" in place:
                message += " before it"
            hint = "define the variable in env, or correct its name"
            yield Hit("IRA014", template.file, place, message, hint)


def _missing(
    template: PodTemplate, path: Path, container: Json, directory: Directory
) -> Iterator[Hit]:
    keys = {*directory.runtime_values, *env_file.KEYS}
    maps = pods.config_maps(directory)
    for index, item in enumerate(container.get("env") or ()):
        reference = mapping(mapping(item.get("valueFrom")).get("configMapKeyRef"))
        if not reference or reference.get("optional"):
            continue
        place = (*path, "env", index, "valueFrom", "configMapKeyRef")
        hint = "the container is never created: CreateContainerConfigError"
        if reference.get("name") not in maps:
            message = f"{item['name']} is read from {reference.get('name')!r}, and the directory "
            message += f"has the ConfigMap {' and '.join(sorted(maps)) or 'of nothing'}"
            yield Hit("IRA033", template.file, (*place, "name"), message, hint)
        elif reference.get("key") not in keys:
            message = f"{item['name']} is read from the key {reference.get('key')!r}, "
            message += f"and the ConfigMap has {', '.join(sorted(keys))}"
            yield Hit("IRA033", template.file, (*place, "key"), message, hint)


def _read_keys(directory: Directory) -> set[str]:
    """Return the keys whose values reach some container or a replacement."""
    marks = {key: key for key in directory.runtime_values}
    read = {
        key
        for template in pods.pod_templates(directory)
        for _, container in template.containers
        for key in pods.variables(container, directory, marks).values()
    }
    return read | {replacement.key for replacement in directory.kustomization.replacements}


def _reach(actual: Server, directory: Directory, read: set[str]) -> Iterator[Hit]:
    """Follow each runtime value through the environment to its option, under a mark of its own."""
    marks = {key: f"@{key}@" for key in directory.runtime_values}
    marked = server.under_values(actual, directory, marks)
    if marked is None:
        return
    for key, option in _OPTIONS.items():
        if key in read & set(marks) and marked.settings.get(option) != marks[key]:
            instead = actual.settings.get(option)
            has = "is not set there" if instead is None else f"is {instead} there"
            message = f"{key} does not reach the server: {option} {has}"
            yield _unread(key, message, f"{option}=$({key})")
    model = mount_path(f"{directory.runtime_values.get('MODEL_ID')}")
    hard_coded = marked.model != mount_path(f"{marks.get('MODEL_ID')}")
    if "MODEL_ID" in read & set(marks) and hard_coded and actual.model == model:
        message = f"MODEL_ID does not reach the server: its model is the text {actual.model}"
        yield _unread("MODEL_ID", message, mount_path("$(MODEL_ID)"))


def _unread(key: str, message: str, argument: str) -> Hit:
    hint = f"write {argument} and read {key} in env: a change of it does nothing now"
    return Hit("IRA013", RUNTIME_CONFIG, (key,), message, hint)
