"""Reads the headers of safetensors files, and the index of a checkpoint of several files.

Format: https://github.com/huggingface/safetensors: eight bytes with the header's length
(little-endian), then the header as JSON, then the tensors.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

from ira_manifests.architectures.config import Config, parse
from ira_manifests.architectures.errors import ConfigError

INDEX_FILE = "model.safetensors.index.json"
LENGTH_BYTES = 8
MOST_HEADER_BYTES = 100_000_000
"""The longest header that the format allows."""
_MOST_TOTAL = 1 << 50

_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
    "U16": 16, "I16": 16, "F16": 16, "BF16": 16,
    "U32": 32, "I32": 32, "F32": 32, "U64": 64, "I64": 64, "F64": 64, "C64": 64,
}  # fmt: skip


@dataclass(frozen=True)
class Tensor:
    """A tensor of a checkpoint: its name, the header's dtype, and its size in bytes."""

    name: str
    dtype: str
    size: int


def header_length(start: bytes, file_bytes: int, file: str) -> int:
    """Return the length of a header in bytes, from the first eight bytes of its file.

    Raises ConfigError if it exceeds the file or the format's limit.
    """
    length = int.from_bytes(start, "little")
    if len(start) != LENGTH_BYTES or not 0 < length <= file_bytes - LENGTH_BYTES:
        raise ConfigError(
            f"{file} says that its header has {length} bytes, and the file has {file_bytes}"
        )
    if length > MOST_HEADER_BYTES:
        raise ConfigError(f"{file} has a header of {length} bytes; {MOST_HEADER_BYTES} is the most")
    return length


def tensors(header: bytes, file_bytes: int, file: str) -> tuple[Tensor, ...]:
    """Return the tensors of a header.

    Raises ConfigError for an invalid header, or one that contradicts itself or the file's length.
    """
    data_bytes = file_bytes - LENGTH_BYTES - len(header)
    entries = parse(header, f"the header of {file}")
    found = tuple(
        _tensor(name, entry, data_bytes, file)
        for name, entry in entries.items()
        if name != "__metadata__"
    )
    if sum(tensor.size for tensor in found) > data_bytes:
        raise ConfigError(f"{file} says that it has more tensors than bytes")
    return found


def _tensor(name: str, entry: object, data_bytes: int, file: str) -> Tensor:
    place = f"{file}: the tensor {name[:100]!r}"
    if not isinstance(entry, dict):
        raise ConfigError(f"{place} is not an object")
    config = Config(entry, place)
    dtype, shape, offsets = (
        config.text("dtype"),
        config.items("shape"),
        config.items("data_offsets"),
    )
    if dtype not in _BITS:
        raise ConfigError(f"{place} has the unknown type {dtype[:30]!r}")
    if not all(_is_size(each) for each in (*shape, *offsets)) or len(offsets) != len("ab"):
        raise ConfigError(f"{place} has no shape or no place in the file")
    begin, end = offsets
    bits = _BITS[dtype] * prod(shape)
    if not begin <= end <= data_bytes or (end - begin) * 8 != bits:
        raise ConfigError(f"{place} is not as large as its shape, or not inside the file")
    return Tensor(name, dtype, end - begin)


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST_TOTAL


def files_of(index: bytes) -> tuple[str, ...]:
    """Return the files that an index names.

    Raises ConfigError for an invalid index, or an entry that is not a plain file name.
    """
    weights = Config(parse(index, INDEX_FILE), INDEX_FILE).inner("weight_map")
    names = list(weights.values.values()) if weights else []
    plain = {name for name in names if isinstance(name, str) and name == _base(name)}
    if not names or not all(isinstance(name, str) and name in plain for name in names):
        raise ConfigError(f"{INDEX_FILE} has no weight_map from tensors to files")
    return tuple(sorted(plain))


def _base(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]


def total_of(index: bytes) -> int:
    """Return the bytes of all tensors, according to the index.

    Raises ConfigError for an invalid index, or one without the total.
    """
    metadata = Config(parse(index, INDEX_FILE), INDEX_FILE).inner("metadata")
    if metadata is None:
        raise ConfigError(f"{INDEX_FILE} has no metadata")
    total = metadata.get("total_size")
    whole = int(total) if isinstance(total, float) and total.is_integer() else total
    if not _is_size(whole) or not whole:
        raise ConfigError(f"{INDEX_FILE}: total_size is {repr(total)[:40]}; it must be bytes")
    return int(whole)


def loaded_bytes(found: Iterable[Tensor], *, is_quantised: bool, layers: int) -> int:
    """Return the bytes in GPU memory of the tensors that the server loads.

    Layers for multi-token prediction, which follow the model's own, are not loaded. Models that are
    not quantised are served in 16 bit, even if the checkpoint has 32.
    """
    return sum(
        tensor.size // 2 if tensor.dtype == "F32" and not is_quantised else tensor.size
        for tensor in found
        if not _is_prediction(tensor.name, layers)
    )


def _is_prediction(name: str, layers: int) -> bool:
    words = name.split(".")
    if words[0] == "mtp" or "mtp_block" in words:
        return True
    if "layers" not in words[:-1] or any("vision" in word for word in words):
        return False
    number = words[words.index("layers") + 1]
    return (
        number.isascii()
        and number.isdigit()
        and len(number) < len("100000")
        and (int(number) >= layers)
    )
