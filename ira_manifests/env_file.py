"""The user's env files in `base/`: made where missing, and edited one key at a time.

Kustomize reads them (https://github.com/kubernetes-sigs/kustomize, api/kv): one KEY=value a line,
the value verbatim to the end of the line, lines that begin with # are comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

MODEL_CONFIG = "ira-model-config.env"
TOKEN = "hugging-face-token.env"  # noqa: S105  a file's name

KEYS = ("IRA_BUCKET_NAME", "MODEL_ID")
"""What the model config says."""

NEW_MODEL_CONFIG = b"""\
# Yours to edit: a synth changes no line of it but those it is told to (--bucket, --model-id).
# The bucket whose name ends in ira-model, without gs://, and the model to download.
# Nothing may follow a value: a comment would become part of it.
IRA_BUCKET_NAME=<IRA_BUCKET_NAME>
MODEL_ID=<MODEL_ID>
"""

NEW_TOKEN = b"""\
# Yours to fill in, and never to commit: base/.gitignore keeps git away from it.
# https://huggingface.co/docs/hub/security-tokens
HUGGING_FACE_TOKEN=<HUGGING_FACE_TOKEN>
"""


def entries(lines: Iterable[str]) -> Iterator[tuple[int, str, str, str]]:
    """Yield (number from 1, key, "=" or "", value) of every line that kustomize reads."""
    for number, line in enumerate(map(str.lstrip, lines), start=1):
        if line and not line.startswith("#"):
            yield number, *line.partition("=")


def filled_in(content: bytes) -> dict[str, str]:
    """Return the values of the model config that are neither missing, empty nor placeholders."""
    lines = content.decode("utf-8-sig", "replace").splitlines()
    return {
        key: value
        for _, key, _, value in entries(lines)
        if key in KEYS and value and value != f"<{key}>"
    }


def with_values(content: bytes, values: Mapping[str, str]) -> bytes:
    """Return the file with each key set to its value, every other line as it was.

    A key that is missing is added at the end. A key that stands more than once, which kustomize
    refuses, stays where it stood first.
    """
    lines = content.splitlines(keepends=True)
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
            ending = line[len(line.rstrip(b"\r\n")) :]
            kept.append(f"{key}={value}".encode() + ending)
            done = True
    if done:
        return kept
    if kept and not kept[-1].endswith(b"\n"):
        kept[-1] += newline.encode()
    return [*kept, f"{key}={value}{newline}".encode()]
