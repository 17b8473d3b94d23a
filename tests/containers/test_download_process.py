"""The download as a process: secrecy of its token, its end, and its needs of the Pod."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

import pytest

from ira_manifests import hub_lock
from testing import processes
from testing.hub import API, Hub
from testing.objects import Json, the
from testing.processes import (
    DOWNLOAD,
    INSTALL,
    PATH,
    eventually,
    finish,
    needs_mounts,
    needs_process_1,
)
from testing.project import TOKEN
from testing.tiny_model import SHARDS
from tests.containers.download_job import (
    PINNED,
    Job,
    assert_complete,
    assert_failed,
    contents,
    job_in,
)
from tests.containers.faults import held_until, refusal, status

Rendered = dict[str, list[Json]]

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become the Pod's user")


# The token


def test_the_token_is_in_no_argument_no_environment_no_output_and_no_file(
    hub: Hub, job: Job
) -> None:
    release = threading.Event()
    hub.fail(SHARDS[1], status(500), held_until(release))
    with processes.running(["bash", "-c", DOWNLOAD], job.environment()) as process:
        arguments: list[str] = []
        variables: list[str] = []
        while hub.downloads().count(SHARDS[1]) < 2:
            assert process.poll() is None
            for pid in processes.session(process):
                arguments += processes.arguments(pid)
                variables += processes.variables(pid)
        assert processes.session(process) == [process.pid], "one process has the token"
        left = contents(job.root) | contents(job.tmp)
        release.set()
        run = finish(process)
    assert_complete(run, job, hub)
    left |= contents(job.root) | contents(job.tmp)
    assert "python3" in arguments
    assert "HF_HUB_DISABLE_TELEMETRY=1" in variables
    assert not [text for text in {*arguments, *variables} if TOKEN in text]
    assert not [path for path, content in left.items() if TOKEN.encode() in content]
    assert TOKEN not in run.stdout + run.stderr


def test_a_message_that_quotes_the_token_is_printed_without_it(hub: Hub, job: Job) -> None:
    hub.fail(API, refusal(401, f"{TOKEN} is unknown"))
    run = job.run()
    assert_failed(run, 22, "*** is unknown")
    assert TOKEN not in run.stdout + run.stderr


def stub_python(job: Job, body: str) -> str:
    """Return a PATH whose python3 is a script of these shell commands."""
    folder = job.root.parent / "bin"
    folder.mkdir()
    stub = folder / "python3"
    stub.write_text(f"#!/bin/sh\n{body}\n")
    stub.chmod(0o755)
    return f"{folder}:{PATH}"


def test_a_token_of_the_environment_is_not_read(job: Job) -> None:
    environment = {**job.environment(HUGGING_FACE_TOKEN=None), "HUGGING_FACE_TOKEN": TOKEN}
    run = finish(processes.start(["bash", "-c", DOWNLOAD], environment))
    assert_failed(run, 10, "HUGGING_FACE_TOKEN is not set")


def test_a_token_that_may_not_be_read_is_named(job: Job) -> None:
    environment = job.environment()
    job.token_file.chmod(0)
    command = [*processes.WITHOUT_CAPABILITIES, "bash", "-c", DOWNLOAD]
    assert_failed(finish(processes.start(command, environment)), 10, "Permission denied")


def test_only_the_container_of_the_download_is_given_the_token(rendered: Rendered) -> None:
    job = the(rendered["model-download"], "Job")
    pod = job["spec"]["template"]["spec"]
    (volume,) = [each["name"] for each in pod["volumes"] if "secret" in each]
    having = [
        container["name"]
        for container in (*pod["initContainers"], *pod["containers"])
        for mount in container["volumeMounts"]
        if mount["name"] == volume
    ]
    assert having == ["transfer-model-to-gcs"]
    assert "secretKeyRef" not in str(job)
    assert "secretRef" not in str(job)


# The installation


def installation(job: Job, **changes: str) -> dict[str, str]:
    """The environment of the first container, whose Python has no huggingface_hub yet."""
    lock = {"HUGGINGFACE_HUB_LOCK": hub_lock.requirements(PINNED)}
    return job.environment(**lock, **changes)


def test_pip_may_install_wheels_by_hash_only(job: Job) -> None:
    seen = job.root.parent / "seen"
    path = stub_python(job, f'{{ echo "$@"; cat; }} >> {seen}; exit 1')
    run = finish(processes.start(["bash", "-c", INSTALL], installation(job, PATH=path)))
    assert_failed(run, 21, f"huggingface_hub {PINNED} can't be installed with pip")
    text = seen.read_text()
    assert " --require-hashes --only-binary :all: " in text
    assert text.endswith(hub_lock.requirements(PINNED) + "\n")


@pytest.fixture(scope="session")
def pip_alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with pip only, which installs to a folder of the test."""
    folder = tmp_path_factory.mktemp("pip") / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    return folder


@pytest.mark.parametrize("file", ["wheel", "sdist"])
def test_pip_refuses_a_file_that_is_not_the_locks(
    job: Job, pip_alone: Path, tmp_path: Path, file: str
) -> None:
    """The real pip, with an index in a folder that has another file of the same name."""
    index, ran = tmp_path / "index", tmp_path / "ran"
    index.mkdir()
    if file == "wheel":
        with ZipFile(index / f"huggingface_hub-{PINNED}-py3-none-any.whl", "w") as wheel:
            about = f"huggingface_hub-{PINNED}.dist-info"
            wheel.writestr(f"{about}/METADATA", f"Name: huggingface_hub\nVersion: {PINNED}\n")
            wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            wheel.writestr(f"{about}/RECORD", "")
    else:
        setup = tmp_path / "setup.py"
        setup.write_text(f"open({str(ran)!r}, 'w')")
        with tarfile.open(index / f"huggingface_hub-{PINNED}.tar.gz", "w:gz") as sdist:
            sdist.add(setup, f"huggingface_hub-{PINNED}/setup.py")
    pin = f"huggingface_hub=={PINNED} --hash=sha256:{'0' * 64}"
    environment = installation(job, PATH=f"{pip_alone}/bin:/usr/bin:/bin", PIP_NO_INDEX="1")
    environment |= {"PIP_FIND_LINKS": str(index), "HUGGINGFACE_HUB_LOCK": pin}
    run = finish(processes.start(["bash", "-c", INSTALL], environment))
    assert run.returncode == 21, run.stderr
    refused = "DO NOT MATCH THE HASHES" if file == "wheel" else "No matching distribution"
    assert refused in run.stderr
    assert not ran.exists()
    assert not (job.root.parent / "packages").exists()


def test_an_image_that_has_the_release_keeps_it(job: Job) -> None:
    """The Python of the tests has the release, and pip has no index."""
    run = finish(processes.start(["bash", "-c", INSTALL], installation(job, PIP_NO_INDEX="1")))
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_a_download_without_its_packages_says_so(job: Job) -> None:
    run = job.run(PATH=stub_python(job, "exit 1"))
    assert_failed(run, 21, f"huggingface_hub {PINNED} is not in {job.env['HUB_PACKAGES']}")


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
    command = [*processes.AS_PROCESS_1, "bash", "-c", INSTALL]
    with processes.running(command, installation(job, PATH=path)) as process:
        eventually(started.exists)
        os.kill(processes.process_1(process), signal.SIGTERM)
        assert finish(process).returncode == 143


# As in the Pod


AS_IN_THE_POD = """
for writable in $WRITABLE; do mount --bind "$writable" "$writable"; done &&
  mount -o remount,ro,bind / &&
  exec setpriv --reuid="$RUN_AS" --regid=10000 --clear-groups --no-new-privs --bounding-set=-all \\
    bash -c "$0"
"""
POD_USER, ROOT_WITHOUT_ITS_POWERS = 65534, 0
TOKEN_MODE = 0o440
"""Owner and mode of a Secret's file with defaultMode 0440 and fsGroup, as the kubelet sets them."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other users can read, unlike pytest's."""
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


def run_as_in_the_pod(folder: Path, hub: Hub, path: str, user: int) -> None:
    """Run both containers with only their mounts writable, so that pip must install."""
    job = job_in(folder, hub)
    packages = folder / "packages"
    packages.mkdir()
    for mounted in (job.root, job.tmp, packages):
        os.chown(mounted, user, 10000)
    settings = {name: value for name, value in os.environ.items() if re.match("PIP_|SSL_", name)}
    machine = {"PATH": f"{path}:/usr/bin:/bin", "RUN_AS": str(user)}
    command = [*processes.NEW_MOUNTS, "sh", "-c", AS_IN_THE_POD]

    environment = settings | installation(job, **machine, WRITABLE=f"{job.tmp} {packages}")
    run = finish(processes.start([*command, INSTALL], environment))
    assert (run.returncode, run.stderr) == (0, "")
    assert (packages / "huggingface_hub").is_dir()

    environment = job.environment(**machine, WRITABLE=f"{job.tmp} {job.root}")
    os.chown(job.token_file, 0, 10000)
    job.token_file.chmod(TOKEN_MODE)
    assert_complete(finish(processes.start([*command, DOWNLOAD], environment)), job, hub)


@needs_mounts
@needs_root
def test_pip_installs_the_pinned_release_on_a_read_only_system(hub: Hub, folder: Path) -> None:
    """With a Python that has pip and nothing else."""
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)

    run_as_in_the_pod(folder, hub, f"{folder}/venv/bin", ROOT_WITHOUT_ITS_POWERS)


@needs_mounts
@needs_root
@pytest.mark.skipif(not has_pip("/usr/bin/python3"), reason="needs Debian's python3-pip")
def test_pip_installs_the_pinned_release_as_the_pods_user(hub: Hub, folder: Path) -> None:
    """With Debian's own Python, as in the image."""
    run_as_in_the_pod(folder, hub, "/usr/bin", POD_USER)
