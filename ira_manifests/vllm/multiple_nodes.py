"""How vLLM runs one server on several nodes without Ray.

Each node runs `vllm serve` with the same arguments and its own rank. Rank 0 has the API server and
the engine core; the others are started with `--headless` and only run workers. Source:
vllm/entrypoints/cli/serve.py (run_headless), vllm/config/parallel.py and vllm/engine/arg_utils.py,
which refuse GPUs that the nodes don't divide evenly and any executor but multiprocessing.
"""

from __future__ import annotations

from ira_manifests.vllm.release import Release

SINCE = Release.parse("0.11.1")
"""The first release with these options; before it, several nodes need Ray."""

NODES = "--nnodes"
RANK = "--node-rank"
ADDRESS = "--master-addr"
HEADLESS = "--headless"
