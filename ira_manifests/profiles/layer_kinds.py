"""Determines the kind of layers from the fields of a `layers` entry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import MISSING, fields
from itertools import cycle, islice

from ira_manifests.memory import LAYER_KINDS, AnyLayers, EmptyLayers

_WINDOW, _CHUNK = "sliding_window", "attention_chunk_size"


def problem(given: Collection[str]) -> str:
    """Return what is wrong with the fields of a `layers` entry; empty if they match one kind.

    The text names two fields that no kind has both of, else the missing fields of the closest kind.
    """
    if _WINDOW in given and _CHUNK in given:
        return f"has {_WINDOW} and {_CHUNK}; keep the one that these layers have"
    kinds = _kinds_with(given)
    if not kinds:
        return _contradiction(given)
    lacking = [[name for name in _needed(kind) if name not in given] for kind in kinds]
    fewest = min(lacking, key=len)
    if not fewest:
        return ""
    if len(kinds) == len(LAYER_KINDS):
        return (
            "names no kind of layers; give num_key_value_heads and head_dim, kv_lora_rank, …, "
            "or no_kv_cache: true"
        )
    return f"lacks {', '.join(fewest)}"


def kind_of(given: Collection[str]) -> type[AnyLayers]:
    """Return the kind of layers with these fields. Call `problem` first."""
    return next(kind for kind in _kinds_with(given) if all(name in given for name in _needed(kind)))


def _contradiction(given: Collection[str]) -> str:
    # In the order of the fields, so that the message does not depend on the order in the file.
    words = [name for name in _all_words() if name in given]
    pairs = ((a, b) for n, a in enumerate(words) for b in words[n + 1 :])
    first, second = next(pair for pair in pairs if not _kinds_with(pair))
    return f"has {first} and {second}, which no kind of layers has both; make two groups of them"


def _kinds_with(given: Collection[str]) -> list[type[AnyLayers]]:
    return [kind for kind in LAYER_KINDS if set(given) <= {f.name for f in fields(kind)}]


def _needed(kind: type[AnyLayers]) -> list[str]:
    if kind is EmptyLayers:
        return ["count", "no_kv_cache"]
    return [field.name for field in fields(kind) if field.default is MISSING]


def _all_words() -> list[str]:
    return list(dict.fromkeys(field.name for kind in LAYER_KINDS for field in fields(kind)))


def order_problem(order: Sequence[int], counts: Sequence[int]) -> str:
    """Return why an order of layers is not that of groups with these counts; empty if it is."""
    if not order:
        return ""
    found = Counter(islice(cycle(order), sum(counts)))
    if max(found) >= len(counts):
        return f"has layer_order with {max(found)}, and the last of `layers` is {len(counts) - 1}"
    for kind, count in enumerate(counts):
        if found[kind] != count:
            return (
                f"has layer_order with {found[kind]} layers of layers[{kind}], whose count is "
                f"{count}"
            )
    return ""
