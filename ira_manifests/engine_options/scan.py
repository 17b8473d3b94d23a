"""What `vllm serve` would refuse in its arguments, as its own parser reads them.

vLLM's FlexibleArgumentParser is an argparse parser with `allow_abbrev` left on. Before argparse
it takes `_` for `-` in long options, and `--option.key value` for a key of a JSON option.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from ira_manifests.engine_options.table import (
    Kind,
    Table,
    UnknownReleaseError,
    table,
)
from ira_manifests.engine_options.values import merge
from ira_manifests.errors import one_of

_NEGATIVE_NUMBER = re.compile(r"-\d+|-\d*\.\d+")
_INVERSES = {"--enable-": "--disable-", "--disable-": "--enable-"}
_CLOSE = 0.75
# Kubernetes expands $(NAME) when the container starts: its value is not known here.
_EXPANDED_LATER = re.compile(r"\$\([^()]+\)")


class Reason(StrEnum):
    """What is wrong with an argument."""

    UNKNOWN = "unknown"
    AMBIGUOUS = "ambiguous"
    NO_VALUE = "no value"
    NEEDLESS_VALUE = "needless value"
    NOT_A_NUMBER = "not a number"
    NOT_AN_OPTION = "not an option"


@dataclass(frozen=True)
class FlagProblem:
    """An argument on which `vllm serve` exits.

    Attributes:
        index: its place in the arguments, from 0.
        argument: the argument as written.
        flag: its option, without a value.
        reason: what is wrong.
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


def unknown_flags(arguments: Sequence[str], version: str) -> list[UnknownFlag]:
    """Return the options that this release does not have; see `flag_problems`."""
    return [p for p in flag_problems(arguments, version) if isinstance(p, UnknownFlag)]


def flag_problems(arguments: Sequence[str], version: str) -> list[FlagProblem]:
    """Return what `vllm serve` of this release would refuse in its arguments, in their order.

    `arguments` are what follows `vllm serve`, the model included. A value that holds `$(NAME)` is
    taken to be right. The choices of an option, and the keys of a JSON option, are not checked.
    Raises UnknownReleaseError for a version outside the table, or for text that is no version.
    """
    return list(_problems(tuple(arguments), version))


@lru_cache(maxsize=1024)  # cells take their own values from variables, so their arguments recur
def _problems(arguments: tuple[str, ...], version: str) -> tuple[FlagProblem, ...]:
    known = table()
    return tuple(_Scan(arguments, version, known, known.place(version)).run())


def settings(arguments: Sequence[str], version: str) -> dict[str, str]:
    """Return what `vllm serve` of this release takes from its arguments: option -> text.

    Options have their full names: `-tp 8`, `--tensor_parallel_size=8` and the abbreviation
    `--tensor-parallel=8` are all {"--tensor-parallel-size": "8"}. Of several the last one wins;
    the model is "--model" wherever it stands, and a positional one wins. Switches are "true" or
    "false", so `--no-enforce-eager` is {"--enforce-eager": "false"}. Several values are joined by
    spaces, and keys of a JSON option (`--option.key=value`) by braces into its text. Values are
    as written: `human_readable_int` reads 128k, and `$(NAME)` is not expanded.

    A version outside the table is read as the newest one. Options that the release does not take,
    and those of a `--config` file, are not there.
    """
    return dict(_settings(tuple(arguments), version))


@lru_cache(maxsize=1024)
def _settings(arguments: tuple[str, ...], version: str) -> tuple[tuple[str, str], ...]:
    known = table()
    try:
        place = known.place(version)
    except UnknownReleaseError:
        place = len(known.releases) - 1
    scan = _Scan(arguments, version, known, place)
    scan.run()
    given = dict(scan.given)
    given |= {name: json.dumps(keys) for name, keys in scan.keys.items()}
    return tuple((given | ({"--model": scan.model} if scan.model is not None else {})).items())


class _Option(NamedTuple):
    """An argument as argparse reads it: the options it may mean, and the value after "="."""

    name: str
    meant: tuple[str, ...]
    value: str | None = None
    is_key: bool = False


class _Scan:
    """One pass over the arguments, as argparse makes it."""

    def __init__(self, arguments: Sequence[str], version: str, table: Table, place: int) -> None:
        self.arguments = arguments
        self.version = version
        self.table = table
        self.place = place
        self.kinds = table.kinds(place)
        self.has_dotted = table.takes_dotted_keys(place)
        self.problems: list[FlagProblem] = []
        self.given: list[tuple[str, str]] = []
        self.keys: dict[str, dict[str, Any]] = {}
        self.model: str | None = None
        self.next = 0
        self.models = 0
        self.bare = ""  # the option just before, where it takes no value

    def run(self) -> list[FlagProblem]:
        while self.next < len(self.arguments):
            index, self.next = self.next, self.next + 1
            if self.arguments[index] == "--":
                self._rest()
                break
            option = self._read(self.arguments[index])
            bare, self.bare = self.bare, ""
            if option is not None:
                self._option(index, option)
            else:
                self._positional(index, bare)
        return self.problems

    def _read(self, text: str) -> _Option | None:
        """Return the option that an argument is, or None for a value."""
        if not text.startswith("-") or text in {"-", "--"}:
            return None
        name, equals, value = text.partition("=")
        name = _dashed(name) if name.startswith("--") else name
        given = value if equals else None
        if self.has_dotted and "." in name and not _NEGATIVE_NUMBER.fullmatch(text):
            stem = name.partition(".")[0]
            return _Option(stem, self._meant(stem), given, is_key=True)
        if name in self.kinds:
            return _Option(name, (name,), given)
        if short := self._short(text):
            return short
        meant = self._meant(name)
        if not meant and (_NEGATIVE_NUMBER.fullmatch(text) or " " in text):
            return None
        return _Option(name, meant, given)

    def _short(self, text: str) -> _Option | None:
        """Return an option of one letter with its value behind it, as -O3."""
        name, value = text[:2], text[2:]
        return _Option(name, (name,), value) if name != "--" and name in self.kinds else None

    def _meant(self, name: str) -> tuple[str, ...]:
        if name in self.kinds:
            return (name,)
        return tuple(sorted(known for known in self.kinds if known.startswith(name)))

    def _positional(self, index: int, bare: str = "") -> None:
        """Take the first value that no option takes as the model, and no other one."""
        self.models += 1
        if self.models == 1:
            self.model = self.arguments[index]
        if self.models > 1 and bare:
            self._report(index, bare, Reason.NEEDLESS_VALUE)
        elif self.models > 1:
            self._report(index, self.arguments[index], Reason.NOT_AN_OPTION)

    def _rest(self) -> None:
        for index in range(self.next, len(self.arguments)):
            self._positional(index)

    def _option(self, index: int, option: _Option) -> None:
        match option.meant:
            case ():
                self._unknown(index, option)
            case (name,):
                self._known(index, option, self.kinds[name])
            case several:
                allowed = f"it may mean {one_of(several)}"
                self._report(index, option.name, Reason.AMBIGUOUS, allowed)
                self._skip_value(option)

    def _unknown(self, index: int, option: _Option) -> None:
        last, following = self.table.neighbours(option.name, self.place)
        close = _closest(option.name, self.kinds)
        self.problems.append(
            UnknownFlag(
                index=index,
                argument=self.arguments[index],
                flag=option.name,
                reason=Reason.UNKNOWN,
                message=_unknown_message(option.name, self.version, last, following, close),
                last_release=last,
                next_release=following,
                suggestion=close,
            )
        )
        self._skip_value(option)

    def _skip_value(self, option: _Option) -> None:
        """Leave out the value of an option that can't be judged, so that it's no model."""
        if option.value is None:
            self._take(1)

    def _known(self, index: int, option: _Option, kind: Kind) -> None:
        if option.is_key:
            self._key(index, option, kind)
        elif kind.is_bare:
            self.bare = option.name
            self._give(option.meant[0], "")
            if option.value is not None:
                self._report(index, option.name, Reason.NEEDLESS_VALUE)
        elif option.value is not None:
            self._give(option.meant[0], option.value)
            self._number(index, option.name, option.value, kind)
        else:
            self._following(index, option, kind)

    def _give(self, spelling: str, value: str) -> None:
        name, opposite = self.table.full_name(spelling, self.place)
        is_bare = self.kinds[spelling].is_bare
        self.given.append((name, ("false" if opposite else "true") if is_bare else value))

    def _key(self, index: int, option: _Option, kind: Kind) -> None:
        """Check `--option.key=value`, whose value may be any next argument."""
        if option.value is None:
            if self.next == len(self.arguments):
                self._report(index, option.name, Reason.NO_VALUE)
            self.next += 1
        name, _ = self.table.full_name(option.meant[0], self.place)
        value = option.value if option.value is not None else self.arguments[self.next - 1 :][:1]
        keys = _dashed(self.arguments[index]).partition("=")[0].split(".")[1:]
        merge(self.keys.setdefault(name, {}), keys, "".join(value))
        if kind.is_bare:
            self._report(index, option.name, Reason.NEEDLESS_VALUE)
        elif kind in {Kind.INT, Kind.FLOAT}:
            self._report(index, option.name, Reason.NOT_A_NUMBER)

    def _following(self, index: int, option: _Option, kind: Kind) -> None:
        taken = self._take(len(self.arguments) if kind is Kind.LIST else 1)
        if kind is Kind.JOINED:
            wanted = f"write {option.name}=VALUE, or the model as the first argument"
            self._report(index, option.name, Reason.NO_VALUE, wanted)
        elif not taken and kind is not Kind.OPTIONAL:
            self._report(index, option.name, Reason.NO_VALUE)
        elif not taken:
            self._give(option.meant[0], "true")
        else:
            self._give(option.meant[0], " ".join(taken))
            self._number(index, option.name, taken[0], kind)

    def _take(self, most: int) -> Sequence[str]:
        """Take the values that follow, up to the next option."""
        start = self.next
        while self.next < min(len(self.arguments), start + most):
            text = self.arguments[self.next]
            if text == "--" or self._read(text) is not None:
                break
            self.next += 1
        return self.arguments[start : self.next]

    def _number(self, index: int, name: str, value: str, kind: Kind) -> None:
        if kind in {Kind.INT, Kind.FLOAT} and not _is_number(value, kind):
            wanted = f"{value!r} is no {'integer' if kind is Kind.INT else 'number'}"
            self._report(index, name, Reason.NOT_A_NUMBER, wanted)

    def _report(self, index: int, flag: str, reason: Reason, detail: str = "") -> None:
        message = f"{flag}: {_MESSAGES[reason]}" + (f": {detail}" if detail else "")
        self.problems.append(FlagProblem(index, self.arguments[index], flag, reason, message))


_MESSAGES = {
    Reason.AMBIGUOUS: "more than one option begins so",
    Reason.NO_VALUE: "its value is missing",
    Reason.NEEDLESS_VALUE: "it takes no value",
    Reason.NOT_A_NUMBER: "its value must be a number",
    Reason.NOT_AN_OPTION: "neither an option nor an option's value, and the model is given already",
}


def _closest(name: str, known: Mapping[str, Kind]) -> str | None:
    """Return the option that says the same, or is nearly spelled so and says no opposite."""
    for prefix, inverse in _INVERSES.items():
        opposite = name.replace(prefix, inverse, 1)
        if name.startswith(prefix) and opposite in known:
            double = opposite.replace("--", "--no-", 1)
            return double if double in known else None
    import difflib  # for a message only

    dashes = "--" if name.startswith("--") else "-"
    alike = sorted(other for other in known if other.startswith(dashes))
    return next(iter(difflib.get_close_matches(name, alike, n=1, cutoff=_CLOSE)), None)


def _unknown_message(
    flag: str, version: str, last: str | None, following: str | None, close: str | None
) -> str:
    history = [f"last taken by {last}"] if last else []
    if following:
        history.append(f"taken again from {following}" if last else f"new in {following}")
    text = f"{flag} is unknown to vLLM {version}"
    text += f" ({', '.join(history)})" if history else ""
    return text + (f"; did you mean {close!r}?" if close else "")


def _dashed(name: str) -> str:
    """Return a long option with dashes for underscores, up to the first dot."""
    stem, dot, keys = name.partition(".")
    return stem.replace("_", "-") + dot + keys


def _is_number(text: str, kind: Kind) -> bool:
    # Options that may be unset take an empty value or None for that.
    if text in {"", "None"} or _EXPANDED_LATER.search(text):
        return True
    try:
        int(text) if kind is Kind.INT else float(text)
    except ValueError:
        return False
    return True
