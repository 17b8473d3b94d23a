"""Finds or builds the programs of the tests, from the Go modules of `recipes`.

    python -m tests.cluster.binaries build    build what is missing; print the folders
    python -m tests.cluster.binaries path     print the folders; fail if one is not there

A folder holds the programs of one module and `manifests/`. It is in the user's cache, named by a
hash of all inputs of the build: a changed module or another Go has another folder. That of the
control plane is `KUBEBUILDER_ASSETS` if this is set.
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
from collections.abc import Mapping
from pathlib import Path

from tests.cluster.recipes import CONTROL_PLANE, RECIPES, Recipe

_MODULE_FILES = ("go.mod", "go.sum", "crds.go", "main.go")
_VERSION_PACKAGES = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
_MANIFESTS = "manifests"
_BUILD_FLAGS = ("-trimpath", "-tags=grpcnotrace")
_GO_ENVIRONMENT = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -buildvcs=false", "GOWORK": "off"}


class MissingProgramsError(Exception):
    """There are no programs to start; the message says what to do."""


def find(environ: Mapping[str, str] = os.environ, recipe: Recipe = CONTROL_PLANE) -> Path:
    """The folder with the programs; MissingProgramsError if they are not there or not complete."""
    if recipe.variable in environ:
        return _complete(Path(environ[recipe.variable]), recipe)
    folder = _cache(environ, recipe) / _key(environ, recipe)
    if not folder.is_dir():
        raise MissingProgramsError(f"{recipe.title} is not built: run `make cluster-programs`")
    return folder


def build(environ: Mapping[str, str] = os.environ, recipe: Recipe = CONTROL_PLANE) -> Path:
    """Like `find`, but builds what is missing, which takes minutes.

    Concurrent builds wait for each other; the remains of an interrupted one are not used.
    """
    if recipe.variable in environ:
        return find(environ, recipe)
    cache = _cache(environ, recipe)
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = cache / _key(environ, recipe)
        if not folder.is_dir():
            _build_into(folder, environ, recipe)
    return folder


def manifests(
    folder: Path, environ: Mapping[str, str] = os.environ, recipe: Recipe = CONTROL_PLANE
) -> list[Path]:
    """The files that are applied for the programs: beside them, else from their Go modules."""
    beside = {name: folder / _MANIFESTS / name for name in recipe.manifests}
    return [
        path if path.exists() else _in_module_cache(name, environ, recipe)
        for name, path in beside.items()
    ]


def main(arguments: list[str]) -> int:
    """Runs the command line and returns its exit code."""
    commands = {"build": build, "path": find}
    if len(arguments) != 1 or arguments[0] not in commands:
        print("usage: python -m tests.cluster.binaries build|path", file=sys.stderr)
        return 2
    try:
        for recipe in RECIPES:
            print(commands[arguments[0]](recipe=recipe))
    except MissingProgramsError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _complete(folder: Path, recipe: Recipe) -> Path:
    missing = [name for name in recipe.programs if not os.access(folder / name, os.X_OK)]
    if missing:
        raise MissingProgramsError(f"{recipe.variable}={folder} lacks {', '.join(missing)}")
    return folder.resolve()


def _cache(environ: Mapping[str, str], recipe: Recipe) -> Path:
    base = environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ira_manifests" / recipe.name


def _key(environ: Mapping[str, str], recipe: Recipe) -> str:
    digest = hashlib.sha256()
    for name in _MODULE_FILES:
        if (file := recipe.module / name).exists():
            digest.update(file.read_bytes())
    platform = _go(environ, recipe, "env", "GOVERSION", "GOOS", "GOARCH")
    inputs = (platform, _BUILD_FLAGS, _GO_ENVIRONMENT, _VERSION_PACKAGES, recipe.inputs())
    digest.update(json.dumps(inputs).encode())
    return digest.hexdigest()[:16]


def _build_into(folder: Path, environ: Mapping[str, str], recipe: Recipe) -> None:
    for leftover in folder.parent.glob("building-*"):
        shutil.rmtree(leftover)
    print(f"building {', '.join(recipe.programs)}: minutes, but only once", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="building-", dir=folder.parent) as name:
        unfinished = Path(name) / "programs"
        unfinished.mkdir()
        _build_programs(unfinished, environ, recipe)
        _copy_manifests(unfinished / _MANIFESTS, environ, recipe)
        unfinished.rename(folder)


def _build_programs(folder: Path, environ: Mapping[str, str], recipe: Recipe) -> None:
    stamp = f"-ldflags=-s -w {_version_flags(environ, recipe)}".rstrip()
    _go(environ, recipe, "build", *_BUILD_FLAGS, stamp, f"-o={folder}{os.sep}", recipe.target)
    for program, built in recipe.built_as.items():
        (folder / built).rename(folder / program)


def _version_flags(environ: Mapping[str, str], recipe: Recipe) -> str:
    """Kubernetes' own build stamps its version in at link time; without, it calls itself v0.0.0."""
    if not recipe.stamped:
        return ""
    version = _go(environ, recipe, "list", "-m", "-f", "{{.Version}}", recipe.stamped)
    major, minor, _ = version.removeprefix("v").split(".", 2)
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    return " ".join(
        f"-X {package}.{variable}={value}"
        for package in _VERSION_PACKAGES
        for variable, value in values.items()
    )


def _copy_manifests(folder: Path, environ: Mapping[str, str], recipe: Recipe) -> None:
    folder.mkdir()
    for name in recipe.manifests:
        # Not `copy`: the module cache is read-only, its modes too.
        shutil.copyfile(_in_module_cache(name, environ, recipe), folder / name)


def _in_module_cache(name: str, environ: Mapping[str, str], recipe: Recipe) -> Path:
    wanted = recipe.manifests[name]
    downloaded = json.loads(_go(environ, recipe, "mod", "download", "-json", wanted.module))
    if wanted.sum not in ("", downloaded["Sum"]):
        raise MissingProgramsError(
            f"{wanted.module} has the hash {downloaded['Sum']}, and {wanted.sum} is expected"
        )
    return Path(downloaded["Dir"]) / wanted.path


def _go(environ: Mapping[str, str], recipe: Recipe, *arguments: str) -> str:
    go = shutil.which("go", path=environ.get("PATH"))
    if go is None:
        raise MissingProgramsError(
            f"no Go to build {recipe.title} with: install Go"
            + (
                f", or set {recipe.variable} to a folder that holds {', '.join(recipe.programs)}"
                if recipe.variable
                else ""
            )
        )
    result = subprocess.run(
        [go, *arguments],
        cwd=recipe.module,
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
