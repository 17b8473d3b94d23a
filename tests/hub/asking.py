"""Runs of `add` that read a stand-in Hub, and models for it to have."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from testing.hub import Hub, Sparse
from testing.project import TOKEN, copy_profiles
from tests.architectures.configs import config
from tests.support import Run, ira

MODEL = "Qwen/Qwen3-8B"
CONFIG = "config.json"
SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
# Qwen3-8B has 8.19 billion parameters of two bytes: its card on the Hub.
BYTES = 16_381_470_720


def weights(size: int, claims: int | None = None) -> Sparse:
    """Return a safetensors file with one tensor of bf16; `claims`: a false length of its header."""
    return safetensors({"model.norm.weight": ("BF16", size // 2, size)}, claims)


def safetensors(tensors: Mapping[str, tuple[str, int, int]], claims: int | None = None) -> Sparse:
    """Return a file with tensors by name: the dtype, the number of elements, and the bytes."""
    entries, end = {}, 0
    for name, (dtype, elements, size) in tensors.items():
        entries[name] = {"dtype": dtype, "shape": [elements], "data_offsets": [end, end + size]}
        end += size
    header = encoded(entries)
    length = len(header) if claims is None else claims
    return Sparse(struct.pack("<Q", length) + header, 8 + len(header) + end)


def model(**files: Any) -> dict[str, Any]:
    """Return the files of Qwen3-8B; those given as NAME__SUFFIX are added or replaced."""
    given = {name.replace("__", "."): content for name, content in files.items()}
    base = {CONFIG: encoded(config("Qwen--Qwen3-8B")), SINGLE: weights(BYTES)}
    return {name: content for name, content in (base | given).items() if content is not None}


def encoded(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values).encode()


def environment(folder: Path, hub: Hub, **changes: str) -> dict[str, str]:
    """Return the variables that decide which Hub is read, whatever those of the tests are."""
    return {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(folder / "hf"),
        "HF_HUB_CACHE": str(folder / "hf/hub"),
        "HF_HUB_DISABLE_IMPLICIT_TOKEN": "",
        "HF_HUB_DOWNLOAD_TIMEOUT": "5",
        "HF_HUB_OFFLINE": "",
        "HF_TOKEN": "",
        "HF_TOKEN_PATH": str(folder / "hf/token"),
        "HUGGING_FACE_HUB_TOKEN": "",
        "NO_PROXY": "127.0.0.1,localhost",
        **changes,
    }


def add(folder: Path, hub: Hub, *words: str, **changes: str) -> Run:
    """Run `add` in a folder; without words, of the Hub's model. `changes`: to the environment."""
    if not (folder / "profiles").exists():
        copy_profiles(folder)
    env = environment(folder, hub, **changes)
    run = ira("add", *(words or (hub.model_id,)), cwd=folder, env=env)
    assert TOKEN not in run.stdout + run.stderr
    assert not [path for path in (folder / "profiles").rglob("*.yaml") if TOKEN in path.read_text()]
    return run


def added(folder: Path) -> list[str]:
    """Return the names of the profiles that are not the reference's."""
    reference = {"gemma3-27b", "llama3", "llama4-scout"}
    return sorted({path.stem for path in (folder / "profiles/models").iterdir()} - reference)


def assert_refused(folder: Path, run: Run, says: str) -> None:
    """Assert that a run is one message, and leaves no profile."""
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("error: ")
    assert run.stderr.count("\n") == 1, run.stderr
    assert says in run.stderr
    assert added(folder) == []
