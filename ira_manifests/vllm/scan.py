"""One pass over the arguments of `vllm serve`, as its own parser makes it.

vLLM's FlexibleArgumentParser is an argparse parser with `allow_abbrev` left on. Before argparse
it takes `_` for `-` in long options, and `--option.key value` for a key of a JSON option.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from ira_manifests.errors import one_of
from ira_manifests.vllm.flag_problems import (
    FlagProblem,
    UnknownFlag,
    closest,
    message_of,
    unknown_message,
)
from ira_manifests.vllm.option_values import Reason, merge, refused
from ira_manifests.vllm.options import Kind, Table

_NEGATIVE_NUMBER = re.compile(r"-\d+|-\d*\.\d+")


class Option(NamedTuple):
    """An argument as argparse reads it: the options it may stand for, and the value after "="."""

    name: str
    meant: tuple[str, ...]
    value: str | None = None
    is_key: bool = False


class Given(NamedTuple):
    """An option of the command line, by its full name, with its value or "true" or "false"."""

    place: int
    spelling: str
    name: str
    text: str
    kind: Kind


class Scan:
    """One pass over the arguments, as argparse makes it."""

    def __init__(
        self,
        arguments: Sequence[str],
        version: str,
        table: Table,
        place: int,
        *,
        serve: bool = False,
    ) -> None:
        self.serve = serve
        self.arguments = arguments
        self.version = version
        self.table = table
        self.place = place
        self.kinds = table.kinds(place)
        self.has_dotted = table.takes_dotted_keys(place)
        self.problems: list[FlagProblem] = []
        self.given: list[Given] = []
        self.named: list[tuple[str, int]] = []
        self.keys: dict[str, dict[str, Any]] = {}
        self.model: str | None = None
        self.next = 0
        self.models = 0
        self.bare = ""  # the option just before, if it takes no value

    def run(self) -> None:
        """Read all arguments."""
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

    def _read(self, text: str) -> Option | None:
        """Parse an argument as an option; return None for a value."""
        if not text.startswith("-") or text in {"-", "--"}:
            return None
        name, equals, value = text.partition("=")
        name = _dashed(name) if name.startswith("--") else name
        given = value if equals else None
        if self.has_dotted and "." in name and not _NEGATIVE_NUMBER.fullmatch(text):
            stem = name.partition(".")[0]
            return Option(stem, self._meant(stem), given, is_key=True)
        if name in self.kinds:
            return Option(name, (name,), given)
        if short := self._short(text):
            return short
        meant = self._meant(name)
        if not meant and (_NEGATIVE_NUMBER.fullmatch(text) or " " in text):
            return None
        return Option(name, meant, given)

    def _short(self, text: str) -> Option | None:
        """Parse a one-letter option with an attached value, such as -O3."""
        name, value = text[:2], text[2:]
        return Option(name, (name,), value) if name != "--" and name in self.kinds else None

    def _meant(self, name: str) -> tuple[str, ...]:
        if name in self.kinds:
            return (name,)
        return tuple(sorted(known for known in self.kinds if known.startswith(name)))

    def _positional(self, index: int, bare: str = "") -> None:
        """Take the first positional argument as the model, and report any other."""
        self.models += 1
        if self.models == 1:
            self.model = self.arguments[index]
        if self.models > 1 and bare:
            self.report(index, bare, Reason.NEEDLESS_VALUE)
        elif self.models > 1:
            self.report(index, self.arguments[index], Reason.NOT_AN_OPTION)

    def _rest(self) -> None:
        for index in range(self.next, len(self.arguments)):
            self._positional(index)

    def _option(self, index: int, option: Option) -> None:
        match option.meant:
            case ():
                self._unknown(index, option)
            case (name,):
                self._known(index, option, self.kinds[name])
            case several:
                allowed = f"it may mean {one_of(several)}"
                self.report(index, option.name, Reason.AMBIGUOUS, allowed)
                self._skip_value(option)

    def _unknown(self, index: int, option: Option) -> None:
        last, following = self.table.neighbours(option.name, self.place)
        close = closest(option.name, self.kinds)
        self.problems.append(
            UnknownFlag(
                index=index,
                argument=self.arguments[index],
                flag=option.name,
                reason=Reason.UNKNOWN,
                message=unknown_message(option.name, self.version, last, following, close),
                last_release=last,
                next_release=following,
                suggestion=close,
            )
        )
        self._skip_value(option)

    def _skip_value(self, option: Option) -> None:
        """Skip the value of an unknown option, so that it does not count as the model."""
        if option.value is None:
            self._take(1)

    def _known(self, index: int, option: Option, kind: Kind) -> None:
        self.named.append((self.table.full_name(option.meant[0], self.place)[0], index))
        if option.is_key:
            self._key(index, option, kind)
        elif kind.is_bare:
            self.bare = option.name
            self._give(index, option, "")
            if option.value is not None:
                self.report(index, option.name, Reason.NEEDLESS_VALUE)
        elif option.value is not None:
            self._give(index, option, option.value)
        else:
            self._following(index, option, kind)

    def _give(self, index: int, option: Option, value: str) -> None:
        name, opposite = self.table.full_name(option.meant[0], self.place)
        kind = self.kinds[option.meant[0]]
        text = ("false" if opposite else "true") if kind.is_bare else value
        self.given.append(Given(index, option.name, name, text, kind))

    def _key(self, index: int, option: Option, kind: Kind) -> None:
        """Check `--option.key=value`; the value may be the next argument, whatever it is."""
        if option.value is None:
            if self.next == len(self.arguments):
                self.report(index, option.name, Reason.NO_VALUE)
            self.next += 1
        name, _ = self.table.full_name(option.meant[0], self.place)
        value = option.value if option.value is not None else self.arguments[self.next - 1 :][:1]
        keys = _dashed(self.arguments[index]).partition("=")[0].split(".")[1:]
        merge(self.keys.setdefault(name, {}), keys, "".join(value))
        self.value_of_key(index, option.name, ".".join([name, *keys]), "".join(value))
        if kind.is_bare:
            self.report(index, option.name, Reason.NEEDLESS_VALUE)
        elif kind in {Kind.INT, Kind.FLOAT}:
            self.report(index, option.name, Reason.NOT_A_NUMBER)

    def _following(self, index: int, option: Option, kind: Kind) -> None:
        taken = self._take(len(self.arguments) if kind is Kind.LIST else 1)
        if kind is Kind.JOINED and self.serve:
            wanted = f"write the model as the first argument, or {option.name}=VALUE in one word"
            self.report(index, option.name, Reason.NOT_APART, wanted)
        elif not taken and kind is not Kind.OPTIONAL:
            self.report(index, option.name, Reason.NO_VALUE)
        elif not taken:
            self._give(index, option, "true")
        else:
            self._give(index, option, " ".join(taken))

    def _take(self, most: int) -> Sequence[str]:
        """Take at most `most` values that follow, up to the next option."""
        start = self.next
        while self.next < min(len(self.arguments), start + most):
            text = self.arguments[self.next]
            if text == "--" or self._read(text) is not None:
                break
            self.next += 1
        return self.arguments[start : self.next]

    def value_of_key(self, index: int, spelling: str, name: str, value: object) -> None:
        """Report the value of a key of a JSON option that the release does not allow."""
        choices, _ = self.table.allowed(name, self.place)
        if isinstance(value, str) and (found := refused(value, Kind.VALUE, choices)):
            reason, message = found
            self.report(index, spelling, reason, f"{name.rpartition('.')[2]}: {message}")

    @property
    def settings(self) -> dict[str, str]:
        """The options with their last values, as `settings` gives them."""
        found = {given.name: given.text for given in self.given}
        found |= {name: json.dumps(keys) for name, keys in self.keys.items()}
        return found if self.model is None else found | {"--model": self.model}

    def report(self, index: int, flag: str, reason: Reason, detail: str = "") -> None:
        """Note a problem of an option, at the index of its argument."""
        message = message_of(flag, reason, detail)
        self.problems.append(FlagProblem(index, self.arguments[index], flag, reason, message))


def _dashed(name: str) -> str:
    """Return a long option with dashes in place of underscores up to the first dot."""
    stem, dot, keys = name.partition(".")
    return stem.replace("_", "-") + dot + keys
