"""The user's env files in `base/`: created if missing, and edited one key at a time.

Kustomize reads them (https://github.com/kubernetes-sigs/kustomize, api/kv): one KEY=value a line,
the value verbatim to the end of the line (LF or CR LF), lines that begin with # are comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ira_manifests.layout import BUCKET_KEY, MODEL_KEY

MODEL_CONFIG = "ira-model-config.env"
TOKEN = "hugging-face-token.env"  # noqa: S105  a file's name

FILES = (MODEL_CONFIG, TOKEN)

KEYS = (BUCKET_KEY, MODEL_KEY)
"""Keys of the model config."""

NEW_MODEL_CONFIG = b"""\
# Edit freely: synth changes only the keys that you pass (--bucket, --model-id).
# The bucket whose name ends in ira-model, without gs://, and the model to download.
# Nothing may follow a value: a comment would become part of it.
IRA_BUCKET_NAME=<IRA_BUCKET_NAME>
MODEL_ID=<MODEL_ID>
"""

NEW_TOKEN = b"""\
# Yours to fill in, and never to commit: .gitignore keeps git away from it.
# https://huggingface.co/docs/hub/security-tokens
HUGGING_FACE_TOKEN=<HUGGING_FACE_TOKEN>
"""


# Go's unicode.IsSpace, which kustomize skips before a key; str.lstrip skips U+001C to U+001F too.
_BLANK = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
MAX_BYTES = 1 << 20
"""Largest size of one of the files, in bytes."""
MAX_LINE = 65_535
"""Longest line in bytes. At a longer one Go's bufio.Scanner stops; kustomize reports no error."""


class Entry(NamedTuple):
    """One line that kustomize reads, counted from 1. `equals` is empty where the line has none."""

    line: int
    key: str
    equals: str
    value: str


def entries(text: str) -> Iterator[Entry]:
    """Yield the lines that kustomize reads; a line that is too long ends the file."""
    for number, line in enumerate(text.split("\n"), start=1):
        if _is_too_long(line):
            return
        content = line.removesuffix("\r").lstrip(_BLANK)
        if content and not content.startswith("#"):
            yield Entry(number, *content.partition("="))


def too_long(text: str) -> int | None:
    """Return the number of the first line that is too long for kustomize, if any."""
    numbered = enumerate(text.split("\n"), start=1)
    return next((number for number, line in numbered if _is_too_long(line)), None)


def _is_too_long(line: str) -> bool:
    return len(line) > MAX_LINE // 4 and len(line.encode()) > MAX_LINE


def filled_in(content: bytes) -> dict[str, str]:
    """Return the values of the model config that are neither missing, empty nor placeholders."""
    return {
        entry.key: entry.value
        for entry in entries(content.decode("utf-8-sig", "replace"))
        if entry.key in KEYS and entry.value and entry.value != f"<{entry.key}>"
    }


def with_values(content: bytes, values: Mapping[str, str]) -> bytes:
    """Return the file with each key set to its value; all other lines are unchanged.

    A missing key is added at the end. Of a repeated key, which kustomize refuses, the first line
    is kept.
    """
    lines = re.findall(rb"[^\n]*\n|[^\n]+", content)
    newline = "\r\n" if lines and lines[0].endswith(b"\r\n") else "\n"
    for key, value in values.items():
        lines = _set(lines, key, value, newline)
    return b"".join(lines)


def _set(lines: list[bytes], key: str, value: str, newline: str) -> list[bytes]:
    belongs = re.compile(rb"(?:\xef\xbb\xbf)?\s*" + key.encode() + rb"(?:=|\s*$)")
    kept: list[bytes] = []
    done = False
    for line in lines:
        if not belongs.match(line):
            kept.append(line)
        elif not done:
            kept.append(f"{key}={value}".encode() + _ending(line))
            done = True
    if done:
        return kept
    if kept and not kept[-1].endswith(b"\n"):
        kept[-1] += newline.encode()
    return [*kept, f"{key}={value}{newline}".encode()]


def _ending(line: bytes) -> bytes:
    if line.endswith(b"\r\n"):
        return b"\r\n"
    return b"\n" if line.endswith(b"\n") else b""
