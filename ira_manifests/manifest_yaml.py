"""Plain values -> YAML text that every YAML reader reads back as the same values.

Kubernetes' readers follow YAML 1.1 and 1.2 in turn, so a string is quoted whenever any of them
would take it for something else (`1e3`, `0o14`, `y`), and long texts are literal blocks.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

# The C dumper where PyYAML was built with it.
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

# What some reader takes for a number, a date, a boolean or null.
_AMBIGUOUS = re.compile(
    r"[-+.]?[0-9][0-9_.:,xobXOBa-fA-F+-]*|[-+]?\.?(inf|nan)|[yn]|yes|no|on|off|true|false|null|~|",
    re.IGNORECASE,
)


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
