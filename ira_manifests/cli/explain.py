"""`explain`: the values of a cell, or of the download, with their sources; or a rule's page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ira_manifests.cli import common, explain_report, terminal
from ira_manifests.cli.question import Question, names_model
from ira_manifests.errors import InputError, did_you_mean, one_of
from ira_manifests.layout import MODEL_DOWNLOAD
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix
from ira_manifests.provenance import explained
from ira_manifests.provenance.explained import ExplainedDirectory, Value


def command(
    *,
    rule: str | None,
    download: str | None,
    words: Sequence[str],
    field: str | None,
    source: Path | None,
    revision: str | None,
    gpus: list[str] | None,
    max_model_len: int | None,
    profiles_folder: Path | None,
    environments: list[str] | None,
    namespace: str | None,
    workload_name: str | None,
) -> int:
    """Explain a cell or a model (memory, limits, sources of values), the download or a rule."""
    question = Question(
        words[0] if words else None, source, tuple(gpus or ()), max_model_len, revision
    )
    if question.options and (rule is not None or download is not None):
        raise InputError(f"{question.options[0]} needs a model: give its id, ORG/NAME")
    if rule is not None:
        _say_rule(rule)
        return 0
    matrices = common.load_all(
        profiles_folder, environments, workload_name=workload_name, namespace=namespace
    )
    matrix = common.only(matrices, environments)
    if download is not None:
        _say_download(matrix, download, field)
        return 0
    if _is_of_model(matrix, question):
        if len(words) > 1:
            raise InputError(f"unexpected argument after a model: {words[1]!r}")
        _say_model(matrix, question)
        return 0
    from ira_manifests.cli import cell_names

    (gpu, model), field = cell_names.pair_and_field(matrix, words)
    known = gpu in matrix.profiles.gpus and model in matrix.profiles.models
    if known and (gpu, model) not in matrix and (variants := matrix.of_pair(gpu, model)):
        cells = one_of([cell.name for cell in variants])
        raise InputError(f"{gpu}/{model} has several cells; name one of them: {cells}")
    if known and (gpu, model) not in matrix and field is None:
        from ira_manifests.analysis import matrix_summary

        explain_report.absent(
            matrix_summary.Absent(gpu, model, matrix_summary.why(matrix, gpu, model))
        )
    elif field is None:
        _say_cell(matrix, matrix[gpu, model])
    else:
        directories = explained.directories(matrix, matrix[gpu, model])
        _say_field(field, directories, explained.values(directories))
    return 0


def _is_of_model(matrix: Matrix, question: Question) -> bool:
    """Return whether a model is asked about; raises InputError for its options beside a cell."""
    word = question.model_id
    if word is None or not question.options:
        return word is None or names_model(matrix, word)
    gpu, _, name = word.partition("/")
    if gpu in matrix.profiles.gpus and name in matrix.profiles.models:
        raise InputError(f"{question.options[0]} needs a model's id, ORG/NAME; {word} is a cell")
    return True


def _say_download(matrix: Matrix, name: str, field: str | None) -> None:
    """Print the values of a download's directory, or of all, each under its name."""
    every = explained.downloads(matrix)
    found = [each for each in every if name in (each.name, MODEL_DOWNLOAD)]
    if not found:
        known = [each.name for each in every]
        raise InputError(
            f"there is no {name}; expected one of {one_of(known)}{did_you_mean(name, known)}"
        )
    if field is not None and len(found) == 1:
        _say_field(field, found, found[0].values)
        return
    if field is not None:
        from ira_manifests.provenance import field_lookup

        paths = [value.manifest for each in found for value in each.values if value.name == field]
        explain_report.answers(field, field_lookup.find(found, paths[0] if paths else field))
        return
    for number, each in enumerate(found):
        if number:
            terminal.say("")
        explain_report.directory(each)


def _say_model(matrix: Matrix, question: Question) -> None:
    """Print each cell of a model, then why other GPU types have none."""
    from ira_manifests.cli import asking

    answer = asking.ask(matrix, question)
    for place, cell in enumerate(answer.cells):
        if place:
            terminal.say("")
        if answer.weights_from is None:
            _say_cell(answer.matrix, cell)
        else:
            explain_report.proposed(cell, answer.weights_from)
    if answer.cells and answer.left_out:
        terminal.say("")
    for pair in answer.left_out:
        if answer.weights_from is None:
            explain_report.absent(pair)
        else:
            explain_report.left_out(pair)


def _say_cell(matrix: Matrix, cell: Cell) -> None:
    directories = explained.directories(matrix, cell)
    explain_report.explained(cell, explained.values(directories))


def _say_field(
    field: str, directories: Sequence[ExplainedDirectory], values: Sequence[Value]
) -> None:
    named = [value for value in values if value.name == field]
    if named:
        explain_report.value(named[0])
        return
    from ira_manifests.provenance import field_lookup

    try:
        explain_report.answers(field, field_lookup.find(directories, field))
    except InputError:
        # A field of profiles that has fields of its own, such as autoscaling or env.
        within = [value for value in values if value.name.startswith(f"{field}.")]
        if not within:
            raise
        for value in within:
            explain_report.value(value)


def _say_rule(rule: str) -> None:
    from ira_manifests.rules import catalogue

    explain_report.rule(catalogue.get(rule))
