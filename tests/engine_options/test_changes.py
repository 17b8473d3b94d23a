"""The facts of each release, against its source."""

from __future__ import annotations

import re
from dataclasses import fields, replace

import pytest

from ira_manifests.vllm import Release, UnknownReleaseError, releases
from ira_manifests.vllm.changes import (
    CHANGES,
    NEWEST,
    OLDEST,
    ReleaseFacts,
    facts_of,
    first_with,
)

_SOURCE = re.compile(
    r"(?:vllm/[\w/]+\.py|docker/Dockerfile|https://github\.com/vllm-project/vllm/pull/[0-9]+)"
)
NAMES = {field.name for field in fields(ReleaseFacts)}


def facts(text: str) -> ReleaseFacts:
    return facts_of(Release.parse(text))


def test_a_release_before_the_oldest_known_one_is_refused() -> None:
    with pytest.raises(UnknownReleaseError, match=r"0\.8\.3 is too old: 0\.8\.4"):
        facts("0.8.3")
    with pytest.raises(UnknownReleaseError, match=r"0\.8\.4rc1 is too old"):
        facts("0.8.4rc1")


def test_the_oldest_release_has_none_of_the_changes() -> None:
    assert facts("0.8.4") == ReleaseFacts()


def test_the_table_is_in_order_of_release_and_within_what_was_read() -> None:
    since = [change.since for change in CHANGES]
    assert since == sorted(since)
    assert since[0] > OLDEST
    assert since[-1] <= NEWEST


def test_the_table_is_of_the_releases_whose_options_are_known() -> None:
    known = [Release.parse(text) for text in releases()]
    assert (known[0], known[-1]) == (OLDEST, NEWEST)
    assert {change.since for change in CHANGES} <= set(known)


def test_every_change_names_facts_and_public_sources() -> None:
    for change in CHANGES:
        assert change.facts.keys() <= NAMES
        assert all(_SOURCE.fullmatch(each) for each in change.source.split(", ")), change


def test_every_fact_is_changed_by_a_release() -> None:
    assert {name for change in CHANGES for name in change.facts} == NAMES


def test_the_sampler_sorts_all_logits_up_to_0_16_and_not_from_0_17() -> None:
    assert facts("0.16.0").bytes_per_logit == 38
    assert facts("0.17.0").bytes_per_logit == 14


def test_cuda_graphs_are_budgeted_from_0_20() -> None:
    """Default of VLLM_MEMORY_PROFILER_ESTIMATE_CUDAGRAPHS in the releases' envs.py."""
    assert not facts("0.19.1").graphs_budgeted
    assert facts("0.20.0").graphs_budgeted


def test_from_0_29_every_model_runs_on_the_second_runner_which_profiles_its_graphs() -> None:
    """v1/worker/gpu/model_runner.py: profile_cudagraph_memory returned 0 up to 0.28."""
    assert facts("0.28.0").lean_dense_profile
    assert facts("0.29.0") == replace(facts("0.28.0"), lean_dense_profile=False, second_runner=True)


def test_a_post_release_has_the_facts_of_its_release() -> None:
    assert facts("0.9.0.1") == facts("0.9.0")
    assert facts("0.9.0.1") != facts("0.9.1")
    assert facts("0.8.5.post1") == facts("0.8.5")


def test_a_release_newer_than_the_table_is_taken_for_the_newest() -> None:
    assert facts("0.99.0") == facts(str(NEWEST))


def test_a_candidate_has_the_facts_of_the_release_before() -> None:
    assert facts("0.26.0rc1") == facts("0.25.1")
    assert facts("0.26.0rc1") != facts("0.26.0")


def test_the_image_has_a_user_from_0_22() -> None:
    assert first_with("image_has_user") == Release.parse("0.22.0")
