"""What `diff` prints, in 80 columns."""

from __future__ import annotations

from ira_manifests.cli import diff_words, terminal
from ira_manifests.cli.diff_words import Group
from ira_manifests.cli.terminal import BOLD, BOLD_RED, DIM, YELLOW, Fields, Text
from ira_manifests.comparing import CellChange, Comparison, OfEnvironment
from ira_manifests.messages import visible

_HEAD = ("cell, machine", "GPUs", "memory", "what happens")
_ALIGN = "<>><"
_STYLES = {"delete first": BOLD_RED, "removed": BOLD_RED, "Pods replaced": YELLOW}


def say(found: Comparison, name: str) -> None:
    """Print what changes, compared with what `name` says."""
    terminal.say_wrapped(diff_words.summary(found, name))
    for each in found.environments:
        _say_environment(each)
    rows = diff_words.capacity(found)
    if rows:
        terminal.say_heading(f"{diff_words.CAPACITY}:")
    for gpu, old, new, more in rows:
        terminal.say(visible(f"  {gpu}  {old} → {new} ({more})"))


def _say_environment(of: OfEnvironment) -> None:
    if of.environment:
        terminal.say_heading(f"Environment {visible(of.environment)}")
    if of.cells:
        terminal.say("")
        head = [[Text(title, BOLD) for title in _HEAD]]
        terminal.say_table(head, [_row(cell, of) for cell in of.cells], _ALIGN)
    for heading, lines in (
        (diff_words.DOWNLOADS, diff_words.downloads(of)),
        ("Delete before you apply, if they are there", diff_words.deletions(of)),
        *diff_words.whole(of),
    ):
        if lines:
            terminal.say_heading(f"{heading}:")
        for line in lines:
            terminal.say(visible(f"  {line}"))
    for group in diff_words.groups(of):
        _say_group(group, of)


def _row(cell: CellChange, of: OfEnvironment) -> Fields:
    outcome = diff_words.outcome(cell, of)
    return [
        Text(visible(f"{cell.name}, {diff_words.machine(cell)}")),
        Text(diff_words.gpus(cell)),
        Text(diff_words.memory(cell)),
        Text(outcome, _STYLES.get(outcome, "")),
    ]


def _say_group(group: Group, of: OfEnvironment) -> None:
    terminal.say("")
    for name in group.names:
        terminal.say(terminal.styled(visible(name), BOLD))
    is_one = len(group.directories) == 1
    for change in group.objects:
        named = f" {change.identity.name}" if is_one else ""
        said = diff_words.consequence(change, is_pruned=of.is_pruned)
        terminal.say_wrapped(f"  {change.identity.kind}{named}: {said}")
        for field, how in diff_words.fields(change):
            terminal.say_wrapped(f"    {field}: {how}", DIM, indent=" " * 8)
