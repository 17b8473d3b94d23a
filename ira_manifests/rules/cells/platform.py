"""Rules of the platform, which all cells share."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.profiles.engine import Engine
from ira_manifests.profiles.matrix import shared_workloads
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules.catalogue import Severity
from ira_manifests.rules.cells.subjects import CELL, PLATFORM, CellOf, Chosen
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import also, rule
from ira_manifests.vllm import Release, changes, draining, images


@rule("IRA031", "no-such-user", Severity.WARNING, PLATFORM)
def no_such_user(chosen: Chosen) -> Iterator[Finding]:
    """The engine's image does not have the user that it is to run as.

    `engine.run_as_user` is set, and the pinned vLLM image comes from before the release that ships
    a user besides root (0.22). Its files belong to root and its user database knows no such number:
    the server dies while it starts, when a library asks for its name or writes to its home.
    """
    message = _no_user(chosen.matrix.platform.engine)
    if message:
        yield chosen.finding(("engine", "run_as_user"), message, _RUN_AS_ROOT)


@also("IRA031", CELL)
def no_such_user_of_a_cell(of: CellOf) -> Iterator[Finding]:
    """The image of a model's or a cell's own engine does not have the user."""
    message = _no_user(of.cell.engine) if _has_own_engine(of) else ""
    if message:
        yield of.finding(_place(of, "run_as_user"), message, _RUN_AS_ROOT)


_RUN_AS_ROOT = (
    "drop the line and read_only_root, and let the image run as root; or pin a newer release"
)


def _no_user(engine: Engine) -> str:
    if engine.run_as_user is None or not images.is_vllms_own(engine.image):
        return ""
    if changes.facts_of(Release.parse(engine.version)).image_has_user:
        return ""
    first = changes.first_with("image_has_user")
    return f"the image of {engine.version} has no user {engine.run_as_user}; {first} has one"


@also("IRA042", PLATFORM)
def release_that_can_not_drain(chosen: Chosen) -> Iterator[Finding]:
    """The pinned release aborts requests at SIGTERM."""
    message = _no_draining(chosen.matrix.platform.engine)
    if message:
        yield chosen.finding(("engine", "drain_seconds"), message, _NEWER)


@also("IRA042", CELL)
def own_release_that_can_not_drain(of: CellOf) -> Iterator[Finding]:
    """The release of a model's or a cell's own engine aborts requests at SIGTERM."""
    message = _no_draining(of.cell.engine) if _has_own_engine(of) else ""
    if message:
        yield of.finding(_place(of, "drain_seconds"), message, _NEWER)


_NEWER = f"pin {draining.first_that_waits()} or newer, or set drain_seconds: 0"


def _no_draining(engine: Engine) -> str:
    if not engine.drain_seconds or draining.can_wait(engine.version):
        return ""
    return (
        f"{engine.drain_seconds} seconds are wanted, and vLLM {engine.version} has no "
        f"{draining.OPTION}: it aborts running requests at SIGTERM"
    )


def _has_own_engine(of: CellOf) -> bool:
    return any(level is not None for level in of.cell.own_engine)


def _place(of: CellOf, field: str) -> Path:
    """Return the field of the innermost engine that gives it, else that engine."""
    own = [level for level in of.cell.own_engine if level is not None]
    return ("engine", field) if getattr(own[-1], field) is not None else ("engine",)


@also("IRA017", PLATFORM)
def one_name_on_several_gpu_types(chosen: Chosen) -> Iterator[Finding]:
    """Two cells of different GPU types would be the same Deployment.

    Models of one GPU type may share a name: the next one replaces the last, as in the walkthrough.
    Cells of several GPU types would replace each other by mistake, and `vllm` would run on the GPU
    type that was applied last.
    """
    for name, cells in shared_workloads(chosen.cells).items():
        first = cells[0]
        for cell in cells:
            if cell.gpu_name == first.gpu_name:
                continue
            message = (
                f"{cell.name} would be the same Deployment {name} as "
                f"{first.name}, on another GPU type"
            )
            hint = "name the GPU type: vllm-{gpu}, or vllm-{gpu}-{model} to run all side by side"
            yield chosen.finding(("inference", "workload_name"), message, hint, cell.name)
