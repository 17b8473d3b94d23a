"""Compare the example's cells with the hand-written ones, and write docs/accelerated-platforms.md.

Usage:

    python -m tools.platform_page CHECKOUT            write the comparison into the page
    python -m tools.platform_page CHECKOUT --check    exit with 1 if the page is not true

CHECKOUT is a working tree of https://github.com/GoogleCloudPlatform/accelerated-platforms at the
commit that tools/platform_cells.py names. The rest of the page stays as it is; its links to lines
of that commit are checked, too: the line must have the text of the link.
"""

import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ira_manifests import Cell, Matrix, load_matrix
from tools import platform_faults
from tools.platform_cells import CELLS, COMMIT, VARIANT_OF_GROUP, HandWritten, read
from tools.platform_faults import Fault
from tools.platform_values import Difference, differences

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/accelerated-platforms.md"
PROFILES = ROOT / "examples/accelerated-platforms/profiles"
ENVIRONMENT = "acp-dev"

_TREE = f"https://github.com/GoogleCloudPlatform/accelerated-platforms/blob/{COMMIT}"
_FIRST, _LAST = "<!-- cells: ", "<!-- end of cells -->"
_LINK = re.compile(rf"\[`([^`]+)`\]\({re.escape(_TREE)}/([^)#]+)#L(\d+)\)")
_LEFT_OUT_OF_NAMES = "-instruct"
_WIDTH = 118


def cell_of(matrix: Matrix, hand: HandWritten) -> Cell:
    """Return the example's cell for a hand-written one."""
    name = f"{hand.name}{VARIANT_OF_GROUP[hand.group]}".replace(_LEFT_OUT_OF_NAMES, "")
    (gpu,) = [each for each in matrix.profiles.gpus if name.startswith(f"{each}-")]
    return matrix[gpu, name.removeprefix(f"{gpu}-")]


def comparison(matrix: Matrix, hands: Sequence[HandWritten]) -> list[str]:
    """Return the lines of the comparison: what can't start, and a section for each cell."""
    faults = {hand.folder: _faults(matrix, hand, hands) for hand in hands}
    stopped = [f"`{name}`" for name, found in faults.items() if any(each.stops for each in found)]
    count = f"{len(stopped)} of the {len(hands)} cells"
    lines = [_filled(f"{count} can't start as they are written: {', '.join(stopped)}."), ""]
    for group in VARIANT_OF_GROUP:
        members = [hand for hand in hands if hand.group == group]
        lines += [f"### {group}", "", *_of_group(matrix, members, faults)]
    return lines


def _faults(matrix: Matrix, hand: HandWritten, hands: Sequence[HandWritten]) -> list[Fault]:
    cell = cell_of(matrix, hand)
    return [
        *platform_faults.seen(hand, cell),
        *platform_faults.judged(hand, cell),
        *platform_faults.shared(hand, hands),
    ]


def _of_group(
    matrix: Matrix, hands: Iterable[HandWritten], faults: Mapping[str, Sequence[Fault]]
) -> Iterator[str]:
    same = []
    for hand in hands:
        cell = cell_of(matrix, hand)
        changed = differences(hand, cell)
        if changed or faults[hand.folder]:
            yield from _section(hand, cell, changed, faults[hand.folder])
        else:
            same.append(f"`{cell.name}`")
    if same:
        yield from (_filled(f"With the values of the hand-written cell: {', '.join(same)}."), "")


def _section(
    hand: HandWritten, cell: Cell, changed: Sequence[Difference], faults: Sequence[Fault]
) -> Iterator[str]:
    yield from (f"#### {cell.name}", "", f"There [{hand.name}]({_TREE}/{CELLS}/{hand.folder}).", "")
    if changed:
        yield from ("| field | there | here |", "|---|---|---|")
        yield from (
            f"| `{each.field}` | {_code(each.there)} | {_code(each.here)} |" for each in changed
        )
        yield ""
    for fault in sorted(faults, key=lambda each: not each.stops):
        start = "**It can't start:** " if fault.stops else ""
        yield _filled(f"- {start}{fault.text} ({_place(hand, fault)})")
    if faults:
        yield ""


def _filled(text: str) -> str:
    indent = "  " if text.startswith("- ") else ""
    return textwrap.fill(
        text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _code(value: str) -> str:
    return f"`{value}`" if value else ""


def _place(hand: HandWritten, fault: Fault) -> str:
    number = hand.line(fault.file, fault.part)
    return f"`{fault.file}:{number}`"


def written(text: str, lines: Iterable[str]) -> str:
    """Return the text of the page with the comparison in it."""
    before, found, rest = text.partition(_FIRST)
    comment, _, rest = rest.partition("\n")
    _, end, after = rest.partition(_LAST)
    block = "\n".join(lines).strip()
    return f"{before}{found}{comment}\n\n{block}\n\n{end}{after}"


def wrong_links(text: str, checkout: Path) -> Iterator[str]:
    """Yield a message for each link of the page to a line that does not have the link's text."""
    for shown, path, number in _LINK.findall(text):
        file = checkout / path
        lines = file.read_text("utf-8").splitlines() if file.is_file() else []
        if not lines[int(number) - 1 : int(number)] or shown not in lines[int(number) - 1]:
            yield f"{path}:{number} does not have {shown!r}"


def main(arguments: Sequence[str]) -> int:
    """Write or check the page; return the exit code."""
    checkout = Path(arguments[0])
    before = PAGE.read_text("utf-8")
    after = written(
        before, comparison(load_matrix(PROFILES, environment=ENVIRONMENT), list(read(checkout)))
    )
    messages = list(wrong_links(after, checkout))
    if "--check" not in arguments:
        PAGE.write_text(after, "utf-8")
    elif before != after:
        messages.append(f"{PAGE} is stale: run `python -m tools.platform_page {checkout}`")
    print("\n".join(messages))
    return int(bool(messages))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
