"""The supported architectures, by the name of vLLM's class: their layers and weights.

Sources are the files of vllm/model_executor/models in release 0.26.0, and the defaults of the
Transformers configuration classes that they read. Architectures outside the table are not
supported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ira_manifests.architectures import decoders, hybrids, vision
from ira_manifests.architectures.attention import (
    every,
    listed,
    no_window,
    one_window,
    window_in_use,
)
from ira_manifests.architectures.config import Config
from ira_manifests.architectures.decoders import Read, decoder


@dataclass(frozen=True)
class Family:
    """How to read the config.json of an architecture.

    Attributes:
        layers: reads the layers from the language model's configuration.
        tied: whether the output layer shares the embedding's table, if config.json does not say.
        defaults: the Transformers class's defaults for keys that config.json leaves out.
        tower: reads the vision tower; None for a model without one.
        unused: keys of config.json that vLLM's class does not use, although others do.
    """

    layers: Read
    tied: bool = False
    defaults: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    tower: Callable[[Config], vision.Tower] | None = None
    unused: frozenset[str] = frozenset()


_GEMMA1 = {"head_dim": 256}
_GEMMA2 = {
    "head_dim": 256,
    "max_position_embeddings": 8192,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "sliding_window": 4096,
    "vocab_size": 256000,
}
_GEMMA3 = {
    **_GEMMA2,
    "max_position_embeddings": 131072,
    "rope_local_base_freq": 10000,
    "sliding_window_pattern": 6,
    "vocab_size": 262208,
}
_GEMMA3N = {
    "altup_num_inputs": 4,
    "head_dim": 256,
    "hidden_size": 2048,
    "hidden_size_per_layer_input": 256,
    "intermediate_size": 16384,
    "laurel_rank": 64,
    "max_position_embeddings": 32768,
    "num_attention_heads": 8,
    "num_hidden_layers": 35,
    "num_key_value_heads": 2,
    "num_kv_shared_layers": 15,
    "rope_local_base_freq": 10000,
    "sliding_window": 512,
    "vocab_size": 262400,
    "vocab_size_per_layer_input": 262144,
}
_COHERE2 = {"sliding_window": 4096}
_OLMO3 = {"sliding_window": 4096}
_AFMOE = {"head_dim": 128, "num_dense_layers": 1, "num_shared_experts": 2, "sliding_window": 1024}
_HEADS_OF_128 = {"head_dim": 128}
_ERNIE_MOE = {"moe_layer_start_index": 1, "moe_num_shared_experts": 2}
_GLM_MOE = {"first_k_dense_replace": 1, "n_shared_experts": 1}
_EXAONE_MOE = {"first_k_dense_replace": 1, "num_shared_experts": 1, "sliding_window": 4096}
_HY3 = {"first_k_dense_replace": 1, "head_dim": 128, "num_shared_experts": 1}
_LFM2_MOE = {"num_dense_layers": 2}
_JAMBA = {"mamba_d_conv": 4, "mamba_d_state": 16, "num_experts": 16, "num_experts_per_tok": 2}
_GRANITE4 = {"mamba_d_conv": 4, "mamba_d_state": 256, "mamba_n_groups": 1, "mamba_n_heads": 128}
_MISTRAL = {"max_position_embeddings": 131072, "num_key_value_heads": 8, "sliding_window": 4096}

_PLAIN, _QWEN = decoder(one_window), decoder(window_in_use)
_TWO_MATRICES = decoder(one_window, matrices=2)
_COHERE = decoder(every(4, "sliding_window_pattern", "layer_switch"))
_EXAONE = decoder(every(4, "sliding_window_pattern"))
_GEMMA = decoder(every(6, "_sliding_window_pattern", "sliding_window_pattern"))
_GPT_OSS = decoder(every(2))

FAMILIES: Mapping[str, Family] = {
    "AfmoeForCausalLM": Family(
        decoder(every(4, "global_attn_every_n_layers"), gated=True), defaults=_AFMOE
    ),
    "ApertusForCausalLM": Family(_TWO_MATRICES),
    "ArceeForCausalLM": Family(_TWO_MATRICES),
    "Cohere2ForCausalLM": Family(_COHERE, tied=True, defaults=_COHERE2),
    "CohereForCausalLM": Family(_PLAIN, tied=True),
    "CwmForCausalLM": Family(decoder(listed), defaults=_HEADS_OF_128),
    "DeciLMForCausalLM": Family(decoders.decilm),
    "DeepseekV2ForCausalLM": Family(decoders.mla),
    "DeepseekV32ForCausalLM": Family(decoders.mla),
    "DeepseekV3ForCausalLM": Family(decoders.mla),
    "Ernie4_5ForCausalLM": Family(_PLAIN, tied=True, defaults=_HEADS_OF_128),
    "Ernie4_5_MoeForCausalLM": Family(_PLAIN, tied=True, defaults=_ERNIE_MOE),
    "Exaone4ForCausalLM": Family(_EXAONE),
    "ExaoneMoEForCausalLM": Family(_EXAONE, defaults=_EXAONE_MOE),
    "FalconH1ForCausalLM": Family(hybrids.falcon_h1),
    "FlexOlmoForCausalLM": Family(_PLAIN),
    "Gemma2ForCausalLM": Family(decoder(every(2)), tied=True, defaults=_GEMMA2),
    "Gemma3ForCausalLM": Family(_GEMMA, tied=True, defaults=_GEMMA3),
    "Gemma3ForConditionalGeneration": Family(
        _GEMMA, tied=True, defaults=_GEMMA3, tower=vision.gemma3
    ),
    "Gemma3nForCausalLM": Family(decoders.gemma3n, tied=True, defaults=_GEMMA3N),
    "Gemma3nForConditionalGeneration": Family(
        decoders.gemma3n, tied=True, defaults=_GEMMA3N, tower=vision.gemma3n
    ),
    "Gemma4ForCausalLM": Family(decoders.gemma4, tied=True),
    "Gemma4ForConditionalGeneration": Family(decoders.gemma4, tied=True, tower=vision.gemma4),
    "GemmaForCausalLM": Family(decoder(no_window), tied=True, defaults=_GEMMA1),
    "Glm4ForCausalLM": Family(_PLAIN, defaults=_HEADS_OF_128),
    "Glm4MoeForCausalLM": Family(_PLAIN, defaults=_GLM_MOE),
    "Glm4MoeLiteForCausalLM": Family(decoders.mla, defaults=_GLM_MOE),
    "GlmForCausalLM": Family(_PLAIN, defaults=_HEADS_OF_128),
    "GlmMoeDsaForCausalLM": Family(decoders.mla),
    "GptOssForCausalLM": Family(_GPT_OSS),
    "GraniteForCausalLM": Family(_PLAIN),
    "GraniteMoeForCausalLM": Family(_PLAIN),
    "GraniteMoeHybridForCausalLM": Family(hybrids.granite_hybrid, defaults=_GRANITE4),
    "GraniteMoeSharedForCausalLM": Family(_PLAIN),
    "HYV3ForCausalLM": Family(_PLAIN, defaults=_HY3),
    "HunYuanDenseV1ForCausalLM": Family(decoders.hunyuan),
    "HunYuanMoEV1ForCausalLM": Family(decoders.hunyuan),
    "InternVLForConditionalGeneration": Family(decoders.by_model_type, tower=vision.internvl),
    "JambaForCausalLM": Family(hybrids.jamba, defaults=_JAMBA),
    "KimiK25ForConditionalGeneration": Family(decoders.by_model_type, tower=vision.moonvit),
    "KimiVLForConditionalGeneration": Family(decoders.by_model_type, tower=vision.moonvit),
    "Lfm2ForCausalLM": Family(hybrids.lfm2, tied=True),
    "Lfm2MoeForCausalLM": Family(hybrids.lfm2, tied=True, defaults=_LFM2_MOE),
    "Llama4ForCausalLM": Family(decoders.llama4),
    "Llama4ForConditionalGeneration": Family(decoders.llama4, tower=vision.llama4),
    "LlamaForCausalLM": Family(_PLAIN),
    "MiMoForCausalLM": Family(_QWEN),
    "MiMoV2FlashForCausalLM": Family(decoders.mimo, unused=frozenset({"attention_chunk_size"})),
    "MiniMaxM2ForCausalLM": Family(_PLAIN),
    "Ministral3ForCausalLM": Family(_PLAIN),
    "Mistral3ForConditionalGeneration": Family(decoders.by_model_type, tower=vision.pixtral),
    "MistralForCausalLM": Family(_PLAIN, defaults=_MISTRAL),
    "MixtralForCausalLM": Family(_PLAIN),
    "NemotronForCausalLM": Family(_TWO_MATRICES),
    "NemotronHForCausalLM": Family(hybrids.nemotron_h),
    "Olmo2ForCausalLM": Family(_PLAIN),
    "Olmo3ForCausalLM": Family(decoder(every(4)), defaults=_OLMO3),
    "OlmoForCausalLM": Family(_PLAIN),
    "OlmoeForCausalLM": Family(_PLAIN),
    "Phi3ForCausalLM": Family(_PLAIN),
    "PhiForCausalLM": Family(_TWO_MATRICES),
    "PhiMoEForCausalLM": Family(_PLAIN),
    "Qwen2ForCausalLM": Family(_QWEN),
    "Qwen2MoeForCausalLM": Family(_QWEN),
    "Qwen2_5_VLForConditionalGeneration": Family(_QWEN, tower=vision.qwen2_5_vl),
    "Qwen2VLForConditionalGeneration": Family(_QWEN, tower=vision.qwen2_vl),
    "Qwen3ForCausalLM": Family(_QWEN),
    "Qwen3MoeForCausalLM": Family(_QWEN),
    "Qwen3NextForCausalLM": Family(hybrids.qwen_hybrid),
    "Qwen3VLForConditionalGeneration": Family(_PLAIN, tower=vision.qwen_vl),
    "Qwen3VLMoeForConditionalGeneration": Family(_PLAIN, tower=vision.qwen_vl),
    "Qwen3_5ForConditionalGeneration": Family(hybrids.qwen_hybrid, tower=vision.qwen_vl),
    "Qwen3_5MoeForConditionalGeneration": Family(hybrids.qwen_hybrid, tower=vision.qwen_vl),
    "SeedOssForCausalLM": Family(_QWEN, defaults=_HEADS_OF_128),
    "SmolLM3ForCausalLM": Family(_QWEN, tied=True),
    "StableLmForCausalLM": Family(_PLAIN),
    "Starcoder2ForCausalLM": Family(_TWO_MATRICES, tied=True),
    "Step3p5ForCausalLM": Family(decoders.step3p5),
}
