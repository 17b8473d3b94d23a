"""Classes and functions that run in Node.js. Importing this module starts Node.js."""

from __future__ import annotations

from ira_manifests.nodejs import boot

with boot.booting():
    from ira_manifests.constructs._jsii_batch import (
        Composite,
        Derived,
        holds,
        new_charts,
        new_in,
        path,
        render,
        take,
    )

__all__ = ["Composite", "Derived", "holds", "new_charts", "new_in", "path", "render", "take"]
