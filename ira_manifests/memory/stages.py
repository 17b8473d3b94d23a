"""The stages of pipeline parallelism: which GPU of them has how much to hold.

Source: vLLM's distributed/utils.py (get_pp_indices), and its model classes. Llama's has the
embeddings on the first stage and the output layer on the last; others (Gemma 3, gpt-oss, Qwen3 MoE)
have the embeddings on every stage, and all have the vision tower on every stage.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import cycle, islice

from ira_manifests.memory.accelerator import gib
from ira_manifests.memory.engine_options import EngineOptions
from ira_manifests.memory.errors import SplitError
from ira_manifests.memory.geometry import Geometry
from ira_manifests.memory.quantised import linear_bytes
from ira_manifests.memory.recurrent import ELEMENT_BYTES
from ira_manifests.memory.weights import Weights, rotary_table_bytes


@dataclass(frozen=True)
class Stage:
    """What one GPU of a stage has.

    Attributes:
        geometry: the model with the layers of the stage alone.
        weights: bytes on the GPU.
        samples: whether it is the last stage, which has the logits.
        received: bytes of the tensors that pass from stage to stage, which stay allocated.
    """

    geometry: Geometry
    weights: int
    samples: bool = True
    received: int = 0


@dataclass(frozen=True)
class Held:
    """The weights on one GPU, as if a single stage held all layers.

    Attributes:
        whole: bytes of all of them.
        table: of these, bytes of an embedding table.
        tables: how many there are: the output layer has one of its own, or shares the embeddings';
            None where that is not known.
        tower: bytes of the vision tower.
    """

    whole: int
    table: int
    tables: int | None = None
    tower: int = 0


def layers_of_stages(layers: int, stages: int) -> list[int]:
    """Return the layers of each stage: as many, and what is left to those before the last."""
    each, left = divmod(layers, stages)
    found = [each] * stages
    for place in range(2, left + 2):
        found[-place] += 1
    return found


def why_not_staged(geometry: Geometry, weights: Weights) -> str:
    """Return why it is not known what each stage holds of a model; empty where it is."""
    if geometry.image_values_per_token and weights.vision_gib is None:
        return "pipeline_parallel puts the vision tower on each stage: give weights.vision_gib"
    if len(geometry.attention) + len(geometry.latent) < len(geometry.layers):
        return "pipeline_parallel is computed for models whose layers all have attention"
    if len(geometry.layers) > 1 and not geometry.layer_order:
        return (
            "pipeline_parallel gives each stage some layers of each kind: give geometry.layer_order"
        )
    experts = geometry.experts
    if experts and geometry.intermediate_size and experts.first_k_dense_replace is None:
        return (
            "pipeline_parallel splits layers with and without experts: "
            "give geometry.experts.first_k_dense_replace"
        )
    return ""


def held(
    geometry: Geometry, weights: Weights, tensor_parallel: int, options: EngineOptions
) -> Held:
    """Return what one GPU holds of all layers, less what options save.

    A size in 16 bit is doubled for float32, which is not known of several stages.
    """
    vision = options.vision_bytes
    whole = weights.per_gpu(geometry, tensor_parallel) * options.element_bytes // ELEMENT_BYTES
    whole = max(0, whole - options.quantised_bytes - vision)
    table = geometry.vocab_size * geometry.hidden_size * ELEMENT_BYTES
    tower = 0 if vision else gib(weights.vision_gib or 0) // tensor_parallel
    return Held(whole, table // tensor_parallel, _tables(geometry, weights, table), tower)


def _tables(geometry: Geometry, weights: Weights, table: int) -> int | None:
    """Return how many tables of embeddings the total has room for; None where it is not known."""
    linear = linear_bytes(geometry, weights, 1)
    if linear is None:
        return None
    rest = gib(weights.total_gib) - linear - gib(weights.vision_gib or 0)
    return 1 if (rest - rotary_table_bytes(geometry)) * 2 < 3 * table else 2


def stages(
    geometry: Geometry, weights: Held, tensor_parallel: int, count: int, tokens: int
) -> Iterator[Stage]:
    """Yield the stages; one of each two that hold the same.

    `tokens` are those of the largest batch. Ask `why_not_staged` before. Raises SplitError where
    there are more stages than layers.
    """
    if count == 1:
        yield Stage(geometry, weights.whole)
        return
    total = geometry.layer_count
    if count > total:
        raise SplitError(f"pipeline parallel {count} is more than {total} layers")
    on_each = rotary_table_bytes(geometry) + weights.table + weights.tower
    of_head = 0 if weights.tables == 1 else weights.table
    # Where it is not known whether the output layer has a table of its own, some is counted twice.
    of_layers = max(0, weights.whole - on_each - (of_head if weights.tables else 0))
    # Hidden states and the residual: model_executor/models/utils.py, IntermediateTensors.
    received = 2 * tokens * geometry.hidden_size * ELEMENT_BYTES
    start, seen = 0, set[tuple[object, ...]]()
    for place, size in enumerate(layers_of_stages(total, count)):
        own, last = _part(geometry, start, size), place == count - 1
        bytes_ = on_each + _layers_bytes(geometry, of_layers, tensor_parallel, start, size)
        bytes_ += of_head if last else 0
        start += size
        if (key := (own, bytes_, last)) not in seen:
            seen.add(key)
            yield Stage(own, bytes_, last, received)


def _part(geometry: Geometry, start: int, size: int) -> Geometry:
    """Return the model with `size` layers from `start` on."""
    order = islice(cycle(geometry.layer_order or (0,)), start, start + size)
    counts = Counter(order)
    own = tuple(replace(geometry.layers[kind], count=counts[kind]) for kind in sorted(counts))
    return replace(geometry, layers=own, layer_order=())


def _layers_bytes(
    geometry: Geometry, of_layers: int, tensor_parallel: int, start: int, size: int
) -> int:
    """Return the bytes of a stage's layers: the first ones are dense in some mixtures.

    Where they are, a layer with experts counts as if the dense ones took nothing of the whole, and
    a dense one as in 16 bit, with attention as wide as it can be.
    """
    dense = geometry.experts.first_k_dense_replace or 0 if geometry.experts else 0
    dense = min(dense, geometry.layer_count - 1)
    sparse_bytes = -(-of_layers // (geometry.layer_count - dense))
    mlp = 3 * geometry.mlp_width
    attention = 4 * geometry.num_attention_heads * geometry.head_dim
    dense_bytes = geometry.hidden_size * (mlp + attention) * ELEMENT_BYTES // tensor_parallel
    own = min(size, max(0, dense - start))
    return own * min(dense_bytes, sparse_bytes) + (size - own) * sparse_bytes
