"""`$(NAME)` in a container's command, arguments and environment, as the kubelet expands it.

Facts: https://github.com/kubernetes/kubernetes, third_party/forked/golang/expansion.
"""

import re
from collections.abc import Mapping

# A dollar sign takes what follows along: $$ is one sign, and $(…) ends at the first parenthesis.
_PARTS = re.compile(r"\$(?:\(([^)]*)\)|.)", re.DOTALL)


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Return the text with `$(NAME)` replaced by NAME's value, and `$$` by `$`.

    A name that is not defined stays as it is written. Values are not expanded once more.
    """

    def expanded(part: re.Match[str]) -> str:
        return "$" if part[0] == "$$" else variables.get(part[1] or "", part[0])

    return _PARTS.sub(expanded, text) if "$" in text else text


def references(text: str) -> list[str]:
    """Return the names that are expanded in the text, in their order."""
    if "$" not in text:
        return []
    return [part[1] for part in _PARTS.finditer(text) if part[1] is not None]
