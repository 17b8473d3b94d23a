"""What another release of vLLM changes for each cell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ira_manifests.analysis import matrix_summary
from ira_manifests.memory import Budget, MemoryInputError
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrices, Matrix
from ira_manifests.rules.cells.subjects import CELL
from ira_manifests.rules.check_cells import check_cells
from ira_manifests.rules.finding import Finding, distinct
from ira_manifests.rules.together import Checked, Judged
from ira_manifests.upgrading import releases
from ira_manifests.upgrading.releases import Releases
from ira_manifests.vllm import Release, gpu_drivers, images, metrics, settings
from ira_manifests.vllm.changes import NEWEST, facts_of


@dataclass(frozen=True)
class Side:
    """A cell with one release. Sizes are of each GPU; None where they are not judged.

    Attributes:
        image: as the container names it.
        verdict: of the memory, as `list` shows it.
        kv_headroom_gib: GiB of the KV cache beside one request of max_model_len.
        kv_cache_tokens: the KV cache in tokens, as the engine logs it.
        max_num_batched_tokens, max_num_seqs: of a batch.
        cuda: of the image; None for images that are not vLLM's own.
        driver: the oldest NVIDIA driver for that.
        image_has_user: whether vLLM's own image has a user beside root; None where it is not known.
        autoscaling_metric: the metric of vLLM that the cell's autoscaler acts on, if it has one.
    """

    release: str
    image: str
    verdict: str
    kv_headroom_gib: float | None
    kv_cache_tokens: int | None
    max_num_batched_tokens: int | None
    max_num_seqs: int | None
    cuda: str | None
    driver: str | None
    image_has_user: bool | None
    autoscaling_metric: str | None


@dataclass(frozen=True)
class CellUpgrade:
    """A cell before and after. `options`: those that it gives the server, by their full names."""

    environment: str
    name: str
    old: Side
    new: Side
    options: frozenset[str]

    @property
    def pair(self) -> tuple[str, str]:
        """The two releases."""
        return self.old.release, self.new.release

    def to_json(self) -> dict[str, Any]:
        """Return the cell as plain values."""
        return {
            "environment": self.environment or None,
            "cell": self.name,
            "old": asdict(self.old),
            "new": asdict(self.new),
        }


@dataclass(frozen=True)
class Upgrade:
    """What a change of pins does to all cells.

    Attributes:
        cells: those whose release or image changes.
        environments: those of the profiles, also where no cell changes.
        releases: the differences of each pair of releases that the cells have.
        findings: what the rules of cells find afterwards, without what is waived.
        before: the same before.
    """

    cells: tuple[CellUpgrade, ...]
    environments: tuple[str, ...]
    releases: tuple[Releases, ...]
    findings: tuple[Finding, ...]
    before: tuple[Finding, ...]

    @property
    def told(self) -> list[Finding]:
        """The findings that are new, and errors that were there before."""
        known = {_subject(item) for item in self.before}
        return [item for item in self.findings if item.refuses or _subject(item) not in known]

    @property
    def fixed(self) -> list[Finding]:
        """The findings that are gone afterwards."""
        left = {_subject(item) for item in self.findings}
        return [item for item in self.before if _subject(item) not in left]

    @property
    def refuses(self) -> bool:
        """Whether a cell has an error afterwards."""
        return any(item.refuses for item in self.findings)

    def of(self, pair: Releases) -> list[CellUpgrade]:
        """Return the cells with a pair of releases."""
        return [cell for cell in self.cells if cell.pair == (pair.old, pair.new)]


def _subject(item: Finding) -> tuple[str, str, str, str]:
    """Return what a finding is about: its message may have other numbers."""
    return item.rule_id, item.file, item.field, item.cell


def compare(old: Matrices, new: Matrices) -> Upgrade:
    """Return what changes between profiles that differ in pins alone."""
    sides = zip(old.written, new.written, strict=True)
    cells = [cell for before, after in sides for cell in _cells(before, after)]
    pairs = dict.fromkeys(cell.pair for cell in cells)
    return Upgrade(
        tuple(cells),
        tuple(matrix.environment for matrix in new.written),
        tuple(releases.compare(*pair) for pair in pairs),
        *(tuple(_findings(each.written)) for each in (new, old)),
    )


def _findings(matrices: Sequence[Matrix]) -> list[Finding]:
    """Return what `check --profiles-only` finds."""
    judged = [
        Judged(matrix, list(matrix.values()), check_cells(matrix, matrix.values()))
        for matrix in matrices
    ]
    # Rules of cells find nothing in the output folder.
    return distinct(Checked(judged, CELL.ids, Path()).findings)


def _cells(old: Matrix, new: Matrix) -> Iterable[CellUpgrade]:
    for key, cell in new.items():
        before = old[key]
        if before.engine != cell.engine:
            yield CellUpgrade(
                new.environment, cell.name, _side(before), _side(cell), _options(cell)
            )


def _options(cell: Cell) -> frozenset[str]:
    """Return the options that a cell gives, beside those that every cell has."""
    words = [argument.text for argument in cell.server_arguments]
    return frozenset(settings([cell.mount_path, *words], cell.engine.version)) | _OF_EVERY_CELL


_OF_EVERY_CELL = frozenset(
    {"--gpu-memory-utilization", "--max-model-len", "--tensor-parallel-size"}
)


def _side(cell: Cell) -> Side:
    row, estimate, engine = matrix_summary.row(cell), _budget(cell), cell.engine
    needs = gpu_drivers.needs(engine.reference, engine.version)
    batch = estimate.serving.batch_limits if estimate else None
    return Side(
        engine.version,
        cell.image,
        row.verdict,
        row.kv_headroom_gib,
        estimate.tokens if estimate else None,
        batch.tokens if batch else None,
        batch.requests if batch else None,
        needs.cuda if needs else None,
        needs.driver if needs else None,
        _has_user(engine.version) if images.is_vllms_own(engine.image) else None,
        _metric(cell),
    )


def _has_user(version: str) -> bool | None:
    """Return whether vLLM's image of a release has a user beside root; None if it is not known.

    A candidate has what the release before it and its own final release both have.
    """
    release = Release.parse(version)
    found = {facts_of(each).image_has_user for each in (release, release.final)}
    return found.pop() if len(found) == 1 and release.final <= NEWEST else None


def _budget(cell: Cell) -> Budget | None:
    try:
        return cell.budget
    except MemoryInputError:
        return None


def _metric(cell: Cell) -> str | None:
    scaled = cell.settings.autoscaling
    if scaled is None:
        return None
    return scaled.metric_name or metrics.metric_name(scaled.metric, cell.engine.version)
