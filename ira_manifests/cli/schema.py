"""`schema`: the JSON Schemas of profiles, for editors."""

from __future__ import annotations

from pathlib import Path

from ira_manifests.cli import schema_files, terminal
from ira_manifests.profile_files import KINDS, schema_file
from ira_manifests.profiles.packaged import schema_folder


def command(*, kind: str | None, out: Path | None) -> int:
    """Print the JSON Schemas of profiles, by which editors complete and check them."""
    if out is None:
        terminal.say(_text(kind))
        return 0
    kinds = [kind] if kind is not None else [*KINDS]
    for file in schema_files.write(out, kinds):
        terminal.say(f"Wrote {file}.")
    return 0


def _text(kind: str | None) -> str:
    """Return the schema of a kind; without one, an object with those of all kinds."""
    texts = {
        each: (schema_folder() / schema_file(each)).read_text("utf-8").rstrip("\n")
        for each in ([kind] if kind is not None else KINDS)
    }
    if kind is not None:
        return texts[kind]
    return "{\n" + ",\n".join(f'"{each}": {text}' for each, text in texts.items()) + "\n}"
