"""What differs between two releases of vLLM, as `upgrade` compares them."""

from __future__ import annotations

from itertools import pairwise

import pytest

from ira_manifests.upgrading import Metric, Moved, releases
from ira_manifests.vllm import releases as known

OLD, NEW = "vllm:gpu_cache_usage_perc", "vllm:kv_cache_usage_perc"


def test_a_release_does_not_differ_from_itself() -> None:
    found = releases.compare("0.26.0", "0.26.0")

    assert found == releases.Releases("0.26.0", "0.26.0")
    assert found.entry == ("vllm serve", "vllm serve")


# https://github.com/vllm-project/vllm/pull/18354 and 29330: hidden in 0.11.0, gone in 0.12.0.
@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("0.8.5", "0.10.2", None),
        ("0.10.2", "0.11.0", Metric(OLD, "hidden", NEW)),
        ("0.11.0", "0.12.0", None),
        ("0.10.2", "0.12.0", Metric(OLD, "renamed", NEW)),
        ("0.12.0", "0.11.0", None),
    ],
)
def test_a_metric_is_told_when_the_server_stops_to_show_it(
    old: str, new: str, found: Metric | None
) -> None:
    by_name = {metric.name: metric for metric in releases.compare(old, new).metrics}

    assert by_name.get(OLD) == found


def test_an_older_release_has_the_older_name() -> None:
    back = {metric.name: metric for metric in releases.compare("0.12.0", "0.8.5").metrics}

    assert back[NEW] == Metric(NEW, "renamed", OLD)


def test_defaults_that_only_write_nothing_in_another_way_did_not_move() -> None:
    # vllm/config.py of 0.8.5 has None, and of 0.9.0 {}: no overrides in both.
    moved = {each.option for each in releases.compare("0.8.5", "0.9.0").moved}

    assert "--hf-overrides" not in moved


def test_a_default_that_the_server_decides_is_not_judged() -> None:
    # vllm/config/scheduler.py: since 0.14.0, None lets vllm/config/vllm.py decide.
    (moved,) = (
        each for each in releases.compare("0.13.0", "0.14.0").moved
        if each.option == "--async-scheduling"
    )  # fmt: skip

    assert moved == Moved("--async-scheduling", old=False, new=None)
    assert not moved.is_judged


@pytest.mark.parametrize(
    ("pair", "moved"),
    [
        # SchedulerConfig.__post_init__ of 0.10.0 puts [min(max_num_seqs * 2, 512)] there.
        (("0.9.2", "0.10.0"), Moved("--cuda-graph-sizes", [512], None)),
        # LoadConfig.__post_init__ of 0.8.5 puts ["original/**/*"] there, which it is to this day.
        (("0.8.5", "0.33.0"), Moved("--ignore-patterns", None, ["original/**/*"])),
    ],
)
def test_an_empty_default_that_the_server_fills_is_not_judged(
    pair: tuple[str, str], moved: Moved
) -> None:
    assert moved in releases.compare(*pair).moved
    assert not moved.is_judged


def test_an_empty_default_that_stays_empty_is_judged() -> None:
    # vllm/entrypoints of both: without --allowed-origins, 0.32.0 allows no other origin.
    found = releases.compare("0.31.0", "0.32.0").moved

    assert Moved("--allowed-origins", ["*"], []) in found


# https://github.com/vllm-project/vllm/pull/21739: requests are no longer logged unless asked for.
@pytest.mark.parametrize("pair", [("0.10.0", "0.10.1"), ("0.8.5", "0.19.1"), ("0.10.0", "0.33.0")])
def test_a_switch_whose_opposite_took_its_place_may_have_another_default(
    pair: tuple[str, str],
) -> None:
    there, back = releases.compare(*pair), releases.compare(*reversed(pair))

    assert Moved("--enable-log-requests", old=True, new=False) in there.moved
    assert Moved("--disable-log-requests", old=True, new=False) in back.moved
    assert not [
        each for each in releases.compare("0.11.0", "0.33.0").moved if "log-" in each.option
    ]


# https://github.com/vllm-project/vllm/pull/21739
def test_an_option_whose_opposite_took_its_place_is_still_taken() -> None:
    found = releases.compare("0.10.0", "0.33.0")

    assert found.renamed_options == (("--disable-log-requests", "--no-enable-log-requests"),)
    assert "--disable-log-requests" not in found.gone_options


def enabled(moved: Moved) -> Moved:
    """Return what moved as of the opposite of --disable-log-requests, which 0.10.1 has instead."""
    if moved.option != "--disable-log-requests":
        return moved
    return Moved("--enable-log-requests", old=not moved.old, new=not moved.new)


@pytest.mark.parametrize("pair", list(pairwise(known())), ids=" ".join)
def test_the_way_back_is_the_reverse(pair: tuple[str, str]) -> None:
    there, back = releases.compare(*pair), releases.compare(*reversed(pair))

    assert {(each.option, str(each.old), str(each.new)) for each in there.moved} == {
        (each.option, str(each.new), str(each.old)) for each in map(enabled, back.moved)
    }
    assert {*there.gone_options} <= {*back.new_options}
    gone = {each.name for each in there.metrics if each.change != "hidden"}
    assert gone <= {*back.new_metrics}
    assert there.entry
    assert there.entry[::-1] == back.entry


def test_an_unknown_release_is_not_compared() -> None:
    found = releases.compare("0.26.0", "0.99.0")

    assert "0.99.0 are unknown" in found.unknown
    assert (found.moved, found.metrics, found.gone_options) == ((), (), ())
