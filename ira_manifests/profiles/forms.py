"""How a field's text is checked: the check says what is wrong, a pattern tells editors."""

# No annotations from __future__ here: pydantic would have to evaluate their text at every start.
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError

_Check = Callable[[str], str | None]


def refuse(message: str) -> PydanticCustomError:
    """Return a validation error whose message the user sees unchanged."""
    return PydanticCustomError("ours", "{message}", {"message": message})


@dataclass(frozen=True, eq=False)
class Form:
    """What texts a field takes.

    Attributes:
        check: returns None, or what is wrong.
        pattern: a regular expression, also of ECMA-262, that every valid text matches as a whole;
            for editors, which can't call the check. Empty if there is none.
    """

    check: _Check
    pattern: str = ""

    def validate(self, value: Any, read: ValidatorFunctionWrapHandler) -> Any:
        """Check a text. A number is checked as text, too: it is unquoted only if that is valid."""
        if isinstance(value, str) or is_number(value):
            problem = self.check(str(value))
            if problem:
                raise refuse(f"{str(value)[:100]!r} {problem}")
        return read(value)


def checked(check: _Check, pattern: str = "") -> WrapValidator:
    """Return a validator of text from a check and a pattern: see `Form`."""
    return WrapValidator(Form(check, pattern).validate)


def matching(pattern: str, allowed: str) -> WrapValidator:
    """Return a validator of text by a pattern alone."""
    compiled = re.compile(pattern)
    return checked(
        lambda value: None if compiled.fullmatch(value) else f"is not {allowed}", pattern
    )


def is_whole(value: Any) -> bool:
    """Return whether a value is a whole number, and no truth."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Return whether a value is a number as the loader reads it."""
    return is_whole(value) or isinstance(value, Decimal)


def whole_as_decimal(value: Any) -> Any:
    """Return a whole number as a `Decimal`; any other value as it is."""
    return Decimal(value) if is_whole(value) else value


def number_as_text(value: Any) -> Any:
    """Return a number as the text that the file has; any other value as it is."""
    return str(value) if is_number(value) else value
