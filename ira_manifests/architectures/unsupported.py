"""Why architectures that vLLM serves get no profile, where there is more to say than "not known".

Source: vllm/model_executor/models and vllm/models of release 0.26.0.
"""

from __future__ import annotations

from collections.abc import Mapping

_SPEECH = "transcribes speech, and does not answer in a chat"
_AUDIO = "reads audio, whose encoder is not judged yet"
_DIFFUSION = "generates by diffusion and not token by token, which is not judged"
_STATES = "has no attention, and its config.json no longest context: not judged yet"
_MIXED = "has linear attention beside others, whose cache layout is not known: not judged yet"
_SPARSE = "has compressed or sparse attention, whose cache layout is not known: not judged yet"

WHY: Mapping[str, str] = {
    "AudioFlamingo3ForConditionalGeneration": _AUDIO,
    "BagelForConditionalGeneration": _DIFFUSION,
    "BailingMoeV2_5ForCausalLM": _MIXED,
    "Cheers": _DIFFUSION,
    "CheersForConditionalGeneration": _DIFFUSION,
    "CohereAsrForConditionalGeneration": _SPEECH,
    "Cosmos3EdgeForConditionalGeneration": _DIFFUSION,
    "Cosmos3ForConditionalGeneration": _DIFFUSION,
    "DeepseekV4ForCausalLM": _SPARSE,
    "DiffusionGemmaForBlockDiffusion": _DIFFUSION,
    "FalconMambaForCausalLM": _STATES,
    "FireRedASR2ForConditionalGeneration": _SPEECH,
    "FireRedLIDForConditionalGeneration": "tells the language of speech, and generates no text",
    "FunASRForConditionalGeneration": _SPEECH,
    "FunAudioChatForConditionalGeneration": _AUDIO,
    "GlmAsrForConditionalGeneration": _SPEECH,
    "GraniteSpeechForConditionalGeneration": _AUDIO,
    "GraniteSpeechPlusForConditionalGeneration": _AUDIO,
    "KimiLinearForCausalLM": _MIXED,
    "Mamba2ForCausalLM": _STATES,
    "MambaForCausalLM": _STATES,
    "MiDashengLMModel": _AUDIO,
    "MiniMaxM3SparseForCausalLM": _SPARSE,
    "MiniMaxM3SparseForConditionalGeneration": _SPARSE,
    "MoonshotKimiaForCausalLM": _AUDIO,
    "MossAudioModel": _AUDIO,
    "MossTranscribeDiarizeForConditionalGeneration": _SPEECH,
    "OlmoHybridForCausalLM": _MIXED,
    "OpenVLAForActionPrediction": "tells the actions of a robot, and generates no text",
    "Plamo2ForCausalLM": _MIXED,
    "Qwen2AudioForConditionalGeneration": _AUDIO,
    "Qwen3ASRForConditionalGeneration": _SPEECH,
    "Qwen3ASRRealtimeGeneration": _SPEECH,
    "UltravoxModel": _AUDIO,
    "VoxtralForConditionalGeneration": _AUDIO,
    "VoxtralRealtimeGeneration": _SPEECH,
    "WhisperForConditionalGeneration": _SPEECH,
    "Zamba2ForCausalLM": _MIXED,
}
"""Architecture to the end of a sentence that begins with its name."""
