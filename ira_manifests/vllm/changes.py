"""Changes between vLLM's releases that this package depends on; options are in options.json.

Each change was verified in the source distributions of the releases before and after it, from
`OLDEST` to `NEWEST`. Sources without a URL are files of https://github.com/vllm-project/vllm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from types import MappingProxyType
from typing import Any

from ira_manifests.vllm.release import Release, UnknownReleaseError

SAMPLED, SORTED = 14, 38
"""Live bytes per request and vocabulary entry, of sampling without and with a sort of all logits.

Without: bf16 2 + fp32 4 + probabilities 4 + masked logits or noise 4. With torch's sort: bf16 2 +
fp32 4, sorted values 4 + indices 8, and the segmented sort's own index input 8 and double buffers
12.
"""

OLDEST = Release.parse("0.8.4")
NEWEST = Release.parse("0.33.0")


@dataclass(frozen=True)
class ReleaseFacts:
    """Facts of one release; the defaults are those of the oldest one.

    Attributes:
        cuda: which CUDA its image is built on.
        image_has_user: its image has a user that is not root.
        entry: what its image starts by itself.
        refuses_float16: the server refuses float16 for models that overflow in it.
        hybrid_cache: layers with a sliding window keep only the window's blocks; else every layer
            keeps all blocks.
        chunked_cache: the same for chunked local attention.
        pad_below: layer kinds are padded to the larger count when it is below this multiple
            of the smaller one (None: never).
        tokens_from_concurrency: the logged size of the KV cache is
            ``int(concurrency * max_model_len)`` tokens, else ``blocks // groups * block size``.
        graphs_budgeted: the memory of CUDA graphs counts towards the utilization's share.
        states_for_all: the server starts only if there is a state block for each request.
        batches_in_flight: batches whose tokens a sliding window must hold at the same time.
        bytes_per_logit: live bytes per request and vocabulary entry when the sampler peaks, as the
            release's image samples.
        sampler_row_buffer: the sampler keeps one fp32 row of the vocabulary per multiprocessor.
        expert_workspace_stays: the experts' scratch memory is kept, so the sampler peaks on top.
        lean_dense_profile: dense models run on the second model runner, whose start-up profile
            leaves the sampler's working memory and the CUDA graphs out.
        second_runner: every model runs on it, and its profile includes the CUDA graphs.
        huge_batch: GPUs of 160 GiB and more take larger batches by default.
    """

    cuda: str = "12.4"
    image_has_user: bool = False
    entry: str = "python3 -m vllm.entrypoints.openai.api_server"
    refuses_float16: bool = False
    hybrid_cache: bool = False
    chunked_cache: bool = False
    pad_below: Fraction | None = None
    tokens_from_concurrency: bool = False
    graphs_budgeted: bool = False
    states_for_all: bool = False
    batches_in_flight: int = 1
    bytes_per_logit: int = SAMPLED
    sampler_row_buffer: bool = False
    expert_workspace_stays: bool = False
    lean_dense_profile: bool = False
    second_runner: bool = False
    huge_batch: bool = False


@dataclass(frozen=True)
class Change:
    """``facts`` hold from ``since`` on, according to ``source``: files of vLLM, or a URL."""

    since: Release
    facts: Mapping[str, Any]
    source: str


def _change(since: str, source: str, **facts: Any) -> Change:
    return Change(Release.parse(since), MappingProxyType(facts), source)


# In order of release.
CHANGES: tuple[Change, ...] = (
    _change("0.9.0", "docker/Dockerfile", cuda="12.8"),
    _change("0.9.1", "vllm/v1/core/kv_cache_utils.py", hybrid_cache=True),
    # _FLOAT16_NOT_SUPPORTED_MODELS, which is checked since then.
    _change("0.9.1", "vllm/config/model.py", refuses_float16=True),
    _change("0.11.1", "docker/Dockerfile", cuda="12.9"),
    _change("0.11.1", "docker/Dockerfile", entry="vllm serve"),
    # Before, the image sampled with FlashInfer, which docker/Dockerfile installs, without a sort.
    _change("0.11.1", "https://github.com/vllm-project/vllm/pull/26859", bytes_per_logit=SORTED),
    _change("0.12.0", "vllm/v1/core/kv_cache_utils.py", pad_below=Fraction(5, 4)),
    _change("0.14.0", "vllm/envs.py, vllm/config/vllm.py", chunked_cache=True),
    _change("0.14.0", "vllm/v1/worker/workspace.py", expert_workspace_stays=True),
    _change(
        "0.17.0",
        "vllm/v1/sample/ops/topk_topp_triton.py",
        bytes_per_logit=SAMPLED,
        sampler_row_buffer=True,
    ),
    _change("0.18.0", "vllm/v1/core/kv_cache_utils.py", pad_below=Fraction(3, 2)),
    _change("0.20.0", "docker/Dockerfile", cuda="13.0"),
    _change("0.20.0", "vllm/envs.py, vllm/v1/worker/gpu_worker.py", graphs_budgeted=True),
    # resolve_cudagraph_mode_and_sizes; before, fewer sizes of CUDA graphs were captured.
    _change("0.20.0", "vllm/config/compilation.py", states_for_all=True),
    _change("0.20.1", "vllm/v1/core/kv_cache_utils.py", tokens_from_concurrency=True),
    _change("0.21.0", "vllm/v1/sample/ops/topk_topp_sampler.py", sampler_row_buffer=False),
    # docker/Dockerfile in the source distribution of 0.21.0 has no such user.
    _change("0.22.0", "https://github.com/vllm-project/vllm/pull/40275", image_has_user=True),
    _change(
        "0.25.0",
        "vllm/config/vllm.py, vllm/v1/worker/gpu/model_runner.py",
        lean_dense_profile=True,
    ),
    _change("0.26.0", "vllm/v1/kv_cache_interface.py, vllm/config/vllm.py", batches_in_flight=2),
    _change("0.28.0", "vllm/engine/arg_utils.py", huge_batch=True),
    _change(
        "0.29.0",
        "vllm/config/vllm.py, vllm/v1/worker/gpu/model_runner.py",
        lean_dense_profile=False,
        second_runner=True,
    ),
)


@cache
def facts_of(release: Release) -> ReleaseFacts:
    """Return the facts of a release: of several changes up to it, the last one wins.

    A release after the newest has the newest one's facts. A candidate has the facts of the release
    before it, because it may not have its own release's changes yet. To cover both, use
    `release.final` too.
    Raises UnknownReleaseError for a release before the oldest.
    """
    if release < OLDEST:
        raise UnknownReleaseError(f"vLLM {release} is too old: {OLDEST} is the oldest known")
    facts = ReleaseFacts()
    for change in CHANGES:
        if change.since <= release:
            facts = replace(facts, **change.facts)
    return facts


def first_with(fact: str) -> Release:
    """Return the first release in which a fact is true."""
    return next(change.since for change in CHANGES if change.facts.get(fact))
