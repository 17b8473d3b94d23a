"""`add`: a model's files -> its profile, with cells that render and pass `check`."""

from __future__ import annotations

import json
import os
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest
import yaml

from ira_manifests import load_matrix
from ira_manifests.architectures import RefusedError
from ira_manifests.errors import InputError
from ira_manifests.memory import Verdict
from ira_manifests.model_files import read
from ira_manifests.new_model import Added, Request, add
from testing.edits import edit_profile
from testing.project import PROFILES, copy_profiles
from tests.architectures.configs import NAMES, config, hf_quant
from tests.architectures.test_layers import REFUSED
from tests.support import Run, ira

LLAMA = "meta-llama--Meta-Llama-3.1-8B"


def folder_of(parent: Path, name: str, **changes: Any) -> Path:
    """Create a folder as on the Hub, with the configuration of a published model."""
    folder = parent / name
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({**config(name), **changes}))
    quant = hf_quant(name)
    if quant is not None:
        (folder / "hf_quant_config.json").write_text(json.dumps(quant))
    return folder


@pytest.fixture
def here(tmp_path: Path) -> Path:
    copy_profiles(tmp_path)
    return tmp_path


def run(here: Path, *words: str | Path) -> Run:
    return ira("add", *words, cwd=here)


def models(here: Path) -> list[str]:
    return sorted(path.name for path in (here / "profiles/models").iterdir())


BEFORE = ["gemma3-27b.yaml", "llama3.yaml", "llama4-scout.yaml"]


def test_a_model_is_added_with_its_cells(here: Path) -> None:
    added = run(here, "--from", folder_of(here, "Qwen--Qwen3-8B"))

    assert (added.returncode, added.stderr) == (0, "")
    assert models(here) == [*BEFORE, "qwen3-8b.yaml"]
    matrix = load_matrix(here / "profiles")
    cells = {gpu: matrix[gpu, "qwen3-8b"] for gpu in ("h100", "h200", "l4")}
    assert {cell.model.model_id for cell in cells.values()} == {"Qwen/Qwen3-8B"}
    # One H100 of 79 GiB holds 15.3 GiB of weights and 40,960 tokens of 144 KiB.
    assert cells["h100"].machine.machine_type == "a3-highgpu-1g"
    assert cells["h100"].max_model_len == 40960
    # 22 GiB leave about 3 for tokens of 144 KiB; machines with less memory can't cache the files.
    assert cells["l4"].machine.machine_type == "g2-standard-12"
    assert 8192 <= cells["l4"].max_model_len < 22528
    assert "Wrote profiles/models/qwen3-8b.yaml.\n" in added.stdout
    assert "ira-manifests synth --model-id Qwen/Qwen3-8B" in added.stdout
    said = " ".join(added.stdout.split())
    assert "The cluster needs the compute classes gpu-" in said
    assert "service account ira-online-gpu-ksa-qwen3-8b needs read access" in said


def test_the_table_is_the_one_of_list(here: Path) -> None:
    added = run(here, "--from", folder_of(here, "Qwen--Qwen3-8B"))

    listed = ira("list", cwd=here).stdout.splitlines()
    rows = [line for line in added.stdout.splitlines() if "× qwen3-8b" in line]
    assert len(rows) == 3
    assert {" ".join(row.split()) for row in rows} <= {" ".join(line.split()) for line in listed}


TEN = [
    LLAMA,
    "Qwen--Qwen3-0.6B",
    "Qwen--Qwen3-32B-FP8",
    "Qwen--Qwen3-VL-8B-Instruct",
    "Qwen--Qwen3.5-27B",
    "deepseek-ai--DeepSeek-R1",
    "google--gemma-4-26B-A4B",
    "mistralai--Mixtral-8x7B-v0.1",
    "nvidia--Nemotron-H-56B-Base-8K",
    "openai--gpt-oss-20b",
]


def test_ten_added_models_render_and_pass_check(here: Path) -> None:
    for name in TEN:
        assert run(here, "--from", folder_of(here, name)).returncode == 0, name

    written = ira("synth", "--bucket", "acme-ira-model", cwd=here)
    checked = ira("check", "--format", "json", cwd=here)

    assert written.returncode == 0, written.stderr
    assert checked.returncode == 0, checked.stdout
    new = set(models(here)) - set(BEFORE)
    assert len(new) == 10
    assert not [found for found in json.loads(checked.stdout) if Path(found["file"]).name in new]


def added_in_process(here: Path, name: str, **options: Any) -> Added:
    matrix = load_matrix(here / "profiles")
    files = read(folder_of(here, name))
    file = here / "profiles/models/new.yaml"
    return add(matrix, Request(files, name.replace("--", "/"), file, **options))


# The weights alone exceed all GPUs of the largest machine: 8 x 79.19, 8 x 22.03 GiB.
TOO_LARGE = {
    "MiniMaxAI--MiniMax-M2.5": {"l4"},
    "Qwen--Qwen3-235B-A22B": {"l4"},
    "Qwen--Qwen3-Coder-480B-A35B-Instruct": {"h100", "l4"},
    "XiaomiMiMo--MiMo-V2-Flash": {"l4"},
    "deepseek-ai--DeepSeek-R1": {"h100", "l4"},
    "deepseek-ai--DeepSeek-V3.2": {"h100", "l4"},
    "meta-llama--Llama-4-Maverick-17B-128E-Instruct": {"h100", "l4"},
    "meta-llama--Llama-4-Scout-17B-16E-Instruct": {"l4"},
    "meta-llama--Meta-Llama-3.1-405B": {"h100", "l4"},
    "moonshotai--Kimi-K2-Instruct": {"h100", "l4"},
    "zai-org--GLM-5-FP8": {"h100", "l4"},
}


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(REFUSED)))
def test_every_configuration_gets_cells_that_keep_their_margins(here: Path, name: str) -> None:
    added = added_in_process(here, name)

    assert added.cells
    for cell in added.cells:
        budget = cell.budget
        assert budget is not None
        assert budget.verdict is Verdict.FITS
        assert float(cell.profile.cpu) >= 2 * (2 + cell.profile.tensor_parallel)
    left_out = {pair.gpu for pair in added.left_out}
    assert left_out >= TOO_LARGE.get(name, set())
    assert {cell.gpu_name for cell in added.cells} == {"h100", "h200", "l4"} - left_out
    assert all(pair.why for pair in added.left_out)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_gets_no_profile(here: Path, name: str) -> None:
    with pytest.raises(RefusedError):
        added_in_process(here, name)

    refused = run(here, "--from", here / name)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("error: ")
    assert models(here) == BEFORE


def test_a_reason_is_about_memory_and_not_about_odd_sizes(here: Path) -> None:
    (pair,) = added_in_process(here, "Qwen--Qwen3-235B-A22B", gpus=("h100", "l4")).left_out

    assert pair.gpu == "l4"
    assert pair.why.startswith("does not fit: weights take ")
    assert pair.why.endswith("at tensor parallel 8")


def test_the_cache_is_of_the_type_that_the_checkpoint_asks_for(here: Path) -> None:
    added = added_in_process(here, "nvidia--Llama-3.1-70B-Instruct-FP8", gpus=("h200",))

    assert [cell.profile.kv_cache_dtype for cell in added.cells] == ["fp8"]


def test_a_context_that_is_asked_for_is_served_on_a_machine_that_can(here: Path) -> None:
    (cell,) = added_in_process(here, LLAMA, gpus=("l4",), max_model_len=131072).cells

    assert cell.max_model_len == 131072
    assert cell.profile.tensor_parallel > 1


def test_a_context_beyond_the_models_own_is_refused(here: Path) -> None:
    with pytest.raises(InputError, match="--max-model-len 131073 is more than the model's own"):
        added_in_process(here, LLAMA, max_model_len=131073)


def test_a_model_that_works_nowhere_is_reported_with_the_reasons(here: Path) -> None:
    added = run(here, "--gpu", "l4", "--from", folder_of(here, "deepseek-ai--DeepSeek-R1"))

    assert added.returncode == 2
    assert "deepseek-ai/DeepSeek-R1 gets no cell on l4: does not fit: weights" in added.stderr
    assert models(here) == BEFORE


def test_an_engine_that_is_too_old_is_reported_with_the_first_that_is_not(here: Path) -> None:
    edit_profile(here / "profiles", "platform.yaml", {"version: 0.26.0": "version: 0.16.0"})

    added = run(here, "--from", folder_of(here, "Qwen--Qwen3.5-27B"))

    assert added.returncode == 2
    assert "is served by vLLM from 0.17.0 on, and platform.yaml has 0.16.0" in added.stderr


def test_a_profile_is_never_overwritten(here: Path) -> None:
    file = here / "profiles/models/llama3.yaml"
    before = file.read_bytes()

    added = run(here, "--name", "llama3", "--from", folder_of(here, LLAMA))

    assert added.returncode == 2
    assert "llama3.yaml is there already, and is left as it is; give another --name" in added.stderr
    assert file.read_bytes() == before


def test_profiles_are_laid_where_there_are_none(tmp_path: Path) -> None:
    added = run(tmp_path, "--from", folder_of(tmp_path, LLAMA))

    assert added.returncode == 0
    assert added.stderr.startswith("note: made profiles/ with the platform and the GPU types")
    laid = {path.name for path in (tmp_path / "profiles").iterdir()}
    assert laid == {"gpus", "known-models.yaml", "models", "platform.yaml", "schemas"}
    assert models(tmp_path) == ["meta-llama-3-1-8b.yaml"]
    listed = ira("list", "--json", cwd=tmp_path)
    assert {row["model"] for row in json.loads(listed.stdout)["cells"]} == {"meta-llama-3-1-8b"}


def schema_that_is_named(profile: Path) -> Path:
    """Return the schema to which the first line of a profile leads an editor."""
    first = profile.read_text().splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    return (profile.parent / first.partition("=")[2]).resolve()


def test_a_new_profile_names_the_schema_that_is_laid_beside_it(tmp_path: Path) -> None:
    run(tmp_path, "--from", folder_of(tmp_path, LLAMA))

    profiles = list((tmp_path / "profiles").rglob("*.yaml"))
    assert len(profiles) > 3
    for profile in profiles:
        schema = schema_that_is_named(profile)
        assert schema.read_bytes() == (PROFILES / "schemas" / schema.name).read_bytes()


def test_a_folder_of_profiles_without_schemas_gets_them_once(here: Path) -> None:
    shutil.rmtree(here / "profiles/schemas")

    dry = run(here, "--from", folder_of(here, LLAMA), "--dry-run")
    assert dry.stdout.startswith("# yaml-language-server: $schema=../schemas/model.schema.json\n")
    assert not (here / "profiles/schemas").exists()

    run(here, "--from", folder_of(here, LLAMA), "--name", "first")
    assert schema_that_is_named(here / "profiles/models/first.yaml").is_file()
    shutil.rmtree(here / "profiles/schemas")
    (here / "profiles/schemas").write_text("mine")

    added = run(here, "--from", folder_of(here, "Qwen--Qwen3-32B-FP8"), "--name", "second")
    assert (added.returncode, added.stderr) == (0, "")
    assert (here / "profiles/schemas").read_text() == "mine"


def test_a_folder_of_that_name_that_is_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/mine.txt").touch()

    added = run(tmp_path, "--from", folder_of(tmp_path, LLAMA))

    assert added.returncode == 2
    assert "./profiles holds no profiles; name the folder with --profiles" in added.stderr
    assert [path.name for path in (tmp_path / "profiles").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("Qwen--Qwen3-32B-FP8", {"quantization": "fp8"}),
        ("openai--gpt-oss-20b", {"quantization": "mxfp4"}),
        # 27 blocks of 4 x 1152^2 + 2 x 1152 x 4304, and 4 mergers of 4608^2 + 4608 x 4096.
        ("Qwen--Qwen3-VL-8B-Instruct", {"linear_gib": "12.94", "vision_gib": "1.07"}),
    ],
)
def test_what_is_in_the_weights_is_written_where_it_is_known(
    here: Path, name: str, weights: dict[str, str]
) -> None:
    run(here, "--from", folder_of(here, name), "--name", "added")
    found = yaml.safe_load((here / "profiles/models/added.yaml").read_text())["weights"]
    del found["total_gib"]

    assert {key: f"{value}" for key, value in found.items()} == weights


def test_a_dry_run_prints_the_profile_and_writes_nothing(here: Path) -> None:
    added = run(here, "--dry-run", "--from", folder_of(here, LLAMA))

    assert added.returncode == 0
    assert "model_id: meta-llama/Meta-Llama-3.1-8B\n" in added.stdout
    # 32 layers of 4096 x (2 x 4096 + 2 x 1024) + 3 x 4096 x 14336 values, of two bytes.
    assert "  total_gib: 14.99\n  linear_gib: 13.00\n" in added.stdout
    assert models(here) == BEFORE


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("", "which model? Give its id on the Hub, such as Qwen/Qwen3-8B, or --from and a folder"),
        ("a/B --revision main --from llama", "--revision is one of the Hub; with --from, name the"),
        ("--from", "--from: expected one argument"),
        ("--from missing", "which model is missing? Give its id on the Hub: ORG/NAME --from"),
        ("meta-llama/X --from missing", "missing can't be read: no such file"),
        ("meta-llama/X --from profiles", "profiles/config.json can't be read: no such file"),
        ("X --from llama", "the model's id"),
        ("a/B --name UPPER --from llama", "--name"),
        ("a/B --gpu h10 --from llama", "--gpu 'h10' is no GPU type; there are h100, h200, l4"),
        ("a/B --max-model-len 0 --from llama", "--max-model-len is '0'; give a number of tokens"),
        ("a/B --max-model-len 128k --from llama", "--max-model-len is '128k'; give a number"),
        (f"a/B --name {'x' * 50} --from llama", "is too long a name: its directories may have 63"),
    ],
)
def test_invalid_arguments_are_reported(here: Path, words: str, says: str) -> None:
    folder_of(here, LLAMA).rename(here / "llama")

    added = run(here, *words.split())

    assert (added.returncode, added.stdout) == (2, "")
    assert says in added.stderr
    assert models(here) == BEFORE


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b" " * (50 << 20), "config.json is larger than 4 MiB"),
        (b'{"architectures": ["Ll', "config.json is not JSON"),
        (b"[]", "config.json holds no JSON object"),
        (b'{"id": 7}', "config.json names no architectures"),
    ],
)
def test_a_bad_config_is_one_message_and_no_profile(here: Path, text: bytes, says: str) -> None:
    folder = folder_of(here, LLAMA)
    (folder / "config.json").write_bytes(text)

    refused_once(here, folder, says)


def refused_once(here: Path, folder: Path, says: str) -> None:
    added = run(here, "--from", folder)

    assert (added.returncode, added.stdout) == (2, "")
    assert says in added.stderr
    assert added.stderr.count("\n") == 1
    assert models(here) == BEFORE


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("num_hidden_layers", 10**9, "num_hidden_layers is 1000000000"),
        ("num_attention_heads", -1, "num_attention_heads is -1"),
        ("vocab_size", float("nan"), "vocab_size is nan"),
        ("hidden_size", None, "has no hidden_size"),
        ("num_key_value_heads", 5, "which num_key_value_heads 5 does not divide"),
    ],
)
def test_a_bad_number_is_one_message_and_no_profile(
    here: Path, key: str, value: Any, says: str
) -> None:
    refused_once(here, folder_of(here, LLAMA, **{key: value}), says)


SMALL = {
    "hidden_size": 256,
    "intermediate_size": 1024,
    "max_position_embeddings": 8192,
    "num_attention_heads": 8,
    "num_hidden_layers": 2,
    "num_key_value_heads": 8,
    "vocab_size": 32000,
}


def write_weights(path: Path, size: int, claims: int | None = None) -> None:
    """Write a safetensors file with one tensor of bf16; `claims`: a false length of the header."""
    header = json.dumps({"model.norm.weight": {
        "dtype": "BF16", "shape": [size // 2], "data_offsets": [0, size],
    }}).encode()  # fmt: skip
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(header) if claims is None else claims) + header)
        file.truncate(8 + len(header) + size)  # sparse: nothing of it is read


def test_weights_are_those_of_the_headers(here: Path) -> None:
    folder = folder_of(here, LLAMA, **SMALL)
    write_weights(folder / "model.safetensors", 3 << 30)

    added = run(here, "--dry-run", "--from", folder)

    assert "~ Computed from the headers of the safetensors files;" in added.stdout
    assert "total_gib: 3.00\n" in added.stdout


def test_weights_are_those_of_all_files_of_the_index(here: Path) -> None:
    folder = folder_of(here, LLAMA, **SMALL)
    files = ("model-1.safetensors", "model-2.safetensors")
    index = {"metadata": {"total_size": 7 << 30}, "weight_map": dict(zip("ab", files, strict=True))}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    of_index = run(here, "--dry-run", "--from", folder)
    for file in files:
        write_weights(folder / file, 1 << 30)
    of_headers = run(here, "--dry-run", "--from", folder)
    (folder / files[0]).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    of_pointers = run(here, "--dry-run", "--from", folder)

    assert "total_gib: 7.00\n" in of_index.stdout
    assert "total_gib: 2.00\n" in of_headers.stdout
    assert "total_gib: 7.00\n" in of_pointers.stdout


def test_a_header_that_lies_about_its_length_is_one_message(here: Path) -> None:
    folder = folder_of(here, LLAMA)
    write_weights(folder / "model.safetensors", 1024, claims=1 << 60)

    refused_once(here, folder, f"model.safetensors says that its header has {1 << 60} bytes")


@pytest.mark.parametrize("name", ["model-Q4_K_M.gguf", "pytorch_model.bin", "params.json"])
def test_weights_of_another_form_are_refused(here: Path, name: str) -> None:
    folder = folder_of(here, LLAMA)
    (folder / name).touch()

    refused_once(here, folder, f"but {name}: only weights as safetensors")


def test_a_snapshot_of_the_hubs_cache_tells_the_models_id(here: Path) -> None:
    snapshot = here / "models--Qwen--Qwen3-0.6B/snapshots/c1899de289a04d12100db370d81485cdf75e47ca"
    snapshot.parent.mkdir(parents=True)
    folder_of(here, "Qwen--Qwen3-0.6B").rename(snapshot)

    added = run(here, "--from", snapshot)

    assert added.returncode == 0
    assert "qwen3-0-6b.yaml" in models(here)


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(here: Path) -> None:
    folder = folder_of(here, LLAMA)
    (folder / "config.json").unlink()
    os.mkfifo(folder / "config.json")

    refused_once(here, folder, "it is not a regular file")
