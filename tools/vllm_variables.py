"""Write the table of vLLM's environment variables from the published source of its releases.

Usage:

    python -m tools.vllm_variables 0.34.0    read this release, and add it to the table
    python -m tools.vllm_variables           read every release of the table of options

Needs pip and its configured package index, but neither torch nor a GPU. The table is the same bytes
for the same releases.
"""

import re
import sys

from ira_manifests.vllm.environment import FILE
from tools.vllm_options import TABLE as OPTIONS
from tools.vllm_source import Source
from tools.vllm_table import TableFile

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


TABLE = TableFile(OPTIONS.with_name(FILE), SECTION, ABOUT, read)

if __name__ == "__main__":
    sys.exit(TABLE.main(sys.argv[1:]))
