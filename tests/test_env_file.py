"""Setting keys of the user's env file changes nothing else in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ira_manifests.output.env_file import NEW_MODEL_CONFIG, NEW_TOKEN, entries, with_values
from testing.kubectl import kustomize
from tests.support import examples


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"K=old\n", b"K=new\n"),
        (b"K=old", b"K=new"),
        (b"K=old\r\nL=1\r\n", b"K=new\r\nL=1\r\n"),
        (b"K=old\r\r\nL=1\r\n", b"K=new\r\nL=1\r\n"),
        (b"K=old\rK=2\n", b"K=new\n"),
        (b"# c\rK=old\n", b"# c\rK=old\nK=new\n"),
        (b"L=\xc2\x85K=old\n", b"L=\xc2\x85K=old\nK=new\n"),
        (b"K=old\r", b"K=new"),
        (b"  K=old\n", b"K=new\n"),
        (b"\xef\xbb\xbfK=old\n", b"K=new\n"),
        (b"# K=comment\nK=a=b\n", b"# K=comment\nK=new\n"),
        (b"K=1\nL=2\nK=3\n", b"K=new\nL=2\n"),
        (b"KEY=1\n", b"KEY=1\nK=new\n"),
        (b"L=1", b"L=1\nK=new\n"),
        (b"L=1\r\n", b"L=1\r\nK=new\r\n"),
        (b"K\n", b"K=new\n"),
        (b"", b"K=new\n"),
        (b"L=\xff\xfe\nK=\n", b"L=\xff\xfe\nK=new\n"),
    ],
)
def test_a_key_is_set_where_it_stands_or_at_the_end(before: bytes, after: bytes) -> None:
    assert with_values(before, {"K": "new"}) == after


@examples(100)
@given(st.binary(max_size=200))
def test_without_values_every_byte_stays(content: bytes) -> None:
    assert with_values(content, {}) == content


@examples(100)
@given(st.lists(st.sampled_from([b"K=1", b"L=2", b"# c", b"", b"KK=3", b"x"]), max_size=8))
def test_lines_of_other_keys_stay_in_their_order(lines: list[bytes]) -> None:
    content = b"".join(line + b"\n" for line in lines)

    after = with_values(content, {"K": "new"}).splitlines()

    assert [line for line in after if line != b"K=new"] == [x for x in lines if x != b"K=1"]
    assert after.count(b"K=new") == 1


LONG, E_ACUTE = "x" * 65_534, "\u00e9"


@pytest.mark.parametrize(
    "text",
    [
        "K=1\r\nL=2\r\n", "K=1\rL=2\r", "K=1\r\r\nL=2\n", "K=1\r", "K=x\ry\n", "# c\rK=1\nL=2\n",
        "\r\n\t# c\nK=1\n", "K= 1 \r\n", "K\nL=1\n", "K=\n", "K =1\n", "=1\nK=2\n",
        *(f"{blank}K=1\nL=2\n" for blank in " \t\v\f\r\x85\xa0\u1680\u2028\u3000"),
        *(f"{other}K=1\nL=2\n" for other in "\x1c\x1f\u180e\u200b\u2060"),
        "\ufeffK=1\r\n", " \ufeffK=1\n", "K=1\n\ufeffL=2\n", "K=a\x00b\n",
        f"K=1\n#{LONG}\nL=2\n", f"K=1\n#{LONG}x\nL=2\n", f"K=1\n#{LONG}\r\nL=2\n",
        f"K=1\nL={LONG}", f"K=1\nL={LONG[1:]}", f"K=1\n#{E_ACUTE * 32_768}\nL=2\n",
    ],
    ids=lambda text: ascii(text)[:30],
)  # fmt: skip
def test_lines_are_read_as_kubectl_reads_them(text: str, tmp_path: Path) -> None:
    (tmp_path / "file.env").write_bytes(text.encode())
    generator = {"configMapGenerator": [{"name": "of", "envs": ["file.env"]}]}
    (tmp_path / "kustomization.yaml").write_text(json.dumps(generator))

    kept = yaml.safe_load(kustomize(tmp_path)).get("data", {})

    found = [entry for entry in entries(text.removeprefix("\ufeff")) if entry.key]
    assert {entry.key: entry.value for entry in found} == kept


def test_new_files_hold_the_placeholders_of_the_walkthrough_and_no_comment_in_a_value() -> None:
    lines = (NEW_MODEL_CONFIG + NEW_TOKEN).decode().splitlines()

    assert [line for line in lines if not line.startswith("#")] == [
        "IRA_BUCKET_NAME=<IRA_BUCKET_NAME>",
        "MODEL_ID=<MODEL_ID>",
        "HUGGING_FACE_TOKEN=<HUGGING_FACE_TOKEN>",
    ]
