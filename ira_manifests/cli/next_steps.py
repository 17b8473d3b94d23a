"""The commands to run after a synth: the remaining steps of the walkthrough."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ira_manifests.layout import BASE_LINK, DOWNLOAD_JOB, MODEL_DOWNLOAD
from ira_manifests.output import env_file
from ira_manifests.profiles.cell import Cell


@dataclass(frozen=True)
class Standing:
    """What was rendered where, and what `base/` holds."""

    out: Path
    cells: Sequence[Cell]
    config: Mapping[str, str]
    """The values of base/ira-model-config.env that are filled in."""

    @property
    def model_id(self) -> str | None:
        """The model to download."""
        return self.config.get("MODEL_ID")

    @property
    def served(self) -> Cell | None:
        """The first cell that serves the model to download; any cell if none is set."""
        for cell in self.cells:
            if self.model_id in (None, cell.model.model_id):
                return cell
        return None


def preconditions(standing: Standing) -> Iterator[str]:
    """Yield what the cluster needs for queued cells without a node pool."""
    lacking: dict[str, list[str]] = {}
    for cell in standing.cells:
        gpu = cell.gpu
        if gpu.queued and gpu.queued_node_pool is None and not gpu.auto_provisioning_limit:
            lacking.setdefault(cell.machine.accelerator, []).append(cell.queued_directory)
    for accelerator, directories in lacking.items():
        first, others = directories[0], len(directories) - 1
        among = f"{first}, and {others} more," if others else first
        yield (
            f"{among} can get nodes only if node auto-provisioning has a limit for "
            f"{accelerator}: see Queued capacity in docs/operations.md"
        )


def commands(standing: Standing) -> Iterator[str]:
    """Yield one line for each remaining step."""
    base = standing.out / BASE_LINK
    config = _quoted(base / env_file.MODEL_CONFIG)
    missing = [key for key in env_file.KEYS if key not in standing.config]
    if missing:
        yield f"edit {config}: {', '.join(missing)}"
    platform = standing.cells[0].platform
    if platform.model_download.token_secret is None:
        yield f"edit {_quoted(base / env_file.TOKEN)}: set your token, if it is not set"
    download = _quoted(standing.out / MODEL_DOWNLOAD)
    namespace = platform.namespace
    get = f"kubectl get --namespace {namespace}" if namespace else "kubectl get"
    yield f"kubectl apply -k {download}"
    yield f"{get} job/{DOWNLOAD_JOB} --watch  # until Complete 1/1"
    yield f"kubectl delete -k {download}"
    cell = standing.served
    if cell is not None:
        yield f"kubectl apply -k {_quoted(standing.out / cell.directory)}"
        yield f"{get} deployment/{cell.workload_name} --watch  # until 1/1"


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
