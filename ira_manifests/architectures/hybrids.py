"""Models of layers of several kinds, some with a state of each sequence.

Sources are the files of vllm/model_executor/models in release 0.26.0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ira_manifests.architectures.attention import FULL, Heads
from ira_manifests.architectures.config import Config
from ira_manifests.architectures.errors import ConfigError, RefusedError
from ira_manifests.architectures.feed_forward import FeedForward, dense, feed_forward, mixture_of
from ira_manifests.architectures.layers import KEEPS_NOTHING, Layer, Mixture, Part, Words, count_of
from ira_manifests.architectures.states import (
    gated_delta_net,
    mamba1,
    mamba2,
    mamba2_of_granite,
    short_convolution,
)


def qwen_hybrid(config: Config) -> list[Layer]:
    """Read gated delta nets, with gated attention in every fourth layer: Qwen3-Next, Qwen3.5."""
    count, hidden = count_of(config), config.whole("hidden_size")
    interval = config.optional("full_attention_interval") or 4
    kinds = config.per_layer("layer_types", count) or [
        FULL if (index + 1) % interval == 0 else "linear_attention" for index in range(count)
    ]
    heads, follow = Heads.of(config), feed_forward(config)
    gated = config.flag("attn_output_gate", default=True)
    full = (
        heads.keeps({}),
        Part("self_attn", heads.parameters(hidden, gate=gated)),
        heads.widths,
    )
    keeps, part = gated_delta_net(config)
    known = {FULL: full, "linear_attention": (keeps, part, ())}
    return _of_kinds([*map(str, kinds)], known, [follow(index) for index in range(count)])


_NEMOTRON = {"mamba": "M", "attention": "*", "mlp": "-", "moe": "E"}


def nemotron_h(config: Config) -> list[Layer]:
    """Read layers of one block each: Mamba-2 (M), attention (*), MLP (-) or experts (E)."""
    hidden, width = config.whole("hidden_size"), config.whole("intermediate_size")
    heads, mixture = Heads.of(config), mixture_of(config)
    keeps, mixer = mamba2(config)
    blocks = {
        "M": Layer(keeps, (mixer,)),
        "*": Layer(heads.keeps({}), (Part("mixer", heads.parameters(hidden)),), heads.widths),
        "-": Layer(KEEPS_NOTHING, dense(hidden, width, matrices=2), (), width),
    }
    if mixture is not None:
        parts = _nemotron_experts(config, mixture)
        blocks["E"] = Layer(KEEPS_NOTHING, parts, (), mixture.shared, mixture)
    letters = _nemotron_letters(config)
    unknown = set(letters) - set(blocks)
    if unknown:
        raise RefusedError(f"not judged yet: layers of the kind {min(unknown)[:60]!r}")
    return [blocks[letter] for letter in letters]


def _nemotron_letters(config: Config) -> Sequence[str]:
    count, pattern = count_of(config), config.text("hybrid_override_pattern")
    if not pattern:
        kinds = map(str, config.per_layer("layers_block_type", count))
        return [_NEMOTRON.get(kind, kind) for kind in kinds] or [*("?" * count)]
    if len(pattern) != count:
        raise ConfigError(
            f"{config.place}: hybrid_override_pattern has {len(pattern)} letters, "
            f"and the model has {count} layers"
        )
    return pattern


def _nemotron_experts(config: Config, mixture: Mixture) -> tuple[Part, ...]:
    """Return the weights of experts, which may work on a latent of the hidden values."""
    hidden, narrow = config.whole("hidden_size"), config.optional("moe_latent_size")
    parts = mixture.parts(hidden, matrices=2)
    if narrow is None:
        return parts
    experts = mixture.parts(narrow, matrices=2)[0]
    return (experts, *parts[1:], Part("mixer.latent", 2 * hidden * narrow))


def granite_hybrid(config: Config) -> list[Layer]:
    """Read Granite 4: Mamba-2 or attention, then experts, a shared MLP, or both."""
    hidden, heads = config.whole("hidden_size"), Heads.of(config)
    inner = hidden * (config.optional("mamba_expand") or 2)
    keeps, mixer = mamba2_of_granite(config, inner)
    attention = Part("self_attn", heads.parameters(hidden))
    follows = _granite_follows(config)
    kinds = {
        "mamba": (keeps, mixer, ()),
        "attention": (heads.keeps({}), attention, heads.widths),
    }
    kinds |= {"linear_attention": kinds["mamba"], FULL: kinds["attention"]}
    return _of_kinds(_kinds(config, "layer_types", "layers_block_type"), kinds, follows)


def _granite_follows(config: Config) -> FeedForward:
    hidden, shared = config.whole("hidden_size"), config.optional("shared_intermediate_size") or 0
    mixture = mixture_of(config)
    if mixture is None:
        return FeedForward(dense(hidden, shared), shared)
    return FeedForward(mixture.parts(hidden), mixture.shared, mixture)


def _kinds(config: Config, *names: str) -> Sequence[str]:
    """Return the kind of each layer, from the first of the lists that config.json has."""
    count = count_of(config)
    for name in names:
        kinds = config.per_layer(name, count)
        if kinds:
            return [str(kind) for kind in kinds]
    raise RefusedError(f"not judged yet: {config.place} has no {' or '.join(names)}")


def _of_kinds(
    kinds: Sequence[str],
    known: Mapping[str, tuple[Words, Part, tuple[int, ...]]],
    follows: FeedForward | Sequence[FeedForward],
) -> list[Layer]:
    """Return layers by their kinds, each with what follows it."""
    found = []
    for index, kind in enumerate(kinds):
        if kind not in known:
            raise RefusedError(f"not judged yet: layers of the kind {kind[:60]!r}")
        words, part, widths = known[kind]
        item = follows if isinstance(follows, FeedForward) else follows[index]
        found.append(Layer(words, (part, *item.parts), widths, item.mlp_width, item.mixture))
    return found


def lfm2(config: Config) -> list[Layer]:
    """Read LFM2: short convolutions with attention between, each with an MLP or experts."""
    count, hidden, heads = count_of(config), config.whole("hidden_size"), Heads.of(config)
    keeps, convolution = short_convolution(config)
    known = {
        "conv": (keeps, convolution, ()),
        FULL: (heads.keeps({}), Part("self_attn", heads.parameters(hidden)), heads.widths),
    }
    listed = config.items("full_attn_idxs")
    if config.items("layer_types") or not listed:
        kinds = _kinds(config, "layer_types")
    else:
        kinds = [FULL if index in listed else "conv" for index in range(count)]
    if mixture_of(config) is not None:
        follow = feed_forward(config)
        return _of_kinds(kinds, known, [follow(index) for index in range(count)])
    width = _lfm2_width(config)
    return _of_kinds(kinds, known, FeedForward(dense(hidden, width), width))


def _lfm2_width(config: Config) -> int:
    """Return the inner width of LFM2's MLP (vllm/model_executor/models/lfm2.py, Lfm2MLP)."""
    width = config.whole("block_ff_dim", "intermediate_size")
    if not config.flag("block_auto_adjust_ff_dim", default=True):
        return width
    adjusted = int(config.factor("block_ffn_dim_multiplier") * int(2 * width / 3))
    multiple = config.optional("block_multiple_of") or 256
    return -(-adjusted // multiple) * multiple


def jamba(config: Config) -> list[Layer]:
    """Read Jamba: Mamba-1 or attention, then an MLP or experts, each in its own period."""
    count, hidden = count_of(config), config.whole("hidden_size")
    heads, width = Heads.of(config), config.whole("intermediate_size")
    plain = FeedForward(dense(hidden, width), width)
    mixture = mixture_of(config)
    sparse = FeedForward(mixture.parts(hidden), 0, mixture) if mixture else plain
    if mixture and mixture.experts == 1:
        sparse = plain
    attends = _periodic(config, "attn_layer_period", "attn_layer_offset", (8, 4))
    has_experts = _periodic(config, "expert_layer_period", "expert_layer_offset", (2, 1))
    keeps, mixer = mamba1(config)
    known = {
        "mamba": (keeps, mixer, ()),
        "attention": (heads.keeps({}), Part("self_attn", heads.parameters(hidden)), heads.widths),
    }
    kinds = ["attention" if attends(index) else "mamba" for index in range(count)]
    follows = [sparse if has_experts(index) else plain for index in range(count)]
    return _of_kinds(kinds, known, follows)


def _periodic(
    config: Config, period: str, offset: str, usual: tuple[int, int]
) -> Callable[[int], bool]:
    every = config.optional(period) or usual[0]
    first = config.optional(offset) or (usual[1] if config.get(offset) is None else 0)
    return lambda index: index % every == first


def falcon_h1(config: Config) -> list[Layer]:
    """Read Falcon-H1, whose layers have attention and Mamba-2 side by side."""
    hidden, heads = config.whole("hidden_size"), Heads.of(config)
    inner = config.optional("mamba_d_ssm") or hidden * (config.optional("mamba_expand") or 2)
    keeps, mixer = mamba2_of_granite(config, inner)
    width = config.whole("intermediate_size")
    parts = (Part("self_attn", heads.parameters(hidden)), mixer, *dense(hidden, width))
    layer = Layer(heads.keeps({}), parts, heads.widths, width, also=keeps)
    return [layer] * count_of(config)
