"""The server that KServe starts in the Pods of an LLMInferenceService without a command.

From kserve/kserve, config/llmisvcconfig/config-llm-template.yaml: `vllm serve` with the model, the
tensor parallel size of `parallelism`, and the words of VLLM_ADDITIONAL_ARGS.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules.view.plain import Json, at, mapping
from ira_manifests.rules.view.pods import Container
from ira_manifests.rules.view.servers import Server, release_of
from ira_manifests.vllm.server import ServerCommand

_KIND = "LLMInferenceService"
_CONTAINER = "main"
ARGUMENTS = "VLLM_ADDITIONAL_ARGS"
"""The variable with further arguments, which KServe's script reads and vLLM does not."""
_HUB = "hf://"
# What of `spec`, or of its `prefill`, is of one Pod.
_OF_ONE_POD = frozenset({"tensor"})


def server_of(container: Container, variables: Mapping[str, str]) -> Server | None:
    """Return the server of a container that leaves its command to KServe; None of any other.

    `variables`: the known variables of the container.
    """
    owner, inside = container.template.owner, container.template.path
    spec = at(owner.body, *map(str, inside[:-1]))
    if owner.kind != _KIND or container.body.get("name") != _CONTAINER or container.words:
        return None
    parallelism = mapping(mapping(spec).get("parallelism"))
    if mapping(spec).get("worker") or parallelism.keys() - _OF_ONE_POD:
        return None  # several Pods serve the model
    given = [*_words(container, owner.spec, parallelism, inside, variables)]
    if not given:
        return None
    texts, places = zip(*given, strict=True)
    sources = tuple(range(len(texts)))
    command = ServerCommand(texts, sources, release_of(container.image), serve=True)
    return Server(container, command, places)


def _words(
    container: Container, spec: Json, parallelism: Json, inside: Path, variables: Mapping[str, str]
) -> Iterator[tuple[str, Path]]:
    """Yield the words behind `vllm serve`, each with the place of the field that has it."""
    uri = str(at(spec, "model", "uri") or "")
    yield uri.removeprefix(_HUB), ("spec", "model", "uri")
    if "tensor" in parallelism:
        where = (*inside[:-1], "parallelism", "tensor")
        yield f"--tensor-parallel-size={parallelism['tensor']}", where
    names = [str(item.get("name")) for item in container.env]
    if ARGUMENTS in names:
        where = (*container.path, "env", names.index(ARGUMENTS), "value")
        try:
            words = shlex.split(variables.get(ARGUMENTS, ""))
        except ValueError:  # a quotation mark without another
            words = []
        yield from ((word, where) for word in words)
