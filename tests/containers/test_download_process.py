"""The download as a process: where its token shows, how it stops, what it needs of the Pod."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.containers import processes
from tests.containers.download_job import (
    PINNED,
    SHARDS,
    Job,
    assert_complete,
    assert_failed,
    contents,
    job_in,
)
from tests.containers.faults import held_until, refusal, status
from tests.containers.hub import API, Hub
from tests.containers.processes import (
    DOWNLOAD,
    PATH,
    eventually,
    finish,
    needs_mounts,
    needs_process_1,
)
from tests.support import TOKEN

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become the Pod's user")


# The token


def test_the_token_is_in_no_argument_no_output_and_no_file(hub: Hub, job: Job) -> None:
    release = threading.Event()
    hub.fail(SHARDS[1], status(500), held_until(release))
    with processes.running(["bash", "-c", DOWNLOAD], job.environment()) as process:
        arguments: list[str] = []
        while hub.downloads().count(SHARDS[1]) < 2:
            assert process.poll() is None
            arguments += [a for pid in processes.session(process) for a in processes.arguments(pid)]
        left = contents(job.root) | contents(job.tmp)
        release.set()
        run = finish(process)
    assert_complete(run, job, hub)
    left |= contents(job.root) | contents(job.tmp)
    assert "python3" in arguments
    assert not [argument for argument in arguments if TOKEN in argument]
    assert not [path for path, content in left.items() if TOKEN.encode() in content]
    assert TOKEN not in run.stdout + run.stderr


def test_a_message_that_quotes_the_token_is_printed_without_it(hub: Hub, job: Job) -> None:
    hub.fail(API, refusal(401, f"{TOKEN} is unknown"))
    run = job.run()
    assert_failed(run, 22, "*** is unknown")
    assert TOKEN not in run.stdout + run.stderr


def stub_python(job: Job, body: str) -> str:
    """A PATH whose python3 is the shell commands."""
    folder = job.root.parent / "bin"
    folder.mkdir()
    stub = folder / "python3"
    stub.write_text(f"#!/bin/sh\n{body}\n")
    stub.chmod(0o755)
    return f"{folder}:{PATH}"


def test_pip_is_not_given_the_token(job: Job) -> None:
    seen = job.root.parent / "seen"
    path = stub_python(job, f'{{ env; echo "$@"; }} >> {seen}; exit 1')
    assert_failed(job.run(PATH=path), 21, f"huggingface_hub {PINNED} can't be installed with pip")
    assert f"huggingface_hub=={PINNED}" in seen.read_text()
    assert TOKEN not in seen.read_text()


# Stopping


@needs_process_1
def test_sigterm_ends_the_download_at_once_even_as_process_1(hub: Hub, job: Job) -> None:
    held = threading.Event()
    hub.fail(SHARDS[1], held_until(held))
    command = [*processes.AS_PROCESS_1, "bash", "-c", DOWNLOAD]
    with processes.running(command, job.environment()) as process:
        eventually(lambda: SHARDS[1] in hub.downloads())
        os.kill(processes.process_1(process), signal.SIGTERM)
        assert finish(process).returncode == 143
    held.set()
    assert job.model() == {}


@needs_process_1
def test_sigterm_ends_the_installation_at_once_even_as_process_1(job: Job) -> None:
    started = job.root.parent / "started"
    path = stub_python(job, f'[ "$2" = pip ] || exit 1; touch {started}; sleep 600')
    command = [*processes.AS_PROCESS_1, "bash", "-c", DOWNLOAD]
    with processes.running(command, job.environment(PATH=path)) as process:
        eventually(started.exists)
        os.kill(processes.process_1(process), signal.SIGTERM)
        assert finish(process).returncode == 143


# As in the Pod


AS_IN_THE_POD = """
mount --bind "$MODEL_ROOT" "$MODEL_ROOT" && mount --bind "$TMPDIR" "$TMPDIR" &&
  mount -o remount,ro,bind / &&
  exec setpriv --reuid="$RUN_AS" --regid=10000 --clear-groups --no-new-privs --bounding-set=-all \\
    bash -c "$0"
"""
POD_USER, ROOT_WITHOUT_ITS_POWERS = 65534, 0


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other users can reach, which pytest's are not."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def has_pip(python: str) -> bool:
    question = "import sys, pip; sys.exit(sys.version_info < (3, 10))"
    command = [python, "-c", question]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def install_as_in_the_pod(folder: Path, hub: Hub, path: str, user: int) -> None:
    """Run the script where nothing can be written but the two mounts, and pip has to install."""
    job = job_in(folder, hub)
    for mounted in (job.root, job.tmp):
        os.chown(mounted, user, 10000)
    settings = {name: value for name, value in os.environ.items() if re.match("PIP_|SSL_", name)}
    environment = job.environment(PATH=f"{path}:/usr/bin:/bin", RUN_AS=str(user))
    command = [*processes.NEW_MOUNTS, "sh", "-c", AS_IN_THE_POD, DOWNLOAD]
    run = finish(processes.start(command, settings | environment))
    assert_complete(run, job, hub)
    assert (job.tmp / f"huggingface_hub-{PINNED}" / "huggingface_hub").is_dir()


@needs_mounts
@needs_root
def test_pip_installs_the_pinned_release_on_a_read_only_system(hub: Hub, folder: Path) -> None:
    """With a Python that has pip and nothing else."""
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)

    install_as_in_the_pod(folder, hub, f"{folder}/venv/bin", ROOT_WITHOUT_ITS_POWERS)


@needs_mounts
@needs_root
@pytest.mark.skipif(not has_pip("/usr/bin/python3"), reason="needs Debian's python3-pip")
def test_pip_installs_the_pinned_release_as_the_pods_user(hub: Hub, folder: Path) -> None:
    """With Debian's own Python, as in the image."""
    install_as_in_the_pod(folder, hub, "/usr/bin", POD_USER)
