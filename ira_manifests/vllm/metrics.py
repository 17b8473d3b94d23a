"""The metrics of the server by release, from metrics.json, which is read on first use.

Read in the sources of the releases: vllm/engine/metrics.py of the first engine,
vllm/v1/metrics/loggers.py and others of the second. They are served at `PATH`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from ira_manifests.vllm import release_table
from ira_manifests.vllm.options import table
from ira_manifests.vllm.release import Release
from ira_manifests.vllm.release_table import ReleaseTable, texts_at

PATH = "/metrics"
"""The path at which the server serves its metrics, on its own port."""

FILE = "metrics.json"
SECTION = "metrics"
FIRST_ENGINE, HIDDEN = "first", "hidden"
"""Words of the table: only the first engine has a metric, or `--show-hidden-metrics-for-version`
shows it."""

# The names of each metric that autoscalers act on, the oldest first. In some releases the second
# engine has two of them, and the first one only the older.
_NAMES = MappingProxyType(
    {
        "requests_waiting": ("vllm:num_requests_waiting",),
        "requests_running": ("vllm:num_requests_running",),
        "kv_cache_usage": ("vllm:gpu_cache_usage_perc", "vllm:kv_cache_usage_perc"),
    }
)


@dataclass(frozen=True)
class Metric:
    """A metric of a release, under the name that Prometheus reads.

    Attributes:
        kind: gauge, counter or histogram.
        is_first_engines: whether only the first engine, before V1, has it.
        is_hidden: whether the server shows it only with `--show-hidden-metrics-for-version`.
        replaced_by: the metric that the release says to use instead; empty if it names none.
    """

    kind: str
    is_first_engines: bool = False
    is_hidden: bool = False
    replaced_by: str = ""


def metrics(version: str) -> dict[str, Metric]:
    """Return the metrics of a release by name, without those of connectors of the KV cache.

    Raises UnknownReleaseError for a version outside the table, or for text that is no version.
    """
    return _at(table().place(version))


def metric_name(metric: str, release: str) -> str:
    """Return the name of a metric in a release, such as "vllm:num_requests_waiting".

    `metric`: "requests_waiting", "requests_running" or "kv_cache_usage" (a share of 1); all are
    gauges. A release that was not read has the names of the last one before it, and a candidate
    those of its release. Raises UnknownReleaseError if the text is no version.
    """
    served = _at(_place(release))
    shown = (name for name in _NAMES[metric] if name in served and not served[name].is_hidden)
    return next(shown, _NAMES[metric][0])


def other_name(name: str, release: str) -> str:
    """Return the name that a release has for a metric that it no longer has; else nothing.

    A name that is hidden, but not dropped yet, and a name that is not in the table count as known.
    """
    place = _place(release)
    served = _at(place)
    seen: set[str] = set()
    while name not in served and name not in seen:
        seen.add(name)
        name = _replacement(name, place)
    return name if seen and name in served else ""


def _replacement(name: str, place: int) -> str:
    """Return what the last release that has a metric says to use instead."""
    before = [run for run in _table().runs.get(name, ()) if run.last < place]
    return _metric(before[-1].text).replaced_by if before else ""


def _place(release: str) -> int:
    return table().place_before(str(Release.parse(release).final)) or 0


@cache
def _at(place: int) -> dict[str, Metric]:
    return {name: _metric(text) for name, text in texts_at(_table().runs, place).items()}


def _metric(text: str) -> Metric:
    """Parse `gauge hidden vllm:kv_cache_usage_perc`."""
    kind, *words = text.split()
    names = [word for word in words if word not in (FIRST_ENGINE, HIDDEN)]
    return Metric(kind, FIRST_ENGINE in words, HIDDEN in words, "".join(names))


@cache
def _table() -> ReleaseTable:
    return release_table.read(FILE, SECTION)
