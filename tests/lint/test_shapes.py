"""`lint` and `import` tell of objects whose fields have other types than Kubernetes', and go on."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from testing.kubectl import kustomize
from testing.project import DIST
from tests.breaking import places
from tests.importing.trees import flat, imported
from tests.support import ira

WRONG = (7, "other", [1], {"a": [1]}, [{"b": 1}], True)
QUEUED = DIST / "online-inference-gpu-h100-gemma3-27b-queued"
EVERY = 8
"""`import` reads one of so many trees, as each takes as long as a command."""


def misshapen() -> Iterator[str]:
    """Yield the objects of a directory, with a wrong value in another field each time."""
    right = list(yaml.safe_load_all(kustomize(QUEUED)))
    for number, path in enumerate(path for path in places(right) if len(path) > 1):
        objects: Any = copy.deepcopy(right)
        holder = objects
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = WRONG[number % len(WRONG)]
        yield yaml.safe_dump_all(objects)


def test_no_field_of_another_type_stops_lint(tmp_path: Path) -> None:
    for number, text in enumerate(misshapen()):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "objects.yaml").write_text(text)

    run = ira("lint", ".", "--format", "json", cwd=tmp_path)

    assert run.returncode == 1, run.stderr
    assert run.stderr == ""


@pytest.mark.parametrize("part", range(4))
def test_no_field_of_another_type_stops_import(part: int, tmp_path: Path) -> None:
    for number, text in enumerate(misshapen()):
        if number % (4 * EVERY) == part * EVERY:
            (tmp_path / "objects.yaml").write_text(text)
            run = ira("import", "objects.yaml", "--dry-run", cwd=tmp_path)
            assert run.returncode in (0, 1, 2), run.stderr
            assert "Traceback" not in run.stderr, run.stderr


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "{name: dshm, mountPath: /dev/shm}",
            "{mountPath: /dev/shm}",
            "containers[0].volumeMounts[0].name is missing",
        ),
        (
            "tolerations:",
            "affinity: []\n      tolerations:",
            "affinity is a list; it must be a mapping (key: value)",
        ),
    ],
)
def test_import_names_the_field_that_no_api_server_takes(
    old: str, new: str, told: str, tmp_path: Path
) -> None:
    run = ira("import", str(flat(tmp_path, (old, new))), cwd=tmp_path)

    assert run.returncode == 2
    assert f"no API server takes its Pods: {told}" in " ".join(run.stdout.split())


def test_import_takes_what_is_null_for_unset(tmp_path: Path) -> None:
    made = imported(flat(tmp_path, ("tolerations:", "affinity: null\n      tolerations:")))

    assert made.run.returncode in (0, 1)
    assert list(made.cells)


def test_import_of_a_read_only_root_without_a_user_leaves_it_out(tmp_path: Path) -> None:
    """`engine.read_only_root` needs `run_as_user`, and the tree has none."""
    context = "securityContext: {readOnlyRootFilesystem: true}\n          resources:"

    made = imported(flat(tmp_path, ("resources:", context)))

    assert list(made.cells)
    fields = [each["field"] for each in made.report["differences"]]
    assert any("readOnlyRootFilesystem" in field for field in fields)


def test_import_of_a_bucket_without_mount_options_has_none(tmp_path: Path) -> None:
    tree = flat(tmp_path)
    file = tree / "deployment.yaml"
    lines = [line for line in file.read_text().splitlines() if "mountOptions" not in line]
    file.write_text("\n".join(lines))

    made = imported(tree)

    assert list(made.cells)
    assert "None" not in str(made.report["left"])
