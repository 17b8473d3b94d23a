"""`$(NAME)` in a container's command, arguments and environment, as the kubelet expands it.

Facts: https://github.com/kubernetes/kubernetes, third_party/forked/golang/expansion.
"""

import re
from collections.abc import Mapping

# $$ stands for one dollar sign; $(…) ends at the first closing parenthesis.
_PARTS = re.compile(r"\$(?:\(([^)]*)\)|.)", re.DOTALL)


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Return the text with `$(NAME)` replaced by NAME's value, and `$$` by `$`.

    An undefined name stays as it is written. Values are not expanded again.
    """

    def expanded(part: re.Match[str]) -> str:
        return "$" if part[0] == "$$" else variables.get(part[1] or "", part[0])

    return _PARTS.sub(expanded, text) if "$" in text else text


def references(text: str) -> list[str]:
    """Return the names that the text refers to as `$(NAME)`, in order."""
    if "$" not in text:
        return []
    return [part[1] for part in _PARTS.finditer(text) if part[1] is not None]
