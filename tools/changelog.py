"""Give the unreleased part of CHANGELOG.md a version, and print the notes of a release.

Usage, from the root of the project:

    python -m tools.changelog cut 0.2.0                       dated today, in UTC
    python -m tools.changelog cut 0.2.0 --date 2026-12-01
    python -m tools.changelog notes 0.2.0                     the body of its GitHub release
    python -m tools.changelog notes 0.2.0 --files URL         with links to files below a URL

The format is that of https://keepachangelog.com/en/1.1.0/. The version must be one of the three
that follow the newest release, and fit the kinds of change (https://semver.org/spec/v2.0.0.html).
Before 1.0.0, where that says that anything may change, the minor version stands for the major one.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).parents[1] / "CHANGELOG.md"

_UNRELEASED = "## [Unreleased]"
_RELEASE = re.compile(r"## \[([^]]+)\] - \d{4}-\d\d-\d\d(?: \[YANKED\])?")
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")

# The target of a link to a file of the repository: no URL, and no heading of the page itself.
_FILE = re.compile(r"\]\((?![a-z]+:|#)")

_MAJOR, _MINOR, _PATCH = range(3)
_RAISED = {
    "Removed": _MAJOR,
    "Added": _MINOR,
    "Changed": _MINOR,
    "Deprecated": _MINOR,
    "Fixed": _PATCH,
    "Security": _PATCH,
}
"""The part of the version that each kind of change raises, or one before it."""


class ChangelogError(Exception):
    """What is wrong with the changelog or with what was asked of it, and what to do."""


class Version(NamedTuple):
    """A final release: no pre-releases, which have no section."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        """Return it as it is written."""
        return ".".join(map(str, self))

    @classmethod
    def of(cls, text: str) -> "Version":
        """Parse it. Raises `ChangelogError`."""
        if not (found := _VERSION.fullmatch(text)):
            raise ChangelogError(f"'{text}' is no version; expected three numbers, as in 1.2.0")
        return cls(int(found[1]), int(found[2]), int(found[3]))

    def raised(self, part: int) -> "Version":
        """Return the next version that raises a part, and sets those behind it to 0."""
        numbers = [*self[:part], self[part] + 1, 0, 0]
        return Version(*numbers[:3])


class Section(NamedTuple):
    """A `##` heading with what is below it; without a version it is the unreleased one."""

    version: Version | None
    line: int
    """The number of the heading's line, from 1."""
    body: str
    """The text below the heading, without the blank lines around it."""


def sections(text: str) -> tuple[Section, list[Section]]:
    """Return what is not released, and the releases, newest first.

    Raises:
        ChangelogError: a heading has another form, or releases have another order.
    """
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("## ")]
    if not starts or lines[starts[0]] != _UNRELEASED:
        raise ChangelogError(f"{FILE.name} must begin with the section '{_UNRELEASED}'")
    unreleased, *releases = (
        Section(_of_heading(lines, start), start + 1, "\n".join(lines[start + 1 : end]).strip())
        for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)
    )
    for newer, older in pairwise(releases):
        if not (newer.version and older.version and newer.version > older.version):
            raise _at(newer.line, f"{newer.version} must not stand before {older.version}")
    return unreleased, releases


def _of_heading(lines: Sequence[str], index: int) -> Version | None:
    if index == lines.index(_UNRELEASED):
        return None
    if not (found := _RELEASE.fullmatch(lines[index])):
        expected = "expected '## [VERSION] - YYYY-MM-DD'"
        raise _at(index + 1, f"'{lines[index]}' is no heading of a release; {expected}")
    return Version.of(found[1])


def cut(text: str, version: str, day: date) -> str:
    """Return the changelog with its unreleased part as a release, below an empty one.

    Raises:
        ChangelogError: there is nothing to release, or the version doesn't fit.
    """
    unreleased, releases = sections(text)
    kinds = _kinds(unreleased)
    if not kinds:
        raise _at(unreleased.line, "nothing is unreleased, so there is nothing to release")
    new, newest = Version.of(version), releases[0].version if releases else None
    if newest:
        _check(new, newest, kinds)
    heading = f"## [{new}] - {day.isoformat()}"
    return text.replace(f"{_UNRELEASED}\n", f"{_UNRELEASED}\n\n{heading}\n", 1)


def _kinds(section: Section) -> list[str]:
    found = re.findall(r"^### (.*)$", section.body, re.MULTILINE)
    for kind in found:
        if kind not in _RAISED:
            known = ", ".join(_RAISED)
            raise _at(section.line, f"'{kind}' is no kind of change; expected one of {known}")
    return found


def _check(new: Version, newest: Version, kinds: Sequence[str]) -> None:
    highest = min(kinds, key=lambda kind: _RAISED[kind])
    least = _RAISED[highest]
    if newest.major == 0 and least < _PATCH:
        least = _MINOR
    allowed = [newest.raised(part) for part in range(least, -1, -1)]
    if new not in allowed:
        choice = " or ".join(map(str, allowed))
        raise ChangelogError(f"{new} can't follow {newest}: with '{highest}' it must be {choice}")


def notes(text: str, version: str) -> str:
    """Return what a release says, without its heading.

    Raises:
        ChangelogError: the changelog has no such release.
    """
    _, releases = sections(text)
    for each in releases:
        if each.version == Version.of(version):
            return each.body
    known = ", ".join(str(each.version) for each in releases) or "none yet"
    raise ChangelogError(f"{FILE.name} has no release {version} (it has {known}): cut it first")


def with_links(text: str, url: str) -> str:
    """Return notes for another page than the changelog: its links to files lead below a URL."""
    return _FILE.sub(lambda found: f"{found[0]}{url}/", text)


def _at(line: int, message: str) -> ChangelogError:
    return ChangelogError(f"{FILE.name}:{line}: {message}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file or print notes; return the exit code, 2 where it can't be done."""
    parser = argparse.ArgumentParser(prog="python -m tools.changelog")
    commands = parser.add_subparsers(dest="command", required=True)
    cutting = commands.add_parser("cut", help="make what is not released a release")
    cutting.add_argument("version")
    cutting.add_argument("--date", type=date.fromisoformat, help="its day [default: today, in UTC]")
    noting = commands.add_parser("notes", help="print what a release says")
    noting.add_argument("version")
    noting.add_argument("--files", metavar="URL", help="where files are that the notes link to")
    asked = parser.parse_args(arguments)
    text = FILE.read_text("utf-8")
    try:
        if asked.command == "notes":
            found = notes(text, asked.version)
            print(with_links(found, asked.files) if asked.files else found)
        else:
            FILE.write_text(
                cut(text, asked.version, asked.date or datetime.now(UTC).date()), "utf-8"
            )
    except ChangelogError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
