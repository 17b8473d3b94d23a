"""`doctor`: what this program finds on the machine, and what is missing."""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ira_manifests import __version__, user_cache
from ira_manifests.cli import common, terminal
from ira_manifests.errors import IraError
from ira_manifests.messages import count, visible

_LIMIT = 15  # seconds of a program that prints its version
_OLDEST_KUBECTL = (1, 27)
_STYLES = {"ok": terminal.GREEN, "optional": terminal.DIM, "failed": terminal.BOLD_RED}


@dataclass(frozen=True)
class Check:
    """One thing that was looked for.

    Attributes:
        name: what it is.
        state: "ok"; "failed" if the commands need it and it is not there or can't be used;
            "optional" if only the use in `detail` needs it.
        detail: what was found, or what to do.
    """

    name: str
    state: str
    detail: str


def command(*, profiles_folder: Path | None, as_json: bool) -> int:
    """Look for what the commands need: Node.js, profiles, cache, kubectl."""
    found = list(_checks(profiles_folder))
    failed = sum(each.state == "failed" for each in found)
    if as_json:
        document = {"ok": not failed, "checks": [asdict(each) for each in found]}
        terminal.say(json.dumps(document, indent=2))
    else:
        _say(found)
        terminal.say(f"\n{count(len(found), 'check')}, {failed} failed.")
    return common.FINDINGS if failed else 0


def _say(found: Sequence[Check]) -> None:
    states = max(len(state) for state in _STYLES)
    names = max(len(each.name) for each in found)
    for each in found:
        start = f"{each.state:<{states}}  {each.name:<{names}}  "
        line = terminal.fitted(
            start + visible(each.detail),
            terminal.columns(sys.stdout),
            " " * len(start),
            unbroken=len(start),
        )
        state = terminal.styled(line[: len(each.state)], _STYLES[each.state])
        terminal.say(state + line[len(each.state) :])


def _checks(profiles_folder: Path | None) -> Iterator[Check]:
    package = Path(__file__).parents[1]
    yield Check("ira_manifests", "ok", f"{__version__} in {package}")
    yield Check("Python", "ok", f"{platform.python_version()}, {platform.python_implementation()}")
    yield _node()
    yield _profiles(profiles_folder)
    yield _cache()
    yield _kubectl()
    yield _distribution("huggingface_hub", "hub", "to read models from the Hub: add, list, explain")
    yield _distribution("argcomplete", "completion", "to complete commands in a shell")
    yield _program("Go", ["go", "version"], r"go([\d.]+)", "for make test-cluster in a clone")


def _node() -> Check:
    from ira_manifests.nodejs import program

    try:
        found = program.find()
    except IraError as error:
        return Check("Node.js", "failed", "; ".join(error.messages))
    return Check("Node.js", "ok", f"{program.version(found)} at {found}")


def _profiles(folder: Path | None) -> Check:
    from ira_manifests.loading import load_matrices
    from ira_manifests.profiles.loader import find_folder
    from ira_manifests.profiles.matrix import Options
    from ira_manifests.profiles.packaged import folder as packaged_folder

    try:
        found = find_folder(folder)
        matrices = load_matrices(found, Options()).written
    except IraError as error:
        first, *more = error.messages
        others = f", and {count(len(more), 'more problem')}; see check" if more else ""
        return Check("profiles", "failed", f"{first}{others}")
    cells = sum(len(each) for each in matrices)
    which = "packaged, " if found == packaged_folder() else ""
    return Check("profiles", "ok", f"{count(cells, 'cell')} ({which}{found})")


def _cache() -> Check:
    found = user_cache.place()
    if found is not None:
        return Check("cache", "ok", str(found))
    why = user_cache.trouble() or "there is no home folder"
    return Check("cache", "optional", f"not used, so that each run renders everything: {why}")


def _kubectl() -> Check:
    found = _program(
        "kubectl",
        ["kubectl", "version", "--client"],
        r"v(\d+\.\d+\.\d+\S*)",
        "to apply what is written",
    )
    numbers = re.match(r"(\d+)\.(\d+)", found.detail)
    if numbers and tuple(map(int, numbers.groups())) < _OLDEST_KUBECTL:
        oldest = ".".join(map(str, _OLDEST_KUBECTL))
        return Check(
            "kubectl", "optional", f"{oldest} or newer is needed, and it is {found.detail}"
        )
    return found


def _program(name: str, words: Sequence[str], pattern: str, purpose: str) -> Check:
    program = shutil.which(words[0])
    if program is None:
        return Check(name, "optional", f"not on PATH; {purpose}")
    try:
        said = subprocess.run(  # noqa: S603  the user's own program
            [program, *words[1:]], capture_output=True, text=True, timeout=_LIMIT, check=False,
            errors="replace", stdin=subprocess.DEVNULL,
        ).stdout  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return Check(name, "optional", f"{program} can't be run: {type(error).__name__}; {purpose}")
    version = re.search(pattern, said)
    if version is None:
        return Check(name, "optional", f"{program} does not print its version; {purpose}")
    return Check(name, "ok", f"{version[1]} at {program}")


def _distribution(name: str, extra: str, purpose: str) -> Check:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return Check(name, "ok", version(name))
    except PackageNotFoundError:
        return Check(name, "optional", f"not installed, the extra {extra}; {purpose}")
