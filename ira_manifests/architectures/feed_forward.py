"""What follows attention in a layer: an MLP, or a mixture of experts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ira_manifests.architectures.config import Config
from ira_manifests.architectures.errors import RefusedError
from ira_manifests.architectures.layers import Mixture, Part, count_of

_EXPERTS = ("n_routed_experts", "num_local_experts", "num_experts", "moe_num_experts")
_WIDTHS = (
    "moe_intermediate_size",
    "expert_intermediate_size",
    "expert_hidden_dim",
    "intermediate_size",
)
_CHOSEN = (
    "num_experts_per_tok",
    "top_k_experts",
    "experts_per_token",
    "moe_k",
    "moe_topk",
    "moe_top_k",
)
# Inner width of all shared experts together, or of each of them.
_SHARED = ("shared_expert_intermediate_size", "shared_intermediate_size", "share_expert_dim")
_EACH_SHARED = ("moe_shared_expert_intermediate_size",)
_SHARED_COUNTS = (
    "n_shared_experts",
    "num_shared_experts",
    "moe_num_shared_experts",
    "num_shared_expert",
)


def mixture_of(config: Config) -> Mixture | None:
    """Return the mixture of a configuration; None for a dense model.

    Names are those of all architectures: no two of them are in one configuration.
    """
    experts = _same(config, *_EXPERTS)
    if experts is None:
        return None
    width = _same(config, *_WIDTHS) or config.whole(*_WIDTHS)
    shared = config.optional(*_SHARED)
    if shared is None:
        each = config.optional(*_EACH_SHARED) or width
        shared = (_same(config, *_SHARED_COUNTS) or 0) * each
    return Mixture(experts, _same(config, *_CHOSEN) or config.whole(*_CHOSEN), width, shared)


def _same(config: Config, *names: str) -> int | None:
    """Return a whole number that config.json may also list for each layer, always the same.

    Raises RefusedError for a list of several values.
    """
    name = next((name for name in names if isinstance(config.get(name), list)), None)
    if name is None:
        return config.optional(*names)
    items = config.items(name)
    if any(item != items[0] for item in items) or not items:
        raise RefusedError(f"not judged yet: {config.place} has layers of several {name}")
    return Config({name: items[0]}, config.place).optional(name)


@dataclass(frozen=True)
class FeedForward:
    """The MLP or experts of a layer; see `Layer` for the fields."""

    parts: tuple[Part, ...]
    mlp_width: int
    mixture: Mixture | None = None


def dense(hidden: int, width: int, *, matrices: int = 3) -> tuple[Part, ...]:
    """Return the weights of a dense MLP: gate, up and down projection, or only two matrices."""
    return (Part("mlp", matrices * hidden * width),)


def mlp(config: Config, width: int, *, matrices: int = 3) -> FeedForward:
    """Return a dense MLP of a width."""
    hidden = config.whole("hidden_size", "n_embd")
    return FeedForward(dense(hidden, width, matrices=matrices), width)


def feed_forward(config: Config, *, matrices: int = 3) -> Callable[[int], FeedForward]:
    """Return a function from a layer's index to its MLP or experts."""
    hidden, mixture = config.whole("hidden_size", "n_embd"), mixture_of(config)
    if mixture is None:
        width = _same(config, "intermediate_size", "n_inner")
        width = width or config.whole("intermediate_size", "n_inner")
        plain = mlp(config, width, matrices=matrices)
        return lambda _index: plain
    is_sparse = _sparse(config)
    sparse = FeedForward(mixture.parts(hidden, matrices=matrices), mixture.shared, mixture)

    def follow(index: int) -> FeedForward:
        if is_sparse(index):
            return sparse
        return mlp(config, config.whole("intermediate_size"), matrices=matrices)

    return follow


def _sparse(config: Config) -> Callable[[int], bool]:
    """Return a function that tells from a layer's index whether it has experts."""
    listed = _listed(config)
    if listed:
        return lambda index: listed[index]
    only_dense = set(map(str, config.items("mlp_only_layers")))
    step = config.optional("decoder_sparse_step", "moe_layer_interval") or 1
    first = config.optional("first_k_dense_replace", "num_dense_layers", "moe_layer_start_index")
    last = config.get("moe_layer_end_index")
    end = last if isinstance(last, int) and last >= 0 else count_of(config)
    every_nth = config.optional("moe_layer_freq") or 1

    def is_sparse(index: int) -> bool:
        in_step = (index + 1) % step == 0 and index % every_nth == 0
        return in_step and (first or 0) <= index <= end and str(index) not in only_dense

    return is_sparse


def _listed(config: Config) -> Sequence[bool]:
    """Return for each layer whether it has experts, where config.json lists that."""
    count = count_of(config)
    if isinstance(config.get("moe_layer_freq"), list):
        return [bool(item) for item in config.per_layer("moe_layer_freq", count)]
    numbers = config.text("moe_layers_enum")
    if numbers:
        with_experts = {number.strip() for number in numbers.split(",")}
        return [str(index) in with_experts for index in range(count)]
    kinds = config.per_layer("mlp_layer_types", count) or config.per_layer("is_moe_layer", count)
    unknown = [kind for kind in kinds if kind not in ("dense", "sparse", False, True)]
    if unknown:
        raise RefusedError(f"not judged yet: MLPs of the kind {str(unknown[0])[:60]!r}")
    return [kind in ("sparse", True) for kind in kinds]
