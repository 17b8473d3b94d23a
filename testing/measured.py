"""Reads the measured start-ups in tests/data."""

import csv
from decimal import Decimal

from ira_manifests.memory import (
    Accelerator,
    Experts,
    Geometry,
    Layers,
    Serving,
    Weights,
)
from ira_manifests.vllm import Release
from testing.project import ROOT
from tools.memory_accuracy import Measured

DATA = ROOT / "tests/data"


def measured_rows() -> tuple[Measured, ...]:
    """Return every row of vllm-memory-measured.csv, in its order."""
    models = {row["model"]: row for row in read_rows("vllm-memory-models.csv")}
    return tuple(
        _measured(row, models[row["model"]]) for row in read_rows("vllm-memory-measured.csv")
    )


def read_rows(name: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file in tests/data, by column."""
    with (DATA / name).open(newline="") as file:
        return list(csv.DictReader(file))


def _measured(row: dict[str, str], model: dict[str, str]) -> Measured:
    return Measured(
        model=row["model"],
        serving=_serving(row, _geometry(row, model)),
        activation_gib=Decimal(row["activation_gib"]),
        other_gib=Decimal(row["non_torch_gib"]),
        graph_gib=Decimal(row["cuda_graph_gib"]),
        pool_gib=Decimal(row["kv_pool_gib"]),
        tokens=int(row["kv_tokens"]),
        concurrency=Decimal(row["max_concurrency"]),
    )


def _serving(row: dict[str, str], geometry: Geometry) -> Serving:
    size, weights = int(row["tensor_parallel"]), Decimal(row["weights_gib"])
    return Serving(
        geometry=geometry,
        weights=Weights(weights * size, {size: weights}),
        accelerator=Accelerator(row["gpu"], Decimal(row["total_gib"])),
        engine=Release.parse(row["engine"]),
        tensor_parallel=size,
        max_model_len=int(row["max_model_len"]),
        utilization=Decimal(row["gpu_memory_utilization"]),
        kv_cache_dtype=row["kv_cache_dtype"],
    )


def _geometry(row: dict[str, str], model: dict[str, str]) -> Geometry:
    return Geometry(
        num_attention_heads=int(row["num_attention_heads"]),
        hidden_size=int(model["hidden_size"]),
        vocab_size=int(row["vocab_size"]),
        max_position_embeddings=int(model["max_position_embeddings"]),
        layers=_layers(row),
        intermediate_size=int(model["intermediate_size"]) or None,
        experts=_experts(model),
        image_values_per_token=int(model["image_values_per_token"]),
    )


def _layers(row: dict[str, str]) -> tuple[Layers, ...]:
    sliding, window = int(row["sliding_layers"]), int(row["sliding_window"])
    heads, dim = int(row["num_key_value_heads"]), int(row["head_dim"])
    full = Layers(int(row["num_hidden_layers"]) - sliding, heads, dim)
    if not sliding:
        return (full,)
    return (Layers(sliding, heads, dim, sliding_window=window), full)


def _experts(model: dict[str, str]) -> Experts | None:
    if not int(model["num_experts_per_tok"]):
        return None
    return Experts(int(model["num_experts_per_tok"]), int(model["moe_intermediate_size"]))
