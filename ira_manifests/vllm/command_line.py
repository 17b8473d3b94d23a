"""Reads arguments of `vllm serve`, and finds those that it would refuse."""

import re
from collections.abc import Sequence
from functools import lru_cache

from ira_manifests.vllm.changes import ReleaseFacts, facts_of
from ira_manifests.vllm.flag_problems import FlagProblem, UnknownFlag
from ira_manifests.vllm.option_values import Reason, human_readable_int, json_keys, refused
from ira_manifests.vllm.options import Kind, table
from ira_manifests.vllm.release import Release, UnknownReleaseError
from ira_manifests.vllm.scan import Given, Scan

_NOT_JUDGED = {Kind.FLAG, Kind.SWITCH, Kind.TOGGLE, Kind.LIST}
# Options that can add choices to another option when the server starts.
_PLUGINS = {
    "--tool-call-parser": ("--tool-parser-plugin",),
    "--reasoning-parser": ("--reasoning-parser-plugin",),
}
# vllm/platforms/cuda.py: physical ids, or UUIDs of GPUs and MIG instances.
_DEVICES = re.compile(r"\s*(?:\d+|(?:GPU|MIG)-[\w/-]+)(?:\s*,\s*(?:\d+|(?:GPU|MIG)-[\w/-]+))*\s*")
_ANY_CASE = {"--quantization", "--load-format"}
# Before 0.11.1 no field declares the bound, but the engine divides by it in memory profiling.
_BOUNDS = {"--max-num-seqs": ">=1"}
# vllm/entrypoints/openai/cli_args.py, validate_parsed_serve_args; 0.33: entrypoints/common.
_NEEDS = {"--enable-auto-tool-choice": "--tool-call-parser"}
# vllm/config/scheduler.py, SchedulerConfig: the first option is at most the second. The default of
# either depends on the GPU and on the other one.
_AT_MOST = (
    ("--max-num-seqs", "--max-num-batched-tokens"),
    ("--max-num-active-seqs", "--max-num-seqs"),
)
# vllm/config/model.py, _FLOAT16_NOT_SUPPORTED_MODELS.
_FLOAT16 = {"float16", "half"}
_NO_FLOAT16 = re.compile(r"gemma-[23](?=-|$)")


def unknown_flags(arguments: Sequence[str], version: str) -> list[UnknownFlag]:
    """Return the options that this release does not have; see `flag_problems`."""
    return [p for p in flag_problems(arguments, version) if isinstance(p, UnknownFlag)]


def flag_problems(
    arguments: Sequence[str], version: str, *, serve: bool = True
) -> list[FlagProblem]:
    """Return the arguments that `vllm serve` of this release would refuse, in order.

    `arguments` follow `vllm serve`, and include the model; with `serve=False`, they follow
    `python3 -m vllm.entrypoints.openai.api_server`, the image's entry point in old releases, which
    takes `--model X`. Problems that the engine finds when it starts are included: choices, bounds,
    names of parsers. A value that contains `$(NAME)` counts as valid; of a JSON option only keys
    with choices are checked, and no choices that a plugin on the command line may extend.
    Raises UnknownReleaseError for a version outside the table, or for text that is no version.
    """
    return list(_problems(tuple(arguments), version, serve))


@lru_cache(maxsize=1024)  # many cells have equal arguments, as their values are in variables
def _problems(
    arguments: tuple[str, ...],
    version: str,
    serve: bool,
) -> tuple[FlagProblem, ...]:
    known = table()
    scan = Scan(arguments, version, known, known.place(version), serve=serve)
    scan.run()
    _judge_values(scan)
    _judge_combinations(scan)
    return tuple(sorted(scan.problems, key=lambda problem: problem.index))


def settings(arguments: Sequence[str], version: str) -> dict[str, str]:
    """Return the settings that `vllm serve` of this release reads from its arguments, as text.

    Options have their full names: `-tp 8`, `--tensor_parallel_size=8` and the abbreviation
    `--tensor-parallel=8` are all {"--tensor-parallel-size": "8"}. The last of several wins. The
    model is "--model"; a positional one wins over the option. Switches are "true" or "false", so
    `--no-enforce-eager` is {"--enforce-eager": "false"}. Several values are joined by spaces, and
    the keys of a JSON option (`--option.key=value`) become one JSON text. Values are as written:
    `human_readable_int` reads 128k, and `$(NAME)` is not expanded.

    A version outside the table counts as the newest one. Options that the release does not have,
    and those of a `--config` file, are not included.
    """
    return dict(_read(tuple(arguments), version)[0])


def given_options(arguments: Sequence[str], version: str) -> tuple[tuple[str, int], ...]:
    """Return the full name of each option given, and the index of its argument, in their order.

    Names are those of `settings`, which has the last value of each.
    """
    return _read(tuple(arguments), version)[1]


@lru_cache(maxsize=1024)
def _read(
    arguments: tuple[str, ...], version: str
) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, int], ...]]:
    known = table()
    try:
        place = known.place(version)
    except UnknownReleaseError:
        place = len(known.releases) - 1
    scan = Scan(arguments, version, known, place)
    scan.run()
    return tuple(scan.settings.items()), tuple(scan.named)


def _judge_values(scan: Scan) -> None:
    """Report values that the release does not allow, once all options are known."""
    settings = scan.settings
    for index, spelling, name, text, kind in scan.given:
        if kind in _NOT_JUDGED or (kind is Kind.OPTIONAL and text == "true"):
            continue
        choices, bounds = scan.table.allowed(name, scan.place)
        if any(settings.get(plugin) for plugin in _PLUGINS.get(name, ())):
            choices = ()
        value = text.lower() if name in _ANY_CASE else text
        if name == "--device-ids" and not _DEVICES.fullmatch(text):
            scan.report(index, spelling, Reason.NOT_ALLOWED, _ask_devices(spelling))
        if found := refused(value, kind, choices, bounds or _BOUNDS.get(name, "")):
            scan.report(index, spelling, *found)
        elif kind is Kind.JSON:
            for key, of_key in json_keys(text).items():
                scan.value_of_key(index, spelling, f"{name}.{key}", of_key)


def _judge_combinations(scan: Scan) -> None:
    """Report options that the server refuses together, before or after it has parsed them."""
    settings = scan.settings
    places = {given.name: given for given in scan.given}
    for option, needed in _NEEDS.items():
        if settings.get(option) == "true" and not settings.get(needed):
            found = places[option]
            scan.report(found.place, found.spelling, Reason.NEEDS_ANOTHER, f"add {needed}=…")
    for low, high in _AT_MOST:
        if low in places and high in places:
            _judge_order(scan, places[low], places[high])
    dtype = places.get("--dtype")
    if dtype and dtype.text in _FLOAT16 and _facts(scan).refuses_float16:
        name = (settings.get("--model") or "").rpartition("/")[2].lower()
        if family := _NO_FLOAT16.match(name):
            detail = f"{family[0]} models overflow in float16; use bfloat16, float32 or auto"
            scan.report(dtype.place, dtype.spelling, Reason.NOT_ALLOWED, detail)


def _judge_order(scan: Scan, low: Given, high: Given) -> None:
    """Report two numbers in the wrong order, at the later option."""
    try:
        most, least = human_readable_int(high.text), human_readable_int(low.text)
    except ValueError:
        return
    if least > most:
        detail = f"{low.name} {least} is more than {high.name} {most}"
        later = max(low, high)
        scan.report(later.place, later.spelling, Reason.NOT_ALLOWED, detail)


def _facts(scan: Scan) -> ReleaseFacts:
    return facts_of(Release.parse(scan.table.releases[scan.place]))


def _ask_devices(spelling: str) -> str:
    short = "" if spelling == "--device-ids" else "it is short for --device-ids here; "
    return f"{short}write ids of GPUs such as 0,1"
