"""The rule that a word of the command line names."""

from __future__ import annotations

from ira_manifests.errors import InputError, did_you_mean


def id_of(word: str) -> str | None:
    """Return the id of the rule that a word names, by its id in any case or by its name."""
    from ira_manifests.rules import catalogue

    rules = catalogue.rules()
    by_name = {each.name: each.id for each in rules.values()}
    return word.upper() if word.upper() in rules else by_name.get(word)


def unknown(word: str, option: str = "") -> InputError:
    """Return the error for a word that names no rule. `option`: where it was given."""
    from ira_manifests.rules import catalogue

    where = f"{option}: " if option else ""
    guess = did_you_mean(word.upper(), catalogue.rules())
    return InputError(f"{where}no such rule: {word}{guess}")
