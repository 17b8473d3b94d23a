"""The steps of `synth`: judge, render, compare, write, report."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ira_manifests import files
from ira_manifests.cli import common, formats, synth_report, terminal, terraform
from ira_manifests.errors import Gathered, InputError
from ira_manifests.kubernetes import names
from ira_manifests.layout import LINKS
from ira_manifests.messages import count, visible
from ira_manifests.output import folder, tree
from ira_manifests.output.tree import Tree
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix, directories
from ira_manifests.render_cache import RenderCache
from ira_manifests.rules import check_user_files, waivers
from ira_manifests.rules.check_cells import check_cells
from ira_manifests.rules.check_objects import check_seen
from ira_manifests.rules.finding import Finding, distinct
from ira_manifests.rules.view.namespace import Seen

# More than any list of buckets.
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class SynthRequest:
    """What to render, and the folder to write it to."""

    matrix: Matrix
    cells: list[Cell]
    out: Path
    partial: bool
    """Whether only some cells were selected, so that other directories are kept."""


def judge(request: SynthRequest) -> list[Finding] | None:
    """Return the findings of the rules of cells; None if one is an error, which is printed."""
    findings = check_cells(request.matrix, request.cells)
    # Cells with errors are not rendered.
    refusing = [item for item in waivers.waived(request.cells, findings) if item.refuses]
    return None if _refused(refusing) else findings


def write(request: SynthRequest, findings: list[Finding], values: dict[str, str]) -> int:
    """Write the changes, unless a rule reports an error; return the exit code."""
    out = request.out
    cache = RenderCache(out, request.matrix, request.cells)
    with folder.locked(out):
        found = folder.look(out, directories(request.cells))
        known = cache.unchanged(found.generated)
        fresh = _rendered(request, frozenset(each.name for each in known))
        if known and any(item.refuses for item in _judged(request, findings, [*known, *fresh])):
            # An error that rests on a record is confirmed by rendering.
            known, fresh = [], _rendered(request)
        seen = [*known, *fresh]
        if _refused(_judged(request, findings, seen)):
            return common.FINDINGS
        rendered = _tree(seen)
        plan = tree.compare(rendered, found, partial=request.partial)
        own_secret = request.matrix.platform.model_download.token_secret
        users = folder.write(out, rendered, plan, values, needs_token=own_secret is None)
        cache.keep(known, fresh, partial=request.partial)
    synth_report.written(out, request.cells, plan, users)
    ids = check_user_files.ids_of(request.matrix)
    unserved = check_user_files.unserved(str(folder.config_path(out)), users.model_config, ids)
    if unserved:
        terminal.complain(_for_people(unserved))
    return 0


def compare(request: SynthRequest, findings: list[Finding]) -> int:
    """Print how the output differs, without using records; return the exit code."""
    seen = _rendered(request)
    if _refused(_judged(request, findings, seen)):
        return common.FINDINGS
    rendered = _tree(seen)
    found = folder.look(request.out, directories(request.cells))
    plan = tree.compare(rendered, found, partial=request.partial)
    for line in tree.diff(rendered, found, plan):
        terminal.say(visible(line))
    if plan.stale:
        terminal.complain(synth_report.stale(request.out, plan))
        return common.FINDINGS
    shown = visible(str(request.out))
    terminal.say(f"{shown} is up to date: {count(len(plan.unchanged), 'file')}.")
    return 0


def _rendered(request: SynthRequest, known: frozenset[str] = frozenset()) -> list[Seen]:
    """Render all other directories; starts no Node.js if there are none."""
    if known.issuperset(directories(request.cells)):
        return []
    return common.rendered(request.matrix, request.cells, request.out, known)


def _judged(request: SynthRequest, findings: list[Finding], seen: list[Seen]) -> list[Finding]:
    of_objects = check_seen(seen, request.out)
    return waivers.apply(request.matrix, request.cells, findings + of_objects)


def _tree(seen: list[Seen]) -> Tree:
    return tree.tree_of({each.name: each.files for each in seen}, LINKS)


def _refused(findings: list[Finding]) -> bool:
    """Return whether there are errors, and print them; `check` prints warnings."""
    refusing = [finding for finding in distinct(findings) if finding.refuses]
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

    `check_values` has already validated `bucket` and `model_id`.
    """
    if terraform_output is not None:
        text, source = _read_text(terraform_output)
        bucket = terraform.model_bucket(text, matrix.platform.bucket_suffix, source)
        check_values(bucket, None)
    values = {}
    if bucket is not None:
        values["IRA_BUCKET_NAME"] = bucket
    if model_id is not None:
        names.require("the model id", model_id, partial(_differs_in_case, matrix))
        values["MODEL_ID"] = model_id
    return values


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
