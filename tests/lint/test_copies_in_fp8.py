"""Copies of known models in FP8, whose weights follow from those of the model itself."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from ira_manifests.lint.models import library
from tests.lint.trees import edited, told

H100 = "overlays/h100-llama"


def _served(folder: Path, model_id: str) -> list[str]:
    """Serve a model on one H100, at a share of 0.80: 63 GiB."""
    return told(
        edited(
            folder,
            (f"{H100}/runtime.env", "meta-llama/Llama-3.3-70B-Instruct", model_id),
            (f"{H100}/runtime.env", "TENSOR_PARALLEL_SIZE=4", "TENSOR_PARALLEL_SIZE=1"),
            (f"{H100}/node.yaml", 'gpu: "4"', 'gpu: "1"'),
            (f"{H100}/kustomization.yaml", "nameSuffix: -h100-llama", "nameSuffix: -h100-x1"),
            (f"{H100}/kustomization.yaml", "cell: h100-llama", "cell: h100-x1"),
        )
    )


@pytest.mark.parametrize(
    ("model_id", "fits"),
    [
        ("Qwen/Qwen3-32B", False),  # 61 GiB in 16 bit, by its safetensors
        ("Qwen/Qwen3-32B-FP8", True),
        ("RedHatAI/Qwen3-32B-FP8-dynamic", True),
        ("RedHatAI/gemma-4-31B-it-FP8-block", True),
        ("someone/Qwen3-32B-FP8", True),  # not judged
    ],
)
def test_a_copy_in_8_bit_fits_where_the_model_does_not(
    tmp_path: Path, model_id: str, *, fits: bool
) -> None:
    assert [each.split()[1] for each in _served(tmp_path, model_id)] == ["IRA001"] * (not fits)


@pytest.mark.parametrize(
    ("model_id", "gib"),
    [
        ("qwen/qwen3-32b-fp8", "31.96"),  # 61.02 - 58.12 / 2
        # 58.83 - 54.76 / 2: 33.8 GB, and huggingface.co/hugg1ngfac3/gemma-4-31B-it-FP8 tells 33.
        ("redhatai/gemma-4-31b-it-fp8-block", "31.45"),
    ],
)
def test_the_weights_of_a_copy_are_half_of_the_linear_layers_less(model_id: str, gib: str) -> None:
    model = library().model(model_id)

    assert model is not None
    assert model.weights is not None
    assert model.weights.total_gib == Decimal(gib)
    assert model.geometry is not None


@pytest.mark.parametrize(
    "model_id",
    [
        "someone/qwen3-32b-fp8",
        "qwen/qwen3-32b-fp8-dynamic",
        "redhatai/qwen3-32b-w4a16",
        "redhatai/no-such-model-fp8",
        "redhatai/gpt-oss-20b-fp8",
    ],
)
def test_other_copies_are_not_known(model_id: str) -> None:
    assert library().model(model_id) is None
