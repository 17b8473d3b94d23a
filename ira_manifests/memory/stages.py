"""The stages of pipeline parallelism: which GPU of them has how much to hold.

Source: vLLM's distributed/utils.py (get_pp_indices), and its model classes: the first stage has the
embeddings and the last one the head, which is the embeddings again where the two are tied.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ira_manifests.memory.errors import SplitError
from ira_manifests.memory.geometry import Geometry
from ira_manifests.memory.layers import Layers
from ira_manifests.memory.recurrent import ELEMENT_BYTES
from ira_manifests.memory.weights import rotary_table_bytes


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


def layers_of_stages(layers: int, stages: int) -> list[int]:
    """Return the layers of each stage: as many, and what is left to those before the last."""
    each, left = divmod(layers, stages)
    found = [each] * stages
    for place in range(2, left + 2):
        found[-place] += 1
    return found


def why_not_staged(geometry: Geometry) -> str:
    """Return why it is not known what each stage holds of a model; empty where it is."""
    if geometry.is_moe or geometry.image_values_per_token:
        return "pipeline_parallel splits experts or a vision tower in a way that is not computed"
    if len(geometry.layers) > 1 or not isinstance(geometry.layers[0], Layers):
        return "pipeline_parallel is computed for models whose layers are all of one shape"
    return ""


def stages(
    geometry: Geometry, whole: int, tensor_parallel: int, count: int, tokens: int
) -> Iterator[Stage]:
    """Yield the stages that differ: the first, the middle ones with most layers, and the last.

    `whole`: bytes of all layers' weights on one GPU of a stage. `tokens` are those of the largest
    batch. Ask `why_not_staged` before. Raises SplitError where there are more stages than layers.
    """
    if count == 1:
        yield Stage(geometry, whole)
        return
    if count > geometry.layer_count:
        raise SplitError(f"pipeline parallel {count} is more than {geometry.layer_count} layers")
    # Where embeddings and head are two matrices, a stage has a little less than this.
    ends = geometry.vocab_size * geometry.hidden_size * ELEMENT_BYTES // tensor_parallel
    on_each = rotary_table_bytes(geometry)
    of_layers = max(0, whole - ends - on_each)
    # Hidden states and the residual: model_executor/models/utils.py, IntermediateTensors.
    received = 2 * tokens * geometry.hidden_size * ELEMENT_BYTES
    split = layers_of_stages(geometry.layer_count, count)
    places = {0, split.index(max(split)), count - 1}
    (layers,) = geometry.layers
    for place in sorted(places):
        share = -(-of_layers * split[place] // geometry.layer_count)
        held = share + on_each + (ends if place in (0, count - 1) else 0)
        own = replace(geometry, layers=(replace(layers, count=split[place]),))
        yield Stage(own, held, place == count - 1, received)
