"""A unit as the rules of objects see it: places are those of the author's own files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any

from ira_manifests.kubernetes.expansion import expand, references
from ira_manifests.kustomizations.field_paths import value_at
from ira_manifests.lint import presets
from ira_manifests.lint.bare_specs import original, wrapped
from ira_manifests.lint.placeholders import has_placeholder, is_image_placeholder, masked
from ira_manifests.lint.units import Place, Unit
from ira_manifests.output.directory import Directory
from ira_manifests.profiles.yaml_source import Path, dotted
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.view.plain import at, mapping, texts
from ira_manifests.rules.view.pods import Container
from ira_manifests.rules.view.rendered import View
from ira_manifests.rules.view.servers import Server, server_of
from ira_manifests.vllm import images
from ira_manifests.vllm.options import releases

# Starts another server, whose stages are processes with GPUs and options of their own.
_OMNI = "--omni"

NOT_KNOWN = 0
"""The line of a finding at a value that is not known, which is not reported."""


class ForeignView(View):
    """The objects of a unit. Values that are placeholders are known to nobody, rules included."""

    def __init__(self, unit: Unit) -> None:
        found = [wrapped(body) for body in unit.bodies]
        self._bodies = [body for body, _ in found]
        self._bare = [specs for _, specs in found]
        objects = dict(zip(unit.keys, self._bodies, strict=True))
        super().__init__(
            Directory(unit.name, objects=objects), FilePath(), complete=False, own=False
        )
        self._unit = unit
        self.is_part = unit.is_part
        self.is_merged = unit.is_merged
        self._numbers = {key: number for number, key in enumerate(unit.keys)}

    def shown(self, file: str) -> str:
        """Return the place of an object's name."""
        place = self.place(file, ("metadata", "name"))
        return f"{place.file}:{place.line}"

    def together(self, one: str, other: str) -> bool:
        """Return whether two objects are applied together; files of a folder may not be."""
        files = self._unit.files
        return not files or files[self._numbers[one]] == files[self._numbers[other]]

    def finding(self, file: str, path: Path, message: str, hint: str) -> Finding:
        """Return a finding at the place that decides a field; line 0 if its value is not known."""
        if self._is_unknown(file, path):
            return Finding(file, NOT_KNOWN, NOT_KNOWN, "", dotted(path), message, hint)
        place = self.place(file, path)
        field = original(path, self._bare[self._numbers[file]])
        return Finding(*place, "", dotted(field), message, hint)

    def place(self, file: str, path: Path) -> Place:
        """Return the place that decides a field; of an argument with a variable, the variable's."""
        path = self._first_label(file, path)
        number, field = self._source_of(file, path) or (self._numbers[file], path)
        return self._unit.places(number, original(field, self._bare[number]))

    def _first_label(self, file: str, path: Path) -> Path:
        """Return the path of the first label of a selector, whose value decides what it selects."""
        value = self._value(file, path)
        if path[-1:] not in (("selector",), ("matchLabels",)) or not isinstance(value, dict):
            return path
        return next(((*path, key) for key, text in value.items() if isinstance(text, str)), path)

    @cached_property
    def servers(self) -> list[Server]:
        """The vLLM servers of the containers, with placeholders masked in their arguments."""
        found = [self._server(container) for container in self.containers]
        return [server for server in found if server is not None]

    def _server(self, container: Container) -> Server | None:
        known = self.environment(container)
        server = server_of(container, known) or presets.server_of(container, known)
        if server is None or _OMNI in server.command.words:
            return None
        words = tuple(map(masked, server.command.words))
        command = replace(server.command, words=words, release=release_of(container.image))
        return replace(server, command=command)

    def _value(self, file: str, path: Path) -> Any:
        return value_at(self._bodies[self._numbers[file]], path)

    def _container(self, file: str, path: Path) -> Container | None:
        inside = (
            each
            for each in self.containers
            if each.file == file and path[: len(each.path)] == each.path
        )
        return next(inside, None)

    def _is_unknown(self, file: str, path: Path) -> bool:
        value = self._value(file, path)
        if isinstance(value, dict):  # such as a selector's labels; not a whole container
            return "image" not in value and any(
                isinstance(each, str) and has_placeholder(each) for each in value.values()
            )
        if not isinstance(value, str):
            return False
        if path[-1:] == ("image",):
            return is_image_placeholder(value)
        container = self._container(file, path)
        if container is None or not {"command", "args", "env"} & {*map(str, path)}:
            return has_placeholder(value)
        # What is not expanded is the fault itself; only the values that are put in count.
        known = self.environment(container)
        names = references(value)
        return any(has_placeholder(known.get(name, "")) for name in names)

    def _source_of(self, file: str, path: Path) -> tuple[int, Path] | None:
        """Return the object and the field from which a word of a command line takes its value."""
        value, container = self._value(file, path), self._container(file, path)
        if container is None or not isinstance(value, str) or "env" in path:
            return None
        names = [name for name in references(value) if name in self.environment(container)]
        return self.source_of_variable(container, names[-1]) if names else None

    def source_of_variable(self, container: Container, name: str) -> tuple[int, Path] | None:
        """Return the object and the field that hold the value of a container's variable."""
        for index in reversed(range(len(container.env))):
            item = container.env[index]
            if item.get("name") != name:
                continue
            reference = mapping(at(item, "valueFrom", "configMapKeyRef"))
            if not reference:
                return self._numbers[container.file], (*container.path, "env", index, "value")
            return self._key(str(reference.get("name")), str(reference.get("key")))
        for source in reversed(container.env_from):
            prefix = str(source.get("prefix", ""))
            found = self._key(str(at(source, "configMapRef", "name")), name.removeprefix(prefix))
            if found is not None:
                return found
        return None

    def _key(self, config_map: str, key: str) -> tuple[int, Path] | None:
        for item in self.of_kind("ConfigMap"):
            if item.name == config_map and key in texts(item.body.get("data")):
                return self._numbers[item.file], ("data", key)
        return None

    def expanded(self, container: Container, text: str) -> str:
        """Return a text of a container with its variables put in."""
        return expand(text, self.environment(container))


def release_of(image: str) -> str:
    """Return the release of vLLM in an image; empty if its tag does not name a known one.

    Only the tags of vLLM's own image and of copies of it are vLLM's releases.
    """
    found = images.release_of(image)
    return str(found) if found is not None and str(found) in _known() else ""


def _known() -> Mapping[str, None]:
    return dict.fromkeys(map(str, releases()))
