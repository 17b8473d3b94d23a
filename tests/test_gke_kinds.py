"""Objects of GKE's own kinds, judged by validators that were compiled from its definitions.

The npm package `@kubernetes-models/gke` has them, from a cluster's CustomResourceDefinitions. They
know types, bounds and required fields; that no other field is there is for the stand-ins of the
control plane (`tests/cluster/stand_ins.py`).
"""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from testing.kubectl import kustomize
from testing.objects import Json, objects_in, the
from testing.project import ROOT
from testing.serving_objects import with_every_object
from tests.support import ira, require

PACKAGES = ROOT / "build/gke-models/node_modules"
KINDS = ("HealthCheckPolicy", "GCPBackendPolicy")


def errors_of(*objects: Json) -> list[str]:
    """Return the error of each object; empty if it is valid."""
    require(PACKAGES)
    run = subprocess.run(
        [Path(sys.executable).with_name("node"), ROOT / "tests/gke/validate.js"],
        input=json.dumps(objects), capture_output=True, text=True, check=True,
        env={**os.environ, "NODE_PATH": str(PACKAGES)},
    )  # fmt: skip
    found: list[str] = json.loads(run.stdout)
    return found


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[Json]:
    """The objects of a cell behind a gateway."""
    folder = tmp_path_factory.mktemp("gke")
    out = folder / "dist"
    profiles = with_every_object(folder)
    run = ira("synth", "--only", "h100/llama3", "--out", out, "--profiles", profiles)
    assert run.returncode == 0, run.stderr
    return objects_in(kustomize(out / "online-inference-gpu-h100-llama3"))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_valid(objects: list[Json], kind: str) -> None:
    assert errors_of(the(objects, kind)) == [""]


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("HealthCheckPolicy", "targetRef.name", None),
        ("HealthCheckPolicy", "default.config.type", "ICMP"),
        ("HealthCheckPolicy", "default.config.httpHealthCheck.port", 0),
        ("HealthCheckPolicy", "default.checkIntervalSec", 301),
        ("GCPBackendPolicy", "targetRef", None),
        ("GCPBackendPolicy", "default.timeoutSec", 0),
        ("GCPBackendPolicy", "default.connectionDraining.drainingTimeoutSec", 3601),
    ],
)
def test_a_wrong_value_is_not(objects: list[Json], kind: str, path: str, value: object) -> None:
    item: Any = copy.deepcopy(the(objects, kind))
    *parents, last = path.split(".")
    part = item["spec"]
    for name in parents:
        part = part.setdefault(name, {})
    if value is None:
        del part[last]
    else:
        part[last] = value
    (error,) = errors_of(item)
    assert last in error
