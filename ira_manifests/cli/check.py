"""`check`: what would go wrong, before it is applied."""

from __future__ import annotations

import sys
from collections.abc import Container, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from ira_manifests.cli import common, formats, terminal
from ira_manifests.errors import IraError, OutputError
from ira_manifests.layout import LINKS, links_of
from ira_manifests.messages import count
from ira_manifests.profiles.matrix import Matrix, Selection
from ira_manifests.rules.bad_input import bad_input
from ira_manifests.rules.catalogue import BAD_INPUT
from ira_manifests.rules.cells.subjects import CELL
from ira_manifests.rules.check_cells import check_cells
from ira_manifests.rules.clusters import check_clusters
from ira_manifests.rules.finding import Finding, distinct, unreadable
from ira_manifests.rules.together import Checked, Judged


def command(
    *,
    out: Path,
    profiles_folder: Path | None,
    only: list[str] | None,
    environments: list[str] | None,
    namespace: str | None,
    workload_name: str | None,
    output_format: str,
    profiles_only: bool,
    strict: bool,
) -> int:
    """Check profiles, cells, rendered objects, and whether the output is stale."""
    try:
        matrices = common.load_all(
            profiles_folder, environments, workload_name=workload_name, namespace=namespace
        )
        selections = common.chosen(common.wanted(matrices, environments), only)
    except IraError as error:
        if output_format != "text":
            tell(error, output_format)
        raise
    run = _Run(selections, out, partial=bool(only or environments), narrowed=bool(environments))
    findings, failure = run.of_cells() if profiles_only else run.of_everything()
    findings = distinct(findings)
    if failure is not None and output_format != "text":
        findings += bad_input(failure)
    if output_format in ("github", "sarif"):
        findings = [replace(item, file=_in_git(item.file, out)) for item in findings]
    _print(findings, output_format, sum(len(each.cells) for each in selections))
    if failure is not None:
        raise failure
    if any(finding.rule_id == BAD_INPUT for finding in findings):
        return common.BAD_INPUT
    return common.FINDINGS if any(strict or finding.refuses for finding in findings) else 0


def tell(error: IraError, output_format: str) -> None:
    """Print an error as a whole document, for whoever parses the output."""
    _print(list(bad_input(error)), output_format, cells=0)


class _Run(NamedTuple):
    """One run of `check`: what it looks at."""

    selections: Sequence[Selection]
    out: Path
    partial: bool
    """Whether only some cells or environments were selected."""
    narrowed: bool
    """Whether only some environments were."""

    def of_cells(self) -> tuple[list[Finding], IraError | None]:
        """Return the findings of profiles and cells."""
        return self._told([check_cells(*each) for each in self.selections], CELL.ids), None

    def of_everything(self) -> tuple[list[Finding], IraError | None]:
        """Return all findings, and the error that ended the run: what is found before it stays."""
        found = [check_cells(*each) for each in self.selections]
        try:
            of_output = list(self._on_disk(found))
        except IraError as error:
            return self._told(found, CELL.ids), error
        return [*self._told(found), *of_output], None

    def _told(
        self, found: Sequence[list[Finding]], rules: Container[str] | None = None
    ) -> list[Finding]:
        judged = [
            Judged(*each, findings) for each, findings in zip(self.selections, found, strict=True)
        ]
        return Checked(judged, rules, self.out, narrowed=self.narrowed).findings

    def _on_disk(self, found: Sequence[list[Finding]]) -> Iterator[Finding]:
        """Add the findings of directories, and yield those of the output folder."""
        from ira_manifests.output import folder, tree
        from ira_manifests.rules import check_objects

        for (matrix, _), findings in zip(self.selections, found, strict=True):
            if not matrix.environment and matrix.platform.bucket is None:
                findings.extend(_users_files(self.out, matrix))
        seen = common.rendered(self.selections, self.out)
        for of_matrix, findings in zip(seen, found, strict=True):
            findings.extend(check_objects.check_seen(of_matrix, self.out))
        files = {each.name: each.files for each in chain(*seen)}
        plan = tree.compare(
            tree.tree_of(files, links_of(files)),
            folder.look(self.out, files),
            partial=self.partial,
        )
        yield from check_objects.check_output(self.out, plan)
        matrices = [each.matrix for each in self.selections]
        yield from check_clusters(list(zip(matrices, seen, strict=True)))


def _users_files(out: Path, matrix: Matrix) -> Iterator[Finding]:
    """Look at what the user wrote into base/: of the token at its shape only."""
    from ira_manifests.output import user_files
    from ira_manifests.rules import check_user_files as rules

    check_config = partial(rules.check_model_config, ids=rules.ids_of(matrix))
    for path, read, check in (
        (user_files.config_path(out), user_files.model_config, check_config),
        (user_files.token_path(out), user_files.token_file, rules.check_token_file),
    ):
        try:
            content = read(out)
        except OutputError as error:
            yield unreadable(str(path), str(error), "make it a text file, or remove it")
            continue
        if content is not None:
            yield from check(str(path), content)


def _in_git(file: str, out: Path) -> str:
    """Return the path by which Git knows a file, which is none below a link."""
    for link, target in LINKS.items():
        inside = file.removeprefix(f"{out / link}/")
        if inside != file and (out / link).is_symlink():
            return str(out / target / inside)
    return file


def _print(findings: list[Finding], output_format: str, cells: int) -> None:
    stream = sys.stdout
    colour, columns = terminal.colourful(stream), terminal.width(stream)
    show = formats.formatter(output_format, colour=colour, columns=columns)
    shown = show(findings)
    if shown:
        terminal.say(shown)
    if output_format == "text":
        errors = sum(finding.refuses for finding in findings)
        summary = f"{count(errors, 'error')}, {count(len(findings) - errors, 'warning')}"
        terminal.say(f"{count(cells, 'cell')} checked: {summary}.")
