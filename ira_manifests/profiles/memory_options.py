"""Server options that affect memory use, and whether their effect is computed.

Source: the options of all releases in vllm/options.json. `make release` lists those that a new
release adds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ira_manifests.memory import BatchLimits
from ira_manifests.vllm import human_readable_int, settings

TOKENS, REQUESTS = "--max-num-batched-tokens", "--max-num-seqs"
PREFIXES = "--enable-prefix-caching"

_MODEL = {
    "--config", "--convert", "--device", "--diffusion-config", "--dtype", "--hf-config-path",
    "--hf-overrides", "--load-format", "--model-class-overrides", "--model-impl",
    "--override-attention-dtype", "--quantization", "--quantization-config", "--rope-scaling",
    "--rope-theta", "--runner", "--task",
}  # fmt: skip
_CACHE = {
    "--async-scheduling", "--block-size", "--disable-hybrid-kv-cache-manager",
    "--disable-sliding-window", "--ec-transfer-config", "--enable-chunked-prefill",
    "--kv-cache-dtype", "--kv-cache-dtype-skip-layers", "--kv-cache-memory-bytes",
    "--kv-offloading-backend", "--kv-offloading-size", "--kv-sharing-fast-prefill",
    "--kv-transfer-config", "--mamba-block-size", "--mamba-cache-dtype", "--mamba-cache-mode",
    "--mamba-ssm-cache-dtype", "--max-model-len", "--max-num-scheduled-tokens",
    "--num-gpu-blocks-override", "--num-lookahead-slots", "--num-scheduler-steps",
}  # fmt: skip
_ADDED = {
    "--default-mm-loras", "--enable-lora", "--enable-prompt-adapter", "--enable-prompt-embeds",
    "--fully-sharded-loras", "--lora-dtype", "--lora-extra-vocab-size", "--max-lora-rank",
    "--max-loras", "--spec-method", "--spec-model", "--spec-tokens", "--speculative-config",
}  # fmt: skip
_MULTIMODAL = {
    "--disable-chunked-mm-input", "--enable-multimodal-encoder-data-parallel",
    "--language-model-only", "--limit-mm-per-prompt", "--media-io-kwargs",
    "--mm-encoder-attn-dtype", "--mm-encoder-only", "--mm-encoder-tp-mode",
    "--mm-ipc-gpu-memory-gb", "--mm-processor-device", "--mm-processor-kwargs",
    "--skip-mm-profiling", "--video-pruning-rate",
}  # fmt: skip
_PLACEMENT = {
    "--cpu-offload-gb", "--cpu-offload-params", "--data-parallel-size",
    "--data-parallel-size-local", "--decode-context-parallel-size",
    "--device-memory-utilization", "--disable-custom-all-reduce", "--enable-dbo",
    "--enable-elastic-ep", "--enable-eplb", "--enable-expert-parallel", "--eplb-config",
    "--gpu-memory-utilization", "--nnodes", "--num-redundant-experts", "--offload-backend",
    "--offload-group-size", "--offload-num-in-group", "--offload-params",
    "--offload-prefetch-step", "--pipeline-parallel-size", "--prefill-context-parallel-size",
    "--tensor-parallel-size", "--ubatch-size",
}  # fmt: skip
_EXECUTION = {
    "--additional-config", "--attention-backend", "--attention-config", "--compilation-config",
    "--cuda-graph-sizes", "--cudagraph-capture-sizes", "--enable-cumem-allocator",
    "--enable-sleep-mode", "--enforce-eager", "--kernel-config", "--max-cudagraph-capture-size",
    "--max-seq-len-to-capture", "--moe-backend", "--optimization-level", "--performance-mode",
    "--scheduler-cls", "--worker-cls", "--worker-extension-cls",
}  # fmt: skip
NOT_COMPUTED = frozenset(_MODEL | _CACHE | _ADDED | _MULTIMODAL | _PLACEMENT | _EXECUTION)
"""Options whose effect on memory use is not computed."""

LONGER_CONTEXT = frozenset({"--config", "--hf-config-path", "--hf-overrides", "--rope-scaling"})
"""Options that can allow contexts beyond the model's own, because they change its config."""

# Values that do not change memory use: the defaults of switches, and values with the same effect.
_SAME = dict.fromkeys(NOT_COMPUTED, frozenset({"false"})) | {
    "--async-scheduling": frozenset({"true"}),
    "--convert": frozenset({"auto", "none"}),
    "--dtype": frozenset({"auto"}),
    "--enable-chunked-prefill": frozenset({"true"}),
    "--kv-cache-dtype": frozenset({"auto"}),
    "--load-format": frozenset(
        {"auto", "fastsafetensors", "hf", "mistral", "pt", "runai_streamer", "safetensors"}
    ),
    "--model-impl": frozenset({"auto"}),
    "--runner": frozenset({"auto", "generate"}),
    "--task": frozenset({"auto", "generate"}),
}
_READ: dict[str, Callable[[str], int]] = {TOKENS: human_readable_int, REQUESTS: int}


def uncomputed(flags: Sequence[str], engine: str, *, has_states: bool = False) -> tuple[str, ...]:
    """Return the full names of the options because of which memory can't be computed.

    `has_states`: whether the model caches states; prefix caching keeps several for each sequence.
    """
    if not flags:
        return ()
    given = settings(flags, engine)
    return tuple(
        name
        for name, value in given.items()
        if (name in NOT_COMPUTED and value not in _SAME[name])
        or (name == PREFIXES and has_states and value != "false")
        or (name in _READ and "$(" in value)  # known only when the container starts
    )


def batch(flags: Sequence[str], engine: str, default: BatchLimits) -> BatchLimits:
    """Return the largest batch: the values of the flags, as the engine parses them, or default."""
    given = settings(flags, engine) if flags else {}
    return BatchLimits(
        tokens=_number(given, TOKENS) or default.tokens,
        requests=_number(given, REQUESTS) or default.requests,
    )


def _number(given: dict[str, str], name: str) -> int | None:
    """Return the value of an option; None if it is missing or invalid."""
    try:
        number = _READ[name](given[name])
    except (KeyError, ValueError):
        return None
    return number if number > 0 else None
