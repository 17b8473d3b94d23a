"""Environment variables of vLLM and of its libraries: which may change the server's memory.

Source: vLLM's envs.py, releases 0.19.0 to 0.27.1, and where its names are read.
"""

import re

_FAMILIES = ("VLLM_", "CUBLAS", "CUDA_", "CUDNN_", "FLASHINFER_", "NCCL_", "PYTORCH_", "TORCH",
             "TRITON_")  # fmt: skip
"""Prefixes of the libraries that allocate GPU memory."""

_HARMLESS = (
    # Logs, and what is written beside them.
    r"VLLM_(CONFIGURE_LOGGING|LOGGING_\w+|LOG_\w+|DISABLE_LOG_LOGO|DEBUG_LOG_API_SERVER_RESPONSE)",
    r"VLLM_(USAGE_\w+|NO_USAGE_STATS|DO_NOT_TRACK|RINGBUFFER_WARNING_INTERVAL)",
    r"NCCL_DEBUG(_SUBSYS|_FILE)?|TORCH_LOGS",
    # Folders, addresses and time limits.
    r"VLLM_(CONFIG_ROOT|CACHE_ROOT|ASSETS_CACHE|MEDIA_CACHE\w*|HOST_IP|LOOPBACK_IP|PORT)",
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
