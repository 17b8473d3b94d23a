"""Problems of the arguments of `vllm serve`, and their messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ira_manifests.vllm.option_values import Reason
from ira_manifests.vllm.options import Kind

_INVERSES = {"--enable-": "--disable-", "--disable-": "--enable-"}
_CLOSE = 0.75
_MESSAGES = {
    Reason.AMBIGUOUS: "more than one option begins so",
    Reason.NO_VALUE: "its value is missing",
    Reason.NOT_APART: "vllm serve of this release refuses it before a value",
    Reason.NEEDLESS_VALUE: "it takes no value",
    Reason.NOT_A_NUMBER: "its value must be a number",
    Reason.NOT_JSON: "its value must be JSON",
    Reason.NOT_ALLOWED: "the release does not allow its value",
    Reason.NEEDS_ANOTHER: "it needs another option",
    Reason.NOT_AN_OPTION: "neither an option nor an option's value, and the model is given already",
}


@dataclass(frozen=True)
class FlagProblem:
    """An argument on which `vllm serve` exits.

    Attributes:
        index: its position in the arguments, from 0.
        argument: the argument as written.
        flag: its option, without a value.
        reason: the kind of problem.
        message: a sentence for the user.
    """

    index: int
    argument: str
    flag: str
    reason: Reason
    message: str


@dataclass(frozen=True)
class UnknownFlag(FlagProblem):
    """An option that the release does not have.

    Attributes:
        last_release: the newest earlier release that took it, or None.
        next_release: the oldest later release that takes it, or None.
        suggestion: the option of this release that is closest in spelling, or None.
    """

    last_release: str | None = None
    next_release: str | None = None
    suggestion: str | None = None


def message_of(flag: str, reason: Reason, detail: str = "") -> str:
    """Return the sentence for a problem of an option."""
    return f"{flag}: {_MESSAGES[reason]}" + (f": {detail}" if detail else "")


def closest(name: str, known: Mapping[str, Kind]) -> str | None:
    """Return the option of the same meaning, else one of similar spelling but not the opposite."""
    for prefix, inverse in _INVERSES.items():
        opposite = name.replace(prefix, inverse, 1)
        if name.startswith(prefix) and opposite in known:
            double = opposite.replace("--", "--no-", 1)
            return double if double in known else None
    import difflib  # for a message only

    dashes = "--" if name.startswith("--") else "-"
    alike = sorted(other for other in known if other.startswith(dashes))
    return next(iter(difflib.get_close_matches(name, alike, n=1, cutoff=_CLOSE)), None)


def unknown_message(
    flag: str, version: str, last: str | None, following: str | None, close: str | None
) -> str:
    """Return the sentence for an option that a release does not have."""
    history = [f"last taken by {last}"] if last else []
    if following:
        history.append(f"taken again from {following}" if last else f"new in {following}")
    text = f"{flag} is unknown to vLLM {version}"
    text += f" ({', '.join(history)})" if history else ""
    return text + (f"; did you mean {close!r}?" if close else "")
