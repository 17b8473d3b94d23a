"""Reads the files of a model from a folder: a snapshot of the Hub, or a bucket that is mounted."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ira_manifests import architectures, files
from ira_manifests.architectures import (
    CONFIG_FILE,
    HF_QUANT_FILE,
    INDEX_FILE,
    LENGTH_BYTES,
    ConfigError,
    Model,
    RefusedError,
    Tensor,
)
from ira_manifests.errors import InputError

_MOST_CONFIG_BYTES = 4 << 20
_MOST_INDEX_BYTES = 64 << 20
_SINGLE_FILE = "model.safetensors"
_LFS_POINTER = b"version "
_OTHER_WEIGHTS = (".gguf", ".bin", ".pth", ".pt")


@dataclass(frozen=True)
class ModelFiles:
    """What the files of a model say.

    Attributes:
        config, hf_quant: config.json, and hf_quant_config.json where there is one.
        tensors: those of all safetensors headers; None where files are not there.
        total_bytes: of all tensors, as the index says; None without one.
    """

    config: Mapping[str, Any]
    hf_quant: Mapping[str, Any] | None = None
    tensors: tuple[Tensor, ...] | None = None
    total_bytes: int | None = None

    def read(self) -> Model:
        """Return the model; raises as `ira_manifests.architectures.read` does."""
        return architectures.read(self.config, self.hf_quant)

    def weights(self, model: Model) -> tuple[int, str]:
        """Return the bytes of the weights as loaded, and what they were computed from."""
        if self.tensors is not None:
            return model.stored_bytes(self.tensors), "the headers of the safetensors files"
        if self.total_bytes is not None:
            return model.indexed_bytes(self.total_bytes), INDEX_FILE
        return model.computed_bytes, "the architecture"


def read(path: Path) -> ModelFiles:
    """Read a folder with a config.json, or such a file alone.

    Raises InputError for a path that is neither, ConfigError for files that can't be read as what
    they should be, and RefusedError for weights that are not safetensors.
    """
    if not os.path.isdir(path):  # noqa: PTH112  Path.is_dir raises where a name is too long
        return ModelFiles(_json(path, _MOST_CONFIG_BYTES))
    config = _json(path / CONFIG_FILE, _MOST_CONFIG_BYTES)
    quant, index = path / HF_QUANT_FILE, path / INDEX_FILE
    hf_quant = _json(quant, _MOST_CONFIG_BYTES) if os.path.lexists(quant) else None
    if os.path.lexists(index):
        text = _read(index, _MOST_INDEX_BYTES)
        listed = [path / name for name in architectures.files_of(text)]
        return ModelFiles(config, hf_quant, _tensors(listed), architectures.total_of(text))
    single = path / _SINGLE_FILE
    if os.path.lexists(single):
        return ModelFiles(config, hf_quant, _tensors([single]))
    _refuse_other_weights(path)
    return ModelFiles(config, hf_quant)


def _json(path: Path, most: int) -> Mapping[str, Any]:
    return architectures.parse(_read(path, most), str(path))


def _read(path: Path, most: int) -> bytes:
    try:
        content = files.read_regular(path, most + 1)
    except OSError as error:
        raise InputError(f"{path} can't be read: {files.reason(error)}") from None
    if len(content) > most:
        raise ConfigError(f"{path} is larger than {most >> 20} MiB")
    return content


def _tensors(listed: list[Path]) -> tuple[Tensor, ...] | None:
    """Return the tensors of all files; None where one is missing, or is a pointer of Git LFS."""
    found: list[Tensor] = []
    for path in listed:
        if not path.exists():
            return None
        start = _read_start(path, LENGTH_BYTES)
        if start == _LFS_POINTER:
            return None
        size = path.stat().st_size
        length = architectures.header_length(start, size, path.name)
        header = _read_start(path, LENGTH_BYTES + length)[LENGTH_BYTES:]
        found += architectures.tensors(header, size, path.name)
    return tuple(found)


def _read_start(path: Path, most: int) -> bytes:
    try:
        return files.read_regular(path, most)
    except OSError as error:
        raise InputError(f"{path} can't be read: {files.reason(error)}") from None


def _refuse_other_weights(folder: Path) -> None:
    others = sorted(_other_weights(folder))
    if others:
        raise RefusedError(
            f"{folder} has no {INDEX_FILE} and no {_SINGLE_FILE}, but {others[0]}: only weights "
            "as safetensors in the Hub's form are judged and downloaded"
        )


def _other_weights(folder: Path) -> Iterator[str]:
    for path in folder.iterdir():
        is_other = path.suffix in _OTHER_WEIGHTS or path.name.startswith("consolidated")
        if is_other or path.name == "params.json":
            yield path.name
