"""What the directories of the output hold, who writes it, and which of them read the user's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from ira_manifests.layout import BASE, BASE_LINK, MODEL_DOWNLOAD, OBJECT_FILES, TOP
from ira_manifests.output import env_file
from ira_manifests.output.directory import RUNTIME_CONFIG, Directory
from tools.pictures import svg
from tools.pictures.palette import QUIET
from tools.pictures.svg import LINE_HEIGHT, MARGIN, WIDTH, Picture

Words = list[str]
_KINDS = {file: kind for kind, file in OBJECT_FILES.items()}
_INDENT, _PAD, _GAP = 24.0, 10.0, 10.0
_LEFT, _RIGHT = MARGIN + _INDENT + _PAD, WIDTH - MARGIN - _PAD
_RAIL = MARGIN + 10.0
"""Where the line is that leads from the user's directory to those that read it."""
_YOURS = {env_file.MODEL_CONFIG: "bucket and model", env_file.TOKEN: "token; not for Git"}
_STEP = 24.0
"""From one row of kinds to the next."""


@dataclass(frozen=True)
class Group:
    """Directories with objects of the same kinds."""

    names: tuple[str, ...]
    of_cells: bool
    kinds: tuple[str, ...]
    """Of objects that are files of the directory, in the order in which they are applied."""
    generated: tuple[str, ...]
    """Of objects that kustomize makes of env files."""
    reads_base: bool
    own_values: bool
    """Whether an env file of the directory adds to the values of `base`."""

    @property
    def title(self) -> str:
        """The name, or what several names have in common."""
        start, _, end = self._words
        return "-".join((*start, *(["…"] if len(self.names) > 1 else []), *end))

    @property
    def rests(self) -> tuple[str, ...]:
        """What tells several names apart."""
        return tuple(map("-".join, self._words[1])) if len(self.names) > 1 else ()

    @property
    def _words(self) -> tuple[Words, list[Words], Words]:
        """The words with which all names begin, those between of each, and those of all ends."""
        names = [name.split("-") for name in self.names]
        first = _shared(names)
        rests = [words[first:] for words in names]
        last = _shared([words[::-1] for words in rests])
        between = [words[: len(words) - last] for words in rests]
        return names[0][:first], between, rests[0][len(rests[0]) - last :]

    @property
    def role(self) -> str:
        """What the directories are for."""
        if self.names == (MODEL_DOWNLOAD,):
            return "Copies a model to the bucket: apply it first."
        if "ProvisioningRequest" in self.kinds:
            return "The same cells on queued capacity: apply one or the other."
        return "Serves a model on a GPU type." if self.of_cells else ""


def _shared(names: Sequence[Words]) -> int:
    """Return with how many equal words all names begin."""
    return len(list(takewhile(lambda words: len(set(words)) == 1, zip(*names, strict=False))))


def groups(directories: Iterable[Directory]) -> list[Group]:
    """Return the directories, but for the top and the user's own, in order; alike ones together."""
    found: dict[Group, list[str]] = {}
    for each in directories:
        if each.name not in (TOP, BASE):
            found.setdefault(_alike(each), []).append(each.name)
    return [replace(group, names=tuple(sorted(names))) for group, names in found.items()]


def _alike(directory: Directory) -> Group:
    """Return the group of a directory, without names."""
    made = directory.kustomization
    reads = any(resource in (BASE_LINK, f"../{BASE}") for resource in made.resources)
    generated = [
        *(["ConfigMap"] if made.config_maps or reads else []),
        *(["Secret"] if made.secrets else []),
    ]
    return Group(
        names=(),
        of_cells=bool(directory.cell),
        kinds=tuple(_KINDS[file] for file in directory.objects),
        generated=tuple(generated),
        reads_base=reads,
        own_values=bool(directory.runtime_values),
    )


def directories(found: Sequence[Group]) -> Picture:
    """Draw the user's directory, and below it the others, with lines to its readers."""
    title = "What is in dist/"
    shapes, y = svg.heading(title)
    drawn, y = _base(y)
    rail = y
    last = y
    for group in found:
        top = y + _GAP
        card, y = _card(group, top)
        drawn += card
        if group.reads_base:
            last = top + 18
            drawn += _arrow(last)
    drawn.append(svg.rect(_RAIL, rail, 2, last - rail + 1, "on-quiet"))
    key, y = _key(y + _GAP)
    return Picture(
        title, _said(found, full=False), _said(found, full=True), y, [*shapes, *drawn, *key]
    )


def _base(top: float) -> tuple[list[str], float]:
    """Return the card of the user's files, and where it ends."""
    x, y = MARGIN + _PAD, top + 19
    shapes = [
        svg.text(x, y, f"{BASE_LINK} -> {BASE}", style="mono bold"),
        svg.text(_RIGHT, y, "your files", on=QUIET, anchor="end"),
    ]
    for name, what in _YOURS.items():
        y += _STEP
        width = svg.measured(name, style="mono") + 12
        shapes += [
            svg.rect(x, y - 14, width, 20, "yours", radius=3, more="edged"),
            svg.text(x + 6, y, name, on="yours", style="mono"),
            svg.text(x + width + 6, y, what, on=QUIET),
        ]
    bottom = y + 14
    box = svg.rect(MARGIN, top, WIDTH - 2 * MARGIN, bottom - top, "card", radius=5, more="edged")
    return [box, *shapes], bottom


def _card(group: Group, top: float) -> tuple[list[str], float]:
    """Return the card of a group, and where it ends."""
    y = top + 19
    shapes = [svg.text(_LEFT, y, group.title, style="mono bold")]
    role = svg.wrapped(group.role, _RIGHT - _LEFT)
    shapes += svg.lines(_LEFT, y + LINE_HEIGHT, role)
    y += len(role) * LINE_HEIGHT + 10
    chips, y = _chips(group, y)
    shapes += chips
    if group.own_values:
        y += 13
        shapes.append(svg.text(_LEFT, y, RUNTIME_CONFIG, style="mono"))
        y += LINE_HEIGHT
        shapes.append(svg.text(_LEFT, y, "adds the cell's settings to the ConfigMap", on=QUIET))
        y += 6
    names, y = _names(group, y)
    box = svg.rect(
        MARGIN + _INDENT, top, WIDTH - 2 * MARGIN - _INDENT, y - top, "card",
        radius=5, more="edged",
    )  # fmt: skip
    return [box, *shapes, *names], y


def _chips(group: Group, y: float) -> tuple[list[str], float]:
    """Return the kinds of objects, in rows, and where they end."""
    shapes, x = [], _LEFT
    for kind in (*group.kinds, *group.generated):
        width = svg.measured(kind) + 12
        if x > _LEFT and x + width > _RIGHT:
            x, y = _LEFT, y + _STEP
        shapes += _chip(kind, x, y, width, dashed=kind in group.generated)
        x += width + 5
    return shapes, y + _STEP


def _chip(kind: str, x: float, y: float, width: float, *, dashed: bool) -> list[str]:
    paint, more = ("page", "edged dashed") if dashed else ("object", "edged")
    return [
        svg.rect(x, y, width, 20, paint, radius=10, more=more),
        svg.text(x + width / 2, y + 14, kind, on=paint, anchor="middle"),
    ]


def _names(group: Group, y: float) -> tuple[list[str], float]:
    """Return what tells several directories apart, in columns, and where they end."""
    if not group.rests:
        return [], y + 4
    widest = max(svg.measured(rest, style="mono") for rest in group.rests) + 8
    columns = max(1, int((_RIGHT - _LEFT + 8) / widest))
    shapes = [
        svg.text(
            _LEFT + place % columns * widest,
            y + 15 + place // columns * LINE_HEIGHT,
            rest,
            style="mono",
        )
        for place, rest in enumerate(group.rests)
    ]
    return shapes, y + -(-len(group.rests) // columns) * LINE_HEIGHT + 10


def _arrow(y: float) -> list[str]:
    end = MARGIN + _INDENT
    points = f"{end - 7:g},{y - 5:g} {end:g},{y:g} {end - 7:g},{y + 5:g}"
    return [
        svg.rect(_RAIL, y - 1, end - _RAIL - 5, 2, "on-quiet"),
        f'<polygon points="{points}" class="on-quiet"/>',
    ]


def _key(y: float) -> tuple[list[str], float]:
    """Return what the marks mean, and where that ends."""
    meanings = (
        ("object", "edged", "an object, in a file of its own"),
        ("page", "edged dashed", "kustomize makes it of env files at apply"),
        ("yours", "edged", "you write it; synth leaves it as it is"),
    )
    shapes = []
    for paint, more, meaning in meanings:
        shapes += [
            svg.rect(MARGIN, y, 26, 18, paint, radius=3 if paint == "yours" else 9, more=more),
            svg.text(MARGIN + 33, y + 13, meaning),
        ]
        y += _STEP
    drawn, y = svg.paragraph(["An arrow: its kustomization.yaml reads base."], y - 4)
    return [*shapes, *drawn], y


def _said(found: Sequence[Group], *, full: bool) -> str:
    """Return the picture in words, with or without the names of all directories."""
    base = f"{BASE_LINK}, a link to {BASE}, has your files {' and '.join(_YOURS)}"
    return "; ".join((base, *(_said_of(group, full=full) for group in found)))


def _said_of(group: Group, *, full: bool) -> str:
    several = f"{len(group.names)} directories {group.title}" if group.rests else group.title
    made = f", and {' and '.join(group.generated)} of env files" if group.generated else ""
    reads = f", with what {BASE_LINK} has" if group.reads_base else ""
    named = f" ({', '.join(group.names)})" if full and group.rests else ""
    return f"{several}{named}: {', '.join(group.kinds)}{made}{reads}"
