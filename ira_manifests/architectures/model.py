"""A model as its config.json describes it, with the values of a profile."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from ira_manifests.architectures import quantization, rotary
from ira_manifests.architectures.config import Config
from ira_manifests.architectures.errors import ConfigError, RefusedError
from ira_manifests.architectures.families import FAMILIES, Family
from ira_manifests.architectures.layers import Layer, grouped
from ira_manifests.architectures.order import dense_at_first, order
from ira_manifests.architectures.quantization import SERVED, Quantization
from ira_manifests.architectures.safetensors import Tensor, loaded_bytes
from ira_manifests.architectures.unsupported import WHY
from ira_manifests.architectures.vision import Tower
from ira_manifests.errors import did_you_mean
from ira_manifests.vllm.models import Served, Task, architectures, served

# First releases that can read the configuration, if later than the first that has the class: the
# packages that are installed with that one can't read it.
_FIRST = {"Gemma4ForConditionalGeneration": "0.19.1"}
# model_type of configurations that vLLM or Transformers read without the code in the repository.
_READ_WITHOUT_CODE = {
    "afmoe",
    "deepseek_v2",
    "deepseek_v3",
    "deepseek_v32",
    "ernie4_5",
    "ernie4_5_moe",
    "exaone4",
    "exaone_moe",
    "glm4_moe",
    "hunyuan_v1_dense",
    "hunyuan_v1_moe",
    "hy_v3",
    "kimi_k2",
    "kimi_k25",
    "kimi_vl",
    "minimax_m2",
    "nemotron_h",
    "phi3",
    "phimoe",
    "seed_oss",
    "step3p5",
}


_VOCABULARY = (
    64  # vllm/model_executor/layers/vocab_parallel_embedding.py (DEFAULT_VOCAB_PADDING_SIZE)
)
# Keys that change what layers cache, or how many layers cache it, in some architecture.
_LAYOUT = re.compile(
    r"layer_types|layers_block_type|.*_pattern|block_configs|.*attn_.*list.*|full_attn_.*"
    r"|attn_layer_.*|attn_type.*|kv_lora_rank|index_.*|num_kv_shared_layers|use_cla|cla_.*"
    r"|linear_(attn|num|key|value|conv).*|mamba_(d|num|n|expand|head|intermediate).*|ssm_state_size"
    r"|state_size|d_state|conv_(L_cache|kernel|dim)|compress_.*|attention_chunk_size|swa_(head|num|v)_.*"
    r"|global_head_dim|num_global_.*|v_head_dim|.*sparse_att.*|cross_attention_layers"
    r"|.*_per_layer|hidden_size_per_layer_input|attention_other_setting|use_mla|multi_query|.*kv_sharing.*",
    re.ASCII,
)

# Endings of classes that vLLM runs for pooling, whatever they begin with
# (vllm/config/model.py, _SUFFIX_TO_DEFAULTS).
_POOLING = (
    "ForSequenceClassification",
    "ForTokenClassification",
    "ForAudioClassification",
    "ForImageClassification",
    "ForVideoClassification",
    "ClassificationModel",
    "ForRewardModeling",
    "RewardModel",
    "ForTextEncoding",
    "EmbeddingModel",
)
_POOLED = "is run for pooling: it embeds, classifies or scores, and generates no text"


@dataclass(frozen=True)
class Model:
    """A model, as read from its files.

    Attributes:
        architecture: vLLM's class that serves it.
        min_engine: the first release of vLLM that serves it.
        layers: its layers, in order.
        quantization: how its weights are stored.
        config: its language model's configuration.
        family, tower: its family of architectures, and its vision tower.
    """

    architecture: str
    min_engine: str
    layers: tuple[Layer, ...]
    quantization: Quantization
    config: Config
    family: Family
    tower: Tower | None = None

    @cached_property
    def geometry(self) -> Mapping[str, Any]:
        """Return the `geometry` of a profile: plain values in the order of its fields."""
        config = self.config
        width = max(layer.mlp_width for layer in self.layers)
        mixture = next((layer.mixture for layer in self.layers if layer.mixture), None)
        dense = dense_at_first(self.layers)
        found: dict[str, Any] = {
            "num_attention_heads": config.whole("num_attention_heads", "n_head"),
            "hidden_size": config.whole("hidden_size", "n_embd"),
            "intermediate_size": width or None,
            "vocab_size": config.whole("vocab_size"),
            "max_position_embeddings": rotary.context(config),
            "num_hidden_layers": None if self._has_two_kinds else len(self.layers),
            "image_values_per_token": self.tower.values_per_token if self.tower else None,
            "layers": grouped(self.layers),
            "layer_order": order(self.layers),
        }
        if mixture is not None:
            found["experts"] = {
                "num_experts_per_tok": mixture.chosen,
                "moe_intermediate_size": mixture.width,
                "num_experts": mixture.experts,
                **({"first_k_dense_replace": dense} if width and dense is not None else {}),
            }
        return {key: value for key, value in found.items() if value is not None}

    @property
    def _has_two_kinds(self) -> bool:
        """Whether layers cache two things, and so count as two in a profile."""
        return any(layer.also is not None for layer in self.layers)

    @property
    def computed_bytes(self) -> int:
        """Return the bytes of the weights as loaded, computed from the architecture.

        Norms, biases and per-tensor scales are ignored: some thousandths of the total.
        """
        method = self.quantization
        blocks = sum(
            (
                method.part_bytes(index, part)
                for index, layer in enumerate(self.layers)
                for part in layer.parts
            ),
            Fraction(0),
        )
        kept = self._embeddings + (self.tower.parameters if self.tower else 0)
        return int(blocks + kept * SERVED) + self._rotary_bytes

    @property
    def linear_bytes(self) -> int:
        """Return the bytes of the weights that the server can quantise as it loads them.

        Linear layers and experts of a checkpoint in 16 bit; 0 for one that is quantised.
        """
        if self.quantization.method:
            return 0
        parts = (part for layer in self.layers for part in layer.parts)
        return sum(int(part.parameters * SERVED) for part in parts if part.quantised)

    @property
    def vision_bytes(self) -> int:
        """Return the bytes of the vision tower; 0 without one."""
        return int(self.tower.parameters * SERVED) if self.tower else 0

    def stored_bytes(self, tensors: Sequence[Tensor]) -> int:
        """Return the bytes of the weights as loaded, from the headers of the checkpoint."""
        is_quantised = bool(self.quantization.method)
        stored = loaded_bytes(tensors, is_quantised=is_quantised, layers=len(self.layers))
        return stored + self._beside

    def indexed_bytes(self, total: int) -> int:
        """Return the bytes of the weights as loaded, from the total of the checkpoint's index."""
        return total + self._beside

    @property
    def _beside(self) -> int:
        """Return the bytes that the server holds in addition to the checkpoint's."""
        method = self.quantization
        padding = sum(
            (part.padded - part.parameters) * method.weight_bytes
            for layer in self.layers
            for part in layer.parts
            if method.experts_only and part.padded
        )
        copies = sum(
            part.parameters * SERVED
            for layer in self.layers
            for part in layer.parts
            if part.is_copy
        )
        return int(padding + copies) + self._rotary_bytes

    @property
    def _embeddings(self) -> int:
        config = self.config
        tied = config.flag("tie_word_embeddings", default=self.family.tied)
        table = config.whole("vocab_size") * config.whole("hidden_size", "n_embd")
        per_layer = config.optional("hidden_size_per_layer_input") or 0
        if per_layer:
            entries = config.optional("vocab_size_per_layer_input") or config.whole("vocab_size")
            per_layer *= len(self.layers) * (entries + config.whole("hidden_size"))
        # Gemma 3n maps its alternating inputs in and out.
        inputs = config.optional("altup_num_inputs") or 1
        mapped = 2 * (inputs - 1) * config.whole("hidden_size", "n_embd") ** 2
        return table * (1 if tied else 2) + per_layer + mapped

    @property
    def _rotary_bytes(self) -> int:
        words = [layer.keeps for layer in self.layers]
        widths = {int(each.get("qk_rope_head_dim") or each.get("head_dim") or 0) for each in words}
        return rotary.table_bytes(self.config, tuple(widths))

    def split_problem(self, tensor_parallel: int) -> str:
        """Return why the weights can't be split over the GPUs; empty if they can.

        Source: vllm/distributed/utils.py (divide), for the width of every split layer and for the
        vocabulary, which is padded to a multiple of 64; and layers/quantization/fp8.py, which
        rejects parts of a layer that are not a multiple of its blocks.
        """
        if tensor_parallel == 1:
            return ""
        block = self.quantization.block
        for width in sorted(self._split_widths):
            if width % tensor_parallel:
                return f"tensor parallel {tensor_parallel} does not divide the width {width}"
            if block is not None and width % (tensor_parallel * block):
                return (
                    f"tensor parallel {tensor_parallel} does not divide {width} into multiples "
                    f"of {block}, by which the weights are quantised"
                )
        vocabulary = -(-self.config.whole("vocab_size") // _VOCABULARY) * _VOCABULARY
        if vocabulary % tensor_parallel:
            return f"tensor parallel {tensor_parallel} does not divide {vocabulary} tokens"
        return ""

    @property
    def _split_widths(self) -> set[int]:
        """The widths of attention, MLP and experts that tensor parallelism splits."""
        widths = {width for layer in self.layers for width in layer.widths}
        widths |= {layer.mlp_width for layer in self.layers}
        widths |= {layer.mixture.width for layer in self.layers if layer.mixture}
        return widths - {0}


def read(values: Mapping[str, Any], hf_quant: Mapping[str, Any] | None = None) -> Model:
    """Return the model that a config.json describes.

    hf_quant: NVIDIA's hf_quant_config.json, if the checkpoint has one.

    Raises ConfigError for invalid values, and RefusedError for a model that vLLM does not serve, or
    whose memory can't be estimated yet.
    """
    config = Config(values)
    name, found = _architecture(config)
    _refuse_code(config, name)
    if name in WHY:
        raise RefusedError(f"{name} {WHY[name]}")
    if name not in FAMILIES:
        raise RefusedError(f"not judged yet: the layers of {name} are not known")
    family = FAMILIES[name]
    defaults = Config(family.defaults, "the architecture's defaults")
    text = Config(values, outer=defaults).language_model
    layers = tuple(family.layers(text))
    _refuse_unread(text, name, family.unused)
    tower = family.tower(Config(values, outer=defaults)) if family.tower else None
    method = quantization.read(config, hf_quant)
    first = _FIRST.get(name, found.first)
    model = Model(name, first, layers, method, text, family, tower)
    _ = model.geometry  # reads its numbers, so that errors in them are raised here
    return model


def _refuse_unread(text: Config, name: str, unused: AbstractSet[str]) -> None:
    """Raise RefusedError for a key that changes the layers' caches and was not asked for.

    It may mean nothing to vLLM's class, or a variant of the model that is not known here.
    """
    for key, value in text.values.items():
        is_set = value not in (None, False, 0, "", [], {})
        if is_set and key not in {*text.asked, *unused} and _LAYOUT.fullmatch(key):
            raise RefusedError(
                f"not judged yet: {text.place} has {key}, and what {name} caches with it is "
                "not known"
            )


def _architecture(config: Config) -> tuple[str, Served]:
    """Return the first of the model's architectures that vLLM has, and its releases."""
    names = config.texts("architectures")
    if not names:
        raise ConfigError(f"{config.place} names no architectures: it is not a model's")
    name = next((each for each in names if served(each)), names[0])
    found = served(name)
    if config.flag("is_encoder_decoder"):
        raise RefusedError(f"{name[:100]} has an encoder and a decoder, which is not judged yet")
    if found is None and name.endswith(_POOLING):
        raise RefusedError(f"{name[:100]} {_POOLED}")
    if found is None:
        code = " and brings code of its own (auto_map)" if config.get("auto_map") else ""
        raise RefusedError(
            f"{name[:100]} is an architecture that no release of vLLM up to the newest known one "
            f"serves{code}{did_you_mean(name, architectures())}"
        )
    if found.task is Task.POOLING:
        raise RefusedError(f"{name} {_POOLED}")
    if found.task is Task.DRAFT:
        raise RefusedError(f"{name} proposes tokens to another model and is not served by itself")
    if found.last is not None:
        raise RefusedError(f"{name} is served by vLLM up to {found.last} only")
    return name, found


def _refuse_code(config: Config, name: str) -> None:
    """Raise RefusedError for a configuration that only code of its repository can read."""
    code = config.inner("auto_map")
    if code is None or not code.get("AutoConfig"):
        return
    if config.text("model_type") not in _READ_WITHOUT_CODE:
        raise RefusedError(
            f"the configuration of {name} runs Python code of its repository (auto_map); read that "
            "code, and write a profile by hand with trust_remote_code: true if it is to run"
        )
