"""What differs between two releases of vLLM, whatever the cells are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ira_manifests.vllm import Release, UnknownReleaseError, metrics
from ira_manifests.vllm.changes import facts_of
from ira_manifests.vllm.defaults import defaults
from ira_manifests.vllm.options import table

RENAMED, GONE, HIDDEN = "renamed", "gone", "hidden"

# With any of these, an option is as if it was not given.
_NOTHING: tuple[Any, ...] = (None, "", [], {})
_ENABLE, _DISABLE = "--enable-", "--disable-"


@dataclass(frozen=True)
class Moved:
    """An option whose default is another. None: the server decides when it starts."""

    option: str
    old: Any
    new: Any

    @property
    def is_judged(self) -> bool:
        """Whether both defaults are known: that of a server that decides may be the same."""
        return self.old is not None and self.new is not None


@dataclass(frozen=True)
class Metric:
    """A metric that the new release does not show as the old one did.

    Attributes:
        name: in the old release, as Prometheus reads it.
        change: "renamed", "gone", or "hidden": shown with --show-hidden-metrics-for-version alone.
        now: the metric to use instead; empty if none is known.
        is_first_engines: whether only the first engine, before V1, had it.
    """

    name: str
    change: str
    now: str = ""
    is_first_engines: bool = False


@dataclass(frozen=True)
class Releases:
    """The differences of two releases. Either may be the newer one.

    Attributes:
        unknown: why options, defaults and metrics are not compared; empty if they are.
        new_options, gone_options: by their full names.
        renamed_options: the old name, which is still taken, and the one that it stands for.
        moved: defaults, also of options that cells set.
        metrics: those of the old release that are not shown as before.
        new_metrics: those that the new release shows besides.
    """

    old: str
    new: str
    unknown: str = ""
    new_options: tuple[str, ...] = ()
    gone_options: tuple[str, ...] = ()
    renamed_options: tuple[tuple[str, str], ...] = ()
    moved: tuple[Moved, ...] = ()
    metrics: tuple[Metric, ...] = ()
    new_metrics: tuple[str, ...] = ()

    @property
    def entry(self) -> tuple[str, str] | None:
        """What vLLM's own image starts by itself, before and after; None if it is not known."""
        if self.unknown:
            return None
        old, new = (facts_of(Release.parse(each)).entry for each in (self.old, self.new))
        return old, new

    @property
    def is_downgrade(self) -> bool:
        """Whether the new release is the older one."""
        return Release.parse(self.new) < Release.parse(self.old)


def compare(old: str, new: str) -> Releases:
    """Return what differs between two releases; of unknown ones only that they are not judged."""
    try:
        names = _Names(old, new)
        return Releases(
            old,
            new,
            new_options=tuple(sorted(names.after - names.before - {*names.renamed.values()})),
            gone_options=tuple(sorted(names.gone)),
            renamed_options=tuple(sorted(names.renamed.items())),
            moved=tuple(_moved(names, old, new)),
            metrics=tuple(_metrics(old, new)),
            new_metrics=tuple(sorted(_shown(new).keys() - _shown(old).keys())),
        )
    except UnknownReleaseError as error:
        return Releases(old, new, unknown=str(error))


class _Names:
    """The options of both releases by their full names.

    Raises UnknownReleaseError for a release outside the table.
    """

    def __init__(self, old: str, new: str) -> None:
        known, places = table(), [table().place(each) for each in (old, new)]
        self.before, self.after = (
            {name for name in known.kinds(place) if known.full_name(name, place) == (name, False)}
            for place in places
        )
        taken = known.kinds(places[1])
        lacking = self.before - self.after
        found = {name: known.full_name(name, places[1]) for name in lacking if name in taken}
        self.renamed = {
            old: new.replace("--", "--no-", 1) if negates else new
            for old, (new, negates) in found.items()
        }
        self.gone = {name for name in lacking - self.renamed.keys() if name.startswith("--")}


def _moved(names: _Names, old: str, new: str) -> Iterator[Moved]:
    before, after = defaults(old), defaults(new)
    for option in sorted(before.keys() & names.before):
        now, value = names.renamed.get(option, option), before[option]
        if now not in after and isinstance(value, bool) and _opposite(option) not in before:
            now, value = _opposite(option), not value
        if now not in after or value == after[now]:
            continue
        if value not in _NOTHING or after[now] not in _NOTHING:
            yield Moved(now, value, after[now])


def _opposite(option: str) -> str:
    """Return the switch that may have taken the place of another: of --disable-a, --enable-a."""
    for prefix, opposite in (_ENABLE, _DISABLE), (_DISABLE, _ENABLE):
        if option.startswith(prefix):
            return opposite + option.removeprefix(prefix)
    return option


def _metrics(old: str, new: str) -> Iterator[Metric]:
    before, after = metrics.metrics(old), metrics.metrics(new)
    replaced = dict(_replaced(before, after, old, new))
    for name in sorted(_shown(old)):
        first = before[name].is_first_engines and name not in after
        if name in after and after[name].is_hidden:
            yield Metric(name, HIDDEN, after[name].replaced_by)
        elif name not in after:
            now = replaced.get(name, "")
            yield Metric(name, RENAMED if now else GONE, now, first)


def _replaced(
    before: Mapping[str, metrics.Metric], after: Mapping[str, metrics.Metric], old: str, new: str
) -> Iterator[tuple[str, str]]:
    """Yield the old names of metrics with their new ones; of an older release the reverse."""
    for name in before.keys() - after.keys():
        if now := metrics.other_name(name, new):
            yield name, now
    for earlier in after.keys() - before.keys():
        if later := metrics.other_name(earlier, old):
            yield later, earlier


def _shown(release: str) -> dict[str, metrics.Metric]:
    every = metrics.metrics(release)
    return {name: metric for name, metric in every.items() if not metric.is_hidden}
