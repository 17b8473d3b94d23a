"""Plain values -> YAML text that every YAML reader reads back as the same values.

Kubernetes' readers follow YAML 1.1 and 1.2 in turn, so a string is quoted whenever any of them
would take it for something else (`1e3`, `0o14`, `y`), and long texts are literal blocks.
"""

from __future__ import annotations

import contextlib
import re
from functools import lru_cache
from typing import Any

import yaml

# The C dumper where PyYAML was built with it.
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

# What some reader takes for a number, a date, a boolean or null.
_AMBIGUOUS = re.compile(
    r"[-+.]?[0-9][0-9_.:,xobXOBa-fA-F+-]*|[-+]?\.?(inf|nan)|[yn]|yes|no|on|off|true|false|null|~|",
    re.IGNORECASE,
)


_OTHER_BREAKS = re.compile("[\r\x85\u2028\u2029]")


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


_Dumper.add_representer(str, _text)


def dump(value: Any) -> str:
    """Return one value as a YAML document, keys in the order of the value."""
    if isinstance(value, (dict, list, tuple)):
        with contextlib.suppress(_OddError):
            return f"{_block(value, '')}\n"
    return _pyyaml(value)


class _OddError(Exception):
    """The value holds what only PyYAML lays out."""


def _block(value: Any, indent: str) -> str:
    """Lay a value out as PyYAML does, its first line without the indent.

    Ten times faster than PyYAML, because scalars, which are PyYAML's, recur from object to object.
    """
    if isinstance(value, dict) and value:
        return f"\n{indent}".join(
            f"{_key(key)}:{_after_key(item, indent)}" for key, item in value.items()
        )
    if isinstance(value, (list, tuple)) and value:
        return f"\n{indent}".join(f"- {_block(item, f'{indent}  ')}" for item in value)
    if isinstance(value, (dict, list, tuple)):
        return "{}" if isinstance(value, dict) else "[]"
    first, *others = _scalar(value)
    return "".join((first, *(f"\n{indent}{line}" if line else "\n" for line in others)))


def _after_key(value: Any, indent: str) -> str:
    if isinstance(value, dict) and value:
        indent += "  "
        return f"\n{indent}{_block(value, indent)}"
    if isinstance(value, (list, tuple)) and value:
        return f"\n{indent}{_block(value, indent)}"
    return f" {_block(value, f'{indent}  ')}"


@lru_cache(maxsize=1 << 14, typed=True)
def _scalar(value: Any) -> tuple[str, ...]:
    """Return the lines of a scalar, without their indent."""
    text = _pyyaml({"k": value}).removeprefix("k: ").removesuffix("\n")
    # Empty lines at the end may need an end of the document, other line breaks take an indent,
    # and to the cache 0.0 is -0.0.
    if text.endswith(("\n", "\n...")) or _OTHER_BREAKS.search(text) or isinstance(value, float):
        raise _OddError
    first, *others = text.split("\n")
    return (first, *(line.removeprefix("  ") for line in others))


@lru_cache(maxsize=1 << 12, typed=True)
def _key(key: Any) -> str:
    text = _pyyaml({key: 0})
    if not isinstance(key, str) or text.startswith("? ") or "\n" in text[:-1]:
        raise _OddError
    return text.removesuffix(": 0\n")


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
