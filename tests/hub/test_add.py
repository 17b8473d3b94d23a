"""`add ORG/NAME`: what is read from the Hub, and what is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ira_manifests import architectures
from testing.hub import API, CDN, Hub
from testing.project import TOKEN, copy_profiles
from tests.architectures.configs import config, hf_quant
from tests.hub.asking import (
    CONFIG,
    INDEX,
    MODEL,
    SINGLE,
    add,
    added,
    assert_refused,
    encoded,
    environment,
    model,
    safetensors,
    weights,
)
from tests.support import at_start, ira, ira_alone


def test_a_model_is_added_by_its_id(tmp_path: Path) -> None:
    with Hub(MODEL, model(), is_public=True) as hub:
        run = add(tmp_path, hub)

    assert (run.returncode, run.stderr) == (0, "")
    assert added(tmp_path) == ["qwen3-8b"]
    text = (tmp_path / "profiles/models/qwen3-8b.yaml").read_text()
    assert f"model_id: Qwen/Qwen3-8B\nrevision: {hub.commit}\n" in text
    # 16,381,470,720 bytes, and the table of positions: 40,960 x 128 x 2.
    assert "total_gib: 15.27\n" in text
    assert f"Read {MODEL} at commit {hub.commit}.\n" in run.stdout
    assert "ira-manifests synth --model-id Qwen/Qwen3-8B" in run.stdout


def test_only_the_start_of_the_weights_is_requested(tmp_path: Path) -> None:
    with Hub(MODEL, model(), is_public=True) as hub:
        add(tmp_path, hub)

        assert set(hub.sent) == {CONFIG, SINGLE}
        assert hub.sent[SINGLE] <= 100_000


TEN = [
    "Qwen--Qwen3-0.6B",
    "Qwen--Qwen3-30B-A3B",
    "Qwen--Qwen3-32B-FP8",
    "Qwen--Qwen3.5-27B",
    "deepseek-ai--DeepSeek-R1",
    "google--gemma-4-26B-A4B",
    "meta-llama--Meta-Llama-3.1-70B",
    "mistralai--Mixtral-8x7B-v0.1",
    "nvidia--Llama-3.1-70B-Instruct-FP8",
    "openai--gpt-oss-20b",
]


def sharded(name: str) -> dict[str, Any]:
    """Return the files of a published model: a tensor for each layer, in files of four layers."""
    found = architectures.read(config(name), hf_quant(name))
    dtype = "BF16" if not found.quantization.method else "U8"
    layers = len(found.layers)
    size = found.computed_bytes // layers // 2 * 2
    width = size // 2 if dtype == "BF16" else size
    weight_map: dict[str, str] = {}
    files: dict[str, Any] = {CONFIG: encoded(config(name))}
    for number, first in enumerate(range(0, layers, 4)):
        names = [f"model.layers.{each}.weight" for each in range(first, min(layers, first + 4))]
        shard = f"model-{number:05}.safetensors"
        files[shard] = safetensors(dict.fromkeys(names, (dtype, width, size)))
        weight_map |= dict.fromkeys(names, shard)
    files[INDEX] = encoded({"metadata": {"total_size": size * layers}, "weight_map": weight_map})
    if (quant := hf_quant(name)) is not None:
        files["hf_quant_config.json"] = encoded(quant)
    return files


def test_ten_models_end_in_cells_that_render_and_pass_check(tmp_path: Path) -> None:
    for name in TEN:
        with Hub(name.replace("--", "/"), sharded(name), is_public=True) as hub:
            run = add(tmp_path, hub)
            heads = {path: sent for path, sent in hub.sent.items() if path.endswith("safetensors")}
        assert run.returncode == 0, run.stderr
        assert len(heads) > 1
        assert max(heads.values()) <= 100_000

    written = ira("synth", "--bucket", "acme-ira-model", cwd=tmp_path)
    checked = ira("check", "--format", "json", cwd=tmp_path)

    assert (written.returncode, checked.returncode) == (0, 0), written.stderr
    new = {f"{name}.yaml" for name in added(tmp_path)}
    assert len(new) == 10
    assert not [found for found in json.loads(checked.stdout) if Path(found["file"]).name in new]


def test_a_header_longer_than_the_first_request_is_read_whole(tmp_path: Path) -> None:
    one = ("BF16", 1 << 19, 1 << 20)
    tensors = {f"model.layers.0.experts.{number}.weight": one for number in range(9000)}
    with Hub(MODEL, model(model__safetensors=safetensors(tensors)), is_public=True) as hub:
        run = add(tmp_path, hub, MODEL, "--dry-run")

        assert 500_000 < hub.sent[SINGLE] < 2_000_000
    assert "total_gib: 8.80\n" in run.stdout  # 9000 MiB, and the table of positions


def test_files_without_an_index_are_all_read(tmp_path: Path) -> None:
    """As vLLM does, which loads every safetensors file then."""
    files = {f"model-0000{number}-of-00002.safetensors": weights(1 << 33) for number in (1, 2)}
    with Hub(MODEL, {CONFIG: model()[CONFIG], **files}, is_public=True) as hub:
        run = add(tmp_path, hub, MODEL, "--dry-run")

    assert "total_gib: 16.01\n" in run.stdout


def test_a_revision_is_read_at_its_commit(tmp_path: Path) -> None:
    commit = "beef" * 10
    with Hub(MODEL, model(), is_public=True, revisions={"refs/pr/7": commit}) as hub:
        run = add(tmp_path, hub, MODEL, "--revision", "refs/pr/7", "--gpu", "h100", "--name", "q")
        addresses = [each.address for each in hub.requests if "/resolve/" in each.address]

    assert f"Read {MODEL} at commit {commit}.\n" in run.stdout
    assert {address.split("/")[4] for address in addresses} == {commit}
    assert added(tmp_path) == ["q"]
    assert f"revision: {commit}\n" in (tmp_path / "profiles/models/q.yaml").read_text()


@pytest.mark.parametrize("asked", ["qwen/qwen3-8b", "Qwen/Qwen-3-8B"])
def test_the_id_is_the_one_that_the_hub_has_now(tmp_path: Path, asked: str) -> None:
    with Hub(MODEL, model(), is_public=True, old_id="Qwen/Qwen-3-8B") as hub:
        run = add(tmp_path, hub, asked)

    assert run.returncode == 0, run.stderr
    assert "ira-manifests synth --model-id Qwen/Qwen3-8B" in run.stdout


def test_list_and_explain_read_the_hub_and_write_nothing(tmp_path: Path) -> None:
    copy_profiles(tmp_path)
    with Hub(MODEL, model(), is_public=True) as hub:
        env = environment(tmp_path, hub)
        listed = ira("list", MODEL, "--json", cwd=tmp_path, env=env)
        explained = ira("explain", MODEL, "--gpu", "h100", cwd=tmp_path, env=env)

    assert {row["model"] for row in json.loads(listed.stdout)["cells"]} == {"qwen3-8b"}
    assert explained.returncode == 0, explained.stderr
    assert added(tmp_path) == []


def test_a_profile_is_refreshed_from_the_hub(tmp_path: Path) -> None:
    with Hub(MODEL, model(), is_public=True) as hub:
        add(tmp_path, hub, MODEL, "--gpu", "h100")
        hub.files[SINGLE] = weights(1 << 34)
        hub.commit = "beef" * 10
        run = add(tmp_path, hub, "qwen3-8b", "--update")

    assert run.returncode == 0, run.stderr
    text = (tmp_path / "profiles/models/qwen3-8b.yaml").read_text()
    assert "total_gib: 16.01\n" in text
    assert f"revision: {'beef' * 10}\n" in text


def test_the_token_is_sent_to_the_hub_alone(tmp_path: Path) -> None:
    with Hub(MODEL, model()) as hub:
        run = add(tmp_path, hub, HF_TOKEN=TOKEN)

        assert run.returncode == 0, run.stderr
        with_token = {each.authorization for each in hub.requests if CDN not in each.address}
        without = {each.authorization for each in hub.requests if CDN in each.address}
    assert (with_token, without) == ({f"Bearer {TOKEN}"}, {None})


def test_the_token_may_be_in_the_file_of_a_login(tmp_path: Path) -> None:
    (tmp_path / "hf").mkdir()
    (tmp_path / "hf/token").write_text(f"{TOKEN}\n")
    with Hub(MODEL, model()) as hub:
        found = add(tmp_path, hub, MODEL, "--dry-run")
        kept = add(tmp_path, hub, MODEL, "--dry-run", HF_HUB_DISABLE_IMPLICIT_TOKEN="1")

    assert (found.returncode, kept.returncode) == (0, 2)


def snapshot(folder: Path, files: dict[str, Any], commit: str) -> None:
    """Write a commit into the Hub's cache: small files whole, large ones sparse."""
    cache = folder / "hf/hub/models--Qwen--Qwen3-8B"
    (cache / "refs").mkdir(parents=True)
    (cache / "refs/main").write_text(commit)
    (cache / "snapshots" / commit).mkdir(parents=True)
    for name, content in files.items():
        with (cache / "snapshots" / commit / name).open("wb") as file:
            file.write(content if isinstance(content, bytes) else content.start)
            file.truncate(len(content))


def test_a_snapshot_in_the_cache_is_read_offline(tmp_path: Path) -> None:
    snapshot(tmp_path, model(), "beef" * 10)
    with Hub(MODEL, model()) as hub:
        run = add(tmp_path, hub, HF_HUB_OFFLINE="1")

        assert hub.requests == []
    assert run.returncode == 0, run.stderr
    assert f"Read {MODEL} at commit {'beef' * 10}.\n" in run.stdout


def test_what_the_cache_has_of_the_commit_is_not_requested(tmp_path: Path) -> None:
    with Hub(MODEL, model(), is_public=True) as hub:
        snapshot(tmp_path, model(), hub.commit)
        run = add(tmp_path, hub)

        assert run.returncode == 0, run.stderr
        assert {each.path for each in hub.requests} == {API}


WITHOUT = 'import sys; sys.modules["huggingface_hub"] = None'
OLD = 'import huggingface_hub; huggingface_hub.__version__ = "0.36.0"'


@pytest.mark.parametrize(
    ("program", "says"),
    [
        (WITHOUT, "the package huggingface_hub, the extra `hub`: pip install 'huggingface_hub>=1'"),
        (OLD, "huggingface_hub 0.36.0 is too old to read models: pip install 'huggingface_hub>=1'"),
    ],
)
def test_the_extra_is_named_where_it_is_missing(tmp_path: Path, program: str, says: str) -> None:
    copy_profiles(tmp_path)

    run = ira_alone("add", MODEL, cwd=tmp_path, env=at_start(tmp_path, program))

    assert_refused(tmp_path, run, says)


def test_a_folder_is_read_without_the_extra(tmp_path: Path) -> None:
    copy_profiles(tmp_path)
    (tmp_path / CONFIG).write_bytes(model()[CONFIG])

    words = ("add", MODEL, "--from", CONFIG)
    run = ira_alone(*words, cwd=tmp_path, env=at_start(tmp_path, WITHOUT))

    assert run.returncode == 0, run.stderr
