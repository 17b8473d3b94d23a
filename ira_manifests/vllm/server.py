"""How a container starts the vLLM server: which of its words are the server's own arguments.

The image starts the server by itself; `vllm serve`, the older module and a shell's script do, too.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import NamedTuple

from ira_manifests.vllm.command_line import FlagProblem, flag_problems, settings
from ira_manifests.vllm.images import name_of

_SERVE = ("vllm", "serve")
_MODULE = "vllm.entrypoints.openai.api_server"
_SHELLS = ("sh", "bash")
_SHELL_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")

_OF_IMAGE = -1  # the source of the words of the image's entry point, which are not the server's own


class _Word(NamedTuple):
    """A word that a container runs, and the index of the command or argument that holds it."""

    text: str
    source: int


@dataclass(frozen=True)
class ServerCommand:
    """A server that a container starts: its own arguments, and where each comes from."""

    words: tuple[str, ...]
    sources: tuple[int, ...]
    """Of each word, the index in the container's command and arguments."""
    release: str
    """The release of vLLM; empty where it is not known."""
    serve: bool
    """Whether `vllm serve` starts it, and neither the older module nor the image by itself."""

    @cached_property
    def settings(self) -> dict[str, str]:
        """The server's options by their full names, as `vllm.settings` gives them."""
        return settings(self.words, self.release)

    @cached_property
    def problems(self) -> list[FlagProblem]:
        """What the server would refuse. Raises `UnknownReleaseError` for an unknown release."""
        return flag_problems(self.words, self.release, serve=self.serve)

    @property
    def model(self) -> str | None:
        """The model that is served."""
        return self.settings.get("--model")

    def index_of(self, option: str) -> int | None:
        """Return which word gives an option; None where no word does."""
        given = (i for i, word in enumerate(self.words) if self._gives(word, option))
        return next(given, None)

    def _gives(self, word: str, option: str) -> bool:
        return option in settings([word, ""], self.release)

    @property
    def model_index(self) -> int | None:
        """Which word names the model; None where no word does."""
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
    """Return the server that a container starts, or None where it starts something else.

    `command`, `arguments`: as the kubelet has expanded them. `image`: as the container names it.
    `variables`: what is known of the container's environment, which a shell's script reads.
    """
    words = [_Word(text, source) for source, text in enumerate([*command, *arguments])]
    if is_shell(command):
        words = [_Word(text, each.source) for each in words for text in _of(each.text, variables)]
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


def is_shell(command: Sequence[str]) -> bool:
    """Return whether a container's command is a shell, which expands ${VAR} itself."""
    return bool(command) and command[0].rpartition("/")[2] in _SHELLS


def _own_arguments(words: Sequence[str]) -> int | None:
    """Return where the server's own arguments begin; None where no server is started."""
    if [word.rpartition("/")[2] for word in words[:2]] == [*_SERVE]:
        return len(_SERVE)
    if words[1:3] == ["-m", _MODULE] and words[0].rpartition("/")[2].startswith("python"):
        return 3
    return None


def _of(script: str, variables: Mapping[str, str]) -> list[str]:
    """Return the words of the first command of a script that starts the server."""
    expanded = _SHELL_VARIABLE.sub(lambda p: variables.get(p[1] or p[2], p[0]), script)
    for line in expanded.replace("\\\n", " ").splitlines():
        if "vllm" not in line:
            continue
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        try:
            words = list(lexer)
        except ValueError:  # a quotation over several lines
            continue
        for index in range(len(words)):
            if _own_arguments(words[index:]) is not None:
                return list(takewhile(lambda word: not set(word) <= set(";&|<>()"), words[index:]))
    return []
