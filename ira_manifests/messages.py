"""Formats numbers and untrusted text for messages."""

from __future__ import annotations

_GIB = 1 << 30


def count(number: int, noun: str) -> str:
    """Return "1 file", "2 files"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def gib(size: int) -> str:
    """Return bytes as GiB with one digit, such as "51.5 GiB"."""
    return f"{size / _GIB:.1f} GiB"


def shortened(text: str, most: int = 60) -> str:
    """Return the text; one longer than `most` characters is cut and ends in "..."."""
    return text if len(text) <= most else f"{text[:most]}..."


def visible(text: str) -> str:
    """Return the text with every non-printable character escaped.

    These are line ends, terminal control sequences, text direction marks and the like.
    """
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )
