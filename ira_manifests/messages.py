"""Formats numbers and untrusted text for messages."""

from __future__ import annotations

import re

_GIB = 1 << 30
# https://huggingface.co/docs/hub/security-tokens: tokens begin so. Messages cut long values, so
# this also matches most of a token.
_TOKEN = re.compile(r"hf_[A-Za-z0-9]{16,}")


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
    """Return the text without tokens, and with every non-printable character escaped.

    These are line ends, terminal control sequences, text direction marks and the like.
    """
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in without_tokens(text)
    )


def without_tokens(text: str) -> str:
    """Return the text in which something else stands for each token of the Hugging Face Hub.

    Every message goes through it, so that none repeats a token that is in a wrong place.
    """
    return _TOKEN.sub("hf_... (a token, not shown)", text) if "hf_" in text else text
