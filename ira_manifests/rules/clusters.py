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


_OF_CONTROLLERS = ("ApplicationSet", "Kustomization")


class Rendered(NamedTuple):
    """The objects of one environment."""

    matrix: Matrix
    objects: frozenset[str]
    """The namespace, the kind and the name of each, as `Seen` has them."""

    @property
    def cluster(self) -> str | None:
        """The name of its cluster."""
        return self.matrix.profiles.cluster

    def finding(self, path: Path, message: str, hint: str) -> Finding:
        """Return a finding at a field of the environment's file."""
        return found(self.matrix.profiles.of_environment, path, message, hint)


class Pair(NamedTuple):
    """Two environments, and the objects that both have."""

    one: Rendered
    other: Rendered
    shared: Sequence[str]

    @property
    def said(self) -> str:
        """What both have."""
        namespace, _, name = self.shared[0].partition("/")
        where = f"the namespace {namespace}" if namespace else "the kubectl context's namespace"
        more = f", and {count(len(self.shared) - 1, 'more object')}," * (len(self.shared) > 1)
        return f"{name}{more} in {where}, as {self.one.matrix.environment} does"

    @property
    def of_controller(self) -> bool:
        """Whether both have objects of a controller alone, whose names have a prefix."""
        return all(map(_is_of_controller, self.shared))

    @property
    def is_of_one_cluster(self) -> bool:
        """Whether the objects are known to be of one cluster.

        Argo CD may apply to other clusters than its own: then its objects are taken to be of one.
        """
        known = self.one.cluster is not None and self.one.cluster == self.other.cluster
        argo_cd = [each.matrix.platform.argo_cd for each in (self.one, self.other)]
        afar = all(each is not None and each.is_afar for each in argo_cd)
        return known or (self.of_controller and afar)


def _kind(placed: str) -> str:
    return placed.partition("/")[2].partition(" ")[0]


_PAIRS: Group[Pair] = Group(__name__)


@rule("IRA070", "environments-of-one-cluster", Severity.ERROR, _PAIRS)
def environments_of_one_cluster(pair: Pair) -> Iterator[Finding]:
    """Two environments of one cluster have an object of the same kind and name in one namespace.

    Both name the same `cluster`. They would be one object, which each replaces with its own: the
    one that is applied last wins, controllers of both undo each other's changes for ever, and
    removing one environment deletes what the other needs. Without a namespace, both are in that of
    the kubectl context. The directories of the walkthrough are not compared.

    The objects of a controller are in its own namespace. Their names begin with the environment's,
    and are the same in two environments only if these have the same `prefix`: the ApplicationSet
    that is applied last then removes the Applications of the other, and all that these applied.
    Where `argo_cd` names a destination, Argo CD is taken to be one for both environments, whatever
    their `cluster`.
    """
    if not pair.is_of_one_cluster:
        return
    message = f"has {pair.said}, in the same cluster"
    if pair.of_controller:
        yield pair.other.finding(_prefixed(pair.other), message, "give each a prefix of its own")
        return
    hint = "give one of them another namespace, or correct its cluster"
    yield pair.other.finding(("cluster",), message, hint)


@rule("IRA071", "unnamed-cluster", Severity.WARNING, _PAIRS)
def unnamed_cluster(pair: Pair) -> Iterator[Finding]:
    """Two environments would be the same objects if they are of one cluster, which is not known.

    They have objects of the same kind and name in the same namespace, and one or both do not name
    their `cluster`. In one cluster they would replace each other's objects: see IRA070. Name the
    cluster of each environment, and nothing is left to guess.
    """
    clusters = {pair.one.cluster, pair.other.cluster}
    if None not in clusters or pair.is_of_one_cluster:
        return
    lacking = [each for each in (pair.one, pair.other) if each.cluster is None]
    names = " and ".join(each.matrix.environment for each in lacking)
    message = f"has {pair.said}; whether both are of one cluster is not known"
    yield lacking[-1].finding((), message, f"name the cluster of {names}: cluster: NAME")


def _prefixed(of: Rendered) -> Path:
    """Return the field with the prefix of a controller's objects."""
    return (next(iter(of.matrix.platform.controllers)), "prefix")


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
        shared = sorted(
            one.objects & other.objects, key=lambda each: (_is_of_controller(each), each)
        )
        if shared:
            found += _PAIRS.run(Pair(one, other, shared))
    return sorted(found, key=lambda item: not item.refuses)[:1]


def _is_of_controller(placed: str) -> bool:
    """Return whether an object is a controller's, which is told last."""
    return _kind(placed) in _OF_CONTROLLERS
