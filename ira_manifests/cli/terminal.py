"""Prints lines, tables, styles and a progress bar. Imports little, to start fast."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TextIO

from ira_manifests.messages import visible

# Styles of ECMA-48, Select Graphic Rendition.
BOLD, DIM, GREEN, YELLOW, BOLD_RED, BOLD_YELLOW = "1", "2", "32", "33", "1;31", "1;33"

AUTO, ALWAYS, NEVER = COLOURS = ("auto", "always", "never")
_chosen = {"colour": AUTO}  # for the whole run

_COLUMNS = 80
_DIGITS = 9  # of a width
_NARROWEST = 25  # letters of a name in one line of a table
_GAP = "  "
_BAR = 20
_DRAWINGS = 100


def say(text: str) -> None:
    """Print lines on standard output."""
    sys.stdout.write(f"{text}\n")


def complain(text: str) -> None:
    """Print lines on standard error."""
    sys.stderr.write(f"{text}\n")


def colour(when: str) -> None:
    """Decide on colours: auto, always or never."""
    _chosen["colour"] = when


def colourful(stream: TextIO) -> bool:
    """Return whether to colour a stream; by default a terminal: https://no-color.org."""
    if _chosen["colour"] != AUTO:
        return _chosen["colour"] == ALWAYS
    return _is_screen(stream) and not os.environ.get("NO_COLOR")


def styled(text: str, style: str) -> str:
    """Return a text for standard output, styled if it is coloured."""
    shown = text and style and colourful(sys.stdout)
    return painted(text, style) if shown else text


def painted(text: str, style: str) -> str:
    """Return a styled text, whatever the stream is."""
    return f"\x1b[{style}m{text}\x1b[0m"


def say_wrapped(text: str, style: str = "", *, indent: str = "    ") -> None:
    """Print a line on standard output, wrapped at the terminal's width with an indent."""
    say(styled(fitted(visible(text), columns(sys.stdout), indent), style))


def complain_wrapped(text: str, unbroken: int = 0) -> None:
    """Print a line on standard error, wrapped at the width of a terminal as `fitted` does."""
    complain(fitted(text, width(sys.stderr), unbroken=unbroken))


def width(stream: TextIO) -> int | None:
    """Return the columns of a terminal; None for what is none, whose lines are not wrapped."""
    return columns(stream) if stream.isatty() else None


def fitted(text: str, columns: int | None, indent: str = "    ", unbroken: int = 0) -> str:
    """Return a line wrapped at some columns with an indent; as it is where there are none.

    `unbroken`: letters at its beginning that stay together, such as a place in a file.
    """
    if columns is None or len(text) <= columns:
        return text
    filled = _wrapped("x" * unbroken + text[unbroken:], indent, columns)
    return text[:unbroken] + filled[unbroken:]


def _wrapped(text: str, indent: str, columns: int) -> str:
    import re
    import textwrap

    wrapper = textwrap.TextWrapper(
        max(columns, _NARROWEST),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    # Lines may also break after a comma: lists of options have no spaces.
    wrapper.wordsep_simple_re = re.compile(r"(\s+)|(?<=,)(?=\S)")
    return wrapper.fill(text)


def say_heading(text: str) -> None:
    """Print a heading on standard output."""
    say(f"\n{styled(text, BOLD)}")


class Text(NamedTuple):
    """One field of a table."""

    words: str
    style: str = ""


Fields = Sequence[Text]


def say_table(head: Sequence[Fields], rows: Sequence[Fields], align: str) -> None:
    """Print a table on standard output: its head, a rule, its rows.

    `align`: < or > for each column. In a narrow terminal the first column is wrapped, and nothing
    is cut off. A row with only its first field takes the whole width.
    """
    across = list(zip(*head, *rows, strict=True))
    widths = [max(_width(text.words) for text in column) for column in across]
    beside = sum(len(_GAP) + width for width in widths[1:])
    firsts = [row[0].words for row in (*head, *rows) if _has_more(row)]
    widths[0] = max(map(_width, firsts), default=widths[0])
    widths[0] = min(widths[0], max(columns(sys.stdout) - beside, _NARROWEST))
    total = widths[0] + beside
    above, below = (
        [line for row in part for line in _lines(row, widths, align, total)]
        for part in (head, rows)
    )
    say("\n".join((*above, _rule() * total, *below)))


def _has_more(row: Fields) -> bool:
    return any(text.words for text in row[1:])


def _lines(row: Fields, widths: Sequence[int], align: str, total: int) -> Iterator[str]:
    first, *others = row
    if not _has_more(row):
        yield from (styled(words, first.style) for words in _folded(first.words, total))
        return
    for words in _folded(first.words, widths[0]):
        texts = [Text(words, first.style), *others]
        fields = map(_padded, texts, widths, align)
        yield _GAP.join(fields).rstrip()
        others = [Text("")] * len(others)


def _padded(text: Text, width: int, align: str) -> str:
    space = " " * (width - _width(text.words))
    shown = styled(text.words, text.style)
    return space + shown if align == ">" else shown + space


def _folded(words: str, width: int) -> list[str]:
    """Wrap words to a width, all lines indented as they are; only too long words are broken."""
    if _width(words) <= width:
        return [words]
    import textwrap

    text = words.lstrip()
    indent = words[: -len(text)]
    width = max(width - len(indent), 1)
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return [f"{indent}{part}" for line in lines for part in _broken(line, width)]


def _broken(name: str, width: int) -> Iterator[str]:
    while _width(name) > width:
        end = next(at for at in range(len(name), 0, -1) if at == 1 or _width(name[:at]) <= width)
        end = max(name.rfind(mark, 0, end) for mark in "-/.") + 1 or end
        yield name[:end]
        name = name[end:]
    yield name


def _width(text: str) -> int:
    """Return the columns that a text takes: https://www.unicode.org/reports/tr11/."""
    if text.isascii():
        return len(text)
    import unicodedata

    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "FW")
        for letter in text
    )


def _rule() -> str:
    try:
        "─".encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return "-"
    return "─"


@contextlib.contextmanager
def progress(total: int) -> Iterator[Callable[[str], None]]:
    """Show a bar on a terminal's standard error while directories are rendered."""
    stream, done = sys.stderr, 0
    if not (total and _is_screen(stream)):
        yield lambda _directory: None
        return

    def draw(directory: str) -> None:
        full = done * _BAR // total
        bar = f"{'#' * full}{'.' * (_BAR - full)} {done}/{total} {directory}"
        stream.write(f"\r{bar[: columns(stream) - 1]}\x1b[K")
        stream.flush()

    def step(directory: str) -> None:
        nonlocal done
        done += 1
        # Not drawn for every one of ten thousand directories.
        if done * _DRAWINGS // total > (done - 1) * _DRAWINGS // total:
            draw(directory)

    try:
        draw("")
        yield step
    finally:
        stream.write("\r\x1b[K")
        stream.flush()


def _is_screen(stream: TextIO) -> bool:
    """Return whether a stream is a terminal with control sequences."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def columns(stream: TextIO) -> int:
    """Return COLUMNS, else the terminal's width, else 80."""
    named = os.environ.get("COLUMNS", "")
    if named.isdecimal() and len(named) <= _DIGITS and int(named):
        return int(named)
    try:
        return os.get_terminal_size(stream.fileno()).columns or _COLUMNS
    except OSError:
        return _COLUMNS
