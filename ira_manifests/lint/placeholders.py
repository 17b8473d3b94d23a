"""Values that are not known yet: placeholders of templates, and variables of unknown value."""

from __future__ import annotations

import re

UNKNOWN = "$(unknown)"
"""What stands for an unknown value in a command line: rules judge no value with `$(…)`."""

_WORDS = (
    r"\$\{[^}]*\}",  # envsubst, Terraform
    r"\$\([^)]*\)",  # a variable that nothing defines here
    r"<[A-Za-z][\w .:/-]*>",
    r"\{\{.*?\}\}",  # Helm, Jinja
    r"(?<![$\w])\{[A-Za-z_]\w*\}(?=/)",  # {user}/server:1.0 of a manual
    r"\breplaced?[-_]by[-_]\w+",
    r"\b(?:REPLACE|CHANGE|FILL)[-_]?(?:ME|THIS|IN)\b",
    r"\bPLACEHOLDER\b",
    r"\bYOUR[-_][A-Z_-]+",
    r"\$[A-Z_][A-Z0-9_]+",
)
_PLACEHOLDER = re.compile("|".join(_WORDS), re.IGNORECASE)


def has_placeholder(text: str) -> bool:
    """Return whether a part of a text is a placeholder."""
    return bool(_PLACEHOLDER.search(text))


# The name of an image has no upper case: IMAGE_NAME and PROJECT_ID/vllm are none. IMAGE_TAG is one.
_IMAGE = re.compile(r"[^:]*[A-Z].*|.*:[A-Z][A-Z_]+")


def is_image_placeholder(text: str) -> bool:
    """Return whether an image, or its tag, is a name for another one."""
    return has_placeholder(text) or bool(_IMAGE.fullmatch(text))


def placeholder_in(text: str) -> str:
    """Return the first placeholder of a text; empty if there is none."""
    found = _PLACEHOLDER.search(text)
    return found[0] if found else ""


def masked(text: str) -> str:
    """Return a word of a command line with `UNKNOWN` for each placeholder and shell variable."""
    return _SHELL.sub(UNKNOWN, _PLACEHOLDER.sub(UNKNOWN, text))


_SHELL = re.compile(r"\$[A-Za-z_]\w*")
