"""Classes and functions that run in Node.js. Importing this module starts Node.js.

What the constructs need of cdk8s comes from here, too, so that this Node.js is the one it starts.
"""

from __future__ import annotations

from ira_manifests.nodejs import boot

with boot.booting():
    from cdk8s import ApiObject, Chart, JsonPatch
    from constructs import Construct, IConstruct

    from ira_manifests.constructs._held import added, holder, namespace_in, path
    from ira_manifests.constructs._jsii_batch import (
        Composite,
        Derived,
        json_of,
        new_charts,
        render,
        take,
    )

__all__ = [
    "ApiObject",
    "Chart",
    "Composite",
    "Construct",
    "Derived",
    "IConstruct",
    "JsonPatch",
    "added",
    "holder",
    "json_of",
    "namespace_in",
    "new_charts",
    "path",
    "render",
    "take",
]
