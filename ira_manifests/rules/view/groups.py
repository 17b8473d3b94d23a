"""The groups of rules of objects by subject: a directory, a namespace, the output folder."""

from __future__ import annotations

from ira_manifests.rules.registry import Group
from ira_manifests.rules.view.namespace import Namespace
from ira_manifests.rules.view.output import Output
from ira_manifests.rules.view.rendered import View

_PACKAGE = "ira_manifests.rules.objects"

DIRECTORY: Group[View] = Group(_PACKAGE)
NAMESPACE: Group[Namespace] = Group(_PACKAGE)
OUTPUT: Group[Output] = Group(_PACKAGE)
