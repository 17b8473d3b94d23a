"""The user's two files, as users write them: what kubectl builds of them, and what Git tracks."""

from __future__ import annotations

import base64
import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ira_manifests.output.tree import marked
from testing.kubectl import kustomize
from testing.objects import objects_in, the
from testing.project import BUCKET, ROOT, copy_edited, copy_profiles
from tests.support import UNPRIVILEGED, Run, at_start, ira
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
    """A clone; before an edit, the user has created the token's file as in the walkthrough."""
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


# --- a folder in the place of the link ------------------------------------------------------------


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A complete output of synth."""
    copy_profiles(tmp_path)
    synth(tmp_path)
    return tmp_path / "dist"


def synth(project: Path, *options: str, **how: Any) -> Run:
    return ira("synth", *options, cwd=project, **how)


def replace_the_link(out: Path, *, real: bool = True) -> Path:
    """Replace the link by a folder, as older releases wrote it; not `real`: without a target."""
    (out / "base").unlink()
    (out / "base").mkdir()
    if not real:
        shutil.rmtree(out / "model-download/base")
    return out / "base"


def state(folder: Path) -> dict[str, object]:
    return {
        str(path.relative_to(folder)):
            path.readlink() if path.is_symlink()
            else path.read_bytes() if path.is_file() else "folder"
        for path in sorted(folder.rglob("*"))
    }  # fmt: skip


def test_an_older_outputs_files_are_moved_with_content_and_mode(out: Path) -> None:
    base = replace_the_link(out, real=False)
    (base / "kustomization.yaml").write_bytes(marked("base/kustomization.yaml", "a: 1"))
    (base / ".gitignore").write_bytes(marked("base/.gitignore", "x"))
    (base / "ira-model-config.env").write_text(CONFIG_TEXT)
    (base / "hugging-face-token.env").write_text(TOKEN_TEXT)
    (base / "hugging-face-token.env").chmod(0o640)
    token = (base / "hugging-face-token.env").stat()

    run = synth(out.parent)

    assert run.returncode == 0, run.stderr
    assert (out / "base").readlink() == Path("model-download/base")
    moved = out / "model-download/base/hugging-face-token.env"
    assert (moved.stat().st_ino, stat.S_IMODE(moved.stat().st_mode)) == (token.st_ino, 0o640)
    assert moved.read_text() == TOKEN_TEXT
    assert (out / "model-download/base/ira-model-config.env").read_text() == CONFIG_TEXT
    assert TOKEN not in run.stdout + run.stderr
    assert synth(out.parent, "--check").returncode == 0


def test_the_bucket_of_the_command_line_goes_into_the_file_that_is_moved(out: Path) -> None:
    base = replace_the_link(out)
    (base / "ira-model-config.env").write_text(f"# mine\n{CONFIG_TEXT}")

    run = synth(out.parent, "--bucket", "other-ira-model")

    assert run.returncode == 0, run.stderr
    written = (out / "model-download/base/ira-model-config.env").read_text()
    assert written == f"# mine\nIRA_BUCKET_NAME=other-ira-model\nMODEL_ID={MODEL}\n"
    assert (out / "base").is_symlink()


def test_an_empty_folder_becomes_the_link(out: Path) -> None:
    replace_the_link(out)

    assert synth(out.parent).returncode == 0
    assert (out / "base").is_symlink()


@pytest.mark.parametrize("name", ["ira-model-config.env", "hugging-face-token.env"])
def test_values_in_both_places_are_refused_and_nothing_changes(out: Path, name: str) -> None:
    base = replace_the_link(out)
    text = CONFIG_TEXT if "config" in name else TOKEN_TEXT
    (base / name).write_text(text)
    (out / "model-download/base" / name).write_text(text.replace("=", "=x"))
    (out / ONE / "service.yaml").unlink()
    before = state(out)

    run = synth(out.parent)

    assert run.returncode == 2
    assert run.stderr.count("\n") == 1
    assert f"dist/base/{name} and dist/model-download/base/{name}" in run.stderr
    assert TOKEN not in run.stderr
    assert state(out) == before


def test_a_strangers_file_in_it_is_refused_and_nothing_changes(out: Path) -> None:
    base = replace_the_link(out)
    (base / "ira-model-config.env").write_text(CONFIG_TEXT)
    (base / "notes.md").write_text("mine")
    before = state(out)

    run = synth(out.parent)

    assert run.returncode == 2
    assert run.stderr == (
        "error: dist/base/notes.md was not written by synth and is in the folder base, which has "
        "to become the link to model-download/base; move it to model-download/base, or remove it\n"
    )
    assert state(out) == before
    checked = ira("check", cwd=out.parent).stdout
    assert "    move it to model-download/base, or remove it\n" in checked
    (base / "notes.md").rename(out / "model-download/base/notes.md")
    assert synth(out.parent).returncode == 0
    assert (out / "base/ira-model-config.env").read_text() == CONFIG_TEXT


def test_a_link_that_leads_elsewhere_is_refused_and_nothing_changes(
    out: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (out / "base").unlink()
    (out / "base").symlink_to("../mine")
    before = state(tmp_path)

    run = synth(out.parent)

    assert run.returncode == 2
    assert "dist/base was not written by synth" in run.stderr
    assert state(tmp_path) == before


def test_a_copy_that_followed_the_link_is_mended(out: Path, tmp_path: Path) -> None:
    (out / "model-download/base/ira-model-config.env").write_text(CONFIG_TEXT)
    (out / "model-download/base/hugging-face-token.env").unlink()
    copied = tmp_path / "copied"
    subprocess.run(["cp", "-rL", out, copied], check=True)
    assert not (copied / "base").is_symlink()

    run = synth(tmp_path, "--out", "copied")

    assert run.returncode == 0, run.stderr
    assert (copied / "base").is_symlink()
    assert (copied / "base/ira-model-config.env").read_text() == CONFIG_TEXT


def test_what_git_writes_where_it_makes_no_links_becomes_the_link(out: Path) -> None:
    (out / "base").unlink()
    (out / "base").write_text("model-download/base")

    run = synth(out.parent)

    assert run.returncode == 0, run.stderr
    assert (out / "base").is_symlink()


@pytest.mark.parametrize("replaced", ["missing", "a folder", "with my file"])
def test_check_tells_that_the_link_is_not_there(out: Path, replaced: str) -> None:
    if replaced == "missing":
        (out / "base").unlink()
    else:
        base = replace_the_link(out)
        if replaced == "with my file":
            (base / "ira-model-config.env").write_text(CONFIG_TEXT)

    run = ira("check", cwd=out.parent)
    stale = synth(out.parent, "--check")

    assert (run.returncode, stale.returncode) == (1, 1)
    assert "dist/base:1:1: error IRA028 stale-output" in run.stdout
    assert "run synth" in run.stdout
    assert synth(out.parent).returncode == 0
    assert ira("check", cwd=out.parent).returncode == 0


def test_a_failure_after_the_look_moves_no_file(out: Path) -> None:
    base = replace_the_link(out)
    (base / "ira-model-config.env").write_text(CONFIG_TEXT)
    (out / ONE / "service.yaml").unlink()
    (out / ONE).chmod(0o555)
    before = state(out)

    run = synth(out.parent, prefix=UNPRIVILEGED)

    (out / ONE).chmod(0o755)
    assert run.returncode == 2
    assert state(out) == before


def test_a_file_system_without_links_is_one_message_and_nothing_changes(
    out: Path, tmp_path: Path
) -> None:
    hook = (
        "import errno, sys\n"
        "def hook(event, arguments):\n"
        "    if event == 'os.symlink':\n"
        "        raise OSError(errno.EPERM, 'Operation not permitted', str(arguments[1]))\n"
        "sys.addaudithook(hook)\n"
    )
    (out / "base").unlink()
    (out / ONE / "service.yaml").unlink()
    before = state(out)
    (tmp_path / "hook").mkdir()

    run = synth(out.parent, env=at_start(tmp_path / "hook", hook))

    assert run.returncode == 2
    assert run.stderr.count("\n") == 1
    assert "symbolic link" in run.stderr
    assert state(out) == before


@pytest.mark.parametrize("event", ["os.rename", "os.remove", "os.rmdir", "os.symlink"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_kill_at_any_step_of_the_move_loses_nothing(
    out: Path, tmp_path: Path, event: str, nth: int
) -> None:
    base = replace_the_link(out)
    (base / "ira-model-config.env").write_text(CONFIG_TEXT)
    (base / "hugging-face-token.env").write_text(TOKEN_TEXT)
    (out / "model-download/base/hugging-face-token.env").unlink()
    (base / "kustomization.yaml").write_bytes(marked("base/kustomization.yaml", "a: 1"))
    hook = (
        "import os, signal, sys\n"
        "seen = 0\n"
        "def hook(event, arguments):\n"
        "    global seen\n"
        f"    if event == {event!r} and {str(out)!r} in str(arguments[-2:]):\n"
        "        seen += 1\n"
        f"        if seen == {nth}:\n"
        "            os.kill(os.getpid(), signal.SIGKILL)\n"
        "sys.addaudithook(hook)\n"
    )
    (tmp_path / "hook").mkdir()

    synth(tmp_path, "--out", str(out), env=at_start(tmp_path / "hook", hook))
    left = [path.read_text() for path in out.rglob("*.env") if not path.parent.is_symlink()]
    again = synth(tmp_path, "--out", str(out))

    assert CONFIG_TEXT in left
    assert TOKEN_TEXT in left
    assert again.returncode == 0, again.stderr
    assert (out / "base").is_symlink()
    assert (out / "base/ira-model-config.env").read_text() == CONFIG_TEXT
    assert (out / "base/hugging-face-token.env").read_text() == TOKEN_TEXT
    assert list(out.rglob("*.ira-tmp")) == []


# --- a .gitignore of the user's own ---------------------------------------------------------------


def test_a_users_own_gitignore_without_the_line_is_reported_with_it(tmp_path: Path) -> None:
    copy_profiles(tmp_path)
    (tmp_path / ".gitignore").write_text("*.log\n")

    refused = synth(tmp_path, "--out", ".")
    (tmp_path / ".gitignore").write_text("*.log\n*hugging-face-token*\n")
    run = synth(tmp_path, "--out", ".")

    assert refused.returncode == 2
    assert "add the line *hugging-face-token*" in refused.stderr
    assert run.returncode == 0, run.stderr
    assert (tmp_path / ".gitignore").read_text() == "*.log\n*hugging-face-token*\n"
    assert synth(tmp_path, "--out", ".", "--check").returncode == 0


# --- a Secret that exists -------------------------------------------------------------------------


def test_with_a_secret_of_ones_own_all_builds_and_there_is_no_token_file(tmp_path: Path) -> None:
    secret = ("  storage: 1Ti\n", "  storage: 1Ti\n  token: {secret: my-hub}\n")
    copy_edited(tmp_path, "platform.yaml", secret)

    run = synth(tmp_path)

    assert run.returncode == 0, run.stderr
    assert "token" not in run.stdout
    out = tmp_path / "dist"
    assert list(out.rglob("*token.env*")) == []
    for directory in (path for path in out.iterdir() if path.is_dir()):
        assert "kind: Secret" not in kustomize(directory)
    pod = the(objects_in(kustomize(out / "model-download")), "Job")["spec"]["template"]["spec"]
    names = [each["secret"]["secretName"] for each in pod["volumes"] if "secret" in each]
    assert names == ["my-hub"]
    assert ira("check", cwd=tmp_path).returncode == 0
