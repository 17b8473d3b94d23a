"""What a user can get wrong, as exceptions.

    IraError                 base of everything this package raises on purpose
    ├── ProfileError         one or more problems in profile files, each with its place
    ├── InputError           an option, a Terraform output or an env file that can't be used
    ├── OutputError          the output folder can't take what synth wants to write
    └── NodeError            no usable Node.js for cdk8s, or one that failed

The command line prints `str(error)` and exits with 2; no other layer prints or exits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ira_manifests.words import count, visible


class IraError(Exception):
    """Base class of the errors of this package."""


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong at one place of a profile file.

    `line` and `column` count from 1. `field` is a dotted path inside the file, or empty where
    the file as a whole is meant.
    """

    file: str
    line: int
    column: int
    field: str
    message: str

    def __str__(self) -> str:
        field = f" {self.field}:" if self.field else ""
        return visible(f"{self.file}:{self.line}:{self.column}:{field} {self.message}")


class ProfileError(IraError):
    """Every problem of every profile file, in the order of files and lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @property
    def summary(self) -> str:
        """How many problems there are in how many files."""
        files = len({problem.file for problem in self.problems})
        return f"{count(len(self.problems), 'problem')} in {count(files, 'file')}."


class InputError(IraError):
    """An option or an input file that can't be used; the message says what is allowed."""


class OutputError(IraError):
    """The output folder can't be read or written as asked.

    Nothing was changed, unless the message says that some files are new already.
    """


class NodeError(IraError):
    """cdk8s needs Node.js, and there is none that it supports, or it failed."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for the closest known word, or an empty string."""
    import difflib

    by_folded = {candidate.casefold(): candidate for candidate in known}
    close = difflib.get_close_matches(word.casefold(), by_folded, n=1)
    return f"; did you mean {by_folded[close[0]]!r}?" if close else ""


def one_of(known: Iterable[str]) -> str:
    """Return the sorted words as text for a message: "a, b, c", or "none" where there are none."""
    return ", ".join(sorted(known)) or "none"
