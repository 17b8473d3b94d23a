"""The user's two files, written as users write files: what is built of them, and what Git sees."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import BUCKET, ROOT, ira, kustomize, objects_in, the
from tests.test_clean_clone import cloned, git, repository  # a fixture

assert repository

ONE = "online-inference-gpu-h100-gemma3-27b"
CONFIG, TOKEN_FILE = "dist/base/ira-model-config.env", "dist/base/hugging-face-token.env"
REAL = "dist/model-download/base"
MODEL = "google/gemma-3-27b-it"
TOKEN = "hf_aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789"
CONFIG_TEXT = f"IRA_BUCKET_NAME={BUCKET}\nMODEL_ID={MODEL}\n"
TOKEN_TEXT = f"HUGGING_FACE_TOKEN={TOKEN}\n"

# $file is the user's file, $text its new content, $mine a file with that content, and $edit a
# program of sed that fills in the placeholders.
WAYS = {
    "redirect": 'printf %s "$text" > "$file"',
    "here-document": 'cat > "$file" <<EOF\n$text\nEOF',
    "cp": 'cp "$mine" "$file"',
    "cp over it": 'cp --force --remove-destination "$mine" "$file"',
    "mv": 'mv "$mine" "$file"',
    "install": 'install -m 600 "$mine" "$file"',
    "a new file that is renamed": 'printf %s "$text" > "$file.new" && mv "$file.new" "$file"',
    "rsync's way": 'd=$(dirname "$file"); cp "$mine" "$d/.$$.tmp"; mv -f "$d/.$$.tmp" "$file"',
}
EDITS = {
    "sed -i": 'sed -i "$edit" "$file"',
    "sed -i with a backup": 'sed -i.bak "$edit" "$file"',
    "perl's backups": 'cp "$file" "$file~"; sed -i "$edit" "$file"',
    "ed": 'printf "%s\\nw\\nq\\n" "$edit_of_lines" | ed -s "$file"',
    "vim that renames":
        '$vim -c "set backup backupcopy=no" -c "$edit_of_lines" -c wq "$file"',
    "vim that copies":
        '$vim -c "set backup backupcopy=yes" -c "$edit_of_lines" -c wq "$file"',
    "vim that is left open":
        '$vim -c "$edit_of_lines" -c w -c preserve -c cquit "$file" || true',
}  # fmt: skip
_NEEDS = {"ed": "ed", "vim that renames": "vim", "vim that copies": "vim",
          "vim that is left open": "vim"}  # fmt: skip


def run(script: str, cwd: Path, file: str, text: str, pattern: str, value: str) -> None:
    mine = cwd.parent / "mine.env"
    mine.write_text(text)
    environment = {
        **os.environ,
        "file": file, "text": text.rstrip("\n"), "mine": str(mine),
        "vim": "vim -Nesu NONE", "edit": f"s#{pattern}#{value}#",
        "edit_of_lines": f"{',' if 'ed -s' in script else '%'}s#{pattern}#{value}#",
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "-euc", script], cwd=cwd, env=environment, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def fresh(repository: Path, folder: Path) -> Path:
    """A clone; for an edit the user has created the token's file, as the walkthrough says."""
    return cloned(repository, folder)


def synthesised(repository: Path, folder: Path) -> Path:
    clone = cloned(repository, folder)
    done = ira("synth", "--profiles", ROOT / "profiles", cwd=clone)
    assert done.returncode == 0, done.stderr
    return clone


@pytest.fixture(params=[fresh, synthesised], ids=["fresh clone", "after a synth"])
def clone(request: pytest.FixtureRequest, repository: Path, tmp_path: Path) -> Path:
    make: Callable[[Path, Path], Path] = request.param
    return make(repository, tmp_path / "clone")


def assert_is_built(clone: Path) -> None:
    serving = objects_in(kustomize(clone / "dist" / ONE))
    pod = the(serving, "Deployment")["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes["gcsfuse"]["csi"]["volumeAttributes"]["bucketName"] == BUCKET
    download = objects_in(kustomize(clone / "dist/model-download"))
    assert the(download, "ConfigMap")["data"] == {"IRA_BUCKET_NAME": BUCKET, "MODEL_ID": MODEL}
    encoded = the(download, "Secret")["data"]["HUGGING_FACE_TOKEN"]
    assert base64.b64decode(encoded).decode() == TOKEN


def assert_git_has_no_token(clone: Path) -> None:
    git(clone, "add", "--all")
    staged = git(clone, "diff", "--cached")
    assert BUCKET in staged
    assert TOKEN not in staged
    names = git(clone, "diff", "--cached", "--name-only").split()
    assert [name for name in names if "token" in name] == []
    assert git(clone, "ls-files", "dist/base").split() == ["dist/base"]


@pytest.mark.parametrize("way", WAYS)
def test_what_is_written_is_built_and_no_token_is_staged(way: str, clone: Path) -> None:
    run(WAYS[way], clone, CONFIG, CONFIG_TEXT, "", "")
    run(WAYS[way], clone, TOKEN_FILE, TOKEN_TEXT, "", "")

    assert_is_built(clone)
    assert_git_has_no_token(clone)


@pytest.mark.parametrize("way", EDITS)
def test_what_is_edited_is_built_and_no_token_is_staged(way: str, clone: Path) -> None:
    if way in _NEEDS and shutil.which(_NEEDS[way]) is None:
        pytest.skip(f"this machine has no {_NEEDS[way]}")
    token = clone / TOKEN_FILE
    if not token.exists():  # "if the file doesn't exist, create it"
        token.write_text("HUGGING_FACE_TOKEN=<HUGGING_FACE_TOKEN>\n")

    run(EDITS[way], clone, CONFIG, CONFIG_TEXT, "=<IRA_BUCKET_NAME>", f"={BUCKET}")
    run(EDITS[way], clone, CONFIG, CONFIG_TEXT, "=<MODEL_ID>", f"={MODEL}")
    run(EDITS[way], clone, TOKEN_FILE, TOKEN_TEXT, "=<HUGGING_FACE_TOKEN>", f"={TOKEN}")

    assert_is_built(clone)
    assert_git_has_no_token(clone)


def test_an_edit_of_a_token_file_that_is_not_there_is_the_tools_own_error(
    repository: Path, tmp_path: Path
) -> None:
    clone = cloned(repository, tmp_path / "clone")
    done = subprocess.run(
        ["sed", "-i", "s/x/y/", TOKEN_FILE], cwd=clone, capture_output=True, text=True, check=False
    )

    assert done.returncode != 0
    assert TOKEN_FILE in done.stderr


@pytest.mark.parametrize("folder", ["dist/base", "dist"])
def test_a_copy_without_links_keeps_the_token_from_git(folder: str, clone: Path) -> None:
    (clone / TOKEN_FILE).write_text(TOKEN_TEXT)
    subprocess.run(["cp", "-rL", folder, "copied"], cwd=clone, check=True)
    (clone / "dist/base").unlink()
    subprocess.run(["cp", "-r", REAL, "dist/base"], cwd=clone, check=True)
    (clone / "dist/base/.gitignore").unlink()
    (clone / TOKEN_FILE).write_text(TOKEN_TEXT)

    git(clone, "add", "--all")
    assert TOKEN not in git(clone, "diff", "--cached")
    assert git(clone, "ls-files", "copied")
