"""Rules of the platform, which all cells share, and of engines."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.profiles.matrix import shared_workloads
from ira_manifests.rules.catalogue import Severity
from ira_manifests.rules.cells.subjects import ENGINE, PLATFORM, CellOf, Chosen, EngineOf
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import also, rule
from ira_manifests.vllm import Release, changes, draining, images


@rule("IRA031", "no-such-user", Severity.WARNING, ENGINE)
def no_such_user(of: EngineOf) -> Iterator[Finding]:
    """The engine's image does not have the user that it is to run as.

    `engine.run_as_user` is set, and the pinned vLLM image comes from before the release that ships
    a user besides root (0.22). Its files belong to root and its user database knows no such number:
    the server dies while it starts, when a library asks for its name or writes to its home.
    """
    engine = of.engine
    if engine.run_as_user is None or not images.is_vllms_own(engine.image):
        return
    if changes.facts_of(Release.parse(engine.version)).image_has_user:
        return
    first = changes.first_with("image_has_user")
    message = f"the image of {engine.version} has no user {engine.run_as_user}; {first} has one"
    hint = "drop the line and read_only_root, and let the image run as root; or pin a newer release"
    yield of.finding("run_as_user", message, hint)


@also("IRA042", ENGINE)
def release_that_can_not_drain(of: EngineOf) -> Iterator[Finding]:
    """The pinned release aborts requests at SIGTERM."""
    engine = of.engine
    if not engine.drain_seconds or draining.can_wait(engine.version):
        return
    message = (
        f"{engine.drain_seconds} seconds are wanted, and vLLM {engine.version} has no "
        f"{draining.OPTION}: it aborts running requests at SIGTERM"
    )
    hint = f"pin {draining.first_that_waits()} or newer, or set drain_seconds: 0"
    yield of.finding("drain_seconds", message, hint)


@also("IRA017", PLATFORM)
def one_name_of_different_workloads(chosen: Chosen) -> Iterator[Finding]:
    """Two cells of different GPU types, or of one node and several, would have the same name.

    Models of one GPU type may share a name: the next one replaces the last, as in the walkthrough.
    Cells of several GPU types would replace each other by mistake, and `vllm` would run on the GPU
    type that was applied last. A Deployment and a LeaderWorkerSet don't replace each other: both
    would hold their GPUs, and one Service would lead to both models.
    """
    for name, cells in shared_workloads(chosen.cells).items():
        first = cells[0]
        for cell in cells:
            if cell.gpu_name != first.gpu_name:
                message = (
                    f"{cell.name} would be the same workload {name} as {first.name}, on another "
                    "GPU type"
                )
            elif (cell.profile.nodes > 1) != (first.profile.nodes > 1):
                message = (
                    f"{cell.name} and {first.name} would be a Deployment and a LeaderWorkerSet "
                    f"{name}, and neither replaces the other"
                )
            else:
                continue
            hint = "name the GPU type: vllm-{gpu}, or vllm-{gpu}-{model} to run all side by side"
            yield chosen.finding(("inference", "workload_name"), message, hint, cell.name)


@also("IRA017", PLATFORM)
def one_name_where_all_is_applied(chosen: Chosen) -> Iterator[Finding]:
    """Two cells of one GPU type would be the same Deployment, and something applies both.

    Where a user applies them, the last one replaces the other, as in the walkthrough. A controller
    would make the Deployment the one and the other in turn, and Config Sync refuses both.
    """
    applier = chosen.matrix.platform.applier
    if not applier:
        return
    for name, cells in shared_workloads(chosen.matrix.values()).items():
        first, *others = cells
        for cell in others:
            if cell.gpu_name != first.gpu_name:
                continue  # also without a controller
            message = (
                f"{cell.name} would be the same Deployment {name} as {first.name}, and "
                f"{applier} applies both"
            )
            hint = "name the model: vllm-{gpu}-{model}; or choose one of the cells"
            yield chosen.finding(("inference", "workload_name"), message, hint, cell.name)


@also("IRA017", PLATFORM)
def both_directories_where_all_is_applied(chosen: Chosen) -> Iterator[Finding]:
    """A cell's two directories are the same Deployment, and something applies both."""
    applier = chosen.matrix.platform.applier
    of_gpus = {cell.gpu_name: cell for cell in chosen.matrix.values()}
    for gpu, cell in of_gpus.items():
        if applier and cell.is_queued and cell.is_ordinary:
            message = (
                f"each cell of {gpu} has two directories with the same Deployment, on ordinary "
                f"and on queued capacity, and {applier} applies both"
            )
            hint = "choose one: queued: false or queued: only"
            yield CellOf(chosen.matrix, cell).finding_of_gpu(("queued",), message, hint)
