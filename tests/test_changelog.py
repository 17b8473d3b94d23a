"""The changelog is cut by the kinds of its changes, and gives a release its notes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from testing.project import ROOT
from tools import changelog
from tools.changelog import ChangelogError, cut, notes, sections, with_links

DAY = date(2026, 12, 1)

TEXT = """\
# Changelog

How to read it.

## [Unreleased]

### Added

- `lint` reads archives.

### Fixed

- A typo.

## [1.2.0] - 2026-11-28

### Removed

- `--old`.

## [1.1.0] - 2026-10-02 [YANKED]

### Added

- `--old`.
"""

NO_HEADING = "is no heading of a release; expected '## [VERSION] - YYYY-MM-DD'"


def only(kind: str, newest: str = "1.2.0") -> str:
    """Return a changelog with one unreleased change after a release."""
    release = f"## [{newest}] - 2026-11-28\n\n### Added\n\n- All.\n"
    return f"# Changelog\n\n## [Unreleased]\n\n### {kind}\n\n- Something.\n\n{release}"


def test_what_is_not_released_becomes_a_release_below_an_empty_section() -> None:
    after = cut(TEXT, "1.3.0", DAY)

    assert after == TEXT.replace(
        "## [Unreleased]\n", "## [Unreleased]\n\n## [1.3.0] - 2026-12-01\n"
    )
    assert (
        notes(after, "1.3.0") == "### Added\n\n- `lint` reads archives.\n\n### Fixed\n\n- A typo."
    )


def test_a_release_keeps_its_notes_when_it_is_yanked() -> None:
    assert notes(TEXT, "1.1.0") == "### Added\n\n- `--old`."


@pytest.mark.parametrize("version", ["0.1.0", "1.0.0", "7.0.0"])
def test_the_first_release_may_have_any_version(version: str) -> None:
    text = TEXT.partition("## [1.2.0]")[0]

    assert f"## [{version}] - 2026-12-01\n" in cut(text, version, DAY)


# https://semver.org/spec/v2.0.0.html, 6 to 8; before 1.0.0 see 4.
@pytest.mark.parametrize(
    ("kind", "newest", "allowed"),
    [
        ("Removed", "1.2.3", {"2.0.0"}),
        ("Added", "1.2.3", {"1.3.0", "2.0.0"}),
        ("Changed", "1.2.3", {"1.3.0", "2.0.0"}),
        ("Deprecated", "1.2.3", {"1.3.0", "2.0.0"}),
        ("Fixed", "1.2.3", {"1.2.4", "1.3.0", "2.0.0"}),
        ("Security", "1.2.3", {"1.2.4", "1.3.0", "2.0.0"}),
        ("Removed", "0.2.3", {"0.3.0", "1.0.0"}),
        ("Added", "0.2.3", {"0.3.0", "1.0.0"}),
        ("Fixed", "0.2.3", {"0.2.4", "0.3.0", "1.0.0"}),
    ],
)
def test_the_kind_of_change_decides_the_versions_that_may_follow(
    kind: str, newest: str, allowed: set[str]
) -> None:
    others = {"0.2.2", "0.2.3", "0.2.4", "0.2.5", "0.3.0", "0.4.0", "1.0.0", "1.2.2", "1.2.3"}
    others |= {"1.2.4", "1.3.0", "1.3.1", "1.4.0", "2.0.0", "2.0.1", "3.0.0", "10.0.0"}
    accepted = set()
    for version in others:
        try:
            cut(only(kind, newest), version, DAY)
        except ChangelogError:
            continue
        accepted.add(version)

    assert accepted == allowed


@pytest.mark.parametrize(
    ("text", "version", "message"),
    [
        (TEXT, "1.2.1", "1.2.1 can't follow 1.2.0: with 'Added' it must be 1.3.0 or 2.0.0"),
        (only("Removed"), "1.3.0", "1.3.0 can't follow 1.2.0: with 'Removed' it must be 2.0.0"),
        (TEXT, "v1.3.0", "'v1.3.0' is no version; expected three numbers, as in 1.2.0"),
        (TEXT, "1.03.0", "'1.03.0' is no version; expected three numbers, as in 1.2.0"),
        (TEXT, "1.3.0rc1", "'1.3.0rc1' is no version; expected three numbers, as in 1.2.0"),
        (cut(TEXT, "1.3.0", DAY), "1.4.0",
         "CHANGELOG.md:5: nothing is unreleased, so there is nothing to release"),
        (only("Fixes"), "1.2.1",
         ("CHANGELOG.md:3: 'Fixes' is no kind of change; expected one of Removed, Added, Changed, "
          "Deprecated, Fixed, Security")),
        ("# Changelog\n", "1.0.0", "CHANGELOG.md must begin with the section '## [Unreleased]'"),
        (TEXT.replace("[1.2.0] - 2026-11-28", "1.2.0"), "1.3.0",
         f"CHANGELOG.md:15: '## 1.2.0' {NO_HEADING}"),
        (f"{TEXT}\n## [Unreleased]\n", "1.3.0",
         f"CHANGELOG.md:27: '## [Unreleased]' {NO_HEADING}"),
        (TEXT.replace("1.1.0", "1.10.0"), "1.3.0",
         "CHANGELOG.md:15: 1.2.0 must not stand before 1.10.0"),
    ],
)  # fmt: skip
def test_what_can_not_be_cut_is_told(text: str, version: str, message: str) -> None:
    with pytest.raises(ChangelogError) as raised:
        cut(text, version, DAY)

    assert str(raised.value) == message


def test_notes_of_an_unknown_release_name_those_that_there_are() -> None:
    with pytest.raises(ChangelogError) as raised:
        notes(TEXT, "1.3.0")

    expected = "CHANGELOG.md has no release 1.3.0 (it has 1.2.0, 1.1.0): cut it first"
    assert str(raised.value) == expected


def test_links_of_notes_to_files_lead_to_those_of_the_tag() -> None:
    text = "[a](docs/a.md#b), [c](https://example.com/c), [d](#d)"

    assert with_links(text, "https://forge/o/r/blob/v1.0.0") == (
        "[a](https://forge/o/r/blob/v1.0.0/docs/a.md#b), [c](https://example.com/c), [d](#d)"
    )


def test_the_changelog_of_this_project_can_be_read() -> None:
    unreleased, releases = sections(changelog.FILE.read_text())

    assert unreleased.body or releases


def test_the_commands_cut_the_file_and_print_notes(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    for name in ("__init__.py", "changelog.py"):
        shutil.copy(ROOT / "tools" / name, tmp_path / "tools")
    file = tmp_path / "CHANGELOG.md"
    file.write_text(TEXT)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tools.changelog", *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    refused = run("cut", "1.2.1", "--date", "2026-12-01")
    assert (refused.returncode, file.read_text()) == (2, TEXT)
    assert refused.stderr.startswith("error: 1.2.1 can't follow 1.2.0")
    assert run("cut", "1.3.0", "--date", "2026-12-01").returncode == 0
    assert file.read_text() == cut(TEXT, "1.3.0", DAY)
    assert run("notes", "1.3.0").stdout == f"{notes(file.read_text(), '1.3.0')}\n"
    assert run("cut", "1.4.0", "--date", "tomorrow").returncode == 2
