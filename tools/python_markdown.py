"""GitHub's Markdown as Python-Markdown reads it, where the two differ and the pages use it."""

import re

_ITEM = re.compile(r"\d+\. ")
_BAR = r"\|"
_CODE = re.compile(r"`([^`]+)`")
_LONG = re.compile(r"[^\s-]{16}")


def converted(text: str) -> str:
    """Return a page that Python-Markdown renders as GitHub renders the given one."""
    lines = map(_row, text.splitlines(keepends=True))
    return "".join(_indented(list(lines)))


def _indented(lines: list[str]) -> list[str]:
    """Indent what belongs to an item of a numbered list by four spaces, and set it apart.

    https://python-markdown.github.io/#differences: a block of an item needs four. An item after
    an item of several blocks needs an empty line.
    """
    result: list[str] = []
    inside = blocks = False
    for line in lines:
        if _ITEM.match(line):
            result += ["\n"] if blocks and result[-1].strip() else []
            inside, blocks = True, False
        elif not line.strip():
            blocks = inside
        elif inside and line.startswith("   "):
            result.append(" ")
        else:
            inside = blocks = False
        result.append(line)
    return result


def _row(line: str) -> str:
    r"""Return the row of a table with its bars as they are meant, and with long names in parts.

    https://github.github.com/gfm/#tables-extension-: GitHub takes `a\|b` for the bar alone;
    Python-Markdown shows the backslash. A long name breaks after a dot, a slash or an underscore.
    """
    return _CODE.sub(_in_a_row, line) if line.startswith("|") else line


def _in_a_row(code: re.Match[str]) -> str:
    if _BAR not in code[0] and not _LONG.search(code[1]):
        return code[0]
    text = code[1].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"(?<=\w)([._/]|\[\]\.)(?=\w)", r"\1<wbr>", text)
    return f"<code>{text.replace(_BAR, '&#124;')}</code>"
