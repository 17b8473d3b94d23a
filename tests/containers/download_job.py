"""The download script as the Job runs it: its environment, and the files in its bucket."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ira_manifests import load_matrix
from testing import processes
from testing.hub import Hub
from testing.processes import DOWNLOAD, PATH, finish
from testing.project import PROFILES, TOKEN
from testing.tiny_model import MODEL_ID

PROFILE = load_matrix(PROFILES).platform.model_download
PINNED = PROFILE.huggingface_hub


@dataclass
class Job:
    """The script's view of the Pod: mounts of bucket and token, a /tmp, and the environment."""

    root: Path
    tmp: Path
    env: dict[str, str]
    token_file: Path

    def environment(self, **changes: str | None) -> dict[str, str]:
        """Return the environment with changes; HUGGING_FACE_TOKEN changes the mounted Secret."""
        self.token_file.unlink(missing_ok=True)
        token = changes.pop("HUGGING_FACE_TOKEN", TOKEN)
        if token is not None:
            self.token_file.write_bytes(token.encode())
        return {name: value for name, value in (self.env | changes).items() if value is not None}

    def run(self, **changes: str | None) -> subprocess.CompletedProcess[str]:
        return finish(processes.start(["bash", "-c", DOWNLOAD], self.environment(**changes)))

    @property
    def folder(self) -> Path:
        return self.root / self.env["MODEL_ID"]

    def model(self) -> dict[str, bytes]:
        """The files in the model's folder."""
        return contents(self.folder)

    def everything(self) -> set[str]:
        """All files in the bucket."""
        return {str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file()}


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder, without those that disappear meanwhile."""
    found: dict[str, bytes] = {}
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError, IsADirectoryError):
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def in_bucket(files: dict[str, bytes]) -> set[str]:
    return {f"{MODEL_ID}/{path}" for path in files}


def job_in(folder: Path, hub: Hub) -> Job:
    root, tmp, secret = folder / "local", folder / "tmp", folder / "secret"
    for mount in (root, tmp, secret):
        mount.mkdir()
    env = {
        "PATH": PATH,
        "HOME": str(tmp),
        "TMPDIR": str(tmp),
        "HF_ENDPOINT": hub.url,
        "MODEL_ROOT": str(root),
        "MODEL_ID": MODEL_ID,
        "IRA_BUCKET_NAME": "p-ira-model",
        "HUGGING_FACE_TOKEN_FILE": str(secret / "HUGGING_FACE_TOKEN"),
        "HUB_PACKAGES": str(folder / "packages"),
        "HUGGINGFACE_HUB_VERSION": PINNED,
        "DOWNLOAD_EXCLUDE": " ".join(PROFILE.exclude),
        "DOWNLOAD_EXCLUDE_DUPLICATES": " ".join(PROFILE.exclude_beside_safetensors),
        "DOWNLOAD_ATTEMPTS": "3",
        "DOWNLOAD_RETRY_SECONDS": "0.01",
    }
    return Job(root, tmp, env, secret / "HUGGING_FACE_TOKEN")


def assert_failed(run: subprocess.CompletedProcess[str], code: int, message: str) -> None:
    # huggingface_hub may warn of a full disk first; the last line is the script's.
    own = [line for line in run.stderr.splitlines() if line.startswith("download-model: ")]
    assert (run.returncode, len(own)) == (code, 1), run.stderr
    assert run.stderr.endswith(f"{own[0]}\n")
    assert message in own[0]
    assert "complete" not in run.stdout


def assert_complete(run: subprocess.CompletedProcess[str], job: Job, hub: Hub) -> None:
    assert run.returncode == 0, run.stderr
    assert run.stdout.endswith(f"complete: gs://p-ira-model/{MODEL_ID}/\n")
    assert job.model() == hub.files
    assert job.everything() == in_bucket(hub.files)
