"""`init` makes a folder a project, whose commands then pass."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from ira_manifests.installation import PACKAGE, Origin, without_credentials
from testing.project import PROFILES, ROOT
from tests.support import UNPRIVILEGED, ira, ira_alone, shell

REPOSITORY = "git+https://git.example.com/acme/ira-manifests@0123abc"
INSTALLED = (".github/workflows/ira-manifests.yaml", ".pre-commit-config.yaml", "requirements.txt")


def content(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder by path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize(
    ("words", "cells"),
    [
        ([], 7),
        (["--gpu", "h100", "--gpu", "l4"], 4),
        (["--model", "llama3"], 2),
        (["--gpu", "h200", "--model", "gemma3-27b"], 1),
        (["--minimal"], 7),
    ],
)
def test_a_new_project_is_written_and_passes_its_checks(
    tmp_path: Path, words: list[str], cells: int
) -> None:
    project = tmp_path / "serving"

    runs = [
        ira("init", "serving", "--package", REPOSITORY, *words, cwd=tmp_path),
        ira("synth", cwd=project),
        ira("check", cwd=project),
        ira("synth", "--check", cwd=project),
    ]

    assert [run.returncode for run in runs] == [0, 0, 0, 0], [run.stderr for run in runs]
    assert re.search(r"(\d+) cells? checked: 0 errors", runs[2].stdout + runs[2].stderr) is not None
    directories = {
        path.name.removesuffix("-queued") for path in (project / "dist").glob("online-*")
    }
    assert len(directories) == cells
    assert {"README.md", ".gitignore", ".vscode/settings.json", *INSTALLED} <= content(
        project
    ).keys()
    assert len((project / "README.md").read_text().splitlines()) <= 16


ARGO_CD = "--gitops argo-cd --bucket acme-models --repository https://git.example.com/acme/s.git"


@pytest.mark.parametrize(
    ("words", "environment", "applied"),
    [
        (ARGO_CD, "prod", "argo-cd/application-set.yaml"),
        (
            f"{ARGO_CD} --gpu l4 --environment eu --namespace llm",
            "eu",
            "argo-cd/application-set.yaml",
        ),
        ("--gitops flux --bucket 123456", "prod", "flux/*.yaml"),
        ("--gitops flux --bucket acme-models --minimal", "prod", "flux/*.yaml"),
    ],
)
def test_a_project_for_a_controller_is_complete_and_passes_its_checks(
    tmp_path: Path, words: str, environment: str, applied: str
) -> None:
    runs = [ira("init", "--package", REPOSITORY, *words.split(), cwd=tmp_path)]
    runs += [ira(*each.split(), cwd=tmp_path) for each in ("synth", "check", "synth --check")]

    assert [run.returncode for run in runs] == [0, 0, 0, 0], [run.stderr for run in runs]
    assert [*(tmp_path / "dist" / environment).glob(applied)]
    if "--minimal" not in words:
        assert [path.name for path in (tmp_path / "dist").iterdir() if path.is_dir()] == [
            environment
        ]
    written = (tmp_path / f"profiles/environments/{environment}.yaml").read_text()
    first = re.match(r"# yaml-language-server: \$schema=(.*)\n", written)
    assert first is not None
    assert (tmp_path / "profiles/environments" / first[1]).is_file()
    assert re.search(r'^bucket: "(acme-models|123456)"$', written, re.MULTILINE)


def test_no_pair_of_a_gpu_type_and_a_model_gives_profiles_with_an_error(tmp_path: Path) -> None:
    for model in ("gemma3-27b", "llama3", "llama4-scout"):
        for gpu in ("h100", "h200", "l4"):
            if (gpu, model) in {("l4", "llama3"), ("l4", "llama4-scout")}:
                continue
            name = f"{gpu}-{model}"
            ira("init", name, "--gpu", gpu, "--model", model, cwd=tmp_path)
            run = ira("check", "--profiles-only", "--profiles", f"{name}/profiles", cwd=tmp_path)
            assert run.returncode == 0, run.stdout
            assert "1 cell checked: 0 errors" in run.stdout


def test_the_profiles_are_those_of_the_package(tmp_path: Path) -> None:
    ira("init", cwd=tmp_path)

    written = content(tmp_path / "profiles")
    assert written == {
        path: text for path, text in content(PROFILES).items() if not path.startswith(".")
    }


def test_a_model_keeps_its_comments_and_its_cells_of_the_chosen_gpu_types(tmp_path: Path) -> None:
    ira("init", "--gpu", "l4", cwd=tmp_path)

    whole = (PROFILES / "models/gemma3-27b.yaml").read_text()
    expected = whole[: whole.index("  h100:\n")]
    assert (tmp_path / "profiles/models/gemma3-27b.yaml").read_text() == expected
    assert [path.name for path in (tmp_path / "profiles/models").iterdir()] == ["gemma3-27b.yaml"]
    assert [path.name for path in (tmp_path / "profiles/gpus").iterdir()] == ["l4.yaml"]


def test_what_is_there_is_told_and_stays(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine\n")
    (tmp_path / "profiles/models").mkdir(parents=True)
    (tmp_path / ".gitignore").symlink_to("nowhere")

    run = ira("init", cwd=tmp_path)

    assert run.returncode == 0, run.stderr
    there = run.stdout.partition("There already, and left as it is:\n")[2].partition("Next:")[0]
    assert there.split() == [".gitignore", "README.md", "profiles/"]
    assert (tmp_path / "README.md").read_text() == "mine\n"
    assert [*content(tmp_path / "profiles")] == []
    assert not (tmp_path / "nowhere").exists()
    assert (tmp_path / ".vscode/settings.json").exists()


def test_profiles_that_are_there_get_no_environment(tmp_path: Path) -> None:
    ira("init", "--package", REPOSITORY, cwd=tmp_path)
    before = content(tmp_path)

    run = ira("init", *ARGO_CD.split(), "--package", REPOSITORY, cwd=tmp_path)

    assert run.returncode == 0
    assert run.stderr.startswith("note: profiles/ is there already, so no environment was added;")
    assert content(tmp_path) == before


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    ira("init", "--package", REPOSITORY, cwd=tmp_path)
    before = content(tmp_path)

    run = ira("init", "--package", f"{REPOSITORY}0", "--gpu", "h100", cwd=tmp_path)

    assert run.returncode == 0
    assert "Wrote" not in run.stdout
    assert content(tmp_path) == before


def test_a_dry_run_lists_the_files_and_writes_nothing(tmp_path: Path) -> None:
    run = ira("init", "new", "--dry-run", cwd=tmp_path)

    assert not (tmp_path / "new").exists()
    written = ira("init", "new", cwd=tmp_path)
    listed = run.stdout.replace("Would write in new:", "Wrote in new:")
    assert listed == written.stdout.partition("Next:")[0]


def test_nothing_is_written_where_one_file_can_not_be(tmp_path: Path) -> None:
    (tmp_path / ".vscode").touch()  # in the place of a folder

    run = ira("init", cwd=tmp_path)

    assert run.returncode == 2
    assert re.fullmatch(
        r"error: \.vscode/.* can't be used: a part of the path is not a folder\n", run.stderr
    )
    assert content(tmp_path).keys() == {".vscode"}


def test_a_file_is_no_folder_for_a_project(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    run = ira("init", "file", cwd=tmp_path)

    assert run.returncode == 2
    assert run.stderr == "error: file is not a folder; name one for the project\n"


def test_a_folder_that_can_not_be_written_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)

    run = ira_alone("init", "closed", cwd=tmp_path, prefix=UNPRIVILEGED)

    assert run.returncode == 2
    assert "permission is denied" in run.stderr.splitlines()[0]
    assert "Traceback" not in run.stderr
    assert [*(tmp_path / "closed").iterdir()] == []


def test_the_document_tells_what_the_text_does(tmp_path: Path) -> None:
    (tmp_path / "README.md").touch()

    run = ira("init", "--json", cwd=tmp_path)

    found = json.loads(run.stdout)
    assert {*found.pop("written")} == content(tmp_path).keys() - {"README.md"}
    assert found == {
        "folder": ".",
        "dry_run": False,
        "kept": ["README.md"],
        "left_out": [*INSTALLED],
        "next": ["ira-manifests synth", "ira-manifests check"],
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--gpu h10", "--gpu 'h10' is no GPU type of the package: "),
        ("--model lama3", "did you mean 'llama3'?"),
        ("--model Qwen/Qwen3-8B", "after init, ira-manifests add ORG/NAME adds one"),
        ("--model llama3 --gpu l4", "--model 'llama3' has no cell on l4; name another --gpu"),
        ("--gpu b200", "ira-manifests add ORG/NAME --gpu b200"),
        ("--minimal --gpu h100", "--minimal writes no profiles: without --gpu and --model"),
        ("--ci jenkins", "(choose from"),
        ("--gitops flux", "--gitops needs --bucket"),
        ("--bucket acme", "--bucket is of use with --gitops alone"),
        ("--gitops flux --bucket A", "--bucket 'A' "),
        ("--gitops flux --bucket acme --environment base", "can't be that name: the output has"),
        ("--gitops flux --bucket acme --namespace A", "--namespace 'A' "),
        ("--gitops flux --bucket acme --repository https://git.example.com/a", "is for argo-cd"),
        ("--gitops argo-cd --bucket acme", "--gitops argo-cd needs --repository"),
        ("--gitops argo-cd --bucket acme --repository https://token@a.b/c", "needs --repository"),
        ("--package ira-manifests", "--package can't be used: give a release"),
        ("--package ./here.whl", "--package can't be used"),
        ("--package file:///tmp/a.whl", "--package can't be used"),
        ("--package https://token@git.example.com/a.whl", "without a user and a token"),
        ("--package git+https://u:p@git.example.com/a", "without a user and a token"),
        ('--package https://git.example.com/a"b', "--package can't be used"),
    ],
)
def test_bad_options_are_one_message_and_write_nothing(
    tmp_path: Path, words: str, message: str
) -> None:
    run = ira("init", "new", *words.split(), cwd=tmp_path)

    assert run.returncode == 2
    assert message in run.stderr
    assert len(run.stderr.splitlines()) == 1
    assert "token@" not in run.stderr
    assert [*tmp_path.iterdir()] == []


def test_editors_find_the_schemas_that_the_settings_name(tmp_path: Path) -> None:
    ira("init", cwd=tmp_path)

    settings = json.loads((tmp_path / ".vscode/settings.json").read_text())["yaml.schemas"]

    assert all((tmp_path / schema).is_file() for schema in settings)
    matched = {str(path) for glob in settings.values() for path in tmp_path.glob(glob)}
    assert matched == {str(path) for path in (tmp_path / "profiles").rglob("*.yaml")}


def test_git_takes_the_project_without_the_token(tmp_path: Path) -> None:
    ira("init", cwd=tmp_path)
    ira("synth", cwd=tmp_path)
    (tmp_path / "dist/base/hugging-face-token.env").write_text("HUGGING_FACE_TOKEN=secret\n")
    (tmp_path / "hugging-face-token.env").write_text("HUGGING_FACE_TOKEN=secret\n")

    run = shell("git init -q . && git add . && git ls-files", cwd=tmp_path)

    assert "profiles/platform.yaml" in run.stdout
    assert "token.env" not in run.stdout


# What an installation came from.


def of_installation(python: Path, folder: Path, record: str | None) -> tuple[str, str]:
    """Run `init` by an installation with a record; return its requirement, and what it tells."""
    (found,) = python.parents[1].glob("lib/*/site-packages/ira_manifests-*.dist-info")
    file = found / "direct_url.json"
    before = file.read_text()
    try:
        file.unlink() if record is None else file.write_text(record)
        run = subprocess.run(
            [str(python), "-m", PACKAGE.replace("-", "_"), "init", str(folder)],
            capture_output=True, text=True, check=True, cwd=folder.parent,
        )  # fmt: skip
    finally:
        file.write_text(before)
    requirements = folder / "requirements.txt"
    lines = requirements.read_text().splitlines() if requirements.exists() else []
    return "".join(line for line in lines if not line.startswith("#")), run.stderr


def test_a_project_installs_what_the_installation_came_from(
    bare: Path,
    wheel: Path,
    tmp_path: Path,
) -> None:
    """The records are those of https://packaging.python.org/specifications/direct-url/."""
    commit = "7921be1537eac1e97bc40179a57f0349c2aee67d"
    repository = {"vcs": "git", "requested_revision": "main", "commit_id": commit}
    address = "https://git.example.com/acme/ira-manifests.git"
    records = {
        "release": None,
        "repository": json.dumps({"url": address, "vcs_info": repository}),
        "token": json.dumps(
            {"url": address.replace("git.", "x:ghp_secret@git."), "vcs_info": repository}
        ),
        "archive": json.dumps({"url": "https://example.com/ira.whl", "archive_info": {}}),
    }

    found = {
        name: of_installation(bare, tmp_path / name, record)[0] for name, record in records.items()
    }

    assert found == {
        "release": f"ira-manifests[hub,node]=={wheel.name.split('-')[1]}",
        "repository": f"ira-manifests[hub,node] @ git+{address}@{commit}",
        "token": f"ira-manifests[hub,node] @ git+{address}@{commit}",
        "archive": "ira-manifests[hub,node] @ https://example.com/ira.whl",
    }
    assert not any("ghp_secret" in text.decode() for text in content(tmp_path / "token").values())


def test_what_came_from_a_file_of_this_machine_is_told_and_in_no_file(
    bare: Path,
    wheel: Path,
    tmp_path: Path,
) -> None:
    (record,) = bare.parents[1].glob(
        "lib/*/site-packages/ira_manifests-*.dist-info/direct_url.json"
    )

    requirement, told = of_installation(bare, tmp_path / "new", record.read_text())

    assert requirement == ""
    assert f"this program came from {wheel.as_uri()}, which no other machine has" in told
    assert told.startswith("note: left out " + ", ".join(INSTALLED))
    assert not any((tmp_path / "new" / name).exists() for name in INSTALLED)
    assert not any(str(wheel) in text.decode() for text in content(tmp_path / "new").values())


def test_an_editable_installation_is_told_by_its_folder(tmp_path: Path) -> None:
    run = ira("init", cwd=tmp_path)

    assert f"this program came from {ROOT.as_uri()}, which no other machine has" in run.stderr


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://token@example.com/a.whl", "https://example.com/a.whl"),
        ("https://user:secret@example.com:8443/a", "https://example.com:8443/a"),
        ("https://${USER}:${TOKEN}@example.com/a", "https://${USER}:${TOKEN}@example.com/a"),
        ("ssh://git@example.com/a.git", "ssh://git@example.com/a.git"),
        ("git+ssh://git:secret@example.com/a.git", "git+ssh://example.com/a.git"),
        ("https://example.com/a@v1", "https://example.com/a@v1"),
    ],
)
def test_an_address_is_told_without_what_is_secret(address: str, expected: str) -> None:
    assert without_credentials(address) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (
            "git+https://github.com/acme/ira@7921be15",
            "https://github.com/acme/ira/blob/7921be15/a.md",
        ),
        ("git+https://github.acme.com/a/b.git@7921", "https://github.acme.com/a/b/blob/7921/a.md"),
        ("git+https://gitlab.com/a/b/c.git@7921", "https://gitlab.com/a/b/c/-/blob/7921/a.md"),
        ("git+https://git.example.com/a/b.git@7921", ""),  # unknown how it shows files
        ("git+https://github.com/acme/mono@7921#subdirectory=ira", ""),
        ("git+ssh://git@github.com/acme/ira.git@7921", ""),
        ("https://github.com/acme/ira/releases/download/v1.0.0/ira.whl", ""),
        ("file:///home/user/ira", ""),
        ("", ""),
    ],
)
def test_a_file_of_the_repository_has_a_url_where_the_service_is_known(
    address: str, expected: str
) -> None:
    """https://docs.github.com/repositories/working-with-files/using-files/getting-permanent-links-to-files
    and https://docs.gitlab.com/user/project/repository/files/#permalinks.
    """
    assert Origin(address=address).file_url("a.md") == expected


def test_no_message_or_page_tells_to_install_the_package_by_name() -> None:
    """Whether an index has it is not known; `installation` tells what this one came from."""
    by_name = re.compile(r"(?:pip install|uvx|--from)\s+[\"'`]?ira[-_]manifests(?!\.)")
    texts = [*ROOT.glob("ira_manifests/**/*.py"), *ROOT.glob("docs/*.md"), *ROOT.glob("*.md")]

    assert [str(file) for file in texts if by_name.search(file.read_text())] == []
