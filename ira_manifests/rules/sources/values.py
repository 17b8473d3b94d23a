"""Rules of the values that generators read."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.kustomizations import env_files
from ira_manifests.kustomizations.places import Site
from ira_manifests.rules.catalogue import Needs
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import also
from ira_manifests.rules.sources.subjects import OVERLAY, Overlay

_QUOTES = "\"'"


@also("IRA025", OVERLAY, Needs.OBJECTS)
def comment_in_env_file(overlay: Overlay) -> Iterator[Finding]:
    """A comment, blanks or quotes are part of a value of an env file."""
    for each in overlay.layers:
        for generator in env_files.generators(each):
            for name in generator.env_files:
                file = each.local_name(name)
                for spot, key, value in env_files.lines(file) if file.is_file() else ():
                    problem = _problem(value)
                    if problem:
                        message = f"{problem} part of the value of {key}"
                        hint = "kustomize takes the whole line behind = for the value"
                        yield overlay.finding_at(Site(file, spot), (key,), message, hint)


def _problem(value: str) -> str:
    if " #" in value:
        return "the comment is"
    if len(value) > 1 and value[0] == value[-1] and value[0] in _QUOTES:
        return "the quotes are"
    return "blanks are" if value != value.strip() else ""
