"""kubectl's output for a new clone of the repository, without any changes."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ira_manifests.layout import BASE
from ira_manifests.output.env_file import MODEL_CONFIG, NEW_MODEL_CONFIG
from testing.kubectl import OLDEST, ready
from testing.objects import objects_in, the
from testing.project import BUCKET, ROOT
from tests import kubectls
from tests.support import Run, ira

TOKEN = "dist/base/hugging-face-token.env"


def git(folder: Path, *arguments: str | Path) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    command = ["git", "-C", folder, *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with dist/ as a new user has it, including files of new cells."""
    kept = ("--cached", "--others", "--exclude-standard")
    run = subprocess.run(
        ["git", "ls-files", "-z", *kept, "dist", ".gitignore"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if run.returncode != 0:
        pytest.skip("this tree is no git checkout")
    folder = tmp_path_factory.mktemp("repository")
    for path in filter(None, run.stdout.split("\0")):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, folder / path, follow_symlinks=False)
    # Who has committed the own bucket has the same tests.
    (folder / f"dist/{BASE}" / MODEL_CONFIG).write_bytes(NEW_MODEL_CONFIG)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "all")
    return folder


def cloned(repository: Path, folder: Path, *options: str) -> Path:
    subprocess.run(["git", "clone", "--quiet", *options, repository, folder], check=True)
    return folder


def without_links(repository: Path, folder: Path) -> Path:
    """Return a clone without links, like Flux' artifacts and archives of some tools."""
    clone = cloned(repository, folder)
    for path in clone.rglob("*"):
        if path.is_symlink():
            path.unlink()
    return clone


def with_texts_for_links(repository: Path, folder: Path) -> Path:
    """Return a clone with text files in place of links, as on Windows."""
    clone = cloned(repository, folder, "--config", "core.symlinks=false")
    assert (clone / "dist/base").read_text() == "model-download/base"
    return clone


def built(kubectl: Path, directory: Path) -> Run:
    return subprocess.run(
        [ready(kubectl), "kustomize", directory],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def serving(clone: Path) -> list[Path]:
    return sorted((clone / "dist").glob("online-inference-gpu-*"))


each_kubectl = pytest.mark.parametrize("kubectl", kubectls.each_kubectl())


def test_the_oldest_kubectl_is_the_readmes() -> None:
    if not (ROOT / "build/oldest-kubectl").exists():
        pytest.skip("not installed: make build/oldest-kubectl/.installed")
    oldest = ready(OLDEST)
    version = subprocess.run(
        [oldest, "version", "--client", "--output=json"], capture_output=True, text=True, check=True
    ).stdout
    found = re.search(r'"gitVersion": "v(\d+\.\d+)\.', version)
    assert found
    assert f"`kubectl` is {found[1]} or newer" in (ROOT / "README.md").read_text()


@each_kubectl
@pytest.mark.parametrize("kind", [cloned, without_links, with_texts_for_links])
def test_every_serving_directory_of_a_clone_builds(
    kubectl: Path, kind: object, repository: Path, tmp_path: Path
) -> None:
    assert callable(kind)
    directories = serving(kind(repository, tmp_path / "clone"))

    assert directories
    for directory in directories:
        run = built(kubectl, directory)
        assert run.returncode == 0, run.stderr
        assert "Secret" not in [item["kind"] for item in objects_in(run.stdout)]


@pytest.mark.parametrize("kind", [without_links, with_texts_for_links])
def test_check_misses_the_link_of_a_clone_and_synth_makes_it(
    kind: object, repository: Path, tmp_path: Path
) -> None:
    assert callable(kind)
    clone = kind(repository, tmp_path / "clone")

    before = ira("check", cwd=clone)
    profiles = ira("check", "--profiles-only", cwd=clone)
    ira("synth", cwd=clone)

    assert before.returncode == 1
    assert "dist/base:1:1: error IRA028 stale-output" in before.stdout
    assert profiles.returncode == 0
    assert ira("check", cwd=clone).returncode == 0


@each_kubectl
def test_what_needs_the_token_says_so_by_the_name_of_its_file(
    kubectl: Path, repository: Path, tmp_path: Path
) -> None:
    clone = cloned(repository, tmp_path / "clone")

    missing = built(kubectl, clone / "dist/model-download")
    (clone / TOKEN).write_text("HUGGING_FACE_TOKEN=hf_x\n")
    there = built(kubectl, clone / "dist/model-download")

    assert missing.returncode == 1
    assert "base/hugging-face-token.env" in missing.stderr
    assert there.returncode == 0, there.stderr


@each_kubectl
def test_an_overlay_that_sets_the_bucket_alone_leaves_a_label_that_nothing_takes(
    kubectl: Path, repository: Path, tmp_path: Path
) -> None:
    """The API server refuses it by name: tests/cluster/test_placeholders.py."""
    clone = cloned(repository, tmp_path / "clone")
    for directory in serving(clone):
        overlay = _overlay(clone, directory, OTHER_BUCKET)
        run = built(kubectl, overlay)
        assert run.returncode == 0, run.stderr
        labelled = {
            item["kind"]: item["metadata"]["labels"]["ira-manifests/bucket"]
            for item in objects_in(run.stdout)
            if "ira-manifests/bucket" in item["metadata"].get("labels", {})
        }
        queued = {"PodTemplate", "ProvisioningRequest"} if "queued" in directory.name else set()
        assert labelled == dict.fromkeys({"Deployment", *queued}, "<IRA_BUCKET_NAME>")


@each_kubectl
@pytest.mark.parametrize(
    ("bucket", "label"),
    [
        (BUCKET, BUCKET),
        ("a" * 63, "a" * 63),
        ("models.example.com", "models"),
        (".".join(["m" * 50] * 4), "m" * 50),
    ],
)
def test_the_label_of_any_bucket_is_a_value_of_labels(
    kubectl: Path, bucket: str, label: str, repository: Path, tmp_path: Path
) -> None:
    clone = cloned(repository, tmp_path / "clone")
    config = clone / "dist/base/ira-model-config.env"
    config.write_text(f"IRA_BUCKET_NAME={bucket}\nMODEL_ID=google/gemma-3-27b-it\n")

    for directory in serving(clone)[:2]:
        objects = objects_in(built(kubectl, directory).stdout)
        assert the(objects, "Deployment")["metadata"]["labels"]["ira-manifests/bucket"] == label


OTHER_BUCKET = """
configMapGenerator:
- name: ira-model-configmap
  behavior: merge
  literals:
  - IRA_BUCKET_NAME=acme.example.com
"""


def _overlay(clone: Path, directory: Path, body: str) -> Path:
    overlay = clone / "overlays" / directory.name
    overlay.mkdir(parents=True)
    resources = f"resources:\n- ../../dist/{directory.name}\n"
    (overlay / "kustomization.yaml").write_text(resources + body)
    return overlay
