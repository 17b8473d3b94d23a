"""Read the options of LoRA as the buffers that the engine allocates for adapters.

Sources are files of https://github.com/vllm-project/vllm, as of release 0.26.0.
"""

from __future__ import annotations

from collections.abc import Mapping

from ira_manifests.memory import Adapters, Geometry
from ira_manifests.memory.adapters import LARGEST_VOCABULARY
from ira_manifests.memory.quantised import has_other_linear_layers
from ira_manifests.profiles.memory_readers import NOTHING, Asked, Changes

ENABLE, LORAS, RANK, DTYPE, SHARDED, SPECIALIZE = LORA = (
    "--enable-lora",
    "--max-loras",
    "--max-lora-rank",
    "--lora-dtype",
    "--fully-sharded-loras",
    "--specialize-active-lora",
)
"""The options whose values are computed together."""

_RANKS = {"1", "8", "16", "32", "64", "128", "256", "320", "512"}
_DTYPES = {"auto", "bfloat16", "float16"}
_SWITCH = {"true", "false"}
_MOST_LORAS = 4096
"""Above the requests of any batch."""


def adapters(given: Mapping[str, str], asked: Asked) -> Changes | tuple[str, ...]:
    """Return what the options of LoRA change, or the names of those that can't be computed.

    Without `--enable-lora` the others change nothing (engine/arg_utils.py, create_engine_config).
    Computed for dense text models of attention layers and a gated MLP on one stage.
    """
    if given.get(ENABLE, "false") == "false":
        return NOTHING
    wrong = tuple(name for name, text in given.items() if not _is_known(name, text))
    if wrong:
        return wrong
    if not _is_plain(asked) or asked.pipeline_parallel > 1:
        return (ENABLE,)
    found = Adapters(
        max_loras=int(given.get(LORAS, 1)),
        max_lora_rank=int(given.get(RANK, 16)),
        fully_sharded=given.get(SHARDED) == "true",
        specialize_active=given.get(SPECIALIZE) == "true",
    )
    if found.fully_sharded and not _divides(asked.tensor_parallel, found, asked.geometry):
        return (SHARDED,)  # the engine refuses it: distributed/utils.py (divide)
    return {"adapters": found}


def _is_known(name: str, text: str) -> bool:
    if name == LORAS:
        # isdecimal alone would let digits of other alphabets and endless ones through.
        is_short = text.isascii() and text.isdecimal() and len(text) <= len(str(_MOST_LORAS))
        return is_short and 0 < int(text) <= _MOST_LORAS
    return text in {RANK: _RANKS, DTYPE: _DTYPES}.get(name, _SWITCH)


def _is_plain(asked: Asked) -> bool:
    """Return whether all linear layers of a model are known, and the engine takes its vocabulary.

    Refused are vocabularies that are too large for adapters of the output layer, where there are
    such.
    """
    shape = asked.geometry
    is_text = shape.is_dense_attention and not shape.image_values_per_token
    if not is_text or shape.intermediate_size is None or shape.vocab_size > LARGEST_VOCABULARY:
        return False
    return asked.held is not None and not has_other_linear_layers(shape, asked.held)


def _divides(gpus: int, found: Adapters, geometry: Geometry) -> bool:
    return found.max_lora_rank % gpus == 0 and geometry.hidden_size % gpus == 0
