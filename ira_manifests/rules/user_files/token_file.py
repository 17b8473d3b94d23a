"""The rule of the user's `base/hugging-face-token.env`; findings never show a part of the token."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ira_manifests.layout import TOKEN_KEY as KEY
from ira_manifests.output.env_file import MAX_BYTES, MAX_LINE, entries, too_long
from ira_manifests.rules.catalogue import Severity
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import rule
from ira_manifests.rules.user_files.subjects import TOKEN_FILE, TokenFile

_PLACEHOLDER = f"<{KEY}>"
# The characters of a bearer token (RFC 6750); the Hub's are hf_ and letters and digits.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")
_QUOTES = re.compile("[\"'`\u2018-\u201f]")
_BARE = "write only the token, as the Hub shows it"


class Problem(NamedTuple):
    """A problem in a line, which counts from 1, and its hint."""

    line: int
    message: str
    hint: str


@rule("IRA030", "token-file-shape", Severity.ERROR, TOKEN_FILE)
def token_file_shape(token: TokenFile) -> Iterator[Finding]:
    """The token's file has more than the token, or less.

    `dist/base/hugging-face-token.env` must be one bare `HUGGING_FACE_TOKEN=` line beside comments.
    Kustomize keeps quotes, trailing spaces and comments as a part of the token; the download Job
    gets its node and disk, and then the Hub refuses it (401). A file that is missing, or still has
    the bare placeholder, is no finding: nobody has filled it in yet. `check` alone looks at this
    file, at its shape only, and repeats no part of it.
    """
    for line, message, hint in problems(token.content):
        yield Finding(token.file, line, 1, "", KEY, message, hint)


def problems(content: bytes) -> list[Problem]:
    """Return the problems of the file's shape; none if it holds one line KEY=<the token>.

    The unchanged placeholder is no problem: the file is not filled in yet.
    """
    if len(content) > MAX_BYTES:
        return [Problem(1, f"the file has more than {MAX_BYTES} bytes", "keep the token's line")]
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return [Problem(1, "the file is not UTF-8 text", "save it as UTF-8")]
    return [*_lines(text)]


def _lines(text: str) -> Iterator[Problem]:
    seen = 0
    for number, key, separator, value in entries(text):
        if key.rstrip() != KEY or not separator:
            hint = f"write {KEY}=<the token>, and no other line but comments"
            yield Problem(number, f"the line is not {KEY}=<the token>", hint)
            continue
        seen += 1
        if seen > 1:
            yield Problem(number, f"the line sets {KEY} again", "keep one of the lines")
        if key != KEY:
            yield Problem(number, "there are blanks before the '='", "remove them")
        yield from (Problem(number, message, _BARE) for message in _value(value))
    cut = too_long(text)
    if cut is not None:
        message = f"the line has more than {MAX_LINE} bytes: kustomize stops reading there"
        yield Problem(cut, message, "make it shorter")
    if not seen:
        yield Problem(1, f"no line sets {KEY}", f"write {KEY}=<the token>")


def _value(value: str) -> Iterator[str]:
    bare = value.strip()
    if not bare:
        yield "the value is empty"
    elif value == _PLACEHOLDER or _TOKEN.fullmatch(value):
        return
    elif _PLACEHOLDER in bare:
        yield f"the placeholder {_PLACEHOLDER} is left"
    else:
        yield from _token(value, bare)


def _token(value: str, bare: str) -> Iterator[str]:
    token, *comment = re.split(r"\s#", bare, maxsplit=1)
    if value != bare:
        yield "blanks around the value would become part of the token"
    if comment:
        yield "the comment would become part of the token"
    if _QUOTES.search(token):
        yield "the quotes would become part of the token"
    elif not _TOKEN.fullmatch(token.rstrip()):
        yield "the value has characters that no token has, such as blanks inside"
