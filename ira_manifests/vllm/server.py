"""Finds the vLLM server that a container starts, and the server's own arguments.

A server is started by the image's entry point, `vllm serve`, the older Python module, or a shell
script with one of these.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import NamedTuple

from ira_manifests.vllm.command_line import flag_problems, settings
from ira_manifests.vllm.flag_problems import FlagProblem
from ira_manifests.vllm.images import name_of

_SERVE = ("vllm", "serve")
_MODULE = "vllm.entrypoints.openai.api_server"
_SHELLS = ("sh", "bash")
_WITH_SCRIPT = re.compile(r"-[a-z]*c")
_ALL = ("$@", "$*")  # what stands in a script for the words behind it
_SHELL_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")

_OF_IMAGE = -1  # source of the words of the image's entry point, which the container does not hold


class _Word(NamedTuple):
    """A word of a container's command line, and the index of the command or argument with it."""

    text: str
    source: int


@dataclass(frozen=True)
class ServerCommand:
    """A server that a container starts: its own arguments, and the source of each."""

    words: tuple[str, ...]
    sources: tuple[int, ...]
    """The index of each word in the container's command and arguments."""
    release: str
    """The release of vLLM; empty if unknown."""
    serve: bool
    """Whether `vllm serve` starts it, not the older module or the image's entry point."""

    @cached_property
    def settings(self) -> dict[str, str]:
        """The server's options by their full names, as `vllm.settings` gives them."""
        return settings(self.words, self.release)

    @cached_property
    def problems(self) -> list[FlagProblem]:
        """The arguments that the server would refuse. Raises `UnknownReleaseError`."""
        return flag_problems(self.words, self.release, serve=self.serve)

    @property
    def model(self) -> str | None:
        """The served model, or None if no argument names it."""
        return self.settings.get("--model")

    def index_of(self, option: str) -> int | None:
        """Return the index of the word that gives an option, or None."""
        given = (i for i, word in enumerate(self.words) if self._gives(word, option))
        return next(given, None)

    def _gives(self, word: str, option: str) -> bool:
        return option in settings([word, ""], self.release)

    @property
    def model_index(self) -> int | None:
        """The index of the word that names the model, or None."""
        model = self.model or ""
        named = (i for i, word in enumerate(self.words) if word in (model, f"--model={model}"))
        return next(named, None)


def find_server(
    command: Sequence[str],
    arguments: Sequence[str],
    *,
    image: str,
    release: str,
    variables: Mapping[str, str],
) -> ServerCommand | None:
    """Return the server that a container starts, or None if it starts anything else.

    `command`, `arguments`: with `$(NAME)` expanded. `image`: the container's `image`.
    `variables`: the known variables of the container, which a shell script reads.
    """
    words = [_Word(text, source) for source, text in enumerate([*command, *arguments])]
    if is_shell(command):
        words = _of_shell(words, variables)
    elif not command and name_of(image).path.startswith("vllm"):
        words = [*(_Word(text, _OF_IMAGE) for text in _SERVE), *words]
    first = _own_arguments([each.text for each in words])
    if first is None:
        return None
    own = words[first:]
    return ServerCommand(
        words=tuple(each.text for each in own),
        sources=tuple(each.source for each in own),
        release=release,
        serve=first == len(_SERVE) and bool(command),
    )


def _of_shell(words: Sequence[_Word], variables: Mapping[str, str]) -> list[_Word]:
    """Return the words of the server that a shell starts, those behind its script for `$@`."""
    found = [_Word(text, each.source) for each in words for text in _of(each.text, variables)]
    scripts = (n for n, each in enumerate(words) if _WITH_SCRIPT.fullmatch(each.text))
    given = words[next(scripts, len(words)) + 3 :]  # sh -c SCRIPT NAME ARGUMENT...
    return [word for each in found for word in (given if each.text in _ALL else [each])]


def is_shell(command: Sequence[str]) -> bool:
    """Return whether a container's command is a shell, which expands ${VAR}."""
    return bool(command) and command[0].rpartition("/")[2] in _SHELLS


def _own_arguments(words: Sequence[str]) -> int | None:
    """Return the index of the server's first own argument, or None if no server is started."""
    if [word.rpartition("/")[2] for word in words[:2]] == [*_SERVE]:
        return len(_SERVE)
    if words[1:3] == ["-m", _MODULE] and words[0].rpartition("/")[2].startswith("python"):
        return 3
    return None


def _of(script: str, variables: Mapping[str, str]) -> list[str]:
    """Return the words of the first command of a script that starts a server."""
    expanded = _SHELL_VARIABLE.sub(lambda p: variables.get(p[1] or p[2], p[0]), script)
    for line in expanded.replace("\\\n", " ").splitlines():
        if "vllm" not in line:
            continue
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        try:
            words = list(lexer)
        except ValueError:  # a quoted text over several lines
            continue
        for index in range(len(words)):
            if _own_arguments(words[index:]) is not None:
                return list(takewhile(lambda word: not set(word) <= set(";&|<>()"), words[index:]))
    return []
