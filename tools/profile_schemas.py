"""Write schemas/: JSON Schemas of the profiles, from the models and the docstrings of their fields.

Usage:

    python -m tools.profile_schemas            write them
    python -m tools.profile_schemas --check    exit with 1 if a file is not up to date

A schema takes every profile that the loader takes. It can't say what several fields have to do with
each other; the loader refuses more.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from ira_manifests.profile_files import KINDS, SCHEMA_MARK, schema_file
from ira_manifests.profiles.packaged import schema_folder
from ira_manifests.profiles.platform import KnownModels, Platform
from ira_manifests.profiles.schema import GpuProfile, ModelProfile
from tools import json_schema, overlay_schema

SCHEMAS: Mapping[str, Callable[[], json_schema.Schema]] = {
    "platform": partial(json_schema.of, Platform),
    "gpu": partial(json_schema.of, GpuProfile),
    "model": partial(json_schema.of, ModelProfile),
    "known-models": partial(json_schema.of, KnownModels),
    "environment": overlay_schema.environment,
}
"""What makes the schema of each kind of profiles."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def written(kind: str) -> str:
    """Return the text of a kind's schema."""
    whole = {
        "$schema": DIALECT,
        "$comment": f"The schema of {KINDS[kind]} {SCHEMA_MARK}.",
        **SCHEMAS[kind](),
        "title": kind,
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write or check the files; return the exit code."""
    files = {schema_folder() / schema_file(kind): written(kind) for kind in KINDS}
    if arguments != ["--check"]:
        schema_folder().mkdir(exist_ok=True)
        for file, text in files.items():
            file.write_text(text, "utf-8")
        return 0
    stale = [
        file for file, text in files.items() if not file.exists() or file.read_text("utf-8") != text
    ]
    for file in stale:
        print(f"{file} is not what the models of profiles say: run `make docs`")
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
