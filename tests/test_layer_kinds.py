"""Groups of layers in a profile: the keys of each kind, and whether its cell is judged."""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, fields
from itertools import product
from pathlib import Path

import pytest

from ira_manifests import load_matrix
from ira_manifests.errors import ProfileError
from ira_manifests.memory import (
    LAYER_KINDS,
    AnyLayers,
    EmptyLayers,
    GatedDeltaNetLayers,
    LatentLayers,
    Layers,
    Mamba1Layers,
    Mamba2Layers,
    StateLayers,
    Verdict,
)
from ira_manifests.profiles import layer_kinds
from ira_manifests.profiles.cell import Cell
from testing.edits import edit_file
from testing.project import copy_profiles
from tests.support import ira

DEEPSEEK = """\
model_id: deepseek-ai/DeepSeek-R1
weights:
  total_gib: 641.3
geometry:
  num_attention_heads: 128
  hidden_size: 7168
  intermediate_size: 18432
  vocab_size: 129280
  max_position_embeddings: 163840
  num_hidden_layers: 61
  layers:
    - count: 61
      kv_lora_rank: 512
      qk_rope_head_dim: 64
      qk_nope_head_dim: 128
      v_head_dim: 128
      q_lora_rank: 1536
  experts:
    num_experts_per_tok: 8
    moe_intermediate_size: 2048
cells:
  h200:
    tensor_parallel: 8
    cpu: 128
    memory: 1000G
    gpu_memory_utilization: 0.95
    max_model_len: 163840
"""
LATENT = DEEPSEEK[DEEPSEEK.index("      kv_lora_rank") : DEEPSEEK.index("  experts")]


def written(folder: Path, layers: str = LATENT, **edits: str) -> Path:
    """Write a model with one group of 61 layers beside the reference's profiles."""
    profiles = copy_profiles(folder)
    text = DEEPSEEK.replace(LATENT, layers)
    for old, new in edits.items():
        text = text.replace(f"{old}: ", f"{old}: {new} #")
    (profiles / "models" / "tiny.yaml").write_text(text)
    return profiles


def cell(profiles: Path) -> Cell:
    return load_matrix(profiles)["h200", "tiny"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(
            "      num_key_value_heads: 8\n      head_dim: 192\n      v_head_dim: 128\n"
            "      sliding_window: 128\n      num_attention_heads: 64\n",
            Layers(61, 8, 192, 128, num_attention_heads=64, v_head_dim=128),
            id="attention",
        ),
        pytest.param(
            LATENT + "      index_head_dim: 128\n      index_n_heads: 64\n",
            LatentLayers(61, 512, 64, 128, 128, 1536, 128, 64),
            id="latents with an indexer",
        ),
        pytest.param(
            "      linear_num_key_heads: 16\n      linear_num_value_heads: 48\n"
            "      linear_key_head_dim: 128\n      linear_value_head_dim: 256\n"
            "      linear_conv_kernel_dim: 4\n      mamba_ssm_dtype: float32\n",
            GatedDeltaNetLayers(61, 16, 48, 128, 256, 4, "float32"),
            id="gated delta net",
        ),
        pytest.param(
            "      mamba_num_heads: 64\n      mamba_head_dim: 80\n      ssm_state_size: 128\n"
            "      n_groups: 8\n      conv_kernel: 4\n",
            Mamba2Layers(61, 64, 80, 128, 8, 4),
            id="Mamba-2",
        ),
        pytest.param(
            "      mamba_intermediate_size: 8192\n      mamba_d_state: 16\n      mamba_d_conv: 4\n",
            Mamba1Layers(61, 8192, 16, 4),
            id="Mamba-1",
        ),
        pytest.param("      state_bytes: 4096\n", StateLayers(61, 4096), id="another state"),
    ],
)
def test_a_group_is_of_the_kind_that_its_words_name(
    words: str, expected: AnyLayers, tmp_path: Path
) -> None:
    serving = cell(written(tmp_path, words)).serving
    assert serving is not None
    assert serving.geometry.layers == (expected,)


def test_layers_that_keep_nothing_stand_beside_others(tmp_path: Path) -> None:
    groups = f"{LATENT}    - count: 3\n      no_kv_cache: true\n"
    profiles = written(tmp_path, groups, num_hidden_layers="64")
    serving = cell(profiles).serving
    assert serving is not None
    assert serving.geometry.layers[1] == EmptyLayers(3)


def test_layers_that_keep_nothing_count_in_the_sum(tmp_path: Path) -> None:
    groups = f"{LATENT}    - count: 3\n      no_kv_cache: true\n"
    with pytest.raises(ProfileError, match="is 61, and the layers add up to 64"):
        load_matrix(written(tmp_path, groups))


def test_a_model_that_keeps_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="no layer has a cache"):
        load_matrix(written(tmp_path, "      no_kv_cache: true\n"))


def own_words(kind: type[AnyLayers]) -> list[str]:
    """Return the words of a kind that no other has."""
    others = {field.name for other in LAYER_KINDS if other is not kind for field in fields(other)}
    return [field.name for field in fields(kind) if field.name not in others]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (one, other)
        for kind, different in product(LAYER_KINDS, repeat=2)
        if kind is not different
        for one, other in product(own_words(kind), own_words(different))
    ],
)
def test_words_of_two_kinds_are_both_named(one: str, other: str) -> None:
    found = layer_kinds.problem(["count", one, other])
    assert one in found
    assert other in found


@pytest.mark.parametrize("kind", LAYER_KINDS)
def test_what_a_kind_needs_is_enough_and_each_part_is_asked_for(kind: type[AnyLayers]) -> None:
    needed = [field.name for field in fields(kind) if field.default is MISSING]
    needed += ["no_kv_cache"] if kind is EmptyLayers else []
    assert not layer_kinds.problem(needed)
    assert layer_kinds.kind_of(needed) is kind
    for name in needed:
        rest = [other for other in needed if other != name]
        found = layer_kinds.problem(rest)
        assert name in found or "names no kind of layers" in found


def test_explain_shows_what_a_token_takes(tmp_path: Path) -> None:
    written(tmp_path)
    run = ira("explain", "h200", "tiny", cwd=tmp_path)
    assert run.returncode == 0
    said = " ".join(run.stdout.split())
    assert "70272 bytes a token" in said
    assert "no start-up of a model with latent attention (MLA) was measured" in said


def test_what_the_release_does_not_tell_is_not_judged(tmp_path: Path) -> None:
    profiles = written(tmp_path, "      state_bytes: 4096\n")
    edit_file(profiles / "platform.yaml", {"version: 0.26.0": "version: 0.28.0"})
    found = cell(profiles)
    assert found.budget is None
    assert (
        "the cache layout of layers with a state is known for engines 0.19.0 to 0.27.1, not for"
        in found.unjudged
    )


def test_auto_is_refused_where_nothing_is_judged(tmp_path: Path) -> None:
    profiles = written(tmp_path, "      state_bytes: 4096\n", max_model_len="auto")
    edit_file(profiles / "platform.yaml", {"version: 0.26.0": "version: 0.28.0"})
    message = "max_model_len: is auto, which can't be computed: the cache layout of layers"
    with pytest.raises(ProfileError, match=message):
        load_matrix(profiles)


@pytest.mark.parametrize("flag", ["--enable-prefix-caching", "--mamba-block-size=64"])
def test_options_that_keep_more_states_are_not_judged(flag: str, tmp_path: Path) -> None:
    profiles = written(tmp_path, "      state_bytes: 4096\n")
    flags = f'max_model_len: 163840\n    args: ["{flag}"]'
    edit_file(profiles / "models" / "tiny.yaml", {"max_model_len: 163840": flags})
    assert flag.split("=", maxsplit=1)[0] in cell(profiles).unjudged
    edit_file(profiles / "models" / "tiny.yaml", {"      state_bytes: 4096\n": LATENT})
    expected = "" if flag == "--enable-prefix-caching" else "--mamba-block-size"
    assert expected in cell(profiles).unjudged


def test_check_names_the_requests_whose_states_fit(tmp_path: Path) -> None:
    """1024 states of 61 layers with 4 MiB each on 8 GPUs, beside 80 GiB of weights."""
    written(tmp_path, "      state_bytes: 33554432\n")
    run = ira("check", "--profiles-only", "--format", "json", cwd=tmp_path)
    found = [item for item in json.loads(run.stdout) if item["rule"] == "IRA001"]
    assert "the states of max_num_seqs requests" in found[0]["message"]
    requests = int(re.findall(r"--max-num-seqs=(\d+)", found[0]["hint"])[0])
    profiles = tmp_path / "profiles"
    flags = f'max_model_len: 163840\n    args: ["--max-num-seqs={requests}"]'
    edit_file(profiles / "models" / "tiny.yaml", {"max_model_len: 163840": flags})
    budget = cell(profiles).budget
    assert budget is not None
    assert budget.verdict is Verdict.FITS
    assert budget.blocks < 1024
