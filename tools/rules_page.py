"""Write the pages of the rules, which are their docstrings, to docs/rules.md.

Usage:

    python -m tools.rules_page            write them; the text above the first page is kept
    python -m tools.rules_page --check    exit with 1 if the file is not up to date
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from ira_manifests.rules.catalogue import Rule, of_any_tree, rules

FILE = Path(__file__).parents[1] / "docs/rules.md"
_FIRST_PAGE = "\n## IRA000 "


def written(text: str) -> str:
    """Return the text of docs/rules.md with the current pages."""
    introduction, _, _ = text.partition(_FIRST_PAGE)
    pages = (
        f"## {rule.heading}\n\n{rule.page}\n{_also_in_lint(rule)}" for rule in rules().values()
    )
    return "\n".join((introduction, *pages))


def _also_in_lint(rule: Rule) -> str:
    return "\nIn other trees, [`lint`](lint.md) applies it.\n" if rule.id in of_any_tree() else ""


def main(arguments: Sequence[str]) -> int:
    """Write or check the file; return the exit code."""
    before = FILE.read_text("utf-8")
    after = written(before)
    if arguments == ["--check"]:
        if before != after:
            print(f"{FILE} is not what the docstrings of the rules say: run `make docs`")
        return int(before != after)
    FILE.write_text(after, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
