"""Several cells of one model on a GPU type, each a variant with a name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ira_manifests import ProfileError, load_matrix
from testing.kubectl import kustomize
from testing.objects import objects_in, the
from testing.project import copy_profiles, fill_in
from tests.support import ira, line_of

TEXT = """\
model_id: acme/tiny-1b
weights:
  total_gib: 2.5
geometry:
  num_attention_heads: 16
  hidden_size: 2048
  vocab_size: 32000
  max_position_embeddings: 131072
  layers:
    - count: 24
      num_key_value_heads: 8
      head_dim: 128
cells:
  h100:
    chat:
      tensor_parallel: 1
      cpu: 12
      memory: 64G
      gpu_memory_utilization: 0.90
      max_model_len: 8192
    long-context:
      tensor_parallel: 1
      cpu: 10
      memory: 64G
      gpu_memory_utilization: 0.90
      max_model_len: 131072
      args: [--max-num-seqs=16]
"""


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    folder = copy_profiles(tmp_path)
    (folder / "models/tiny.yaml").write_text(TEXT)
    return folder


def test_each_variant_has_a_directory_and_names_of_its_own(tmp_path: Path, profiles: Path) -> None:
    run = ira("synth", "--only", "h100/tiny*", "-p", str(profiles), cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "Warning" not in run.stderr
    fill_in(tmp_path / "dist")

    for variant, length in (("chat", "8192"), ("long-context", "131072")):
        directory = tmp_path / f"dist/online-inference-gpu-h100-tiny-{variant}"
        objects = objects_in(kustomize(directory))
        assert the(objects, "Deployment")["metadata"]["name"] == f"vllm-h100-{variant}"
        assert the(objects, "Service")["metadata"]["name"] == f"vllm-h100-{variant}"
        assert the(objects, "ConfigMap")["data"]["MAX_MODEL_LEN"] == length
        account = the(objects, "ServiceAccount")["metadata"]["name"]
        assert account == "ira-online-gpu-ksa-tiny"
        assert (directory.parent / f"{directory.name}-queued").is_dir()


def test_a_template_with_the_model_has_the_variant_behind_it(profiles: Path) -> None:
    matrix = load_matrix(profiles, workload_name="vllm-{model}-on-{gpu}")

    assert matrix["h100", "tiny-chat"].workload_name == "vllm-tiny-chat-on-h100"
    assert matrix["h100", "tiny-chat"].model.model_id == "acme/tiny-1b"


def test_the_default_variant_has_the_names_of_an_only_cell(tmp_path: Path, profiles: Path) -> None:
    file = profiles / "models/tiny.yaml"
    file.write_text(file.read_text().replace("    chat:", "    default:"))
    run = ira("synth", "--only", "h100/tiny*", "-p", str(profiles), cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    fill_in(tmp_path / "dist")

    names = {"": "vllm-h100", "-long-context": "vllm-h100-long-context"}
    for ending, workload in names.items():
        objects = objects_in(kustomize(tmp_path / f"dist/online-inference-gpu-h100-tiny{ending}"))
        assert the(objects, "Deployment")["metadata"]["name"] == workload
    line = line_of("max_model_len", profiles, "h100/tiny")
    assert line == "      max_model_len: 8192"


def test_commands_name_a_variant_as_any_cell(tmp_path: Path, profiles: Path) -> None:
    listed = ira("list", "-p", str(profiles), cwd=tmp_path)
    assert "tiny-long-context" in listed.stdout

    line = line_of("max_model_len", profiles, "h100/tiny-long-context")
    assert line == "      max_model_len: 131072"


@pytest.mark.parametrize("option", [(), ("--gpu", "h100")])
def test_a_model_by_its_id_has_all_of_its_variants(
    option: tuple[str, ...], tmp_path: Path, profiles: Path
) -> None:
    run = ira("list", "acme/tiny-1b", *option, "--json", "-p", str(profiles), cwd=tmp_path)
    found = json.loads(run.stdout)

    names = [each["directory"] for each in found["cells"]]
    assert names == [f"online-inference-gpu-h100-tiny-{name}" for name in ("chat", "long-context")]
    assert "h100" not in {each["gpu"] for each in found["absent"]}
    explained = ira("explain", "acme/tiny-1b", *option, "-p", str(profiles), cwd=tmp_path)
    assert "h100 × tiny-chat on" in explained.stdout
    assert "h100 × tiny is not in the matrix" not in explained.stdout


@pytest.mark.parametrize(
    "words", [("h100/tiny",), ("h100", "tiny"), ("h100/tiny", "max_model_len")]
)
def test_explain_asks_which_variant_is_meant(
    words: tuple[str, ...], tmp_path: Path, profiles: Path
) -> None:
    run = ira("explain", *words, "-p", str(profiles), cwd=tmp_path)

    assert run.returncode == 2
    assert "name one of them: h100/tiny-chat, h100/tiny-long-context" in run.stderr


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("cpu: 12", "cpu: ten", "17:12: cells.h100.chat.cpu: 'ten' is not an amount of CPU"),
        ("    chat:", "    Chat:", "15:5: cells.h100.Chat: 'Chat' is not a valid name"),
        ("      args: [--max-num-seqs=16]", "      arg: []",
         "27:7: cells.h100.long-context.arg: is an unknown key; did you mean 'args'?"),
        ("      args: [--max-num-seqs=16]", "      tensor_paralel: 1",
         "27:7: cells.h100.long-context.tensor_paralel: is an unknown key"),
        ("    long-context:", "    replicas: 2\n    long-context:",
         "cells.h100.chat: is an unknown key"),
    ],
)  # fmt: skip
def test_a_defect_is_told_at_its_place_in_the_variant(
    old: str, new: str, message: str, profiles: Path
) -> None:
    file = profiles / "models/tiny.yaml"
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))

    with pytest.raises(ProfileError) as caught:
        load_matrix(profiles)
    assert message in str(caught.value)


def test_a_variant_that_would_write_the_directory_of_another_model_is_refused(
    profiles: Path,
) -> None:
    file = profiles / "models/tiny.yaml"
    other = profiles / "models/tiny-chat.yaml"
    other.write_text(file.read_text().replace("    chat:", "    x:"))
    text = other.read_text()
    head = text[: text.index("  h100:")]
    one = "    tensor_parallel: 1\n    cpu: 10\n    memory: 64G\n"
    more = "    gpu_memory_utilization: 0.90\n    max_model_len: 8192\n"
    other.write_text(f"{head}  h100:\n{one}{more}")

    with pytest.raises(
        ProfileError, match="would write the directory online-inference-gpu-h100-tiny-chat"
    ):
        load_matrix(profiles)


def test_a_waiver_of_a_variant_without_a_finding_is_found_there(
    tmp_path: Path, profiles: Path
) -> None:
    file = profiles / "models/tiny.yaml"
    waiver = "\n      waive: {IRA001: not needed at all}\n"
    file.write_text(
        file.read_text().replace("[--max-num-seqs=16]\n", f"[--max-num-seqs=16]{waiver}")
    )
    run = ira("check", "--profiles-only", "-p", str(profiles), cwd=tmp_path)

    (line,) = (line for line in run.stdout.splitlines() if "IRA029" in line)
    assert "profiles/models/tiny.yaml:28:15: error IRA029" in line
