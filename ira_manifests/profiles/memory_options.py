"""Server options that affect memory use, and whether their effect is computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ira_manifests.memory import BatchLimits, EngineOptions
from ira_manifests.memory.engine_options import DEFAULTS
from ira_manifests.profiles.memory_readers import Asked
from ira_manifests.profiles.memory_table import LISTED, REQUESTS, ROWS, TOKENS, Row
from ira_manifests.profiles.speculation_readers import SPECULATION
from ira_manifests.vllm import human_readable_int, settings
from ira_manifests.vllm.release import Release

LONGER_CONTEXT = frozenset({"--config", "--hf-config-path", "--hf-overrides", "--rope-scaling"})
"""Options that can make contexts legal beyond the model's own: they change its config."""

_BESIDE_FLOAT32 = frozenset(
    {
        "async_scheduling",
        "block_tokens",
        "both_graphs",
        "capture_sizes",
        "element_bytes",
        "hybrid_cache",
        "kv_cache_blocks",
        "kv_cache_bytes",
        "largest_capture",
        "takes_media",
        "vision_bytes",
    }
)
"""What options may change beside `--dtype=float32`: none of the layers' weights."""

_READ: dict[str, Callable[[str], int]] = {TOKENS: human_readable_int, REQUESTS: int}


@dataclass(frozen=True)
class Flags:
    """What a cell's args say of its memory.

    `uncomputed`: the options, by their full names, because of which it can't be computed.
    """

    options: EngineOptions = DEFAULTS
    uncomputed: tuple[str, ...] = ()


def read(args: Sequence[str], engine: str, asked: Asked) -> Flags:
    """Return what the args change, as a release of vLLM reads them.

    An option that is in no row of the table changes nothing.
    """
    if not args:
        return Flags()
    changes: dict[str, Any] = {}
    uncomputed = []
    given = settings(args, engine)
    for name, text in given.items():
        row = LISTED.get(name)
        if row is not None and row.joint is not None:
            continue
        found = _changes(name, text, engine, asked)
        if found is None:
            uncomputed.append(name)
        elif changes.get("capture_sizes") != ():  # without CUDA graphs, no other size counts
            changes |= found
        else:
            changes |= {**found, "capture_sizes": ()}
    for row in ROWS:
        together = _joint_changes(row, given, engine, asked)
        if isinstance(together, tuple):
            uncomputed += together
        else:
            changes |= together
    uncomputed += _not_together(given, changes)
    return Flags(EngineOptions(**changes), tuple(uncomputed))


def _not_together(given: Mapping[str, str], changes: Mapping[str, Any]) -> Iterator[str]:
    """Yield options that can be computed, but not beside others."""
    if changes.get("draft_tokens") and _refuses_speculation(given, changes):
        yield next(name for name in SPECULATION if name in given)
    # Where offloaded weights are, their buffers are; of quantised ones, the loader decides which.
    if changes.get("cpu_offload_bytes") and {"adapters", "quantised_bytes"} & changes.keys():
        yield "--cpu-offload-gb"
    if "element_bytes" in changes and not set(changes) <= _BESIDE_FLOAT32:
        yield "--dtype"


def _refuses_speculation(given: Mapping[str, str], changes: Mapping[str, Any]) -> bool:
    """Return whether it is not known that the engine starts with n-gram speculation and others.

    It does not with async scheduling (config/vllm.py), where no CUDA graph has room for a request's
    tokens (config/compilation.py), and with LoRA where a batch has too few tokens
    (engine/arg_utils.py).
    """
    sizes = (*(changes.get("capture_sizes") or ()), changes.get("largest_capture", 0))
    tokens = changes["draft_tokens"]
    is_small = 0 < max(sizes) <= tokens or (_number(given, TOKENS) or tokens + 1) <= tokens
    others = {"adapters", "both_graphs", "context_shards"} & changes.keys()
    return given.get("--async-scheduling") == "true" or is_small or bool(others)


def _joint_changes(
    row: Row, given: Mapping[str, str], engine: str, asked: Asked
) -> Mapping[str, Any] | tuple[str, ...]:
    """Return what options that count together change, or those that can't be computed."""
    own = {name: text for name, text in given.items() if name in row.options}
    if row.joint is None or not own:
        return {}
    found = row.joint(own, asked)
    if found and not isinstance(found, tuple) and not row.is_computed("", Release.parse(engine)):
        return tuple(own)
    return found if found is not None else tuple(own)


def _changes(name: str, text: str, engine: str, asked: Asked) -> dict[str, Any] | None:
    """Return what one option changes of `EngineOptions`; None where that can't be computed."""
    if name in _READ:  # of the container's start, nothing is known
        return None if "$(" in text else {}
    row = LISTED.get(name)
    if row is None or text in row.default:
        return {}
    found = row.reader(text, asked)
    if found and not row.is_computed(text, Release.parse(engine)):
        return None
    return None if found is None else dict(found)


def batch(args: Sequence[str], engine: str, default: BatchLimits) -> BatchLimits:
    """Return the largest batch: what the args say of it, as the engine reads them."""
    given = settings(args, engine) if args else {}
    return BatchLimits(
        tokens=_number(given, TOKENS) or default.tokens,
        requests=_number(given, REQUESTS) or default.requests,
    )


def _number(given: Mapping[str, str], name: str) -> int | None:
    """Return the number of an option; None where there is none that the engine takes."""
    try:
        number = _READ[name](given[name])
    except (KeyError, ValueError):
        return None
    return number if number > 0 else None
