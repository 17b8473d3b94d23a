"""The server's arguments that follow from the fields of a cell, and the field behind each."""

from __future__ import annotations

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
    return (*_of_model(model, profile), *_of_clients(settings), *_of_args(settings))


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


def _field(name: str) -> tuple[str, tuple[str]]:
    return "settings", (name,)


def _file(name: str) -> str:
    """Return the path of a file: as it is, else one in the model's folder."""
    return name if name.startswith("/") else f"{MODEL}/{name}"


def _of_args(given: ServingFields) -> Iterator[Argument]:
    for index, text in enumerate(given.args):
        yield Argument(text, "settings", ("args", index))
