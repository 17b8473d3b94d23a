"""The order of a model's layers, by which pipeline parallelism splits them."""

from __future__ import annotations

from collections.abc import Sequence

from ira_manifests.architectures.layers import Layer


def order(layers: Sequence[Layer]) -> tuple[int, ...] | None:
    """Return the shortest period of the layers, as indices into `grouped`.

    None for layers of one kind, and for those without attention, which pipeline parallelism splits
    in a way that is not computed.
    """
    kinds = {tuple(layer.keeps.items()): None for layer in layers}
    if len(kinds) == 1 or not all(
        {"head_dim", "kv_lora_rank"} & set(kind) for kind in map(dict, kinds)
    ):
        return None
    places = {kind: place for place, kind in enumerate(kinds)}
    found = tuple(places[tuple(layer.keeps.items())] for layer in layers)
    return next(
        found[:size]
        for size in range(1, len(found) + 1)
        if all(kind == found[place % size] for place, kind in enumerate(found))
    )


def dense_at_first(layers: Sequence[Layer]) -> int | None:
    """Return how many layers come before those with experts; None if others lack them as well."""
    sparse = [layer.mixture is not None for layer in layers]
    first = sparse.index(True) if any(sparse) else 0
    return first if all(sparse[first:]) else None
