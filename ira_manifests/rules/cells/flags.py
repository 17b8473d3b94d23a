"""Rules of the server's arguments in a cell's profile."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.kubernetes import names
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.weight_readers import contradiction
from ira_manifests.rules.catalogue import Needs, Severity
from ira_manifests.rules.cells.subjects import CELL, ENGINE, CellOf, EngineOf
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.flags import CRASH_LOOP, READ_THEM_YOURSELF
from ira_manifests.rules.registry import also, rule
from ira_manifests.vllm import FlagProblem, UnknownReleaseError, flag_problems, settings

# vllm/model_executor/model_loader/default_loader.py: with this format the server loads these
# files and no others.
_MISTRAL_WEIGHTS = ("consolidated.safetensors", "consolidated-00001-of-00002.safetensors")


@also("IRA010", CELL)
def refused_flag_of_a_cell(of: CellOf) -> Iterator[Finding]:
    """The engine refuses a flag of the profile, or its value."""
    cell, given = of.cell, of.cell.server_arguments
    words = [cell.mount_path, *(argument.text for argument in given)]
    for problem in _problems(words, cell.engine.version):
        argument = given[problem.index - 1]
        if argument.root == "settings":
            yield of.finding_of_setting(argument.path, problem.message, CRASH_LOOP)
        else:
            yield of.finding(argument.path, problem.message, CRASH_LOOP)


def _problems(words: list[str], version: str) -> list[FlagProblem]:
    try:
        return flag_problems(words, version)
    except UnknownReleaseError:
        return []  # the release's options are unknown, which `unknown_release` reports


@also("IRA032", ENGINE)
def unknown_release(of: EngineOf) -> Iterator[Finding]:
    """The options of the pinned release are unknown."""
    try:
        flag_problems([], of.engine.version)
    except UnknownReleaseError as error:
        yield of.finding("version", f"{error}", READ_THEM_YOURSELF)


@rule("IRA045", "weights-left-out", Severity.ERROR, CELL)
def weights_left_out(of: CellOf) -> Iterator[Finding]:
    """The server reads weights that the download leaves out.

    With the flag `--load-format=mistral` the server reads `consolidated*.safetensors` alone. The
    download leaves those out, by its own lists where the repository has other safetensors, or by
    the model's. The server finds no weights and exits. `download.keep` of the model copies them
    ([containers](containers.md) has an example).
    """
    cell = of.cell
    left_out = any(_is_left_out(cell, name) for name in _MISTRAL_WEIGHTS)
    for index, flag in enumerate(cell.settings.args if left_out else ()):
        if settings([flag], cell.engine.version).get("--load-format") == "mistral":
            message = f"{flag} reads consolidated*.safetensors, which the download leaves out"
            hint = "add consolidated*.safetensors to download.keep of the model, or drop the flag"
            yield of.finding_of_setting(("args", index), message, hint)


@rule("IRA047", "quantization-contradicts", Severity.ERROR, CELL, Needs.MODEL)
def quantization_contradicts(of: CellOf) -> Iterator[Finding]:
    """`--quantization` names another method than that of the checkpoint.

    The engine takes the method from the checkpoint's `config.json`, and exits where the flag names
    another: "Quantization method specified in the model config does not match". `fp8` and its kin
    quantise a checkpoint in 16 bit as it is loaded; `awq`, `gptq` and others need a checkpoint that
    was quantised so. The rule needs `weights.quantization` or `weights.linear_gib` in the model's
    profile: without both, the checkpoint's method is not known.
    """
    cell, weights = of.cell, of.cell.model.weights
    given = settings(cell.settings.args, cell.engine.version)
    text = given.get("--quantization")
    if weights is None or text is None:
        return
    problem = contradiction(
        text, weights.quantization or "", is_16_bit=weights.linear_gib is not None
    )
    if problem:
        hint = "drop --quantization: the engine takes the method from the checkpoint"
        yield of.finding_of_setting(("args",), f"--quantization={text}: {problem}", hint)


def _is_left_out(cell: Cell, name: str) -> bool:
    """Return whether the download skips a file of a repository with other safetensors files."""
    lists, own = cell.platform.model_download, cell.model.download
    if own and any(names.matches_glob(name, pattern) for pattern in own.keep):
        return False
    excluded = (*lists.exclude, *lists.exclude_beside_safetensors, *(own.exclude if own else ()))
    return any(names.matches_glob(name, pattern) for pattern in excluded)
