"""What `upgrade` prints, in 80 columns."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from ira_manifests import installation
from ira_manifests.cli import formats, terminal
from ira_manifests.cli.terminal import BOLD, BOLD_RED, DIM, GREEN, YELLOW, Fields, Text
from ira_manifests.messages import count, visible
from ira_manifests.upgrading import CellUpgrade, Edited, Metric, Moved, Pin, Releases, Side, Upgrade
from ira_manifests.vllm import Release, gpu_drivers
from ira_manifests.vllm.changes import NEWEST

_HEAD = ("cell", "memory", "headroom, GiB", "KV cache, tokens")
_ALIGN = "<<>>"
_STYLES = {"fits": GREEN, "tight": YELLOW, "not judged": DIM}
_FEW = 3
_OWN = "vllm/vllm-openai"
_BATCH = {"--max-num-batched-tokens": "max_num_batched_tokens", "--max-num-seqs": "max_num_seqs"}


class Report(NamedTuple):
    """What is printed of one run."""

    release: Release
    found: Upgrade
    edits: Sequence[Edited]
    kept: Sequence[Pin]
    dry_run: bool
    all_options: bool

    def say(self) -> None:
        """Print what changes: memory, findings, then of each pair of releases the differences."""
        for number, pair in enumerate(self.found.releases):
            if number:
                terminal.say("")
            _say_pair(pair, self.found, all_options=self.all_options)
        self._say_findings()
        self._say_edits()

    def _say_findings(self) -> None:
        told, fixed = self.found.told, self.found.fixed
        if told:
            terminal.say_heading("New findings, and all errors:")
            colour, columns = terminal.colourful(sys.stdout), terminal.columns(sys.stdout)
            terminal.say(formats.text(told, colour=colour, columns=columns))
        if fixed:
            terminal.say_heading("No longer found:")
        for item in fixed:
            terminal.say_wrapped(f"  {item.rule_id} {item.rule.name}: {item.cell or item.field}")

    def _say_edits(self) -> None:
        if self.kept:
            terminal.say_heading("Not changed; --all changes them too:")
        for pin in self.kept:
            terminal.say_wrapped(f"  {pin.place}: {pin.release}")
        if self.found.releases or self.kept:
            terminal.say("")
        for edit in self.edits:
            for change in edit.changes:
                terminal.say_wrapped(f"{edit.file}: {change}")
        if not self.edits:
            terminal.say(f"The profiles name {self.release} already.")
        elif self.dry_run:
            terminal.say("Nothing was written.")
        else:
            terminal.say_wrapped(f"Wrote {', '.join(edit.file for edit in self.edits)}.")
            self._say_next()

    def _say_next(self) -> None:
        terminal.say_heading("Next steps:")
        if self.found.refuses:
            terminal.say("  fix the errors above; synth writes nothing before")
        for image in _copies(self.found.cells):
            terminal.say_wrapped(f"  push {image}, if the registry does not have it")
        program = installation.program()
        terminal.say(f"  {program} diff   # what it does to a cluster")
        terminal.say(f"  {program} synth")


def _copies(cells: Sequence[CellUpgrade]) -> list[str]:
    """Return the images that are not in vLLM's own repository."""
    images = dict.fromkeys(cell.new.image for cell in cells)
    return [image for image in images if not image.startswith(f"{_OWN}:")]


def _say_pair(pair: Releases, found: Upgrade, *, all_options: bool) -> None:
    cells = found.of(pair)
    terminal.say(
        terminal.styled(f"vLLM {pair.old} → {pair.new}: {count(len(cells), 'cell')}", BOLD)
    )
    terminal.say("")
    _say_memory(cells, found.environments)
    if pair.unknown:
        terminal.say("")
        terminal.say_wrapped(f"Options, defaults and metrics are not judged: {pair.unknown}.")
        if max(map(Release.parse, (pair.old, pair.new))) > NEWEST:
            terminal.say(f"Memory is estimated as with {NEWEST}, the newest known release.")
            terminal.say("CUDA, user and start of the image are not judged.")
    _say_metrics(pair, cells)
    _say_defaults(pair, cells)
    _say_options(pair, all_options=all_options)
    _say_image(pair, cells)


def _say_memory(cells: Sequence[CellUpgrade], every: Sequence[str]) -> None:
    """Print a row for each cell; environments in which it is the same share one."""
    rows: dict[tuple[str, Side, Side], list[str]] = {}
    for cell in cells:
        rows.setdefault((cell.name, cell.old, cell.new), []).append(cell.environment)
    head = [[Text(title, BOLD) for title in _HEAD]]
    body = [
        _row(name, old, new, () if set(where) == set(every) else where)
        for (name, old, new), where in rows.items()
    ]
    terminal.say_table(head, body, _ALIGN)


def _row(name: str, old: Side, new: Side, environments: Sequence[str]) -> Fields:
    named = [each or "the walkthrough" for each in environments]
    where = f" in {_few(named)}" if named else ""
    verdicts = [_short(each.verdict) for each in (old, new)]
    return [
        Text(visible(f"{name}{where}")),
        Text(_both(*verdicts), _STYLES.get(verdicts[1], BOLD_RED)),
        Text(_both(*(_number(each.kv_headroom_gib, ".2f") for each in (old, new)))),
        Text(_both(*(_number(each.kv_cache_tokens, "d") for each in (old, new)))),
    ]


def _short(verdict: str) -> str:
    return "no fit" if verdict.startswith(("does not fit", "impossible")) else verdict


def _number(value: float | None, form: str) -> str:
    return "?" if value is None else format(value, form)


def _both(old: str, new: str) -> str:
    return old if old == new else f"{old} → {new}"


def _few(names: Sequence[str]) -> str:
    """Return names, of many the first and how many more there are."""
    shown = ", ".join(names[:_FEW])
    return shown if len(names) <= _FEW else f"{shown} and {len(names) - _FEW} more"


def _say_metrics(pair: Releases, cells: Sequence[CellUpgrade]) -> None:
    if pair.metrics or pair.new_metrics:
        terminal.say_heading("Metrics, which dashboards, alerts and autoscalers name:")
    for metric in pair.metrics:
        terminal.say_wrapped(f"  {_metric(metric)}")
        for line in _autoscalers(metric.name, cells):
            terminal.say_wrapped(f"    {line}", indent=" " * 6)
    if pair.new_metrics:
        terminal.say(f"  {count(len(pair.new_metrics), 'new metric')}; --json lists them")


def _metric(metric: Metric) -> str:
    first = " (of the first engine, VLLM_USE_V1=0)" if metric.is_first_engines else ""
    if metric.change == "renamed":
        return f"{metric.name} → {metric.now}{first}"
    if metric.change == "gone":
        return f"{metric.name}: gone{first}"
    instead = f"; use {metric.now}" if metric.now else ""
    return f"{metric.name}: hidden, but for --show-hidden-metrics-for-version{instead}"


def _autoscalers(name: str, cells: Sequence[CellUpgrade]) -> Iterator[str]:
    """Yield what happens to autoscalers of cells that act on a metric."""
    acting = [cell for cell in cells if name in (cell.old.autoscaling_metric or "")]
    for by_hand in (False, True):
        found = [
            cell.name
            for cell in acting
            if (cell.old.autoscaling_metric == cell.new.autoscaling_metric) is by_hand
        ]
        if found and by_hand:
            yield f"autoscaling.metric_name of {_few(found)} names it: change it"
        elif found:
            yield f"the autoscaler of {_few(found)} gets the new name from synth"


def _say_defaults(pair: Releases, cells: Sequence[CellUpgrade]) -> None:
    judged = [*_batches(cells), *_moved(pair, cells, lambda each: each.is_judged)]
    if judged:
        terminal.say_heading("Defaults of options that the cells do not set:")
    for option, old, new, names in judged:
        which = "" if len(names) == len(cells) else f" ({_few(names)})"
        terminal.say_wrapped(f"  {option}: {_value(old)} → {_value(new)}{which}")
    unknown = _moved(pair, cells, lambda each: not each.is_judged)
    if unknown:
        terminal.say_heading("Not judged, as the server decides one of both when it starts:")
        listed = ", ".join(
            f"{option} ({_value(old)} → {_value(new)})" for option, old, new, _ in unknown
        )
        terminal.say_wrapped(f"  {listed}", DIM, indent="  ")


_Default = tuple[str, Any, Any, list[str]]


def _moved(
    pair: Releases, cells: Sequence[CellUpgrade], chosen: Callable[[Moved], bool]
) -> list[_Default]:
    """Return defaults that moved, with the cells that don't set the option, if there are any."""
    found = []
    for moved in filter(chosen, pair.moved):
        names = [cell.name for cell in cells if moved.option not in cell.options]
        if names:
            found.append((moved.option, moved.old, moved.new, names))
    return found


def _batches(cells: Sequence[CellUpgrade]) -> list[_Default]:
    """Return the batches that the server chooses by the GPU, where another one is chosen."""
    found: dict[tuple[str, int, int], list[str]] = {}
    for option, field in _BATCH.items():
        for cell in cells:
            old, new = (getattr(each, field) for each in (cell.old, cell.new))
            if None not in (old, new) and old != new and option not in cell.options:
                found.setdefault((option, old, new), []).append(cell.name)
    return [(*key, names) for key, names in found.items()]


def _value(value: Any) -> str:
    """Return a default as on a command line."""
    if value is None:
        return "unset"
    return visible(value if isinstance(value, str) and value else json.dumps(value))


def _say_options(pair: Releases, *, all_options: bool) -> None:
    kinds = {
        "gone": [*pair.gone_options],
        "renamed": [f"{old} → {new}" for old, new in pair.renamed_options],
        "new": [*pair.new_options],
    }
    said = ", ".join(f"{len(names)} {kind}" for kind, names in kinds.items() if names)
    if not said:
        return
    more = "" if all_options else "; --all-options lists them"
    terminal.say_heading(f"Options of vLLM: {said}{more}")
    for kind, names in kinds.items() if all_options else ():
        if names:
            terminal.say_wrapped(f"  {kind}: {', '.join(names)}", indent="    ")


def _say_image(pair: Releases, cells: Sequence[CellUpgrade]) -> None:
    lines = list(dict.fromkeys(line for cell in cells for line in _of_image(cell.old, cell.new)))
    if pair.entry and pair.entry[0] != pair.entry[1]:
        lines.append(f"starts by itself: {_both(*pair.entry)}; the cells name their command")
    if lines:
        terminal.say_heading("Image:")
    for line in lines:
        terminal.say_wrapped(f"  {line}")


def _of_image(old: Side, new: Side) -> Iterator[str]:
    if old.cuda != new.cuda and new.cuda:
        needs = gpu_drivers.Needs(new.cuda, new.driver or "")
        driver = _both(old.driver or "?", needs.driver)
        default = (
            f"; GKE's default may be {gpu_drivers.GKE_DEFAULT}" if needs.more_than_default else ""
        )
        yield f"CUDA {_both(old.cuda or '?', new.cuda)}, driver {driver} or newer{default}"
    if old.image_has_user != new.image_has_user and new.image_has_user is not None:
        yield (
            "has a user beside root, which engine.run_as_user can name: 2000"
            if new.image_has_user
            else "has no user but root: engine.run_as_user can't be set"
        )
