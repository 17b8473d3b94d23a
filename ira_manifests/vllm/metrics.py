"""Names of the metrics that say how busy an engine is, by release.

Read in the sources of the releases from 0.8.4 to 0.33.0: vllm/engine/metrics.py of the first
engine, vllm/v1/metrics/loggers.py of the second. All are gauges at `PATH`.
"""

from __future__ import annotations

from types import MappingProxyType

from ira_manifests.vllm.release import Release

PATH = "/metrics"
"""The path at which the server serves its metrics, on its own port."""

# The last entry whose release is not after the engine's applies. Until 0.10.2 both engines have
# gpu_cache_usage_perc, and from 0.9.2 the second one also has kv_cache_usage_perc; from 0.11.0 the
# old name is hidden, and 0.12.0 has dropped it.
_NAMES = MappingProxyType(
    {
        "requests_waiting": (("0.8.4", "vllm:num_requests_waiting"),),
        "requests_running": (("0.8.4", "vllm:num_requests_running"),),
        "kv_cache_usage": (
            ("0.8.4", "vllm:gpu_cache_usage_perc"),
            ("0.11.0", "vllm:kv_cache_usage_perc"),
        ),
    }
)


def metric_name(metric: str, release: str) -> str:
    """Return the name of a metric in a release, such as "vllm:num_requests_waiting".

    `metric`: "requests_waiting", "requests_running" or "kv_cache_usage" (a share of 1).
    A candidate has its release's names. Raises UnknownReleaseError if the text is no version.
    """
    final = Release.parse(release).final
    first, *later = _NAMES[metric]
    name = first[1]
    for since, renamed in later:
        if Release.parse(since) <= final:
            name = renamed
    return name


def other_name(name: str, release: str) -> str:
    """Return the name that a release has for a metric that it no longer has; else nothing.

    A name that is hidden, but not dropped yet, and a name that is not in this table count as known.
    """
    final = Release.parse(release).final
    for names in _NAMES.values():
        for number, (_, each) in enumerate(names[:-1]):
            since, later = names[number + 1]
            dropped = _DROPPED.get(each, since)
            if each == name and Release.parse(dropped) <= final:
                return later
    return ""


_DROPPED = MappingProxyType({"vllm:gpu_cache_usage_perc": "0.12.0"})
