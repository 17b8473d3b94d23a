"""The defaults of options by release, from defaults.json, which is read on first use.

They are those of the parser, where the source has them as constants. None is what many have until
the server starts and decides: by the GPU, by the model, or by other options.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from ira_manifests.vllm import release_table
from ira_manifests.vllm.options import table
from ira_manifests.vllm.release_table import ReleaseTable, texts_at

FILE = "defaults.json"
SECTION = "defaults"


def defaults(version: str) -> dict[str, Any]:
    """Return the value of each option of a release that is not given, by the option's name.

    Options whose default is computed are left out. Raises UnknownReleaseError for a version outside
    the table, or for text that is no version.
    """
    texts = texts_at(_table().runs, table().place(version))
    return {name: json.loads(text) for name, text in texts.items()}


@cache
def _table() -> ReleaseTable:
    return release_table.read(FILE, SECTION)
