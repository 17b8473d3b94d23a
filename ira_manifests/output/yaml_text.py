"""Plain values -> YAML text that every YAML reader reads back as the same values.

Kubernetes' readers follow YAML 1.1 or 1.2, so a string is quoted if any of them would read it as
another type (`1e3`, `0o14`, `y`). Texts of several lines are literal blocks.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any

import yaml

# The C dumper, if PyYAML was built with it.
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

# Text that some reader takes for a number, a date, a boolean or null.
_AMBIGUOUS = re.compile(
    r"[-+]?[._]*[0-9][0-9_.:,xobXOBa-fA-F+-]*|[-+]?\.?(inf|nan)|[yn]|yes|no|on|off|true|false|null|~|",
    re.IGNORECASE,
)


# Names and paths, most of the text that differs between objects; they need no quotes.
_PLAIN = re.compile("[A-Za-z](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?")

_OTHER_BREAKS = re.compile("[\r\x85\u2028\u2029]")


_NESTED = (dict, list, tuple)


class _Dumper(_DUMPER):  # type: ignore[misc]
    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _text(dumper: Any, text: str) -> Any:
    style = None
    if "\n" in text:
        style = "|"
    elif _AMBIGUOUS.fullmatch(text):
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _number(dumper: Any, number: Decimal) -> Any:
    """Return a number with the digits that it was written with: 0.80 stays 0.80."""
    kind = "int" if number == number.to_integral_value() and "." not in str(number) else "float"
    return dumper.represent_scalar(f"tag:yaml.org,2002:{kind}", format(number, "f"))


_Dumper.add_representer(str, _text)
_Dumper.add_representer(Decimal, _number)


def dump(value: Any) -> str:
    """Return one value as a YAML document, keys in the order of the value."""
    if isinstance(value, _NESTED):
        with contextlib.suppress(_OddError):
            text: list[str] = []
            _lay_out(value, "\n", text.append)
            return "".join((*text, "\n"))
    return _pyyaml(value)


class _OddError(Exception):
    """The value needs PyYAML's own layout."""


def _lay_out(value: Any, newline: str, say: Callable[[str], None]) -> None:
    """Lay a value out as PyYAML does. `newline`: a line's end, and the indent of the next.

    Ten times faster than PyYAML alone: scalars are formatted by it and cached, and most recur.
    """
    inner = f"{newline}  "
    if not isinstance(value, _NESTED):
        say(_scalar(value, newline))
    elif not value:
        say("{}" if isinstance(value, dict) else "[]")
    elif isinstance(value, dict):
        between = ""
        for key, item in value.items():
            begin = f"{between}{_key(key)}"
            between = newline
            if not isinstance(item, _NESTED):  # most are
                say(f"{begin} {_scalar(item, inner)}")
            elif not item:
                say(f"{begin} ")
                _lay_out(item, inner, say)
            else:
                below = inner if isinstance(item, dict) else newline
                say(f"{begin}{below}")
                _lay_out(item, below, say)
    else:
        between = "- "
        for item in value:
            say(between)
            between = f"{newline}- "
            _lay_out(item, inner, say)


@lru_cache(maxsize=1 << 14, typed=True)
def _scalar(value: Any, newline: str) -> str:
    """Return the text of a scalar, whose further lines begin with `newline`."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and not _AMBIGUOUS.fullmatch(value):
        return value
    text = _pyyaml({"k": value}).removeprefix("k: ").removesuffix("\n")
    # Empty lines at the end may need an end of the document, other line breaks take an indent,
    # and to the cache 0.0 is -0.0, and 0.80 is 0.8.
    if (
        text.endswith(("\n", "\n..."))
        or _OTHER_BREAKS.search(text)
        or isinstance(value, float | Decimal)
    ):
        raise _OddError
    first, *others = text.split("\n")
    lines = (line.removeprefix("  ") for line in others)
    return "".join((first, *(newline + line if line else "\n" for line in lines)))


@lru_cache(maxsize=1 << 12, typed=True)
def _key(key: Any) -> str:
    text = _pyyaml({key: 0})
    if not isinstance(key, str) or text.startswith("? ") or "\n" in text[:-1]:
        raise _OddError
    return text.removesuffix(" 0\n")


def _pyyaml(value: Any) -> str:
    return str(
        yaml.dump(
            value,
            Dumper=_Dumper,
            sort_keys=False,
            default_flow_style=False,
            allow_unicode=True,
            width=1 << 20,
        )
    )
