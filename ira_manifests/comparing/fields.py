"""How two Kubernetes objects differ, field by field.

The order of keys is no difference, and neither is another spelling of a quantity. The order of a
list is one: controllers compare Pod templates with it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ira_manifests.kubernetes.quantities import same_value

Path = tuple[str, ...]

ORDER = "[order]"
"""The last step of the path of a list whose items are the same in another order."""

# Keys by which items of a list are told apart, as in patchMergeKey of Kubernetes' types.
_KEYS = ("name", "mountPath", "containerPort", "port", "key", "type")


class Difference(NamedTuple):
    """A value that two objects have otherwise; None where one has none."""

    path: Path
    """Keys of mappings, and items of lists as "[name]" or "[0]"."""
    old: Any
    new: Any

    @property
    def field(self) -> str:
        """The path as text, such as `spec.template.spec.containers[inference-server].image`."""
        return shown(self.path)


def shown(path: Path) -> str:
    """Return a path as text."""
    text = "".join(step if step.startswith("[") else f".{step}" for step in path)
    return text.removeprefix(".")


def differences(old: Any, new: Any, path: Path = ()) -> Iterator[Difference]:
    """Yield how two values differ; what one side lacks as a whole is one difference."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from differences(old.get(key), new.get(key), (*path, key))
    elif isinstance(old, list) and isinstance(new, list):
        yield from _of_lists(old, new, path)
    elif not same_value(path, old, new):
        yield Difference(path, old, new)


def _of_lists(old: list[Any], new: list[Any], path: Path) -> Iterator[Difference]:
    if old == new:
        return
    key = _key_of([*old, *new], old, new)
    if key is not None:
        yield from _by_key(key, old, new, path)
    elif len(old) == len(new) and all(isinstance(each, dict) for each in (*old, *new)):
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from differences(one, other, (*path, f"[{number}]"))
    else:
        yield from _of_items(old, new, path)


def _key_of(items: Sequence[Any], *lists: list[Any]) -> str | None:
    """Return the key whose value is another in each item of a list; None if there is none."""
    if not all(isinstance(each, dict) for each in items):
        return None
    for key in _KEYS:
        values = [[each.get(key) for each in given] for given in lists]
        if all(None not in found and len(set(found)) == len(found) for found in values):
            return key
    return None


def _by_key(key: str, old: list[Any], new: list[Any], path: Path) -> Iterator[Difference]:
    before, after = ({each[key]: each for each in given} for given in (old, new))
    for name in {**before, **after}:
        yield from differences(before.get(name), after.get(name), (*path, f"[{name}]"))
    kept = [[str(name) for name in found if name in other] for found, other in (
        (before, after), (after, before),
    )]  # fmt: skip
    if kept[0] != kept[1]:
        yield Difference((*path, ORDER), *kept)


def _of_items(old: list[Any], new: list[Any], path: Path) -> Iterator[Difference]:
    """Yield the items that only one side has; an option of a command with both of its values."""
    texts = [Counter(json.dumps(each, sort_keys=True) for each in given) for given in (old, new)]
    gone = [json.loads(text) for text in (texts[0] - texts[1]).elements()]
    come = [json.loads(text) for text in (texts[1] - texts[0]).elements()]
    if not gone and not come:
        yield Difference((*path, ORDER), old, new)
    options = {name: each for each in come if (name := _option(each))}
    for each in gone:
        name = _option(each)
        other = options.pop(name, None)
        yield Difference((*path, f"[{name}]") if other and name else path, each, other)
        if other is not None:
            come.remove(other)
    yield from (Difference(path, None, each) for each in come)


def _option(item: Any) -> str:
    """Return the name of an option of a command, "--name=value"; empty for anything else."""
    name, found, _ = item.partition("=") if isinstance(item, str) else ("", "", "")
    return name if found and name.startswith("--") else ""
