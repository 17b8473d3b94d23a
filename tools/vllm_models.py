"""Write the table of vLLM's model architectures from the published source of its releases.

Usage:

    python -m tools.vllm_models 0.34.0    read this release, and add it to the table
    python -m tools.vllm_models           read every release of the table of options

Needs pip and its configured package index, but neither torch nor a GPU. The table is the same bytes
for the same releases.
"""

import ast
import sys
from collections.abc import Iterator

from ira_manifests.vllm.models import FILE, Task
from tools.vllm_options import TABLE as OPTIONS
from tools.vllm_shapes import ExtractionError
from tools.vllm_source import Source
from tools.vllm_table import TableFile

_REGISTRY = "vllm.model_executor.models.registry"
SECTION = "models"
ABOUT = (
    "Model architectures that vLLM has classes for: [task, first release - last release], an open "
    "end being the newest release here. Written by `python -m tools.vllm_models`, not by hand."
)

# The task of each of the registry's tables. An architecture in several has the task of the first.
_TASKS = {
    "_TEXT_GENERATION_MODELS": Task.TEXT,
    "_TRANSFORMERS_SUPPORTED_MODELS": Task.TEXT,
    "_MULTIMODAL_MODELS": Task.MULTIMODAL,
    "_EMBEDDING_MODELS": Task.POOLING,
    "_CROSS_ENCODER_MODELS": Task.POOLING,
    "_LATE_INTERACTION_MODELS": Task.POOLING,
    "_REWARD_MODELS": Task.POOLING,
    "_TOKEN_CLASSIFICATION_MODELS": Task.POOLING,
    "_SEQUENCE_CLASSIFICATION_MODELS": Task.POOLING,
    "_SPECULATIVE_DECODING_MODELS": Task.DRAFT,
}
# Fallback classes for models without a class in vLLM; no model's config.json names them.
_LEFT_OUT = {"_TRANSFORMERS_MODELS", "_TRANSFORMERS_BACKEND_MODELS"}


def read(source: Source) -> dict[str, str]:
    """Return the architectures of a release, each with its task.

    Raises ExtractionError for a registry of another form, or with an unknown table.
    """
    module = source.module(_REGISTRY)
    match module and module.definitions.get("_VLLM_MODELS"):
        case ast.Dict(keys=keys, values=parts) if not any(keys):
            names = [part.id for part in parts if isinstance(part, ast.Name)]
        case _:
            raise ExtractionError(f"vLLM {source.release} has no {_REGISTRY}._VLLM_MODELS")
    if unknown := set(names) - _TASKS.keys() - _LEFT_OUT:
        raise ExtractionError(f"{_REGISTRY} of vLLM {source.release} has new tables: {unknown}")
    found: dict[str, str] = {}
    for name, task in _TASKS.items():
        if module and name in names:
            for architecture in _keys(module.definitions[name], name):
                found.setdefault(architecture, task.value)
    return found


def _keys(node: ast.AST, name: str) -> Iterator[str]:
    if not isinstance(node, ast.Dict):
        raise ExtractionError(f"{_REGISTRY}.{name} is not a dict")
    for key, value in zip(node.keys, node.values, strict=True):
        match key, value:
            case ast.Constant(value=str() as architecture), _:
                yield architecture
            case None, ast.DictComp():  # some of another table, by its own name for them
                pass
            case _:
                raise ExtractionError(f"{_REGISTRY}.{name} has a key that is not a string")


TABLE = TableFile(OPTIONS.with_name(FILE), SECTION, ABOUT, read)

if __name__ == "__main__":
    sys.exit(TABLE.main(sys.argv[1:]))
