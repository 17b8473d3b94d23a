"""Parses and orders vLLM's versions.

They follow https://packaging.python.org/en/latest/specifications/version-specifiers/: 0.9.0.1 and
0.8.5.post1 are releases after 0.9.0 and 0.8.5, and 0.26.0rc1 is a candidate before 0.26.0. Tests
compare the order with the `packaging` library's; using it here would add a run-time dependency.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, total_ordering

from ira_manifests.errors import IraError

# At most 58 characters, so that a release is a valid label value in Kubernetes.
_VERSION = re.compile(
    r"v?(?P<numbers>[0-9]{1,5}(?:\.[0-9]{1,5}){1,3})"
    r"(?:\.?(?P<stage>a|b|rc)(?P<candidate>[0-9]{1,8}))?"
    r"(?:\.?post(?P<post>[0-9]{1,8}))?(?:\.?dev(?P<dev>[0-9]{1,8}))?"
    r"(?:\+[A-Za-z0-9]+(?:[-_.][A-Za-z0-9]+)*)?"
)
PARSED = r"v?[0-9]{1,5}(\.[0-9]{1,5}){1,3}.*"
"""What `Release.parse` takes begins so, as a regular expression of Python and ECMA-262."""
WRITTEN = r"[0-9]+(\.[0-9]+){2,3}((a|b|rc)[0-9]+)?(\.post[0-9]+)?(\.dev[0-9]+)?"
"""What `str` of a release looks like, likewise."""
_NUMBERS = 3
_LAST = ("released", 0)  # after the stages a, b and rc


class UnknownReleaseError(IraError, ValueError):
    """Text that is no version of vLLM, or a release that is not in a table of this package."""


@total_ordering
@dataclass(frozen=True)
class Release:
    """A version of vLLM; `Release.parse` creates one.

    Attributes:
        numbers: three or more; zeros at the end are dropped down to three.
        candidate: ("rc", 1) of 0.26.0rc1; None for others.
        post: 1 of 0.8.5.post1, a release after 0.8.5.
        dev: 3 of 0.26.1.dev3, a build before 0.26.1.
    """

    numbers: tuple[int, ...]
    candidate: tuple[str, int] | None = None
    post: int | None = None
    dev: int | None = None

    @classmethod
    def parse(cls, text: str) -> Release:
        """Parse `0.26.0`, `v0.26.0`, `0.26`, `0.9.0.1`, `0.8.5.post1` or `0.26.0rc1`.

        The suffix of a build is dropped: `0.26.0+cu129` is 0.26.0.
        Raises UnknownReleaseError for text that is no version, such as `latest`.
        """
        match = _VERSION.fullmatch(text)
        if match is None:
            shown = repr(text[:100])
            raise UnknownReleaseError(
                f"vLLM version {shown} is no version: write major.minor.patch, as 0.26.0"
            )
        numbers = [int(number) for number in match["numbers"].split(".")]
        numbers += [0] * (_NUMBERS - len(numbers))
        while len(numbers) > _NUMBERS and not numbers[-1]:
            numbers.pop()
        stage = match["stage"]
        return cls(
            tuple(numbers),
            (stage, int(match["candidate"])) if stage else None,
            None if match["post"] is None else int(match["post"]),
            None if match["dev"] is None else int(match["dev"]),
        )

    def __str__(self) -> str:
        """Return the version as on the package index."""
        text = ".".join(map(str, self.numbers))
        text += "{}{}".format(*self.candidate) if self.candidate else ""
        text += "" if self.post is None else f".post{self.post}"
        return text + ("" if self.dev is None else f".dev{self.dev}")

    @property
    def is_final(self) -> bool:
        """Whether it is a release, not a candidate or a development build."""
        return self.candidate is None and self.dev is None

    @property
    def final(self) -> Release:
        """The release that a candidate or a development build precedes; a release is its own."""
        if self.is_final:
            return self
        return Release(self.numbers, post=None if self.candidate else self.post)

    def __lt__(self, other: Release) -> bool:
        """Return whether this version comes before the other one."""
        return self._key < other._key

    @cached_property
    def _key(self) -> tuple[tuple[int, ...], tuple[str, int], int, float]:
        """The sort key; a development build comes before its release.

        Without a candidate or post-release number, it also comes before the release's candidates.
        """
        stage = self.candidate or (_LAST if self.post is not None or self.dev is None else ("", 0))
        after = -1 if self.post is None else self.post
        return self.numbers, stage, after, float("inf") if self.dev is None else self.dev
