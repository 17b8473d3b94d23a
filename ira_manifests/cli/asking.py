"""Answers what is asked about a model: the cells of its profile, or those `add` would write."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ira_manifests.analysis import matrix_summary
from ira_manifests.analysis.matrix_summary import Absent
from ira_manifests.cli import model_source, terminal
from ira_manifests.cli.question import Question
from ira_manifests.errors import InputError, one_of
from ira_manifests.new_model import Request, chosen_gpus, default_name, propose
from ira_manifests.profile_files import MODEL_FOLDER
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix


@dataclass(frozen=True)
class Answer:
    """The cells of a model, and why other GPU types have none.

    Attributes:
        matrix: the matrix with the cells.
        weights_from: what the weights of new cells were computed from; None for those of a profile.
    """

    matrix: Matrix
    cells: tuple[Cell, ...]
    left_out: tuple[Absent, ...]
    weights_from: str | None = None


def ask(matrix: Matrix, question: Question) -> Answer:
    """Answer a question; says on standard error where the answer is of a profile.

    Raises InputError as `ira_manifests.new_model.propose` does, and where the model's files are
    not named; ConfigError and RefusedError as that does.
    """
    model_id = model_source.id_of(question.model_id, question.source)
    _refuse_other_case(matrix, model_id)
    chosen_gpus(matrix, question.gpus)
    having = [name for name, each in matrix.profiles.models.items() if each.model_id == model_id]
    places = one_of(matrix.profiles.sources["models", name].file for name in having)
    if having and not question.is_of_files:
        terminal.complain(f"note: {model_id} has a profile, {places}; these are its cells")
        return _of_profiles(matrix, having, question.gpus)
    if having:
        terminal.complain(
            f"note: {model_id} has a profile, {places}; these are the cells of a new one"
        )
    return _proposed(matrix, model_id, question)


def _refuse_other_case(matrix: Matrix, model_id: str) -> None:
    for name, model in matrix.profiles.models.items():
        if model.model_id != model_id and model.model_id.casefold() == model_id.casefold():
            raise InputError(
                f"{model_id} differs in case from {model.model_id}, whose profile is "
                f"{matrix.profiles.sources['models', name].file}; use that one"
            )


def _of_profiles(matrix: Matrix, having: list[str], asked: tuple[str, ...]) -> Answer:
    """Return the cells of profiles, on all GPU types or on those that are asked for."""
    gpus = chosen_gpus(matrix, asked)
    cells = tuple(
        cell for cell in matrix.values() if cell.model_name in having and cell.gpu_name in gpus
    )
    return Answer(matrix, cells, tuple(_absent(matrix, having, asked)))


def _absent(matrix: Matrix, having: list[str], asked: tuple[str, ...]) -> Iterator[Absent]:
    if not asked:
        yield from (pair for pair in matrix_summary.absent(matrix) if pair.model in having)
        return
    for gpu in sorted(set(asked)):
        for model in having:
            if not matrix.of_pair(gpu, model):
                yield Absent(gpu, model, matrix_summary.why(matrix, gpu, model))


def _proposed(matrix: Matrix, model_id: str, question: Question) -> Answer:
    files = model_source.read(model_id, question.source, question.revision)
    model_id = files.model_id
    others = _without(matrix, model_id)
    name = default_name(others, model_id, question.gpus)
    # The profile to be; nothing is written.
    file = Path("profiles") / MODEL_FOLDER / f"{name}.yaml"
    request = Request(files, model_id, file, question.gpus, question.max_model_len)
    added = propose(others, request)
    return Answer(added.matrix, added.cells, added.left_out, added.weights_from)


def _without(matrix: Matrix, model_id: str) -> Matrix:
    """Return the matrix without the profiles of a model."""
    profiles = matrix.profiles
    models = {name: each for name, each in profiles.models.items() if each.model_id != model_id}
    dropped = profiles.models.keys() - models.keys()
    sources = {
        key: each
        for key, each in profiles.sources.items()
        if key[0] != MODEL_FOLDER or key[1] not in dropped
    }
    return Matrix(matrix.platform, replace(profiles, models=models, sources=sources))
