"""The output of `lint`, and what leaves findings out of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.lint.test_lint import BASE, H100, at
from tests.lint.trees import DEPLOYMENT, edited, found, lint, told
from tests.support import at_start, ira_alone

LATEST = (BASE, ":v0.26.0", ":latest")
OWNER = (f"{H100}/runtime.env", "meta-llama/", "openai/")
IMAGE = f"{BASE}:{at(DEPLOYMENT, 'image:')} IRA015"
MODEL = f"{H100}/runtime.env:1 IRA009"


def test_as_text(tmp_path: Path) -> None:
    run = lint(edited(tmp_path, OWNER))

    assert run.stdout == (
        f"{H100}/runtime.env:1:10: error IRA009 unknown-model-id\n"
        "    'openai/Llama-3.3-70B-Instruct' differs from the known "
        "'meta-llama/Llama-3.3-70B-Instruct' in organisation or case\n"
        "    write meta-llama/Llama-3.3-70B-Instruct, or ignore the rule for a copy of the model "
        "that you trust\n"
        "2 kustomizations judged: 1 error, 0 warnings, 1 note on what is not judged "
        "(--severity note shows them).\n"
    )
    assert run.returncode == 1


def test_as_sarif(tmp_path: Path) -> None:
    run = lint(edited(tmp_path, OWNER), ".", "--format", "sarif")

    (result,) = json.loads(run.stdout)["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == f"{H100}/runtime.env"
    assert place["region"] == {"startLine": 1, "startColumn": 10}


def test_for_github(tmp_path: Path) -> None:
    run = lint(edited(tmp_path, OWNER), ".", "--format", "github")

    assert run.stdout.startswith(f"::error file={H100}/runtime.env,line=1,col=10,title=IRA009")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], [IMAGE, MODEL]),
        (["--rule", "IRA009"], [MODEL]),
        (["--rule", "unpinned-image"], [IMAGE]),
        (["--ignore", "IRA009"], [IMAGE]),
        (["--rule", "IRA009", "--rule", "IRA015"], [IMAGE, MODEL]),
    ],
)
def test_rules_are_chosen(tmp_path: Path, options: list[str], expected: list[str]) -> None:
    assert told(edited(tmp_path, LATEST, OWNER), ".", *options) == expected


def test_warnings_do_not_fail_and_can_be_left_out(tmp_path: Path) -> None:
    tree = edited(tmp_path, (BASE, "readinessProbe:", "livenessProbe:"))

    assert lint(tree).returncode == 0
    assert [each["rule"] for each in found(tree)] == ["IRA027"]
    assert found(tree, ".", "--severity", "error") == []


@pytest.mark.parametrize(
    ("comment", "is_silent"),
    [
        ("# ira: ignore IRA015 the mirror has one tag", True),
        ("# ira: ignore IRA001, IRA015 the mirror has one tag", True),
        ("# ira: ignore unpinned-image: the mirror has one tag", True),
        ("# ira: ignore IRA015 - the mirror has one tag", True),
        ("# ira: ignore IRA015", False),
        ("# ira: ignore IRA009 another rule", False),
    ],
)
def test_a_comment_with_a_reason_silences_a_rule(
    tmp_path: Path, comment: str, is_silent: bool
) -> None:
    beside = edited(tmp_path / "1", (BASE, ":v0.26.0", f":latest {comment}"))
    above = edited(
        tmp_path / "2", LATEST, (BASE, "          image:", f"          {comment}\n          image:")
    )

    for tree in (beside, above):
        run = lint(tree)
        assert ("IRA015" not in run.stdout) == is_silent
        assert ("1 silenced by comments" in run.stdout) == is_silent
        assert run.returncode == (0 if is_silent else 1)


@pytest.mark.parametrize(
    ("comment", "why"),
    [
        (
            "# ira: ignore IRA015",
            "the comment gives no reason; write # ira: ignore IRA015 REASON",
        ),
        (
            "# ira: ignore IRA015 --",
            "the comment gives no reason; write # ira: ignore IRA015 REASON",
        ),
        (
            "# ira: ignore IRA999 the mirror",
            "there is no rule IRA999; write # ira: ignore IRA015 REASON",
        ),
        (
            "# ira: ignore",
            "the comment names no rule; write # ira: ignore IRA015 REASON",
        ),
    ],
)
def test_a_comment_that_silences_nothing_is_told(tmp_path: Path, comment: str, why: str) -> None:
    run = lint(edited(tmp_path, (BASE, ":v0.26.0", f":latest {comment}")))

    assert run.returncode == 1
    assert run.stderr == f"note: {BASE}:{at(DEPLOYMENT, 'image:')}: {why}\n"


def test_several_comments_above_a_line_silence(tmp_path: Path) -> None:
    comments = "# ira: ignore IRA015 the mirror has one tag\n          # ira: ignore IRA012 ours\n"
    edit = (
        BASE,
        "          image:",
        f"          {comments}          # see the wiki\n          image:",
    )

    assert found(edited(tmp_path, LATEST, edit)) == []


def test_a_blank_line_ends_the_comments_of_a_line(tmp_path: Path) -> None:
    edit = (BASE, "          image:", "          # ira: ignore IRA015 ours\n\n          image:")

    assert [each["rule"] for each in found(edited(tmp_path, LATEST, edit))] == ["IRA015"]


def test_a_comment_in_an_env_file_silences_too(tmp_path: Path) -> None:
    edit = (
        f"{H100}/runtime.env",
        "MODEL_ID=meta-llama/",
        "# ira: ignore IRA009 ours\nMODEL_ID=openai/",
    )

    assert found(edited(tmp_path, edit)) == []


def test_a_baseline_leaves_known_findings_out(tmp_path: Path) -> None:
    tree = edited(tmp_path, LATEST)

    written = lint(tree, ".", "--write-baseline", "known.json")
    assert (written.returncode, written.stdout) == (0, "known.json: 1 finding written.\n")
    assert lint(tree, ".", "--baseline", "known.json").returncode == 0

    text = (tree / BASE).read_text()
    (tree / BASE).write_text(f"# lines may move\n{text}")
    (tree / H100 / "runtime.env").write_text("MODEL_ID=openai/Llama-3.3-70B-Instruct\n"
        "TENSOR_PARALLEL_SIZE=4\nMAX_MODEL_LEN=1024\n")  # fmt: skip
    assert told(tree, ".", "--baseline", "known.json") == [MODEL]


def test_a_baseline_that_windows_wrote_is_read(tmp_path: Path) -> None:
    tree = edited(tmp_path, LATEST)
    lint(tree, ".", "--write-baseline", "known.json")
    text = (tree / "known.json").read_text()
    (tree / "known.json").write_text(text, "utf-8-sig")

    assert lint(tree, ".", "--baseline", "known.json").returncode == 0


def test_without_kubectl_no_baseline_is_written(tmp_path: Path) -> None:
    tree = edited(tmp_path / "tree", LATEST)
    program = tmp_path / "bin/kubectl"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    start = "import sys, sysconfig; sys.executable = ''; sysconfig.get_path = lambda name: ''\n"
    environment = {**at_start(tmp_path, start), "PATH": str(program.parent)}

    run = ira_alone("lint", ".", "--write-baseline", "known.json", cwd=tree, env=environment)

    assert run.returncode == 2
    assert "so no kustomization was judged" in run.stderr
    assert not (tree / "known.json").exists()


def test_what_is_gone_from_the_tree_is_told(tmp_path: Path) -> None:
    tree = edited(tmp_path, LATEST)
    lint(tree, ".", "--write-baseline", "known.json")
    edited(tmp_path)

    run = lint(tree, ".", "--baseline", "known.json")

    assert "note: gone since the baseline: 1 finding; write it again" in run.stderr


def test_a_folder_of_configurations_makes_memory_judged(tmp_path: Path) -> None:
    config = {
        "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_size": 5120,
        "intermediate_size": 25600, "num_attention_heads": 64, "num_hidden_layers": 64,
        "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936,
        "tie_word_embeddings": False, "max_position_embeddings": 40960, "torch_dtype": "bfloat16",
        "hidden_act": "silu",
    }  # fmt: skip
    folder = tmp_path / "models/acme/Own-32B"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    tree = edited(
        tmp_path / "tree",
        (f"{H100}/runtime.env", "meta-llama/Llama-3.3-70B-Instruct", "acme/Own-32B"),
        (f"{H100}/runtime.env", "LEN=32768", "LEN=65536"),
    )

    assert found(tree) == []
    assert told(tree, ".", "--models", "../models") == [f"{H100}/runtime.env:3 IRA007"]
