"""Engine versions are read and compared, and each changes what the sources say it changed."""

from dataclasses import replace

import pytest

from ira_manifests.memory import EngineVersion, EngineVersionError, engine_facts
from ira_manifests.memory.engine import CHANGES, EngineFacts, fact_names


def facts(text: str) -> EngineFacts:
    return engine_facts(EngineVersion.parse(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.26.0", EngineVersion(0, 26, 0)),
        ("v0.26.0", EngineVersion(0, 26, 0)),
        ("0.26", EngineVersion(0, 26, 0)),
        ("0.8.5.post1", EngineVersion(0, 8, 5)),
        ("0.20.0rc1", EngineVersion(0, 20, 0, is_final=False)),
        ("0.19.0+cu129", EngineVersion(0, 19, 0)),
    ],
)
def test_a_release_is_read_with_or_without_its_ornaments(
    text: str, expected: EngineVersion
) -> None:
    assert EngineVersion.parse(text) == expected


@pytest.mark.parametrize("text", ["", "latest", "nightly", "26", "0.x", "0.26.0.1.2", " 0.26.0"])
def test_text_that_is_no_version_is_refused_and_told_the_form(text: str) -> None:
    with pytest.raises(EngineVersionError, match=r"major\.minor\.patch"):
        EngineVersion.parse(text)


def test_an_engine_before_the_oldest_known_one_is_refused() -> None:
    with pytest.raises(EngineVersionError, match=r"0\.8\.3 is too old: 0\.8\.4"):
        EngineVersion.parse("0.8.3")


def test_versions_compare_by_number_not_by_text() -> None:
    assert EngineVersion.parse("0.9.2") < EngineVersion.parse("0.10.0")
    assert EngineVersion.parse("0.20.0") < EngineVersion.parse("0.20.1")


def test_a_version_prints_as_it_is_written() -> None:
    assert str(EngineVersion.parse("v0.26")) == "0.26.0"


def test_the_oldest_engine_has_none_of_the_changes() -> None:
    assert facts("0.8.4") == EngineFacts()


def test_the_table_is_in_order_of_release() -> None:
    releases = [change.since for change in CHANGES]
    assert releases == sorted(releases)


def test_every_change_names_a_fact_and_a_source() -> None:
    for change in CHANGES:
        assert change.facts.keys() <= set(fact_names())
        assert change.source.endswith(".py")


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


def test_an_engine_newer_than_the_table_is_taken_for_the_newest() -> None:
    assert facts("0.33.0") == facts("0.29.0")


def test_a_pre_release_is_older_than_its_release_and_newer_than_the_one_before() -> None:
    before, candidate, release = map(EngineVersion.parse, ("0.25.1", "0.26.0rc1", "0.26.0"))
    assert before < candidate < release
