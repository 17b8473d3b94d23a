"""Every architecture of the pinned release that generates text is judged or refused, and which."""

from typing import Any

import pytest

from ira_manifests.architectures import RefusedError, read
from ira_manifests.architectures.families import FAMILIES
from ira_manifests.architectures.unsupported import WHY
from ira_manifests.loading import load_matrix
from ira_manifests.vllm import Release
from ira_manifests.vllm.models import Task, architectures, served
from testing.project import ROOT
from tests.architectures.configs import MEASURED, NAMES, config
from tests.architectures.published import PUBLISHED

LLAMA = config("meta-llama--Meta-Llama-3.1-8B")
PINNED = Release.parse(load_matrix(ROOT / "profiles").platform.engine.version)

# No configuration in the tests is of these: their reader is that of an architecture that has one.
LIKE_ANOTHER = [
    "DeepseekV2ForCausalLM", "Ernie4_5ForCausalLM", "Gemma3ForCausalLM", "Gemma3nForCausalLM",
    "Gemma4ForCausalLM", "GlmForCausalLM", "GraniteMoeSharedForCausalLM",
    "KimiK25ForConditionalGeneration", "Llama4ForCausalLM", "MiMoForCausalLM",
    "Ministral3ForCausalLM", "OlmoForCausalLM", "Qwen3NextForCausalLM",
]  # fmt: skip

# Not read yet.
UNKNOWN = [
    "AXK1ForCausalLM", "ArcticForCausalLM", "AriaForConditionalGeneration",
    "BailingMoeForCausalLM", "BailingMoeV2ForCausalLM", "BeeForConditionalGeneration",
    "Blip2ForConditionalGeneration", "BloomForCausalLM", "ChameleonForConditionalGeneration",
    "ChatGLMForConditionalGeneration", "ChatGLMModel", "Cohere2MoeForCausalLM",
    "Cohere2VisionForConditionalGeneration", "DbrxForCausalLM", "DeepseekForCausalLM",
    "DeepseekOCR2ForCausalLM", "DeepseekOCRForCausalLM", "DeepseekVLV2ForCausalLM",
    "DotsOCRForCausalLM", "Eagle2_5_VLForConditionalGeneration", "Emu3ForConditionalGeneration",
    "Ernie4_5_VLMoeForConditionalGeneration", "Exaone4_5_ForConditionalGeneration",
    "ExaoneForCausalLM", "Fairseq2LlamaForCausalLM", "FalconForCausalLM", "GLM4VForCausalLM",
    "GPT2LMHeadModel", "GPTBigCodeForCausalLM", "GPTJForCausalLM", "GPTNeoXForCausalLM",
    "Gemma4UnifiedForConditionalGeneration", "Glm4vForConditionalGeneration",
    "Glm4vMoeForConditionalGeneration", "GlmOcrForConditionalGeneration",
    "Granite4VisionForConditionalGeneration", "GritLM", "H2OVLChatModel",
    "HCXVisionForCausalLM", "HCXVisionV2ForCausalLM", "HfMoondream", "HrmTextForCausalLM",
    "HunYuanVLForConditionalGeneration", "HyperCLOVAXForCausalLM", "IQuestCoderForCausalLM",
    "IQuestLoopCoderForCausalLM", "Idefics3ForConditionalGeneration", "InklingForCausalLM",
    "InklingForConditionalGeneration", "InternLM2ForCausalLM", "InternLM3ForCausalLM",
    "InternS1ForConditionalGeneration", "InternS1ProForConditionalGeneration",
    "InternS2PreviewForConditionalGeneration", "InternVLChatModel",
    "IsaacForConditionalGeneration", "Jais2ForCausalLM", "KananaVForConditionalGeneration",
    "KeyeForConditionalGeneration", "KeyeVL1_5ForConditionalGeneration", "LLaMAForCausalLM",
    "LagunaForCausalLM", "Lfm2VlForConditionalGeneration", "LightOnOCRForConditionalGeneration",
    "Llama_Nemotron_Nano_VL", "LlavaForConditionalGeneration",
    "LlavaNextForConditionalGeneration", "LlavaNextVideoForConditionalGeneration",
    "LlavaOnevision2ForConditionalGeneration", "LlavaOnevisionForConditionalGeneration",
    "LongcatFlashForCausalLM", "LongcatFlashNgramForCausalLM", "MPTForCausalLM",
    "MellumForCausalLM", "MiMoV2ForCausalLM", "MiMoV2OmniForCausalLM", "MiniCPM3ForCausalLM",
    "MiniCPMForCausalLM", "MiniCPMO", "MiniCPMV", "MiniCPMV4_6ForConditionalGeneration",
    "MistralLarge3ForCausalLM", "Molmo2ForConditionalGeneration", "MolmoForCausalLM",
    "Moondream3ForCausalLM", "MptForCausalLM", "NVLM_D", "NemotronHPuzzleForCausalLM",
    "NemotronH_Nano_Omni_Reasoning_V3", "NemotronH_Nano_VL_V2",
    "NemotronH_Super_Omni_Reasoning_V3", "NemotronParseForConditionalGeneration",
    "OPTForCausalLM", "OpenCUAForConditionalGeneration", "OpenPanguVLForConditionalGeneration",
    "OrionForCausalLM", "OuroForCausalLM", "Ovis", "Ovis2_5", "Ovis2_6ForCausalLM",
    "Ovis2_6_MoeForCausalLM", "PaddleOCRVLForConditionalGeneration",
    "PaliGemmaForConditionalGeneration", "PanguEmbeddedForCausalLM", "PanguProMoEV2ForCausalLM",
    "PanguUltraMoEForCausalLM", "Param2MoEForCausalLM", "Phi3VForCausalLM", "Phi4ForCausalLMV",
    "Phi4MMForCausalLM", "PixtralForConditionalGeneration", "Plamo3ForCausalLM",
    "QianfanOCRForConditionalGeneration", "Qwen2_5OmniForConditionalGeneration",
    "Qwen2_5OmniModel", "Qwen3OmniMoeForConditionalGeneration", "RForConditionalGeneration",
    "RWForCausalLM", "Rnj1ForCausalLM", "SarvamMLAForCausalLM", "SarvamMoEForCausalLM",
    "SkyworkR1VChatModel", "SmolVLMForConditionalGeneration", "SolarForCausalLM",
    "StableLMEpochForCausalLM", "Step1ForCausalLM", "Step3TextForCausalLM",
    "Step3VLForConditionalGeneration", "Step3p7ForConditionalGeneration",
    "StepVLForConditionalGeneration", "TeleChat2ForCausalLM", "TeleChat3ForCausalLM",
    "TeleFLMForCausalLM", "UnlimitedOCRForCausalLM",
]  # fmt: skip


def _generating() -> set[str]:
    """Return the architectures that the pinned release serves for text."""
    return {name for name in architectures() if _is_served(name)}


def _is_served(name: str) -> bool:
    found = served(name)
    assert found is not None
    last = Release.parse(found.last) if found.last else PINNED
    in_release = Release.parse(found.first) <= PINNED <= last
    return in_release and found.task in (Task.TEXT, Task.MULTIMODAL)


def test_every_architecture_is_judged_or_refused() -> None:
    groups = [set(FAMILIES), set(WHY), set(UNKNOWN)]

    assert set.union(*groups) == _generating()
    assert sum(map(len, groups)) == len(_generating())


def test_every_judged_architecture_has_a_published_model_in_the_tests() -> None:
    configs: list[dict[str, Any]] = [*map(config, NAMES), *MEASURED.values()]
    configs += [values for values, _, _ in PUBLISHED.values()]
    shown = {name for values in configs for name in values["architectures"]}

    assert set(FAMILIES) - shown == set(LIKE_ANOTHER)


@pytest.mark.parametrize("name", sorted([*WHY, *UNKNOWN]))
def test_what_is_not_judged_is_refused_in_words(name: str) -> None:
    with pytest.raises(RefusedError, match=name) as error:
        read({**LLAMA, "architectures": [name]})

    assert len(str(error.value).split()) > 5


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("BertModel", "is run for pooling: it embeds, classifies or scores"),
        ("Qwen2ForRewardModel", "is run for pooling"),
        ("LlamaForSequenceClassification", "is run for pooling"),
        ("WhisperForConditionalGeneration", "transcribes speech"),
        ("DiffusionGemmaForBlockDiffusion", "generates by diffusion"),
        ("MambaForCausalLM", "has no attention"),
        ("KimiLinearForCausalLM", "has linear attention beside others"),
        ("EagleLlamaForCausalLM", "proposes tokens to another model"),
    ],
)
def test_a_model_for_another_task_is_refused_with_the_reason(name: str, says: str) -> None:
    with pytest.raises(RefusedError, match=says):
        read({**LLAMA, "architectures": [name]})


# What other architectures cache, in the configuration of a plain decoder.
LAYOUTS: list[dict[str, Any]] = [
    {"kv_lora_rank": 512},
    {"index_head_dim": 128},
    {"compress_ratios": [4, 128]},
    {"layer_types": ["linear_attention"] * 32},
    {"layers_block_type": ["mamba", "attention"] * 16},
    {"hybrid_override_pattern": "M*" * 16},
    {"linear_num_key_heads": 16},
    {"mamba_d_state": 16},
    {"ssm_state_size": 128},
    {"num_kv_shared_layers": 4},
    {"use_cla": True},
    {"swa_num_key_value_heads": 4},
    {"v_head_dim": 64},
    {"global_head_dim": 512},
    {"block_configs": [{}] * 32},
    {"cross_attention_layers": [3, 8]},
    {"hidden_size_per_layer_input": 256},
    {"num_attention_heads_per_layer": [32] * 32},
    {"sparse_attention_config": {"block": 64}},
    {"linear_attn_config": {"head_dim": 128}},
]


@pytest.mark.parametrize("more", LAYOUTS, ids=lambda more: next(iter(more)))
def test_a_plain_decoder_with_another_layout_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(RefusedError, match="not judged yet"):
        read({**LLAMA, **more})


def test_a_null_or_a_zero_changes_no_layout() -> None:
    usual = read(LLAMA).geometry

    assert read({**LLAMA, "kv_lora_rank": None, "num_kv_shared_layers": 0}).geometry == usual


def test_a_window_is_that_of_all_layers_where_the_model_says_nothing_else() -> None:
    (group,) = read({**LLAMA, "sliding_window": 4096}).geometry["layers"]
    (listed,) = read(
        {**LLAMA, "sliding_window": 4096, "layer_types": ["full_attention"] * 32}
    ).geometry["layers"]

    assert group == listed
    assert group["sliding_window"] == 4096
