"""Finds or builds the programs of the control plane, from the Go module `controlplane`.

    python -m tests.cluster.binaries build    build what is missing; print the folder
    python -m tests.cluster.binaries path     print the folder; fail if there is none

The folder holds the programs and `crds/`. It is `KUBEBUILDER_ASSETS` if that is set, else a folder
in the user's cache, named by a hash of all inputs of the build: a changed module or another Go has
another folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

MODULE = Path(__file__).with_name("controlplane")
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")


class Crd(NamedTuple):
    """The file of a CustomResourceDefinition in a Go module.

    `module`: its path; with "@" and a version if it is not one of go.mod, and then with `sum`, its
    hash as in go.sum: nothing of it is built.
    """

    module: str
    path: str
    sum: str = ""


_GATEWAY_API = (
    "sigs.k8s.io/gateway-api@v1.6.3",
    "h1:lKpJa5bGlraC/QeACvCpsHLdmO6y0iKfzVl6gzaFEYc=",
)
_PROMETHEUS_OPERATOR = (
    "github.com/prometheus-operator/prometheus-operator@v0.85.0",
    "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
)
# Istio implements gateway-api-inference-extension, and has the file of its release v1.5.0.
_ISTIO = (
    "istio.io/istio@v0.0.0-20260827124520-eed52ebb66ad",
    "h1:ui9TJjRMAV/hb5ehQaZDq7IUGxuQP6dra9lapT/VjHI=",
)

_CRD_SOURCES = {
    "provisioningrequests.yaml": Crd(
        "k8s.io/autoscaler/cluster-autoscaler/apis",
        "config/crd/autoscaling.x-k8s.io_provisioningrequests.yaml",
    ),
    "httproutes.yaml": Crd(
        _GATEWAY_API[0],
        "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
        _GATEWAY_API[1],
    ),
    "podmonitors.yaml": Crd(
        _PROMETHEUS_OPERATOR[0],
        "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
        _PROMETHEUS_OPERATOR[1],
    ),
    "inference.yaml": Crd(
        _ISTIO[0],
        "tests/integration/pilot/testdata/gateway-api-inference-extension-crd.yaml",
        _ISTIO[1],
    ),
}
CRDS = tuple(_CRD_SOURCES)
"""File names of CustomResourceDefinitions; a file can hold several."""

_MODULE_FILES = ("go.mod", "go.sum", "crds.go")
# `go build` calls a program after the last element of its package, and etcd's is no good name.
_BUILT_AS = {"etcd": "server"}
_VERSION_PACKAGES = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
BUILD_FLAGS = ("-trimpath", "-tags=grpcnotrace")
_GO_ENVIRONMENT = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -buildvcs=false", "GOWORK": "off"}


class MissingProgramsError(Exception):
    """There are no programs to start; the message says what to do."""


def find(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder with the programs; MissingProgramsError if they are not there or not complete."""
    if "KUBEBUILDER_ASSETS" in environ:
        return _complete(Path(environ["KUBEBUILDER_ASSETS"]))
    folder = cache(environ) / _key(environ)
    if not folder.is_dir():
        raise MissingProgramsError("the control plane is not built: run `make cluster-programs`")
    return folder


def build(environ: Mapping[str, str] = os.environ) -> Path:
    """Like `find`, but builds what is missing, which takes minutes.

    Concurrent builds wait for each other; the remains of an interrupted one are not used.
    """
    if "KUBEBUILDER_ASSETS" in environ:
        return find(environ)

    def fill(folder: Path) -> None:
        _build_programs(folder, environ)
        _copy_crds(folder / "crds", environ)

    return build_once(cache(environ) / _key(environ), PROGRAMS, fill)


def build_once(folder: Path, programs: Sequence[str], fill: Callable[[Path], None]) -> Path:
    """Has `fill` make a folder of the cache, if it is not there yet, and returns it.

    Concurrent builds wait for each other; the remains of an interrupted one are not used.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            print(f"building {', '.join(programs)}: minutes, but only once", file=sys.stderr)
            _fill(folder, fill)
    return folder


def crd(folder: Path, name: str, environ: Mapping[str, str] = os.environ) -> Path:
    """The file of a CustomResourceDefinition: beside the programs, else from its Go module."""
    beside = folder / "crds" / name
    return beside if beside.exists() else _crd_in_module_cache(name, environ)


def main(arguments: list[str]) -> int:
    """Runs the command line and returns its exit code."""
    commands = {"build": build, "path": find}
    if len(arguments) != 1 or arguments[0] not in commands:
        print("usage: python -m tests.cluster.binaries build|path", file=sys.stderr)
        return 2
    try:
        print(commands[arguments[0]]())
    except MissingProgramsError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _complete(folder: Path) -> Path:
    missing = [name for name in PROGRAMS if not os.access(folder / name, os.X_OK)]
    if missing:
        raise MissingProgramsError(f"KUBEBUILDER_ASSETS={folder} lacks {', '.join(missing)}")
    return folder.resolve()


def cache(environ: Mapping[str, str]) -> Path:
    """The folder of all builds, in the user's cache."""
    base = environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ira_manifests" / "controlplane"


def _key(environ: Mapping[str, str]) -> str:
    digest = hashlib.sha256()
    for name in _MODULE_FILES:
        digest.update((MODULE / name).read_bytes())
    platform = go(environ, "env", "GOVERSION", "GOOS", "GOARCH")
    recipe = (platform, BUILD_FLAGS, _GO_ENVIRONMENT, _VERSION_PACKAGES, _CRD_SOURCES)
    digest.update(json.dumps(recipe).encode())
    return digest.hexdigest()[:16]


def _fill(folder: Path, fill: Callable[[Path], None]) -> None:
    for leftover in folder.parent.glob("building-*"):
        shutil.rmtree(leftover)
    with tempfile.TemporaryDirectory(prefix="building-", dir=folder.parent) as name:
        unfinished = Path(name) / "programs"
        unfinished.mkdir()
        fill(unfinished)
        unfinished.rename(folder)


def _build_programs(folder: Path, environ: Mapping[str, str]) -> None:
    flags = [*BUILD_FLAGS, f"-ldflags=-s -w {_version_flags(environ)}", f"-o={folder}{os.sep}"]
    go(environ, "build", *flags, "tool")
    for program, built in _BUILT_AS.items():
        (folder / built).rename(folder / program)


def _version_flags(environ: Mapping[str, str]) -> str:
    """Kubernetes' own build stamps its version in at link time; without, it calls itself v0.0.0."""
    version = go(environ, "list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes")
    major, minor, _ = version.removeprefix("v").split(".", 2)
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    return " ".join(
        f"-X {package}.{variable}={value}"
        for package in _VERSION_PACKAGES
        for variable, value in values.items()
    )


def _copy_crds(folder: Path, environ: Mapping[str, str]) -> None:
    folder.mkdir()
    for name in _CRD_SOURCES:
        # Not `copy`: the module cache is read-only, its modes too.
        shutil.copyfile(_crd_in_module_cache(name, environ), folder / name)


def _crd_in_module_cache(name: str, environ: Mapping[str, str]) -> Path:
    crd = _CRD_SOURCES[name]
    downloaded = json.loads(go(environ, "mod", "download", "-json", crd.module))
    if crd.sum not in ("", downloaded["Sum"]):
        raise MissingProgramsError(
            f"{crd.module} has the hash {downloaded['Sum']}, and {crd.sum} is expected"
        )
    return Path(downloaded["Dir"]) / crd.path


def go(environ: Mapping[str, str], *arguments: str, module: Path | None = None) -> str:
    """Runs Go in a module's folder (default: that of the control plane); returns what it prints."""
    go = shutil.which("go", path=environ.get("PATH"))
    if go is None:
        raise MissingProgramsError(
            "no Go to build the control plane with: install Go, "
            "or set KUBEBUILDER_ASSETS to a folder that holds " + ", ".join(PROGRAMS)
        )
    result = subprocess.run(
        [go, *arguments],
        cwd=module or MODULE,
        env={**environ, **_GO_ENVIRONMENT},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise MissingProgramsError(f"go {' '.join(arguments)} failed:\n{result.stderr.strip()}")
    return result.stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
