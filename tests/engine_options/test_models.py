"""The table of architectures by release, against vLLM's release notes and a published source."""

import pytest

from ira_manifests.vllm import releases
from ira_manifests.vllm.models import Task, served
from tools.vllm_models import ABOUT, SECTION, TABLE, read
from tools.vllm_shapes import ExtractionError
from tools.vllm_source import Source, fetch
from tools.vllm_table import encode, stored

REGISTRY = "vllm/model_executor/models/registry.py"
SMALL = """
_TEXT_GENERATION_MODELS = {"OneForCausalLM": ("one", "OneForCausalLM")}
_EMBEDDING_MODELS = {
    "OneForCausalLM": ("one", "OneForCausalLM"),
    "TwoModel": ("two", "TwoModel"),
    **{k: v for k, v in _TEXT_GENERATION_MODELS.items()},
}
_VLLM_MODELS = {**_TEXT_GENERATION_MODELS, **_EMBEDDING_MODELS}
"""


@pytest.mark.parametrize(
    ("architecture", "first"),
    [
        ("GptOssForCausalLM", "0.10.1"),  # notes of v0.10.1
        ("Qwen3NextForCausalLM", "0.10.2"),  # notes of v0.10.2
        ("DeepseekV32ForCausalLM", "0.11.0"),  # notes of v0.11.0
        ("LlamaForCausalLM", "0.8.4"),  # the oldest release of the table
    ],
)
def test_the_first_release_of_an_architecture_is_that_of_its_notes(
    architecture: str, first: str
) -> None:
    found = served(architecture)

    assert found is not None
    assert found.first == first
    assert found.last is None


def test_an_architecture_that_is_gone_has_a_last_release() -> None:
    # _PREVIOUSLY_SUPPORTED_MODELS of 0.26.0 has it until this one.
    found = served("InternLMForCausalLM")

    assert found is not None
    assert found.last == "0.23.0"


@pytest.mark.parametrize(
    ("architecture", "task"),
    [
        ("LlamaForCausalLM", Task.TEXT),
        ("Gemma3ForConditionalGeneration", Task.MULTIMODAL),
        ("BertModel", Task.POOLING),
        ("EagleLlamaForCausalLM", Task.DRAFT),
    ],
)
def test_an_architecture_has_the_task_of_its_table(architecture: str, task: Task) -> None:
    found = served(architecture)

    assert found is not None
    assert found.task is task


def test_an_unknown_architecture_is_served_by_none() -> None:
    assert served("NoSuchModel") is None


def test_the_table_holds_the_releases_of_the_options() -> None:
    assert tuple(stored(TABLE.file.read_text("utf-8"), SECTION)) == releases()


def test_a_registry_is_read_with_the_first_task_of_each_architecture() -> None:
    found = read(Source("1.0.0", {REGISTRY: SMALL}))

    assert found == {"OneForCausalLM": "text", "TwoModel": "pooling"}


def test_a_registry_with_a_new_table_is_an_error() -> None:
    text = SMALL.replace("_EMBEDDING_MODELS", "_SINGING_MODELS")

    with pytest.raises(ExtractionError, match="_SINGING_MODELS"):
        read(Source("1.0.0", {REGISTRY: text}))


def test_a_table_is_read_as_it_was_written() -> None:
    models = {"1.0.0": {"A": "text"}, "1.1.0": {"A": "text", "B": "draft"}, "1.10.0": {"B": "text"}}

    assert stored(encode(ABOUT, SECTION, models), SECTION) == models


@pytest.mark.index
def test_the_table_holds_what_a_published_release_has() -> None:
    assert read(fetch("0.19.0")) == stored(TABLE.file.read_text("utf-8"), SECTION)["0.19.0"]
