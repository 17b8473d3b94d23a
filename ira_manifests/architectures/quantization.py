"""Bytes per weight by quantisation method, and the weights that are not quantised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from fractions import Fraction
from functools import cached_property
from typing import Any

from ira_manifests.architectures.config import Config
from ira_manifests.architectures.errors import RefusedError
from ira_manifests.architectures.layers import Part

SERVED = Fraction(2)
"""Bytes of a weight that is not quantised; vLLM also serves float32 models in 16 bit."""
HF_QUANT_FILE = "hf_quant_config.json"

_FP8 = Fraction(1)
_NVFP4 = Fraction(1, 2) + Fraction(1, 16)  # a scale of one byte for 16 weights
_MXFP4 = Fraction(1, 2) + Fraction(1, 32)  # a scale of one byte for 32 weights
_MODELOPT = {"FP8": _FP8, "NVFP4": _NVFP4, "FP8_PB_WO": _FP8, "FP8_PER_CHANNEL_PER_TOKEN": _FP8}
_MOST_WILDCARDS = 100
# A part also counts as excluded if the checkpoint's list names this submodule of it.
_LAST = {"self_attn": "o_proj", "mlp": "down_proj", "linear_attn": "out_proj", "mixer": "out_proj"}


@dataclass(frozen=True)
class Quantization:
    """How a checkpoint's weights are stored, and held by the server.

    Attributes:
        method: its name in config.json; empty if weights are not quantised.
        weight_bytes: bytes of one quantised weight, including its scales.
        left_out: patterns of modules that are not quantised.
        experts_only: whether only experts are quantised, and padded (mxfp4).
        block: rows and columns that share a scale, if weights can only be split between blocks.
        kv_cache_dtype: dtype of the KV cache that the checkpoint specifies.
    """

    method: str = ""
    weight_bytes: Fraction = SERVED
    left_out: tuple[str, ...] = ()
    experts_only: bool = False
    block: int | None = None
    kv_cache_dtype: str = "auto"

    def part_bytes(self, layer: int, part: Part) -> Fraction:
        """Return the bytes of a part of one layer."""
        if not self._quantises(layer, part):
            return part.parameters * SERVED
        return (part.padded if self.experts_only else part.parameters) * self.weight_bytes

    def _quantises(self, layer: int, part: Part) -> bool:
        if not self.method or not part.quantised or (self.experts_only and not part.padded):
            return False
        name = f"layers.{layer}.{part.name}"
        last = _LAST.get(part.name)
        names = [name, f"{name}.{last}"] if last else [name]
        return not any(self._leaves_out(each) for each in names)

    def _leaves_out(self, name: str) -> bool:
        exact, beginnings, wildcards = self._patterns
        return (
            name in exact
            or any(name[:end] in beginnings for end in range(1, len(name) + 1))
            or any(fnmatchcase(name, pattern) for pattern in wildcards)
        )

    @cached_property
    def _patterns(self) -> tuple[frozenset[str], frozenset[str], tuple[str, ...]]:
        """Exact names, prefixes and other patterns, each from "layers." on."""
        exact, beginnings, wildcards = set(), set(), []
        for pattern in map(_tail, self.left_out):
            plain = pattern.removesuffix("*")
            if "*" in plain or "?" in plain or "[" in plain:
                wildcards.append(pattern)
            elif plain != pattern:
                beginnings.add(plain)
            else:
                exact.add(plain)
        return frozenset(exact), frozenset(beginnings), tuple(wildcards[:_MOST_WILDCARDS])


def _tail(pattern: str) -> str:
    """Return a pattern of module names from "layers." on; a regular expression becomes a glob."""
    if pattern.startswith("re:"):
        pattern = pattern[3:].replace(".*", "*").replace("\\", "").strip("^$")
    start = pattern.find("layers.")
    return pattern[start:] if start >= 0 else pattern


def read(config: Config, hf_quant: Mapping[str, Any] | None = None) -> Quantization:
    """Read `quantization_config` of config.json, else hf_quant_config.json.

    Raises RefusedError for an unsupported method.
    """
    given = config.inner("quantization_config") or config.language_model.inner(
        "quantization_config"
    )
    of_modelopt = Config(hf_quant or {}, HF_QUANT_FILE).inner("quantization")
    if given is None:
        return Quantization() if of_modelopt is None else _modelopt(of_modelopt)
    method = given.text("quant_method").lower()
    if method.startswith("modelopt") or (not method and given.get("quant_algo")):
        return _modelopt(given, of_modelopt)
    reader = _READERS.get(method)
    if reader is None:
        raise RefusedError(
            f"the quantisation method {method[:60]!r} is not judged yet; known are "
            f"{', '.join(sorted({*_READERS, 'modelopt'}))}"
        )
    return reader(given)


def _modelopt(given: Config, other: Config | None = None) -> Quantization:
    algorithm = given.text("quant_algo") or (other.text("quant_algo") if other else "")
    if algorithm not in _MODELOPT:
        raise RefusedError(f"the quantisation {algorithm[:60]!r} of modelopt is not judged yet")
    sources = [each for each in (given, other) if each is not None]
    kv_cache = any(_has_fp8_cache(each) for each in sources)
    return Quantization(
        "modelopt_fp4" if algorithm == "NVFP4" else "modelopt_fp8",
        _MODELOPT[algorithm],
        tuple(_patterns(sources, "exclude_modules", "ignore")),
        kv_cache_dtype="fp8" if kv_cache else "auto",
    )


def _has_fp8_cache(given: Config) -> bool:
    scheme = given.inner("kv_cache_scheme")
    in_scheme = scheme is not None and scheme.get("num_bits") == 8  # noqa: PLR2004 - bits
    return in_scheme or given.text("kv_cache_quant_algo").upper() == "FP8"


def _patterns(sources: Iterable[Config], *names: str) -> list[str]:
    return [text for each in sources for name in names for text in each.texts(name)]


def _fp8(given: Config) -> Quantization:
    sizes = given.items("weight_block_size")
    block = sizes[0] if sizes and isinstance(sizes[0], int) and sizes[0] > 0 else None
    scale = Fraction(4, block**2) if block else Fraction(0)
    left_out = tuple(_patterns([given], "modules_to_not_convert", "ignored_layers"))
    return Quantization("fp8", _FP8 + scale, left_out, block=block)


def _mxfp4(given: Config) -> Quantization:
    left_out = tuple(_patterns([given], "modules_to_not_convert"))
    return Quantization("mxfp4", _MXFP4, left_out, experts_only=True)


def _grouped(given: Config) -> Quantization:
    """Read AWQ and GPTQ, which have a 16-bit scale and a zero point for each group."""
    bits = given.whole("bits", "w_bit", most=16)
    method = given.text("quant_method")
    group = given.get("group_size", "q_group_size")
    size = group if isinstance(group, int) and group > 0 else 1 << 20  # -1: the whole column
    left_out = tuple(_patterns([given], "modules_to_not_convert"))
    return Quantization(method, Fraction(bits, 8) + Fraction(16 + bits, 8 * size), left_out)


def _compressed_tensors(given: Config) -> Quantization:
    groups = given.inner("config_groups")
    found = {
        weights
        for name in (groups.values if groups else ())
        if groups and (weights := _weights_of(groups.inner(name))) is not None
    }
    if len(found) != 1:
        raise RefusedError("compressed-tensors with several kinds of weights is not judged yet")
    return Quantization(
        "compressed-tensors",
        found.pop(),
        given.texts("ignore"),
        kv_cache_dtype="fp8" if _has_fp8_cache(given) else "auto",
    )


def _weights_of(group: Config | None) -> Fraction | None:
    weights = group.inner("weights") if group else None
    if weights is None:
        return None
    bits, size = weights.whole("num_bits", most=16), weights.optional("group_size")
    if size is None:
        return Fraction(bits, 8)
    is_nvfp4 = weights.text("type") == "float" and bits == 4  # noqa: PLR2004 - bits
    return Fraction(bits, 8) + Fraction(1 if is_nvfp4 else 2, size)


_READERS = {
    "awq": _grouped,
    "compressed-tensors": _compressed_tensors,
    "fp8": _fp8,
    "gptq": _grouped,
    "mxfp4": _mxfp4,
}
