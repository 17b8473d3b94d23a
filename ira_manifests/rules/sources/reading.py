"""Rules of trees that can't be read, built or judged as a whole."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.kustomizations.sources import Trouble
from ira_manifests.rules.catalogue import Needs, Severity
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import also, rule
from ira_manifests.rules.sources.subjects import TROUBLE, WORKLOAD, Workload


@rule("IRA080", "not-built", Severity.ERROR, TROUBLE, Needs.OBJECTS)
def not_built(trouble: Trouble) -> Iterator[Finding]:
    """A kustomization does not build, or a file is no YAML.

    `kubectl apply` refuses it in the same way: a file that it names is missing, outside of its
    folder or can't be read, it contains itself, a patch fits no object, a key of a manifest is
    there twice, or its YAML is broken. The rest of the tree is judged.
    """
    if trouble.fails:
        yield _of(trouble)


@rule("IRA081", "not-judged", Severity.NOTE, TROUBLE, Needs.OBJECTS)
def not_judged(trouble: Trouble) -> Iterator[Finding]:
    """Something is not judged, or only in part.

    A base is remote and was not fetched, an env file is made by something else and is missing here,
    a file is a template or too large. Or of a server something is not known: its image or its
    release, its model or the model's geometry, its GPU type, or a number that is a placeholder. The
    rules that need it say nothing then; all others were applied. A note is no fault: it does not
    change the exit code, and `--severity warning` leaves it out.
    """
    if not trouble.fails:
        yield _of(trouble)


@also("IRA081", WORKLOAD, Needs.OBJECTS)
def partly_known(workload: Workload) -> Iterator[Finding]:
    """What is not known of a server."""
    if workload.unknown:
        message = f"not known of the server: {'; '.join(workload.unknown)}"
        hint = "what depends on it is not judged"
        place = workload.file, workload.line, workload.column
        yield Finding(*place, "", workload.field, message, hint)


def _of(trouble: Trouble) -> Finding:
    line, column = trouble.spot
    return Finding(trouble.file, line, column, "", "", trouble.message, trouble.hint)
