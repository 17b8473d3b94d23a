"""Write the table of the options that change memory to docs/memory.md.

Usage:

    python -m tools.memory_page            write it; the rest of the file stays
    python -m tools.memory_page --check    exit with 1 where the file is not what would be written
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from ira_manifests.profiles.memory_table import as_markdown

FILE = Path(__file__).parents[1] / "docs/memory.md"
_FIRST, _LAST = "<!-- options: ", "<!-- end of options -->"


def written(text: str) -> str:
    """Return the text of docs/memory.md with the table as it is in the code now."""
    before, found, rest = text.partition(_FIRST)
    comment, _, rest = rest.partition("\n")
    _, end, after = rest.partition(_LAST)
    table = "\n".join(as_markdown())
    return f"{before}{found}{comment}\n\n{table}\n\n{end}{after}"


def main(arguments: Sequence[str]) -> int:
    """Write or check the file; return the exit code."""
    before = FILE.read_text("utf-8")
    after = written(before)
    if arguments == ["--check"]:
        if before != after:
            print(f"{FILE} does not have the options of memory_table.py: run `make docs`")
        return int(before != after)
    FILE.write_text(after, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
