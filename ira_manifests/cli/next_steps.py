"""The commands to run after a synth: the remaining steps of the walkthrough."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ira_manifests.kubernetes.labels import INSTANCE
from ira_manifests.layout import (
    ARGO_CD,
    BASE_LINK,
    DOWNLOAD_JOB,
    FLUX,
    MODEL_DOWNLOAD,
    SHARED,
    TOKEN_KEY,
    TOKEN_SECRET,
    download_name,
    placed,
)
from ira_manifests.output import env_file
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Selection
from ira_manifests.profiles.platform import Platform


@dataclass(frozen=True)
class Standing:
    """What was rendered where, and what `base/` holds."""

    out: Path
    cells: Sequence[Cell]
    config: Mapping[str, str]
    """The values of base/ira-model-config.env that are filled in."""
    environment: str = ""
    """The environment of the cells; empty for the walkthrough's."""

    @property
    def model_id(self) -> str | None:
        """The model to download."""
        return self.config.get("MODEL_ID")

    @property
    def served(self) -> Cell | None:
        """The first cell that serves the model to download; any cell if none is set."""
        for cell in self.cells:
            if self.model_id is None or self.model_id in cell.model_ids:
                return cell
        return None


def standings(
    out: Path, selections: Sequence[Selection], model_config: bytes
) -> Sequence[Standing]:
    """Return what was rendered of each matrix. `model_config`: what is in the user's file."""
    config = env_file.filled_in(model_config)
    return [Standing(out, each.cells, config, each.matrix.environment) for each in selections]


def preconditions(standings: Iterable[Standing]) -> Iterator[str]:
    """Yield what the cluster needs for queued cells without a node pool."""
    lacking: dict[tuple[str, str], list[str]] = {}
    cells = ((each.environment, cell) for each in standings for cell in each.cells)
    for environment, cell in cells:
        gpu = cell.gpu
        if cell.is_queued and gpu.queued_node_pool is None and not gpu.auto_provisioning_limit:
            directory = placed(environment, cell.queued_directory)
            lacking.setdefault((cell.gpu_name, cell.machine.accelerator), []).append(directory)
    for (name, accelerator), directories in lacking.items():
        first, others = directories[0], len(directories) - 1
        among = f"{first}, and {others} more," if others else first
        yield (
            f"{among} can get nodes only if node auto-provisioning has a limit for "
            f"{accelerator} (docs/operations.md, Queued capacity); if it has one, set "
            f"auto_provisioning_limit: true of the GPU type {name}"
        )


class Step(NamedTuple):
    """A command, as words for a shell, and what to wait for; or a sentence as one word."""

    words: tuple[str, ...]
    comment: str = ""

    def lines(self, columns: int) -> Iterator[str]:
        """Yield the step in lines to copy: one if it fits, else wrapped with backslashes."""
        line = " ".join(self.words)
        whole = f"{line}  # {self.comment}" if self.comment else line
        if len(whole) <= columns:
            yield whole
            return
        if self.comment:
            yield f"# {self.comment}:"
        yield from [line] if len(line) <= columns else _wrapped(self.words, columns)


def _wrapped(words: Sequence[str], columns: int) -> Iterator[str]:
    line, *others = words
    for word in others:
        if len(f"{line} {word} \\") > columns:
            yield f"{line} \\"
            line = f"    {word}"
        else:
            line = f"{line} {word}"
    yield line


def of_all(standings: Sequence[Standing]) -> Iterator[Step]:
    """Yield the remaining steps of the walkthrough, and those of the first environment."""
    environments = [each for each in standings if each.environment]
    for each in standings:
        if not each.environment:
            yield from commands(each)
    if environments:
        first, *others = environments
        which = "each environment, such as" if others else "the environment"
        yield Step((f"# For {which} {first.environment}:",))
        yield from commands(first)


def commands(standing: Standing) -> Iterator[Step]:
    """Yield the remaining steps."""
    platform = standing.cells[0].platform
    if platform.controller:
        yield from _of_controller(standing, platform)
        return
    if platform.bucket is not None:
        yield from _of_complete_output(standing)
        return
    base = standing.out / BASE_LINK
    missing = [key for key in env_file.KEYS if key not in standing.config]
    if missing:
        yield Step((f"edit {_quoted(base / env_file.MODEL_CONFIG)}: {', '.join(missing)}",))
    if platform.model_download.token is None:
        yield Step((f"edit {_quoted(base / env_file.TOKEN)}: set your token, if it is not set",))
    download = _quoted(standing.out / MODEL_DOWNLOAD)
    yield Step(("kubectl", "apply", "-k", download))
    yield Step(
        (*_on("get", platform.download_namespace), f"job/{DOWNLOAD_JOB}", "--watch"),
        "until Complete 1/1",
    )
    yield Step(("kubectl", "delete", "-k", download))
    cell = standing.served
    if cell is None:
        yield Step((f"# No cell of this run serves {standing.model_id}:",))
        yield Step(("# correct the id, or add a cell for it, to get the steps of serving.",))
        return
    yield from _serving(standing.out, cell)


def _of_controller(standing: Standing, platform: Platform) -> Iterator[Step]:
    """Yield the steps by which a controller gets to know the output; needed once."""
    out = standing.out / standing.environment
    if platform.model_download.token is None:
        yield Step((f"create the Secret {TOKEN_SECRET} with the key {TOKEN_KEY}",))
    yield Step((f"commit and push {standing.out}, which {platform.controller} applies from there",))
    of_argo_cd = out / ARGO_CD / "application-set.yaml"
    objects = of_argo_cd if platform.argo_cd is not None else out / FLUX
    yield Step(("kubectl", "apply", "-f", _quoted(objects)), "once")


def _of_complete_output(standing: Standing) -> Iterator[Step]:
    """Yield the steps for the first cell: no file of the user's is read."""
    cell = standing.cells[0]
    platform, name = cell.platform, download_name(cell.model_name)
    out = standing.out / standing.environment
    if platform.model_download.token is None:
        yield Step((f"create the Secret {TOKEN_SECRET} with the key {TOKEN_KEY}",))
    if platform.pruned:
        yield _apply(platform, out / SHARED)
    yield _apply(platform, out / name)
    job: tuple[str, ...] = (f"job/{name}",)
    if platform.pruned:  # its name ends in a hash
        job = ("job", "--selector", f"{INSTANCE}={name}")
    yield Step((*_on("get", platform.download_namespace), *job, "--watch"), "until Complete 1/1")
    if not platform.pruned:
        # Other downloads have the same service account, so the directory is not deleted.
        yield Step(
            (*_on("delete", platform.download_namespace), f"pvc/{name}"), "the disk of the download"
        )
    yield from _serving(out, cell)


def _serving(out: Path, cell: Cell) -> Iterator[Step]:
    yield _apply(cell.platform, out / cell.directory)
    kind = "deployment" if cell.profile.nodes == 1 else "leaderworkerset"
    get = _on("get", cell.platform.namespace)
    yield Step((*get, f"{kind}/{cell.workload_name}", "--watch"), "until 1/1")


def _apply(platform: Platform, directory: Path) -> Step:
    return Step(("kubectl", "apply", "-f" if platform.rendered else "-k", _quoted(directory)))


def _on(verb: str, namespace: str | None) -> tuple[str, ...]:
    return ("kubectl", verb, *(("--namespace", namespace) if namespace else ()))


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
