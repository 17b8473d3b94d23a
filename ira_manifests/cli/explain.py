"""`explain`: the values of a cell, or of the download, with their sources; or a rule's page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ira_manifests.cli import common, documents, explain_report, terminal
from ira_manifests.cli.explain_report import Report
from ira_manifests.cli.question import Question, names_model
from ira_manifests.errors import InputError, did_you_mean, one_of
from ira_manifests.layout import CELLS, MODEL_DOWNLOAD, SHARED
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrices, Matrix
from ira_manifests.provenance import explained
from ira_manifests.provenance.explained import ExplainedDirectory, Value

if TYPE_CHECKING:
    from ira_manifests.provenance.field_lookup import Answer


def command(
    *,
    rule: str | None,
    directory: str | None,
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
    as_json: bool,
) -> int:
    """Explain a cell or a model (memory, limits, sources of values), a directory or a rule."""
    question = Question(
        words[0] if words else None, source, tuple(gpus or ()), max_model_len, revision
    )
    report: Report = explain_report
    if as_json:
        from ira_manifests.cli.explain_json import JsonReport

        report = collected = JsonReport()
    subject = _Subject(rule, directory, words, field, question, environments)
    _explain(
        subject,
        report,
        lambda: common.load_all(
            profiles_folder, environments, workload_name=workload_name, namespace=namespace
        ),
    )
    if as_json:
        documents.say(collected.document)
    return 0


class _Subject(NamedTuple):
    """What is to be explained: see `model_options.explain`."""

    rule: str | None
    directory: str | None
    words: Sequence[str]
    field: str | None
    question: Question
    environments: list[str] | None


def _explain(subject: _Subject, report: Report, load: Callable[[], Matrices]) -> None:
    rule, directory, words, field, question, environments = subject
    if question.options and (rule is not None or directory is not None):
        raise InputError(f"{question.options[0]} needs a model: give its id, ORG/NAME")
    if rule is not None:
        _say_rule(report, rule)
        return
    matrices = load()
    named = _named(matrices, environments, words)
    if directory is not None:
        _say_directories(report, _of_directory(named or matrices.written, directory), field)
        return
    first = named[0] if named else matrices.walkthrough
    if _is_of_model(first, question):
        if len(words) > 1:
            raise InputError(f"unexpected argument after a model: {words[1]!r}")
        _say_model(report, common.only(matrices, environments), question)
        return
    from ira_manifests.cli import cell_names

    pair, field = cell_names.pair_and_field(first, words)
    if field is not None:
        having = [each for each in named or matrices.written if pair in each]
        _say_field_of_cell(report, field, having or [first], pair)
        return
    for place, matrix in enumerate(named or [first]):
        if len(named) > 1:
            report.environment(matrix.environment, first=not place)
        _say_pair(report, matrix, *pair)
    if not named:
        _note_others(matrices, pair)


def _named(
    matrices: Matrices, environments: list[str] | None, words: Sequence[str]
) -> list[Matrix]:
    """Return the matrices of named environments; a directory names its own."""
    above, _, directory = words[0].rstrip("/").rpartition("/") if words else ("", "", "")
    environment = above.rpartition("/")[2]
    is_directory = directory == SHARED or directory.startswith((CELLS, MODEL_DOWNLOAD))
    if not environments and is_directory and environment in matrices.environments:
        return [matrices.environments[environment]]
    return common.wanted(matrices, environments) if environments else []


def _note_others(matrices: Matrices, pair: tuple[str, str]) -> None:
    having = [name for name, matrix in matrices.environments.items() if pair in matrix]
    if having:
        terminal.complain(
            f"note: this is the cell without an environment; --environment NAME shows it in "
            f"{one_of(having)}"
        )


def _require_one(matrix: Matrix, gpu: str, model: str) -> None:
    """Raise `InputError` for a pair that has several cells."""
    known = gpu in matrix.profiles.gpus and model in matrix.profiles.models
    if known and (gpu, model) not in matrix and (variants := matrix.of_pair(gpu, model)):
        cells = one_of([cell.name for cell in variants])
        raise InputError(f"{gpu}/{model} has several cells; name one of them: {cells}")


def _say_pair(report: Report, matrix: Matrix, gpu: str, model: str) -> None:
    """Print a cell, or why there is none."""
    _require_one(matrix, gpu, model)
    known = gpu in matrix.profiles.gpus and model in matrix.profiles.models
    if not known or (gpu, model) in matrix:
        _say_cell(report, matrix, matrix[gpu, model])
        return
    from ira_manifests.analysis import matrix_summary

    report.absent(matrix_summary.Absent(gpu, model, matrix_summary.why(matrix, gpu, model)))


def _say_field_of_cell(
    report: Report, field: str, matrices: Sequence[Matrix], pair: tuple[str, str]
) -> None:
    """Print a field of a cell; where environments differ, each answer with those that have it."""
    answers: list[tuple[Found, list[str]]] = []
    for matrix in matrices:
        _require_one(matrix, *pair)
        directories = explained.directories(matrix, matrix[pair])
        try:
            found = _find(field, directories, explained.values(directories))
        except InputError:
            if matrix is matrices[-1] and not answers:
                raise
            continue  # the environments may lack an option
        same = [names for each, names in answers if each == found]
        if same:
            same[0].append(matrix.environment)
        else:
            answers.append((found, [matrix.environment]))
    for place, (found, names) in enumerate(answers):
        if len(answers) > 1:
            report.environment(*names, first=not place)
        _say_found(report, field, found)


def _is_of_model(matrix: Matrix, question: Question) -> bool:
    """Return whether a model is asked about; raises InputError for its options beside a cell."""
    word = question.model_id
    if word is None or not question.options:
        return word is None or names_model(matrix, word)
    gpu, _, name = word.partition("/")
    if gpu in matrix.profiles.gpus and name in matrix.profiles.models:
        raise InputError(f"{question.options[0]} needs a model's id, ORG/NAME; {word} is a cell")
    return True


def _of_directory(matrices: Sequence[Matrix], name: str) -> Sequence[ExplainedDirectory]:
    """Return what a word that names no cell's directory means, of the first matrix that has it."""
    if name == SHARED:
        found = next(filter(None, map(explained.shared, matrices)), None)
        if found is None:
            raise InputError(f"there is no directory {SHARED}: nothing prunes this output")
        return found
    return _downloads(matrices, name)


def _downloads(matrices: Sequence[Matrix], name: str) -> list[ExplainedDirectory]:
    """Return a download's directory, or all of them, of the first matrix that has it."""
    downloads = [explained.downloads(matrix) for matrix in matrices]
    every = next(
        (each for each in downloads if name in {directory.name for directory in each}),
        downloads[0],
    )
    found = [each for each in every if name in (each.name, MODEL_DOWNLOAD)]
    if not found:
        known = [each.name for each in every]
        raise InputError(
            f"there is no {name}; expected one of {one_of(known)}{did_you_mean(name, known)}"
        )
    return found


def _say_directories(
    report: Report, found: Sequence[ExplainedDirectory], field: str | None
) -> None:
    """Print the values of directories that are no cell's, each under its name, or of one field."""
    if field is not None and len(found) == 1:
        _say_field(report, field, found, found[0].values)
        return
    if field is not None:
        from ira_manifests.provenance import field_lookup

        paths = [value.manifest for each in found for value in each.values if value.name == field]
        report.answers(field, field_lookup.find(found, paths[0] if paths else field))
        return
    for number, each in enumerate(found):
        if number:
            report.gap()
        report.directory(each)


def _say_model(report: Report, matrix: Matrix, question: Question) -> None:
    """Print each cell of a model, then why other GPU types have none."""
    from ira_manifests.cli import asking

    answer = asking.ask(matrix, question)
    for place, cell in enumerate(answer.cells):
        if place:
            report.gap()
        if answer.weights_from is None:
            _say_cell(report, answer.matrix, cell)
        else:
            report.proposed(cell, answer.weights_from)
    if answer.cells and answer.left_out:
        report.gap()
    for pair in answer.left_out:
        if answer.weights_from is None:
            report.absent(pair)
        else:
            report.left_out(pair)


def _say_cell(report: Report, matrix: Matrix, cell: Cell) -> None:
    directories = explained.directories(matrix, cell)
    report.explained(cell, explained.values(directories))


Found = Sequence["Value | Answer"]


def _say_field(
    report: Report, field: str, directories: Sequence[ExplainedDirectory], values: Sequence[Value]
) -> None:
    _say_found(report, field, _find(field, directories, values))


def _find(field: str, directories: Sequence[ExplainedDirectory], values: Sequence[Value]) -> Found:
    """Return what directories hold at a field. Raises `InputError` if there is none."""
    named = [value for value in values if value.name == field]
    if named:
        return named[:1]
    from ira_manifests.provenance import field_lookup

    try:
        return field_lookup.find(directories, field)
    except InputError:
        # A field of profiles that has fields of its own, such as autoscaling or env.
        within = [value for value in values if value.name.startswith(f"{field}.")]
        if not within:
            raise
        return within


def _say_found(report: Report, field: str, found: Found) -> None:
    for each in found:
        if isinstance(each, Value):
            report.value(each)
        else:
            report.answers(field, [each])


def _say_rule(report: Report, rule: str) -> None:
    from ira_manifests.rules import catalogue

    report.rule(catalogue.get(rule))
