"""Single start-ups that their owners reported (tests/data/vllm-points.csv), and their estimates."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType

from ira_manifests.memory import (
    GIB,
    Accelerator,
    BatchLimits,
    Budget,
    EngineOptions,
    Experts,
    Geometry,
    Layers,
    Overheads,
    Serving,
    Verdict,
    Weights,
    budget,
    gib,
)
from ira_manifests.vllm import Release
from ira_manifests.vllm.changes import facts_of
from testing.measured import read_rows

TOLERANCE = 0.03
"""An estimate may be this share off its figure."""

_OVERHEADS = Overheads()
_OTHERS_BATCH = 32768


@dataclass(frozen=True)
class Judgement:
    """What the estimate says of a point.

    Attributes:
        estimate: the same number as the point's figure; None without a figure or an estimate.
        verdict: of the start-up, where it is reported to fail or to start.
        holds: whether the estimate is within the tolerance, or the verdict on the right side; None
            if the point is not judged.
        note: the setting that the file does not have, or why the point is not judged.
    """

    estimate: float | None = None
    verdict: Verdict | None = None
    holds: bool | None = None
    note: str = ""


@dataclass(frozen=True)
class Point:
    """One row of the file, with its judgement."""

    row: Mapping[str, str]
    judgement: Judgement

    @property
    def error(self) -> float | None:
        """Return the relative error of the estimate; None without one."""
        if self.judgement.estimate is None:
            return None
        return self.judgement.estimate / float(self.row["value"]) - 1


def points() -> tuple[Point, ...]:
    """Return every row of vllm-points.csv, in its order.

    Raises KeyError for a row that no case in this module covers.
    """
    return tuple(
        Point(MappingProxyType(row), _CASES[_key(row)](row)) for row in read_rows("vllm-points.csv")
    )


def _key(row: Mapping[str, str]) -> tuple[str, str, str, str]:
    return row["model"], row["engine"], row["tensor_parallel"], row["what"].split("(")[0].strip()


def _attention(
    shape: tuple[int, int, int, int, int], count: int, kv_heads: int, head_dim: int = 128
) -> Geometry:
    """Return a model of equal layers: query heads, width, vocabulary, context, and MLP."""
    heads, hidden, vocab, context, mlp = shape
    layers = (Layers(count, kv_heads, head_dim),)
    return Geometry(heads, hidden, vocab, context, layers, mlp)


def _sliding(count: int, kv_heads: int, head_dim: int, window: int) -> Layers:
    return Layers(count, kv_heads, head_dim, sliding_window=window)


# From each model's config.json on Hugging Face.
LLAMA_8B = _attention((32, 4096, 128256, 131072, 14336), 32, 8)
LLAMA_70B = _attention((64, 8192, 128256, 131072, 28672), 80, 8)
LLAMA_3B = _attention((24, 3072, 128256, 131072, 8192), 28, 8)
QWEN3_32B = _attention((64, 5120, 151936, 40960, 25600), 64, 8)
MISTRAL_SMALL = replace(
    _attention((32, 5120, 131072, 131072, 32768), 40, 8), image_values_per_token=3 * (14 * 2) ** 2
)
GPT_OSS_20B = Geometry(
    num_attention_heads=64,
    hidden_size=2880,
    vocab_size=201088,
    max_position_embeddings=131072,
    layers=(_sliding(12, 8, 64, 128), Layers(12, 8, 64)),
    experts=Experts(num_experts_per_tok=4, moe_intermediate_size=2880),
)
GPT_OSS_120B = replace(GPT_OSS_20B, layers=(_sliding(18, 8, 64, 128), Layers(18, 8, 64)))
DEEPSEEK_V2_LITE = Geometry(
    num_attention_heads=16,
    hidden_size=2048,
    vocab_size=102400,
    max_position_embeddings=163840,
    layers=(Layers(27, 1, 576),),
    experts=Experts(num_experts_per_tok=6, moe_intermediate_size=1408),
)
GEMMA4_31B = Geometry(
    num_attention_heads=32,
    hidden_size=5376,
    vocab_size=262144,
    max_position_embeddings=262144,
    layers=(_sliding(50, 16, 256, 1024), Layers(10, 4, 512)),
    intermediate_size=21504,
)
GEMMA3_27B = Geometry(
    num_attention_heads=32,
    hidden_size=5376,
    vocab_size=262208,
    max_position_embeddings=131072,
    layers=(_sliding(52, 16, 128, 1024), Layers(10, 16, 128)),
    intermediate_size=21504,
    image_values_per_token=3 * (14 * 4) ** 2,
)

H100 = Accelerator("nvidia-h100-80gb", Decimal("79.19"))
_GPUS = {
    gpu.name: gpu
    for gpu in (
        H100,
        Accelerator("nvidia-a100-80gb", Decimal("79.25"), is_a100=True, multiprocessors=108),
        Accelerator("nvidia-l4", Decimal("22.03"), multiprocessors=58),
    )
}


def _serving(
    row: Mapping[str, str],
    geometry: Geometry,
    *,
    context: int | None = None,
    batch: BatchLimits | None = None,
) -> Serving:
    """Return a row's configuration; the arguments are settings that the file does not have."""
    size, weights = int(row["tensor_parallel"]), Decimal(row["weights_gib"] or 1)
    gpu = _GPUS[row["gpu"] or H100.name]
    return Serving(
        geometry=geometry,
        weights=Weights(weights * size, {size: weights}),
        accelerator=replace(gpu, usable_gib=Decimal(row["total_gib"] or gpu.usable_gib)),
        engine=Release.parse(row["engine"]),
        tensor_parallel=size,
        max_model_len=context or int(row["max_model_len"]),
        utilization=Decimal(row["gpu_memory_utilization"]),
        kv_cache_dtype=row["kv_cache_dtype"],
        batch=batch,
    )


def _near(row: Mapping[str, str], estimate: float, note: str = "") -> Judgement:
    holds = abs(estimate / float(row["value"]) - 1) <= TOLERANCE
    return Judgement(estimate, holds=holds, note=note)


def _used(geometry: Geometry) -> Callable[[Mapping[str, str]], Judgement]:
    def judge(row: Mapping[str, str]) -> Judgement:
        size = int(row["tensor_parallel"])
        return _near(row, _OVERHEADS.context_bytes(geometry, size, is_h100=True) / GIB)

    return judge


def _graphs(geometry: Geometry, *, estimated: bool) -> Callable[[Mapping[str, str]], Judgement]:
    def judge(row: Mapping[str, str]) -> Judgement:
        batch = H100.default_batch(facts_of(Release.parse(row["engine"])))
        of = _OVERHEADS.estimated_graph_bytes if estimated else _OVERHEADS.graph_bytes
        return _near(row, of(geometry, batch) / GIB)

    return judge


def _pool(
    geometry: Geometry, note: str = "", batch: BatchLimits | None = None
) -> Callable[[Mapping[str, str]], Judgement]:
    def judge(row: Mapping[str, str]) -> Judgement:
        return _near(row, budget(_serving(row, geometry, batch=batch)).kv_pool / GIB, note)

    return judge


def _fails(geometry: Geometry, note: str = "") -> Callable[[Mapping[str, str]], Judgement]:
    def judge(row: Mapping[str, str]) -> Judgement:
        context = None if row["max_model_len"] else 8192
        verdict = budget(_serving(row, geometry, context=context)).verdict
        return Judgement(verdict=verdict, holds=verdict is not Verdict.FITS, note=note)

    return judge


def _starts(geometry: Geometry) -> Callable[[Mapping[str, str]], Judgement]:
    def judge(row: Mapping[str, str]) -> Judgement:
        estimate = budget(_serving(row, geometry))
        near = _near(row, estimate.kv_pool / GIB)
        fits = estimate.verdict is Verdict.FITS
        return replace(near, verdict=estimate.verdict, holds=bool(near.holds) and fits)

    return judge


def _request(row: Mapping[str, str]) -> Judgement:
    batch = BatchLimits(_OTHERS_BATCH, 1024)
    serving = _serving(row, GEMMA4_31B, context=262144, batch=batch)
    return _near(row, budget(serving).kv_request / GIB, "the model's own context of 262144 tokens")


def _tokens(row: Mapping[str, str]) -> Judgement:
    """Judge the logged tokens of the reported pool: other settings of the server are not known."""
    estimate: Budget = budget(_serving(row, GEMMA4_31B, context=131072))
    given = replace(estimate, kv_pool=gib(50))
    return _near(row, given.tokens, "of the reported pool of about 50 GiB")


def _says(fact: str) -> Callable[[Mapping[str, str]], Judgement]:
    """Judge what a release's source says by the fact of the release."""

    def judge(row: Mapping[str, str]) -> Judgement:
        facts = facts_of(Release.parse(row["engine"]))
        if fact == "huge_batch":
            huge = Accelerator("nvidia-b200", Decimal("178.36"))
            return _near(row, huge.default_batch(facts).tokens)
        return Judgement(holds=bool(getattr(facts, fact)))

    return judge


def _float32(row: Mapping[str, str]) -> Judgement:
    weights = {**row, "weights_gib": "14.99"}
    serving = replace(_serving(weights, LLAMA_8B), options=EngineOptions(element_bytes=4))
    note = "taken for Llama 3.1 8B, whose requests in bfloat16 are the other figure"
    return _near(row, float(budget(serving).concurrency), note)


_OSS, _DEEPSEEK = "openai/gpt-oss-20b", "deepseek-ai/DeepSeek-V2-Lite-Chat"
_GEMMA4, _AWQ = "google/gemma-4-31B-it", "gemma-4-31b AWQ"
_ACTUAL, _ESTIMATED = "CUDA graphs actual", "CUDA graphs as the engine estimates"
_CASES: Mapping[tuple[str, str, str, str], Callable[[Mapping[str, str]], Judgement]] = {
    ("any dense model", "0.19.0", "2", "used before start"): _used(LLAMA_70B),
    (_OSS, "0.19.0", "2", "used before start"): _used(GPT_OSS_20B),
    ("any model", "0.19.0", "1", "used before start"): _used(LLAMA_8B),
    ("any model", "0.19.0", "2", "fails at start-up: wants 19.84 free"): _fails(LLAMA_8B),
    (_OSS, "0.19.0", "1", _ACTUAL): _graphs(GPT_OSS_20B, estimated=False),
    (_OSS, "0.19.0", "1", _ESTIMATED): _graphs(GPT_OSS_20B, estimated=True),
    (_DEEPSEEK, "0.19.0", "1", _ACTUAL): _graphs(DEEPSEEK_V2_LITE, estimated=False),
    (_DEEPSEEK, "0.19.0", "1", _ESTIMATED): _graphs(DEEPSEEK_V2_LITE, estimated=True),
    (_OSS, "0.19.0", "1", "KV pool 58.47 GiB then dies in the sampler warm-up"): _fails(
        GPT_OSS_20B
    ),
    (_OSS, "0.19.0", "2", "starts; KV pool"): _starts(GPT_OSS_20B),
    (_GEMMA4, "0.26.0", "1", "GiB of KV cache one request needs"): _request,
    (_GEMMA4, "0.25.1", "1", "GiB of KV cache one request needs"): _request,
    (_AWQ, "0.20.0", "1", "longest context"): _tokens,
    (_AWQ, "0.21.0", "1", "longest context"): _tokens,
    ("openai/gpt-oss-120b", "0.10.1", "1", "KV pool"): _fails(
        GPT_OSS_120B, "installed without FlashInfer, which the image has"
    ),
    ("Qwen/Qwen3-32B-FP8", "0.26.0", "1", "KV pool"): _pool(
        QWEN3_32B, "--max-num-seqs=32", BatchLimits(8192, 32)
    ),
    ("meta-llama/Llama-3.1-8B-Instruct", "0.33.0", "1", "KV pool"): _pool(LLAMA_8B),
    ("meta-llama/Llama-3.2-3B-Instruct", "0.26.0", "1", "KV pool"): _pool(LLAMA_3B),
    ("a float32 model", "0.19.0", "1", "concurrency"): _float32,
    ("any", "0.28.0", "", "default --max-num-batched-tokens from this release on"): _says(
        "huge_batch"
    ),
    (
        "any",
        "0.29.0",
        "",
        "the second model runner profiles CUDA graphs for all models from this release on",
    ): _says("second_runner"),
    ("mistralai/Mistral-Small-3.2-24B-Instruct-2506", "0.11.0", "1", "KV pool"): _pool(
        MISTRAL_SMALL
    ),
}
