"""`list ORG/NAME` and `explain ORG/NAME`: what `add` would write, and the cells that are there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from testing.project import copy_profiles
from tests.support import Run, ira
from tests.test_add import LLAMA, folder_of

QWEN = "Qwen--Qwen3-8B"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    copy_profiles(tmp_path)
    return tmp_path


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def ask(here: Path, command: str, *words: str | Path) -> Run:
    """Run a command that answers, and see that it changes no file."""
    before = contents(here)
    run = ira(command, *words, cwd=here)
    assert contents(here) == before
    return run


def rows(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if " ×" in line][1:]


def test_list_shows_the_rows_that_the_profile_would_have(here: Path) -> None:
    folder = folder_of(here, QWEN)

    asked = ask(here, "list", "Qwen/Qwen3-8B", "--from", folder)

    assert (asked.returncode, asked.stderr) == (0, "")
    assert len(rows(asked.stdout)) == 3
    added = ira("add", "--from", folder, cwd=here)
    assert rows(added.stdout) == rows(asked.stdout)


def test_list_prints_the_same_as_json(here: Path) -> None:
    folder = folder_of(here, QWEN)

    asked = ask(here, "list", "Qwen/Qwen3-8B", "--from", folder, "--gpu", "h100", "--json")

    assert asked.returncode == 0
    (cell,) = json.loads(asked.stdout)["cells"]
    assert json.loads(asked.stdout)["absent"] == []
    ira("add", "--from", folder, cwd=here)
    listed = json.loads(ira("list", "--json", cwd=here).stdout)["cells"]
    assert cell in listed


def test_explain_shows_memory_and_lines_of_each_cell(here: Path) -> None:
    folder = folder_of(here, QWEN)

    asked = ask(here, "explain", "Qwen/Qwen3-8B", "--gpu", "h100", "--from", folder)

    assert (asked.returncode, asked.stderr) == (0, "")
    assert asked.stdout.startswith("h100 × qwen3-8b on a3-highgpu-1g\n")
    ira("add", "--from", folder, cwd=here)
    explained = ira("explain", "h100/qwen3-8b", cwd=here).stdout
    memory = explained.partition("\nValues and where they come from:")[0]
    assert asked.stdout.startswith(memory)
    assert "The weights are computed from the architecture." in asked.stdout
    written = (here / "profiles/models/qwen3-8b.yaml").read_text()
    lines = asked.stdout.partition("The cell as `add` writes it:\n")[2]
    assert lines.startswith("  h100:\n    tensor_parallel: 1\n")
    assert lines in written


def test_explain_says_why_a_gpu_type_is_left_out(here: Path) -> None:
    folder = folder_of(here, "deepseek-ai--DeepSeek-R1")

    asked = ask(here, "explain", "deepseek-ai/DeepSeek-R1", "--gpu", "l4", "--from", folder)

    assert asked.returncode == 0
    said = " ".join(asked.stdout.split())
    assert said.startswith("l4 gets no cell of deepseek-r1: does not fit: weights take ")


def test_list_says_that_no_gpu_type_works(here: Path) -> None:
    folder = folder_of(here, "deepseek-ai--DeepSeek-R1")
    words = ("deepseek-ai/DeepSeek-R1", "--gpu", "l4", "--from", folder)

    asked, found = ask(here, "list", *words), ask(here, "list", *words, "--json")

    assert (asked.returncode, found.returncode) == (0, 0)
    assert asked.stdout.startswith("\nNot in the matrix:\nl4 × deepseek-r1: does not fit: ")
    assert json.loads(found.stdout)["cells"] == []
    assert [pair["gpu"] for pair in json.loads(found.stdout)["absent"]] == ["l4"]


def test_a_context_that_is_too_long_is_answered_with_one_that_is_not(here: Path) -> None:
    # 126 layers of 8 heads of 128 elements, twice 2 bytes: 4 KiB a token, 504 KiB on all GPUs. Of
    # 8 x 141 GB, 810 are weights.
    folder = folder_of(here, "meta-llama--Meta-Llama-3.1-405B", max_position_embeddings=1 << 24)
    words = ("meta-llama/Llama-3.1-405B", "--gpu", "h200", "--from", folder)

    asked = ask(here, "explain", *words, "--max-model-len", str(1 << 24))
    fitting = json.loads(ask(here, "list", *words, "--json").stdout)["cells"][0]["max_model_len"]

    said = " ".join(asked.stdout.split())
    assert said.endswith(f"; a cell with {fitting} tokens works")
    assert 100_000 < fitting < 1 << 24


def test_a_model_that_has_a_profile_is_answered_with_its_cells(here: Path) -> None:
    explained = ask(here, "explain", "google/gemma-3-27b-it", "--gpu", "h100")
    listed = ask(here, "list", "google/gemma-3-27b-it")

    note = "note: google/gemma-3-27b-it has a profile, profiles/models/gemma3-27b.yaml; "
    assert explained.stderr == listed.stderr == f"{note}these are its cells\n"
    assert explained.stdout == ira("explain", "h100/gemma3-27b", cwd=here).stdout
    every = rows(ira("list", cwd=here).stdout)
    expected = [row for row in every if "× gemma3-27b" in row]
    assert rows(listed.stdout) == expected
    assert len(expected) == 3


def test_its_files_are_asked_about_without_the_profile(here: Path) -> None:
    folder = folder_of(here, LLAMA)

    asked = ask(here, "list", "google/gemma-3-27b-it", "--gpu", "h100", "--from", folder, "--json")

    assert "; these are the cells of a new one\n" in asked.stderr
    (cell,) = json.loads(asked.stdout)["cells"]
    assert (cell["model"], cell["gpus"]) == ("gemma-3-27b-it", 1)


def test_a_gpu_type_without_a_cell_of_the_profile_says_whether_it_would_fit(here: Path) -> None:
    asked = ask(here, "explain", "meta-llama/Llama-3.3-70B-Instruct", "--gpu", "l4")

    assert asked.returncode == 0
    assert asked.stdout == ira("explain", "l4/llama3", cwd=here).stdout
    assert asked.stdout.startswith("l4 × llama3 is not in the matrix: ")


def test_no_profiles_of_ones_own_are_needed(tmp_path: Path) -> None:
    asked = ask(tmp_path, "list", "--from", folder_of(tmp_path, QWEN), "--gpu", "h100", "--json")

    assert asked.stderr == "note: ./profiles does not exist; using the packaged profiles\n"
    assert [cell["model"] for cell in json.loads(asked.stdout)["cells"]] == ["qwen3-8b"]


def test_a_name_that_is_too_long_is_cut_at_a_word(here: Path) -> None:
    # "online-inference-gpu-h200-" and "-queued" leave 30 of 63 letters.
    name = "meta-llama--Llama-4-Maverick-17B-128E-Instruct"

    asked = ask(here, "list", "--from", folder_of(here, name), "--gpu", "h200", "--json")

    (cell,) = json.loads(asked.stdout)["cells"]
    assert cell["model"] == "llama-4-maverick-17b-128e"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("explain", "the following arguments are required: GPU/MODEL"),
        ("explain a/B --from missing", "missing can't be read: no such file"),
        ("explain a/B field --from llama", "unexpected argument after a model: 'field'"),
        ("explain h100/llama3 --gpu h100", "--gpu needs a model's id, ORG/NAME; h100/llama3 is"),
        ("explain IRA012 --gpu h100", "--gpu needs a model: give its id, ORG/NAME"),
        ("explain model-download --from llama", "--from needs a model: give its id, ORG/NAME"),
        ("explain h10/llama3", "h10 × llama3 is not in the matrix"),
        ("explain acme/llama3", "acme × llama3 is not in the matrix"),
        ("explain Google/gemma-3-27b-it", "differs in case from google/gemma-3-27b-it"),
        ("list llama3", "unexpected argument: 'llama3'; a model is named by its id, ORG/NAME"),
        ("list --gpu h100", "--gpu needs a model: give its id, ORG/NAME"),
        ("list a/B --gpu h10 --from llama", "--gpu 'h10' is no GPU type; there are h100, h200, l4"),
        ("list google/gemma-3-27b-it --gpu h10", "--gpu 'h10' is no GPU type"),
        ("list a/B --max-model-len 131073 --from llama", "is more than the model's own 131072"),
    ],
)
def test_invalid_arguments_are_reported(here: Path, words: str, says: str) -> None:
    folder_of(here, LLAMA).rename(here / "llama")

    asked = ask(here, *words.split())

    assert (asked.returncode, asked.stdout) == (2, "")
    assert says in asked.stderr
    assert asked.stderr.count("\n") == 1


def test_an_error_in_a_models_files_is_a_json_document_of_list(here: Path) -> None:
    (here / "config.json").write_text("[]")

    asked = ask(here, "list", "a/B", "--from", here / "config.json", "--json")

    assert asked.returncode == 2
    (problem,) = json.loads(asked.stdout)["problems"]
    assert problem["message"].endswith("config.json holds no JSON object")
