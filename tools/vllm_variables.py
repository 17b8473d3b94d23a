"""Write the table of vLLM's environment variables from the published source of its releases.

Usage:

    python -m tools.vllm_variables 0.34.0    read this release, and add it to the table
    python -m tools.vllm_variables           read every release of the table of options

Needs pip and its configured package index, but neither torch nor a GPU. The table is the same bytes
for the same releases.
"""

import re
import sys
from collections.abc import Sequence

from ira_manifests.vllm.environment import FILE
from ira_manifests.vllm.options import releases
from tools.vllm_options import TABLE as OPTIONS
from tools.vllm_source import Source, SourceError, fetch
from tools.vllm_table import encode, stored

TABLE = OPTIONS.with_name(FILE)
SECTION = "variables"
ABOUT = (
    "Environment variables that vLLM's source names: [read, first release - last release], an open "
    "end being the newest release here. Written by `python -m tools.vllm_variables`, not by hand."
)
# Most are the keys of vllm/envs.py; other modules read some by themselves.
_NAME = re.compile(r"""["'](VLLM_[A-Z0-9_]+)["']""")


def read(source: Source) -> dict[str, str]:
    """Return the variables of a release."""
    names = {name for text in source.texts() for name in _NAME.findall(text)}
    return dict.fromkeys(sorted(names), "read")


def main(arguments: Sequence[str]) -> int:
    """Read the releases and write the table; return the exit code."""
    known = stored(TABLE.read_text(encoding="utf-8"), SECTION) if TABLE.exists() else {}
    try:
        fetched = {release: read(fetch(release)) for release in arguments or releases()}
    except SourceError as error:
        print(error, file=sys.stderr)
        return 2
    TABLE.write_text(encode(ABOUT, SECTION, known | fetched), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
