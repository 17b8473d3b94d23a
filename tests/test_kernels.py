"""GPU types for whose kernels vLLM refuses a model: from the sources of its releases."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from ira_manifests.architectures import read
from ira_manifests.loading import load_matrix
from ira_manifests.model_files import ModelFiles
from ira_manifests.new_model import Added, Request, add
from ira_manifests.vllm import Release
from ira_manifests.vllm.kernels import missing
from testing.edits import edit_profile
from testing.project import PROFILES
from tests.architectures.configs import config, hf_quant
from tests.architectures.published import PUBLISHED

A100, L4, H100, B200, RTX = map(Decimal, ("8.0", "8.9", "9.0", "10.0", "12.0"))


@pytest.mark.parametrize(
    ("release", "refused"), [("0.19.0", True), ("0.26.0", True), ("0.27.1", False)]
)
def test_fp8_of_modelopt_needs_8_9_up_to_0_26_0(release: str, refused: bool) -> None:
    engine = Release.parse(release)

    assert bool(missing(A100, engine, quantization="modelopt_fp8")) == refused
    assert not missing(L4, engine, quantization="modelopt_fp8")


@pytest.mark.parametrize("method", ["fp8", "compressed-tensors", "modelopt_fp4", "mxfp4", "awq",
                                    "gptq", "modelopt", ""])  # fmt: skip
def test_other_methods_have_kernels_on_all_gpus(method: str) -> None:
    # get_min_capability of each is 80 at most.
    assert not missing(A100, Release.parse("0.26.0"), quantization=method)


@pytest.mark.parametrize(
    ("capability", "refused"),
    [(A100, True), (L4, True), (H100, False), (B200, False), (RTX, False)],
)
def test_sparse_latents_need_9_0(capability: Decimal, refused: bool) -> None:
    found = missing(capability, Release.parse("0.26.0"), sparse_latents=True)

    assert bool(found) == refused
    assert not refused or "no kernel for latent attention with a sparse indexer" in found


def test_a_release_that_was_not_compared_is_not_judged() -> None:
    assert not missing(A100, Release.parse("0.33.0"), sparse_latents=True)
    assert not missing(A100, Release.parse("0.33.0"), quantization="modelopt_fp8")


def added(folder: Path, name: str) -> Added:
    matrix = load_matrix(folder / "profiles")
    files = ModelFiles(config(name), hf_quant(name))
    file = folder / "profiles/models/new.yaml"
    return add(matrix, Request(files, name.replace("--", "/"), file))


def test_add_leaves_out_a_gpu_type_without_the_kernel_and_says_why(tmp_path: Path) -> None:
    shutil.copytree(PROFILES, tmp_path / "profiles")

    fp8 = added(tmp_path, "nvidia--Llama-3.1-70B-Instruct-FP8")
    nvfp4 = added(tmp_path, "nvidia--Gemma-4-31B-IT-NVFP4")
    sparse = added(tmp_path, "deepseek-ai--DeepSeek-V3.2")

    (why,) = [pair.why for pair in fp8.left_out if pair.gpu == "a100-80gb"]
    assert why.startswith("vLLM 0.26.0 has no kernel for fp8 weights of Model Optimizer")
    assert "quantization: modelopt_fp8\n" in fp8.text
    assert "quantization: modelopt_fp4\n" in nvfp4.text
    assert "a100-80gb" in {cell.gpu_name for cell in nvfp4.cells}
    reasons = {pair.gpu: pair.why for pair in sparse.left_out}
    assert all("no kernel" in reasons[gpu] for gpu in ("a100-80gb", "l4"))


def test_a_gpu_type_of_unknown_capability_is_not_judged(tmp_path: Path) -> None:
    shutil.copytree(PROFILES, tmp_path / "profiles")
    edit_profile(tmp_path / "profiles", "gpus/a100-80gb.yaml", {"compute_capability: 8.0\n": ""})

    found = added(tmp_path, "nvidia--Llama-3.1-70B-Instruct-FP8")

    assert "a100-80gb" in {cell.gpu_name for cell in found.cells}


def test_a_size_that_does_not_divide_a_width_is_not_proposed() -> None:
    # Experts of 1536 and 20 heads: 5 GPUs divide the heads alone.
    model = read(PUBLISHED["zai-org/GLM-4.7-Flash"][0])

    assert model.split_problem(5) == "tensor parallel 5 does not divide the width 1536"
    assert not model.split_problem(4)
