"""The warm-up script, run by busybox's shell with busybox's tools only."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from testing import busybox, processes
from testing.processes import FETCH, eventually, needs_process_1

MODEL_ID = "Some-Org/Tiny_Model-3b.it"


@dataclass
class Sidecar:
    """The started script."""

    process: subprocess.Popen[str]
    log: Path

    def says(self, text: str) -> bool:
        return text in self.log.read_text()

    def readers(self) -> list[int]:
        """The processes that have a file open now."""
        return [
            pid
            for pid in processes.session(self.process)
            if any(path.endswith(".safetensors") for path in processes.open_files(pid))
        ]

    def bytes_read(self) -> int:
        """The bytes that the script and its finished children have read."""
        counters = Path(f"/proc/{self.process.pid}/io").read_text().splitlines()
        return int(dict(line.split(": ") for line in counters)["rchar"])


@dataclass
class Pod:
    """The script's view of its container."""

    mount: Path
    tools: Path

    @property
    def folder(self) -> Path:
        return self.mount / MODEL_ID

    def add(self, *names: str, size: int = 1000) -> None:
        for name in names:
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(os.urandom(size))

    def add_huge(self, count: int) -> None:
        """Add sparse files that take minutes to read."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            with (self.folder / f"huge-{number}.safetensors").open("wb") as file:
                file.truncate(10**12)

    @contextmanager
    def started(self, *prefix: str, **changes: str) -> Iterator[Sidecar]:
        env = {"PATH": str(self.tools), "MODEL_ROOT": str(self.mount), "MODEL_ID": MODEL_ID}
        command = [*prefix, str(self.tools / "sh"), "-c", FETCH]
        log = self.tools.parent / "log"
        with log.open("w") as output, processes.running(command, env | changes, output) as process:
            yield Sidecar(process, log)


@pytest.fixture
def pod() -> Iterator[Pod]:
    """An empty mount, and a `/bin` of busybox only, as in the image, readable by any user."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Pod(Path(folder, "gcs"), busybox.tools(Path(folder, "bin")))


# Reading


@pytest.mark.parametrize("count", [1, 3, 300])
def test_every_file_is_read_once(pod: Pod, count: int) -> None:
    total = 30_000_000
    pod.add(*[f"model-{number:05}.safetensors" for number in range(count)], size=total // count)
    pod.add("config.json", "tokenizer.json", "model.safetensors.index.json", size=total)
    with pod.started() as sidecar:
        eventually(lambda: sidecar.says(f"done: {count} files, {total} bytes in "))
        eventually(lambda: sidecar.bytes_read() >= total)
        assert sidecar.bytes_read() - total < 10_000 + 2_000 * count, "the shells read more"
        assert sidecar.log.read_text().count(": read ") == count


@pytest.mark.parametrize(
    "name",
    [
        "with spaces.safetensors",
        "with\nnewline.safetensors",
        "-n.safetensors",
        "'single' \"double\" `back` $HOME $(touch x) \\.safetensors",
        "*.safetensors",
        "ünïcode.safetensors",
        "deeper/in a folder/model.safetensors",
    ],
)
def test_names_need_no_care(pod: Pod, name: str) -> None:
    pod.add(name, "other.safetensors")
    with pod.started() as sidecar:
        eventually(lambda: sidecar.says("done: 2 files, 2000 bytes in "))
        assert sidecar.says(f"read {pod.folder}/{name}: 1000 bytes in ")


@pytest.mark.parametrize(("settings", "expected"), [({}, 15), ({"FETCH_PARALLELISM": "4"}, 4)])
def test_so_many_files_are_read_at_a_time(
    pod: Pod, settings: dict[str, str], expected: int
) -> None:
    pod.add_huge(40)
    with pod.started(**settings) as sidecar:
        eventually(lambda: len(sidecar.readers()) == expected)
        for _ in range(20):
            assert len(sidecar.readers()) <= expected
            time.sleep(0.01)


def test_a_folder_without_safetensors_is_no_failure(pod: Pod) -> None:
    pod.add("config.json")
    with pod.started() as sidecar:
        eventually(lambda: sidecar.says("done: 0 files, 0 bytes in "))
        assert_stays(sidecar)


def test_a_missing_folder_is_reported_and_no_failure(pod: Pod) -> None:
    with pod.started() as sidecar:
        eventually(lambda: sidecar.says(f"there is no folder {pod.folder}\n"))
        assert_stays(sidecar)


def test_a_file_that_cannot_be_read_is_reported_and_the_rest_is_read(pod: Pod) -> None:
    pod.add("a.safetensors", "b.safetensors", "c.safetensors")
    (pod.folder / "b.safetensors").chmod(0)
    with pod.started(*processes.WITHOUT_CAPABILITIES) as sidecar:
        eventually(lambda: sidecar.says("done, but not every file could be read"))
        assert sidecar.says(f"cannot read {pod.folder}/b.safetensors")
        assert sidecar.log.read_text().count(": read ") == 2
        assert_stays(sidecar)


def test_a_missing_model_id_ends_the_container(pod: Pod) -> None:
    with pod.started(MODEL_ID="") as sidecar:
        assert sidecar.process.wait(processes.DEADLINE) != 0
        assert sidecar.says("MODEL_ID: is not set")


# Waiting after the end


def assert_stays(sidecar: Sidecar) -> None:
    """Assert that the script only waits for a sleeping process."""

    def names() -> list[str]:
        return [processes.name(pid) for pid in processes.session(sidecar.process)]

    eventually(lambda: names().count("sh") == names().count("sleep") == 1)
    assert sidecar.process.poll() is None


def test_it_stays_alive_after_it_has_read_everything(pod: Pod) -> None:
    pod.add("model.safetensors")
    with pod.started() as sidecar:
        eventually(lambda: sidecar.says("done: 1 files"))
        assert_stays(sidecar)


# Stopping


@needs_process_1
def test_sigterm_ends_process_1_while_it_reads(pod: Pod) -> None:
    pod.add_huge(20)
    with pod.started(*processes.AS_PROCESS_1) as sidecar:
        eventually(lambda: len(sidecar.readers()) == 15)
        os.kill(processes.process_1(sidecar.process), signal.SIGTERM)
        assert sidecar.process.wait(processes.DEADLINE) == 0


@needs_process_1
def test_sigterm_ends_process_1_while_it_is_idle(pod: Pod) -> None:
    with pod.started(*processes.AS_PROCESS_1) as sidecar:
        eventually(lambda: sidecar.says("there is no folder"))
        assert_stays(sidecar)
        os.kill(processes.process_1(sidecar.process), signal.SIGTERM)
        assert sidecar.process.wait(processes.DEADLINE) == 0
