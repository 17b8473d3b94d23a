"""Edits of texts that fail, instead of changing nothing, if the expected part is missing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path


def replace_once(text: str, old: str, new: str, where: str = "the text") -> str:
    """Replace a part of a text.

    Raises:
        AssertionError: the part occurs not exactly once.
    """
    count = text.count(old)
    if count != 1:
        raise AssertionError(f"{where}: {old!r} occurs {count} times; an edit needs exactly one")
    return text.replace(old, new)


def edited(text: str, edits: Mapping[str, str], where: str = "the text") -> str:
    """Replace parts of a text, one after the other, each as `replace_once` does."""
    for old, new in edits.items():
        text = replace_once(text, old, new, where)
    return text


def edit_file(file: Path, edits: Mapping[str, str]) -> None:
    """Replace parts of a file, each as `replace_once` does."""
    file.write_text(edited(file.read_text(), edits, str(file)))


def place_of(text: str, marked: str, where: str = "the text") -> tuple[int, int]:
    """Return line and column, from 1, of what follows the mark `|` in a part of a text.

    Raises:
        AssertionError: the part occurs not exactly once.
    """
    before, _, after = marked.partition("|")
    replace_once(text, before + after, "", where)
    lines = text[: text.index(before + after) + len(before)].split("\n")
    return len(lines), len(lines[-1]) + 1


def edit_profile(profiles: Path, subject: str, edits: Mapping[str, str]) -> None:
    """Replace parts of a profile, or of a cell of a model's profile.

    Args:
        profiles: a folder of profiles.
        subject: a file such as `platform.yaml`, a model such as `llama3`, or a cell such as
            `h100/llama3`.
        edits: what is replaced by what, each as `replace_once` does.
    """
    if subject.endswith(".yaml"):
        edit_file(profiles / subject, edits)
        return
    gpu, _, model = subject.rpartition("/")
    file = profiles / f"models/{model}.yaml"
    if not gpu:
        edit_file(file, edits)
        return
    text = file.read_text()
    (cell,) = re.findall(rf"^  {gpu}:\n(?:    .*\n)+", text, re.MULTILINE)
    file.write_text(replace_once(text, cell, edited(cell, edits, subject)))
