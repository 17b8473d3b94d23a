"""vLLM's versions are parsed, printed and ordered as on the package index."""

from __future__ import annotations

import re
from itertools import pairwise, product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from ira_manifests.kubernetes import names
from ira_manifests.vllm import Release, UnknownReleaseError, releases
from ira_manifests.vllm.images import is_vllms_own, release_of, release_of_tag

PUBLISHED = (Path(__file__).parents[1] / "data/vllm-releases.txt").read_text().split()
COUNTS = st.integers(min_value=0, max_value=12)


def suffix(form: str) -> st.SearchStrategy[str]:
    return st.one_of(st.just(""), COUNTS.map(form.format))


@st.composite
def versions(draw: st.DrawFn) -> str:
    numbers = draw(st.lists(st.integers(0, 3), min_size=2, max_size=4))
    stage = draw(st.sampled_from(["a", "b", "rc"]))
    parts = [suffix(stage + "{}"), suffix(".post{}"), suffix(".dev{}")]
    return ".".join(map(str, numbers)) + "".join(draw(part) for part in parts)


@pytest.mark.parametrize("text", PUBLISHED)
def test_every_published_release_is_read_and_printed_as_it_is_published(text: str) -> None:
    assert str(Release.parse(text)) == text
    assert Release.parse(f"v{text}") == Release.parse(text)


def test_published_releases_are_ordered_as_the_package_index_orders_them() -> None:
    assert len(PUBLISHED) == 100
    for one, other in product(PUBLISHED, repeat=2):
        ours = Release.parse(one) < Release.parse(other)
        assert ours == (Version(one) < Version(other)), (one, other)


def test_the_releases_of_the_option_table_were_published() -> None:
    assert set(releases()) <= set(PUBLISHED)


@given(versions(), versions())
def test_any_two_versions_are_ordered_as_packaging_orders_them(one: str, other: str) -> None:
    ours, theirs = (Release.parse(one), Release.parse(other)), (Version(one), Version(other))
    assert (ours[0] < ours[1]) == (theirs[0] < theirs[1])
    assert (ours[0] == ours[1]) == (theirs[0] == theirs[1])
    assert (ours[0] >= ours[1]) == (theirs[0] >= theirs[1])


@given(versions())
def test_a_printed_version_is_the_same_version_and_a_labels_value(text: str) -> None:
    printed = str(Release.parse(text))
    assert Release.parse(printed) == Release.parse(text)
    assert Version(printed) == Version(text)
    assert names.check_label_value(printed) is None


@given(versions())
def test_a_final_release_is_what_packaging_calls_no_prerelease(text: str) -> None:
    release = Release.parse(text)
    assert release.is_final is not Version(text).is_prerelease
    assert release.final.is_final
    assert release.final >= release


def test_the_longest_version_is_a_labels_value() -> None:
    longest = ".".join(["99999"] * 4) + "rc99999999.post99999999.dev99999999"
    assert str(Release.parse(longest)) == longest
    assert names.check_label_value(longest) is None
    with pytest.raises(UnknownReleaseError):
        Release.parse(f"1{longest}")


def test_candidates_releases_and_post_releases_are_in_this_order() -> None:
    order = [
        "0.9.0.dev3", "0.9.0rc1", "0.9.0rc2", "0.9.0", "0.9.0.post1", "0.9.0.1", "0.9.1", "0.10.0",
    ]  # fmt: skip
    assert all(Release.parse(one) < Release.parse(other) for one, other in pairwise(order))


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("v0.26.0", "0.26.0"),
        ("0.26", "0.26.0"),
        ("0.26.0.0", "0.26.0"),
        ("0.26.0+cu129", "0.26.0"),
        ("0.20.0.rc1", "0.20.0rc1"),
        ("0.8.5post1", "0.8.5.post1"),
        ("0.26.1.dev12+g0123abc.d20261126", "0.26.1.dev12"),
    ],
)
def test_other_spellings_and_builds_of_a_release_are_that_release(text: str, printed: str) -> None:
    assert str(Release.parse(text)) == printed
    assert Release.parse(text) == Release.parse(printed)
    assert Version(text).public in {printed, text.removeprefix("v"), printed.removesuffix(".0")}


@pytest.mark.parametrize(
    "text",
    ["", "latest", "nightly", "26", "0.x", "0.26.0.1.2", " 0.26.0", "0.26.0\n", "0.26.0-cu129",
     "0.26.0rc", "0.26.0+", "0.26.\u0660", "1!0.26.0", "v", "0.26.0.post", "123456.0"],
)  # fmt: skip
def test_text_that_is_no_version_is_refused_with_the_expected_form(text: str) -> None:
    message = f"vLLM version {text!r} is no version: write major.minor.patch, as 0.26.0"
    with pytest.raises(UnknownReleaseError, match=f"^{re.escape(message)}$"):
        Release.parse(text)


@pytest.mark.parametrize(
    ("image", "release"),
    [
        ("vllm/vllm-openai:v0.26.0", "0.26.0"),
        ("vllm/vllm-openai:v0.9.0.1", "0.9.0.1"),
        ("vllm/vllm-openai:v0.8.5.post1", "0.8.5.post1"),
        ("vllm/vllm-openai:v0.26.0rc1-cu130", "0.26.0rc1"),
        ("localhost:5000/vllm-openai:0.26.0-cu129@sha256:" + "a" * 64, "0.26.0"),
        ("vllm/vllm-openai@sha256:" + "a" * 64, None),
        ("vllm/vllm-openai:latest", None),
        ("vllm/vllm-openai:v0.26", None),
        ("localhost:5000/vllm-openai", None),
        ("nvcr.io/nvidia/vllm:0.26.0", None),
    ],
)
def test_the_tag_of_vllms_own_image_names_its_release(image: str, release: str | None) -> None:
    found = release_of(image)

    assert (None if found is None else str(found)) == release
    assert is_vllms_own(image) is ("nvidia" not in image)


def test_a_label_may_go_on_behind_the_release() -> None:
    assert release_of_tag("v0.10.1.1_patched") == Release.parse("0.10.1.1")
    assert release_of_tag("patched-0.10.1.1") is None
