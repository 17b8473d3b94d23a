"""Gives the text of a YAML file other values, and leaves every other byte as it is.

Values are replaced, added and removed at the places that PyYAML's nodes have. What can't be edited
so is refused: see `rewritten`.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from ira_manifests.errors import InputError
from ira_manifests.profiles import yaml_lines, yaml_source
from ira_manifests.profiles.yaml_source import Path

_REST_OF_LINE = re.compile(r"[ \t]*(?:#[^\r\n]*)?(\r\n|\r|\n|\Z)")
_NOTHING: Final = None


@dataclass(frozen=True)
class Change:
    """A value that is replaced, added (without an old one) or removed (without a new one)."""

    path: Path
    old: Any
    new: Any

    def __str__(self) -> str:
        field = yaml_source.dotted(self.path)
        if self.old is _NOTHING:
            return f"{field}: added, {_shown(self.new)}"
        if self.new is _NOTHING:
            return f"{field}: removed, was {_shown(self.old)}"
        return f"{field}: {_shown(self.old)} → {_shown(self.new)}"


def rewritten(name: str, content: bytes, wanted: Mapping[str, Any]) -> tuple[bytes, list[Change]]:
    """Return a file with other values, and what changed.

    `name`: the file in messages. `content`: a file that `yaml_source.read` finds no problem in.
    `wanted`: all values that it is to have; new keys are added behind those that precede them here,
    and items of a list of mappings may end up in another order. A comment in the lines of a value
    that is removed goes with it.

    Raises InputError for what can't be edited: a value with an anchor, keys that are to be added to
    or removed from a mapping in braces.
    """
    text = content.decode("utf-8-sig")
    editor = _Editor(name, text)
    document, _ = yaml_source.read(name, content)
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    editor.update(root, document.data, wanted, ())
    edited = editor.edited().encode()
    if content.startswith(codecs.BOM_UTF8):
        edited = codecs.BOM_UTF8 + edited
    read, problems = yaml_source.read(name, edited)
    if problems or _plain(read.data) != _plain(wanted):
        raise InputError(f"{name} can't be edited as it is written; {_by_hand(editor.changes)}")
    return edited, editor.changes


def _by_hand(changes: Sequence[Change]) -> str:
    return f"edit it by hand: {'; '.join(map(str, changes))}"


class _Editor:
    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._text = text
        self._edits: list[tuple[int, int, str]] = []
        self.changes: list[Change] = []

    def edited(self) -> str:
        """Return the text with all edits, those at one place in the order in which they came."""
        parts, done = [], 0
        for start, end, new in sorted(self._edits, key=lambda edit: edit[:2]):
            parts += [self._text[done:start], new]
            done = end
        return "".join([*parts, self._text[done:]])

    def update(self, node: Any, old: Any, new: Any, path: Path) -> None:
        """Give a node the value `new`; `old` is its present one."""
        if isinstance(node, yaml.MappingNode) and isinstance(new, Mapping):
            self._mapping(node, old, new, path)
        elif isinstance(node, yaml.SequenceNode) and yaml_lines.is_numbers(new):
            self._numbers(node, old, new, path)
        elif isinstance(node, yaml.SequenceNode) and not isinstance(new, str):
            self._sequence(node, old, new, path)
        elif old != new:
            self._scalar(node, old, new, path)

    def _scalar(self, node: Any, old: Any, new: Any, path: Path) -> None:
        start, end = node.start_mark.index, node.end_mark.index
        quote = self._text[start] if self._text[start] in "'\"" else ""
        if self._text[start] in "&!|>":
            raise self._refused(node, path, "has an anchor, a tag or several lines")
        self._edits.append((start, end, f"{quote}{yaml_lines.scalar(new)}{quote}"))
        self.changes.append(Change(path, old, new))

    def _numbers(self, node: Any, old: Sequence[Any], new: Sequence[int], path: Path) -> None:
        """Replace a list of numbers as a whole, since its order counts."""
        if list(old) == list(new):
            return
        if not node.flow_style:
            raise self._refused(node, path, "is in lines; write it in brackets, to change it")
        self._edits.append((node.start_mark.index, node.end_mark.index, yaml_lines.numbers(new)))
        self.changes.append(Change(path, old, new))

    def _mapping(self, node: Any, old: Any, new: Mapping[str, Any], path: Path) -> None:
        nodes = {key.value: (key, value) for key, value in node.value}
        for key in nodes:
            if key in new:
                self.update(nodes[key][1], old[key], new[key], (*path, key))
        for place, key in enumerate(nodes):
            if key not in new:
                self._block(node, path, f"to remove {key}")
                following = list(nodes.values())[place + 1 :]
                self._remove(*nodes[key], following[0][0] if following else None, (*path, key))
                self.changes.append(Change((*path, key), old[key], _NOTHING))
        stay = [key for key in nodes if key in new]
        for key in new:
            if key not in nodes:
                self._block(node, path, f"to add {key}")
                before = [each for each in list(new)[: list(new).index(key)] if each in stay]
                anchor = nodes[(before or stay)[-1 if before else 0]][1]
                indent = " " * node.value[0][0].start_mark.column
                self._insert(anchor, yaml_lines.of_mapping({key: new[key]}, indent), path)
                self.changes.append(Change((*path, key), _NOTHING, new[key]))

    def _sequence(self, node: Any, old: Sequence[Any], new: Sequence[Any], path: Path) -> None:
        paired, added = _paired(old, new)
        for place, item in paired.items():
            self.update(node.value[place], old[place], item, (*path, place))
        gone = [place for place in range(len(old)) if place not in paired]
        if gone or added:
            self._block(node, path, "to add or remove items")
        for place in gone:
            self._remove_item(node.value[place], (*path, place))
            self.changes.append(Change((*path, place), old[place], _NOTHING))
        if added:
            last = node.value[-1]
            indent = " " * len(self._before(last, (*path, len(old) - 1)))
            for count, item in enumerate(added):
                self._insert(last, yaml_lines.of_item(item, indent), path)
                self.changes.append(Change((*path, len(old) + count), _NOTHING, item))

    def _before(self, item: Any, path: Path) -> str:
        """Return what is before the dash of an item."""
        start = self._line_start(item)
        found = re.fullmatch(r"([ \t]*)- +", self._text[start : item.start_mark.index])
        if found is None:
            raise self._refused(item, path, "does not begin behind a dash in a line of its own")
        return found[1]

    def _block(self, node: Any, path: Path, why: str) -> None:
        if node.flow_style:
            raise self._refused(node, path, f"is in braces or brackets; write it in lines, {why}")

    def _insert(self, anchor: Any, lines: Iterator[str], path: Path) -> None:
        """Add lines below the last line of a value."""
        end, line_break = self._line_end(anchor, path)
        shown = line_break or ("\r\n" if "\r\n" in self._text else "\n")
        added = shown.join(lines)
        self._edits.append((end, end, f"{added}{shown}" if line_break else f"{shown}{added}"))

    def _remove(self, key: Any, value: Any, following: Any, path: Path) -> None:
        start, begin = self._line_start(key), key.start_mark.index
        if not self._text[start:begin].strip():
            self._edits.append((start, self._line_end(value, path)[0], ""))
            return
        # The first key of an item: the next one takes its place behind the dash.
        end = following.start_mark.index if following else begin
        if not following or self._text[_end(value) : end].strip():
            raise self._refused(key, path, "is to be removed, and shares its line with others")
        self._edits.append((begin, end, ""))

    def _remove_item(self, item: Any, path: Path) -> None:
        self._before(item, path)
        self._edits.append((self._line_start(item), self._line_end(item, path)[0], ""))

    def _line_start(self, node: Any) -> int:
        return int(node.start_mark.index - node.start_mark.column)

    def _line_end(self, node: Any, path: Path) -> tuple[int, str]:
        """Return where the next line after a value begins, and the line break before it."""
        end = _end(node)
        found = _REST_OF_LINE.match(self._text, end)
        if found is None:
            raise self._refused(node, path, "has something else behind it in its last line")
        return found.end(), found[1]

    def _refused(self, node: Any, path: Path, why: str) -> InputError:
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        field = yaml_source.dotted(path)
        return InputError(f"{self._name}:{line}:{column}: {field} {why}; nothing was changed")


def _end(node: Any) -> int:
    """Return where a value ends; for PyYAML a block ends where the next one begins."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
        return _end(node.value[-1][1])
    if isinstance(node, yaml.SequenceNode) and not node.flow_style and node.value:
        return _end(node.value[-1])
    return int(node.end_mark.index)


def in_file_order(old: Sequence[Any], new: Sequence[Any]) -> list[Any]:
    """Return the items of a new list in the order in which `rewritten` leaves them."""
    paired, added = _paired(old, new)
    return [*(paired[place] for place in sorted(paired)), *added]


def _paired(old: Sequence[Any], new: Sequence[Any]) -> tuple[dict[int, Any], list[Any]]:
    """Return the new item for each place of an old one that stays, and those that are added.

    Equal items are pairs, then those that have most in common.
    """
    left, paired = list(new), {}
    for place, item in enumerate(old):
        if item in left:
            paired[place] = left.pop(left.index(item))
    for place, item in enumerate(old):
        if place not in paired and left:
            nearest = max(left, key=lambda other: len(_entries(item) & _entries(other)))
            paired[place] = left.pop(left.index(nearest))
    return paired, left


def _entries(item: Any) -> set[tuple[str, str]]:
    if not isinstance(item, Mapping):
        return set()  # two texts that differ have nothing in common
    return {(key, str(value)) for key, value in item.items()} | {(key, "") for key in item}


def _plain(value: Any) -> Any:
    """Return a value for comparison: lists of mappings in one order."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        items = [_plain(each) for each in value]
        mappings = all(isinstance(each, Mapping) for each in items)
        return sorted(items, key=lambda each: sorted(map(str, each.items()))) if mappings else items
    return value


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_shown(each)}" for key, each in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "; ".join(map(_shown, value))
    return yaml_lines.scalar(value)
