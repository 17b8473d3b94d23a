"""Colours of the pictures, in a light and a dark theme, chosen for all kinds of colour vision.

Parts of memory have the palette of Okabe and Ito (https://jfly.uni-koeln.de/color/). Headroom goes
from light to dark blue, and what lacks it is yellow or orange, which nobody takes for blue. Every
field also says in words or letters what its colour says.
"""

from __future__ import annotations

from typing import NamedTuple


class Paint(NamedTuple):
    """A fill, and the colour of text on it."""

    fill: str
    ink: str


class Swatch(NamedTuple):
    """A paint of each theme."""

    light: Paint
    dark: Paint


def _same(fill: str, ink: str) -> Swatch:
    return Swatch(Paint(fill, ink), Paint(fill, ink))


PAGE = "page"
QUIET = "quiet"
LINE = "line"

SWATCHES = {
    PAGE: Swatch(Paint("#ffffff", "#1f2328"), Paint("#0d1117", "#e6edf3")),
    # Secondary text: on the page's colour, as that of the page.
    QUIET: Swatch(Paint("#ffffff", "#59636e"), Paint("#0d1117", "#9198a1")),
    # Borders and the line of a limit.
    LINE: Swatch(Paint("#d1d9e0", "#1f2328"), Paint("#3d444d", "#f0f6fc")),
    "card": Swatch(Paint("#f3f6f9", "#1f2328"), Paint("#161b22", "#e6edf3")),
    "yours": Swatch(Paint("#ffdf8c", "#3a2a00"), Paint("#5c4700", "#fff0c2")),
    "object": Swatch(Paint("#d6e9f8", "#10243a"), Paint("#1d3f61", "#f0f6fc")),
    "fits-1": Swatch(Paint("#e1effa", "#10243a"), Paint("#16324d", "#dcebfa")),
    "fits-2": Swatch(Paint("#b0d5f2", "#10243a"), Paint("#1d4c78", "#f0f6fc")),
    "fits-3": Swatch(Paint("#6fb1e4", "#0b1d30"), Paint("#2a6cab", "#ffffff")),
    "fits-4": Swatch(Paint("#1d66a8", "#ffffff"), Paint("#8cc4f5", "#06233f")),
    "tight": Swatch(Paint("#ffdf8c", "#3a2a00"), Paint("#6b5200", "#fff0c2")),
    "short": Swatch(Paint("#f4ae94", "#3b1200"), Paint("#6b2a13", "#ffe4da")),
    # The hatching of "short".
    "hatch": Swatch(Paint("#ec9a7b", "#3b1200"), Paint("#7d371d", "#ffe4da")),
    "unjudged": Swatch(Paint("#e6e8eb", "#333a42"), Paint("#30363d", "#d7dde3")),
    "part-W": _same("#0072b2", "#ffffff"),
    "part-L": _same("#56b4e9", "#06233f"),
    "part-A": _same("#e69f00", "#2b1d00"),
    "part-O": _same("#b3b3b3", "#1a1a1a"),
    "part-G": _same("#cc79a7", "#2d0a1d"),
    "part-K": _same("#009e73", "#00150f"),
    "part-spare": Swatch(Paint("#a9e2cf", "#06281d"), Paint("#7fcfb5", "#06281d")),
    "part-outside": Swatch(Paint("#eceff2", "#333a42"), Paint("#30363d", "#d7dde3")),
}


def style() -> str:
    """Return the style sheet: a class of each swatch's name, and one of its ink, "on-" and it."""
    light = "".join(_rules(name, swatch.light) for name, swatch in SWATCHES.items())
    dark = "".join(
        _rules(name, swatch.dark)
        for name, swatch in SWATCHES.items()
        if swatch.dark != swatch.light
    )
    return f"{light}@media (prefers-color-scheme: dark) {{\n{dark}}}\n"


def _rules(name: str, paint: Paint) -> str:
    return f".{name} {{ fill: {paint.fill} }}\n.on-{name} {{ fill: {paint.ink} }}\n"
