"""A model of a few hundred kilobytes, with the same kinds of files as a model on the Hub."""

from __future__ import annotations

import json
import random

MODEL_ID = "Some-Org/Tiny_Model-3b.it"
INDEX = "model.safetensors.index.json"
SHARDS = [f"model-{i:05}-of-00003.safetensors" for i in (1, 2, 3)]
RANDOM = random.Random(5)  # noqa: S311  bytes that differ, no secret


def weights(size: int = 200_000) -> bytes:
    """Return `size` random bytes, different in each call."""
    return RANDOM.randbytes(size)


def sharded_model() -> dict[str, bytes]:
    """Return the files of a model in three shards, by their paths."""
    index = {"metadata": {}, "weight_map": {f"layer.{i}": name for i, name in enumerate(SHARDS)}}
    return {
        "README.md": b"# Tiny\n",
        "config.json": b'{"model_type": "tiny"}\n',
        "tokenizer.json": weights(1000),
        "chat templates/default.jinja": b"{{ messages }}",
        INDEX: json.dumps(index).encode(),
        **{shard: weights() for shard in SHARDS},
    }
