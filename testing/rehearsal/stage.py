"""The walkthrough's stage on this machine: a copy of dist/, a folder as bucket, a stand-in Hub."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess, Popen

from testing import processes
from testing.busybox import tools
from testing.hub import Hub
from testing.kubectl import kustomize
from testing.objects import objects_in
from testing.project import BUCKET, DIST, copy_filled, fill_in
from testing.rehearsal.pods import Container, containers

INDEX = "model.safetensors.index.json"


@dataclass(frozen=True)
class Cell:
    """One directory of dist/, with its two containers as kubectl renders them."""

    directory: str
    server: Container
    warm_up: Container

    @property
    def model_path(self) -> str:
        """The model argument: the one after `vllm serve`."""
        return self.server.command[2]

    @property
    def model_id(self) -> str:
        """The model's id on the Hub."""
        return self.server.environment["MODEL_ID"]


class Stage:
    """A folder in which the walkthrough is rehearsed."""

    def __init__(self, folder: Path, dist: Path = DIST) -> None:
        self.folder = folder
        self.dist = copy_filled(dist, folder / "dist")
        self.bucket = folder / "bucket"
        self.bucket.mkdir()

    @property
    def cells(self) -> list[Cell]:
        """Every directory that serves a model."""
        names = sorted(path.name for path in self.dist.iterdir())
        return [self.cell(name) for name in names if name.startswith("online-inference-gpu-")]

    def cell(self, directory: str) -> Cell:
        """Return one directory that serves a model."""
        objects = objects_in(kustomize(self.dist / directory))
        found = {
            item.json["name"]: item
            for item in containers(objects, "Deployment", {BUCKET: self.bucket})
        }
        return Cell(directory, found["inference-server"], found["fetch-safetensors"])

    def download(self, hub: Hub) -> CompletedProcess[str]:
        """Run steps 2 to 5: set the model, start model-download, and wait for its end."""
        with self.downloading(hub) as process:
            return processes.finish(process)

    @contextmanager
    def downloading(self, hub: Hub) -> Iterator[Popen[str]]:
        """Run the Job's last container in the block; its remaining processes are then killed."""
        fill_in(self.dist, hub.model_id)
        objects = objects_in(kustomize(self.dist / "model-download"))
        installation, container = containers(objects, "Job", {BUCKET: self.bucket})
        (mount,) = container.mounts
        temporary = self.folder / "tmp" / hub.model_id
        temporary.mkdir(parents=True)
        machine = {
            "PATH": processes.PATH,
            "HF_ENDPOINT": hub.url,
            "MODEL_ROOT": str(mount.source),
            "HOME": str(temporary),
            "TMPDIR": str(temporary),
            "HUB_PACKAGES": str(temporary / "packages"),
            "HUGGING_FACE_TOKEN_FILE": str(temporary / "token"),
        }
        ((_, token),) = container.secrets.items()
        (temporary / "token").write_text(token)
        with processes.running(installation.command, installation.environment | machine) as process:
            assert processes.finish(process).returncode == 0
        with processes.running(container.command, container.environment | machine) as process:
            yield process


def missing(model: Path) -> list[str]:
    """Return the files that a server needs but a model's folder lacks: config, index, shards."""
    needed = ["config.json", INDEX]
    if (model / INDEX).is_file():
        needed += sorted(set(json.loads((model / INDEX).read_text())["weight_map"].values()))
    return [name for name in needed if not (model / name).is_file()]


def warm_up(container: Container, folder: Path) -> str:
    """Run the warm-up in its own `/` until it has read everything; return its output."""
    root = container.root(folder / "root")
    root.mkdir(parents=True, exist_ok=True)
    machine = {"PATH": str(tools(folder / "bin")), "MODEL_ROOT": str(root / "gcs")}
    shell, *words = container.command
    program = folder / shell.lstrip("/")
    log = folder / "log"
    with (
        log.open("w") as output,
        processes.running([str(program), *words], container.environment | machine, output),
    ):
        processes.eventually(
            lambda: "fetch-safetensors: done" in log.read_text() or "there is no" in log.read_text()
        )
    return log.read_text().replace(str(root), "")
