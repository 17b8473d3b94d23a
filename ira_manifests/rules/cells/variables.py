"""Rules of variables and secrets in the `args` and the `env` of a cell."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ira_manifests.kubernetes.expansion import references
from ira_manifests.profiles.env import CONSTRUCTS
from ira_manifests.profiles.secrets import is_secret, secret_words
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules.cells.subjects import CELL, CellOf
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import also
from ira_manifests.rules.variables import DEFINE_IT, in_plain_text, key_of_a_secret, undefined


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
