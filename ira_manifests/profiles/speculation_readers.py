"""Read the options of speculative decoding: n-gram, which has no weights and no KV cache.

Sources are files of https://github.com/vllm-project/vllm, as of release 0.26.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ira_manifests.profiles.memory_readers import Asked, Changes, keys_of

CONFIG, *_SHORT = SPECULATION = (
    "--speculative-config",
    "--spec-method",
    "--spec-model",
    "--spec-tokens",
)
"""The options whose values are computed together."""

_KEYS = dict(zip(_SHORT, ("method", "model", "num_speculative_tokens"), strict=True))
_NGRAM = {"ngram", "[ngram]"}
_LOOKUP = ("prompt_lookup_min", "prompt_lookup_max")
_MOST_TOKENS = 128
"""MAX_SPEC_LEN of v1/sample/rejection_sampler.py."""


def speculation(given: Mapping[str, str], asked: Asked) -> Changes | tuple[str, ...]:
    """Return what speculative decoding changes, or the names of the options if it isn't computed.

    Computed for n-gram and attention layers on one stage. It has no async scheduling
    (config/vllm.py), and no blocks for tokens to come (v1/core/sched/scheduler.py).
    """
    shape = asked.geometry
    tokens = _ngram_tokens(_merged(given))
    is_plain = bool(shape.attention) and not (shape.latent or shape.recurrent)
    if tokens is None or not is_plain or asked.pipeline_parallel > 1:
        return tuple(given)
    return {"draft_tokens": tokens, "async_scheduling": False}


def _merged(given: Mapping[str, str]) -> dict[str, Any]:
    """Return the keys of all options; empty where the engine refuses them.

    Source: engine/arg_utils.py (create_speculative_config).
    """
    keys = (keys_of(given[CONFIG]) or {"": None}) if CONFIG in given else {}
    short = {key: given[name] for name, key in _KEYS.items() if name in given}
    if keys.keys() & short.keys():
        return {}
    return {key.replace("-", "_"): value for key, value in (keys | short).items()}


def _ngram_tokens(keys: Mapping[str, Any]) -> int | None:
    """Return the tokens that n-gram speculation proposes; None for other methods and settings."""
    if set(keys) - {*_KEYS.values(), *_LOOKUP}:
        return None
    method, model = keys.get("method"), keys.get("model")
    names = [name for name in (method, model) if name is not None]
    if not names or not all(isinstance(name, str) and name in _NGRAM for name in names):
        return None
    windows = [_count(keys[name]) for name in _LOOKUP if keys.get(name) is not None]
    if None in windows or windows != sorted(windows, key=lambda size: size or 0):
        return None
    tokens = _count(keys.get("num_speculative_tokens"))
    return tokens if tokens is not None and tokens <= _MOST_TOKENS else None


def _count(value: object) -> int | None:
    """Return a whole number above 0, given as one or as text; else None."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:  # noqa: PLR2004
        value = int(value)
    return value if type(value) is int and value > 0 else None
