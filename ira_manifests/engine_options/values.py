"""The values of options, as vLLM reads them.

Facts: vllm/utils/argparse_utils.py of release 0.26.0, and vllm/engine/arg_utils.py before 0.20.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_WITH_SUFFIX = re.compile(r"(\d+(?:\.\d+)?)([kKmMgGtT])")
_POWERS = {"k": 1, "m": 2, "g": 3, "t": 4}


def human_readable_int(text: str) -> int:
    """Return the number that vLLM reads in options of tokens and bytes.

    Small letters multiply by powers of 1000, capitals by powers of 1024: 128k is 128,000, 1.5m
    1,500,000 and 128K 131,072. Raises ValueError for text that is no such number, as 1.5K is.
    These options are read so: --max-model-len (which takes auto and -1 as well),
    --max-num-batched-tokens, --kv-cache-memory-bytes and a few more; others, as --max-num-seqs,
    take plain integers alone.
    """
    text = text.strip()
    match = _WITH_SUFFIX.fullmatch(text)
    if match is None:
        return int(text)
    number, suffix = match.groups()
    power: int = _POWERS[suffix.lower()]
    if suffix.islower():
        return int(float(number) * float(1000**power))
    return int(number) << 10 * power


def merge(into: dict[str, Any], keys: Sequence[str], text: str) -> None:
    """Add `--option.key.key=text` to what an option has of keys; `key+` adds to a list."""
    *parents, last = keys
    for key in parents:
        inner = into.get(key)
        into = into.setdefault(key, {}) if inner is None or isinstance(inner, dict) else {}
    if last.endswith("+"):
        last, value = last.removesuffix("+"), list[Any](text.split(","))
        known = into.get(last)
        into[last] = [*known, *value] if isinstance(known, list) else value
    else:
        into[last] = _loaded(text)


def _loaded(text: str) -> Any:
    for read in (json.loads, human_readable_int):
        try:
            value: Any = read(text)
        except (ValueError, RecursionError):
            continue
        return dict(value) if isinstance(value, Mapping) else value
    return text
