"""Finds or builds the controller of LeaderWorkerSets, from the Go module `leaderworkerset`.

    python -m tests.cluster.lws_program build    build it if it is missing

It is a module of its own, so that the control plane is not built again when this one changes. The
folder holds the program and the manifests that the controller's release installs; it is in the
user's cache, beside the control plane's.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.cluster import binaries

MODULE = Path(__file__).with_name("leaderworkerset")
PROGRAM = "lws"
CRDS = ("leaderworkersets.yaml", "disaggregatedsets.yaml")
WEBHOOKS = "webhooks.yaml"

_LWS = "sigs.k8s.io/lws"
_MANIFESTS = {
    "leaderworkersets.yaml": "config/crd/bases/leaderworkerset.x-k8s.io_leaderworkersets.yaml",
    # Nothing here uses these, but the controller does not start without them.
    "disaggregatedsets.yaml": "config/crd/bases/disaggregatedset.x-k8s.io_disaggregatedsets.yaml",
    WEBHOOKS: "config/webhook/manifests.yaml",
}


def find(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder with the program; MissingProgramsError if it is not built."""
    folder = _folder(environ)
    if not folder.is_dir():
        raise binaries.MissingProgramsError(
            "the controller of LeaderWorkerSets is not built: run `make cluster-programs`"
        )
    return folder


def build(environ: Mapping[str, str] = os.environ) -> Path:
    """Like `find`, but builds what is missing."""

    def fill(folder: Path) -> None:
        program = f"-o={folder / PROGRAM}"
        flags = (*binaries.BUILD_FLAGS, "-ldflags=-s -w", program)
        binaries.go(environ, "build", *flags, f"{_LWS}/cmd", module=MODULE)
        answer = binaries.go(environ, "mod", "download", "-json", _LWS, module=MODULE)
        source = Path(json.loads(answer)["Dir"])
        for name, path in _MANIFESTS.items():
            shutil.copyfile(source / path, folder / name)

    return binaries.build_once(_folder(environ), (PROGRAM,), fill)


def _folder(environ: Mapping[str, str]) -> Path:
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum"):
        digest.update((MODULE / name).read_bytes())
    platform = binaries.go(environ, "env", "GOVERSION", "GOOS", "GOARCH", module=MODULE)
    digest.update(json.dumps((platform, binaries.BUILD_FLAGS, _MANIFESTS)).encode())
    return binaries.cache(environ) / f"lws-{digest.hexdigest()[:16]}"


if __name__ == "__main__":
    if sys.argv[1:] != ["build"]:
        sys.exit("usage: python -m tests.cluster.lws_program build")
    try:
        build()
    except binaries.MissingProgramsError as error:
        sys.exit(str(error))
