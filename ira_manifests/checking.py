"""`check`: what the rules find in a matrix, or in the constructs of a cdk8s app, as values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ira_manifests.constructs.manifests import parts
from ira_manifests.errors import InputError
from ira_manifests.nodejs import boot
from ira_manifests.output.directory import RUNTIME_CONFIG, Directory
from ira_manifests.output.kustomize import EMPTY, Generator, Kustomization
from ira_manifests.profiles.matrix import Matrix, Selection
from ira_manifests.rules.check_cells import check_cell, check_cells
from ira_manifests.rules.check_objects import Judge, check_seen, check_together, sameness
from ira_manifests.rules.clusters import check_clusters
from ira_manifests.rules.finding import Finding, distinct
from ira_manifests.rules.together import Checked, Judged
from ira_manifests.rules.view.namespace import Seen

if TYPE_CHECKING:
    from constructs import Construct, IConstruct

    from ira_manifests.constructs._tree import AppObject
    from ira_manifests.constructs.vllm_deployment import VllmDeployment

_HERE = Path()  # paths in findings are relative

# The rules that judge objects of the caller's own as well: two of one name, and an autoscaler
# beside a request. The others know what this package's objects are for.
_OF_ANY_OBJECT = frozenset({"IRA017", "IRA019"})


def check(subject: Matrix | Iterable[Matrix] | Construct) -> list[Finding]:
    """Return what the rules find, errors and warnings, sorted, without what the profiles waive.

    Of a matrix: what is wrong with its cells and with the directories that `render` makes of it, as
    `ira-manifests check` reports it; it doesn't read an output folder. Of several matrices, such as
    those of environments: the same of each, what they share once, and what the environments of one
    cluster would do to each other.

    Of a construct, a chart or an app: what is wrong with the constructs of this package in it, with
    their cells and with their objects as they are rendered now, patches included. Other objects of
    the app are looked at, and judged only by what concerns those objects. A finding's `file` is the
    path of a construct, its `field` one of the object or, if the construct has no such object, one
    of the cell.

    Starts Node.js. Raises `InputError` for anything else.
    """
    matrices = _matrices(subject)
    if matrices is not None:
        with boot.explained():
            return distinct(_of_matrices(matrices))
    from ira_manifests.constructs import _tree

    if not _tree.is_construct(subject):
        raise InputError(
            "check takes a matrix, a construct, a chart or an app, and not a value of type "
            f"{type(subject).__name__}"
        )
    construct = cast("Construct", subject)
    below = f"{construct.node.path}/".removeprefix("/")
    found = _of_app(_tree.root_of(construct))
    return sorted(item for item in found if f"{item.file}/".startswith(below))


def _matrices(subject: object) -> list[Matrix] | None:
    """Return the matrices that are to be checked; None for anything else."""
    if isinstance(subject, Matrix):
        return [subject]
    items = list(subject) if isinstance(subject, Iterable) else []
    return items if items and all(isinstance(each, Matrix) for each in items) else None


def _of_matrices(matrices: Sequence[Matrix]) -> list[Finding]:
    from ira_manifests.rendering import render_all

    selections = [Selection(matrix, list(matrix.values())) for matrix in matrices]
    judges = [Judge(matrix, _HERE) for matrix in matrices]
    seen: list[list[Seen]] = [[] for _ in matrices]
    for index, directory in render_all(selections):
        seen[index].append(judges[index].check(directory))
    judged = [
        Judged(*each, [*check_cells(*each), *check_seen(found, _HERE)])
        for each, found in zip(selections, seen, strict=True)
    ]
    clusters = check_clusters(list(zip(matrices, seen, strict=True)))
    return [*Checked(judged, None, _HERE).findings, *clusters]


def _of_app(root: IConstruct) -> list[Finding]:
    from ira_manifests.constructs import _tree

    of_cells = {each: check_cell(each.cell, each.node.path) for each in _tree.workloads(root)}
    of_objects = _of_objects(_tree.objects(root), of_cells)
    return [*_once_for_platforms(of_cells), *of_objects]


def _once_for_platforms(
    found: dict[VllmDeployment, list[Finding]],
) -> Iterator[Finding]:
    """Yield the findings of workloads, those of a platform that they share for the first only."""
    told: set[tuple[int, str, str]] = set()
    for workload, findings in found.items():
        for item in findings:
            of_platform = (id(workload.cell.platform), item.rule_id, item.message)
            if item.cell or of_platform not in told:
                yield item
            told.add(of_platform)


def _of_objects(
    objects: Sequence[AppObject], of_cells: dict[VllmDeployment, list[Finding]]
) -> list[Finding]:
    """Return the findings in objects, without those of a workload's cell and those it waives."""
    by_path = {each.path: each for each in objects}
    reported = {
        (workload, item.rule_id, item.message)
        for workload, items in of_cells.items()
        for item in items
    }
    once: dict[tuple[str, ...], Finding] = {}
    for item in _judged(objects):
        of = by_path.get(item.file)
        if of is None or of.workload is None:
            if of is None or of.owner is not None or item.rule_id in _OF_ANY_OBJECT:
                once.setdefault(sameness(item, item.file), item)
            continue
        workload = of.workload
        waived = item.rule_id in workload.cell.waived
        if not waived and (workload, item.rule_id, item.message) not in reported:
            found = replace(item, cell=workload.cell.name)
            once.setdefault(sameness(found, workload.node.path), found)
    return list(once.values())


def _judged(objects: Iterable[AppObject]) -> Iterator[Finding]:
    """Yield all findings in objects, each at the path of an object or of a chart."""
    for of_namespace in _by_namespace(objects):
        # Names without a slash; the paths in findings begin with them.
        named = {str(number): each for number, each in enumerate(of_namespace)}
        directories = [replace(each, name=name) for name, each in named.items()]
        for name, item in check_together(directories):
            path = item.file.removeprefix(f"{name}/")
            place = path if path in named[name].objects else named[name].name
            yield replace(item, file=place, line=1, column=1)


def _by_namespace(objects: Iterable[AppObject]) -> Iterator[list[Directory]]:
    """Yield the objects of each namespace as directories, each with the path of its findings.

    A chart with a workload without a bucket is a directory of its own, whose ConfigMap kustomize
    generates; so is each further such workload in it.
    """
    items = list(objects)
    homes = _homes(items)
    grouped: dict[str | None, dict[str, list[AppObject]]] = defaultdict(lambda: defaultdict(list))
    for each in items:
        namespace = each.manifest.get("metadata", {}).get("namespace")
        own = None if each.workload is None else homes.get(each.workload)
        # What belongs to no workload of the directory, such as the download, is none of it.
        of_chart = each.chart if each.owner is None and each.chart in homes.values() else ""
        grouped[namespace][own or of_chart].append(each)
    generated = {home: workload for workload, home in homes.items()}
    for by_home in grouped.values():
        yield [
            _directory(home or members[0].chart, members, generated.get(home))
            for home, members in by_home.items()
        ]


def _homes(objects: Iterable[AppObject]) -> dict[VllmDeployment, str]:
    """Return the workloads without a bucket, each with the chart or itself as its directory."""
    homes: dict[VllmDeployment, str] = {}
    for each in objects:
        workload = each.workload
        if workload is not None and workload.bucket is None and workload not in homes:
            taken = each.chart in homes.values()
            homes[workload] = workload.node.path if taken else each.chart
    return homes


def _directory(
    name: str, members: Sequence[AppObject], generated: VllmDeployment | None
) -> Directory:
    """Return objects as a directory. `generated`: the workload whose ConfigMap it generates."""
    objects = {each.path: each.manifest for each in members}
    if generated is None:
        return Directory(name, EMPTY, objects)
    kustomization = Kustomization(
        config_maps=(Generator(parts.CONFIG_MAP, (RUNTIME_CONFIG,), merge=True),)
    )
    return Directory(generated.node.path, kustomization, objects, generated.cell.runtime_values)
