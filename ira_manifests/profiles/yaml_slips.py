"""The usual slips in YAML, in plain words and where they were made.

A parser stops where it can't go on, which is often the line after the slip, and says what it was
looking for. Here the lines around that place are read again. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import yaml


class Slip(NamedTuple):
    """What is wrong; line and column count from 0, as PyYAML's do."""

    line: int
    column: int
    message: str


# The line breaks that PyYAML counts.
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
# What `git merge` leaves in a file.
_CONFLICT = re.compile(r"(?:<<<<<<<|>>>>>>>) |=======$")
_TAB = re.compile(r"( *)\t")
_KEY = re.compile(r" *(?:- +)*[^\s:#'\"{\[&*!|>@`%-][^:#]*:(?: |$)")
_NO_SPACE = re.compile(r" *(?:- +)?[A-Za-z_][\w-]*:[^\s/:]")
_TWO_COLONS = re.compile(r" *(?:- +)*[^\s:#'\"]+: +[^'\"\s#][^#]*?:(?: |$)")


def find(text: str, error: yaml.MarkedYAMLError) -> Slip | None:
    """Return the slip that stopped the parser, or None where it is none of the usual ones."""
    lines = _BREAK.split(text)
    for number, line in enumerate(lines):
        if _CONFLICT.match(line):
            return Slip(number, 0, "holds a mark of a merge conflict; resolve it")
    mark, begin = error.problem_mark or error.context_mark, error.context_mark
    if mark is None or any(each.line >= len(lines) for each in (mark, begin) if each is not None):
        return None
    if tab := _TAB.match(lines[mark.line]):
        return Slip(mark.line, len(tab[1]), "has a tab where spaces are needed")
    for words, look in _LOOKS.items():
        if words in (error.problem or ""):
            return look(lines, mark, begin)
    return None


def _no_colon(lines: list[str], _: Any, begin: Any) -> Slip | None:
    """A key without its colon, and so a text that goes on in the next line."""
    return None if begin is None else _without_colon(lines, begin.line)


def _without_colon(lines: list[str], number: int) -> Slip:
    column = _indent(lines[number])
    if _NO_SPACE.match(lines[number]):
        return Slip(number, column, "a space is missing after the ':' of the key")
    return Slip(number, column, "a ': ' is missing after the key; write key: value")


def _second_colon(lines: list[str], mark: Any, _: Any) -> Slip | None:
    """A key where a text goes on: the line before, or this one, is not what it seems."""
    line, before = lines[mark.line], _before(lines, mark.line)
    if (colons := _TWO_COLONS.match(line)) and colons.end() > mark.column:
        return Slip(mark.line, mark.column, "the value holds a ': '; put it in quotes")
    if before is None:
        return None
    if not _KEY.match(lines[before]) and not lines[before].lstrip().startswith("- "):
        return _without_colon(lines, before)
    return _misplaced(lines, mark.line) if _indent(line) > _indent(lines[before]) else None


def _no_key(lines: list[str], mark: Any, _: Any) -> Slip | None:
    """Something else where the next key of a mapping is expected."""
    if mark.column != _indent(lines[mark.line]):
        return None
    above = {_indent(line) for line in lines[: mark.line] if _holds_text(line)}
    if mark.column not in above:
        return _misplaced(lines, mark.line)
    if lines[mark.line].lstrip().startswith("- "):
        return Slip(mark.line, mark.column, "is a list item where a key is expected")
    return None


def _no_item(_lines: list[str], mark: Any, _: Any) -> Slip | None:
    """A key where the next item of a list is expected."""
    return Slip(
        mark.line,
        mark.column,
        "is no list item; begin it with '- ', or indent it as the list's key",
    )


def _no_start(lines: list[str], mark: Any, _: Any) -> Slip | None:
    letter = lines[mark.line][mark.column : mark.column + 1]
    return Slip(mark.line, mark.column, f"a value can't begin with {letter!r}; put it in quotes")


def _no_end(lines: list[str], _: Any, begin: Any) -> Slip | None:
    """A quote or a bracket that nothing closes."""
    if begin is None:
        return None
    opened = lines[begin.line][begin.column : begin.column + 1]
    closing = {"[": "]", "{": "}"}.get(opened, opened)
    also = ", or a ',' between its items" if opened in "[{" else ""
    return Slip(begin.line, begin.column, f"the {opened} has no closing {closing}{also}")


def _misplaced(lines: list[str], number: int) -> Slip:
    column = _indent(lines[number])
    spaces = "1 space" if column == 1 else f"{column} spaces"
    return Slip(number, column, f"the indentation of {spaces} fits no level above")


def _before(lines: list[str], number: int) -> int | None:
    """Return the last line before this one that holds more than a comment."""
    return next((at for at in range(number - 1, -1, -1) if _holds_text(lines[at])), None)


def _holds_text(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


_Look = Callable[[list[str], Any, Any], Slip | None]
# By a part of PyYAML's words for the problem.
_LOOKS: dict[str, _Look] = {
    "could not find expected ':'": _no_colon,
    "mapping values are not allowed": _second_colon,
    "did not find expected key": _no_key,
    "did not find expected '-' indicator": _no_item,
    "character that cannot start any token": _no_start,
    "unexpected end of stream": _no_end,
    "did not find expected ',' or": _no_end,
}
