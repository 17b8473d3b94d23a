"""`make vllm`: the facts that it derives, and the list of facts that a person must confirm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ira_manifests.vllm import Kind, changes
from ira_manifests.vllm.changes import NEWEST, Change, facts_of
from ira_manifests.vllm.release import Release
from tools import vllm_release
from tools.vllm_options import ReleaseOptions
from tools.vllm_release import CHANGES, Found, changed_sources, image_facts, report, with_release
from tools.vllm_source import DOCKERFILE, Source

# Lines of docker/Dockerfile of 0.33.0.
DOCKERFILE_OF_0_33 = """\
ARG CUDA_VERSION=13.0.3
ARG GDRCOPY_CUDA_VERSION=12.8
RUN useradd --uid 2000 --gid 0 --create-home --home-dir /home/vllm \\
FROM vllm-openai-base AS vllm-sagemaker
ENTRYPOINT ["./sagemaker-entrypoint.sh"]
FROM vllm-openai-base AS vllm-openai
ENTRYPOINT ["vllm", "serve"]
FROM vllm-openai AS vllm-openai-nonroot
ENTRYPOINT ["/usr/local/bin/vllm-nonroot-entrypoint.sh"]
"""
KV_CACHE = "vllm/v1/core/kv_cache_utils.py"
NEXT = Release.parse("0.99.0")


def found(**given: object) -> Found:
    values: dict[str, object] = {
        "release": NEXT,
        "before": NEWEST,
        "options": ReleaseOptions({"--a": Kind.INT, "--b": Kind.FLAG}, dotted=True),
        "options_before": ReleaseOptions({"--a": Kind.VALUE, "--c": Kind.FLAG}, dotted=True),
        "image": {},
        "has_dockerfile": True,
        "changed": {},
        "tables": {},
    }
    return Found(**(values | given))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        ("0.33.0", {}),
        ("0.19.1", {"cuda": "13.0", "image_has_user": True}),
        ("0.21.0", {"image_has_user": True}),
        ("0.11.0", {"cuda": "13.0", "image_has_user": True, "entry": "vllm serve"}),
    ],
)
def test_the_dockerfile_tells_the_cuda_and_the_user_of_the_image(
    release: str, expected: Mapping[str, object]
) -> None:
    assert image_facts(DOCKERFILE_OF_0_33, facts_of(Release.parse(release))) == expected


def test_a_new_release_is_the_newest_and_its_image_is_the_last_change() -> None:
    text = with_release(CHANGES.read_text(), NEXT, {"cuda": "14.1", "image_has_user": False})

    namespace: dict[str, Any] = {"__name__": changes.__name__}
    exec(compile(text, "changes.py", "exec"), namespace)  # noqa: S102  the project's own module
    assert namespace["NEWEST"] == NEXT
    after: tuple[Change, ...] = namespace["CHANGES"]
    last = after[-1]
    assert len(after) == len(changes.CHANGES) + 1
    assert (last.since, last.source) == (NEXT, DOCKERFILE)
    assert dict(last.facts) == {"cuda": "14.1", "image_has_user": False}


def test_an_image_that_is_as_before_adds_no_change() -> None:
    text = CHANGES.read_text()

    assert with_release(text, NEXT, {}) == text.replace(f'"{NEWEST}"', '"0.99.0"')


def test_a_source_of_facts_is_named_where_its_code_changed_and_not_its_comments() -> None:
    before = Source("1", {KV_CACHE: "a = 1\n", "vllm/envs.py": "b = 1\n", "vllm/x.py": "c = 1\n"})
    after = Source(
        "2", {KV_CACHE: "a = 2\nd = 3\n", "vllm/envs.py": "# why\nb = 1\n", "vllm/x.py": "c = 2\n"}
    )

    assert changed_sources(before, after) == {KV_CACHE: (2, 1)}


def test_the_report_names_options_and_what_to_confirm() -> None:
    text = "\n".join(report(found(changed={KV_CACHE: (2, 1)}, image={"cuda": "14.1"})))

    assert "new option      --b (flag)" in text
    assert "removed option  --c" in text
    assert "changed option  --a: value -> int" in text
    assert f"- {KV_CACHE} changed (+2 -1)" in text
    assert "hybrid_cache, pad_below, tokens_from_concurrency" in text
    assert "Which driver does CUDA 14.1 need?" in text
    assert "Add this line" not in text


def test_a_release_between_others_gets_no_line_but_is_asked_to_be_given_one() -> None:
    text = "\n".join(report(found(release=Release.parse("0.19.2"), image={"cuda": "13.0"})))

    assert '_change("0.19.2", "docker/Dockerfile", cuda="13.0"),' in text


def test_a_wheel_has_no_dockerfile_and_so_its_cuda_is_asked_for() -> None:
    assert any("Which CUDA has its image?" in line for line in report(found(has_dockerfile=False)))


@pytest.mark.parametrize("version", ["latest", "0.33.1rc1", "0.8.3"])
def test_what_is_no_later_release_is_refused_before_anything_is_fetched(
    version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert vllm_release.main([version]) == 2
    assert f"vLLM {version}" in capsys.readouterr().err.replace("version '", "").replace("'", "")
