"""Where a container starts the vLLM server, and what the server then reads.

The image starts it by itself, `vllm serve` and the older module do, and so does a shell's script.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import takewhile

from ira_manifests.kubernetes import labels
from ira_manifests.kubernetes.expansion import expand
from ira_manifests.output.directory import Directory
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules import pods
from ira_manifests.rules.pods import Json, PodTemplate, mapping
from ira_manifests.vllm import images, settings

_SERVE = ("vllm", "serve")
_MODULE = "vllm.entrypoints.openai.api_server"
_SHELL_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


@dataclass(frozen=True)
class Server:
    """The server that a container starts: its own arguments, each with its place in the object."""

    template: PodTemplate
    path: Path
    container: Json
    version: str
    words: tuple[str, ...]
    places: tuple[Path, ...]
    serve: bool = True
    """Whether `vllm serve` starts it, and neither the older module nor the image by itself."""

    @cached_property
    def settings(self) -> dict[str, str]:
        """The server's options by their full names, as `vllm.settings` gives them."""
        return settings(self.words, self.version)

    @property
    def model(self) -> str | None:
        """The model that is served."""
        return self.settings.get("--model")

    def place_of(self, option: str) -> Path:
        """Return where an option is given, or the first argument."""
        named = (
            place
            for word, place in zip(self.words, self.places, strict=True)
            if option in settings([word, ""], self.version)
        )
        return next(named, self.places[0])

    @property
    def model_place(self) -> Path:
        """Where the model is named, or the first argument."""
        model = self.model or ""
        named = (
            place
            for word, place in zip(self.words, self.places, strict=True)
            if word in (model, f"--model={model}")
        )
        return next(named, self.places[0])


def release(image: str, given: str = "") -> str:
    """Return the release of the engine in an image; empty where nothing names it.

    The tag of vLLM's own image names it. Of other images the one that is `given` counts, and
    where there is none the tag.
    """
    text = given or images.name_of(image).tag
    named = images.release_of(image) or images.release_of_tag(text)
    return str(named) if named else text


@lru_cache(maxsize=1)  # some rules ask for those of one directory after the other
def started(directory: Directory) -> list[Server]:
    """Return the servers that the containers of a directory start."""
    return [
        server
        for template in pods.pod_templates(directory)
        for path, container in template.containers
        if (server := _find(template, path, container, directory)) is not None
    ]


def under_values(server: Server, directory: Directory, values: Mapping[str, str]) -> Server | None:
    """Return the server that the same container starts where the ConfigMap holds `values`."""
    return _find(server.template, server.path, server.container, directory, values)


def _find(
    template: PodTemplate,
    path: Path,
    container: Json,
    directory: Directory,
    values: Mapping[str, str] | None = None,
) -> Server | None:
    known = pods.variables(container, directory, values)
    words = [
        (expand(str(word), known), (*path, key, index))
        for key in ("command", "args")
        for index, word in enumerate(container.get(key) or ())
    ]
    if pods.is_script(container):
        words = [
            (word, place)
            for script, place in words
            for word in _of_script(_shell_expanded(script, known))
        ]
    elif not container.get("command") and _image_name(container).startswith("vllm"):
        words = [*((word, (*path, "image")) for word in _SERVE), *words]
    start = _start([word for word, _ in words])
    if start is None:
        return None
    texts, places = zip(*words, strict=True)
    placed = places[start:] or (path,)
    own = mapping(mapping(template.owner.get("metadata")).get("labels"))
    version = release(str(container.get("image", "")), str(own.get(labels.VERSION, "")))
    serve = start == len(_SERVE) and bool(container.get("command"))
    return Server(template, path, container, version, texts[start:], placed, serve)


def _start(words: Sequence[str]) -> int | None:
    """Return where the server's own arguments begin."""
    if [word.rpartition("/")[2] for word in words[:2]] == [*_SERVE]:
        return len(_SERVE)
    if words[1:3] == ["-m", _MODULE] and words[0].rpartition("/")[2].startswith("python"):
        return 3
    return None


def _image_name(container: Json) -> str:
    repository = str(container.get("image", "")).partition("@")[0].rpartition("/")[2]
    return repository.partition(":")[0]


def _shell_expanded(script: str, known: Mapping[str, str]) -> str:
    return _SHELL_VARIABLE.sub(lambda part: known.get(part[1] or part[2], part[0]), script)


def _of_script(script: str) -> list[str]:
    """Return the words of the first command of a script that starts the server."""
    for line in script.replace("\\\n", " ").splitlines():
        if "vllm" not in line:
            continue
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        try:
            words = list(lexer)
        except ValueError:  # a quotation over several lines
            continue
        for index in range(len(words)):
            if _start(words[index:]) is not None:
                return list(takewhile(lambda word: not set(word) <= set(";&|<>()"), words[index:]))
    return []
