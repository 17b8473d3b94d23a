"""Shapes and text as SVG, laid out for the width of a phone.

Sizes are in user units. A picture is `WIDTH` of them wide, about a phone's column of text, where a
unit is a CSS pixel; elsewhere it is shown larger. Which font a reader has is not known, so text is
measured as in the widest of the usual ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from tools.pictures import palette
from tools.pictures.palette import PAGE, QUIET

WIDTH = 376
MARGIN = 12
INNER = WIDTH - 2 * MARGIN
SIZE = 12.75
"""Of text: 12 pixels in a column of 354."""
LINE_HEIGHT = 17
_HEADING = 15
_SHOWN_WIDER = 1.3
# Shares of the size that a character takes at most, in Verdana and DejaVu Sans.
_NARROW, _USUAL, _WIDE, _MONO = 0.46, 0.64, 0.85, 0.61
_WIDEST = {"m": 1, "M": 1, "W": 1, "%": 1.1, "@": 1}
_BOLD = 1.1
# What XML 1.0 can't hold, even escaped.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Picture:
    """A picture: what it says in words, and its shapes."""

    title: str
    summary: str
    """What it shows, for pages: the alternative text."""
    description: str
    """All that it shows, for who does not see it."""
    height: float
    shapes: Sequence[str]

    @property
    def alternative(self) -> str:
        """The text in place of the picture."""
        return f"{self.title}: {self.summary}"

    @property
    def svg(self) -> str:
        """The file's text."""
        size = (
            f'width="{number(WIDTH * _SHOWN_WIDER)}" height="{number(self.height * _SHOWN_WIDER)}"'
        )
        frame = rect(0.5, 0.5, WIDTH - 1, self.height - 1, PAGE, radius=6, more="frame")
        box = f'viewBox="0 0 {number(WIDTH)} {number(self.height)}"'
        named = 'role="img" aria-labelledby="title description"'
        content = [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} {box} {named}>',
            f'<title id="title">{escaped(self.title)}</title>',
            f'<desc id="description">{escaped(self.description)}</desc>',
            f"<style>\n{palette.style()}{_STYLE}</style>",
            _HATCH,
            frame,
            *self.shapes,
            "</svg>",
        ]
        return "\n".join(content) + "\n"


_STYLE = """\
text { font-family: system-ui, sans-serif }
.mono { font-family: ui-monospace, monospace }
.bold { font-weight: 600 }
.frame { stroke: #8c959f; stroke-width: 1 }
.edged { stroke: #8c959f; stroke-width: 1 }
.dashed { stroke-dasharray: 4 3 }
.hatched { fill: url(#hatching) }
"""
_HATCH = (
    '<defs><pattern id="hatching" width="8" height="8" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><rect width="8" height="8" class="short"/>'
    '<rect width="3" height="8" class="hatch"/></pattern></defs>'
)


def escaped(text: str) -> str:
    """Return text as XML holds it."""
    return escape(_NOT_XML.sub("\ufffd", text))


def number(value: float) -> str:
    """Return a coordinate with two digits at most."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def percent(share: float) -> str:
    """Return a share of a whole in words, such as "5 %"."""
    rounded = f"{share:.0%}"
    return "< 1 %" if share > 0 and rounded == "0%" else rounded.replace("%", " %")


def rect(
    x: float, y: float, width: float, height: float, paint: str,
    *, radius: float = 0, title: str = "", more: str = "",
) -> str:  # fmt: skip
    """Return a rectangle; its title is shown by a viewer when it is pointed at."""
    place = f'x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"'
    corner = f' rx="{number(radius)}"' if radius else ""
    classes = " ".join(filter(None, (paint, more)))
    head = f'<rect {place}{corner} class="{classes}"'
    return f"{head}><title>{escaped(title)}</title></rect>" if title else f"{head}/>"


def text(
    x: float, y: float, content: str, *, on: str = PAGE, style: str = "", size: float = SIZE,
    anchor: str = "start",
) -> str:  # fmt: skip
    """Return one line of text in the ink of a swatch. `style`: "bold", "mono" or both."""
    classes = " ".join(filter(None, (f"on-{on}", style)))
    held = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return (
        f'<text x="{number(x)}" y="{number(y)}" font-size="{number(size)}"{held} '
        f'class="{classes}">{escaped(content)}</text>'
    )


def lines(
    x: float, y: float, content: Iterable[str], *, on: str = QUIET, style: str = ""
) -> list[str]:
    """Return lines of text below each other, the first with its base line at `y`."""
    return [
        text(x, y + place * LINE_HEIGHT, line, on=on, style=style)
        for place, line in enumerate(content)
    ]


def measured(content: str, *, style: str = "", size: float = SIZE) -> float:
    """Return the width of a text in the widest of the usual fonts."""
    if "mono" in style:
        return len(content) * _MONO * size
    return sum(map(_share, content)) * size * (_BOLD if "bold" in style else 1)


def _share(character: str) -> float:
    if character in " .,:;!'|()[]-ijltfrI/":
        return _NARROW
    wide = character.isupper() or character in "w~×<>+"
    return _WIDEST.get(character, _WIDE if wide else _USUAL)


def wrapped(content: str, width: float = INNER, *, style: str = "") -> list[str]:
    """Return text in lines of at most a width; names are broken behind a hyphen, if they must be.

    A part of a name that is wider has a line of its own.
    """
    found = [""]
    for piece in re.findall(r" *[^ -]*-*", content)[:-1]:
        if found[-1] and measured(f"{found[-1]}{piece}", style=style) > width:
            found.append(piece.lstrip())
        else:
            found[-1] += piece
    return found


def heading(content: str) -> tuple[list[str], float]:
    """Return the lines above a picture's shapes, and where they end."""
    every = wrapped(content, INNER / _HEADING * SIZE, style="bold")
    step = 19
    shapes = [
        text(MARGIN, 25 + place * step, line, style="bold", size=_HEADING)
        for place, line in enumerate(every)
    ]
    return shapes, 19 + len(every) * step


def paragraph(content: Iterable[str], y: float) -> tuple[list[str], float]:
    """Return sentences, each on lines of its own, from `y` on; and where they end."""
    every = [line for sentence in content for line in wrapped(sentence)]
    return lines(MARGIN, y + 12, every), y + len(every) * LINE_HEIGHT + 8


def key(paint: str, letter: str, x: float, y: float, *, more: str = "") -> str:
    """Return a sample of a paint, with the letter that stands for it."""
    box = rect(x, y, 20, LINE_HEIGHT, paint, radius=3, more=f"edged {more}".strip())
    inside = text(x + 10, y + 13, letter, on=paint, style="bold", anchor="middle")
    return f"{box}{inside}" if letter else box


def legend(
    entries: Sequence[tuple[str, str, str]], y: float, *, columns: int
) -> tuple[list[str], float]:
    """Return what paints mean (paint, letter, meaning), row by row, and where they end."""
    shapes, step = [], LINE_HEIGHT + 4
    for place, (paint, letter, meaning) in enumerate(entries):
        row, column = divmod(place, columns)
        x, top = MARGIN + column * INNER / columns, y + row * step
        more = "hatched" if paint == "short" else ""
        shapes += [key(paint, letter, x, top, more=more), text(x + 27, top + 13, meaning)]
    return shapes, y + -(-len(entries) // columns) * step + 4
