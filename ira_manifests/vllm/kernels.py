"""What vLLM has no kernel for on a GPU, by its compute capability.

Compared with the sources of some releases only; empty for others, where it is not known.
"""

from __future__ import annotations

from decimal import Decimal

from ira_manifests.vllm.release import Release

# ModelOptFp8Config.get_min_capability in model_executor/layers/quantization/modelopt.py: 89 in
# 0.8.5, 0.11.2, 0.16.0, 0.19.0, 0.22.1, 0.25.1 and 0.26.0; 80 in 0.27.1.
_FP8_OF_MODELOPT = (Release.parse("0.8.4"), Release.parse("0.26.0"), Decimal("8.9"))
# supports_compute_capability of v1/attention/backends/mla/*_sparse.py: major 9, 10 or 12, in
# 0.11.2, 0.16.0, 0.19.0, 0.22.1, 0.25.1, 0.26.0, 0.27.1 and 0.28.0.
_SPARSE_LATENTS = (Release.parse("0.11.2"), Release.parse("0.28.0"), Decimal("9.0"))

FP8_OF_MODELOPT = "modelopt_fp8"
"""The method of checkpoints that NVIDIA's Model Optimizer has quantised to fp8.

The other methods have kernels from 8.0 on: fp8 and compressed-tensors by Marlin, which holds
weights in 8 bit and computes in 16, modelopt_fp4 and mxfp4 likewise, awq and gptq from 7.5 on.
"""


def missing(
    capability: Decimal, release: Release, *, quantization: str = "", sparse_latents: bool = False
) -> str:
    """Return what the engine has no kernel for; empty if nothing is known to be missing.

    quantization: the checkpoint's method. sparse_latents: whether layers of latent attention have
    a sparse indexer.
    """
    needs = []
    if quantization == FP8_OF_MODELOPT:
        needs.append(("fp8 weights of Model Optimizer (modelopt)", _FP8_OF_MODELOPT))
    if sparse_latents:
        needs.append(("latent attention with a sparse indexer", _SPARSE_LATENTS))
    for what, (first, last, least) in needs:
        if first <= release and release.final <= last and capability < least:
            return (
                f"vLLM {release} has no kernel for {what} on GPUs of compute capability "
                f"{capability}; {least} is the least"
            )
    return ""
