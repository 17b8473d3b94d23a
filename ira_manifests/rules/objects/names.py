"""Rules of objects' names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from ira_manifests.kubernetes import leader_worker_set as lws
from ira_manifests.kubernetes import names
from ira_manifests.rules.catalogue import Needs, Severity
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import also, rule
from ira_manifests.rules.view.groups import DIRECTORY, NAMESPACE
from ira_manifests.rules.view.namespace import Namespace
from ira_manifests.rules.view.plain import at
from ira_manifests.rules.view.pods import Object
from ira_manifests.rules.view.rendered import View
from ira_manifests.rules.view.selectors import POD

# GKE and Kubernetes derive other names from theirs, so they must be RFC 1035 labels.
_RFC1035_KINDS = ("Service", "ProvisioningRequest", "Deployment", "LeaderWorkerSet")


@rule("IRA017", "same-object-twice", Severity.ERROR, DIRECTORY, Needs.OBJECTS)
def same_object_twice(view: View) -> Iterator[Finding]:
    """Two objects have one name in a namespace.

    Two objects of a directory have the same kind, name and namespace. The one applied last replaces
    the other, and which one that is depends on the order of files.

    Two cells of different GPU types that get one workload name, such as with `--workload-name
    vllm`, are found before anything is rendered: the second moves the workload to other machines,
    and the first is gone. Models of one GPU type may share a name, as they do under the default
    `vllm-{gpu}`: there the second replaces the first on purpose, and `synth` says so, unless one is
    a Deployment and the other, of several nodes, a LeaderWorkerSet: neither replaces the other, and
    one Service would lead to both. `--only` leaves out cells that you do not mean to apply.

    A controller (`argo_cd`, `flux`), or what syncs `rendered` output, applies all directories. So
    there, models of one GPU type may not share a name either, and a GPU type has ordinary or queued
    capacity: `queued: false` or `queued: only`.

    The controller of a LeaderWorkerSet makes a headless Service of the same name, for the addresses
    of its leaders, unless `spec.networkConfig.subdomainPolicy` is `UniquePerReplica`. A Service
    that has the name already is taken for it, and the other nodes never find their leader.
    """
    first: dict[tuple[str, ...], str] = {}
    for item in view.objects:
        key = _key(item.group, item.kind, item)
        other = first.setdefault(key, item.file)
        if other != item.file:
            message = f"{item.kind} {item.name} is also in {view.shown(other)}"
            hint = "the one applied last replaces the other; name them differently"
            yield view.finding(item.file, ("metadata", "name"), message, hint)
    for item in view.objects:
        if item.kind == lws.KIND and _key("", "Service", item) in first and not _unique(item):
            message = f"Service {item.name} is also what the controller of {item.name} makes"
            hint = f"set spec.networkConfig.subdomainPolicy to {lws.UNIQUE_SUBDOMAINS}"
            yield view.finding(item.file, ("spec",), message, hint)


def _key(group: str, kind: str, item: Object) -> tuple[str, ...]:
    return group, kind, str(item.metadata.get("namespace", "")), item.name


def _unique(workload: Object) -> bool:
    policy = at(workload.body, "spec", "networkConfig", "subdomainPolicy")
    return bool(policy == lws.UNIQUE_SUBDOMAINS)


@also("IRA017", NAMESPACE, Needs.OBJECTS)
def in_two_overlays(namespace: Namespace) -> Iterator[Finding]:
    """Two overlays of one base give their workload the same name, and others have one of their own.

    The first of a workload is not reported, nor a variant of it, one of which is applied.
    """
    homes: dict[str, list[str]] = defaultdict(list)
    for directory, index in namespace.indexes.items():
        for name in {each.name for each in index.targets if each.kind == POD}:
            homes[name].append(directory)
    if namespace.own or len(homes) == 1:
        return
    for name, directories in homes.items():
        others = (one for one in directories[1:] if not namespace.are_variants(directories[0], one))
        for each in others:
            message = f"{name} is also the workload of {directories[0]}"
            hint = "the one applied last replaces the other; give each a suffix of its own"
            file = namespace.file_of(each, name)
            yield namespace.finding(each, file, ("metadata", "name"), message, hint)


@rule("IRA021", "name-not-allowed", Severity.ERROR, DIRECTORY)
def name_not_allowed(view: View) -> Iterator[Finding]:
    """A name is too long or has wrong letters.

    A name has more than 63 characters or letters that its kind does not allow. The API server
    refuses it, or GKE does later, when it builds other names from it: names of requests have no
    dots and begin with a letter.
    """
    for item in view.objects:
        strict = item.kind in _RFC1035_KINDS
        check_name = names.check_rfc1035_label if strict else names.check_rfc1123_label
        problem = check_name(item.name)
        if problem:
            message = f"the name {item.name!r} {problem}"
            hint = "the API server, or what GKE builds from the name, refuses it"
            yield view.finding(item.file, ("metadata", "name"), message, hint)
