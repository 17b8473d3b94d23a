"""Rules of variables and secrets in the `args` and the `env` of a cell."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ira_manifests.kubernetes.expansion import references
from ira_manifests.profiles.env import CONSTRUCTS
from ira_manifests.profiles.secrets import is_secret, secret_words
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules.catalogue import Severity
from ira_manifests.rules.cells.subjects import CELL, CellOf
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import also, rule
from ira_manifests.rules.variables import (
    DEFINE_IT,
    NOT_READ,
    in_plain_text,
    key_of_a_secret,
    undefined,
)
from ira_manifests.vllm.environment import unread


@also("IRA014", CELL)
def undefined_variable(of: CellOf) -> Iterator[Finding]:
    """A word of `args`, or a text of `env`, refers to a variable that the server does not have."""
    given = of.cell.settings
    own = CONSTRUCTS.keys() - (set() if of.cell.engine.read_only_root else {"HOME"})
    defined = set(own)
    for name, text in given.env.items():
        if isinstance(text, str):
            yield from _undefined(of, ("env", name), text, defined, before=True)
        defined.add(name)
    for index, word in enumerate(given.args):
        yield from _undefined(of, ("args", index), word, defined, before=False)


def _undefined(
    of: CellOf, path: Path, text: str, defined: Collection[str], *, before: bool
) -> Iterator[Finding]:
    for name in references(text):
        if name not in defined:
            yield of.finding_of_setting(path, undefined(name, before=before), DEFINE_IT)


@rule("IRA066", "unread-variable", Severity.WARNING, CELL)
def unread_variable(of: CellOf) -> Iterator[Finding]:
    """The engine's release does not read a variable.

    The name of a variable in `env`, or of one of a server's container, begins with `VLLM_`, and the
    source of the release does not have it: it is misspelt, or of another release. The server
    ignores it, with a line in its log at most, and runs without what was wanted. Not judged are
    variables of other libraries, and releases that are not in this program's table. For an image or
    a plugin that reads more variables, waive the rule.
    """
    for name in of.cell.settings.env:
        if message := unread(name, of.cell.engine.version):
            yield of.finding_of_setting(("env", name), message, NOT_READ)


@also("IRA065", CELL)
def secret_of_a_cell(of: CellOf) -> Iterator[Finding]:
    """The profile has a secret in plain text."""
    given = of.cell.settings
    for name, text in given.env.items():
        if isinstance(text, str) and is_secret(name, text):
            yield of.finding_of_setting(("env", name), in_plain_text(name), key_of_a_secret(name))
    for index, option in secret_words(given.args, of.cell.engine.version):
        variable = "HF_TOKEN" if option == "--hf-token" else "VLLM_API_KEY"
        hint = f"write {option}=$({variable}); in env, {key_of_a_secret(variable)}"
        yield of.finding_of_setting(("args", index), in_plain_text(option), hint)
