"""Changes of valid directories that make rules fire, and the place of the expected finding."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ira_manifests import load_matrix
from ira_manifests.output.directory import Directory
from ira_manifests.rules import check_objects
from ira_manifests.rules.finding import Finding
from testing.project import PROFILES

OUT = Path("dist")
ONE = "online-inference-gpu-h100-llama3"
QUEUED = f"{ONE}-queued"
DEPLOYMENT = "deployment.yaml"
CONTAINER = "spec.template.spec.containers[0]"
CONSUME = "autoscaling.x-k8s.io/consume-provisioning-request"
CLASS = "autoscaling.x-k8s.io/provisioning-class-name"

Directories = Mapping[str, Directory]
Change = Callable[[dict[str, Any]], Any]


@dataclass(frozen=True)
class Break:
    """A change of a rendered directory that makes a rule of objects fire."""

    file: str
    field: str
    message: str
    change: Change
    directory: str = ONE


def cases(table: Mapping[str, Sequence[Break]]) -> list[Any]:
    """Return the breaks of a table, as parameters with the rule's id."""
    return [
        pytest.param(rule, item, id=f"{rule}-{index}")
        for rule, items in table.items()
        for index, item in enumerate(items)
    ]


def changed(directories: Directories, change: Change, name: str = ONE) -> Directory:
    """Return a valid directory after a change of its objects."""
    right = directories[name]
    objects = copy.deepcopy(dict(right.objects))
    change(objects)
    return replace(right, objects=objects)


def with_each_field(right: Directory, wrong: Any) -> Iterator[Directory]:
    """Yield copies of a directory, each with a wrong value in another field of its objects."""
    for path in places({**right.objects}):
        objects: Any = copy.deepcopy({**right.objects})
        holder = objects
        for key in path[:-1]:
            holder = holder[key]
        if len(path) > 1:
            holder[path[-1]] = wrong
        yield replace(right, objects=objects)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every part of a value."""
    if isinstance(value, list):
        value = dict(enumerate(value))
    for key, each in value.items() if isinstance(value, dict) else ():
        yield (*path, key)
        yield from places(each, (*path, key))


def findings_of(right: Directory, edited: Directory) -> list[Finding]:
    """Return the findings of a directory after an edit; fail if it had any before."""
    assert check_objects.check_directory(right, OUT) == []
    return check_objects.check_directory(edited, OUT)


def findings_after(directories: Directories, change: Change, name: str = ONE) -> list[Finding]:
    """Return the findings of a valid directory after a change, as `findings_of` does."""
    return findings_of(directories[name], changed(directories, change, name))


def found_in(directories: Directories) -> list[Finding]:
    """Return the findings of all directories together."""
    judging = check_objects.Judge(load_matrix(PROFILES), OUT)
    return check_objects.check_seen(
        [judging.check(directory) for directory in directories.values()], OUT
    )


def newly_found(
    rule: str, before: Iterable[Finding], after: Iterable[Finding], cell: str | None = None
) -> list[Finding]:
    """Return a rule's findings of cells after an edit; fail if it has none, or had any before."""

    def of_rule(found: Iterable[Finding]) -> list[Finding]:
        return [each for each in found if each.rule_id == rule and cell in (None, each.cell)]

    after = list(after)
    assert of_rule(before) == []
    assert of_rule(after), [(each.rule_id, each.cell, each.message) for each in after]
    return of_rule(after)


def assert_fires(rule: str, item: Break, directories: Directories) -> None:
    """Assert that a rule fires at the field after the change, and that none fires before it."""
    found = findings_after(directories, item.change, item.directory)

    place = (rule, f"dist/{item.directory}/{item.file}", item.field)
    there = [each for each in found if (each.rule_id, each.file, each.field) == place]
    matching = [each for each in there if item.message in each.message]
    assert matching, [(each.rule_id, each.file, each.field, each.message) for each in found]
    assert matching[0].cell == "h100/llama3"
    assert matching[0].hint


def server(objects: dict[str, Any]) -> Any:
    return objects["deployment.yaml"]["spec"]["template"]["spec"]["containers"][0]


def pod(objects: dict[str, Any]) -> Any:
    return objects["deployment.yaml"]["spec"]["template"]


def template(objects: dict[str, Any]) -> Any:
    return objects["pod-template.yaml"]["template"]


def request(objects: dict[str, Any]) -> Any:
    return objects["provisioning-request.yaml"]["spec"]


def set_arg(index: int, text: str) -> Change:
    return lambda objects: server(objects)["args"].__setitem__(index, text)


def add_args(*words: str) -> Change:
    return lambda objects: server(objects)["args"].extend(words)


def add_env(**item: Any) -> Change:
    return lambda objects: server(objects)["env"].append(item)
