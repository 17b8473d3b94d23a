"""vLLM versions, and what each of them does differently with GPU memory.

Every line of ``CHANGES`` was read in the source distribution of the releases it lies between.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import cache
from types import MappingProxyType
from typing import Any

from ira_manifests.memory.errors import EngineVersionError

_VERSION = re.compile(
    r"v?(?P<major>\d+)\.(?P<minor>\d+)(?:\.(?P<patch>\d+))?(?:\.?post\d+|\.?(?P<pre>rc|dev|a|b)\d+)?(?:\+\S+)?"
)


@dataclass(frozen=True, order=True)
class EngineVersion:
    """A vLLM release, comparable: ``EngineVersion(0, 26) > EngineVersion(0, 9, 2)``.

    A pre-release (0.26.0rc1) is older than its release: what came with the release may not be
    in it yet. Pre-releases of one release are not told apart.
    """

    major: int
    minor: int
    patch: int = 0
    is_final: bool = True

    @classmethod
    def parse(cls, text: str) -> "EngineVersion":
        """Read ``0.26.0``, ``v0.26.0``, ``0.26`` or ``0.8.5.post1``.

        Raises EngineVersionError for text that is no version (``latest``) and for an engine
        before 0.8.4, whose memory profile this package does not know.
        """
        match = _VERSION.fullmatch(text)
        if match is None:
            raise EngineVersionError(
                f"engine version {text!r} is no version: write major.minor.patch, as 0.26.0"
            )
        major, minor, patch = (int(match[part] or 0) for part in ("major", "minor", "patch"))
        version = cls(major, minor, patch, is_final=match["pre"] is None)
        if version < OLDEST:
            raise EngineVersionError(f"engine {version} is too old: {OLDEST} is the oldest known")
        return version

    def __str__(self) -> str:
        mark = "" if self.is_final else " (a pre-release)"
        return f"{self.major}.{self.minor}.{self.patch}{mark}"


OLDEST = EngineVersion(0, 8, 4)


@dataclass(frozen=True)
class EngineFacts:
    """How one engine version spends memory; the defaults are those of the oldest engine.

    Attributes:
        hybrid_cache: layers with a window keep only its blocks; else all layers are full.
        chunked_cache: the same for chunked local attention.
        pad_below: layer kinds are padded to the larger count when it is below this multiple
            of the smaller one (None: never).
        tokens_from_concurrency: the logged pool is ``int(concurrency * max_model_len)`` tokens,
            else ``blocks // groups * block size``.
        graphs_budgeted: the CUDA graphs are taken out of the utilization's share.
        batches_in_flight: batches whose tokens a window must hold at once.
        bytes_per_logit: live bytes per request and vocabulary entry when the sampler peaks.
        sampler_row_buffer: the sampler keeps one fp32 row of the vocabulary per multiprocessor.
        expert_workspace_stays: the experts' scratch memory is kept, so the sampler peaks on top.
        lean_dense_profile: dense models run on the second model runner, whose start-up profile
            leaves the sampler's working memory and the CUDA graphs out.
        second_runner: every model runs on it, and its profile includes the CUDA graphs.
        huge_batch: GPUs of 160 GiB and more take larger batches by default.
    """

    hybrid_cache: bool = False
    chunked_cache: bool = False
    pad_below: Fraction | None = None
    tokens_from_concurrency: bool = False
    graphs_budgeted: bool = False
    batches_in_flight: int = 1
    bytes_per_logit: int = 38
    sampler_row_buffer: bool = False
    expert_workspace_stays: bool = False
    lean_dense_profile: bool = False
    second_runner: bool = False
    huge_batch: bool = False


@dataclass(frozen=True)
class Change:
    """From ``since`` on, ``facts`` hold; ``source`` is the file of vLLM that says so."""

    since: EngineVersion
    facts: Mapping[str, Any]
    source: str


def _change(since: str, source: str, **facts: Any) -> Change:
    return Change(EngineVersion.parse(since), MappingProxyType(facts), source)


# In the order of release. bytes_per_logit 38 is torch's sort of all logits: bf16 2 + fp32 4,
# sorted values 4 + indices 8, and the segmented sort's own index input 8 and double buffers 12.
# 14 is sampling without a sort: bf16 2 + fp32 4 + probabilities 4 + exponential noise 4.
CHANGES: tuple[Change, ...] = (
    _change("0.9.1", "v1/core/kv_cache_utils.py", hybrid_cache=True),
    _change("0.12.0", "v1/core/kv_cache_utils.py", pad_below=Fraction(5, 4)),
    _change("0.14.0", "envs.py, config/vllm.py", chunked_cache=True),
    _change("0.14.0", "v1/worker/workspace.py", expert_workspace_stays=True),
    _change(
        "0.17.0",
        "v1/sample/ops/topk_topp_triton.py",
        bytes_per_logit=14,
        sampler_row_buffer=True,
    ),
    _change("0.18.0", "v1/core/kv_cache_utils.py", pad_below=Fraction(3, 2)),
    _change("0.20.0", "envs.py, v1/worker/gpu_worker.py", graphs_budgeted=True),
    _change("0.20.1", "v1/core/kv_cache_utils.py", tokens_from_concurrency=True),
    _change("0.21.0", "v1/sample/ops/topk_topp_sampler.py", sampler_row_buffer=False),
    _change("0.25.0", "config/vllm.py, v1/worker/gpu/model_runner.py", lean_dense_profile=True),
    _change("0.26.0", "v1/kv_cache_interface.py, config/vllm.py", batches_in_flight=2),
    _change("0.28.0", "engine/arg_utils.py", huge_batch=True),
    _change(
        "0.29.0",
        "config/vllm.py, v1/worker/gpu/model_runner.py",
        lean_dense_profile=False,
        second_runner=True,
    ),
)


@cache
def engine_facts(version: EngineVersion) -> EngineFacts:
    """Return what is known of an engine: every change up to its version, the last one wins."""
    facts = EngineFacts()
    for change in CHANGES:
        if change.since <= version:
            facts = replace(facts, **change.facts)
    return facts


def fact_names() -> tuple[str, ...]:
    """Return the names of the facts that differ between engines."""
    return tuple(field.name for field in fields(EngineFacts))
