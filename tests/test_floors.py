"""Allowed imports between rooms: a room imports from the floors below it, and from listed ones."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from testing.project import ROOT
from tests.test_imports import imported_names

PACKAGE = "ira_manifests"

# From the ground up. A room is a folder or a module at the top of the package. None imports from
# its own floor or a higher one.
FLOORS: list[dict[str, str]] = [
    {
        "messages": "",
        "files": "",
        "layout": "",
        "hub_lock": "",
        "installation": "",
        "no_plugins": "",
        "profile_files": "",
        "yaml_scalars": "",
    },
    {"errors": "messages", "user_cache": "files"},
    {"kubernetes": "errors messages", "vllm": "errors"},
    {
        "architectures": "errors vllm",
        "kustomizations": "errors files installation yaml_scalars",
        "memory": "errors vllm",
        "nodejs": "errors files installation user_cache",
        "output": "errors files layout",
    },
    {
        "model_files": "architectures errors files",
        "profiles": "errors files hub_lock kubernetes layout memory profile_files vllm "
        "yaml_scalars",
    },
    {
        "analysis": "kubernetes memory messages profiles vllm",
        "gitops": "kubernetes layout output profiles",
        "hub": "errors installation messages model_files",
        "inputs": "profiles",
        "project": "errors installation kubernetes layout profile_files profiles",
    },
    {
        "rules": "analysis errors files kubernetes kustomizations layout memory messages output "
        "profiles vllm"
    },
    {"constructs": "analysis errors hub_lock kubernetes layout nodejs profiles rules vllm"},
    {"directories": "constructs kubernetes layout output profiles"},
    {
        "comparing": "analysis directories kubernetes layout output profiles",
        "provenance": "constructs directories errors layout messages profiles",
        "rendering": "constructs directories gitops inputs layout output profiles",
        "upgrading": "analysis errors memory profile_files profiles rules vllm",
    },
    {
        "checking": "constructs errors nodejs output profiles rendering rules",
        "loading": "constructs errors profiles rules",
        "new_model": "analysis architectures errors kubernetes memory model_files profiles rules "
        "vllm",
        "render_cache": "inputs layout output profiles rules user_cache",
        "writing": "errors kubernetes layout nodejs output profiles rendering",
    },
    {
        "lint": "architectures errors files kubernetes kustomizations model_files new_model output "
        "profiles rules vllm"
    },
    {
        "importing": "constructs errors kubernetes kustomizations layout lint loading output "
        "profile_files profiles rules vllm"
    },
    {
        "cli": "analysis comparing errors files hub importing installation kubernetes "
        "kustomizations layout lint loading memory messages model_files new_model nodejs output "
        "profile_files profiles project provenance render_cache rendering rules upgrading "
        "user_cache vllm"
    },
    {"__main__": "cli no_plugins"},
]
ALLOWED = {room: set(below.split()) for floor in FLOORS for room, below in floor.items()}
# The public names: imported when they are first used, so from no floor. What is imported at once
# names the Node.js of the extra to jsii.
TOP, AT_ONCE = "__init__", {"nodejs"}


def modules() -> Iterator[tuple[str, Path]]:
    """Yield the room of each module, and its file."""
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        yield path.relative_to(ROOT / PACKAGE).parts[0].removesuffix(".py"), path


def imported(path: Path) -> Iterator[str]:
    """Yield the rooms that a module imports from, wherever in it the import stands."""
    for words in (name.split(".") for name in imported_names(path.read_text("utf-8"))):
        if words[0] == PACKAGE and words[1:2] != ["__version__"]:
            yield words[1] if len(words) > 1 else TOP


def rooms_of(room: str) -> set[str]:
    return {other for home, path in modules() if home == room for other in imported(path)} - {room}


def test_every_room_has_a_floor() -> None:
    assert {room for room, _ in modules()} - {TOP} == set(ALLOWED)


def test_the_map_draws_these_floors() -> None:
    drawn = (ROOT / "ARCHITECTURE.md").read_text("utf-8").split("Imports point down:\n\n")[1]
    lines = drawn.partition("\n\n")[0].splitlines()

    assert [line.strip().split(", ") for line in lines[::-1]] == [
        sorted(floor)
        for floor in FLOORS[:-1]  # above cli is what calls it
    ]


def test_a_room_is_allowed_only_what_is_on_the_floors_below() -> None:
    below: set[str] = set()
    for floor in FLOORS:
        for room in floor:
            assert ALLOWED[room] <= below, room
        below |= set(floor)


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_a_room_imports_what_the_table_says(room: str) -> None:
    assert rooms_of(room) == ALLOWED[room]


def test_the_package_imports_at_once_only_what_names_node_js() -> None:
    tree = ast.parse((ROOT / PACKAGE / "__init__.py").read_text("utf-8"))
    at_once = [str(node.module) for node in tree.body if isinstance(node, ast.ImportFrom)]

    rooms = {name.split(".")[1] for name in at_once if name.startswith(f"{PACKAGE}.")}

    assert rooms == AT_ONCE
