"""Model ids that differ from a known id in spelling only."""

from __future__ import annotations

from collections.abc import Iterable


def other_spelling(model_id: str, known: Iterable[str]) -> str | None:
    """Return the known id of the same name in another organisation or case, if any.

    Returns None for a known id.
    """
    candidates = sorted(known)
    if model_id in candidates:
        return None
    name = model_id.rpartition("/")[2].casefold()
    return next((each for each in candidates if each.rpartition("/")[2].casefold() == name), None)
