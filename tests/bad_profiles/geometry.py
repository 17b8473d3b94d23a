"""Weights and geometry of a model."""

from __future__ import annotations

from tests.bad_profiles.case import Case, measured

_UNKNOWN_KEY = (
    "is an unknown key; allowed: experts, hidden_size, image_values_per_token, intermediate_size, "
    "layer_order, layers, max_position_embeddings, num_attention_heads, num_hidden_layers, "
    "vocab_size; did you mean"
)
_UNKNOWN_KEY_OF_LAYERS = "is an unknown key"
_UNKNOWN_KEY_OF_EXPERTS = (
    "is an unknown key; allowed: first_k_dense_replace, moe_intermediate_size, num_experts, "
    "num_experts_per_tok; "
    "did you mean"
)

_FORMER_LAYERS = """\
    - count: 8
      kind: sliding
      span: 1024
      kv_heads: 8
      head_dim: 128
    - count: 8
      kind: chunked
      span: 8192
      num_key_value_heads: 8
      head_dim: 128
    - count: 8
      kind: full
      num_key_value_heads: 8
      head_dim: 128
    - count: 8
      span: 8192
      num_key_value_heads: 8
      head_dim: 128
  experts:
    per_token: 1
    intermediate: 8192
"""

_CONTRADICTION = """\
2.5
  measured:
    - tensor_parallel: 2
      gib: 1.1
    - tensor_parallel: 4
      gib: 0.62
    - tensor_parallel: 8
      gib: 0.9
"""

CASES: list[Case] = [
    measured(
        "geometry_without_weights",
        {"weights:\n  total_gib: 2.5\n": ""},
        "2:1: geometry: needs weights beside it to judge the memory; give both or neither",
    ),
    measured(
        "an_order_of_layers_that_is_another",
        {"  layers:\n": "  layer_order: [0, 0, 1]\n  layers:\n"},
        "5:3: geometry: has layer_order with 1, and the last of `layers` is 0",
    ),
    measured(
        "parts_of_weights_that_are_more_than_the_whole",
        {"  total_gib: 2.5\n": "  total_gib: 2.5\n  linear_gib: 2.4\n  vision_gib: 0.2\n"},
        "3:3: weights: has total_gib 2.5, and linear_gib and vision_gib are 2.6",
    ),
    measured(
        "weights_of_16_bit_that_are_quantised",
        {"  total_gib: 2.5\n": "  total_gib: 2.5\n  linear_gib: 2.4\n  quantization: fp8\n"},
        "3:3: weights: has both quantization and linear_gib, which is of weights in 16 bit",
    ),
    measured(
        "a_checkpoint_of_an_unknown_method",
        {"  total_gib: 2.5\n": "  total_gib: 2.5\n  quantization: fp9\n"},
        "4:17: weights.quantization: is the text 'fp9'; it must be one of 'awq', 'bitsandbytes', "
        "'compressed-tensors', 'fp8', 'gptq', 'modelopt', 'modelopt_fp4', "
        "'modelopt_fp8' or 'mxfp4'; did you mean 'fp8'?",
    ),
    measured(
        "weights_that_contradict_each_other",
        {"2.5\n": _CONTRADICTION},
        "6:12: weights.measured[0].gib: is 1.1 GiB on each of 2 GPUs, and of 2.5 1.25: total_gib "
        "contradicts it; keep the one that a log shows",
        "10:12: weights.measured[2].gib: is 0.9 GiB on each of 8 GPUs, and of 2.5 0.31: total_gib "
        "contradicts it; keep the one that a log shows",
    ),
    measured(
        "kv_heads_that_do_not_divide",
        {"num_key_value_heads: 8": "num_key_value_heads: 6"},
        "5:3: geometry: has num_attention_heads 16, which num_key_value_heads 6 does not divide",
    ),
    measured(
        "no_layers",
        {"count: 24": "count: 0"},
        "10:14: geometry.layers[0].count: is the number 0; it must be more than 0",
    ),
    measured(
        "more_layers_than_any_model",
        {"count: 24": "count: 99999999"},
        "10:14: geometry.layers[0].count: is the number 99999999; it must be at most 10000",
    ),
    measured(
        "layers_that_do_not_add_up",
        {"  layers:": "  num_hidden_layers: 28\n  layers:"},
        "9:22: geometry.num_hidden_layers: is 28, and the layers add up to 24; correct one of them",
    ),
    measured(
        "layers_with_a_window_and_a_chunk",
        {"count: 24": "count: 24\n      sliding_window: 1024\n      attention_chunk_size: 8192"},
        "10:7: geometry.layers[0]: has sliding_window and attention_chunk_size; keep the one that "
        "these layers have",
    ),
    measured(
        "layers_of_two_kinds",
        {"count: 24": "count: 24\n      kv_lora_rank: 512"},
        "10:7: geometry.layers[0]: has num_key_value_heads and kv_lora_rank, which no kind of "
        "layers has both; make two groups of them",
    ),
    measured(
        "layers_that_keep_a_state_and_nothing",
        {
            "      num_key_value_heads: 8\n      head_dim: 128\n": """\
      mamba_d_state: 16
      no_kv_cache: true
"""
        },
        "10:7: geometry.layers[0]: has mamba_d_state and no_kv_cache, which no kind of layers has "
        "both; make two groups of them",
    ),
    measured(
        "layers_of_half_a_kind",
        {"      head_dim: 128\n": ""},
        "10:7: geometry.layers[0]: lacks head_dim",
    ),
    measured(
        "latent_layers_without_two_words",
        {
            "      num_key_value_heads: 8\n      head_dim: 128\n": """\
      kv_lora_rank: 512
      qk_rope_head_dim: 64
"""
        },
        "10:7: geometry.layers[0]: lacks qk_nope_head_dim, v_head_dim",
    ),
    measured(
        "layers_of_no_kind",
        {"      num_key_value_heads: 8\n      head_dim: 128\n": ""},
        "10:7: geometry.layers[0]: names no kind of layers; give num_key_value_heads and head_dim, "
        "kv_lora_rank, …, or no_kv_cache: true",
    ),
    measured(
        "layers_with_words_of_another_config_json",
        {
            "      num_key_value_heads: 8\n      head_dim: 128\n": """\
      mamba_n_heads: 128
      mamba_ssm_cache_dtype: float32
"""
        },
        f"11:7: geometry.layers[0].mamba_n_heads: {_UNKNOWN_KEY_OF_LAYERS}; did you mean "
        "'mamba_num_heads'?",
        f"12:7: geometry.layers[0].mamba_ssm_cache_dtype: {_UNKNOWN_KEY_OF_LAYERS}; did you mean "
        "'mamba_ssm_dtype'?",
    ),
    measured(
        "layers_out_of_bounds",
        {
            "      num_key_value_heads: 8\n      head_dim: 128\n": """\
      kv_lora_rank: 0
      qk_rope_head_dim: 100000001
      qk_nope_head_dim: 128.0
      v_head_dim: 128
      index_head_dim: 132
      no_kv_cache: false
      mamba_ssm_dtype: fp32
"""
        },
        "11:21: geometry.layers[0].kv_lora_rank: is the number 0; it must be more than 0",
        "12:25: geometry.layers[0].qk_rope_head_dim: is the number 100000001; it must be at most "
        "100000000",
        "13:25: geometry.layers[0].qk_nope_head_dim: is the number 128.0; it must be a whole "
        "number",
        "15:23: geometry.layers[0].index_head_dim: is the number 132; it must be a multiple of 128",
        "16:20: geometry.layers[0].no_kv_cache: is false; give true for layers without a "
        "cache, else leave it out",
        "17:24: geometry.layers[0].mamba_ssm_dtype: is the text 'fp32'; it must be one of "
        "'bfloat16', 'float16' or 'float32'",
    ),
    measured(
        "auto_with_an_option_that_is_not_computed",
        {"max_model_len: 8192": 'max_model_len: auto\n    args: ["--cpu-offload-g=4"]'},
        "19:20: cells.h100.max_model_len: is auto, which can't be computed with --cpu-offload-gb; "
        "give a number",
    ),
    measured(
        "former_keys_of_a_geometry",
        {
            "num_attention_heads:": "heads:",
            "  hidden_size: 2048\n": "  hidden: 2048\n  intermediate: 8192\n",
            "vocab_size:": "vocab:",
            "max_position_embeddings:": "max_position:",
            "    - count: 24\n      num_key_value_heads: 8\n      head_dim: 128\n": _FORMER_LAYERS,
        },
        f"5:3: geometry.heads: {_UNKNOWN_KEY} 'num_attention_heads'?",
        "5:3: geometry.hidden_size: is missing",
        "5:3: geometry.max_position_embeddings: is missing",
        "5:3: geometry.num_attention_heads: is missing",
        "5:3: geometry.vocab_size: is missing",
        f"6:3: geometry.hidden: {_UNKNOWN_KEY} 'hidden_size'?",
        f"7:3: geometry.intermediate: {_UNKNOWN_KEY} 'intermediate_size'?",
        f"8:3: geometry.vocab: {_UNKNOWN_KEY} 'vocab_size'?",
        f"9:3: geometry.max_position: {_UNKNOWN_KEY} 'max_position_embeddings'?",
        f"12:7: geometry.layers[0].kind: {_UNKNOWN_KEY_OF_LAYERS}; did you mean 'sliding_window'?",
        f"13:7: geometry.layers[0].span: {_UNKNOWN_KEY_OF_LAYERS}; did you mean 'sliding_window'?",
        f"14:7: geometry.layers[0].kv_heads: {_UNKNOWN_KEY_OF_LAYERS}; did you mean "
        "'num_key_value_heads'?",
        f"17:7: geometry.layers[1].kind: {_UNKNOWN_KEY_OF_LAYERS}; did you mean "
        "'attention_chunk_size'?",
        f"18:7: geometry.layers[1].span: {_UNKNOWN_KEY_OF_LAYERS}; did you mean "
        "'attention_chunk_size'?",
        f"22:7: geometry.layers[2].kind: {_UNKNOWN_KEY_OF_LAYERS}; leave it out: layers without a "
        "window and a chunk have full attention",
        f"26:7: geometry.layers[3].span: {_UNKNOWN_KEY_OF_LAYERS}; did you mean 'sliding_window' "
        "or 'attention_chunk_size'?",
        "30:5: geometry.experts.moe_intermediate_size: is missing",
        "30:5: geometry.experts.num_experts_per_tok: is missing",
        f"30:5: geometry.experts.per_token: {_UNKNOWN_KEY_OF_EXPERTS} 'num_experts_per_tok'?",
        f"31:5: geometry.experts.intermediate: {_UNKNOWN_KEY_OF_EXPERTS} 'moe_intermediate_size'?",
    ),
    measured(
        "words_of_a_config_json_that_have_another_place",
        {
            "  hidden_size:": """\
  num_key_value_heads: 8
  head_dim: 128
  sliding_window: 1024
  attention_chunk_size: 8192
  num_experts_per_tok: 4
  hidden_size:""",
            "cells:": """\
  experts:
    top_k_experts: 4
    num_experts_per_tok: 4
    moe_intermediate_size: 1024
cells:""",
        },
        f"6:3: geometry.num_key_value_heads: {_UNKNOWN_KEY} 'layers[0].num_key_value_heads'?",
        f"7:3: geometry.head_dim: {_UNKNOWN_KEY} 'layers[0].head_dim'?",
        f"8:3: geometry.sliding_window: {_UNKNOWN_KEY} 'layers[0].sliding_window'?",
        f"9:3: geometry.attention_chunk_size: {_UNKNOWN_KEY} 'layers[0].attention_chunk_size'?",
        f"10:3: geometry.num_experts_per_tok: {_UNKNOWN_KEY} 'experts.num_experts_per_tok'?",
        f"19:5: geometry.experts.top_k_experts: {_UNKNOWN_KEY_OF_EXPERTS} 'num_experts_per_tok'?",
    ),
]
