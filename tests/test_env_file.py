"""Keys of the user's env file are set; nothing else of it changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ira_manifests.env_file import NEW_MODEL_CONFIG, NEW_TOKEN, with_values
from tests.support import examples


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"K=old\n", b"K=new\n"),
        (b"K=old", b"K=new"),
        (b"K=old\r\nL=1\r\n", b"K=new\r\nL=1\r\n"),
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


def test_new_files_hold_the_placeholders_of_the_walkthrough_and_no_comment_in_a_value() -> None:
    lines = (NEW_MODEL_CONFIG + NEW_TOKEN).decode().splitlines()

    assert [line for line in lines if not line.startswith("#")] == [
        "IRA_BUCKET_NAME=<IRA_BUCKET_NAME>",
        "MODEL_ID=<MODEL_ID>",
        "HUGGING_FACE_TOKEN=<HUGGING_FACE_TOKEN>",
    ]
