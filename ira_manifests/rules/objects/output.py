"""The rule of an output folder that differs from the profiles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from ira_manifests.layout import LINKS
from ira_manifests.output.tree import Plan, directory_of, obstacle, ways_out
from ira_manifests.rules.catalogue import Severity
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import rule
from ira_manifests.rules.view.groups import OUTPUT
from ira_manifests.rules.view.output import Output

_RUN = "run synth with the same options"


@rule("IRA028", "stale-output", Severity.ERROR, OUTPUT)
def stale_output(output: Output) -> Iterator[Finding]:
    """The output folder is not what the profiles say.

    A file of the output folder is not what the profiles say: somebody edited it by hand, or changed
    a profile without a synth. What is reviewed is not what is applied. Or `base` is missing, or a
    folder and not the link to `model-download/base`: its files are not used. A synth
    moves the two files and makes the link. Where a token, or different values, are in both places,
    it changes nothing: only `model-download/base` is read, so put what is right there and remove
    the file in `base` first. So it does where `base` has any other file, such as an editor's
    backup: move that to `model-download/base`, or remove it.
    """
    replaced = LINKS.keys() & {*output.plan.updated}
    for link in sorted(replaced):
        message = f"{link} is not the link to {LINKS[link]}: its files are not used"
        hint = (
            "remove files from here that are in both places, and run synth, which moves the "
            "rest and creates the link"
        )
        yield output.finding(link, message, hint)
    for paths, message, hint in _differences(output.plan):
        for same in _by_directory(set(paths) - replaced):
            first, others = same[0], len(same) - 1
            name = PurePosixPath(first).name
            said = f"{name} {message}" if not others else f"{name} {message}, and {others} more"
            yield output.finding(first, said, hint)


def _differences(plan: Plan) -> Iterator[tuple[Iterable[str], str, str]]:
    """Yield paths of the output, each group with its message and its hint."""
    yield plan.created, "is missing", _RUN
    yield plan.updated, "is not what the profiles say", _RUN
    yield plan.removed, "is no longer generated", _RUN
    yield plan.hollow, "is an empty folder of a cell that is gone", _RUN
    blocked: dict[tuple[str, str], list[str]] = {}
    for path in plan.blocked:
        way = ways_out(path, "name another folder with --out")
        blocked.setdefault((obstacle(path), way), []).append(path)
    for (why, way), paths in blocked.items():
        yield paths, f"was not written by synth and {why}", way


def _by_directory(paths: Iterable[str]) -> list[list[str]]:
    grouped: dict[str, list[str]] = {}
    for path in sorted(paths):
        grouped.setdefault(directory_of(path), []).append(path)
    return list(grouped.values())
