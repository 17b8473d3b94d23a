"""The rules of environments that would be the same objects in one cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from ira_manifests.messages import count
from ira_manifests.profiles.matrix import Matrix
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules.catalogue import Severity
from ira_manifests.rules.finding import Finding, found
from ira_manifests.rules.registry import Group, rule

if TYPE_CHECKING:
    from ira_manifests.rules.view.namespace import Seen


class Rendered(NamedTuple):
    """The objects of one environment."""

    matrix: Matrix
    objects: frozenset[str]
    """The kind and the name of each."""

    @property
    def cluster(self) -> str | None:
        """The name of its cluster."""
        return self.matrix.profiles.cluster

    def finding(self, path: Path, message: str, hint: str) -> Finding:
        """Return a finding at a field of the environment's file."""
        return found(self.matrix.profiles.of_environment, path, message, hint)


class Pair(NamedTuple):
    """Two environments with the same namespace, and the objects that both have."""

    one: Rendered
    other: Rendered
    shared: Sequence[str]

    @property
    def said(self) -> str:
        """What both have."""
        namespace = self.one.matrix.platform.namespace
        where = f"the namespace {namespace}" if namespace else "the kubectl context's namespace"
        more = f", and {count(len(self.shared) - 1, 'more object')}," * (len(self.shared) > 1)
        return f"{self.shared[0]}{more} in {where}, as {self.one.matrix.environment} does"


_PAIRS: Group[Pair] = Group(__name__)


@rule("IRA070", "environments-of-one-cluster", Severity.ERROR, _PAIRS)
def environments_of_one_cluster(pair: Pair) -> Iterator[Finding]:
    """Two environments of one cluster have an object of the same kind and name in one namespace.

    Both name the same `cluster`, and have the same `namespace`. They would be one object, which
    each replaces with its own: the one that is applied last wins, controllers of both undo each
    other's changes for ever, and removing one environment deletes what the other needs. Without a
    namespace, both are in that of the kubectl context. The directories of the walkthrough are not
    compared.
    """
    if pair.one.cluster is not None and pair.one.cluster == pair.other.cluster:
        hint = "give one of them another namespace, or correct its cluster"
        yield pair.other.finding(("cluster",), f"has {pair.said}, in the same cluster", hint)


@rule("IRA071", "unnamed-cluster", Severity.WARNING, _PAIRS)
def unnamed_cluster(pair: Pair) -> Iterator[Finding]:
    """Two environments would be the same objects if they are of one cluster, which is not known.

    They have objects of the same kind and name in the same namespace, and one or both do not name
    their `cluster`. In one cluster they would replace each other's objects: see IRA070. Name the
    cluster of each environment, and nothing is left to guess.
    """
    if pair.one.cluster is not None and pair.other.cluster is not None:
        return
    lacking = [each for each in (pair.one, pair.other) if each.cluster is None]
    names = " and ".join(each.matrix.environment for each in lacking)
    message = f"has {pair.said}; whether both are of one cluster is not known"
    yield lacking[-1].finding((), message, f"name the cluster of {names}: cluster: NAME")


def check_clusters(rendered: Sequence[tuple[Matrix, Sequence[Seen]]]) -> list[Finding]:
    """Return the findings of environments that share objects, one for each environment at most.

    `rendered`: each matrix with its directories; that of the walkthrough is left out.
    """
    environments = [
        Rendered(matrix, frozenset(chain.from_iterable(each.objects for each in seen)))
        for matrix, seen in rendered
        if matrix.environment
    ]
    return [
        item
        for place, other in enumerate(environments)
        for item in _first(environments[:place], other)
    ]


def _first(earlier: Sequence[Rendered], other: Rendered) -> list[Finding]:
    """Return the finding of an environment with the first one that it shares objects with.

    Errors count more than warnings.
    """
    found: list[Finding] = []
    for one in earlier:
        same = one.matrix.platform.namespace == other.matrix.platform.namespace
        if same and (shared := sorted(one.objects & other.objects)):
            found += _PAIRS.run(Pair(one, other, shared))
    return sorted(found, key=lambda item: not item.refuses)[:1]
