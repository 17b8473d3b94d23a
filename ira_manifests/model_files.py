"""Reads the files of a model from where they are: a folder, or the Hub (`ira_manifests.hub`)."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

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
# Holds the whole header of most files: one read, or one request, instead of two.
_FIRST_BYTES = 100_000
_SHOWN = 100
_SINGLE_FILE = "model.safetensors"
_ADAPTER_FILE = "adapter_config.json"
_SAFETENSORS = ".safetensors"
_LFS_POINTER = b"version "
_MISTRAL = "consolidated"
_MISTRAL_FILE = "params.json"
_OTHER_WEIGHTS = (".gguf", ".bin", ".pth", ".pt")

T = TypeVar("T")


class Source(Protocol):
    """The files of a model in one place."""

    @property
    def is_complete(self) -> bool:
        """Whether a file that is not named does not exist, rather than was not copied."""

    @property
    def names(self) -> Collection[str]:
        """The names of the files at the top, in no order."""

    def place(self, name: str = "") -> str:
        """Return a file in words, for messages; without a name, the model."""

    def size(self, name: str) -> int:
        """Return the bytes of a file; raises InputError."""

    def start(self, name: str, count: int) -> bytes:
        """Return the first bytes of a file, or all of a shorter one; raises InputError."""

    def each(self, work: Callable[[str], T], names: Sequence[str]) -> list[T]:
        """Return what `work` returns for each of the files; it may run at the same time."""


@dataclass(frozen=True)
class ModelFiles:
    """What the files of a model say.

    Attributes:
        config, hf_quant: config.json, and hf_quant_config.json where there is one.
        tensors: those of all safetensors headers; None where files are not there.
        total_bytes: of all tensors, as the index says; None without one.
        model_id: the model's id on the Hub, as the Hub or the path writes it; empty if unknown.
        commit: the commit that was read; empty if unknown.
    """

    config: Mapping[str, Any]
    hf_quant: Mapping[str, Any] | None = None
    tensors: tuple[Tensor, ...] | None = None
    total_bytes: int | None = None
    model_id: str = ""
    commit: str = ""

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


@dataclass(frozen=True)
class Folder:
    """A folder: a snapshot of the Hub's cache, a clone, or a bucket that is mounted or copied."""

    path: Path
    is_complete = False

    @property
    def names(self) -> Collection[str]:
        """The names of what is in the folder; raises InputError where it can't be listed."""
        try:
            return frozenset(os.listdir(self.path))  # noqa: PTH208  names are what is asked for
        except OSError as error:
            raise _unreadable(self.path, error) from None

    def place(self, name: str = "") -> str:
        """Return the path."""
        return str(self.path / name)

    def size(self, name: str) -> int:
        """Return the bytes of a file."""
        try:
            return (self.path / name).stat().st_size
        except OSError as error:
            raise _unreadable(self.path / name, error) from None

    def start(self, name: str, count: int) -> bytes:
        """Return the first bytes of a file; raises InputError also for a pipe or a device."""
        return _start(self.path / name, count)

    def each(self, work: Callable[[str], T], names: Sequence[str]) -> list[T]:
        """Return what `work` returns for each file, one after the other."""
        return [work(name) for name in names]


def read(path: Path) -> ModelFiles:
    """Read a folder with a config.json, or such a file alone.

    Raises InputError for a path that is neither, and else as `read_source`.
    """
    if not os.path.isdir(path):  # noqa: PTH112  Path.is_dir raises where a name is too long
        return ModelFiles(_json(_start(path, _MOST_CONFIG_BYTES + 1), str(path)))
    return read_source(Folder(path))


def read_source(source: Source) -> ModelFiles:
    """Read what a model's profile is made from: configurations, and headers of safetensors.

    Raises InputError for files that can't be read, ConfigError for files that are not what they
    should be, and RefusedError for what is no model in safetensors.
    """
    names = source.names
    if CONFIG_FILE not in names:
        _refuse_without_config(source, names)
    config = _json(source.start(CONFIG_FILE, _MOST_CONFIG_BYTES + 1), source.place(CONFIG_FILE))
    hf_quant = None
    if HF_QUANT_FILE in names:
        text = source.start(HF_QUANT_FILE, _MOST_CONFIG_BYTES + 1)
        hf_quant = _json(text, source.place(HF_QUANT_FILE))
    listed, total = _weight_files(source, names)
    return ModelFiles(config, hf_quant, _tensors(source, listed), total)


def _json(text: bytes, place: str) -> Mapping[str, Any]:
    return architectures.parse(_limited(text, _MOST_CONFIG_BYTES, place), place)


def _limited(content: bytes, most: int, place: str) -> bytes:
    if len(content) > most:
        raise ConfigError(f"{place} is larger than {most >> 20} MiB")
    return content


def _weight_files(source: Source, names: Collection[str]) -> tuple[Sequence[str], int | None]:
    """Return the files that hold the weights, and the bytes of all tensors if an index says them.

    Without an index, vLLM loads every safetensors file. None are returned where some may not have
    been copied.
    """
    if INDEX_FILE in names:
        index = source.start(INDEX_FILE, _MOST_INDEX_BYTES + 1)
        index = _limited(index, _MOST_INDEX_BYTES, source.place(INDEX_FILE))
        return architectures.files_of(index), architectures.total_of(index)
    if _SINGLE_FILE in names:
        return [_SINGLE_FILE], None
    found = sorted(name for name in names if name.endswith(_SAFETENSORS) and not _is_other(name))
    if not found:
        _refuse_other_weights(source, names)
    return found if source.is_complete else (), None


def _tensors(source: Source, listed: Sequence[str]) -> tuple[Tensor, ...] | None:
    """Return the tensors of all files; None where one is not copied, or is a pointer of Git LFS."""
    missing = sorted(set(listed) - set(source.names))
    if missing and source.is_complete:
        raise ConfigError(
            f"{source.place(INDEX_FILE)} names {missing[0][:100]}, which is not there"
        )
    if missing or not listed:
        return None
    found = source.each(lambda name: _tensors_of(source, name), listed)
    whole = [tensors for tensors in found if tensors is not None]
    return tuple(each for part in whole for each in part) if len(whole) == len(found) else None


def _tensors_of(source: Source, name: str) -> tuple[Tensor, ...] | None:
    start = source.start(name, _FIRST_BYTES)
    if start.startswith(_LFS_POINTER):
        return None
    size = source.size(name)
    length = architectures.header_length(start[:LENGTH_BYTES], size, name)
    if len(start) < LENGTH_BYTES + length:
        start = source.start(name, LENGTH_BYTES + length)
    return architectures.tensors(start[LENGTH_BYTES : LENGTH_BYTES + length], size, name)


def _refuse_without_config(source: Source, names: Collection[str]) -> None:
    """Raise RefusedError for what is something else than a model with a config.json."""
    if _ADAPTER_FILE in names:
        raise RefusedError(
            f"{source.place()} is an adapter ({_ADAPTER_FILE} without {CONFIG_FILE}): add the "
            "model that it was trained on, and load it there with --lora-modules"
        )
    _refuse_other_weights(source, names)
    if source.is_complete:
        raise RefusedError(f"{source.place()} has no {CONFIG_FILE}: vLLM can't serve it")


def _refuse_other_weights(source: Source, names: Collection[str]) -> None:
    others = sorted(filter(_is_other, names))
    if others:
        raise RefusedError(
            f"{source.place()} has no {INDEX_FILE} and no {_SINGLE_FILE}, but {others[0]}: only "
            "weights as safetensors in the Hub's form are judged and downloaded"
        )
    if source.is_complete and CONFIG_FILE in names:
        raise RefusedError(f"{source.place()} has no weights as safetensors at the top")


def _is_other(name: str) -> bool:
    """Whether a file holds weights in a form that is not judged, or belongs to such."""
    is_mistrals = name.startswith(_MISTRAL) or name == _MISTRAL_FILE
    return is_mistrals or name.endswith(_OTHER_WEIGHTS)


def _start(path: Path, count: int) -> bytes:
    try:
        return files.read_regular(path, count)
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path} can't be read: {files.reason(error)}")
