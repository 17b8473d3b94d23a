"""The parser of a command's words: its messages, its help, and its rows of the reference.

Options can't be abbreviated, because a later release may add one with the same beginning.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from typing import NoReturn

from ira_manifests.errors import InputError, did_you_mean

_COLUMNS = 80


class Parser(argparse.ArgumentParser):
    """A parser that raises `InputError`, and whose help is always 80 columns wide."""

    def __init__(self, prog: str, description: str) -> None:
        super().__init__(
            prog, description=description, formatter_class=_Help, allow_abbrev=False, add_help=False
        )
        self.color = False  # of Python 3.14 and later
        self.finish: Callable[[argparse.Namespace], None] = lambda _given: None
        """Further parsing of a command; may raise `InputError`."""
        self.add_argument("-h", "--help", action="help", help="Show this message and exit.")

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """Parse arguments; raises `InputError` for unknown ones."""
        given, unknown = self.parse_known_args(words)
        if unknown:
            raise InputError(*self._refused(unknown))
        self.finish(given)
        return given

    def described(self) -> list[tuple[str, str]]:
        """Return each argument and option, with its values, as code, and its help."""
        return [
            (
                ", ".join(
                    f"`{name} {each.metavar}`" if each.metavar else f"`{name}`"
                    for name in each.option_strings
                )
                or f"`{each.metavar}`",
                each.help or "",
            )
            for each in self._actions
        ]

    def _refused(self, words: Sequence[str]) -> list[str]:
        """Return messages for unknown arguments; one after an unknown option may be its value."""
        words = [word for word in words if word != "--"]
        unknown = [word.partition("=")[0] for word in words if word.startswith("-")]
        return [
            self._explained(
                f"no such option: {option}{did_you_mean(option, self._option_string_actions)}"
            )
            for option in dict.fromkeys(unknown)
        ] or [self._explained(f"unexpected argument: {words[0] if words else '--'!r}")]

    def _explained(self, message: str) -> str:
        return f"{message} (see {self.prog} --help)"

    def error(self, message: str) -> NoReturn:
        """Raise an `InputError` that refers to --help."""
        choice = re.search(r"invalid choice: '(.*)' \(choose from (.*)\)", message)
        close = did_you_mean(choice[1], re.findall(r"\w+", choice[2])) if choice else ""
        raise InputError(self._explained(f"{message}{close}"))


class _Help(argparse.HelpFormatter):
    """Help of 80 columns, in which file names are not broken at hyphens."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=32, width=_COLUMNS)

    def _split_lines(self, text: str, width: int) -> list[str]:
        import textwrap

        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)
