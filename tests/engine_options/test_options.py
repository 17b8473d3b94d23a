"""Options of releases. Expected ones are from vLLM's documentation and measured start-ups.

0.8.5    docs.vllm.ai, v0.8.5, serving/engine_args: the usage line
0.12.0   docs.vllm.ai, v0.12.0, cli/serve
0.18.0   docs.vllm.ai, v0.18.0, cli/serve
"""

import json
from importlib.resources import files

import pytest
from packaging.version import Version

from ira_manifests.vllm import UnknownReleaseError, option_strings, options, releases

OURS = {
    "--gpu-memory-utilization",
    "--max-model-len",
    "--max-num-seqs",
    "--tensor-parallel-size",
    "--trust-remote-code",
}


@pytest.mark.parametrize("release", releases())
def test_the_options_of_our_manifests_are_in_every_release(release: str) -> None:
    assert option_strings(release) >= OURS


@pytest.mark.parametrize(
    ("release", "documented"),
    [
        ("0.8.5", {"--use-tqdm-on-load", "--no-use-tqdm-on-load", "--logits-processor-pattern"}),
        ("0.12.0", {"--headless", "-asc", "--aggregate-engine-logging", "--uds"}),
        ("0.12.0", {"--no-enable-log-requests", "--no-disable-log-requests"}),
        ("0.18.0", {"--no-fail-on-environ-validation", "--shutdown-timeout", "--grpc"}),
        ("0.18.0", {"--gdn-prefill-backend", "--no-enable-log-requests", "--api-server-count"}),
    ],
)
def test_options_of_the_documentation_are_known(release: str, documented: set[str]) -> None:
    assert option_strings(release) >= documented


@pytest.mark.parametrize("release", ["0.8.4", "0.9.2", "0.10.2", "0.11.0", "0.13.0"])
def test_request_logging_can_be_disabled_by_the_old_flag(release: str) -> None:
    assert "--disable-log-requests" in option_strings(release)


@pytest.mark.parametrize("release", ["0.19.0", "0.19.1", "0.20.1", "0.26.0"])
def test_the_old_request_logging_flag_is_gone(release: str) -> None:
    assert "--disable-log-requests" not in option_strings(release)


@pytest.mark.parametrize("release", ["0.11.0", "0.19.1", "0.26.0", "0.33.0"])
def test_the_negated_request_logging_flag_works(release: str) -> None:
    assert "--no-enable-log-requests" in option_strings(release)


def test_an_option_keeps_the_name_it_is_registered_under_and_not_its_field() -> None:
    # CacheConfig.cache_dtype is --kv-cache-dtype: docs.vllm.ai, v0.12.0, cli/serve.
    assert "--kv-cache-dtype" in option_strings("0.12.0")
    assert "--cache-dtype" not in option_strings("0.12.0")


@pytest.mark.parametrize(
    ("version", "same_as"),
    [
        ("v0.26.0", "0.26.0"),
        ("0.26", "0.26.0"),
        ("0.26.0+cu129", "0.26.0"),
        ("0.8.5.post1", "v0.8.5.post1"),
        ("0.10.1.1", "0.10.1.1+cu118"),
    ],
)
def test_a_build_of_a_release_has_its_options(version: str, same_as: str) -> None:
    assert option_strings(version) == option_strings(same_as)


# From the wheels of 0.15.0 and 0.15.1, which have no source distribution.
@pytest.mark.parametrize("release", ["0.15.0", "0.15.1"])
def test_a_release_of_wheels_alone_has_a_table_of_its_own(release: str) -> None:
    assert release in releases()
    assert option_strings(release) >= OURS | {"--disable-log-requests", "--attention-config"}


@pytest.mark.parametrize(
    "version", ["0.18.9", "0.26.1", "0.26.0rc1", "0.26.0.dev3", "0.26.0.post1", "0.15.2"]
)
def test_a_version_that_was_not_read_is_not_judged_by_its_neighbour(version: str) -> None:
    with pytest.raises(UnknownReleaseError, match=f"vLLM {version} are unknown"):
        option_strings(version)


@pytest.mark.parametrize("version", ["0.8.3", "0.6.0", "99.0.0", "latest", "", "0"])
def test_a_version_outside_the_table_is_refused(version: str) -> None:
    with pytest.raises(UnknownReleaseError, match=r"unknown: the table holds|is no version"):
        option_strings(version)


@pytest.mark.parametrize(
    ("version", "around"),
    [("0.27.9", ("0.27.1", "0.28.0")), ("0.26.0rc1", ("0.25.1", "0.26.0"))],
)
def test_a_version_between_two_of_the_table_is_reported_as_such(
    version: str, around: tuple[str, str]
) -> None:
    said = f"between two known releases, {around[0]} and {around[1]}$"
    with pytest.raises(UnknownReleaseError, match=said):
        option_strings(version)


def test_releases_are_in_the_order_of_versions() -> None:
    order = [Version(release) for release in releases()]
    assert order == sorted(order)
    assert {"0.8.4", "0.8.5", "0.9.1", "0.9.2", "0.10.2", "0.19.1", "0.20.1"} <= set(releases())


def test_the_table_is_read_once_and_not_on_import(monkeypatch: pytest.MonkeyPatch) -> None:
    options.table.cache_clear()
    assert options.table.cache_info().misses == 0
    option_strings("0.26.0")
    option_strings("0.33.0")
    assert options.table.cache_info().misses == 1


def test_the_table_holds_no_address_and_stays_reviewable() -> None:
    text = files("ira_manifests.vllm").joinpath(options.FILE).read_text()
    assert "://" not in text
    assert len(text) < 90_000
    assert max(map(len, text.splitlines())) < 700
    assert list(json.loads(text)["options"]) == sorted(json.loads(text)["options"])
