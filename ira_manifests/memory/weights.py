"""Size of the weights on each GPU with tensor parallelism.

Not all weights are split: the table of rotary positions is replicated on every GPU (2.5 GiB for a
context of 10 million tokens), and KV heads are replicated if there are fewer than GPUs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

from ira_manifests.memory.accelerator import gib
from ira_manifests.memory.errors import SettingsError
from ira_manifests.memory.geometry import Geometry
from ira_manifests.memory.recurrent import ELEMENT_BYTES

_SHORT, _REPLICATED = 1, 25
"""Percent by which a logged size may be below, and above, an even share of the total."""

_LOGGED_STEP = gib("0.01")


@dataclass(frozen=True)
class Weights:
    """A model's weights as loaded ("Model loading took … GiB"), quantised or not.

    Attributes:
        total_gib: on one GPU, without tensor parallelism.
        measured_gib: on each GPU, by tensor parallel size, from logs. A size that is not listed is
            computed from the nearest listed one, else from ``total_gib``.
        linear_gib: of the total, linear layers and experts in 16 bit; None where it is not known.
        vision_gib: of the total, the vision tower; None where it is not known.
        quantization: how the checkpoint is quantised (``quant_method`` of its config.json); empty
            where it is in 16 bit, or it is not known.

    Raises SettingsError when a number is not positive.
    """

    total_gib: Decimal
    measured_gib: Mapping[int, Decimal] = field(
        default_factory=lambda: MappingProxyType({}), hash=False
    )
    linear_gib: Decimal | None = None
    vision_gib: Decimal | None = None
    quantization: str = ""

    def __post_init__(self) -> None:
        parts = [part for part in (self.linear_gib, self.vision_gib) if part is not None]
        sizes = (self.total_gib, *parts, *self.measured_gib.values())
        if min(sizes) <= 0 or min(self.measured_gib, default=1) < 1:
            raise SettingsError(f"weights must be more than 0 GiB, got {self}")

    def per_gpu(self, geometry: Geometry, tensor_parallel: int) -> int:
        """Return the bytes per GPU at a tensor parallel size: measured if listed, else computed."""
        source, size = self._nearest(tensor_parallel)
        if source == tensor_parallel:
            return size
        split = (size - _whole_bytes(geometry, source)) * source
        return max(0, split) // tensor_parallel + _whole_bytes(geometry, tensor_parallel)

    def bounds(self, geometry: Geometry, tensor_parallel: int) -> tuple[int, int]:
        """Return the minimum and maximum bytes per GPU that are consistent with ``total_gib``.

        The minimum is an even share and the replicated tables, less rounding. The maximum allows
        for further replication and padding: gpt-oss-20b holds 2.6 % more on each of two GPUs.
        """
        total, whole = gib(self.total_gib), rotary_table_bytes(geometry)
        share = max(0, total - whole) // tensor_parallel + whole
        most = Weights(self.total_gib).per_gpu(geometry, tensor_parallel)
        return share * (100 - _SHORT) // 100 - _LOGGED_STEP, most * (100 + _REPLICATED) // 100

    def _nearest(self, tensor_parallel: int) -> tuple[int, int]:
        known = {1: self.total_gib, **self.measured_gib}
        if tensor_parallel not in known and self.measured_gib:
            known = dict(self.measured_gib)
        source = min(known, key=lambda size: abs(size - tensor_parallel))
        return source, gib(known[source])


def rotary_table_bytes(geometry: Geometry) -> int:
    """Return the bytes of the table of sines and cosines, which every GPU holds whole.

    Source: vLLM's layers/rotary_embedding/base.py: one row of ``rotary_dim`` bf16 values for each
    position up to the model's own maximum; max_model_len has no effect.
    """
    return geometry.max_position_embeddings * geometry.rotary_dim * ELEMENT_BYTES


def _whole_bytes(geometry: Geometry, tensor_parallel: int) -> int:
    return rotary_table_bytes(geometry) + _replicated_kv_bytes(geometry, tensor_parallel)


def _replicated_kv_bytes(geometry: Geometry, tensor_parallel: int) -> int:
    """Return the bytes of KV projections that one GPU holds beyond an even share."""
    extra = 0
    for latent in geometry.latent:
        # Counted as 16 bit. If they are fp8, the difference covers the copies of kv_b_proj.
        weights = latent.count * latent.replicated_weights(geometry.hidden_size)
        extra += weights * (tensor_parallel - 1) * ELEMENT_BYTES
    for layers in geometry.attention:
        held = layers.kv_heads_per_gpu(tensor_parallel) * tensor_parallel
        heads = layers.count * (held - layers.num_key_value_heads)
        dims = layers.head_dim + (layers.v_head_dim or layers.head_dim)
        extra += geometry.hidden_size * dims * heads * ELEMENT_BYTES
    return extra // tensor_parallel
