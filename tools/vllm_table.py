"""Writes and reads tables of what each release of vLLM has: a text for each name."""

import json
from collections.abc import Mapping

from ira_manifests.vllm.options import runs_of, texts_at
from ira_manifests.vllm.release import Release
from tools.vllm_options import json_text, spans


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
