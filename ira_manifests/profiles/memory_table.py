"""The table of the server's options that change memory: what each changes, and how it is read.

Rows are those of vLLM 0.26.0, whose files the sources are, and options of other releases that do
the same. `make vllm` lists what a new release adds. docs/memory.md shows the table: `make docs`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ira_manifests.profiles import adapter_readers, speculation_readers, weight_readers
from ira_manifests.profiles import memory_readers as read
from ira_manifests.vllm.release import Release

FIRST, LAST = Release.parse("0.19.0"), Release.parse("0.27.1")
"""The releases in whose sources the computed options do the same as in 0.26.0, inclusive."""


ANY = "*"
"""Any value, in `Row.since`."""


@dataclass(frozen=True)
class Row:
    """Options that change the same.

    Attributes:
        options: their full names.
        changes: what they change.
        judged: when the memory of a cell with them is computed.
        source: the file of vLLM that says so.
        reader: reads a value that is not in `default`.
        default: values with which nothing changes.
        since: the first release that takes a value, where not all that are computed do; that of
            `ANY` is the first in which the option does the same as in 0.26.0.
        joint: reads all options of the row at once, instead of `reader`.
    """

    options: tuple[str, ...]
    changes: str
    judged: str
    source: str
    reader: read.Reader = read.never
    default: frozenset[str] = frozenset({"false"})
    since: Mapping[str, str] = field(default_factory=dict)
    joint: read.JointReader | None = None

    def is_computed(self, text: str, engine: Release) -> bool:
        """Return whether a value's changes are known of a release."""
        since = self.since.get(text) or self.since.get(ANY)
        return (Release.parse(since) if since else FIRST) <= engine <= LAST


def _row(
    options: str,
    changes: str,
    judged: str,
    source: str,
    reader: read.Reader = read.never,
    since: Mapping[str, str] | None = None,
    joint: read.JointReader | None = None,
) -> Row:
    names = tuple(f"--{name}" for name in options.split())
    default = {"false"} if reader is read.never else set[str]()
    return Row(names, changes, judged, source, reader, frozenset(default), since or {}, joint)


TOKENS, REQUESTS = "--max-num-batched-tokens", "--max-num-seqs"
_FIELD = "field of the cell"
_NO = "not judged"

FIELDS = (
    _row("gpu-memory-utilization device-memory-utilization", "the share of the GPU",
         f"{_FIELD}: `gpu_memory_utilization`", "v1/worker/utils.py"),
    _row("tensor-parallel-size", "weights, KV heads and activations of each GPU",
         f"{_FIELD}: `tensor_parallel`", "distributed/utils.py"),
    _row("pipeline-parallel-size", "layers of each GPU, and batches in flight",
         f"{_FIELD}: `pipeline_parallel`; computed for models whose layers all have attention",
         "distributed/utils.py (get_pp_indices)", read.same("1")),
    _row("data-parallel-size data-parallel-size-local nnodes", "copies of the model, each on GPUs "
         "of its own", "refused in `args`, or not judged: a cell is one server",
         "config/parallel.py", read.same("1")),
    _row("max-model-len", "the KV cache of the longest request", f"{_FIELD}: `max_model_len`",
         "v1/core/kv_cache_utils.py"),
    _row("kv-cache-dtype", "bytes of a cached element: 2, or 1 for fp8",
         f"{_FIELD}: `kv_cache_dtype`", "utils/torch_utils.py", read.same("auto")),
)  # fmt: skip
COMPUTED = (
    _row("block-size", "pages of the KV cache",
         "16, 32, 64 and 128 tokens, without latents and states", "config/cache.py",
         read.block_size),
    _row("disable-hybrid-kv-cache-manager", "layers with a window or chunks keep all tokens, as "
         "full attention does", "unless the engine refuses it: states, or windows without full "
         "layers", "v1/core/kv_cache_utils.py (unify_hybrid_kv_cache_specs)", read.no_hybrid_cache),
    _row("async-scheduling", "tokens in flight that a window holds: two batches, or one with "
         "`--no-async-scheduling` (one in any case before 0.26.0)", "always",
         "config/vllm.py (max_concurrent_batches)", read.async_scheduling),
    _row("enforce-eager", "no CUDA graphs", "always", "config/vllm.py", read.enforce_eager),
    _row("optimization-level", "`-O0`: no CUDA graphs; `-O2`, the default, and `-O3`: the same "
         "graphs; `-O1`: fewer", "always; `-O1` as if it had as many as `-O2`",
         "config/vllm.py (OPTIMIZATION_LEVEL_00)",
         read.optimization_level),
    _row("compilation-config", "CUDA graphs",
         "`cudagraph_mode` (PIECEWISE, FULL and FULL_DECODE_ONLY as if they had as many as "
         "FULL_AND_PIECEWISE), `cudagraph_capture_sizes`, `max_cudagraph_capture_size`, and no "
         "other key", "config/compilation.py (CUDAGraphMode)",
         read.compilation_config),
    _row("cudagraph-capture-sizes", "the number of CUDA graphs", "sizes up to 512",
         "config/vllm.py (_set_cudagraph_sizes)", read.capture_sizes),
    _row("max-cudagraph-capture-size", "the number of CUDA graphs", "up to 512",
         "config/vllm.py (_set_cudagraph_sizes)", read.largest_capture),
    _row("kv-cache-memory-bytes", "the KV cache on each GPU, whatever `gpu_memory_utilization` "
         "leaves; CUDA graphs and the rest must fit beside it", "always",
         "v1/worker/gpu_worker.py (determine_available_memory)", read.kv_cache_bytes),
    _row("num-gpu-blocks-override", "the blocks of the KV cache, with or without room for them",
         "from 0.20.1; before, the request must also fit into what `gpu_memory_utilization` leaves",
         "v1/core/kv_cache_utils.py (get_kv_cache_configs)", read.kv_cache_blocks,
         since={ANY: "0.20.1"}),
    _row("cpu-offload-gb", "so many GiB of each GPU's weights are in the node's memory, beside the "
         "container's other needs", "up to half of the layers, without pipeline parallelism",
         "model_executor/offloader/uva.py", read.cpu_offload),
    _row("dtype", "bytes of weights, activations and KV cache: 2, or 4 for float32",
         "the 16-bit types and `auto`; float32 for dense models with attention whose size shows 16 "
         "bit, without `pipeline_parallel` and options that change the weights", "config/model.py",
         weight_readers.dtype),
    _row("quantization", "with `fp8`, its kin and bitsandbytes, a checkpoint in 16 bit is "
         "quantised as it is loaded: linear layers and experts, not embeddings, head and router. "
         "Other methods need a checkpoint of their own, and `weights` is that one's",
         "the checkpoint's own method; fp8, fp8_per_tensor and fp8_per_block (from 0.20.0), "
         "fp8_per_channel (from 0.24.0) and bitsandbytes where `linear_gib` is given, or for dense "
         "models whose size shows 16 bit; bitsandbytes not with experts",
         "model_executor/layers/quantization/fp8.py, online/base.py, bitsandbytes.py",
         weight_readers.quantization,
         since={"fp8_per_tensor": "0.20.0", "fp8_per_block": "0.20.0",
                "fp8_per_channel": "0.24.0"}),
    _row("limit-mm-per-prompt", "with 0 of images and videos, the vision tower is not loaded; with "
         "0 of audio as well, the start-up profile has none; else it is as full of image tokens",
         "1 or more of each; 0 of images and videos where `vision_gib` is given",
         "multimodal/registry.py, model_executor/models/interfaces.py (_mark_tower_model)",
         weight_readers.media_limits),
    _row("language-model-only", "as 0 of all media in `--limit-mm-per-prompt`",
         "where `vision_gib` is given", "config/multimodal.py (get_limit_per_prompt)",
         weight_readers.language_model_only),
    _row("enable-expert-parallel", "whole experts on each GPU instead of slices of all: as many "
         "weights, and a wider working memory",
         "where `num_experts` is given and `tensor_parallel` divides it; without experts, and at "
         "`tensor_parallel: 1`, it changes nothing",
         "model_executor/layers/fused_moe/config.py (FusedMoEParallelConfig)",
         weight_readers.expert_parallel),
    _row(" ".join(name.removeprefix("--") for name in adapter_readers.LORA),
         "buffers for LoRA adapters beside each linear layer, and more CUDA graphs; without "
         "`--enable-lora` nothing. `--max-cpu-loras` is of the node's memory",
         "dense text models of attention layers, with `intermediate_size`, at "
         "`pipeline_parallel: 1`",
         "lora/layers/base_linear.py (create_lora_weights), v1/cudagraph_dispatcher.py "
         "(_get_lora_cases)", joint=adapter_readers.adapters),
    _row(" ".join(name.removeprefix("--") for name in speculation_readers.SPECULATION),
         "the rejection sampler, which profiles twice the logits, the sizes of the CUDA graphs, "
         "and one batch in flight. A draft model, MTP or EAGLE also has weights and a KV cache",
         "n-gram, for attention layers, with or without experts, at `pipeline_parallel: 1`",
         "v1/sample/rejection_sampler.py, v1/worker/gpu_model_runner.py (_dummy_sampler_run)",
         joint=speculation_readers.speculation),
    _row("enable-prefix-caching", "states of each sequence; nothing without states",
         "models without states", "v1/kv_cache_interface.py (MambaSpec)", read.prefix_caching),
    _row("decode-context-parallel-size", "tokens of a request on each GPU: a block holds so many "
         "times its tokens", "full attention with fewer KV heads than GPUs, and latents without an "
         "indexer, in the sizes that the engine takes",
         "v1/kv_cache_interface.py (FullAttentionSpec), config/model.py "
         "(verify_with_parallel_config)", read.context_parallel),
    _row("prefill-context-parallel-size", "tokens of a request on each GPU", "1",
         "v1/kv_cache_interface.py", read.same("1")),
    _row("enable-chunked-prefill", "the default of `--max-num-batched-tokens`", "on",
         "engine/arg_utils.py", read.same("true")),
    _row("load-format", "dummy and quantised formats change the weights",
         "auto, fastsafetensors, hf, mistral, pt, runai_streamer, safetensors", "config/load.py",
         read.same("auto", "fastsafetensors", "hf", "mistral", "pt", "runai_streamer",
                   "safetensors")),
    _row("convert", "pooling models have no KV cache of this kind", "auto, none",
         "config/model.py", read.same("auto", "none")),
    _row("runner task", "pooling models have no KV cache of this kind", "auto, generate",
         "config/model.py", read.same("auto", "generate")),
    _row("model-impl", "another implementation of the model", "auto", "config/model.py",
         read.same("auto")),
    _row("logprobs-mode", "copies of the logits in the sampler", "raw_logprobs, the default",
         "v1/sample/sampler.py", read.same("raw_logprobs")),
    _row("performance-mode", "batches and CUDA graphs", "balanced", "config/vllm.py",
         read.same("balanced")),
)  # fmt: skip
NOT_COMPUTED = (
    _row("default-mm-loras enable-mixed-moe-lora-format enable-moe-shared-loras "
         "enable-prompt-adapter enable-tower-connector-lora lora-extra-vocab-size "
         "lora-target-modules", "which layers have adapters, and in which shape", _NO,
         "lora/model_manager.py"),
    _row("num-lookahead-slots", "blocks of the KV cache for tokens to come", _NO,
         "config/scheduler.py"),
    _row("config hf-config-path hf-overrides rope-scaling rope-theta model-class-overrides",
         "the model's configuration", _NO, "config/model.py"),
    _row("device diffusion-config override-attention-dtype quantization-config",
         "the model's implementation", _NO, "config/model.py"),
    _row("disable-sliding-window ec-transfer-config kv-cache-dtype-skip-layers "
         "kv-offloading-backend kv-offloading-size kv-sharing-fast-prefill kv-transfer-config "
         "mamba-block-size mamba-cache-dtype mamba-cache-mode mamba-ssm-cache-dtype "
         "max-num-scheduled-tokens num-scheduler-steps watermark", "layout of the KV cache", _NO,
         "config/cache.py"),
    _row("disable-chunked-mm-input enable-mm-embeds enable-multimodal-encoder-data-parallel "
         "enable-prompt-embeds mm-encoder-attn-backend mm-tensor-ipc "
         "media-io-kwargs mm-encoder-attn-dtype mm-encoder-only "
         "mm-encoder-tp-mode mm-ipc-gpu-memory-gb mm-processor-device mm-processor-kwargs "
         "skip-mm-profiling video-pruning-rate", "towers, and the tokens of images", _NO,
         "config/multimodal.py"),
    _row("cpu-offload-params offload-backend offload-group-size offload-num-in-group "
         "offload-params offload-prefetch-step", "weights in the node's memory", _NO,
         "config/offload.py"),
    _row("all2all-backend disable-custom-all-reduce enable-dbo enable-elastic-ep enable-eplb "
         "eplb-config num-redundant-experts ubatch-size", "buffers and experts of each GPU", _NO,
         "config/parallel.py"),
    _row("additional-config attention-backend attention-config cuda-graph-sizes "
         "enable-cumem-allocator enable-sleep-mode kernel-config max-seq-len-to-capture "
         "moe-backend scheduler-cls worker-cls worker-extension-cls enable-bf16x3-router-gemm "
         "gdn-prefill-backend linear-backend mamba-backend weight-transfer-config",
         "kernels, their buffers, and CUDA graphs", _NO, "config/vllm.py"),
    _row("enable-return-routed-experts logits-processors use-fp64-gumbel",
         "buffers and working memory of the sampler", _NO, "v1/sample/sampler.py"),
)  # fmt: skip
BATCH = (
    _row(TOKENS.removeprefix("--"), "activation, and tokens in flight that a window holds",
         "always; 128k is 128,000 and 128K 131,072", "config/scheduler.py"),
    _row(REQUESTS.removeprefix("--"), "logits, CUDA graphs, and states of a batch", "always",
         "config/scheduler.py"),
)  # fmt: skip

ROWS = (*FIELDS, *BATCH, *COMPUTED, *NOT_COMPUTED)
LISTED = {name: row for row in ROWS if row not in BATCH for name in row.options}
"""Each option but those of the batch, and its row."""


def as_markdown() -> Iterator[str]:
    """Yield the lines of the table, as docs/memory.md shows it."""
    yield "| option | what it changes | computed | source |"
    yield "|---|---|---|---|"
    for row in ROWS:
        names = ", ".join(f"`{name}`" for name in row.options)
        yield f"| {names} | {row.changes} | {row.judged} | `{row.source}` |"
