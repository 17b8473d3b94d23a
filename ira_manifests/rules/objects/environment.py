"""Rules of containers' environment: where values come from, and whether they are used."""

from __future__ import annotations

import re
from collections.abc import Container as Names
from collections.abc import Iterator

from ira_manifests.kubernetes import leader_worker_set as lws
from ira_manifests.kubernetes.expansion import references
from ira_manifests.layout import BUCKET_KEY, mount_path
from ira_manifests.output import env_file
from ira_manifests.output.directory import RUNTIME_CONFIG
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules.catalogue import Needs, Severity
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import also, rule
from ira_manifests.rules.variables import DEFINE_IT, NOT_READ, undefined
from ira_manifests.rules.view.groups import DIRECTORY
from ira_manifests.rules.view.plain import at, mapping
from ira_manifests.rules.view.pods import Container
from ira_manifests.rules.view.rendered import View
from ira_manifests.rules.view.servers import Server
from ira_manifests.vllm.environment import unread

_BRACES = re.compile(r"\$\{(\w+)\}")
_BARE = re.compile(r"(?<!\$)\$([A-Za-z_]\w*)")

# Variables that images define, and what others call theirs: $(date) is a command for a shell.
_OF_IMAGES = frozenset({"PATH", "HOME", "LD_LIBRARY_PATH", "LD_PRELOAD", "PYTHONPATH", "HOSTNAME"})
_USUAL = re.compile(r"[A-Z_][A-Z0-9_]*")

# The option that each runtime value sets; the model is the first argument.
_OPTIONS = {
    "GPU_MEMORY_UTILIZATION": "--gpu-memory-utilization",
    "MAX_MODEL_LEN": "--max-model-len",
    "TENSOR_PARALLEL_SIZE": "--tensor-parallel-size",
}


@rule("IRA013", "unread-value", Severity.ERROR, DIRECTORY)
def unread_value(view: View) -> Iterator[Finding]:
    """A value that is set is read by no container.

    A key of `vllm-runtime-config.env` or of the user's `ira-model-config.env` is read by no
    container, or is read and never reaches the server's option: the argument is written out, or
    reads another variable. Whoever changes the key sees the Deployment roll and nothing change: the
    value that the server has is another one. In trees of other authors, a key of an env file is
    reported if nothing reads it, and other keys of its ConfigMap are read one by one.
    """
    read = _read_keys(view)
    for server in view.servers:
        if not server.container.template.is_copy:
            yield from _unreached(view, server, read)
    for key in view.runtime_values:
        if key not in read:
            message = f"{key} is set and no container reads it"
            hint = "read it in a container's env, or remove it: changing it has no effect"
            yield view.finding(RUNTIME_CONFIG, (key,), message, hint)


def _read_keys(view: View) -> set[str]:
    """Return the keys that a container or a replacement reads."""
    marks = {key: key for key in view.runtime_values}
    read = {key for each in view.containers for key in view.environment(each, marks).values()}
    in_place = {replacement.key for replacement in view.kustomization.replacements}
    return read | in_place | _mounted(view)


def _mounted(view: View) -> set[str]:
    """Return the bucket's key if Pods mount the bucket that it names."""
    mounted = {
        str(at(volume, "csi", "volumeAttributes", "bucketName"))
        for template in view.pods
        for volume in template.volumes
    }
    return {BUCKET_KEY} if view.runtime_values.get(BUCKET_KEY) in mounted else set()


def _unreached(view: View, actual: Server, read: set[str]) -> Iterator[Finding]:
    """Yield a finding for each value that a container reads but its server's option does not use.

    Each value is replaced by a unique mark, which must arrive at the option.
    """
    marks = {key: f"@{key}@" for key in view.runtime_values}
    marked = view.server_under(actual.container, marks)
    if marked is None:
        return
    for key, option in _OPTIONS.items():
        if key in read & set(marks) and marked.settings.get(option) != marks[key]:
            instead = actual.settings.get(option)
            has = "is not set there" if instead is None else f"is {instead} there"
            message = f"{key} does not reach the server: {option} {has}"
            yield _unread(view, key, message, f"{option}=$({key})")
    model = mount_path(f"{view.runtime_values.get('MODEL_ID')}")
    hard_coded = marked.command.model != mount_path(f"{marks.get('MODEL_ID')}")
    if "MODEL_ID" in read & set(marks) and hard_coded and actual.command.model == model:
        message = f"MODEL_ID does not reach the server: its model is the text {model}"
        yield _unread(view, "MODEL_ID", message, mount_path("$(MODEL_ID)"))


def _unread(view: View, key: str, message: str, argument: str) -> Finding:
    hint = f"write {argument} and read {key} in env: changing it has no effect now"
    return view.finding(RUNTIME_CONFIG, (key,), message, hint)


@rule("IRA014", "unexpanded-variable", Severity.ERROR, DIRECTORY, Needs.OBJECTS)
def unexpanded_variable(view: View) -> Iterator[Finding]:
    """A variable in an argument is not expanded.

    Kubernetes expands `$(NAME)` in arguments and in values of variables, if the container defines
    NAME (in a value: before it); only a shell expands `${NAME}`. What is not expanded reaches the
    server as text, and it looks for a model named `/gcs/${MODEL_ID}`. In trees of other authors,
    `${NAME}` may be for their own tools to fill in: it is reported if the container defines NAME,
    or the image does (PATH, HOME and the like). Controllers of other kinds may define variables.
    """
    for container in view.containers:
        if not container.is_script:
            yield from _arguments(view, container)
        yield from _values(view, container)


def _arguments(view: View, container: Container) -> Iterator[Finding]:
    defined = {str(item.get("name")) for item in container.env}
    for word, place in container.words:
        bare = _BARE.search(word)
        braces = _BRACES.search(word)
        if braces and (view.own or braces[1] in defined):
            yield _as_it_is(view, container, place, braces[0], braces[1])
        elif bare and bare[1] in defined:
            yield _as_it_is(view, container, place, bare[0], bare[1])
        yield from _undefined(view, container, place, word, defined)


def _values(view: View, container: Container) -> Iterator[Finding]:
    """A value may refer, as `$(NAME)`, only to variables defined before it."""
    defined: set[str] = set()
    for index, item in enumerate(container.env):
        place: Path = (*container.path, "env", index, "value")
        value = str(item.get("value", ""))
        name = str(item.get("name"))
        braces = _BRACES.search(value)
        if braces and (view.own or braces[1] in _known_here(value, name, defined)):
            yield _as_it_is(view, container, place, braces[0], braces[1])
        yield from _undefined(view, container, place, value, defined)
        defined.add(name)


def _known_here(value: str, name: str, defined: set[str]) -> set[str]:
    """Return the variables that a value can only mean; as a value of its own it is a template."""
    own = {name} if value != f"${{{name}}}" else set()
    return {*defined, *own, *_OF_IMAGES}


def _as_it_is(view: View, container: Container, place: Path, text: str, name: str) -> Finding:
    message = f"{text} is not expanded"
    hint = f"write $({name}): Kubernetes expands only this form"
    if "env" in place or name not in {str(item.get("name")) for item in container.env}:
        hint = f"Kubernetes expands $({name}) if env defines it before; else write the value out"
    return view.finding(container.file, place, message, hint)


def _undefined(
    view: View, container: Container, place: Path, text: str, defined: Names[str]
) -> Iterator[Finding]:
    if container.env_from or not (view.own or _has_own_variables(container)):
        return  # the names that others define are unknown here
    injected = {*(lws.VARIABLES if view.group_of(container.template) else ()), *_of_job(container)}
    for name in references(text):
        if name not in defined and name not in injected and (view.own or _USUAL.fullmatch(name)):
            message = undefined(name, before="env" in place)
            yield view.finding(container.file, place, message, DEFINE_IT)


def _has_own_variables(container: Container) -> bool:
    """Return whether no controller that is not known here adds variables to a container."""
    template = container.template
    return template.is_of_kubernetes or template.kind in ("JobSet", lws.KIND)


def _of_job(container: Container) -> tuple[str, ...]:
    """Return the variables that a Job's controller adds; those of a JobSet's Jobs are the same.

    https://kubernetes.io/docs/concepts/workloads/controllers/job/#completion-mode
    """
    return ("JOB_COMPLETION_INDEX",) if container.template.kind in ("Job", "JobSet") else ()


@also("IRA066", DIRECTORY, Needs.RELEASE)
def unread_variable_of_a_server(view: View) -> Iterator[Finding]:
    """The release of a server's image does not read a variable of its container."""
    for server in view.servers:
        container = server.container
        for index, item in enumerate(container.env if server.release else ()):
            if message := unread(str(item.get("name")), server.release):
                place = (*container.path, "env", index, "name")
                yield view.finding(container.file, place, message, NOT_READ)


@rule("IRA033", "missing-value", Severity.ERROR, DIRECTORY, Needs.OBJECTS)
def missing_value(view: View) -> Iterator[Finding]:
    """A value that a container reads is missing.

    A container reads a key that the ConfigMap does not have, or a ConfigMap that the directory does
    not make. The kubelet never creates the container (CreateContainerConfigError), on a node that
    is provisioned and billed. In the user's `ira-model-config.env` a key is missing or has no
    value, or follows a line of more than 65535 bytes, at which kustomize stops reading without an
    error.
    """
    for container in view.containers:
        yield from _missing(view, container)


def _missing(view: View, container: Container) -> Iterator[Finding]:
    alone = any(not each.merge for each in view.kustomization.config_maps)
    generated = {*view.runtime_values, *(() if alone else env_file.KEYS)}
    hint = "the container is never created: CreateContainerConfigError"
    for index, item in enumerate(container.env):
        reference = mapping(at(item, "valueFrom", "configMapKeyRef"))
        if not reference or reference.get("optional"):
            continue
        place = (*container.path, "env", index, "valueFrom", "configMapKeyRef")
        named, key = str(reference.get("name")), str(reference.get("key"))
        keys = generated if named in view.config_maps else view.data.get(named)
        if keys is None:
            if view.complete:
                message = f"{item.get('name')} is read from {named!r}, and the directory "
                known = sorted(view.config_maps | view.data.keys())
                message += f"has the ConfigMap {' and '.join(known) or 'of nothing'}"
                yield view.finding(container.file, (*place, "name"), message, hint)
        elif key not in keys:
            message = f"{item.get('name')} is read from the key {key!r}, "
            message += f"and the ConfigMap has {', '.join(sorted(keys))}"
            yield view.finding(container.file, (*place, "key"), message, hint)
