"""The project's pages: their blocks of code, links and anchors, as GitHub reads Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from testing.project import ROOT

PAGES = tuple(
    file.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/*.md", "examples/*/README.md")
    for file in sorted(ROOT.glob(pattern))
)
"""Their paths in the repository."""

_BLOCK = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: str
    line: int
    """Of the page, from 1: the one of the fence."""

    language: str
    text: str
    """Without the indentation that it has in a list."""

    marker: str
    """The comment of HTML in the line above, without its signs; empty if there is none."""


@cache
def text_of(page: str) -> str:
    """Return the text of a page."""
    return (ROOT / page).read_text("utf-8")


def blocks(page: str, language: str = "") -> list[Block]:
    """Return the fenced blocks of a page; with a language those in it."""
    found = []
    for match in _BLOCK.finditer(text_of(page)):
        before = text_of(page)[: match.start()]
        marker = re.search(r"<!-- ([\w ,-]+) -->\n\Z", before)
        lines = re.sub(f"^{match['indent']}", "", match["text"], flags=re.MULTILINE)
        found.append(
            Block(
                page, before.count("\n") + 1, match["language"], lines, marker[1] if marker else ""
            )
        )
    return [block for block in found if language in ("", block.language)]


def prose(page: str) -> str:
    """Return the text of a page without its fenced blocks and its comments."""
    return re.sub(r"<!--.*?-->", "", _BLOCK.sub("", text_of(page)), flags=re.DOTALL)


def anchors(page: str) -> list[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    kept = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return [heading.replace(" ", "-") for heading in kept]


def links(page: str) -> Iterator[str]:
    """Yield the targets of a page's links and pictures."""
    yield from re.findall(r"\]\(([^)\s]+)", prose(page))
    yield from re.findall(r'<(?:a|img|source)\b[^>]*? (?:href|src|srcset)="([^"]+)"', prose(page))
