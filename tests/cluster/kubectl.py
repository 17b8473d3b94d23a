"""Runs kubectl as a user of one control plane."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from testing.kubectl import KUBECTL


class KubectlError(Exception):
    """kubectl failed; the message is kubectl's."""


class Kubectl:
    """Calls kubectl with one kubeconfig, without the caller's own configuration."""

    def __init__(self, kubeconfig: Path, home: Path) -> None:
        self._environment = {
            "HOME": str(home),
            "PATH": os.environ.get("PATH", os.defpath),
            "KUBECONFIG": str(kubeconfig),
            "KUBECACHEDIR": str(home / "kubectl-cache"),
        }

    def __call__(self, *arguments: str, stdin: str | None = None) -> str:
        """Returns what kubectl prints; KubectlError with its message if it fails."""
        result = self.run(*arguments, stdin=stdin)
        if result.returncode:
            raise KubectlError(f"kubectl {' '.join(arguments)}: {result.stderr.strip()}")
        return result.stdout

    def run(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Returns kubectl's exit code and output, for tests of its errors."""
        return subprocess.run(
            [KUBECTL, *arguments],
            env=self._environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
