"""A model's layers: what each caches of a token or a sequence, and its weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ira_manifests.architectures.config import MOST_LAYERS, Config

Words = Mapping[str, int | str | bool]
"""What layers cache, as the fields of a profile's `layers` entry, without `count`."""

KEEPS_NOTHING: Words = {"no_kv_cache": True}


@dataclass(frozen=True)
class Part:
    """Weights of one layer that are either all quantised or all not.

    Attributes:
        name: the part of their names in the checkpoint after the layer's number.
        parameters: the number of weights.
        quantised: False for weights that no method quantises, such as the router of experts.
        padded: for experts, the number of weights after vLLM's padding for mxfp4; else 0.
    """

    name: str
    parameters: int
    quantised: bool = True
    padded: int = 0
    is_copy: bool = False
    """Whether the server computes them from other weights; they are in no checkpoint."""


@dataclass(frozen=True)
class Mixture:
    """A mixture of `experts` experts, of which `chosen` process each token."""

    experts: int
    chosen: int
    width: int
    shared: int = 0
    """Inner width of the shared expert; 0 for none."""

    def parts(self, hidden: int, *, matrices: int = 3) -> tuple[Part, ...]:
        """Return the weights of a layer with this mixture."""
        each = matrices * hidden * self.width
        rows, columns = _padded(hidden), _padded(self.width)
        # Gate and up projection are one matrix, so their outputs need no padding.
        padded = 2 * rows * self.width + rows * columns
        return (
            Part("mlp.experts", self.experts * each, padded=self.experts * padded),
            Part("mlp.gate", self.experts * hidden, quantised=False),
            Part("mlp.shared_experts", matrices * hidden * self.shared),
        )


def _padded(width: int) -> int:
    return -(-width // 256) * 256


@dataclass(frozen=True)
class Layer:
    """One layer.

    Attributes:
        keeps: what it caches of a token or a sequence.
        parts: its weights.
        widths: widths that tensor parallelism splits.
        mlp_width: inner width of its dense MLP, or of its shared expert; 0 for none.
        mixture: its experts.
        also: what it caches beside, in a layer of two kinds at once.
    """

    keeps: Words
    parts: tuple[Part, ...]
    widths: tuple[int, ...] = ()
    mlp_width: int = 0
    mixture: Mixture | None = None
    also: Words | None = None


def count_of(config: Config) -> int:
    """Return the number of layers."""
    return config.whole("num_hidden_layers", "n_layer", "num_layers", most=MOST_LAYERS)


def grouped(layers: Iterable[Layer]) -> tuple[Mapping[str, int | str | bool], ...]:
    """Return the layers as a profile's `layers`: equal layers grouped, in order, with `count`."""
    counts: dict[tuple[tuple[str, int | str | bool], ...], int] = {}
    for layer in layers:
        for words in (layer.keeps, layer.also):
            if words is not None:
                key = tuple(words.items())
                counts[key] = counts.get(key, 0) + 1
    return tuple({"count": count, **dict(key)} for key, count in counts.items())
