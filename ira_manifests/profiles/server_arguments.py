"""The server's arguments that follow from the fields of a cell, and the field behind each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

from ira_manifests.layout import mount_path
from ira_manifests.profiles.schema import CellProfile, ModelProfile
from ira_manifests.profiles.serving_fields import ServingFields

MODEL = mount_path("$(MODEL_ID)")
"""The model's folder, as Kubernetes expands it."""

NAMES = "--served-model-name"


class Argument(NamedTuple):
    """A word of the server's command line, and the field that it is from.

    `root`: "cell", "model" or "settings"; empty for a word of the construct. `path`: the field
    there, and the index of an item of its list.
    """

    text: str
    root: str = ""
    path: tuple[str | int, ...] = ()


def arguments(
    model: ModelProfile, profile: CellProfile, settings: ServingFields
) -> tuple[Argument, ...]:
    """Return the arguments of a cell that not every cell has, in their order."""
    return (
        *_of_model(model, profile),
        *_of_clients(settings),
        *_of_adapters(settings),
        *_of_speculation(settings),
        *_of_args(settings),
    )


def options_of_memory(settings: ServingFields) -> tuple[str, ...]:
    """Return the arguments that decide memory beside the cell's own numbers, as in `args`."""
    found = (*_of_adapters(settings), *_of_speculation(settings), *_of_args(settings))
    return tuple(argument.text for argument in found)


def _of_model(model: ModelProfile, profile: CellProfile) -> Iterator[Argument]:
    if model.trust_remote_code:
        yield Argument("--trust-remote-code", "model", ("trust_remote_code",))
    if profile.kv_cache_dtype != "auto":
        text = f"--kv-cache-dtype={profile.kv_cache_dtype}"
        yield Argument(text, "cell", ("kv_cache_dtype",))
    if profile.pipeline_parallel != 1:
        text = f"--pipeline-parallel-size={profile.pipeline_parallel}"
        yield Argument(text, "cell", ("pipeline_parallel",))


def _of_clients(given: ServingFields) -> Iterator[Argument]:
    """Yield what clients of the API see: the model's names, its prompts, tools and reasoning."""
    yield Argument(NAMES)
    if given.served_model_names:
        for index, name in enumerate(given.served_model_names):
            yield Argument(name, "settings", ("served_model_names", index))
    else:
        # Clients of the walkthrough name the path, and most others the id.
        yield from (Argument("$(MODEL_ID)"), Argument(MODEL))
    if given.chat_template:
        yield Argument(f"--chat-template={_file(given.chat_template)}", *_field("chat_template"))
    if given.tool_call_parser:
        field = _field("tool_call_parser")
        yield Argument("--enable-auto-tool-choice", *field)
        yield Argument(f"--tool-call-parser={given.tool_call_parser}", *field)
    if given.reasoning_parser:
        text = f"--reasoning-parser={given.reasoning_parser}"
        yield Argument(text, *_field("reasoning_parser"))


def _of_adapters(given: ServingFields) -> Iterator[Argument]:
    if not given.lora_adapters:
        return
    field = _field("lora_adapters")
    yield Argument("--enable-lora", *field)
    if given.max_loras is not None:
        yield Argument(f"--max-loras={given.max_loras}", *_field("max_loras"))
    if given.max_lora_rank is not None:
        yield Argument(f"--max-lora-rank={given.max_lora_rank}", *_field("max_lora_rank"))
    yield Argument("--lora-modules", *field)
    for index, adapter in enumerate(given.lora_adapters):
        # Neither has a character of the JSON form, "," or "=".
        text = f"{adapter.name}={mount_path(adapter.model_id)}"
        yield Argument(text, "settings", ("lora_adapters", index))


def _of_speculation(given: ServingFields) -> Iterator[Argument]:
    """Yield the option of speculative decoding, whose draft is a folder of the bucket."""
    if given.speculative is None:
        return
    keys = given.speculative.model_dump(exclude_none=True, exclude={"model_id", "revision"})
    if given.speculative.model_id is not None:
        keys["model"] = mount_path(given.speculative.model_id)
    yield Argument(f"--speculative-config={json.dumps(keys)}", *_field("speculative"))


def _field(name: str) -> tuple[str, tuple[str]]:
    return "settings", (name,)


def _file(name: str) -> str:
    """Return the path of a file: as it is, else one in the model's folder."""
    return name if name.startswith("/") else f"{MODEL}/{name}"


def _of_args(given: ServingFields) -> Iterator[Argument]:
    for index, text in enumerate(given.args):
        yield Argument(text, "settings", ("args", index))
