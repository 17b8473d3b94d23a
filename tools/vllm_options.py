"""Write the table of vLLM's command-line options from the published source of its releases.

Usage:

    python -m tools.vllm_options 0.34.0 0.35.0    read these, and add them to the table
    python -m tools.vllm_options                  read every release of the table again
    python -m tools.vllm_options --check 0.26.0   compare with the table, write nothing

Needs pip and its configured package index, but neither torch nor a GPU. The table holds the names
of options and their kinds, and is the same bytes for the same releases.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from ira_manifests.vllm.options import (
    FILE,
    Kind,
    Table,
    decode,
    kinds_at,
)
from ira_manifests.vllm.release import Release, UnknownReleaseError
from ira_manifests.vllm.release_table import texts_at
from tools.vllm_arguments import read_serve, takes_dotted_keys
from tools.vllm_source import NoSourceError, Source, SourceError, fetch

TABLE = Path(__file__).parents[1] / "ira_manifests" / "vllm" / FILE
_ABOUT = (
    "Options of `vllm serve`: [what they take, first release - last release], an open end being "
    "the newest release here; their other names, bounds and choices in the same form. Written by "
    "`python -m tools.vllm_options`, not by hand."
)


@dataclass(frozen=True)
class ReleaseOptions:
    """The options of one release.

    Attributes:
        options: each option, with its kind.
        dotted: whether --option.key sets a key of a JSON option.
        aliases: from other names of an option to its first long one.
        choices: `--dtype auto` -> "taken", for each choice of an option.
        bounds: the bounds of numbers, such as `>0 <=1`.
    """

    options: Mapping[str, Kind]
    dotted: bool
    aliases: Mapping[str, str] = field(default_factory=dict)
    choices: Mapping[str, str] = field(default_factory=dict)
    bounds: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, source: Source) -> "ReleaseOptions":
        """Read a release's source."""
        serve = read_serve(source)
        taken = {f"{n} {text}": "taken" for n, texts in serve.choices.items() for text in texts}
        dotted = takes_dotted_keys(source)
        return cls(serve.options, dotted, serve.aliases, taken, serve.bounds)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the releases, write or compare the table; return the exit code."""
    parsed = _parser().parse_args(arguments)
    try:
        known = stored(TABLE.read_text(encoding="utf-8")) if TABLE.exists() else {}
        wanted = parsed.releases or list(known)
        fetched = _fetch_all(wanted)
    except SourceError as error:
        print(error, file=sys.stderr)
        return 2
    if parsed.check:
        return _compare(wanted, known, fetched)
    TABLE.write_text(encode(known | fetched), encoding="utf-8")
    return 0


def encode(tables: Mapping[str, ReleaseOptions]) -> str:
    """Return the text of the table: a line for each option, in the order of their names."""
    known = sorted(tables, key=Release.parse)
    kinds = [tables[release].options for release in known]
    dotted = spans([_marker(tables[release]) for release in known], known)
    head = {"about": _ABOUT, "releases": known, "dotted": dotted}
    lines = [f"{json_text(key)}: {json_text(value)}" for key, value in head.items()]
    lines += [
        _section(title, [getattr(tables[release], title) for release in known], known)
        for title in ("aliases", "bounds", "choices")
    ]
    lines.append(_section("options", kinds, known))
    return "{\n  " + ",\n  ".join(lines) + "\n}\n"


def _section(title: str, values: Sequence[Mapping[str, str]], known: Sequence[str]) -> str:
    """Return one part of the table: the text of each name, by ranges of releases."""
    names = sorted({name for release in values for name in release})
    if not names:
        return f"{json_text(title)}: {{}}"
    rows = [f"{json_text(n)}: {json_text(spans([v.get(n) for v in values], known))}" for n in names]
    return f"{json_text(title)}: {{\n    " + ",\n    ".join(rows) + "\n  }"


def stored(text: str) -> dict[str, ReleaseOptions]:
    """Return the options of each release in a table; the reverse of `encode`."""
    table = decode(text)
    return {release: _stored(table, place) for place, release in enumerate(table.releases)}


def _stored(table: Table, place: int) -> ReleaseOptions:
    return ReleaseOptions(
        kinds_at(table.registered, place),
        table.takes_dotted_keys(place),
        *(texts_at(runs, place) for runs in (table.aliases, table.choices, table.bounds)),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.vllm_options")
    parser.add_argument("releases", nargs="*", metavar="RELEASE", type=_release, help="as 0.26.0")
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 on a difference")
    return parser


def _release(text: str) -> str:
    """Return a release as the table writes it: 0.34.0 for 0.34 and v0.34.0."""
    try:
        return str(Release.parse(text))
    except UnknownReleaseError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _fetch_all(releases: Iterable[str]) -> dict[str, ReleaseOptions]:
    fetched: dict[str, ReleaseOptions] = {}
    for release in releases:
        try:
            fetched[release] = ReleaseOptions.read(fetch(release))
        except NoSourceError as error:
            print(f"left out: {error}", file=sys.stderr)
    return fetched


def _compare(
    wanted: Iterable[str],
    known: Mapping[str, ReleaseOptions],
    fetched: Mapping[str, ReleaseOptions],
) -> int:
    """Print the releases that were not found or differ from the table; return the exit code."""
    different = [r for r in wanted if r not in fetched or fetched[r] != known.get(r)]
    for release in different:
        print(f"the table does not hold what vLLM {release} takes", file=sys.stderr)
    return 1 if different else 0


def spans(kinds: Sequence[str | None], known: Sequence[str]) -> list[str]:
    """Return the spans of releases with the same kind: `int 0.9.1-0.16.0`, `value 0.17.0-`."""
    runs: list[str] = []
    for kind, group in groupby(enumerate(kinds), key=lambda item: item[1]):
        places = [place for place, _ in group]
        if kind is not None:
            last = "" if places[-1] == len(known) - 1 else known[places[-1]]
            runs.append(f"{kind} {known[places[0]]}-{last}".strip())
    return runs


def _marker(release: ReleaseOptions) -> str | None:
    return Kind.VALUE if release.dotted else None


def json_text(value: object) -> str:
    """Return a value as JSON on one line."""
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(main())
