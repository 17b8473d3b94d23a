"""`token_file_problems` sees the shape of the token's file and repeats nothing of it."""

import pytest

from ira_manifests.token_file import token_file_problems

TOKEN = b"hf_aBcDeFgHiJkLmNoPqRsTuVwXyZ"
LINE = b"HUGGING_FACE_TOKEN=" + TOKEN

SOUND = {
    "one line": LINE + b"\n",
    "no line end at the end of the file": LINE,
    "comments and empty lines of their own": b"# my token\n\n" + LINE + b"\n\n",
    "a token of another form": b"HUGGING_FACE_TOKEN=hf_oauth_eyJh.bGci-Oi_J9==\n",
}

DEFECTS = {
    "trailing spaces": (
        LINE + b"  \n",
        "line 1: blanks around the value would become part of the token",
    ),
    "a trailing tab": (
        LINE + b"\t\n",
        "line 1: blanks around the value would become part of the token",
    ),
    "a space before the value": (
        LINE.replace(b"=", b"= ") + b"\n",
        "line 1: blanks around the value would become part of the token",
    ),
    "double quotes": (
        b'HUGGING_FACE_TOKEN="' + TOKEN + b'"\n',
        "line 1: the quotes would become part of the token",
    ),
    "single quotes": (
        b"HUGGING_FACE_TOKEN='" + TOKEN + b"'\n",
        "line 1: the quotes would become part of the token",
    ),
    "curly quotes": (
        "HUGGING_FACE_TOKEN=\u201c".encode() + TOKEN + "\u201d\n".encode(),
        "line 1: the quotes would become part of the token",
    ),
    "CRLF": (LINE + b"\r\n", "its line ends are CRLF or CR: save it with LF"),
    "a byte order mark": (
        b"\xef\xbb\xbf" + LINE + b"\n",
        "it begins with a byte order mark: save it as UTF-8 without BOM",
    ),
    "UTF-16": ((LINE + b"\n").decode().encode("utf-16"), "it is not UTF-8 text: save it as UTF-8"),
    "the placeholder": (
        b"HUGGING_FACE_TOKEN=<HUGGING_FACE_TOKEN>\n",
        "line 1: the placeholder <HUGGING_FACE_TOKEN> is left in",
    ),
    "the placeholder in quotes": (
        b'HUGGING_FACE_TOKEN="<HUGGING_FACE_TOKEN>"\n',
        "line 1: the placeholder <HUGGING_FACE_TOKEN> is left in",
    ),
    "an empty value": (b"HUGGING_FACE_TOKEN=\n", "line 1: the value is empty"),
    "an empty file": (b"", "no line sets HUGGING_FACE_TOKEN"),
    "a comment after the value": (
        LINE + b" # from the Hub\n",
        "line 1: the comment would become part of the token",
    ),
    "a blank inside the value": (
        b"HUGGING_FACE_TOKEN=hf_aBcDeFgHiJkLm NoPqRsTuVwXyZ\n",
        "line 1: the value has characters that no token has, such as blanks inside",
    ),
    "an invisible character": (
        LINE + "\u200b\n".encode(),
        "line 1: the value has characters that no token has, such as blanks inside",
    ),
    "blanks before the equals sign": (
        LINE.replace(b"=", b" =") + b"\n",
        "line 1 has blanks around the key",
    ),
}


@pytest.mark.parametrize("text", SOUND.values(), ids=SOUND)
def test_a_sound_file_has_no_problems(text: bytes) -> None:
    assert token_file_problems(text) == []


@pytest.mark.parametrize(("text", "problem"), DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_named(text: bytes, problem: str) -> None:
    assert token_file_problems(text) == [problem]


@pytest.mark.parametrize(
    "text",
    [
        TOKEN + b"\n",
        b"export " + LINE + b"\n",
        b"HF_TOKEN=" + TOKEN + b"\n",
        b"HUGGING_FACE_TOKEN\n",
    ],
    ids=["the token alone", "a shell's export", "another key", "a key alone"],
)
def test_a_file_without_the_key_is_told_what_to_hold(text: bytes) -> None:
    assert token_file_problems(text) == [
        "line 1 is not HUGGING_FACE_TOKEN=<the token>",
        "no line sets HUGGING_FACE_TOKEN",
    ]


def test_a_key_beside_the_token_is_named_by_its_line() -> None:
    text = LINE + b"\nHF_HOME=/tmp\n"
    assert token_file_problems(text) == ["line 2 is not HUGGING_FACE_TOKEN=<the token>"]


def test_a_second_token_is_named_by_its_line() -> None:
    assert token_file_problems(LINE + b"\n" + LINE + b"\n") == [
        "line 2 sets HUGGING_FACE_TOKEN again"
    ]


def test_several_defects_are_all_named() -> None:
    text = b'\xef\xbb\xbfHUGGING_FACE_TOKEN = "' + TOKEN + b'" # mine \r\n'
    assert token_file_problems(text) == [
        "it begins with a byte order mark: save it as UTF-8 without BOM",
        "its line ends are CRLF or CR: save it with LF",
        "line 1 has blanks around the key",
        "line 1: blanks around the value would become part of the token",
        "line 1: the comment would become part of the token",
        "line 1: the quotes would become part of the token",
    ]


@pytest.mark.parametrize(
    "text",
    [text for text, _ in DEFECTS.values()]
    + [TOKEN, TOKEN + b"=" + TOKEN, b" " + TOKEN + b" x" + LINE],
)
def test_no_part_of_the_token_is_repeated(text: bytes) -> None:
    said = "\n".join(token_file_problems(text))
    secret = TOKEN.decode()
    assert not [secret[i : i + 4] for i in range(len(secret) - 3) if secret[i : i + 4] in said]
