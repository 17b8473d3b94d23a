"""Final objects as an OCI image: pushed to a registry, and pulled as Config Sync does it."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path, PurePosixPath

import pytest

from testing.project import ROOT
from tests.cluster import oci

PUSH, PULL = oci.commands((ROOT / "docs/gitops.md").read_text())


@pytest.fixture(scope="module")
def host(crane: Path) -> Iterator[str]:
    with oci.registry(crane) as host:
        yield host


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the profiles and the output of an environment."""
    made = tmp_path_factory.mktemp("oci")
    oci.write_output(made)
    return made


def asked(crane: Path, *arguments: str) -> bytes:
    return subprocess.run([str(crane), *arguments], check=True, capture_output=True).stdout


def test_what_is_pulled_is_what_was_pushed(crane: Path, host: str, folder: Path) -> None:
    oci.run(crane, PUSH, folder, host)
    oci.run(crane, PULL, folder, host)

    pulled = oci.content(folder / "pulled")
    assert pulled == oci.content(folder / "dist/prod-eu")
    assert {name.rpartition(".")[2] for name in pulled} == {"yaml"}


def test_an_equal_tree_is_the_same_image_and_a_changed_one_is_another(
    crane: Path, host: str, folder: Path
) -> None:
    first = oci.run(crane, PUSH, folder, host)
    assert "@sha256:" in first
    for path in (folder / "dist").rglob("*"):  # as of another clone, at another time
        os.utime(path, (1, 1))
        path.chmod(0o700 if path.is_dir() else 0o600)
    assert oci.run(crane, PUSH, folder, host) == first

    changed = folder / "dist/prod-eu/shared/service-account-ira-model-download-ksa.yaml"
    text = changed.read_text()
    changed.write_text(f"{text}# changed\n")
    try:
        assert oci.run(crane, PUSH, folder, host) != first
    finally:
        changed.write_text(text)


def test_it_is_one_layer_of_files_whose_folders_come_first(
    crane: Path, host: str, folder: Path
) -> None:
    """Config Sync makes the folders that are entries, and opens files in them in this order.

    GoogleContainerTools/kpt-config-sync, pkg/oci/fetcher.go.
    """
    image = oci.run(crane, PUSH, folder, host)
    manifest = json.loads(asked(crane, "manifest", image))
    assert manifest["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
    assert len(manifest["layers"]) == 1

    made = {PurePosixPath(".")}
    with tarfile.open(fileobj=BytesIO(asked(crane, "export", image, "-"))) as archive:
        for entry in archive:
            path = PurePosixPath(entry.name)
            assert path.parent in made
            assert entry.isdir() or entry.isfile()
            assert (entry.mode & 0o444, entry.uid, entry.mtime) == (0o444, 0, 0)
            if entry.isdir():
                made.add(path)


def test_an_env_file_is_left_out(crane: Path, host: str, folder: Path) -> None:
    mine = folder / "dist/prod-eu/hugging-face-token.env"
    mine.write_text("HUGGING_FACE_TOKEN=mine\n")
    try:
        image = oci.run(crane, PUSH, folder, host)
    finally:
        mine.unlink()
    with tarfile.open(fileobj=BytesIO(asked(crane, "export", image, "-"))) as archive:
        assert not [name for name in archive.getnames() if name.endswith(".env")]
