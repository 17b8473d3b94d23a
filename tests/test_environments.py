"""Environments: their files, and what the commands make of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ira_manifests import InputError, Matrix, check, load_environments, load_matrix, render
from testing.edits import edit_file
from testing.kubectl import kustomize
from testing.objects import objects_in
from testing.project import copy_profiles
from tests.support import Run, ira, line_named
from tests.test_clean_clone import cloned, git

GEMMA = "online-inference-gpu-h100-gemma3-27b"
LLAMA = "online-inference-gpu-h100-llama3"

FILES = {
    "dev": "bucket: acme-dev\nnamespace: dev\ncells: [h100/gemma3-27b]\n",
    "prod-eu": """\
cluster: prod-eu
bucket: acme-eu
namespace: inference
cells: [h100/*]
gpus:
  h100:
    queued: false
models:
  llama3:
    cells:
      h100:
        max_model_len: 65536
""",
    "prod-us": """\
cluster: prod-us
bucket: acme-us
namespace: inference
cells: ['*/gemma3-27b', h200/llama3]
inference:
  node_wait_seconds: 7200
""",
}
"""Three environments."""


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    """The shipped profiles with three environments."""
    return with_environments(copy_profiles(tmp_path))


def with_environments(profiles: Path) -> Path:
    (profiles / "environments").mkdir()
    for name, text in FILES.items():
        (profiles / f"environments/{name}.yaml").write_text(text)
    return profiles


def content(out: Path) -> dict[str, bytes]:
    """The generated files below an output folder, by path."""
    files = (path for path in out.rglob("*") if path.is_file())
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


def changed(out: Path, before: dict[str, bytes]) -> set[str]:
    """The directories of the files that differ from an earlier state, or are new or gone."""
    after = content(out)
    paths = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    return {path.rpartition("/")[0] for path in paths}


def synth(folder: Path, *options: str) -> Run:
    run = ira("synth", *options, cwd=folder)
    assert run.returncode == 0, run.stderr
    return run


def directories(out: Path) -> set[str]:
    return {str(path.parent.relative_to(out)) for path in out.rglob("kustomization.yaml")}


def test_each_environment_has_its_directories_beside_those_of_the_walkthrough(
    tmp_path: Path, profiles: Path
) -> None:
    synth(tmp_path)

    found = directories(tmp_path / "dist")
    assert {GEMMA, f"{GEMMA}-queued", "model-download"} <= found
    assert {name for name in found if name.startswith("dev/online")} == {
        f"dev/{GEMMA}", f"dev/{GEMMA}-queued",
    }  # fmt: skip
    assert {name for name in found if name.startswith("prod-eu/online")} == {
        f"prod-eu/{GEMMA}", f"prod-eu/{LLAMA}", "prod-eu/online-inference-gpu-h100-llama4-scout",
    }  # fmt: skip


def test_check_is_green_without_any_option(tmp_path: Path, profiles: Path) -> None:
    synth(tmp_path)

    assert ira("check", cwd=tmp_path).returncode == 0
    assert ira("synth", "--check", cwd=tmp_path).returncode == 0
    assert ira("check", "--environment", "dev", cwd=tmp_path).returncode == 0


def test_the_walkthrough_is_what_it_is_without_environments(tmp_path: Path, profiles: Path) -> None:
    synth(tmp_path, "--out", "with")
    for file in (profiles / "environments").iterdir():
        file.unlink()
    synth(tmp_path, "--out", "without")

    found = content(tmp_path / "with")
    own = {path: text for path, text in found.items() if path.split("/")[0] not in FILES}
    assert own == content(tmp_path / "without")


def test_a_change_of_a_shared_profile_shows_in_all(tmp_path: Path, profiles: Path) -> None:
    synth(tmp_path)
    before = content(tmp_path / "dist")
    edit_file(profiles / "platform.yaml", {"startup_seconds: 3600": "startup_seconds: 3700"})

    synth(tmp_path)

    found = changed(tmp_path / "dist", before)
    assert {GEMMA, f"dev/{GEMMA}", f"prod-eu/{GEMMA}", f"prod-us/{GEMMA}"} <= found
    assert found == {name for name in directories(tmp_path / "dist") if "online-" in name}


def test_a_change_of_one_environment_shows_in_it_alone(tmp_path: Path, profiles: Path) -> None:
    synth(tmp_path)
    before = content(tmp_path / "dist")
    edit_file(profiles / "environments/prod-eu.yaml", {"65536": "32768"})

    synth(tmp_path)

    assert changed(tmp_path / "dist", before) == {f"prod-eu/{LLAMA}"}


def test_environment_narrows_what_is_written(tmp_path: Path, profiles: Path) -> None:
    synth(tmp_path, "--environment", "dev", "--environment", "prod-us")

    assert {path.name for path in (tmp_path / "dist").iterdir()} == {"dev", "prod-us"}
    edit_file(profiles / "platform.yaml", {"startup_seconds: 3600": "startup_seconds: 3700"})
    before = content(tmp_path / "dist")
    synth(tmp_path, "--environment", "dev")
    assert {name.split("/")[0] for name in changed(tmp_path / "dist", before)} == {"dev"}


def test_only_works_beside_environments(tmp_path: Path, profiles: Path) -> None:
    synth(tmp_path, "--only", "h200/llama3")

    found = {name for name in directories(tmp_path / "dist") if "online-" in name}
    h200 = "online-inference-gpu-h200-llama3"
    assert found == {h200, f"{h200}-queued", f"prod-us/{h200}", f"prod-us/{h200}-queued"}


def test_a_removed_environment_goes_and_the_users_files_stay(
    tmp_path: Path, profiles: Path
) -> None:
    synth(tmp_path)
    out = tmp_path / "dist"
    (out / f"prod-us/{GEMMA}/notes.txt").write_text("mine\n")
    (out / "prod-us/README.md").write_text("mine\n")
    (profiles / "environments/dev.yaml").unlink()
    (profiles / "environments/prod-us.yaml").unlink()
    assert ira("check", cwd=tmp_path).returncode == 1

    synth(tmp_path)

    assert not (out / "dev").exists()
    left = {str(path.relative_to(out)) for path in (out / "prod-us").rglob("*") if path.is_file()}
    assert left == {f"prod-us/{GEMMA}/notes.txt", "prod-us/README.md"}
    assert (out / f"prod-eu/{GEMMA}/deployment.yaml").exists()
    assert ira("check", cwd=tmp_path).returncode == 0


def test_environments_only_leaves_the_walkthrough_out(tmp_path: Path, profiles: Path) -> None:
    synth(tmp_path, "--bucket", "acme-ira-model")
    edit_file(profiles / "platform.yaml", {"bucket_suffix:": "environments_only: true\n"
                                           "bucket_suffix:"})  # fmt: skip

    synth(tmp_path)

    out = tmp_path / "dist"
    assert {path.name for path in out.iterdir()} == {*FILES, "model-download"}
    assert {str(path) for path in content(out / "model-download")} == {
        "base/ira-model-config.env", "base/hugging-face-token.env",
    }  # fmt: skip
    assert ira("check", cwd=tmp_path).returncode == 0


def test_a_second_synth_renders_nothing(tmp_path: Path, profiles: Path) -> None:
    synth(tmp_path)

    run = ira("synth", cwd=tmp_path, env={"JSII_NODE": "/no/such/node"})

    assert run.returncode == 0, run.stderr


def test_a_file_in_the_place_of_an_environment_is_not_lost(tmp_path: Path, profiles: Path) -> None:
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist/dev").write_text("mine\n")

    run = ira("synth", cwd=tmp_path)

    assert run.returncode == 2
    assert "dist/dev/" in run.stderr
    assert "was not written by synth" in run.stderr
    assert (tmp_path / "dist/dev").read_text() == "mine\n"


@pytest.mark.parametrize("command", ["synth", "check", "list"])
@pytest.mark.parametrize("name", ["prd-eu", "../dev", ""])
def test_an_unknown_environment_is_told_with_the_known_ones(
    command: str, name: str, tmp_path: Path, profiles: Path
) -> None:
    run = ira(command, f"--environment={name}", cwd=tmp_path)

    assert run.returncode == 2
    known = "known: dev, prod-eu, prod-us"
    assert run.stderr.startswith(f"error: there is no environment {name!r}; {known}")
    assert not (tmp_path / "dist").exists()


def test_an_environment_without_any_is_told_where_to_add_one(tmp_path: Path) -> None:
    copy_profiles(tmp_path)

    run = ira("synth", "--environment", "dev", cwd=tmp_path)

    assert run.returncode == 2
    assert "add one as profiles/environments/NAME.yaml" in run.stderr


@pytest.mark.parametrize("option", [["--bucket", "acme"], ["--model-id", "a/b"]])
def test_options_of_the_walkthrough_are_refused_beside_an_environment(
    option: list[str], tmp_path: Path, profiles: Path
) -> None:
    run = ira("synth", "--environment", "dev", *option, cwd=tmp_path)

    assert run.returncode == 2
    assert f"--environment can't be combined with {option[0]}" in run.stderr


def test_list_names_the_environment_of_each_cell(tmp_path: Path, profiles: Path) -> None:
    run = ira("list", "--json", cwd=tmp_path)

    cells = json.loads(run.stdout)["cells"]
    found = {(each["environment"], each["gpu"], each["model"]) for each in cells}
    assert {(None, "l4", "gemma3-27b"), ("dev", "h100", "gemma3-27b")} <= found
    assert ("dev", "l4", "gemma3-27b") not in found
    (llama,) = [
        each for each in cells if (each["environment"], each["model"]) == ("prod-eu", "llama3")
    ]
    assert llama["max_model_len"] == 65536
    text = ira("list", "--environment", "dev", cwd=tmp_path).stdout
    assert text.startswith("Environment dev\n")
    assert f"\ndev/{GEMMA}\n" in text


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("max_model_len", "        max_model_len: 65536"),
        ("namespace", "namespace: inference"),
        ("tensor_parallel", "    tensor_parallel: 4"),
    ],
)
def test_explain_names_the_line_of_the_environment_where_it_decides(
    field: str, line: str, tmp_path: Path, profiles: Path
) -> None:
    run = ira("explain", "h100/llama3", field, "--environment", "prod-eu", cwd=tmp_path)

    assert line_named(run, tmp_path) == line


def test_python_loads_what_the_command_line_does(tmp_path: Path, profiles: Path) -> None:
    synth(tmp_path)
    found = load_environments(profiles)

    assert list(found) == ["dev", "prod-eu", "prod-us"]
    assert all(isinstance(each, Matrix) for each in found.values())
    assert load_matrix(profiles).environment == ""
    dev = load_matrix(profiles, environment="dev")
    assert (dev.environment, list(dev)) == ("dev", [("h100", "gemma3-27b")])
    assert dev.platform.namespace == "dev"
    for directory in render(dev):
        for name, text in directory.files.items():
            assert (tmp_path / "dist" / directory.name / name).read_bytes() == text


def test_what_an_environment_does_not_change_is_shared(profiles: Path) -> None:
    walkthrough, found = load_matrix(profiles), load_environments(profiles)

    models, eu = walkthrough.profiles.models, found["prod-eu"].profiles
    assert eu.models["gemma3-27b"] is found["dev"].profiles.models["gemma3-27b"]
    assert eu.models["llama3"] != models["llama3"]
    assert eu.gpus["l4"] is found["prod-us"].profiles.gpus["l4"]


def test_python_is_told_of_an_unknown_environment(profiles: Path) -> None:
    with pytest.raises(InputError, match="no environment 'prd'; known: dev, prod-eu, prod-us"):
        load_matrix(profiles, environment="prd")


def test_a_folder_of_environments_alone_has_the_packaged_matrix(tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    with_environments(tmp_path / "profiles")

    run = ira("list", "--json", "--environment", "dev", cwd=tmp_path)

    assert run.returncode == 0, run.stderr
    assert [each["model"] for each in json.loads(run.stdout)["cells"]] == ["gemma3-27b"]
    assert "using those of the package" in run.stderr


def environments(profiles: Path, **files: str) -> None:
    """Replace the environments by others."""
    for file in (profiles / "environments").iterdir():
        file.unlink()
    for name, text in files.items():
        (profiles / f"environments/{name}.yaml").write_text(f"{text}bucket: acme\n")


def findings(run: Run) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run.stdout)
    return found


def checked(folder: Path, *options: str) -> list[dict[str, Any]]:
    """The findings of a fresh output, without those of the user's files."""
    assert ira("synth", cwd=folder).returncode == 0
    found = findings(ira("check", "--format", "json", *options, cwd=folder))
    return [each for each in found if each["rule"] != "IRA039"]


def test_a_finding_that_environments_share_is_told_once(tmp_path: Path, profiles: Path) -> None:
    found = checked(tmp_path)

    assert [(each["rule"], each["environments"], each["cell"]) for each in found] == [
        ("IRA002", [], "h100/gemma3-27b")
    ]


def test_a_finding_of_some_environments_names_them(tmp_path: Path, profiles: Path) -> None:
    """It is at the platform's line, which they share with the others."""
    older = "engine: {version: 0.21.0}\ncells: [h200/gemma3-27b]\n"
    environments(
        profiles, one=f"cluster: a\n{older}", two=f"cluster: b\n{older}", three="cells: [l4/*]\n"
    )

    found = [each for each in checked(tmp_path) if each["rule"] == "IRA031"]

    assert [(each["file"], each["environments"]) for each in found] == [
        ("profiles/platform.yaml", ["one", "two"])
    ]
    assert "IRA031 no-such-user in one, two\n" in ira("check", cwd=tmp_path).stdout


WAIVED = "IRA002: measured with our own traffic"


@pytest.mark.parametrize("where", ["models/gemma3-27b.yaml", "environments/one.yaml"])
def test_a_waiver_that_one_environment_needs_is_not_needless(
    where: str, tmp_path: Path, profiles: Path
) -> None:
    """The other has the same cell with a context that keeps the margin."""
    short = "models: {gemma3-27b: {cells: {h100: {max_model_len: 32768}}}}\n"
    environments(profiles, one="cluster: a\n", two=f"cluster: b\n{short}")
    if where.startswith("models"):
        edit_file(profiles / where, {"\nwaive:\n": f"\nwaive:\n  {WAIVED}\n"})
    else:
        (profiles / where).write_text(
            f"cluster: a\nbucket: acme\nmodels: {{gemma3-27b: {{waive: {{{WAIVED}}}}}}}\n"
        )

    found = [(each["rule"], each["environments"]) for each in checked(tmp_path)]

    assert found == ([] if where.startswith("models") else [("IRA002", [])])
    assert checked(tmp_path, "--environment", "two") == []


def in_clusters(**clusters: str) -> dict[str, str]:
    """Environments of the same cells, each with the lines of its file that are given."""
    return {name: f"cells: [h100/llama3]\n{lines}" for name, lines in clusters.items()}


def test_two_environments_of_one_cluster_and_namespace_are_refused(
    tmp_path: Path, profiles: Path
) -> None:
    environments(
        profiles,
        **in_clusters(
            one="cluster: eu\nnamespace: llm\n",
            other="cluster: us\nnamespace: llm\n",
            two="namespace: llm\ncluster: eu\n",
        ),
    )

    run = ira("synth", cwd=tmp_path)

    assert run.returncode == 1
    assert run.stderr.startswith(
        "profiles/environments/two.yaml:3:10: error IRA070 environments-of-one-cluster\n"
    )
    assert "in the namespace llm, as one does, in the same cluster\n" in run.stderr
    assert not (tmp_path / "dist").exists()
    (found,) = (item for item in check(load_environments(profiles).values()) if item.refuses)
    assert (found.rule_id, found.file) == ("IRA070", str(profiles / "environments/two.yaml"))


@pytest.mark.parametrize(
    ("one", "two", "said"),
    [
        ("namespace: llm\n", "namespace: llm\n", "name the cluster of one and two"),
        ("cluster: eu\n", "", "name the cluster of two"),
        ("", "cluster: eu\n", "name the cluster of one"),
        ("", "", "in the kubectl context's namespace, as one does"),
    ],
)
def test_environments_whose_clusters_are_not_known_are_warned_of(
    one: str, two: str, said: str, tmp_path: Path, profiles: Path
) -> None:
    environments(profiles, **in_clusters(one=one, two=two))

    (found,) = (each for each in checked(tmp_path) if each["rule"] == "IRA071")

    assert said in f"{found['message']}; {found['hint']}"
    again = ira("check", "--format", "json", cwd=tmp_path)  # of the record, nothing is rendered
    assert found in findings(again)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("cluster: eu\nnamespace: a\n", "cluster: eu\nnamespace: b\n"),
        ("cluster: eu\n", "cluster: us\n"),
        ("namespace: a\n", "namespace: b\n"),
    ],
)
def test_environments_that_share_nothing_are_fine(
    one: str, two: str, tmp_path: Path, profiles: Path
) -> None:
    environments(profiles, **in_clusters(one=one, two=two))

    assert not [each for each in checked(tmp_path) if each["rule"] in ("IRA070", "IRA071")]


def test_the_record_keeps_the_objects_of_an_environment(tmp_path: Path, profiles: Path) -> None:
    environments(profiles, **in_clusters(one="cluster: eu\n", two="cluster: us\n"))
    synth(tmp_path)
    edit_file(profiles / "environments/two.yaml", {"cluster: us": "cluster: eu"})

    assert ira("synth", cwd=tmp_path).returncode == 1


def test_every_directory_of_an_environment_builds_from_a_new_clone(
    tmp_path: Path, profiles: Path
) -> None:
    synth(tmp_path)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "all")
    clone = cloned(tmp_path, tmp_path / "clone") / "dist"

    for name in FILES:
        built = sorted(path.parent for path in (clone / name).rglob("kustomization.yaml"))
        assert built
        for directory in built:
            assert {
                item.get("metadata", {}).get("namespace")
                for item in objects_in(kustomize(directory))
            } == {"dev" if name == "dev" else "inference"}


def test_explain_shows_the_environments_in_which_a_field_differs(
    tmp_path: Path, profiles: Path
) -> None:
    run = ira("explain", "h100/llama3", "max_model_len", cwd=tmp_path)

    assert run.stdout.splitlines() == [
        "without an environment:",
        "max_model_len: 131072",
        "  ConfigMap data.MAX_MODEL_LEN",
        f"  from {line_at(profiles, 'models/llama3.yaml', 'max_model_len: 131072')}",
        "",
        "prod-eu:",
        "max_model_len: 65536",
        "  ConfigMap data.MAX_MODEL_LEN",
        f"  from {line_at(profiles, 'environments/prod-eu.yaml', 'max_model_len: 65536')}",
    ]
    same = ira("explain", "h100/gemma3-27b", "tensor_parallel", cwd=tmp_path)
    assert same.stdout.startswith("tensor_parallel: 1\n")


def line_at(profiles: Path, file: str, text: str) -> str:
    """The first line of a profile with a text, as "file:line"."""
    lines = (profiles / file).read_text().splitlines()
    number = next(number for number, line in enumerate(lines, 1) if text in line)
    return f"profiles/{file}:{number}"


def test_explain_of_a_cell_is_the_walkthroughs_or_that_of_the_environment(
    tmp_path: Path, profiles: Path
) -> None:
    run = ira("explain", "h100/llama3", cwd=tmp_path)
    assert "--environment NAME shows it in prod-eu\n" in run.stderr
    assert "max_model_len: 131072" in run.stdout

    named = ira("explain", "h100/llama3", "--environment", "prod-eu", cwd=tmp_path)
    by_directory = ira("explain", f"dist/prod-eu/{LLAMA}", cwd=tmp_path)

    assert named.stderr == ""
    assert "max_model_len: 65536" in named.stdout
    assert by_directory.stdout == named.stdout


def test_explain_of_a_cell_that_an_environment_does_not_have_names_those_it_has(
    tmp_path: Path, profiles: Path
) -> None:
    run = ira("explain", "h200/llama3", "replicas", "--environment", "dev", cwd=tmp_path)

    assert run.returncode == 2
    assert "h200 × llama3 is not in the matrix; it has h100 × gemma3-27b" in run.stderr


@pytest.mark.parametrize("command", ["synth", "check", "list"])
def test_environments_only_without_any_is_told_and_nothing_is_removed(
    command: str, tmp_path: Path, profiles: Path
) -> None:
    synth(tmp_path)
    before = content(tmp_path / "dist")
    edit_file(profiles / "platform.yaml", {"bucket_suffix:": "environments_only: true\n"
                                           "bucket_suffix:"})  # fmt: skip
    environments(profiles)

    run = ira(command, cwd=tmp_path)

    assert run.returncode == 2
    assert "environments_only is true, and there is no environment; add one as" in run.stderr
    assert content(tmp_path / "dist") == before
