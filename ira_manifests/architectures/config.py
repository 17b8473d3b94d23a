"""Reads a model's config.json: untrusted JSON, whose values are checked on access."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ira_manifests.architectures.errors import ConfigError

CONFIG_FILE = "config.json"
MOST_LAYERS = 10_000
_MOST = 100_000_000
_SHOWN = 60

# Keys of the language model's values in models with several parts.
_TEXT = ("text_config", "llm_config", "language_config")


def parse(text: bytes, file: str = CONFIG_FILE) -> Mapping[str, Any]:
    """Return the JSON object of a file.

    Raises ConfigError for any other text, such as a truncated file.
    """
    try:
        data = json.loads(text)
    except RecursionError:
        raise ConfigError(f"{file} is nested too deeply") from None
    except ValueError as error:
        raise ConfigError(f"{file} is not JSON: {error}") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{file} holds no JSON object")
    return data


@dataclass(frozen=True)
class Config:
    """An object of config.json. Reading a value of the wrong type or range raises ConfigError.

    Attributes:
        values: its keys and values.
        place: its name in messages.
        outer: the object to fall back to for keys that it does not have.
        asked: the keys that were asked for.
    """

    values: Mapping[str, Any]
    place: str = CONFIG_FILE
    outer: Config | None = None
    asked: set[str] = field(default_factory=set, compare=False, repr=False)

    def get(self, *names: str) -> Any:
        """Return the value of the first name that has one, here or else in `outer`; else None.

        A null is a value too: it hides what `outer` has by that name, as it does in Transformers.
        """
        self.asked.update(names)
        for name in names:
            value = self.values.get(name)
            if value is not None:
                return value
        absent = [name for name in names if name not in self.values]
        return None if self.outer is None or not absent else self.outer.get(*absent)

    def whole(self, *names: str, most: int = _MOST) -> int:
        """Return a whole number from 1 to `most`: the value of the first name that has one.

        Raises ConfigError if there is none, and for any other value.
        """
        found = self.optional(*names, most=most)
        if found is None:
            raise ConfigError(f"{self.place} has no {' or '.join(names)}")
        return found

    def optional(self, *names: str, most: int = _MOST) -> int | None:
        """Return a whole number from 1 to `most`; None if there is none or it is 0.

        Raises ConfigError for any other value.
        """
        value = self.get(*names)
        if value is None or (isinstance(value, int) and value == 0):
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= most:
            raise self._wrong(names, value, f"a whole number from 1 to {most}")
        return value

    def pair(self, name: str) -> int:
        """Return a whole number, or that of a list of two equal ones: the side of a square."""
        value = self.get(name)
        if isinstance(value, list) and len(value) == len("hw") and value[0] == value[1]:
            return Config({name: value[0]}, self.place).whole(name)
        return self.whole(name)

    def factor(self, name: str) -> float:
        """Return a positive number; 1 if there is none."""
        value = self.get(name)
        if value is None:
            return 1.0
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= _MOST:
            raise self._wrong((name,), value, f"a number above 0, at most {_MOST}")
        return float(value)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a boolean; `default` if there is none."""
        value = self.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self._wrong((name,), value, "true or false")
        return value

    def text(self, name: str) -> str:
        """Return a string; empty if there is none."""
        value = self.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self._wrong((name,), value, "text")
        return value

    def items(self, name: str) -> Sequence[Any]:
        """Return a list; empty if there is none."""
        value = self.get(name)
        if value is None:
            return ()
        if not isinstance(value, list):
            raise self._wrong((name,), value, "a list")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of strings; empty if there is none."""
        items = self.items(name)
        if not all(isinstance(item, str) for item in items):
            raise self._wrong((name,), items, "a list of texts")
        return tuple(items)

    def per_layer(self, name: str, count: int) -> Sequence[Any]:
        """Return a list with an item for each layer; empty if there is none.

        Raises ConfigError for a list of another length.
        """
        items = self.items(name)
        if items and len(items) != count:
            raise ConfigError(
                f"{self.place}: {name} has {len(items)} items, and the model has {count} layers"
            )
        return items

    def inner(self, name: str) -> Config | None:
        """Return a nested object, without `outer`; None if there is none."""
        value = self.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self._wrong((name,), value, "an object")
        return Config(value, f"{self.place}: {name}")

    @property
    def language_model(self) -> Config:
        """The configuration of the part that generates text."""
        for name in _TEXT:
            value = self.values.get(name)
            if isinstance(value, dict):
                return Config(value, f"{self.place}: {name}", self)
        return self

    def _wrong(self, names: Sequence[str], value: Any, allowed: str) -> ConfigError:
        name = next((name for name in names if self.get(name) is not None), names[0])
        shown = repr(value)[:_SHOWN]
        return ConfigError(f"{self.place}: {name} is {shown}; it must be {allowed}")
