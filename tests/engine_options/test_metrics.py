"""The table of metrics by release, against vLLM's pull requests and a published source."""

from __future__ import annotations

import pytest

from ira_manifests.vllm import UnknownReleaseError, releases
from ira_manifests.vllm.metrics import SECTION, Metric, metric_name, metrics, other_name
from tools.vllm_metrics import TABLE, read
from tools.vllm_shapes import ExtractionError
from tools.vllm_source import Source, fetch
from tools.vllm_table import stored

OLD, NEW = "vllm:gpu_cache_usage_perc", "vllm:kv_cache_usage_perc"
TPOT, ITL = "vllm:time_per_output_token_seconds", "vllm:inter_token_latency_seconds"


# https://github.com/vllm-project/vllm/pull/18354 deprecates the old names, from 0.11.0 they are
# hidden, and https://github.com/vllm-project/vllm/pull/29330 removes them in 0.12.0.
@pytest.mark.parametrize(
    ("release", "found"),
    [
        ("0.8.5", Metric("gauge")),
        ("0.9.2", Metric("gauge", replaced_by=NEW)),
        ("0.11.0", Metric("gauge", is_hidden=True, replaced_by=NEW)),
        ("0.12.0", None),
    ],
)
def test_a_metric_is_deprecated_then_hidden_then_gone(release: str, found: Metric | None) -> None:
    assert metrics(release).get(OLD) == found
    assert (NEW in metrics(release)) == (release != "0.8.5")


# https://github.com/vllm-project/vllm/pull/24110 and 32661.
def test_a_histogram_was_renamed_too() -> None:
    assert metrics("0.10.2")[TPOT] == Metric("histogram", replaced_by=ITL)
    assert metrics("0.12.0")[TPOT].is_hidden
    assert other_name(TPOT, "0.14.0") == ""
    assert other_name(TPOT, "0.15.0") == ITL


def test_a_counter_has_the_ending_that_its_client_adds() -> None:
    hits = "vllm:gpu_prefix_cache_hits_total"
    assert metrics("0.9.2")[hits] == Metric("counter", replaced_by="vllm:prefix_cache_hits_total")
    assert other_name(hits, "0.33.0") == "vllm:prefix_cache_hits_total"


# https://github.com/vllm-project/vllm/pull/14136: of the first engine alone, and hidden.
def test_a_metric_of_the_first_engine_goes_with_it() -> None:
    swapped = "vllm:num_requests_swapped"
    assert metrics("0.8.5")[swapped] == Metric("gauge", is_first_engines=True, is_hidden=True)
    assert not any(metric.is_first_engines for metric in metrics("0.11.0").values())


def test_a_name_that_no_release_had_is_left_alone() -> None:
    assert other_name("vllm:made_up", "0.33.0") == ""
    assert other_name(NEW, "0.8.5") == ""


@pytest.mark.parametrize(
    ("release", "name"),
    # Until 0.10.2 both engines have the old name, and only the second one has the new name too.
    [("0.9.2", OLD), ("0.10.2", OLD), ("0.11.0", NEW), ("0.27.0rc1", NEW), ("0.99.0", NEW)],
)
def test_the_metric_of_an_autoscaler_is_one_that_the_release_shows(release: str, name: str) -> None:
    assert metric_name("kv_cache_usage", release) == name


def test_an_unknown_release_has_no_metrics() -> None:
    with pytest.raises(UnknownReleaseError):
        metrics("0.99.0")


def test_the_table_holds_the_releases_of_the_options() -> None:
    assert tuple(stored(TABLE.file.read_text("utf-8"), SECTION)) == releases()


FIRST = """
class Metrics:
    def __init__(self, labelnames):
        self.both = self._gauge_cls(name="vllm:both", documentation="Both.")
        if self.show_hidden_metrics:
            self.swapped = self._gauge_cls(name="vllm:swapped", documentation="Swapped.")
"""
SECOND = """
from prometheus_client import Counter, Gauge

_NAME = "vllm:named"
_named = Counter(name=_NAME, documentation="Named.")

class Logger:
    def __init__(self):
        self.both = Gauge(name="vllm:both", documentation="Both.")
        if self.show_hidden_metrics:
            old = self._counter_cls(
                name="vllm:old",
                documentation=("Old. "
                               "DEPRECATED: Use vllm:new instead."))
        else:
            shown = self._gauge_cls(name="vllm:shown", documentation="Shown.")
        new = self._counter_cls(name="vllm:new", documentation="New.")

    def info(self):
        name = "vllm:info"
        return self._gauge_cls(name=name, documentation="Info.")

    def several(self):
        specs = [("vllm:one", "One of them."), ("vllm:two", "Two of them.")]
        return [self._histogram_cls(name=name, documentation=doc) for name, doc in specs]
"""


def made_up(second: str = SECOND, engine: str = "class LLMEngine: pass") -> Source:
    files = {
        "vllm/engine/llm_engine.py": engine,
        "vllm/engine/metrics.py": FIRST,
        "vllm/v1/metrics/loggers.py": second,
    }
    return Source("1.0.0", files)


def test_the_metrics_of_both_engines_are_read() -> None:
    assert read(made_up()) == {
        "vllm:named_total": "counter",
        "vllm:both": "gauge",
        "vllm:old_total": "counter hidden vllm:new_total",
        "vllm:shown": "gauge",
        "vllm:new_total": "counter",
        "vllm:info": "gauge",
        "vllm:one": "histogram",
        "vllm:two": "histogram",
        "vllm:swapped": "gauge first hidden",
    }


def test_arguments_of_a_metric_may_have_no_names() -> None:
    text = """
from prometheus_client import Counter

_first = Counter("vllm:first", "First. DEPRECATED: Use vllm:second instead.", ["kind"])
_second = Counter("vllm:second", documentation="Second.")
_first.labels("vllm:none").inc()
"""
    assert read(Source("1.0.0", {"vllm/v1/metrics/loggers.py": text})) == {
        "vllm:first_total": "counter vllm:second_total",
        "vllm:second_total": "counter",
    }


def test_the_metrics_of_the_frontends_own_operations_are_in_the_table() -> None:
    # vllm/entrypoints/serve/dev/sleep/metrics.py of 0.33.0, which 0.26.0 does not have.
    name = "vllm:sleep_mode_operation_duration_seconds"

    assert metrics("0.33.0")[name] == Metric("histogram")
    assert name not in metrics("0.26.0")


def test_a_first_engine_that_is_another_name_of_the_second_has_no_metrics() -> None:
    gone = made_up(engine="from vllm.v1.engine import V1Engine\nLLMEngine = V1Engine\n")

    assert "vllm:swapped" not in read(gone)


def test_a_name_that_can_not_be_followed_is_an_error() -> None:
    with pytest.raises(ExtractionError, match="can't follow the name at "):
        read(made_up(SECOND.replace('name="vllm:both"', "name=self.names[0]")))


@pytest.mark.index
def test_the_table_holds_what_a_published_release_has() -> None:
    assert read(fetch("0.19.0")) == stored(TABLE.file.read_text("utf-8"), SECTION)["0.19.0"]
