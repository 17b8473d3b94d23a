"""The output folder: files that a synth changes or keeps, and failures that it survives."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ira_manifests import OutputError
from ira_manifests.output import folder, tree
from ira_manifests.output.tree import Found, Tree, compare, marked
from testing.project import DIST, ROOT, copy_profiles
from tests.support import UNPRIVILEGED, at_start, ira, occupy, shell

ONE = "online-inference-gpu-h100-gemma3-27b"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A copy of the committed output folder."""
    return Path(shutil.copytree(DIST, tmp_path / "dist", symlinks=True))


def snapshot(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Content, inode and modification time of every file."""
    return {
        str(path.relative_to(folder)): (
            path.read_bytes(),
            path.stat().st_ino,
            path.stat().st_mtime_ns,
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def generated(path: str, text: str = "a: 1\n") -> bytes:
    return marked(path, text)


def last_years(out: Path) -> Path:
    """Create a directory as an earlier synth wrote it for a cell that was removed since."""
    gone = out / "online-inference-gpu-h100-last-year"
    gone.mkdir()
    for name in ("deployment.yaml", "service.yaml"):
        (gone / name).write_bytes(generated(f"{gone.name}/{name}"))
    return gone


def apply(out: Path, files: dict[str, bytes]) -> None:
    wanted = Tree(files)
    found = folder.look(out, wanted.directories)
    folder.write(out, wanted, compare(wanted, found))


def test_nothing_is_rewritten_when_nothing_changed(out: Path) -> None:
    ira("synth", "--out", out)
    before = snapshot(out)

    run = ira("synth", "--out", out)

    assert run.returncode == 0
    assert snapshot(out) == before


def test_only_the_changed_file_is_rewritten(out: Path) -> None:
    ira("synth", "--out", out)
    stale = out / ONE / "service.yaml"
    stale.write_bytes(generated(f"{ONE}/service.yaml", "kind: Service\n"))
    before = snapshot(out)

    ira("synth", "--out", out)

    after = snapshot(out)
    changed = {path for path in after if after[path] != before[path]}
    assert changed == {f"{ONE}/service.yaml"}
    assert stale.read_bytes() == (DIST / ONE / "service.yaml").read_bytes()


def test_a_directory_that_left_the_matrix_is_removed(out: Path) -> None:
    gone = last_years(out)

    run = ira("synth", "--out", out)

    assert not gone.exists()
    assert gone.name in run.stdout


def test_somebody_elses_file_keeps_its_directory_and_is_named(out: Path) -> None:
    gone = last_years(out)
    (gone / "notes.md").write_text("mine")

    run = ira("synth", "--out", out)

    assert [path.name for path in gone.iterdir()] == ["notes.md"]
    assert f"{gone / 'notes.md'}: not written by synth" in run.stdout.replace("\n", "")


def test_a_copy_of_a_generated_directory_or_file_is_the_users(out: Path) -> None:
    mine = Path(shutil.copytree(out / ONE, out / "my-gemma"))
    (mine / "deployment.yaml").write_bytes((mine / "deployment.yaml").read_bytes() + b"# mine\n")
    copy = Path(shutil.copy(out / ONE / "service.yaml", out / ONE / "my-service.yaml"))
    before = snapshot(mine)

    run = ira("synth", "--out", out)

    assert run.returncode == 0
    assert snapshot(mine) == before
    assert copy.exists()


def test_folders_and_files_of_others_are_never_touched(out: Path) -> None:
    (out / "README.md").write_text("mine")
    (out / "overlays" / "prod").mkdir(parents=True)
    (out / "overlays" / "prod" / "kustomization.yaml").write_text("mine: true")
    (out / ONE / "patch.yaml").write_text("mine: true")
    (out / "link").symlink_to(out / ONE)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}

    run = ira("synth", "--out", out)

    assert run.returncode == 0
    assert {path: path.read_bytes() for path in before} == before


def test_a_file_in_the_way_stops_everything_before_it_begins(out: Path) -> None:
    shutil.rmtree(out / "model-download")
    mine = out / ONE / "deployment.yaml"
    mine.write_text("kind: Deployment  # mine, without the marker\n")

    run = ira("synth", "--out", out)

    assert run.returncode == 2
    assert run.stderr.count("\n") == 1
    assert "deployment.yaml was not written by synth" in run.stderr
    assert mine.read_text() == "kind: Deployment  # mine, without the marker\n"
    assert not (out / "model-download").exists()


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_stands_in_the_place_of_a_directory_is_not_written_through(
    out: Path, tmp_path: Path, kind: str
) -> None:
    shutil.rmtree(out / ONE)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    if kind == "file":
        (out / ONE).write_text("a file")
    else:
        (out / ONE).symlink_to(elsewhere)

    run = ira("synth", "--out", out)

    assert run.returncode == 2
    assert "is in the place of a generated file" in run.stderr
    assert list(elsewhere.iterdir()) == []


def test_only_some_cells_are_written_and_the_others_stay(out: Path) -> None:
    shutil.rmtree(out / ONE)
    untouched = out / "online-inference-gpu-h200-llama3" / "service.yaml"
    mark = generated("online-inference-gpu-h200-llama3/service.yaml")
    untouched.write_bytes(mark)

    run = ira("synth", "--out", out, "--only", "h100/gemma3-27b")

    assert run.returncode == 0
    assert (out / ONE / "deployment.yaml").exists()
    assert untouched.read_bytes() == mark


def test_a_new_token_file_is_only_its_owners(tmp_path: Path) -> None:
    ira("synth", "--out", tmp_path / "out")

    token = tmp_path / "out/base/hugging-face-token.env"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert "HUGGING_FACE_TOKEN=<HUGGING_FACE_TOKEN>" in token.read_text().splitlines()


def test_git_does_not_see_the_token_file(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    ira("synth", "--out", tmp_path / "dist")

    listed = subprocess.run(
        ["git", "-C", tmp_path, "ls-files", "--others", "--exclude-standard"],
        check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip

    assert "dist/model-download/base/ira-model-config.env" in listed
    assert [path for path in listed if "token" in path] == []


def test_the_users_files_survive_a_synth_to_the_byte(out: Path) -> None:
    config, token = out / "base/ira-model-config.env", out / "base/hugging-face-token.env"
    config.write_bytes(b"# ours\r\nIRA_BUCKET_NAME=x-ira-model\r\n\r\nMODEL_ID=a/b\r\nEXTRA=1")
    token.write_bytes(b"HUGGING_FACE_TOKEN=hf_secret \r\n")
    token.chmod(0o640)
    before = (config.read_bytes(), token.read_bytes(), token.stat())

    run = ira("synth", "--out", out)

    assert run.returncode == 0
    assert (config.read_bytes(), token.read_bytes(), token.stat()) == before
    assert "hf_secret" not in run.stdout + run.stderr


def test_the_token_file_is_not_even_opened(out: Path) -> None:
    # A fifo without a writer: opening it to read blocks for ever.
    token = out / "base/hugging-face-token.env"
    token.unlink(missing_ok=True)
    os.mkfifo(token)

    run = ira("synth", "--out", out, "--bucket", "acme-ira-model", timeout=120)

    assert run.returncode == 0


def test_named_keys_change_and_every_other_line_stays(out: Path) -> None:
    config = out / "base/ira-model-config.env"
    config.write_text("# ours\nIRA_BUCKET_NAME=old-ira-model\nMODEL_ID=google/gemma-3-27b-it\n")

    run = ira("synth", "--out", out, "--bucket", "new-ira-model")

    assert run.returncode == 0
    assert config.read_text() == (
        "# ours\nIRA_BUCKET_NAME=new-ira-model\nMODEL_ID=google/gemma-3-27b-it\n"
    )


def test_an_output_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "dist").write_text("a file")

    run = ira("synth", "--out", tmp_path / "dist")

    assert run.returncode == 2
    assert run.stderr == (
        f"error: {tmp_path / 'dist'} is not a folder; name a folder for the output with --out\n"
    )
    assert (tmp_path / "dist").read_text() == "a file"


def test_an_output_below_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "dist").write_text("a file")

    run = ira("synth", "--out", tmp_path / "dist" / "deeper")

    assert run.returncode == 2
    assert run.stderr.count("\n") == 1
    assert "a part of the path is not a folder" in run.stderr


def test_an_output_that_may_not_be_written_is_one_sentence_and_nothing_is_left(out: Path) -> None:
    shutil.rmtree(out / "model-download")
    out.chmod(0o555)
    before = snapshot(out)

    run = ira("synth", "--out", out, prefix=UNPRIVILEGED)

    assert run.returncode == 2
    assert run.stderr.count("\n") == 1
    assert "permission is denied" in run.stderr
    assert snapshot(out) == before


def test_a_full_disk_leaves_everything_as_it_was(out: Path) -> None:
    shutil.rmtree(out / "model-download")
    stale = out / ONE / "service.yaml"
    stale.write_bytes(generated(f"{ONE}/service.yaml", "kind: Service\n"))
    before = snapshot(out)

    # The kernel refuses writes beyond the limit, as on a full disk.
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(OutputError, match="a file grew larger than is allowed"):
            apply(
                out,
                {
                    f"{ONE}/service.yaml": generated(f"{ONE}/service.yaml"),
                    "z/big": generated("z/big", "x\n" * 2000),
                },
            )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))

    assert snapshot(out) == before
    assert not (out / "z").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="mounting needs root")
def test_a_file_system_without_space_leaves_everything_as_it_was(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine does not let root mount")
    try:
        run = ira("synth", "--out", disk / "dist")
        left = list(disk.iterdir())
    finally:
        subprocess.run(["umount", str(disk)], check=True)

    assert run.returncode == 2
    assert "no space is left on the disk" in run.stderr
    assert left == []


def test_a_killed_run_leaves_old_or_new_files_and_the_next_one_mends_it(tmp_path: Path) -> None:
    out = tmp_path / "dist"
    paths = [f"d{number}/f{index}.yaml" for number in range(40) for index in range(20)]
    old = {path: generated(path, "old\n" * 50) for path in paths}
    new = {path: generated(path, "new\n" * 50) for path in paths}
    apply(out, old)
    program = (
        "import sys; from pathlib import Path; from tests.test_folder import apply;"
        "from tests.test_folder import generated;"
        "apply(Path(sys.argv[1]), {p: generated(p, 'new\\n' * 50) for p in sys.argv[2:]})"
    )
    command = [sys.executable, "-c", program, str(out), *paths]
    for delay in (0.0, 0.02, 0.05, 0.08, 0.12):
        with subprocess.Popen(command, cwd=ROOT) as process:
            while process.poll() is None and not any(out.rglob(".*.ira-tmp")):
                pass
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
        assert all((out / path).read_bytes() in (old[path], new[path]) for path in paths)

    apply(out, new)

    assert {p for p in out.rglob("*") if p.is_file() and p.parent.name != "base"} == {
        out / path for path in paths
    }
    assert all((out / path).read_bytes() == new[path] for path in paths)


def test_a_plan_puts_every_path_in_one_group() -> None:
    wanted = Tree({"a/new": b"1", "a/changed": b"2", "a/same": b"3", "a/blocked": b"4"})
    found = Found(
        {"a/changed": b"0", "a/same": b"3", "b/orphan": b"5"}, frozenset({"a/blocked", "a/mine"})
    )

    plan = compare(wanted, found)

    assert plan == tree.Plan(
        created=("a/new",),
        updated=("a/changed",),
        unchanged=("a/same",),
        removed=("b/orphan",),
        left=("a/mine",),
        blocked=("a/blocked",),
    )
    assert plan.stale


def test_writing_a_blocked_plan_is_refused(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/f.yaml").write_text("mine")

    with pytest.raises(OutputError, match=r"d/f\.yaml was not written by synth"):
        apply(tmp_path, {"d/f.yaml": generated("d/f.yaml")})


# Left-over, obstructing and unreadable files


def test_what_a_killed_run_left_is_removed_and_is_nobody_elses(out: Path) -> None:
    ira("synth", "--out", out)
    leftovers = [out / ONE / ".service.yaml.ira-tmp", out / "gone" / ".service.yaml.ira-tmp"]
    (out / "gone").mkdir()
    for leftover in leftovers:
        leftover.write_text("half of")

    checked = ira("synth", "--out", out, "--check")
    run = ira("synth", "--out", out)

    assert (checked.returncode, run.returncode) == (0, 0)
    assert "ira-tmp" not in checked.stdout + run.stdout
    assert [path for path in leftovers if path.exists()] == []
    assert not (out / "gone").exists()


def test_a_folder_of_others_that_may_not_be_read_is_left_and_named(out: Path) -> None:
    (out / "lost+found").mkdir(mode=0o000)

    run = ira("synth", "--out", out, prefix=UNPRIVILEGED)

    assert run.returncode == 0, run.stderr
    assert f"{out}/lost+found: not written by synth" in run.stdout
    assert (out / "lost+found").exists()


def test_a_file_of_others_that_may_not_be_read_is_left_and_named(out: Path) -> None:
    (out / "base/secret").write_text("mine " * 100)
    (out / "base/secret").chmod(0o000)

    run = ira("synth", "--out", out, prefix=UNPRIVILEGED)

    assert run.returncode == 0, run.stderr
    assert "base/secret: not written by synth" in run.stdout


def test_an_empty_file_in_the_place_of_a_generated_one_is_filled(out: Path) -> None:
    (out / ONE / "service.yaml").write_bytes(b"")  # as after a power failure

    run = ira("synth", "--out", out)

    assert run.returncode == 0
    assert (out / ONE / "service.yaml").read_bytes() == (DIST / ONE / "service.yaml").read_bytes()


def test_a_removal_that_is_not_allowed_is_known_before_anything_changes(out: Path) -> None:
    gone = last_years(out)
    stale = out / ONE / "service.yaml"
    stale.write_bytes(generated(f"{ONE}/service.yaml"))
    gone.chmod(0o555)
    before = snapshot(out)

    run = ira("synth", "--out", out, prefix=UNPRIVILEGED)

    gone.chmod(0o755)
    assert run.returncode == 2
    assert run.stderr == f"error: {gone} can't be used: permission is denied\n"
    after = snapshot(out)
    assert {path: after[path] for path in before} == before
    assert list(out.rglob(".*.ira-tmp")) == []


@pytest.mark.skipif(os.getuid() != 0, reason="files of another user need root")
def test_a_removal_that_fails_is_reported_with_the_new_files(out: Path) -> None:
    gone = last_years(out)
    stale = out / ONE / "service.yaml"
    stale.write_bytes(generated(f"{ONE}/service.yaml"))
    for path in (gone, *gone.iterdir()):  # of another user, in a sticky folder
        os.chown(path, 65534, 65534)
    gone.chmod(0o1777)

    run = ira("synth", "--out", out, prefix=UNPRIVILEGED)

    assert run.returncode == 2
    assert run.stderr.count("\n") == 1
    assert "permission is denied; some files are already new" in run.stderr
    assert stale.read_bytes() == (DIST / ONE / "service.yaml").read_bytes()
    assert ira("synth", "--out", out).returncode == 0
    assert not gone.exists()


def test_a_folder_that_a_stopped_run_left_empty_is_reported_and_removed(
    out: Path, tmp_path: Path
) -> None:
    gone, mine = last_years(out), out / "mine"
    mine.mkdir()
    stop = (
        "import os, pathlib, signal\n"
        "pathlib.Path.rmdir = lambda path: os.kill(os.getpid(), signal.SIGTERM)\n"
    )

    stopped = ira("synth", "--out", out, env=at_start(tmp_path, stop))

    assert stopped.returncode in (-signal.SIGTERM, 128 + signal.SIGTERM)
    assert list(gone.iterdir()) == []
    compared = ira("synth", "--check", "--out", out)
    assert compared.returncode == 1
    assert compared.stderr.startswith(f"{out} is stale: 1 empty.")
    checked = ira("check", "--out", out)
    assert checked.returncode == 1
    assert f"{gone}:1:1: error IRA028 stale-output" in checked.stdout
    assert ira("synth", "--out", out, "--only", "l4/*").returncode == 0
    assert gone.exists()  # a run of some cells leaves the others alone
    again = ira("synth", "--out", out)
    assert again.returncode == 0
    assert f"removed   {gone}: an empty folder" in again.stdout
    assert not gone.exists()
    assert mine.exists()
    assert ira("synth", "--check", "--out", out).returncode == 0


# Runs at the same time


def test_a_run_does_not_begin_while_another_writes(out: Path, tmp_path: Path) -> None:
    # The first run starts a second one, and waits for its end, when it renames its first file.
    (out / ONE / "service.yaml").write_bytes(generated(f"{ONE}/service.yaml"))
    second = [sys.executable, "-m", "ira_manifests", "synth", "--out", str(out)]
    hook = (
        "import os, subprocess, sys\n"
        "def hook(event, arguments):\n"
        "    if event == 'os.rename' and '.ira-tmp' in str(arguments[0]):\n"
        f"        environment = {{**os.environ, 'PYTHONPATH': {str(ROOT)!r}}}\n"
        f"        run = subprocess.run({second!r}, env=environment, capture_output=True)\n"
        f"        open({str(tmp_path / 'code')!r}, 'w').write(str(run.returncode))\n"
        f"        open({str(tmp_path / 'said')!r}, 'wb').write(run.stderr)\n"
        "sys.addaudithook(hook)\n"
    )

    first = ira("synth", "--out", out, env=at_start(tmp_path, hook))

    assert first.returncode == 0, first.stderr
    assert (tmp_path / "code").read_text() == "2"
    assert (tmp_path / "said").read_text() == (
        f"error: another synth is writing to {out}; wait for it to end, then run this again\n"
    )
    assert ira("synth", "--check", "--out", out).returncode == 0


def test_runs_at_the_same_time_leave_what_one_of_them_wrote(tmp_path: Path) -> None:
    out = tmp_path / "out"
    templates = ["a-{gpu}", "b-{gpu}", "a-{gpu}", "b-{gpu}"]
    script = "".join(
        f"($IRA synth --out {out} --workload-name '{name}' || echo $? >> {tmp_path}/codes) & "
        for name in templates
    )

    run = shell(f"{script} wait")

    assert "Traceback" not in run.stderr
    codes = (tmp_path / "codes").read_text().split() if (tmp_path / "codes").exists() else []
    assert len(codes) < len(templates)
    assert set(codes) <= {"2"}
    assert run.stderr.count("another synth is writing") == len(codes)
    checks = [
        ira("synth", "--check", "--out", out, "--workload-name", name) for name in set(templates)
    ]
    assert sorted(check.returncode for check in checks) == [0, 1]
    assert list(out.rglob(".*.ira-tmp")) == []


# The user's file


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("folder", "it is a folder"),
        ("pipe", "it is not a regular file"),
        ("dangling link", "no such file or directory"),
    ],
)
@pytest.mark.parametrize("values", [[], ["--bucket", "acme-ira-model"]])
def test_a_config_that_is_no_file_is_one_sentence_and_nothing_changes(
    out: Path, kind: str, message: str, values: list[str]
) -> None:
    config = out / "base/ira-model-config.env"
    config.unlink()
    occupy(config, kind)
    (out / ONE / "service.yaml").write_bytes(generated(f"{ONE}/service.yaml"))
    before = snapshot(out)

    run = ira("synth", "--out", out, *values, timeout=60)

    assert run.returncode == 2
    assert run.stderr == f"error: {config} can't be used: {message}\n"
    assert snapshot(out) == before


def test_a_config_that_is_read_only_is_not_edited(out: Path) -> None:
    config = out / "base/ira-model-config.env"
    config.chmod(0o444)
    before = snapshot(out)

    run = ira("synth", "--out", out, "--bucket", "acme-ira-model")

    assert run.returncode == 2
    assert run.stderr == (f"error: {config} is read-only; make it writable, or edit it yourself\n")
    assert snapshot(out) == before
    assert ira("synth", "--out", out).returncode == 0  # which does not edit it


def test_a_config_that_is_a_link_stays_one_and_what_it_leads_to_is_edited(
    out: Path, tmp_path: Path
) -> None:
    config = out / "base/ira-model-config.env"
    mine = config.rename(tmp_path / "mine.env")
    config.symlink_to(mine)

    run = ira("synth", "--out", out, "--bucket", "acme-ira-model")

    assert run.returncode == 0
    assert config.is_symlink()
    assert "IRA_BUCKET_NAME=acme-ira-model" in mine.read_text().splitlines()


def test_a_config_with_a_second_name_gets_a_content_of_its_own_and_that_is_said(
    out: Path, tmp_path: Path
) -> None:
    config = out / "base/ira-model-config.env"
    other = tmp_path / "other.env"
    other.hardlink_to(config)
    before = other.read_bytes()

    run = ira("synth", "--out", out, "--bucket", "acme-ira-model")

    assert run.returncode == 0
    assert f"{config} had another hard link, which keeps the old values" in run.stdout
    assert other.read_bytes() == before
    assert "IRA_BUCKET_NAME=acme-ira-model" in config.read_text().splitlines()


@pytest.mark.skipif(os.getuid() != 0, reason="files of another user need root")
def test_a_file_that_root_changes_stays_its_users(out: Path) -> None:
    config, generated_file = out / "base/ira-model-config.env", out / ONE / "service.yaml"
    for path in (config, generated_file):
        path.write_bytes(path.read_bytes().replace(b"8000", b"8001"))
        path.chmod(0o664)
        os.chown(path, 65534, 1)

    run = ira("synth", "--out", out, "--bucket", "acme-ira-model")

    assert run.returncode == 0
    assert b"acme-ira-model" in config.read_bytes()
    assert generated_file.read_bytes() == (DIST / ONE / "service.yaml").read_bytes()
    for path in (config, generated_file):
        now = path.stat()
        assert (now.st_uid, now.st_gid, stat.S_IMODE(now.st_mode)) == (65534, 1, 0o664)


@pytest.mark.skipif(os.getuid() != 0, reason="files of another user need root")
def test_a_config_of_another_user_is_not_taken_over(out: Path) -> None:
    config = out / "base/ira-model-config.env"
    os.chown(config, 65534, 65534)
    config.chmod(0o666)
    before = snapshot(out)
    without_chown = ["setpriv", "--bounding-set=-chown"]

    run = ira("synth", "--out", out, "--bucket", "acme-ira-model", prefix=without_chown)

    assert run.returncode == 2
    assert f"{config.resolve()} belongs to another user or group" in run.stderr
    assert snapshot(out) == before


def test_of_many_files_that_are_left_the_first_are_named(out: Path) -> None:
    for number in range(60):
        (out / ONE / f"mine-{number}.txt").touch()

    run = ira("synth", "--out", out)

    assert run.returncode == 0
    assert run.stdout.count("not written by synth") == 50
    assert "\n... and 10 more\n" in run.stdout


# Unusual paths


@pytest.mark.parametrize(
    "name", ["with space", "wíth-ümlaut", "trailing/", "a/b/c", "./x/../y", "'quoted'", "-dash"]
)
def test_an_output_folder_of_any_name_works(tmp_path: Path, name: str) -> None:
    profiles = ("--profiles", ROOT / "profiles")

    run = ira("synth", f"--out={name}", *profiles, "--only", "l4/*", cwd=tmp_path)

    assert run.returncode == 0, run.stderr
    assert (tmp_path / name.replace("x/../", "") / "base/kustomization.yaml").exists()
    again = ira("synth", "--check", f"--out={name}", *profiles, "--only", "l4/*", cwd=tmp_path)
    assert again.returncode == 0


def test_the_folder_of_a_project_can_be_the_output(tmp_path: Path) -> None:
    copy_profiles(tmp_path)
    (tmp_path / "README.md").write_text("mine")
    before = snapshot(tmp_path)

    run = ira("synth", "--out", ".", cwd=tmp_path)

    assert run.returncode == 0
    assert "left" not in run.stdout
    after = snapshot(tmp_path)
    assert {path: after[path] for path in before} == before


def test_a_link_to_a_folder_can_be_the_output(out: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(out)
    shutil.rmtree(out / ONE)

    run = ira("synth", "--out", tmp_path / "link")

    assert run.returncode == 0
    assert (out / ONE / "deployment.yaml").exists()
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("check", [[], ["--check"]])
def test_a_link_to_nothing_is_no_output(tmp_path: Path, check: list[str]) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")

    run = ira("synth", "--out", tmp_path / "link", *check)

    assert run.returncode == 2
    assert run.stderr.startswith(f"error: {tmp_path / 'link'} can't be used: ")
    assert run.stderr.count("\n") == 1
    assert not (tmp_path / "nowhere").exists()


def test_a_model_config_that_is_too_long_to_be_read_is_left_alone(out: Path) -> None:
    config = out / "base/ira-model-config.env"
    config.write_bytes(b"# a long comment\n" * 70_000 + b"OTHER=keepme\n")
    before = config.read_bytes()

    run = ira("synth", "--out", out, "--bucket", "my-bucket")

    assert run.returncode == 2
    assert f"{config} has more than 1048576 bytes, so synth can't edit it" in run.stderr
    assert config.read_bytes() == before


def test_what_only_looks_like_waiting_content_is_the_users(out: Path) -> None:
    (out / "mine").mkdir()
    (out / "mine/notes").write_text("mine")
    (out / "mine/.notes.ira-tmp").write_text("mine")
    (out / "base/.folder.ira-tmp").mkdir()

    run = ira("synth", "--out", out)

    assert run.returncode == 0, run.stderr
    assert (out / "mine/.notes.ira-tmp").read_text() == "mine"
    assert (out / "base/.folder.ira-tmp").is_dir()
