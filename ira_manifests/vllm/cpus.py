"""The CPUs that vLLM's processes need.

There is an API server, the engine core, which never sleeps, and a worker for each GPU. With fewer
physical cores than processes they wait for each other. A vCPU of Compute Engine is half a core.
https://docs.vllm.ai/en/latest/configuration/optimization/#cpu-resources-for-gpu-deployments
(vllm-project/vllm, pull request 33940).
"""

from __future__ import annotations

_PROCESSES_BESIDE_WORKERS = 2
_VCPUS_OF_A_CORE = 2


def least(gpus: int) -> int:
    """Return the fewest vCPUs for a server with this number of GPUs."""
    return _VCPUS_OF_A_CORE * (_PROCESSES_BESIDE_WORKERS + gpus)
