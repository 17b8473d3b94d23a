"""Environment variables of vLLM and of its libraries: who reads them, and what may change memory.

Source: vLLM's envs.py, releases 0.19.0 to 0.27.1, and where its names are read. variables.json has
the names in the source of each release; it is read on first use.
"""

import re
from functools import cache

from ira_manifests.vllm import release_table
from ira_manifests.vllm.release import Release
from ira_manifests.vllm.release_table import ReleaseTable, texts_at

FILE = "variables.json"
_OWN = "VLLM_"
_CLOSE = 0.85

_FAMILIES = ("VLLM_", "CUBLAS", "CUDA_", "CUDNN_", "FLASHINFER_", "NCCL_", "PYTORCH_", "TORCH",
             "TRITON_")  # fmt: skip
"""Prefixes of the libraries that allocate GPU memory."""

_HARMLESS = (
    # Logs, and what is written beside them.
    r"VLLM_(CONFIGURE_LOGGING|LOGGING_\w+|LOG_\w+|DISABLE_LOG_LOGO|DEBUG_LOG_API_SERVER_RESPONSE)",
    r"VLLM_(USAGE_\w+|NO_USAGE_STATS|DO_NOT_TRACK|RINGBUFFER_WARNING_INTERVAL)",
    r"NCCL_DEBUG(_SUBSYS|_FILE)?|TORCH_LOGS",
    # Folders, addresses and time limits.
    r"VLLM_(CONFIG_ROOT|CACHE_ROOT|XLA_CACHE_PATH|ASSETS_CACHE|MEDIA_CACHE\w*|HOST_IP|LOOPBACK_IP|PORT)",
    r"VLLM_(RPC_BASE_PATH|PROCESS_NAME_PREFIX|HTTP_TIMEOUT_KEEP_ALIVE|\w+_TIMEOUT(_S|_SECONDS)?)",
    r"TORCHINDUCTOR_CACHE_DIR|TRITON_CACHE_DIR|NCCL_SOCKET_IFNAME",
    # The API server's own.
    r"VLLM_(API_KEY|SERVER_DEV_MODE|KEEP_ALIVE_ON_ENGINE_DEATH|ENABLE_RESPONSES_API_STORE)",
    r"VLLM_(MAX_N_SEQUENCES|MAX_COMPLETION_PROMPTS|ENFORCE_STRICT_TOOL_CALLING)",
    r"VLLM_(TOOL_JSON_ERROR_AUTOMATIC_RETRY|SYSTEM_START_DATE|GPT_OSS_\w+)",
    r"VLLM_(ALLOW_RUNTIME_LORA_UPDATING|LORA_RESOLVER_\w+)",
)
_KNOWN = re.compile("|".join(f"(?:{each})" for each in _HARMLESS))


def may_change_memory(name: str) -> bool:
    """Return whether a variable may change the server's GPU memory: of these libraries, most may.

    `VLLM_PP_LAYER_PARTITION` moves layers between stages, `VLLM_USE_V2_MODEL_RUNNER` profiles
    otherwise, `CUDA_MODULE_LOADING` loads kernels at once, and `NCCL_BUFFSIZE` enlarges buffers.
    False for the variables of these libraries that are known to change none, and for all others.
    """
    return name.startswith(_FAMILIES) and not _KNOWN.fullmatch(name)


def unread(name: str, version: str) -> str:
    """Return why a release does not read a variable of vLLM; empty if it does, or is not known.

    Releases that are not in the table, such as candidates, are not known.
    """
    if not name.startswith(_OWN):
        return ""
    releases, runs = _table()
    known = [Release.parse(each) for each in releases]
    release = Release.parse(version)
    if release not in known:
        return ""
    place = known.index(release)
    names = texts_at(runs, place)
    if name in names:
        return ""
    before = [run.last for run in runs.get(name, ()) if run.last < place]
    after = [run.first for run in runs.get(name, ()) if run.first > place]
    if before:
        more = f"; {releases[max(before)]} is the last that does"
    elif after:
        more = f"; {releases[min(after)]} is the first that does"
    else:
        import difflib  # only a mistake needs it

        # Names of one prefix are alike, so only the closest count.
        close = difflib.get_close_matches(name, names, 1, _CLOSE)
        more = f"; did you mean {close[0]!r}?" if close else ""
    return f"vLLM {version} does not read {name}{more}"


@cache
def _table() -> ReleaseTable:
    return release_table.read(FILE, "variables")
