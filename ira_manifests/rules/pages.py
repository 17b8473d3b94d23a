"""The page of each rule: its section of `docs/rules.md`, which the wheel carries as well."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_HEADING = re.compile(r"^## (IRA\d{3}) .*$", re.MULTILINE)


@cache
def pages() -> dict[str, str]:
    """Return the text of each rule by its id, in Markdown and without its heading."""
    _, *parts = _HEADING.split(_file().read_text("utf-8"))
    return {rule: text.strip() for rule, text in zip(parts[::2], parts[1::2], strict=True)}


def _file() -> Path:
    package = Path(__file__).parents[1]
    packaged = package / "_docs/rules.md"
    # An editable install has no copy of its own.
    return packaged if packaged.is_file() else package.parent / "docs/rules.md"
