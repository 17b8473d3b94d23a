"""The options of each vLLM release, from options.json, which is read once on first use."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

from ira_manifests.vllm import release_table
from ira_manifests.vllm.release import Release, UnknownReleaseError
from ira_manifests.vllm.release_table import Run, runs_of, texts_at

FILE = "options.json"

_INVERSES = (("--enable-", "--disable-"), ("--disable-", "--enable-"))


class Kind(StrEnum):
    """The value that an option takes on the command line."""

    FLAG = "flag"  # nothing
    SWITCH = "switch"  # nothing; --no-… is its opposite
    TOGGLE = "toggle"  # a switch for which --enable-… and --disable-… are opposites too
    INT = "int"
    FLOAT = "float"
    SIZE = "size"  # an int, or a number with a suffix: 128k
    SIZE_OR_AUTO = "size or auto"
    JSON = "json"
    JSON_OR_TEXT = "json or text"  # a text in braces is JSON
    VALUE = "value"
    LIST = "list"  # one value or more
    OPTIONAL = "optional"  # one value or none
    JOINED = "joined"  # a value, only after "="

    @property
    def is_bare(self) -> bool:
        """Return whether the option takes no value."""
        return self in {Kind.FLAG, Kind.SWITCH, Kind.TOGGLE}


class Span(NamedTuple):
    """A range of releases, as positions in the table, in which an option has one kind."""

    kind: Kind
    first: int
    last: int

    def covers(self, place: int) -> bool:
        """Return whether the release at this position is in the range."""
        return self.first <= place <= self.last


@dataclass(frozen=True)
class Table:
    """The content of options.json, by the names under which options are registered.

    Attributes:
        aliases: `-tp` -> `--tensor-parallel-size`.
        choices: `--dtype auto` -> "taken", for each choice of an option.
        bounds: `--max-num-seqs` -> `>=1`; several bounds are separated by a space.
    """

    releases: tuple[str, ...]
    registered: Mapping[str, tuple[Span, ...]]
    dotted: tuple[Span, ...]
    aliases: Mapping[str, tuple[Run, ...]]
    choices: Mapping[str, tuple[Run, ...]]
    bounds: Mapping[str, tuple[Run, ...]]

    @cached_property
    def spelled(self) -> Mapping[str, tuple[Span, ...]]:
        """Return the spans of every spelling, including those such as `--no-enforce-eager`."""
        found: dict[str, tuple[Span, ...]] = {}
        for name, spans in self.registered.items():
            for span in spans:
                for spelling in _spellings(name, span.kind):
                    kind = span.kind if spelling == name else Kind.FLAG
                    found[spelling] = (*found.get(spelling, ()), span._replace(kind=kind))
        return found

    def place(self, version: str) -> int:
        """Return the position of a version; builds of one release (`+cu129`) share it.

        Raises UnknownReleaseError for a version that is not in the table, even one between two
        others or a candidate of a release in the table, and for text that is no version.
        """
        release = Release.parse(version)
        place = self._places.get(release)
        if place is None:
            raise UnknownReleaseError(
                f"the options of vLLM {version} are unknown: {self._why_unknown(release)}"
            )
        return place

    def place_before(self, version: str) -> int | None:
        """Return the place of a version, else of the last one before it; None before all.

        Raises UnknownReleaseError for text that is no version.
        """
        release = Release.parse(version)
        return max((at for known, at in self._places.items() if known <= release), default=None)

    def _why_unknown(self, release: Release) -> str:
        before = [text for known, text in zip(self._places, self.releases, strict=True)
                  if known < release]  # fmt: skip
        if before and len(before) < len(self.releases):
            return (
                f"it is between two known releases, {before[-1]} and {self.releases[len(before)]}"
            )
        return f"the table holds releases from {self.releases[0]} to {self.releases[-1]}"

    @cached_property
    def _places(self) -> Mapping[Release, int]:
        return {Release.parse(release): place for place, release in enumerate(self.releases)}

    @cached_property
    def _kinds(self) -> dict[int, Mapping[str, Kind]]:
        return {}

    def kinds(self, place: int) -> Mapping[str, Kind]:
        """Return the options of one release, with their kinds; cached, for a fleet has few."""
        if place not in self._kinds:
            self._kinds[place] = kinds_at(self.spelled, place)
        return self._kinds[place]

    def takes_dotted_keys(self, place: int) -> bool:
        """Return whether `--option.key value` is a key of a JSON option."""
        return any(span.covers(place) for span in self.dotted)

    def full_name(self, spelling: str, place: int) -> tuple[str, bool]:
        """Return the option that a spelling stands for, and whether it negates the option.

        `-tp` is `--tensor-parallel-size`; `--no-enforce-eager` negates `--enforce-eager`.
        """
        if place not in self._full_names:
            self._full_names[place] = self._names_at(place)
        return self._full_names[place].get(spelling, (spelling, False))

    @cached_property
    def _full_names(self) -> dict[int, Mapping[str, tuple[str, bool]]]:
        return {}

    def _names_at(self, place: int) -> dict[str, tuple[str, bool]]:
        found: dict[str, tuple[str, bool]] = {}
        aliases = texts_at(self.aliases, place)
        for name, kind in kinds_at(self.registered, place).items():
            full = aliases.get(name, name)
            registered, *opposites = _spellings(name, kind)
            found[registered] = (full, False)
            found.update(dict.fromkeys(opposites, (full, True)))
        return found

    def allowed(self, name: str, place: int) -> tuple[tuple[str, ...], str]:
        """Return an option's choices in one release (empty for any value), and its bounds."""
        if place not in self._allowed:
            choices: dict[str, tuple[str, ...]] = {}
            for key in texts_at(self.choices, place):
                option, _, choice = key.partition(" ")
                choices[option] = (*choices.get(option, ()), choice)
            self._allowed[place] = (choices, texts_at(self.bounds, place))
        of_release, bounds = self._allowed[place]
        return of_release.get(name, ()), bounds.get(name, "")

    @cached_property
    def _allowed(self) -> dict[int, tuple[dict[str, tuple[str, ...]], dict[str, str]]]:
        return {}

    def neighbours(self, name: str, place: int) -> tuple[str | None, str | None]:
        """Return the last release before this one that has the option, and the first after it."""
        spans = self.spelled.get(name, ())
        before = [span.last for span in spans if span.last < place]
        after = [span.first for span in spans if span.first > place]
        return (
            self.releases[max(before)] if before else None,
            self.releases[min(after)] if after else None,
        )


def kinds_at(spans: Mapping[str, tuple[Span, ...]], place: int) -> dict[str, Kind]:
    """Return the options of one release, with their kinds."""
    return {name: s.kind for name, listed in spans.items() for s in listed if s.covers(place)}


def releases() -> tuple[str, ...]:
    """Return the vLLM releases in the table, oldest first."""
    return table().releases


def option_strings(version: str) -> frozenset[str]:
    """Return every option string of `vllm serve`: `--port`, `-tp`, `--no-enforce-eager`, ...

    Raises UnknownReleaseError for a version outside the table, or for text that is no version.
    """
    known = table()
    return frozenset(known.kinds(known.place(version)))


def is_likely(spelling: str, version: str) -> bool:
    """Return whether a release takes an option; one that was not read, as the last before it.

    Raises UnknownReleaseError for text that is no version.
    """
    known = table()
    place = known.place_before(version)
    return place is not None and spelling in known.kinds(place)


def first_with(spelling: str) -> str:
    """Return the first release that has an option. Raises `KeyError` if none has it."""
    known = table()
    return known.releases[min(span.first for span in known.spelled[spelling])]


@lru_cache(maxsize=1)
def table() -> Table:
    """Return the table that this package ships."""
    return decode(Path(__file__).with_name(FILE).read_text("utf-8"))


def decode(text: str) -> Table:
    """Parse the text of a table, which `tools.vllm_options` writes."""
    data = json.loads(text)
    known: tuple[str, ...] = tuple(data["releases"])
    registered = {name: _spans(listed, known) for name, listed in data["options"].items()}
    sections = (runs_of(data[section], known) for section in ("aliases", "choices", "bounds"))
    return Table(known, registered, _spans(data["dotted"], known), *sections)


def _spans(listed: Sequence[str], known: Sequence[str]) -> tuple[Span, ...]:
    return tuple(_span(text, known) for text in listed)


def _span(text: str, known: Sequence[str]) -> Span:
    """Parse `int 0.8.4-0.16.0`; an open end means the newest release of the table."""
    kind, between = release_table.split(text)
    return Span(Kind(kind), *release_table.between(between, known))


def _spellings(name: str, kind: Kind) -> tuple[str, ...]:
    """Return an option and its opposites, as argparse registers them.

    BooleanOptionalAction adds `--no-x` to `--x`; since 0.33.0 vLLM's own subclass of it adds
    `--disable-x` to `--enable-x`, and the reverse.
    """
    if kind not in {Kind.SWITCH, Kind.TOGGLE} or not name.startswith("--"):
        return (name,)
    pairs = _INVERSES if kind is Kind.TOGGLE else ()
    inverses = [new + name.removeprefix(old) for old, new in pairs if name.startswith(old)]
    return (name, f"--no-{name.removeprefix('--')}", *inverses)
