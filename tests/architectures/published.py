"""Models of the architectures that tests/data/model-configs has no file of.

Configurations are the relevant keys of each owner's config.json on the Hub, typed by hand; keys
that it leaves out are the defaults of the model's Transformers class. The number of weights, in
billions, is the one of the owner's model card, without layers for multi-token prediction; it is
independent of the code, and would not come out if a typed number were wrong.
"""

from typing import Any

Group = dict[str, Any]
SLIDE, FULL = "sliding_attention", "full_attention"


def full(count: int, kv_heads: int, head_dim: int, **more: Any) -> Group:
    return {"count": count, "num_key_value_heads": kv_heads, "head_dim": head_dim, **more}


def _config(
    architecture: str,
    shape: tuple[int, int, int],
    heads: tuple[int, int, int],
    vocab: int,
    **more: Any,
) -> dict[str, Any]:
    """shape: layers, hidden size, intermediate size; heads: query, KV, elements."""
    return {
        "architectures": [architecture],
        "num_hidden_layers": shape[0],
        "hidden_size": shape[1],
        "intermediate_size": shape[2],
        "num_attention_heads": heads[0],
        "num_key_value_heads": heads[1],
        "head_dim": heads[2],
        "vocab_size": vocab,
        "max_position_embeddings": 131072,
        **more,
    }


def _gemma3n(layers: int, width: int, shared: int) -> dict[str, Any]:
    text = {
        "hidden_size": 2048,
        "intermediate_size": [width] * layers,
        "layer_types": [FULL if index % 5 == 4 else SLIDE for index in range(layers)],
        "model_type": "gemma3n_text",
        "num_hidden_layers": layers,
        "num_kv_shared_layers": shared,
    }
    return {"architectures": ["Gemma3nForConditionalGeneration"], "text_config": text}


def _granite4(hidden: int, mamba_heads: int, **more: Any) -> dict[str, Any]:
    attention = (5, 15, 25, 35)
    return _config(
        "GraniteMoeHybridForCausalLM",
        (40, hidden, 768),
        (32, 8, hidden // 32),
        100352,
        layer_types=["attention" if index in attention else "mamba" for index in range(40)],
        mamba_d_head=64,
        mamba_d_state=128,
        mamba_n_heads=mamba_heads,
        tie_word_embeddings=True,
        **more,
    )


def mamba2(count: int, heads: int, dim: int, state: int) -> Group:
    return {
        "count": count,
        "mamba_num_heads": heads,
        "mamba_head_dim": dim,
        "ssm_state_size": state,
        "n_groups": 1,
        "conv_kernel": 4,
    }


def latent(count: int, nope: int, value: int) -> Group:
    words = {"kv_lora_rank": 512, "qk_rope_head_dim": 64}
    return {"count": count, **words, "qk_nope_head_dim": nope, "v_head_dim": value}


def _mla(nope: int, value: int, queries: int | None) -> dict[str, Any]:
    return {**latent(1, nope, value), "q_lora_rank": queries, "count": None}


NOTHING = {"no_kv_cache": True}
_STEP_OTHER = {
    "attention_type": SLIDE,
    "head_dim": 128,
    "num_attention_groups": 8,
    "num_attention_heads": 96,
}
_KIMI_VL = _config(
    "", (27, 2048, 11264), (16, 16, 128), 163840, **_mla(128, 128, None), model_type="deepseek_v3",
    moe_intermediate_size=1408, n_routed_experts=64, num_experts_per_tok=6, n_shared_experts=2,
    first_k_dense_replace=1,
)  # fmt: skip
_MISTRAL_SMALL = _config(
    "", (40, 5120, 32768), (32, 8, 128), 131072, model_type="mistral", sliding_window=None,
    rope_parameters={"rope_type": "default"},
)  # fmt: skip
_INTERN_VL = _config("", (28, 3584, 18944), (28, 4, 128), 151674, model_type="qwen2")
_QWEN3_VL = _config(
    "", (48, 2048, 6144), (32, 4, 128), 151936, moe_intermediate_size=768, num_experts=128,
    num_experts_per_tok=8,
)  # fmt: skip
_QWEN3_VISION = {
    "deepstack_visual_indexes": [8, 16, 24], "depth": 27, "hidden_size": 1152,
    "intermediate_size": 4304, "num_position_embeddings": 2304, "out_hidden_size": 2048,
    "patch_size": 16, "spatial_merge_size": 2, "temporal_patch_size": 2,
}  # fmt: skip

# Model: (configuration, billions of weights, groups of layers).
PUBLISHED: dict[str, tuple[dict[str, Any], float, list[Group]]] = {
    "CohereLabs/c4ai-command-a-03-2025": (
        _config("Cohere2ForCausalLM", (64, 12288, 36864), (96, 8, 128), 256000,
                sliding_window=4096, sliding_window_pattern=4),
        111.06,
        [full(48, 8, 128, sliding_window=4096), full(16, 8, 128)],
    ),
    "CohereLabs/c4ai-command-r-v01": (
        _config("CohereForCausalLM", (40, 8192, 22528), (64, 64, 128), 256000),
        34.98,
        [full(40, 64, 128)],
    ),
    "HuggingFaceTB/SmolLM3-3B": (
        _config("SmolLM3ForCausalLM", (36, 2048, 11008), (16, 4, 128), 128256,
                sliding_window=None, use_sliding_window=False),
        3.08,
        [full(36, 4, 128)],
    ),
    "LGAI-EXAONE/EXAONE-4.0-32B": (
        _config("Exaone4ForCausalLM", (64, 5120, 27392), (40, 8, 128), 102400,
                sliding_window=4096, sliding_window_pattern="LLLG"),
        32.0,
        [full(48, 8, 128, sliding_window=4096), full(16, 8, 128)],
    ),
    "LGAI-EXAONE/K-EXAONE-236B-A23B": (
        _config("ExaoneMoEForCausalLM", (48, 6144, 18432), (64, 8, 128), 153600,
                moe_intermediate_size=2048, num_experts=128, num_experts_per_tok=8,
                num_shared_experts=1, sliding_window=128, sliding_window_pattern="LLLG"),
        236.5,
        [full(36, 8, 128, sliding_window=128), full(12, 8, 128)],
    ),
    "LiquidAI/LFM2-1.2B": (
        _config("Lfm2ForCausalLM", (16, 2048, 12288), (32, 8, 64), 65536, conv_L_cache=3,
                conv_dim=2048, block_ff_dim=12288, block_auto_adjust_ff_dim=True,
                full_attn_idxs=[2, 5, 8, 10, 12, 14]),
        1.17,
        # Two tokens of 2048 values in 16 bit.
        [{"count": 10, "state_bytes": 8192}, full(6, 8, 64)],
    ),
    "LiquidAI/LFM2-8B-A1B": (
        _config("Lfm2MoeForCausalLM", (24, 2048, 7168), (32, 8, 64), 65536, conv_L_cache=3,
                moe_intermediate_size=1792, num_dense_layers=2, num_experts=32,
                num_experts_per_tok=4,
                layer_types=[FULL if index in (2, 6, 10, 14, 18, 21) else "conv"
                             for index in range(24)]),
        8.34,
        [{"count": 18, "state_bytes": 8192}, full(6, 8, 64)],
    ),
    "Qwen/Qwen1.5-MoE-A2.7B": (
        _config("Qwen2MoeForCausalLM", (24, 2048, 5632), (16, 16, 128), 151936,
                moe_intermediate_size=1408, num_experts=60, num_experts_per_tok=4,
                shared_expert_intermediate_size=5632, sliding_window=32768, max_window_layers=21,
                use_sliding_window=False),
        14.3,
        [full(24, 16, 128)],
    ),
    "Qwen/Qwen2-VL-7B-Instruct": (
        _config("Qwen2VLForConditionalGeneration", (28, 3584, 18944), (28, 4, 128), 152064,
                vision_config={"depth": 32, "embed_dim": 1280, "hidden_size": 3584}),
        8.29,
        [full(28, 4, 128)],
    ),
    "Qwen/Qwen2.5-VL-7B-Instruct": (
        _config("Qwen2_5_VLForConditionalGeneration", (28, 3584, 18944), (28, 4, 128), 152064,
                vision_config={"depth": 32, "hidden_size": 1280, "intermediate_size": 3420,
                               "out_hidden_size": 3584}),
        8.29,
        [full(28, 4, 128)],
    ),
    "Qwen/Qwen3-VL-30B-A3B-Instruct": (
        {"architectures": ["Qwen3VLMoeForConditionalGeneration"], "text_config": _QWEN3_VL,
         "vision_config": _QWEN3_VISION},
        31.07,
        [full(48, 4, 128)],
    ),
    "ai21labs/Jamba-v0.1": (
        _config("JambaForCausalLM", (32, 4096, 14336), (32, 8, 128), 65536, mamba_d_conv=4,
                mamba_d_state=16, mamba_dt_rank=256, mamba_expand=2, num_experts=16,
                num_experts_per_tok=2, attn_layer_period=8, attn_layer_offset=4,
                expert_layer_period=2, expert_layer_offset=1),
        51.57,
        [{"count": 28, "mamba_intermediate_size": 8192, "mamba_d_state": 16, "mamba_d_conv": 4},
         full(4, 8, 128)],
    ),
    "allenai/FlexOlmo-7x7B-1T": (
        _config("FlexOlmoForCausalLM", (32, 4096, 11008), (32, 32, 128), 100352, num_experts=7,
                num_experts_per_tok=2),
        33.27,
        [full(32, 32, 128)],
    ),
    "allenai/OLMo-2-1124-7B": (
        _config("Olmo2ForCausalLM", (32, 4096, 11008), (32, 32, 128), 100352),
        7.30,
        [full(32, 32, 128)],
    ),
    "allenai/OLMoE-1B-7B-0924": (
        _config("OlmoeForCausalLM", (16, 2048, 1024), (16, 16, 128), 50304, num_experts=64,
                num_experts_per_tok=8),
        6.92,
        [full(16, 16, 128)],
    ),
    "allenai/Olmo-3-1025-7B": (
        _config("Olmo3ForCausalLM", (32, 4096, 11008), (32, 32, 128), 100278,
                sliding_window=4096),
        7.30,
        [full(24, 32, 128, sliding_window=4096), full(8, 32, 128)],
    ),
    "arcee-ai/AFM-4.5B": (
        _config("ArceeForCausalLM", (36, 2560, 18432), (20, 4, 128), 128004),
        4.62,
        [full(36, 4, 128)],
    ),
    "arcee-ai/Trinity-Mini": (
        _config("AfmoeForCausalLM", (32, 2048, 6144), (32, 4, 128), 200192,
                moe_intermediate_size=1024, num_dense_layers=2, num_experts=128,
                num_experts_per_tok=8, num_shared_experts=1, sliding_window=2048,
                global_attn_every_n_layers=4),
        26.1,
        [full(24, 4, 128, sliding_window=2048), full(8, 4, 128)],
    ),
    "baidu/ERNIE-4.5-21B-A3B-PT": (
        _config("Ernie4_5_MoeForCausalLM", (28, 2560, 12288), (20, 4, 128), 103424, moe_k=6,
                moe_num_experts=64, moe_num_shared_experts=2, moe_intermediate_size=1536,
                moe_layer_start_index=1, moe_layer_end_index=27, moe_layer_interval=1),
        21.83,
        [full(28, 4, 128)],
    ),
    "bigcode/starcoder2-7b": (
        _config("Starcoder2ForCausalLM", (32, 4608, 18432), (36, 4, 128), 49152,
                sliding_window=4096),
        7.17,
        # One window for all layers, which vLLM takes from the configuration.
        [full(32, 4, 128, sliding_window=4096)],
    ),
    "facebook/cwm": (
        _config("CwmForCausalLM", (64, 6144, 21504), (48, 8, 128), 128256, sliding_window=8192,
                layer_types=[SLIDE if index % 4 else FULL for index in range(64)]),
        32.6,
        [full(16, 8, 128), full(48, 8, 128, sliding_window=8192)],
    ),
    "google/gemma-3n-E2B-it": (
        _gemma3n(30, 8192, 10),
        5.44,
        [full(16, 2, 256, sliding_window=512), full(4, 2, 256), {"count": 10, **NOTHING}],
    ),
    "google/gemma-3n-E4B-it": (
        _gemma3n(35, 16384, 15),
        7.85,
        [full(16, 2, 256, sliding_window=512), full(4, 2, 256), {"count": 15, **NOTHING}],
    ),
    "google/gemma-7b": (
        _config("GemmaForCausalLM", (28, 3072, 24576), (16, 16, 256), 256000),
        8.54,
        [full(28, 16, 256)],
    ),
    "ibm-granite/granite-3.1-3b-a800m-instruct": (
        _config("GraniteMoeForCausalLM", (32, 1536, 512), (24, 8, 64), 49155,
                num_local_experts=40, num_experts_per_tok=8, tie_word_embeddings=True),
        3.30,
        [full(32, 8, 64)],
    ),
    "ibm-granite/granite-4.0-h-micro": (
        _granite4(2048, 64, num_local_experts=0, shared_intermediate_size=8192),
        3.19,
        [mamba2(36, 64, 64, 128), full(4, 8, 64)],
    ),
    "ibm-granite/granite-4.0-h-small": (
        _granite4(4096, 128, num_local_experts=72, num_experts_per_tok=10,
                  shared_intermediate_size=1536),
        32.2,
        [mamba2(36, 128, 64, 128), full(4, 8, 128)],
    ),
    "OpenGVLab/InternVL3-8B-hf": (
        {"architectures": ["InternVLForConditionalGeneration"], "text_config": _INTERN_VL,
         "vision_config": {"hidden_size": 1024, "image_size": [448, 448],
                           "intermediate_size": 4096, "num_hidden_layers": 24,
                           "patch_size": [14, 14]}},
        7.94,
        [full(28, 4, 128)],
    ),
    "microsoft/Phi-3.5-MoE-instruct": (
        _config("PhiMoEForCausalLM", (32, 4096, 6400), (32, 8, 128), 32064,
                num_local_experts=16, num_experts_per_tok=2, sliding_window=131072),
        41.87,
        [full(32, 8, 128, sliding_window=131072)],
    ),
    "microsoft/phi-2": (
        _config("PhiForCausalLM", (32, 2560, 10240), (32, 32, 80), 51200),
        2.78,
        [full(32, 32, 80)],
    ),
    "mistralai/Mistral-Small-3.1-24B-Instruct-2503": (
        {"architectures": ["Mistral3ForConditionalGeneration"], "spatial_merge_size": 2,
         "text_config": _MISTRAL_SMALL, "vision_config": {"model_type": "pixtral"}},
        24.01,
        [full(40, 8, 128)],
    ),
    "moonshotai/Kimi-VL-A3B-Instruct": (
        {"architectures": ["KimiVLForConditionalGeneration"], "model_type": "kimi_vl",
         "auto_map": {"AutoConfig": "configuration_kimi_vl.KimiVLConfig"},
         "text_config": _KIMI_VL, "vision_config": {"model_type": "moonvit"}},
        16.4,
        [latent(27, 128, 128)],
    ),
    "mistralai/Mistral-7B-Instruct-v0.3": (
        # An explicit null, where the class would have a window of 4096.
        _config("MistralForCausalLM", (32, 4096, 14336), (32, 8, 128), 32768,
                sliding_window=None),
        7.25,
        [full(32, 8, 128)],
    ),
    "mistralai/Mistral-7B-v0.1": (
        _config("MistralForCausalLM", (32, 4096, 14336), (32, 8, 128), 32000,
                sliding_window=4096),
        7.24,
        [full(32, 8, 128, sliding_window=4096)],
    ),
    "nvidia/Nemotron-4-340B-Instruct": (
        _config("NemotronForCausalLM", (96, 18432, 73728), (96, 8, 192), 256000),
        341.0,
        [full(96, 8, 192)],
    ),
    "stabilityai/stablelm-2-12b": (
        _config("StableLmForCausalLM", (40, 5120, 13824), (32, 8, 160), 100352),
        12.14,
        [full(40, 8, 160)],
    ),
    "stepfun-ai/Step-3.5-Flash": (
        _config("Step3p5ForCausalLM", (45, 4096, 11264), (64, 8, 128), 128896,
                attention_other_setting=_STEP_OTHER, model_type="step3p5",
                auto_map={"AutoConfig": "configuration_step3p5.Step3p5Config"},
                layer_types=[SLIDE if index % 4 else FULL for index in range(48)],
                moe_intermediate_size=1280, moe_layers_enum=",".join(map(str, range(3, 45))),
                moe_num_experts=288, moe_top_k=8, num_attention_groups=8, share_expert_dim=1280,
                sliding_window=512),
        196.8,
        [full(12, 8, 128),
         full(33, 8, 128, sliding_window=512, num_attention_heads=96)],
    ),
    "swiss-ai/Apertus-8B-Instruct-2509": (
        _config("ApertusForCausalLM", (32, 4096, 21504), (32, 8, 128), 131072),
        8.05,
        [full(32, 8, 128)],
    ),
    "tencent/Hunyuan-7B-Instruct": (
        _config("HunYuanDenseV1ForCausalLM", (32, 4096, 14336), (32, 8, 128), 128167,
                tie_word_embeddings=True, use_cla=False, cla_share_factor=2),
        7.50,
        [full(32, 8, 128)],
    ),
    "tencent/Hunyuan-A13B-Instruct": (
        _config("HunYuanMoEV1ForCausalLM", (32, 4096, 3072), (32, 8, 128), 128167,
                moe_intermediate_size=[3072] * 32, moe_topk=[8] * 32, num_experts=64,
                num_shared_expert=[1] * 32, tie_word_embeddings=True, use_cla=False),
        80.39,
        [full(32, 8, 128)],
    ),
    "tencent/Hy3-preview": (
        _config("HYV3ForCausalLM", (80, 4096, 13312), (64, 8, 128), 120832,
                expert_hidden_dim=1536, num_experts=192, num_experts_per_tok=8,
                num_shared_experts=1, first_k_dense_replace=1),
        295.0,
        [full(80, 8, 128)],
    ),
    "tiiuae/Falcon-H1-7B-Instruct": (
        _config("FalconH1ForCausalLM", (44, 3072, 12288), (12, 2, 128), 130049,
                mamba_d_conv=4, mamba_d_head=128, mamba_d_ssm=3072, mamba_d_state=256,
                mamba_n_groups=1, mamba_n_heads=24),
        7.59,
        [full(44, 2, 128), mamba2(44, 24, 128, 256)],
    ),
    "zai-org/GLM-4-9B-0414": (
        _config("Glm4ForCausalLM", (40, 4096, 13696), (32, 2, 128), 151552),
        9.40,
        [full(40, 2, 128)],
    ),
    "zai-org/GLM-4.5": (
        _config("Glm4MoeForCausalLM", (92, 5120, 12288), (96, 8, 128), 151552,
                moe_intermediate_size=1536, n_routed_experts=160, n_shared_experts=1,
                num_experts_per_tok=8, first_k_dense_replace=3),
        352.8,
        [full(92, 8, 128)],
    ),
    "zai-org/GLM-4.7-Flash": (
        _config("Glm4MoeLiteForCausalLM", (47, 2048, 10240), (20, 20, 256), 154880,
                **_mla(192, 256, 768), moe_intermediate_size=1536, n_routed_experts=64,
                n_shared_experts=1, num_experts_per_tok=4, first_k_dense_replace=1),
        29.94,
        [latent(47, 192, 256)],
    ),
    "ByteDance-Seed/Seed-OSS-36B-Instruct": (
        _config("SeedOssForCausalLM", (64, 5120, 27648), (80, 8, 128), 155136),
        36.15,
        [full(64, 8, 128)],
    ),
}  # fmt: skip
