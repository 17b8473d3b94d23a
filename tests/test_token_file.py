"""`check` judges the shape of the token's file without showing any of it; nothing else reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ira_manifests.output.env_file import NEW_TOKEN
from ira_manifests.rules import check_user_files
from ira_manifests.rules.user_files.token_file import problems
from testing.project import copy_project
from tests.support import Run, ira

TOKEN = b"hf_aBcDeFgHiJkLmNoPqRsTuVwXyZ"
LINE = b"HUGGING_FACE_TOKEN=" + TOKEN

SOUND = {
    "one line": LINE + b"\n",
    "CR LF, which kustomize strips": b"# mine\r\n\r\n" + LINE + b"\r\n",
    "CR at the end of the file": LINE + b"\r",
    "no line end at the end of the file": LINE,
    "comments and empty lines of their own": b"# my token\n\n" + LINE + b"\n\n",
    "a token of another form": b"HUGGING_FACE_TOKEN=hf_oauth_eyJh.bGci-Oi_J9==\n",
    "what kustomize skips before a key": b"\xef\xbb\xbf  " + LINE + b"\n",
    "the file as synth makes it": NEW_TOKEN,
    "the line of the walkthrough": b"HUGGING_FACE_TOKEN=<HUGGING_FACE_TOKEN>\n",
}

BLANKS = "blanks around the value would become part of the token"
QUOTES = "the quotes would become part of the token"
COMMENT = "the comment would become part of the token"
NO_TOKEN = "the value has characters that no token has, such as blanks inside"
DEFECTS = {
    "trailing spaces": (LINE + b"  \n", (1, BLANKS)),
    "a trailing tab": (LINE + b"\t\n", (1, BLANKS)),
    "a space before the value": (LINE.replace(b"=", b"= ") + b"\n", (1, BLANKS)),
    "double quotes": (b'HUGGING_FACE_TOKEN="' + TOKEN + b'"\n', (1, QUOTES)),
    "single quotes": (b"HUGGING_FACE_TOKEN='" + TOKEN + b"'\n", (1, QUOTES)),
    "curly quotes": (
        "HUGGING_FACE_TOKEN=\u201c".encode() + TOKEN + "\u201d\n".encode(),
        (1, QUOTES),
    ),
    "a CR inside the line": (LINE + b"\rx\n", (1, NO_TOKEN)),
    "two CR": (LINE + b"\r\r\n", (1, BLANKS)),
    "a comment on the token's line, and CR": (
        b"# mine\r" + LINE + b"\n",
        (1, "no line sets HUGGING_FACE_TOKEN"),
    ),
    "a line at which kustomize stops": (
        LINE + b"\n#" + 65_535 * b"x",
        (2, "the line has more than 65535 bytes: kustomize stops reading there"),
    ),
    "UTF-16": ((LINE + b"\n").decode().encode("utf-16"), (1, "the file is not UTF-8 text")),
    "the placeholder in quotes": (
        b'HUGGING_FACE_TOKEN="<HUGGING_FACE_TOKEN>"\n',
        (1, "the placeholder <HUGGING_FACE_TOKEN> is left"),
    ),
    "an empty value": (b"\nHUGGING_FACE_TOKEN=\n", (2, "the value is empty")),
    "more than a file may have": (
        LINE + b"\n" * (1 << 20),
        (1, "the file has more than 1048576 bytes"),
    ),
    "an empty file": (b"", (1, "no line sets HUGGING_FACE_TOKEN")),
    "a comment after the value": (LINE + b" # from the Hub\n", (1, COMMENT)),
    "a blank inside the value": (
        b"HUGGING_FACE_TOKEN=hf_aBcDeFgHiJkLm NoPqRsTuVwXyZ\n",
        (1, NO_TOKEN),
    ),
    "an invisible character": (LINE + "\u200b\n".encode(), (1, NO_TOKEN)),
    "blanks before the equals sign": (
        LINE.replace(b"=", b" =") + b"\n",
        (1, "there are blanks before the '='"),
    ),
    "a key beside the token": (
        LINE + b"\nHF_HOME=/tmp\n",
        (2, "the line is not HUGGING_FACE_TOKEN=<the token>"),
    ),
    "a second token": (LINE + b"\n" + LINE + b"\n", (2, "the line sets HUGGING_FACE_TOKEN again")),
}


def found(text: bytes) -> list[tuple[int, str]]:
    return [(problem.line, problem.message) for problem in problems(text)]


@pytest.mark.parametrize("text", SOUND.values(), ids=SOUND)
def test_a_sound_file_has_no_problems(text: bytes) -> None:
    assert found(text) == []


@pytest.mark.parametrize(("text", "problem"), DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_named_with_its_line(text: bytes, problem: tuple[int, str]) -> None:
    assert found(text) == [problem]
    assert all(each.hint for each in problems(text))


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
def test_a_file_without_the_key_is_reported_with_the_line_to_write(text: bytes) -> None:
    assert found(text) == [
        (1, "the line is not HUGGING_FACE_TOKEN=<the token>"),
        (1, "no line sets HUGGING_FACE_TOKEN"),
    ]


def test_several_defects_are_all_named() -> None:
    text = b'HUGGING_FACE_TOKEN = "' + TOKEN + b'" # mine \r\n'
    messages = ["there are blanks before the '='", BLANKS, COMMENT, QUOTES]
    assert found(text) == [(1, message) for message in messages]


@pytest.mark.parametrize(
    "text",
    [text for text, _ in DEFECTS.values()]
    + [TOKEN, TOKEN + b"=" + TOKEN, b" " + TOKEN + b" x" + LINE],
)
def test_no_part_of_the_token_is_repeated(text: bytes) -> None:
    assert_hides(TOKEN, "\n".join(f"{each.message} {each.hint}" for each in problems(text)))


def assert_hides(token: bytes, said: str) -> None:
    secret = token.decode()
    assert not [secret[i : i + 4] for i in range(len(secret) - 3) if secret[i : i + 4] in said]


@pytest.mark.parametrize("text", [b"x\n" * 262_144, b"A=a" + b" " * 60_000 + b"b\n"])
def test_nonsense_is_one_finding_in_no_time(text: bytes) -> None:
    told = [*check_user_files.check_token_file("base/token.env", text)]

    assert len(told) <= 2
    assert len(told[0].message) < 200


# --- check ----------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Path:
    copy_project(tmp_path)
    return tmp_path


def check(project: Path, token_file: bytes, *options: str) -> Run:
    (project / "dist/base/hugging-face-token.env").write_bytes(token_file)
    run = ira("check", *options, cwd=project)
    assert_hides(TOKEN, run.stdout + run.stderr)
    return run


def test_check_names_the_line_of_the_file_and_what_to_do(project: Path) -> None:
    run = check(project, b"# mine\n" + LINE + b"  \n")

    assert run.returncode == 1
    lines = run.stdout.splitlines()
    at = lines.index("dist/base/hugging-face-token.env:2:1: error IRA030 token-file-shape")
    assert lines[at + 1 : at + 3] == [
        f"    HUGGING_FACE_TOKEN: {BLANKS}",
        "    write only the token, as the Hub shows it",
    ]


@pytest.mark.parametrize("text", [NEW_TOKEN, LINE + b"\n"], ids=["as shipped", "filled in"])
def test_check_is_content_with_a_file_of_the_right_shape(project: Path, text: bytes) -> None:
    run = check(project, text)

    assert (run.returncode, "IRA030" in run.stdout) == (0, False)


@pytest.mark.parametrize("form", ["json", "sarif", "github"])
def test_no_format_repeats_the_token(project: Path, form: str) -> None:
    run = check(project, LINE + b" # mine\n" + TOKEN + b"\n", "--format", form)

    assert run.returncode == 1
    assert "IRA030" in run.stdout


def test_a_file_that_is_missing_is_no_finding(project: Path) -> None:
    (project / "dist/base/hugging-face-token.env").unlink()

    assert ira("check", cwd=project).returncode == 0
