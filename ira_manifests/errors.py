"""Exceptions for errors that a user can fix.

    IraError                    base of everything this package raises on purpose
    ├── ProfileError            one or more problems in profile files, each with its place
    ├── InputError              an option, a Terraform output or an env file that can't be used
    │   ├── PatchError          a patch of an object that does not fit it
    │   └── UnknownCellError    a pair of GPU type and model that is not in the matrix
    ├── OutputError             the output folder can't take what synth wants to write
    ├── NodeError               no usable Node.js for cdk8s, or one that failed
    ├── ConfigError             a model's files that can't be read as what they should be
    ├── RefusedError            a model that vLLM does not serve, or that is not judged
    ├── UnknownReleaseError     text that is no version of vLLM, or a release without facts
    └── MemoryInputError        what a memory estimate can't be computed from
        ├── GeometryError       a model that can't exist, or that vLLM refuses
        │   └── SplitError      a tensor parallel size that does not divide the model
        └── SettingsError       utilization, context, KV cache dtype or memory out of range

`UnknownCellError` is a `KeyError`, too; `ConfigError`, `RefusedError`, `UnknownReleaseError` and
`MemoryInputError` are `ValueError`s. The command line prints `str(error)` and exits with 2; no
other layer prints or exits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter
from typing import Self

from ira_manifests.messages import count, visible, without_tokens

MOST_PROBLEMS = 100
"""Problems of one file that are reported one by one."""
_MOST_NAMED = 50  # in a message that lists known values
_MOST_LETTERS = 100  # of a word that is compared with known ones


class IraError(Exception):
    """Base class of the errors of this package."""

    @property
    def messages(self) -> tuple[str, ...]:
        """One message for each problem."""
        return (str(self),)


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

    @property
    def place(self) -> str:
        """The place as editors read it: file, line and column."""
        return visible(f"{self.file}:{self.line}:{self.column}:")

    def __str__(self) -> str:
        field = f" {self.field}:" if self.field else ""
        return f"{self.place}{visible(f'{field} {self.message}')}"


class InputError(IraError):
    """Options or input files that can't be used; each message says what is allowed."""

    @property
    def messages(self) -> tuple[str, ...]:
        """One message for each option or file."""
        return tuple(without_tokens(str(each)) for each in self.args)

    def __str__(self) -> str:
        return "\n".join(self.messages)


class PatchError(InputError):
    """A patch of an object that does not fit it. `path`: the place in the patch."""

    def __init__(self, path: tuple[str | int, ...], message: str) -> None:
        self.path = path
        super().__init__(message)


class ProfileError(IraError):
    """The problems of all profile files, in the order of files and lines; of very many the first.

    `options`: errors outside of files, such as an argument of `load_matrix`.
    """

    def __init__(self, problems: Iterable[Problem], options: Iterable[str] = ()) -> None:
        self.problems = tuple(_bounded(problems))
        self.options = tuple(options)
        super().__init__("\n".join(self.messages))

    @property
    def messages(self) -> tuple[str, ...]:
        """The problems, each with its place, and other errors."""
        return (*map(str, self.problems), *self.options)

    @property
    def summary(self) -> str:
        """How many problems there are in how many files."""
        files = len({problem.file for problem in self.problems})
        return f"{count(len(self.problems), 'problem')} in {count(files, 'file')}."


def _bounded(problems: Iterable[Problem]) -> Iterator[Problem]:
    """Yield problems sorted, of each file the first `MOST_PROBLEMS` and how many more there are.

    A single one more is yielded as it is, so problems that are bounded already stay the same.
    """
    for _, found in groupby(sorted(set(problems)), attrgetter("file")):
        of_file = list(found)
        more = of_file[MOST_PROBLEMS:]
        if len(more) <= 1:
            yield from of_file
            continue
        yield from of_file[:MOST_PROBLEMS]
        message = f"and {count(len(more), 'more problem')} from here on; fix the first ones"
        yield replace(more[0], field="", message=message)


class Gathered:
    """Collects the errors of several steps into one.

    Each step runs in a `with` block, which keeps its `ProfileError` or `InputError`.
    """

    def __init__(self) -> None:
        self._problems: list[Problem] = []
        self._options: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _type: object, error: BaseException | None, _trace: object) -> bool:
        if isinstance(error, ProfileError):
            self.add(error.problems)
            self._options += error.options
        elif isinstance(error, InputError):
            self._options += error.messages
        return isinstance(error, (ProfileError, InputError))

    def __bool__(self) -> bool:
        return bool(self._problems or self._options)

    def add(self, problems: Iterable[Problem]) -> None:
        """Add problems of profiles."""
        self._problems += problems

    @property
    def error(self) -> ProfileError | InputError:
        """The collected error, to be raised: `InputError` if all profiles are valid."""
        if self._problems:
            return ProfileError(self._problems, self._options)
        return InputError(*self._options)


class OutputError(IraError):
    """The output folder can't be read or written as asked.

    Nothing was changed, unless the message says that some files are already new.
    """


class NodeError(IraError):
    """Node.js for cdk8s is missing, too old, or failed."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for the closest known word, or an empty string."""
    import difflib

    by_folded = {candidate.casefold(): candidate for candidate in known}
    close = difflib.get_close_matches(word.casefold()[:_MOST_LETTERS], by_folded, n=1)
    return f"; did you mean {by_folded[close[0]]!r}?" if close else ""


def one_of(known: Iterable[str]) -> str:
    """Return the sorted words, of very many the first, for a message: "a, b, c", or "none"."""
    words = sorted(known)
    more = f" and {len(words) - _MOST_NAMED} more" if len(words) > _MOST_NAMED else ""
    return f"{', '.join(words[:_MOST_NAMED]) or 'none'}{more}"
