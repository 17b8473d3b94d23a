"""The rule of namespaces that belong to whoever committed them."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.rules.catalogue import Needs, Severity
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import rule
from ira_manifests.rules.sources.subjects import WRITTEN, WrittenNamespace


@rule("IRA094", "committed-namespace", Severity.WARNING, WRITTEN, Needs.PART)
def committed_namespace(found: WrittenNamespace) -> Iterator[Finding]:
    """One overlay or env file has a namespace that all others leave to be filled in.

    The overlays of one base take their namespace from a placeholder, or from a value that each user
    sets, by a replacement of `metadata.namespace`; env files and their templates leave the value of
    one key open. The one that differs has the namespace of whoever committed it: for others, it is
    missing in the cluster, or it is somebody else's. Only a single one beside two or more others is
    reported; not if the tree has the Namespace itself, or if it is that of a stage such as `prod`.
    """
    message = (
        f"the namespace {found.text} is written out, and {found.others} leave it to be filled in"
    )
    hint = "fill it in as they do: this may be the namespace of whoever committed it"
    yield Finding(found.file, found.line, found.column, "", "", message, hint)
