"""The vLLM servers that a directory's containers start, with the place of each argument."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ira_manifests.kubernetes import labels
from ira_manifests.kubernetes.expansion import expand
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules.view.pods import Container
from ira_manifests.vllm import images
from ira_manifests.vllm.server import ServerCommand, find_server


@dataclass(frozen=True)
class Server:
    """A server, and the container that starts it."""

    container: Container
    command: ServerCommand
    places: tuple[Path, ...]
    """The place of each of the server's own arguments; of the container if there are none."""

    @property
    def file(self) -> str:
        """The file of the object."""
        return self.container.file

    @property
    def release(self) -> str:
        """The release of vLLM; empty if unknown."""
        return self.command.release

    @property
    def settings(self) -> dict[str, str]:
        """The server's options by their full names, as `vllm.settings` gives them."""
        return self.command.settings

    def place_of(self, option: str) -> Path:
        """Return the place of an option, or of the first argument if it is not given."""
        return self.places[self.command.index_of(option) or 0]

    @property
    def model_place(self) -> Path:
        """The place of the model's name, or of the first argument."""
        return self.places[self.command.model_index or 0]


def server_of(container: Container, variables: Mapping[str, str]) -> Server | None:
    """Return the server that a container starts, or None.

    `variables`: the known variables of the container.
    """
    words = [(expand(text, variables), path) for text, path in container.words]
    texts, count = [text for text, _ in words], len(container.command)
    owner = container.template.owner
    command = find_server(
        texts[:count],
        texts[count:],
        image=container.image,
        release=release_of(container.image, str(owner.labels.get(labels.VERSION, ""))),
        variables=variables,
    )
    if command is None:
        return None
    places = (words[source][1] for source in command.sources)
    return Server(container, command, tuple(places) or (container.path,))


def release_of(image: str, given: str = "") -> str:
    """Return the release of vLLM in an image; empty if unknown.

    The tag of vLLM's own image names it. For other images it is `given`, or the tag if `given` is
    empty.
    """
    text = given or images.name_of(image).tag
    named = images.release_of(image) or images.release_of_tag(text)
    return str(named) if named else text
