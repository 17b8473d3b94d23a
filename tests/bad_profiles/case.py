"""A defect of the shipped profiles: an edit of them, and the expected messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from testing.edits import edit_file, edited, place_of

TINY = """\
model_id: acme/tiny-1b
cells:
  h100:
    tensor_parallel: 1
    cpu: 10
    memory: 128G
    gpu_memory_utilization: 0.95
    max_model_len: 8192
"""
"""A valid model with the required keys only."""

GEOMETRY = """\
weights:
  total_gib: 2.5
geometry:
  num_attention_heads: 16
  hidden_size: 2048
  vocab_size: 32000
  max_position_embeddings: 8192
  layers:
    - count: 24
      num_key_value_heads: 8
      head_dim: 128
"""
MEASURED = edited(TINY, {"cells:\n": f"{GEOMETRY}cells:\n"})
"""The same with the values from which its memory is computed."""

A100 = """\
memory_gib: 79.25
machines:
  - compute_class: gpu-a100-80gb-x1
    machine_type: a2-ultragpu-1g
    gpus: 1
    vcpus: 12
    memory_gb: 170
    accelerator: nvidia-a100-80gb
"""
"""A valid GPU type that is not shipped."""

_LAST_OF_TINY = "max_model_len: 8192\n"
_LAST_OF_A100 = "accelerator: nvidia-a100-80gb\n"

# Ends of messages that several cases share.
NO_CPU = "is not an amount of CPU: use cores above zero and below 10000 such as 12 or 0.5, or 500m"
NO_LENGTH = "it must be a whole number of tokens such as 131072, 2147483647 at most, or auto"
NO_NAME = (
    "is not a valid name: use lower-case letters, digits and '-', with a letter or digit at both "
    "ends"
)
NO_PATTERN = "is not a pattern of file names such as original/*"
UNKNOWN_GPU = "is an unknown GPU type; known: h100, h200, l4"


@dataclass(frozen=True)
class At:
    """A message about the place in an edited file where `marked` has its mark `|`."""

    path: str
    marked: str
    text: str


@dataclass(frozen=True)
class Case:
    """A defect.

    `edits` replaces parts of shipped profiles, and `files` adds profiles, by paths in the folder.
    Messages are `FILE:LINE:COLUMN: FIELD: TEXT`, in the order in which they are printed.
    """

    name: str
    messages: tuple[str | At, ...]
    edits: Mapping[str, Mapping[str, str]]
    files: Mapping[str, bytes]

    def lay_over(self, profiles: Path) -> None:
        """Make the edits in a copy of the shipped profiles."""
        for path, edits in self.edits.items():
            edit_file(profiles / path, edits)
        for path, content in self.files.items():
            if (profiles / path).exists():
                raise AssertionError(f"{path} is shipped: edit it, or take another name")
            (profiles / path).parent.mkdir(exist_ok=True)
            (profiles / path).write_bytes(content)

    def expected(self, profiles: Path) -> list[str]:
        """Return the messages about edited profiles in a folder named `profiles`."""
        return [
            each if isinstance(each, str) else _placed(each, profiles) for each in self.messages
        ]


def _placed(message: At, profiles: Path) -> str:
    text = (profiles / message.path).read_text()
    line, column = place_of(text, message.marked, message.path)
    return f"profiles/{message.path}:{line}:{column}: {message.text}"


def more(lines: str) -> dict[str, str]:
    """Return the edit of TINY that adds lines at its end."""
    return {_LAST_OF_TINY: f"{_LAST_OF_TINY}{lines}\n"}


def more_of_a100(lines: str) -> dict[str, str]:
    """Return the edit of A100 that adds lines at its end."""
    return {_LAST_OF_A100: f"{_LAST_OF_A100}{lines}\n"}


def case(
    name: str,
    *messages: str | At,
    edits: Mapping[str, Mapping[str, str]] | None = None,
    files: Mapping[str, str] | None = None,
) -> Case:
    """A case of any profiles."""
    contents = {path: text.encode() for path, text in (files or {}).items()}
    return Case(name, messages, edits or {}, contents)


def whole(name: str, text: str | bytes, *messages: str) -> Case:
    """A case of a model's file that is given in full; its messages are `LINE:COLUMN: ...`."""
    content = text.encode() if isinstance(text, str) else text
    placed = tuple(f"profiles/models/tiny.yaml:{message}" for message in messages)
    return Case(name, placed, {}, {"models/tiny.yaml": content})


def tiny(name: str, edits: Mapping[str, str], *messages: str) -> Case:
    """A case of an edit of TINY; its messages are `LINE:COLUMN: ...`."""
    return whole(name, edited(TINY, edits, "TINY"), *messages)


def measured(name: str, edits: Mapping[str, str], *messages: str) -> Case:
    """A case of an edit of MEASURED; its messages are `LINE:COLUMN: ...`."""
    return whole(name, edited(MEASURED, edits, "MEASURED"), *messages)


def a100(name: str, edits: Mapping[str, str], *messages: str) -> Case:
    """A case of an edit of A100; its messages are `LINE:COLUMN: ...`."""
    placed = tuple(f"profiles/gpus/a100.yaml:{message}" for message in messages)
    return case(name, *placed, files={"gpus/a100.yaml": edited(A100, edits, "A100")})
