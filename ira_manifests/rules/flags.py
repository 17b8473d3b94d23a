"""Rules of the server's arguments: in a cell's profile, and in rendered containers."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests import names
from ira_manifests.directory import Directory
from ira_manifests.engine_options import FlagProblem, UnknownReleaseError, flag_problems
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules import pods, server
from ira_manifests.rules.finding import Finding, found
from ira_manifests.rules.hit import Hit
from ira_manifests.rules.server import Server

_CRASH_LOOP = "the server prints its usage and exits, again and again"
_READ_THEM_YOURSELF = "compare the flags with that release's vllm serve --help"


def check_release(matrix: Matrix) -> Iterator[Finding]:
    """Yield a finding where the options of the pinned release are unknown."""
    try:
        flag_problems([], matrix.platform.engine.version)
    except UnknownReleaseError as error:
        source = matrix.profiles.sources["platform", "platform"]
        path = ("engine", "version")
        yield found(source.file, source.document, path, "IRA032", f"{error}", _READ_THEM_YOURSELF)


def check_cell(matrix: Matrix, cell: Cell) -> Iterator[Finding]:
    """Yield the flags of a profile that the engine refuses."""
    source = matrix.profiles.sources["models", cell.model_name]
    flags = cell.server_flags
    of_fields = len(flags) - len(cell.profile.flags)
    for problem in _problems([cell.mount_path, *flags], cell.platform.engine.version):
        index = problem.index - 1 - of_fields
        field: Path = ("flags", index) if index >= 0 else ("kv_cache_dtype",)
        yield found(
            source.file, source.document, ("cells", cell.gpu_name, *field), "IRA010",
            problem.message, _CRASH_LOOP, cell=cell.name,
        )  # fmt: skip


def check(directory: Directory) -> Iterator[Hit]:
    """Yield what the rules find in the arguments of a directory's servers."""
    for started in server.started(directory):
        pinned = names.check_pinned_image(str(started.container.get("image"))) is None
        yield from _flags(started, pinned=pinned)
        yield from _parallel(started)


def _problems(words: list[str], version: str) -> list[FlagProblem]:
    try:
        return flag_problems(words, version)
    except UnknownReleaseError:
        return []  # none of them can be called wrong; another rule says so


def _flags(started: Server, *, pinned: bool) -> Iterator[Hit]:
    file, image = started.template.file, (*started.path, "image")
    if not started.version and not pinned:
        return  # another rule says so
    if not started.version:
        message = "the image has no tag that names its release: the flags are not judged"
        hint = "write the tag beside the digest, as in vllm/vllm-openai:v0.26.0@sha256:…"
        yield Hit("IRA032", file, image, message, hint)
        return
    try:
        refused = flag_problems(started.words, started.version)
    except UnknownReleaseError as error:
        yield Hit("IRA032", file, image, f"{error}", _READ_THEM_YOURSELF)
        return
    for flag in refused:
        place = started.places[flag.index]
        yield Hit("IRA010", file, place, flag.message, _CRASH_LOOP)


def _size(started: Server, *names: str) -> int:
    text = started.value(*names)
    return int(text) if text is not None and text.isdecimal() else 1


def _parallel(started: Server) -> Iterator[Hit]:
    tensor = _size(started, "--tensor-parallel-size", "-tp")
    pipeline = _size(started, "--pipeline-parallel-size", "-pp")
    data = _size(started, "--data-parallel-size", "-dp")
    gpus = pods.gpus(started.container)
    if gpus != tensor * pipeline * data:
        message = f"{gpus} GPUs for tensor parallel {tensor} × pipeline parallel {pipeline}"
        message += f" × data parallel {data}" if data > 1 else ""
        hint = "the server starts one process for each GPU that it is told of: make them agree"
        place = (*started.path, "resources", "limits", pods.GPU)
        yield Hit("IRA011", started.template.file, place, message, hint)
