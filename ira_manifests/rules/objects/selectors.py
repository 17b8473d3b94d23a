"""Rules of selectors, within a directory and across the directories of a namespace."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from ira_manifests.rules.catalogue import Needs, Severity
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import also, rule
from ira_manifests.rules.view.groups import DIRECTORY, NAMESPACE
from ira_manifests.rules.view.namespace import Namespace
from ira_manifests.rules.view.rendered import View
from ira_manifests.rules.view.selector_index import Target
from ira_manifests.rules.view.selectors import ANY, POD, SERVICE, Reference, Scope, Selector

_NARROW = "select by a label that only one workload's Pods carry, such as its name"
_SENDS = ("Service", "InferencePool")
# Kinds that a directory must contain if its objects refer to them; a Gateway may be elsewhere.
_OWN_KINDS = frozenset(
    {
        "CronJob", "DaemonSet", "Deployment", "InferencePool", "Job", "LeaderWorkerSet", "Pod",
        "ReplicaSet", "ReplicationController", "Service", "StatefulSet",
    }
)  # fmt: skip


@rule("IRA016", "shared-selector", Severity.ERROR, DIRECTORY, Needs.OBJECTS)
def shared_selector(view: View) -> Iterator[Finding]:
    """Two workloads select the same Pods.

    Two workloads carry labels that one selector matches. A Service sends requests for one model to
    the other, each Deployment counts the Pods of both, and a monitor or network policy is applied
    to both: the hand-written original selected `app: vllm` everywhere. A selector must select no
    Pods of another name in any directory; that of a workload, a Service, an InferencePool or a
    PodDisruptionBudget must hold its workload's own name. Selectors of unknown kinds are judged
    too: `selector`, `podSelector`, `matchLabels` and the like. A ClusterPodMonitoring and a
    topology spread may select several workloads. In trees of other authors, files of a folder that
    no kustomization names may be alternatives: each is judged alone.
    """
    for selector in view.selectors:
        owned, others = _owned(view, selector), _others(view, selector)
        if others:
            message = f"{_shared(selector, others)} of the directory"
            yield view.finding(selector.file, selector.path, message, _NARROW)
        elif view.own and selector.scope is Scope.NAMED and _is_loose(selector, owned):
            message = f"the selector {selector.shown} does not contain the name of "
            message += f"{owned[0].name}: it may match other workloads"
            yield view.finding(selector.file, selector.path, message, _NARROW)


@rule("IRA037", "selects-nothing", Severity.ERROR, DIRECTORY, Needs.OBJECTS)
def selects_nothing(view: View) -> Iterator[Finding]:
    """A selector matches no Pod of its workload.

    A selector does not match the labels of its own workload's Pods. The API server refuses such a
    Deployment; a Service is accepted and has no endpoints, so every request to it fails, and a
    PodMonitoring is accepted and collects nothing. Every selector of every kind of object is
    judged, that of an unknown kind by its shape. So are names of workloads and Services: the
    `scaleTargetRef` of an autoscaler, the backends of an Ingress or HTTPRoute. Not judged: peers of
    network policies, nodes and volumes, what is in other namespaces, and a selector that is
    text of another form than `key=value`; in trees of other authors, selectors of unknown kinds,
    and what may be in another file that is applied beside this one.
    """
    for selector in view.selectors if view.workloads else ():
        if not view.own and not _misses(view, selector):
            continue  # what it selects may be in another directory
        if not _selects_some(view, selector) and not _others(view, selector):
            what = selector.selects or POD
            has = "Pod template" if what == POD else what
            message = f"the {selector.kind} {selector.name} selects no {what} of the directory"
            hint = f"select labels that the {has} has, exactly as they are there"
            yield view.finding(selector.file, selector.path, message, hint)
    for reference in view.references if view.workloads else ():
        if (
            _is_judged(view, reference)
            and reference.target_kind in _OWN_KINDS
            and not _exists(view, reference)
        ):
            message = f"the {reference.kind} {reference.name} is for the {reference.target_kind} "
            message += f"{reference.target!r}, and the directory has none of that name"
            hint = "write the name of the object as it is in its own metadata"
            yield view.finding(reference.file, reference.path, message, hint)


def _owned(view: View, selector: Selector) -> list[Target]:
    """Return the intended targets of a selector: those of its name, else all of the directory."""
    targets = [each for each in view.targets if each.kind == (selector.selects or POD)]
    named = [each for each in targets if each.name == selector.name and each.kind == POD]
    return named or targets


def _others(view: View, selector: Selector) -> list[str]:
    """Return the workloads of the directory that a selector matches by mistake."""
    if selector.scope is Scope.WIDE or selector.selects == SERVICE:
        return []
    names = {each.name for each in _owned(view, selector)}
    pods = [each for each in view.workloads if each.name not in names]
    found = (each for each in pods if view.together(selector.file, each.file))
    return [*dict.fromkeys(each.name for each in found if selector.matches(each.labels))]


def _selects_some(view: View, selector: Selector) -> bool:
    targets = view.targets if selector.scope is Scope.WIDE else _owned(view, selector)
    found = any(selector.matches(each.labels) for each in targets)
    of_objects = selector.selects == ANY and any(
        selector.matches(item.labels) for item in view.objects
    )
    return found or of_objects


def _misses(view: View, selector: Selector) -> bool:
    """Return whether a selector is for the only workload there is, and differs in a value.

    An InferencePool is often beside its endpoint picker, and the servers are elsewhere.
    """
    if selector.kind == "InferencePool" and not view.servers:
        return False
    of_pods = selector.selects == POD
    targets = view.workloads if of_pods else view.of_kind(selector.selects)
    if len(targets) != 1 or not selector.labels.keys() <= targets[0].labels.keys():
        return False
    (target,) = targets
    alike = selector.name.startswith(target.name) or target.name.startswith(selector.name)
    return alike or view.together(selector.file, target.file)


def _is_judged(view: View, reference: Reference) -> bool:
    """Return whether the target of a reference can't be elsewhere: an autoscaler's beside it."""
    beside = (each for each in view.workloads if view.together(reference.file, each.file))
    return view.own or (reference.kind == "HorizontalPodAutoscaler" and any(beside))


def _is_loose(selector: Selector, owned: Sequence[Target]) -> bool:
    """Return whether a selector matches its workload without any label that holds its name."""
    if not any(selector.matches(each.labels) for each in owned):
        return False
    one_of = (each.values for each in selector.requirements if each.operator == "In")
    required = {*selector.labels.values(), *(only[0] for only in one_of if len(only) == 1)}
    return not required & {each.name for each in owned}


def _exists(view: View, reference: Reference) -> bool:
    return any(item.name == reference.target for item in view.of_kind(reference.target_kind))


@also("IRA016", NAMESPACE, Needs.OBJECTS)
def shared_in_namespace(namespace: Namespace) -> Iterator[Finding]:
    """A selector matches a workload of another directory and another name.

    Directories whose workloads share a name replace each other on purpose.
    """
    indexes = namespace.indexes
    every = (each for index in indexes.values() for each in index.targets)
    targets = list({(each[0], each[1], *each[2].items()): each for each in every}.values())
    by_label: dict[tuple[str, str], set[int]] = defaultdict(set)
    for number, target in enumerate(targets):
        for label in target.labels.items():
            by_label[label].add(number)
    for directory, index in indexes.items():
        own = {each.name for each in index.targets}
        for selector in index.selectors:
            # The rarest label first: comparing every selector with every target is quadratic.
            labelled = sorted((by_label[label] for label in selector.labels.items()), key=len)
            some = labelled[0].intersection(*labelled[1:]) if labelled else range(len(targets))
            others = {
                each.name
                for each in (targets[number] for number in some)
                if each.kind == (selector.selects or POD) and selector.matches(each.labels)
            }
            if others - own:
                message = f"{_shared(selector, sorted(others - own))} of the namespace"
                yield namespace.finding(directory, selector.file, selector.path, message, _NARROW)


def _shared(selector: Selector, others: Sequence[str]) -> str:
    does = "sends requests to" if selector.kind in _SENDS else "also selects"
    what = "Service" if selector.selects == SERVICE else "Pods of"
    return f"the {selector.kind} {selector.name} {does} the {what} {' and '.join(others)}"
