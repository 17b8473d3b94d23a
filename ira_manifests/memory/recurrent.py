"""Layers that cache one state of a fixed size for each sequence.

Names are those of config.json, except `state_bytes`. Sources are files of
https://github.com/vllm-project/vllm, as of release 0.26.0.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from ira_manifests.memory.errors import GeometryError
from ira_manifests.memory.layer_checks import divided, require_positive

ELEMENT_BYTES = 2
"""Bytes of an activation or an unquantised weight: models are served in bf16 or fp16."""

STATE_DTYPES = {"bfloat16": 2, "float16": 2, "float32": 4}
"""Bytes of an element of a recurrent state, by dtype."""


@dataclass(frozen=True)
class _Recurrent(ABC):
    """Layers that cache one state of a fixed size for each sequence."""

    count: int

    @abstractmethod
    def state_bytes_per_gpu(self, tensor_parallel: int) -> int:
        """Return the bytes that one GPU caches of a sequence, in one layer.

        Raises SplitError if the tensor parallel size does not divide the state.
        """

    def check_tensor_parallel(self, tensor_parallel: int) -> None:
        """Raise SplitError if the tensor parallel size does not divide the state."""
        self.state_bytes_per_gpu(tensor_parallel)


@dataclass(frozen=True)
class GatedDeltaNetLayers(_Recurrent):
    """Layers of a gated delta net: "linear_attention" of Qwen3-Next and Qwen3.5.

    Attributes:
        linear_num_key_heads, linear_num_value_heads: heads before tensor parallelism.
        linear_key_head_dim, linear_value_head_dim: elements per head.
        linear_conv_kernel_dim: width of the causal convolution, in tokens.
        mamba_ssm_dtype: dtype of the recurrent state; None is the model's own.

    Raises GeometryError when a number is not positive or the dtype is unknown.
    """

    linear_num_key_heads: int
    linear_num_value_heads: int
    linear_key_head_dim: int
    linear_value_head_dim: int
    linear_conv_kernel_dim: int
    mamba_ssm_dtype: str | None = None

    def __post_init__(self) -> None:
        require_positive(
            self,
            "count",
            "linear_num_key_heads",
            "linear_num_value_heads",
            "linear_key_head_dim",
            "linear_value_head_dim",
            "linear_conv_kernel_dim",
        )
        _require_dtype(self.mamba_ssm_dtype)

    def state_bytes_per_gpu(self, tensor_parallel: int) -> int:
        """Return the bytes of the convolution's inputs and of the state matrices, one per head.

        Source: vllm/model_executor/layers/mamba/mamba_utils.py (gated_delta_net_state_shape).
        """
        keys = divided(self.linear_num_key_heads, tensor_parallel, "linear key heads")
        values = divided(self.linear_num_value_heads, tensor_parallel, "linear value heads")
        width = 2 * keys * self.linear_key_head_dim + values * self.linear_value_head_dim
        matrices = values * self.linear_value_head_dim * self.linear_key_head_dim
        conv = width * (self.linear_conv_kernel_dim - 1) * ELEMENT_BYTES
        return conv + matrices * _dtype_bytes(self.mamba_ssm_dtype)


@dataclass(frozen=True)
class Mamba2Layers(_Recurrent):
    """Layers of Mamba-2, with the names of Nemotron-H's config.json.

    Attributes:
        mamba_num_heads, mamba_head_dim: heads before tensor parallelism, and elements of one.
        ssm_state_size: state elements for each element of a head.
        n_groups: groups of heads that share their input and output projections.
        conv_kernel: width of the causal convolution, in tokens.
        mamba_ssm_dtype: dtype of the recurrent state; None is the model's own.

    Raises GeometryError when a number is not positive or the dtype is unknown.
    """

    mamba_num_heads: int
    mamba_head_dim: int
    ssm_state_size: int
    n_groups: int
    conv_kernel: int
    mamba_ssm_dtype: str | None = None

    def __post_init__(self) -> None:
        require_positive(
            self,
            "count",
            "mamba_num_heads",
            "mamba_head_dim",
            "ssm_state_size",
            "n_groups",
            "conv_kernel",
        )
        _require_dtype(self.mamba_ssm_dtype)

    def state_bytes_per_gpu(self, tensor_parallel: int) -> int:
        """Return the bytes of the convolution's inputs and of the heads' states.

        A single group is replicated. Source: vllm/model_executor/layers/mamba/mamba_utils.py
        (mamba2_state_shape) and mamba_mixer2.py.
        """
        heads = divided(self.mamba_num_heads, tensor_parallel, "Mamba heads")
        groups = 1
        if self.n_groups > 1:
            groups = divided(self.n_groups, tensor_parallel, "Mamba groups")
        inner = heads * self.mamba_head_dim
        conv = (inner + 2 * groups * self.ssm_state_size) * (self.conv_kernel - 1) * ELEMENT_BYTES
        return conv + inner * self.ssm_state_size * _dtype_bytes(self.mamba_ssm_dtype)


@dataclass(frozen=True)
class Mamba1Layers(_Recurrent):
    """Layers of Mamba-1, with the names of Jamba's config.json.

    Attributes:
        mamba_intermediate_size: inner width: mamba_expand times the hidden size.
        mamba_d_state: state elements for each inner element.
        mamba_d_conv: width of the causal convolution, in tokens.
        mamba_ssm_dtype: dtype of the recurrent state; None is the model's own.

    Raises GeometryError when a number is not positive or the dtype is unknown.
    """

    mamba_intermediate_size: int
    mamba_d_state: int
    mamba_d_conv: int
    mamba_ssm_dtype: str | None = None

    def __post_init__(self) -> None:
        require_positive(self, "count", "mamba_intermediate_size", "mamba_d_state", "mamba_d_conv")
        _require_dtype(self.mamba_ssm_dtype)

    def state_bytes_per_gpu(self, tensor_parallel: int) -> int:
        """Return the bytes of the convolution's inputs and of the state.

        Source: vllm/model_executor/layers/mamba/mamba_utils.py (mamba1_state_shape).
        """
        inner = divided(self.mamba_intermediate_size, tensor_parallel, "Mamba's inner width")
        conv = inner * (self.mamba_d_conv - 1) * ELEMENT_BYTES
        return conv + inner * self.mamba_d_state * _dtype_bytes(self.mamba_ssm_dtype)


@dataclass(frozen=True)
class StateLayers(_Recurrent):
    """Layers that cache another kind of state, given by its size.

    Attributes:
        state_bytes: bytes of one sequence in one layer, over all GPUs that share it.

    Raises GeometryError when a number is not positive.
    """

    state_bytes: int

    def __post_init__(self) -> None:
        require_positive(self, "count", "state_bytes")

    def state_bytes_per_gpu(self, tensor_parallel: int) -> int:
        """Return one GPU's share of the bytes."""
        return divided(self.state_bytes, tensor_parallel, "state bytes")


RecurrentLayers = GatedDeltaNetLayers | Mamba2Layers | Mamba1Layers | StateLayers


def _require_dtype(name: str | None) -> None:
    if name is not None and name not in STATE_DTYPES:
        known = ", ".join(STATE_DTYPES)
        raise GeometryError(f"mamba_ssm_dtype {name!r} is none of: {known}")


def _dtype_bytes(name: str | None) -> int:
    return ELEMENT_BYTES if name is None else STATE_DTYPES[name]
