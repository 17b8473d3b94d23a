"""Writes and reads tables of what each release of vLLM has: a text for each name."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ira_manifests.vllm.options import releases
from ira_manifests.vllm.release import Release
from ira_manifests.vllm.release_table import runs_of, texts_at
from tools.vllm_options import json_text, spans
from tools.vllm_shapes import ExtractionError
from tools.vllm_source import Source, SourceError, fetch


class TableFile(NamedTuple):
    """A table: its file, the key of its names, what it says of itself, and its reader."""

    file: Path
    section: str
    about: str
    read: Callable[[Source], Mapping[str, str]]
    """Returns the names of a release with their texts."""

    def text_with(self, sources: Mapping[str, Source]) -> str:
        """Return the text of the table with these releases; writes nothing."""
        text = self.file.read_text(encoding="utf-8") if self.file.exists() else ""
        known = stored(text, self.section) if text else {}
        found = {release: dict(self.read(source)) for release, source in sources.items()}
        return encode(self.about, self.section, known | found)

    def main(self, arguments: Sequence[str]) -> int:
        """Add the releases that are named, else all of the options; return the exit code."""
        try:
            text = self.text_with({each: fetch(each) for each in arguments or releases()})
        except (SourceError, ExtractionError) as error:
            print(error, file=sys.stderr)
            return 2
        self.file.write_text(text, encoding="utf-8")
        return 0


def encode(about: str, section: str, by_release: Mapping[str, Mapping[str, str]]) -> str:
    """Return the text of a table, from the names of each release with their texts."""
    known = sorted(by_release, key=Release.parse)
    names = sorted({name for release in by_release.values() for name in release})
    rows = [
        f"{json_text(name)}: {json_text(spans([by_release[r].get(name) for r in known], known))}"
        for name in names
    ]
    head = f'{{\n  "about": {json_text(about)},\n  "releases": {json_text(known)},\n'
    return head + f"  {json_text(section)}: {{\n    " + ",\n    ".join(rows) + "\n  }\n}\n"


def stored(text: str, section: str) -> dict[str, dict[str, str]]:
    """Return the names of each release in a table, with their texts; the reverse of `encode`."""
    data = json.loads(text)
    known = data["releases"]
    runs = runs_of(data[section], known)
    return {release: texts_at(runs, place) for place, release in enumerate(known)}
