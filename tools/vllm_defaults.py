"""Write the table of the defaults of vLLM's options from the published source of its releases.

Usage:

    python -m tools.vllm_defaults 0.34.0    read this release, and add it to the table
    python -m tools.vllm_defaults           read every release of the table of options

Needs pip and its configured package index, but neither torch nor a GPU. The table is the same bytes
for the same releases.
"""

import sys

from ira_manifests.vllm.defaults import FILE, SECTION
from tools.vllm_arguments import read_serve
from tools.vllm_options import TABLE as OPTIONS
from tools.vllm_source import Source
from tools.vllm_table import TableFile

_ABOUT = (
    "Values of `vllm serve`'s options that are not given, where the source has them as constants: "
    "[JSON, first release - last release], an open end being the newest release here; null is what "
    "the server decides when it starts. Written by `python -m tools.vllm_defaults`, not by hand."
)


def read(source: Source) -> dict[str, str]:
    """Return the default of each option of a release, as JSON."""
    return dict(read_serve(source).defaults)


TABLE = TableFile(OPTIONS.with_name(FILE), SECTION, _ABOUT, read)

if __name__ == "__main__":
    sys.exit(TABLE.main(sys.argv[1:]))
