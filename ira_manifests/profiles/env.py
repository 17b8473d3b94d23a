"""Environment variables of the server, as profiles give them."""

# No annotations from __future__ here: pydantic would have to evaluate their text at every start.
import re
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from ira_manifests.kubernetes import patterns
from ira_manifests.profiles.base import Profile
from ira_manifests.profiles.fields import Subdomain
from ira_manifests.profiles.forms import checked, number_as_text, refuse

CONSTRUCTS = {
    "DO_NOT_TRACK": "the construct sets it, so that no usage statistics are sent",
    "GPU_MEMORY_UTILIZATION": "set gpu_memory_utilization",
    "HF_HUB_OFFLINE": "the construct sets it, because the model is local",
    "HOME": "the construct sets it where the root file system is read-only",
    "MAX_MODEL_LEN": "set max_model_len",
    "MODEL_ID": "set model_id",
    "TENSOR_PARALLEL_SIZE": "set tensor_parallel",
    "VLLM_NO_USAGE_STATS": "the construct sets it, so that no usage statistics are sent",
}
"""Variables that the construct sets, and what to do instead of setting one."""

_ONE_SERVER = "a cell is one server: no copies share its GPUs"
_DEVICES = "the node gives the container its GPUs; set tensor_parallel and pipeline_parallel"
# vllm/envs.py of 0.26.0, but for the devices.
_ENGINES = {
    "CUDA_VISIBLE_DEVICES": _DEVICES,
    "LOCAL_RANK": "the engine gives each of its processes one",
    "NVIDIA_VISIBLE_DEVICES": _DEVICES,
    "VLLM_DO_NOT_TRACK": CONSTRUCTS["VLLM_NO_USAGE_STATS"],
    "VLLM_DP_MASTER_IP": _ONE_SERVER,
    "VLLM_DP_MASTER_PORT": _ONE_SERVER,
    "VLLM_DP_RANK": _ONE_SERVER,
    "VLLM_DP_RANK_LOCAL": _ONE_SERVER,
    "VLLM_DP_SIZE": _ONE_SERVER,
    "VLLM_HOST_IP": "the engine takes the address of its Pod",
    "VLLM_MODEL_REDIRECT_PATH": "another model would be served; set model_id",
    "VLLM_PORT": "it is not the port of the API, which is 8000, but of the engine's own processes",
    "VLLM_USE_MODELSCOPE": "the model is local",
}
"""Variables that the engine reads, and that would break what the construct sets."""

# Kubernetes 1.30 and newer take any printable character but "="; older ones take these.
_NAME = r"[A-Za-z_][A-Za-z0-9_.-]*"
_KEY = r"[A-Za-z0-9._-]{1,253}"


def _check_name(name: str) -> str | None:
    if not re.fullmatch(_NAME, name):
        return "is not a variable's name such as VLLM_LOGGING_LEVEL"
    if instead := CONSTRUCTS.get(name) or _ENGINES.get(name):
        return f"can't be set in env: {instead}"
    return None


def _check_key(key: str) -> str | None:
    return None if re.fullmatch(_KEY, key) else "is not a key of a Secret or a ConfigMap"


EnvName = Annotated[
    str, checked(_check_name, rf"(?={_NAME}$){patterns.none_of(CONSTRUCTS | _ENGINES)}")
]
"""A variable's name, such as VLLM_LOGGING_LEVEL; not one that the construct sets."""


class EnvSource(Profile):
    """A key of a Secret or a ConfigMap of the namespace, which the project does not make."""

    secret: Subdomain | None = None
    """The Secret that has the key."""
    config_map: Subdomain | None = None
    """The ConfigMap that has the key, instead of a Secret."""
    key: Annotated[str, checked(_check_key, _KEY)]
    """The key in it."""
    optional: bool = False
    """Whether the server starts without the key; else its container is never created."""

    @model_validator(mode="after")
    def _one_object(self) -> Self:
        if (self.secret is None) == (self.config_map is None):
            raise refuse("names a Secret or a ConfigMap; give one of secret and config_map")
        return self


# In angle brackets, as tags that are no part of a path: see the loader.
_TEXT, _SOURCE = "<text>", "<source>"


def _form(value: Any) -> str:
    return _SOURCE if isinstance(value, dict | EnvSource) else _TEXT


def text_of_variable(value: Any) -> Any:
    """Return a number as its text, and any other value but an empty one and a truth as it is."""
    if value is None or isinstance(value, bool):
        shown = "empty" if value is None else str(value).lower()
        raise refuse(f"is {shown}; write the text of the variable in quotes")
    return number_as_text(value)


_Text = Annotated[str, BeforeValidator(text_of_variable), Field(max_length=8192)]
EnvValue = Annotated[
    Annotated[_Text, Tag(_TEXT)] | Annotated[EnvSource, Tag(_SOURCE)], Discriminator(_form)
]
"""The text of a variable, in which `$(NAME)` is an earlier one's, or the key that holds it."""
