"""What `diff` prints as Markdown, for a comment of a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ira_manifests.cli import diff_words
from ira_manifests.comparing import CellChange, Comparison, OfEnvironment
from ira_manifests.messages import visible

_MOST = 60_000
"""Characters of a document: a comment on GitHub has 65536 at most."""
_MARK = "<!-- ira-manifests diff -->"
"""The first line, by which a later run finds its comment."""
_HEAD = "| cell | machine | GPUs | memory | what happens |\n|---|---|---:|---|---|"


def document(found: Comparison, name: str) -> str:
    """Return what changes as Markdown. All values are code, so that none is markup."""
    lines = [_MARK, "### Changes on the cluster", "", diff_words.summary(found, _code(name))]
    for each in found.environments:
        if each.environment:
            lines += ["", f"#### Environment {_code(each.environment)}"]
        lines += _cells(each)
    rows = diff_words.capacity(found)
    if rows:
        lines += ["", f"{diff_words.CAPACITY}:", ""]
    lines += [f"- {_code(gpu)}: {old} → {new} (**{more}**)" for gpu, old, new, more in rows]
    details = [line for each in found.environments for line in _details(each)]
    return "\n".join([*lines, *_folded(details, _MOST - sum(map(len, lines)))])


def _cells(of: OfEnvironment) -> Iterator[str]:
    if of.cells:
        yield from ("", _HEAD, *(_row(cell, of) for cell in of.cells))
    for heading, items in (
        (diff_words.DOWNLOADS, diff_words.downloads(of)),
        ("To delete before it is applied, if they are there", diff_words.deletions(of)),
    ):
        if items:
            yield from ("", f"{heading}:", "")
        yield from (f"- {_code(item)}" for item in items)


def _row(cell: CellChange, of: OfEnvironment) -> str:
    outcome = diff_words.outcome(cell, of)
    values = (
        _code(cell.name),
        _code(diff_words.machine(cell)),
        diff_words.gpus(cell),
        diff_words.memory(cell),
        f"**{outcome}**" if outcome == "delete first" else outcome,
    )
    return f"| {' | '.join(values)} |"


def _details(of: OfEnvironment) -> Iterator[str]:
    for heading, names in diff_words.whole(of):
        yield f"\n{heading}: {', '.join(map(_code, names))}"
    for group in diff_words.groups(of):
        yield f"\n{', '.join(map(_code, group.names))}\n"
        is_one = len(group.directories) == 1
        for change in group.objects:
            kind, name = change.identity.kind, change.identity.name
            said = diff_words.consequence(change, is_pruned=of.is_pruned)
            yield f"- {_code(f'{kind} {name}' if is_one else kind)}: {said}"
            for field, how in diff_words.fields(change):
                yield f"  - {_code(f'{field}: {how}')}"


def _folded(lines: Iterable[str], most: int) -> list[str]:
    """Return lines that are folded until a reader opens them, as many as there is room for."""
    kept, left = [], most
    given = list(lines)
    for line in given:
        left -= len(line) + 1
        if left < 0:
            break
        kept.append(line)
    if not kept:
        return []
    more = (
        [f"\n{len(given) - len(kept)} more lines are left out."] if len(kept) < len(given) else []
    )
    summary = "<details><summary>Objects and fields</summary>"
    return ["", summary, *kept, *more, "", "</details>"]


def _code(text: str) -> str:
    """Return a text as code, whatever it holds; in a table a bar needs a backslash."""
    safe = visible(text).replace("|", "\\|")
    longest = max(map(len, re.findall("`+", safe)), default=0)
    if not longest:
        return f"`{safe}`"
    fence = "`" * (longest + 1)
    return f"{fence} {safe} {fence}"
