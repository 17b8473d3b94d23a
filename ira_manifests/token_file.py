"""What is wrong with the shape of `hugging-face-token.env`; no part of it is repeated."""

import re
from collections.abc import Iterator

KEY = "HUGGING_FACE_TOKEN"
PLACEHOLDER = f"<{KEY}>"
TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")
"""The characters of a bearer token (RFC 6750); the Hub's are `hf_` and letters and digits."""


def token_file_problems(text: bytes) -> list[str]:
    """Sentences about the file's shape; none if it holds one line `HUGGING_FACE_TOKEN=<the token>`.

    Kustomize keeps quotes, trailing blanks and comments as part of a value. Lines that are empty or
    comments as a whole are skipped, as kustomize skips them.
    """
    try:
        content = text.decode()
    except UnicodeDecodeError:
        return ["it is not UTF-8 text: save it as UTF-8"]
    return [*_encoding_problems(content), *_line_problems(content.removeprefix("\ufeff"))]


def _encoding_problems(content: str) -> Iterator[str]:
    if content.startswith("\ufeff"):
        yield "it begins with a byte order mark: save it as UTF-8 without BOM"
    if "\r" in content:
        yield "its line ends are CRLF or CR: save it with LF"


def _line_problems(content: str) -> Iterator[str]:
    seen = 0
    for number, line in enumerate(content.replace("\r", "\n").split("\n"), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, separator, value = line.partition("=")
        if key.strip() != KEY or not separator:
            yield f"line {number} is not {KEY}=<the token>"
            continue
        seen += 1
        if seen > 1:
            yield f"line {number} sets {KEY} again"
        if key != KEY:
            yield f"line {number} has blanks around the key"
        yield from (f"line {number}: {problem}" for problem in _value_problems(value))
    if not seen:
        yield f"no line sets {KEY}"


def _value_problems(value: str) -> Iterator[str]:
    bare = value.strip()
    if not bare:
        yield "the value is empty"
    elif PLACEHOLDER in bare:
        yield f"the placeholder {PLACEHOLDER} is left in"
    elif TOKEN.fullmatch(value):
        return
    else:
        yield from _token_problems(value, bare)


def _token_problems(value: str, bare: str) -> Iterator[str]:
    token, *comment = re.split(r"\s+#", bare, maxsplit=1)
    if value != bare:
        yield "blanks around the value would become part of the token"
    if comment:
        yield "the comment would become part of the token"
    if re.search("[\"'`\u2018-\u201f]", token):
        yield "the quotes would become part of the token"
    elif not TOKEN.fullmatch(token):
        yield "the value has characters that no token has, such as blanks inside"
