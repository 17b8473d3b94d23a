"""The steps of `synth`: judge, render, compare, write, report."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

from ira_manifests import files
from ira_manifests.cli import common, formats, synth_json, synth_report, terminal, terraform
from ira_manifests.errors import Gathered, InputError
from ira_manifests.kubernetes import names
from ira_manifests.layout import BUCKET_KEY, MODEL_KEY, links_of
from ira_manifests.messages import count, visible
from ira_manifests.output import folder, tree, user_files
from ira_manifests.output.transaction import locked
from ira_manifests.output.tree import Tree
from ira_manifests.profiles.matrix import Matrix, Selection
from ira_manifests.render_cache import RenderCache
from ira_manifests.rules import check_user_files, waivers
from ira_manifests.rules.check_cells import check_cells
from ira_manifests.rules.check_objects import check_seen
from ira_manifests.rules.clusters import check_clusters
from ira_manifests.rules.finding import Finding, distinct
from ira_manifests.rules.together import Checked, Judged
from ira_manifests.rules.view.namespace import Seen

# More than any list of buckets.
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class SynthRequest:
    """What to render, and the folder to write it to."""

    selections: Sequence[Selection]
    out: Path
    partial: bool
    """Whether only some cells or environments were selected, so that other directories are kept."""
    narrowed: bool = False
    """Whether only some environments were."""
    as_json: bool = False
    """Whether to report as a JSON document."""

    @property
    def directories(self) -> list[str]:
        """The names of all directories to write."""
        return [name for each in self.selections for name in each.directories]


Findings = list[list[Finding]]
"""Findings of each selection."""


def judge(request: SynthRequest) -> Findings | None:
    """Return the findings of the rules of cells; None if one is an error, which is printed."""
    findings = [check_cells(matrix, cells) for matrix, cells in request.selections]
    # Cells with errors are not rendered.
    judged = [
        Judged(*each, waivers.waived(each.cells, found))
        for each, found in zip(request.selections, findings, strict=True)
    ]
    told = Checked(judged, frozenset(), request.out).findings
    return None if _refused(request, [item for item in told if item.refuses]) else findings


def write(request: SynthRequest, findings: Findings, values: dict[str, str]) -> int:
    """Write the changes, unless a rule reports an error; return the exit code."""
    out = request.out
    cache = RenderCache(out, request.selections)
    with locked(out):
        found = folder.look(out, request.directories)
        known = {each.name: each for each in cache.unchanged(found.generated)}
        fresh = _rendered(request, frozenset(known))
        seen = _together(request, known, fresh)
        if known and any(item.refuses for item in _judged(request, findings, seen)):
            # An error that rests on a record is confirmed by rendering.
            known, fresh = {}, _rendered(request)
            seen = fresh
        if _refused(request, _judged(request, findings, seen)):
            return common.FINDINGS
        rendered = _tree(seen)
        plan = tree.compare(rendered, found, partial=request.partial)
        users = folder.write(out, rendered, plan, values, needs_token=_needs_token(request))
        cache.keep(known.values(), chain(*fresh), partial=request.partial)
    report = synth_json if request.as_json else synth_report
    report.written(out, request.selections, plan, users)
    for matrix, _ in request.selections:
        if not matrix.environment and matrix.platform.bucket is None:
            _warn_of_download(out, matrix, users.model_config)
    return 0


def _needs_token(request: SynthRequest) -> bool:
    return any(
        matrix.platform.model_download.token is None
        for matrix, _ in request.selections
        if not matrix.environment
    )


def _warn_of_download(out: Path, matrix: Matrix, config: bytes) -> None:
    """Warn of a model that is downloaded and not served."""
    ids = check_user_files.ids_of(matrix)
    unserved = check_user_files.unserved(str(user_files.config_path(out)), config, ids)
    if unserved:
        terminal.complain(_for_people(unserved))


def _together(
    request: SynthRequest, known: Mapping[str, Seen], fresh: Sequence[Sequence[Seen]]
) -> list[list[Seen]]:
    """Return the directories of each selection, those that were not rendered first."""
    return [
        [*(known[name] for name in each.directories if name in known), *rendered]
        for each, rendered in zip(request.selections, fresh, strict=True)
    ]


def compare(request: SynthRequest, findings: Findings) -> int:
    """Print how the output differs, without using records; return the exit code."""
    seen = _rendered(request)
    if _refused(request, _judged(request, findings, seen)):
        return common.FINDINGS
    rendered = _tree(seen)
    found = folder.look(request.out, request.directories)
    plan = tree.compare(rendered, found, partial=request.partial)
    if request.as_json:
        synth_json.compared(request.out, plan)
    else:
        for line in tree.diff(rendered, found, plan):
            terminal.say(visible(line))
    if plan.stale:
        terminal.complain(synth_report.stale(request.out, plan))
        return common.FINDINGS
    if not request.as_json:
        shown = visible(str(request.out))
        terminal.say(f"{shown} is up to date: {count(len(plan.unchanged), 'file')}.")
    return 0


def _rendered(request: SynthRequest, known: frozenset[str] = frozenset()) -> list[list[Seen]]:
    """Render all other directories; starts no Node.js if there are none."""
    if known.issuperset(request.directories):
        return [[] for _ in request.selections]
    return common.rendered(request.selections, request.out, known)


def _judged(
    request: SynthRequest, findings: Findings, seen: Sequence[Sequence[Seen]]
) -> list[Finding]:
    judged = [
        Judged(*each, [*found, *check_seen(of_matrix, request.out)])
        for each, found, of_matrix in zip(request.selections, findings, seen, strict=True)
    ]
    told = Checked(judged, None, request.out, narrowed=request.narrowed).findings
    matrices = [each.matrix for each in request.selections]
    return [*told, *check_clusters(list(zip(matrices, seen, strict=True)))]


def _tree(seen: Iterable[Iterable[Seen]]) -> Tree:
    files = {each.name: each.files for each in chain(*seen)}
    return tree.tree_of(files, links_of(files))


def _refused(request: SynthRequest, findings: list[Finding]) -> bool:
    """Return whether there are errors, and print them; `check` prints warnings."""
    refusing = [finding for finding in distinct(findings) if finding.refuses]
    if refusing and request.as_json:
        synth_json.refused(request.out, refusing)
    if refusing:
        terminal.complain(_for_people(refusing))
        terminal.complain(f"{count(len(refusing), 'error')}; nothing was written.")
    return bool(refusing)


def check_values(bucket: str | None, model_id: str | None) -> None:
    """Raise `InputError` for an invalid bucket or model id."""
    wrong = Gathered()
    for what, value, check in (
        ("the bucket", bucket, names.check_bucket),
        ("the model id", model_id, names.check_hub_id),
    ):
        if value is not None:
            with wrong:
                names.require(what, value, check)
    if wrong:
        raise wrong.error


def config_values(
    matrix: Matrix, bucket: str | None, terraform_output: str | None, model_id: str | None
) -> dict[str, str]:
    """Return the keys of base/ira-model-config.env that the command line sets.

    `check_values` has already validated `bucket` and `model_id`. Raises `InputError` for an option
    of the user's file where the platform names the bucket, so that there is no such file.
    """
    given = {"--bucket": bucket, "--terraform-output": terraform_output, "--model-id": model_id}
    _refuse_beside_bucket(matrix, [option for option, value in given.items() if value is not None])
    if terraform_output is not None:
        text, source = _read_text(terraform_output)
        bucket = terraform.model_bucket(text, matrix.platform.bucket_suffix, source)
        check_values(bucket, None)
    values = {}
    if bucket is not None:
        values[BUCKET_KEY] = bucket
    if model_id is not None:
        names.require("the model id", model_id, partial(_differs_in_case, matrix))
        values[MODEL_KEY] = model_id
    return values


def _refuse_beside_bucket(matrix: Matrix, given: Sequence[str]) -> None:
    bucket = matrix.platform.bucket
    if bucket is None or not given:
        return
    place = matrix.profiles.place_of_platform("bucket")
    one = "; each model has a download of its own" if "--model-id" in given else ""
    raise InputError(
        f"{' and '.join(given)} can't be used: {place} names the bucket {bucket}, so no file of "
        f"base/ is read{one}; change the bucket there, or remove it to use base/ again"
    )


def _differs_in_case(matrix: Matrix, model_id: str) -> str | None:
    """Return a message if the id differs in case from a served one: folders are case-sensitive."""
    every = ((cell, served) for cell in matrix.values() for served in cell.model_ids)
    for cell, served in every:
        if served.casefold() == model_id.casefold() and served != model_id:
            return f"differs in case from {served!r}, which {cell.directory} serves; use that one"
    return None


def _read_text(path: str) -> tuple[str, str]:
    if not path:
        raise InputError("--terraform-output is empty; name a file, or - for standard input")
    source = "standard input" if path == "-" else path
    try:
        content = _read(path)
        return content.decode("utf-8-sig"), source
    except OSError as error:
        raise InputError(f"{source} can't be read: {files.reason(error)}") from None
    except UnicodeDecodeError:
        raise InputError(f"{source} is not UTF-8 text") from None


def _read(path: str) -> bytes:
    """Return the start of a file or pipe, such as a shell's <(...)."""
    if path != "-":
        with Path(path).open("rb") as file:
            return file.read(_MOST_BYTES)
    if sys.stdin is None:
        raise InputError("standard input is closed; --terraform-output - reads it")
    return sys.stdin.buffer.read(_MOST_BYTES)


def _for_people(findings: Sequence[Finding]) -> str:
    stream = sys.stderr
    colour, columns = terminal.colourful(stream), terminal.width(stream)
    return formats.text(findings, colour=colour, columns=columns)
