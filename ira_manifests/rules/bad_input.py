"""The rule of input that can't be read or used, and errors as findings."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.errors import IraError, ProfileError
from ira_manifests.rules.catalogue import BAD_INPUT, Severity
from ira_manifests.rules.finding import NOWHERE, Finding
from ira_manifests.rules.registry import Group, rule

_ERRORS: Group[IraError] = Group(__name__)


@rule(BAD_INPUT, "bad-input", Severity.ERROR, _ERRORS)
def bad_input(error: IraError) -> Iterator[Finding]:
    """A profile, an option or a file can't be used.

    A profile, an option or one of the user's files in `base/` can't be used: it is no YAML, no
    text, not readable, or says one thing twice. Nothing can be said about what depends on it, and
    `check` exits with 2. It can't be waived.
    """
    problems = error.problems if isinstance(error, ProfileError) else ()
    hint = "fix the profile; later checks were skipped"
    for each in problems:
        yield Finding(each.file, each.line, each.column, "", each.field, each.message, hint)
    for message in error.options if isinstance(error, ProfileError) else error.messages:
        yield Finding(NOWHERE, 1, 1, "", "", message, "later checks were skipped")
