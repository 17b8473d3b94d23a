"""What a name says of a model: its family, and its size.

Families are those of the organisations of https://huggingface.co; parsers are named after them in
https://docs.vllm.ai/en/latest/features/tool_calling.html and reasoning_outputs.html.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_FAMILIES = (
    "gemma", "llama", "qwen", "qwq", "mistral", "mixtral", "deepseek", "gpt-oss", "phi", "falcon",
    "granite", "kimi", "glm", "minimax", "nemotron", "olmo",
)  # fmt: skip
# Such as gemma-3, Llama3.1 and Qwen2, and no part of a word. Other programs have llama in the name.
_FAMILY = re.compile(
    rf"(?<![a-z0-9])({'|'.join(_FAMILIES)})(?![a-z]|-(?:stack|cpp|firewall|guard|index))"
)
# Billions of parameters: 27b, a4b (active) and e2b (effective). Not 80gb.
_SIZE = re.compile(r"(?<![a-z0-9])[ae]?[0-9]+b(?![a-z0-9])")
_EXPERTS = re.compile(r"(?<![a-z0-9])[0-9]+e(?![a-z0-9])")  # 17b-16e: also known by the sum, 109b

# Families whose models are tuned or distilled from another one, and carry its name or not.
_ALIKE = (
    frozenset({"mistral", "mixtral"}),
    frozenset({"qwen", "qwq"}),
    frozenset({"nemotron", "llama", "qwen", "mistral"}),
)

_PARSERS = {
    "llama3_json": "llama", "llama4_json": "llama", "llama4_pythonic": "llama",
    "mistral": "mistral",
    "qwen3": "qwen", "qwen3_coder": "qwen", "qwen3_xml": "qwen",
    "granite": "granite", "granite-20b-fc": "granite",
    "gemma4": "gemma", "functiongemma": "gemma",
    "kimi_k2": "kimi",
    "glm45": "glm", "glm47": "glm",
    "openai_gptoss": "gpt-oss",
}  # fmt: skip


@dataclass(frozen=True)
class ModelName:
    """A text that names a model. `sizes`: such as "27b"; empty if it has none."""

    text: str
    families: frozenset[str]
    sizes: frozenset[str]

    def contradicts(self, model: ModelName) -> bool:
        """Return whether it names another model than that of an id."""
        if not _with_alike(self.families) & model.families:
            return True
        known = bool(self.sizes and model.sizes)
        return known and not self.sizes & model.sizes and not _without_point(self, model)


def _without_point(name: ModelName, model: ModelName) -> bool:
    """Return whether a name has a size of the model's id without its point: 06b for 0.6B."""
    plain = re.sub(r"(?<=[0-9])\.(?=[0-9])", "", model.text.lower())
    return bool(name.sizes & {*_SIZE.findall(re.sub(r"[._/]", "-", plain))})


def read(text: str) -> ModelName | None:
    """Return what a text says of a model; None if it names no family."""
    plain = re.sub(r"[._/]", "-", text.lower())
    families = frozenset(_FAMILY.findall(plain))
    sizes = () if _EXPERTS.search(plain) else _SIZE.findall(plain)
    return ModelName(text, families, frozenset(sizes)) if families else None


def family_of_parser(name: str) -> frozenset[str]:
    """Return the families that a parser of tool calls or reasoning is for; empty if many."""
    family = _PARSERS.get(name)
    return _with_alike(frozenset({family})) if family else frozenset()


def _with_alike(families: frozenset[str]) -> frozenset[str]:
    found = set(families)
    for group in _ALIKE:
        if group & families:
            found |= group
    return frozenset(found)
