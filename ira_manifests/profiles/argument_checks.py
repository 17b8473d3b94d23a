"""Validation of `args`: that no word changes what a field of a profile or the construct decides.

The words of all levels are read together, by the parser of the cell's release, because an option of
one level takes values of the next, and an option may be shortened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ira_manifests.errors import Problem
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.loader import Profiles
from ira_manifests.profiles.pod_checks import problem_at
from ira_manifests.profiles.serving_fields import ServingFields
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.vllm import given_options

# Options that the construct sets, or that would override the cell's fields: argparse uses the last
# one, so a second one would take effect without being checked.
_OWNED = {
    "--config": "its file is not in the image, and its options would not be judged",
    "--data-parallel-size": "a cell is one server: no copies share its GPUs",
    "--device-memory-utilization": "set gpu_memory_utilization",
    "--gpu-memory-utilization": "set gpu_memory_utilization",
    "--grpc": "the probes and the Service expect HTTP",
    "--headless": "the probes and the Service expect an API; for several machines set nodes",
    "--host": "the probes and the Service expect the server's own address",
    "--kv-cache-dtype": "set kv_cache_dtype",
    "--master-addr": "set nodes",
    "--master-port": "the nodes of a cell find each other at the engine's own port",
    "--max-model-len": "set max_model_len",
    "--model": "set model_id",
    "--nnodes": "set nodes",
    "--node-rank": "set nodes",
    "--pipeline-parallel-size": "set pipeline_parallel",
    "--port": "the probes and the Service expect port 8000",
    "--served-model-name": "set served_model_names",
    "--shutdown-timeout": "set engine.drain_seconds in platform.yaml",
    "--ssl-certfile": "the probes and the Service expect plain HTTP",
    "--ssl-keyfile": "the probes and the Service expect plain HTTP",
    "--tensor-parallel-size": "set tensor_parallel",
    "--trust-remote-code": "set the model's trust_remote_code",
    "--uds": "the probes and the Service expect port 8000",
}

# Options that a field gives and `args` may give instead.
_DOUBLED = {
    "--chat-template": "chat_template",
    "--enable-auto-tool-choice": "tool_call_parser",
    "--enable-lora": "lora_adapters",
    "--lora-modules": "lora_adapters",
    "--max-lora-rank": "max_lora_rank",
    "--max-loras": "max_loras",
    "--reasoning-parser": "reasoning_parser",
    "--spec-method": "speculative",
    "--spec-model": "speculative",
    "--spec-tokens": "speculative",
    "--speculative-config": "speculative",
    "--tool-call-parser": "tool_call_parser",
}


def problems(profiles: Profiles, cells: Iterable[Cell]) -> list[Problem]:
    """Return what is wrong with the args of all levels, each once."""
    known = list(cells)
    found = (
        *_stray_values(profiles),
        *_set_elsewhere(profiles, known),
        *_set_twice(profiles, known),
    )
    return list(dict.fromkeys(found))


def _stray_values(profiles: Profiles) -> Iterator[Problem]:
    """Refuse a value at the start of a level: the option before it would take it."""
    for source, path, level in _levels(profiles):
        if level.args and not level.args[0].startswith("-"):
            message = (
                f"{level.args[0][:100]!r} is a value without an option; the first word of args "
            )
            message += "is an option such as --max-num-seqs=256"
            yield profiles.sources[source].problem((*path, "args", 0), message)


def _levels(profiles: Profiles) -> Iterator[tuple[tuple[str, str], Path, ServingFields]]:
    if profiles.platform is not None:
        yield ("platform", "platform"), ("inference",), profiles.platform.inference
    for name, model in profiles.models.items():
        yield ("models", name), (), model
        for given in model.every_cell:
            yield ("models", name), given.path, given.profile


def _set_elsewhere(profiles: Profiles, cells: Iterable[Cell]) -> Iterator[Problem]:
    """Refuse an option that the construct or a field sets: the last one would silently win."""
    for cell in cells:
        words = cell.settings.args
        for option, index in given_options(words, cell.engine.version):
            if message := _why_not(cell, option, words[index]):
                yield problem_at(profiles, cell, ("args", index), message)


def _set_twice(profiles: Profiles, cells: Iterable[Cell]) -> Iterator[Problem]:
    """Refuse an option twice in one list; that of an inner level replaces an outer one's."""
    for cell in cells:
        words = cell.settings.args
        seen: dict[object, Path] = {}
        for option, index in given_options(words, cell.engine.version):
            is_key = "." in words[index].partition("=")[0]
            if is_key or option in _REPEATED or option in _OWNED:
                continue
            source, path = cell.source_of_setting(("args", index))
            if seen.setdefault((source, path[:-1], option), path) != path:
                message = f"sets {option} again, and the last one would win; keep one"
                yield problem_at(profiles, cell, ("args", index), message)


_REPEATED = {"--middleware"}
"""Options that add a value each time; vllm/entrypoints/openai/cli_args.py."""


def _why_not(cell: Cell, option: str, word: str) -> str:
    if option in _OWNED:
        return f"{word[:100]!r} can't be set in args: {_OWNED[option]}"
    field = _DOUBLED.get(option)
    if field is not None and getattr(cell.settings, field) not in (None, ()):
        return f"sets {option}, as {field} does; keep one"
    return ""
