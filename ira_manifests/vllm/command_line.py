"""Finds arguments that `vllm serve` would refuse, by the rules of its own parser.

vLLM's FlexibleArgumentParser is an argparse parser with `allow_abbrev` left on. Before argparse
it takes `_` for `-` in long options, and `--option.key value` for a key of a JSON option.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from ira_manifests.errors import one_of
from ira_manifests.vllm.changes import ReleaseFacts, facts_of
from ira_manifests.vllm.option_values import Reason, human_readable_int, json_keys, merge, refused
from ira_manifests.vllm.options import (
    Kind,
    Table,
    table,
)
from ira_manifests.vllm.release import Release, UnknownReleaseError

_NEGATIVE_NUMBER = re.compile(r"-\d+|-\d*\.\d+")
_INVERSES = {"--enable-": "--disable-", "--disable-": "--enable-"}
_CLOSE = 0.75
_NOT_JUDGED = {Kind.FLAG, Kind.SWITCH, Kind.TOGGLE, Kind.LIST}
# Options that can add choices to another option when the server starts.
_PLUGINS = {
    "--tool-call-parser": ("--tool-parser-plugin",),
    "--reasoning-parser": ("--reasoning-parser-plugin",),
}
# vllm/platforms/cuda.py: physical ids, or UUIDs of GPUs and MIG instances.
_DEVICES = re.compile(r"\s*(?:\d+|(?:GPU|MIG)-[\w/-]+)(?:\s*,\s*(?:\d+|(?:GPU|MIG)-[\w/-]+))*\s*")
_ANY_CASE = {"--quantization", "--load-format"}
# Before 0.11.1 no field declares the bound, but the engine divides by it in memory profiling.
_BOUNDS = {"--max-num-seqs": ">=1"}
# vllm/entrypoints/openai/cli_args.py, validate_parsed_serve_args; 0.33: entrypoints/common.
_NEEDS = {"--enable-auto-tool-choice": "--tool-call-parser"}
# vllm/config/scheduler.py, SchedulerConfig: the first option is at most the second. The default of
# either depends on the GPU and on the other one.
_AT_MOST = (
    ("--max-num-seqs", "--max-num-batched-tokens"),
    ("--max-num-active-seqs", "--max-num-seqs"),
)
# vllm/config/model.py, _FLOAT16_NOT_SUPPORTED_MODELS.
_FLOAT16 = {"float16", "half"}
_NO_FLOAT16 = re.compile(r"gemma-[23](?=-|$)")


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


def unknown_flags(arguments: Sequence[str], version: str) -> list[UnknownFlag]:
    """Return the options that this release does not have; see `flag_problems`."""
    return [p for p in flag_problems(arguments, version) if isinstance(p, UnknownFlag)]


def flag_problems(
    arguments: Sequence[str], version: str, *, serve: bool = True
) -> list[FlagProblem]:
    """Return the arguments that `vllm serve` of this release would refuse, in order.

    `arguments` follow `vllm serve`, and include the model; with `serve=False`, they follow
    `python3 -m vllm.entrypoints.openai.api_server`, the image's entry point in old releases, which
    takes `--model X`. Problems that the engine finds when it starts are included: choices, bounds,
    names of parsers. A value that contains `$(NAME)` counts as valid; of a JSON option only keys
    with choices are checked, and no choices that a plugin on the command line may extend.
    Raises UnknownReleaseError for a version outside the table, or for text that is no version.
    """
    return list(_problems(tuple(arguments), version, serve))


@lru_cache(maxsize=1024)  # many cells have equal arguments, as their values are in variables
def _problems(
    arguments: tuple[str, ...],
    version: str,
    serve: bool,
) -> tuple[FlagProblem, ...]:
    known = table()
    scan = _Scan(arguments, version, known, known.place(version), serve=serve)
    return tuple(scan.run())


def settings(arguments: Sequence[str], version: str) -> dict[str, str]:
    """Return the settings that `vllm serve` of this release reads from its arguments, as text.

    Options have their full names: `-tp 8`, `--tensor_parallel_size=8` and the abbreviation
    `--tensor-parallel=8` are all {"--tensor-parallel-size": "8"}. The last of several wins. The
    model is "--model"; a positional one wins over the option. Switches are "true" or "false", so
    `--no-enforce-eager` is {"--enforce-eager": "false"}. Several values are joined by spaces, and
    the keys of a JSON option (`--option.key=value`) become one JSON text. Values are as written:
    `human_readable_int` reads 128k, and `$(NAME)` is not expanded.

    A version outside the table counts as the newest one. Options that the release does not have,
    and those of a `--config` file, are not included.
    """
    return dict(_read(tuple(arguments), version)[0])


def given_options(arguments: Sequence[str], version: str) -> tuple[tuple[str, int], ...]:
    """Return the full name of each option given, and the index of its argument, in their order.

    Names are those of `settings`, which has the last value of each.
    """
    return _read(tuple(arguments), version)[1]


@lru_cache(maxsize=1024)
def _read(
    arguments: tuple[str, ...], version: str
) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, int], ...]]:
    known = table()
    try:
        place = known.place(version)
    except UnknownReleaseError:
        place = len(known.releases) - 1
    scan = _Scan(arguments, version, known, place)
    scan.run()
    return tuple(scan.settings.items()), tuple(scan.named)


class _Option(NamedTuple):
    """An argument as argparse reads it: the options it may stand for, and the value after "="."""

    name: str
    meant: tuple[str, ...]
    value: str | None = None
    is_key: bool = False


class _Given(NamedTuple):
    """An option of the command line, by its full name, with its value or "true" or "false"."""

    place: int
    spelling: str
    name: str
    text: str
    kind: Kind


class _Scan:
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
        self.given: list[_Given] = []
        self.named: list[tuple[str, int]] = []
        self.keys: dict[str, dict[str, Any]] = {}
        self.model: str | None = None
        self.next = 0
        self.models = 0
        self.bare = ""  # the option just before, if it takes no value

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
        self._values()
        self._combinations()
        return sorted(self.problems, key=lambda problem: problem.index)

    def _read(self, text: str) -> _Option | None:
        """Parse an argument as an option; return None for a value."""
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
        """Parse a one-letter option with an attached value, such as -O3."""
        name, value = text[:2], text[2:]
        return _Option(name, (name,), value) if name != "--" and name in self.kinds else None

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
        """Skip the value of an unknown option, so that it does not count as the model."""
        if option.value is None:
            self._take(1)

    def _known(self, index: int, option: _Option, kind: Kind) -> None:
        self.named.append((self.table.full_name(option.meant[0], self.place)[0], index))
        if option.is_key:
            self._key(index, option, kind)
        elif kind.is_bare:
            self.bare = option.name
            self._give(index, option, "")
            if option.value is not None:
                self._report(index, option.name, Reason.NEEDLESS_VALUE)
        elif option.value is not None:
            self._give(index, option, option.value)
        else:
            self._following(index, option, kind)

    def _give(self, index: int, option: _Option, value: str) -> None:
        name, opposite = self.table.full_name(option.meant[0], self.place)
        kind = self.kinds[option.meant[0]]
        text = ("false" if opposite else "true") if kind.is_bare else value
        self.given.append(_Given(index, option.name, name, text, kind))

    def _key(self, index: int, option: _Option, kind: Kind) -> None:
        """Check `--option.key=value`; the value may be the next argument, whatever it is."""
        if option.value is None:
            if self.next == len(self.arguments):
                self._report(index, option.name, Reason.NO_VALUE)
            self.next += 1
        name, _ = self.table.full_name(option.meant[0], self.place)
        value = option.value if option.value is not None else self.arguments[self.next - 1 :][:1]
        keys = _dashed(self.arguments[index]).partition("=")[0].split(".")[1:]
        merge(self.keys.setdefault(name, {}), keys, "".join(value))
        self._value_of_key(index, option.name, ".".join([name, *keys]), "".join(value))
        if kind.is_bare:
            self._report(index, option.name, Reason.NEEDLESS_VALUE)
        elif kind in {Kind.INT, Kind.FLOAT}:
            self._report(index, option.name, Reason.NOT_A_NUMBER)

    def _following(self, index: int, option: _Option, kind: Kind) -> None:
        taken = self._take(len(self.arguments) if kind is Kind.LIST else 1)
        if kind is Kind.JOINED and self.serve:
            wanted = f"write the model as the first argument, or {option.name}=VALUE in one word"
            self._report(index, option.name, Reason.NOT_APART, wanted)
        elif not taken and kind is not Kind.OPTIONAL:
            self._report(index, option.name, Reason.NO_VALUE)
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

    def _values(self) -> None:
        """Report values that the release does not allow, once all options are known."""
        settings = self.settings
        for index, spelling, name, text, kind in self.given:
            if kind in _NOT_JUDGED or (kind is Kind.OPTIONAL and text == "true"):
                continue
            choices, bounds = self.table.allowed(name, self.place)
            if any(settings.get(plugin) for plugin in _PLUGINS.get(name, ())):
                choices = ()
            value = text.lower() if name in _ANY_CASE else text
            if name == "--device-ids" and not _DEVICES.fullmatch(text):
                self._report(index, spelling, Reason.NOT_ALLOWED, _ask_devices(spelling))
            if found := refused(value, kind, choices, bounds or _BOUNDS.get(name, "")):
                self._report(index, spelling, *found)
            elif kind is Kind.JSON:
                for key, of_key in json_keys(text).items():
                    self._value_of_key(index, spelling, f"{name}.{key}", of_key)

    def _value_of_key(self, index: int, spelling: str, name: str, value: object) -> None:
        """Report the value of a key of a JSON option that the release does not allow."""
        choices, _ = self.table.allowed(name, self.place)
        if isinstance(value, str) and (found := refused(value, Kind.VALUE, choices)):
            reason, message = found
            self._report(index, spelling, reason, f"{name.rpartition('.')[2]}: {message}")

    def _combinations(self) -> None:
        """Report options that the server refuses together, before or after it has parsed them."""
        settings = self.settings
        places = {given.name: given for given in self.given}
        for option, needed in _NEEDS.items():
            if settings.get(option) == "true" and not settings.get(needed):
                found = places[option]
                self._report(found.place, found.spelling, Reason.NEEDS_ANOTHER, f"add {needed}=…")
        for low, high in _AT_MOST:
            if low in places and high in places:
                self._at_most(places[low], places[high])
        dtype = places.get("--dtype")
        if dtype and dtype.text in _FLOAT16 and self._facts.refuses_float16:
            name = (settings.get("--model") or "").rpartition("/")[2].lower()
            if family := _NO_FLOAT16.match(name):
                detail = f"{family[0]} models overflow in float16; use bfloat16, float32 or auto"
                self._report(dtype.place, dtype.spelling, Reason.NOT_ALLOWED, detail)

    @property
    def _facts(self) -> ReleaseFacts:
        return facts_of(Release.parse(self.table.releases[self.place]))

    def _at_most(self, low: _Given, high: _Given) -> None:
        """Report two numbers in the wrong order, at the later option."""
        try:
            most, least = human_readable_int(high.text), human_readable_int(low.text)
        except ValueError:
            return
        if least > most:
            detail = f"{low.name} {least} is more than {high.name} {most}"
            later = max(low, high)
            self._report(later.place, later.spelling, Reason.NOT_ALLOWED, detail)

    @property
    def settings(self) -> dict[str, str]:
        """The options with their last values, as `settings` gives them."""
        found = {given.name: given.text for given in self.given}
        found |= {name: json.dumps(keys) for name, keys in self.keys.items()}
        return found if self.model is None else found | {"--model": self.model}

    def _report(self, index: int, flag: str, reason: Reason, detail: str = "") -> None:
        message = f"{flag}: {_MESSAGES[reason]}" + (f": {detail}" if detail else "")
        self.problems.append(FlagProblem(index, self.arguments[index], flag, reason, message))


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


def _ask_devices(spelling: str) -> str:
    short = "" if spelling == "--device-ids" else "it is short for --device-ids here; "
    return f"{short}write ids of GPUs such as 0,1"


def _closest(name: str, known: Mapping[str, Kind]) -> str | None:
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
    """Return a long option with dashes in place of underscores up to the first dot."""
    stem, dot, keys = name.partition(".")
    return stem.replace("_", "-") + dot + keys
