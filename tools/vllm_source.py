"""Fetches the published source of a vLLM release with pip, and parses it without running it."""

import ast
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tools.vllm_wheel import WheelError, python_files

# pip runs a source distribution's build backend to get its metadata, and vLLM's backend needs
# torch. This backend replaces it, so that pip saves the archive and runs no code of the release.
_BACKEND = """\
import os
import pathlib

def get_requires_for_build_wheel(config_settings=None):
    return []

def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    release = os.environ["VLLM_RELEASE"]
    folder = pathlib.Path(metadata_directory, f"vllm-{release}.dist-info")
    folder.mkdir()
    text = f"Metadata-Version: 2.1\\nName: vllm\\nVersion: {release}\\n"
    (folder / "METADATA").write_text(text)
    return folder.name
"""
_DOWNLOAD = (
    *("-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "vllm"),
    *("--no-build-isolation", "--ignore-requires-python", "--dest"),
)
_DOWNLOAD_SECONDS = 600

DOCKERFILE = "docker/Dockerfile"
"""The Dockerfile of vLLM's own image, which wheels do not contain."""


class SourceError(Exception):
    """The source distribution of a release could not be fetched or read."""


class NoSourceError(SourceError):
    """The package index has no source distribution of the release."""


@dataclass(frozen=True)
class Definition:
    """The definition of a name in a module: a class, a function, or an assigned value."""

    module: "Module"
    node: ast.ClassDef | ast.FunctionDef | ast.expr


class Module:
    """The top-level names of one module."""

    def __init__(self, name: str, text: str, *, package: bool) -> None:
        self.name = name
        self.tree = ast.parse(text)
        self._package = name if package else name.rpartition(".")[0]

    @cached_property
    def definitions(self) -> Mapping[str, ast.ClassDef | ast.FunctionDef | ast.expr]:
        """Return the classes, functions and assigned values."""
        found: dict[str, ast.ClassDef | ast.FunctionDef | ast.expr] = {}
        for node in self._top_level():
            match node:
                case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                    found[name] = node
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    found[name] = value
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    found[name] = value
        return found

    @cached_property
    def imports(self) -> Mapping[str, tuple[str, str]]:
        """Return the names that `from … import …` binds: name -> (module, name there)."""
        found: dict[str, tuple[str, str]] = {}
        for node in self._top_level():
            if isinstance(node, ast.ImportFrom):
                origin = self._absolute(node)
                found.update({i.asname or i.name: (origin, i.name) for i in node.names})
        return found

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parents = self._package.split(".")
        return ".".join([*parents[: len(parents) - node.level + 1], *filter(None, [node.module])])

    def _top_level(self) -> Iterator[ast.stmt]:
        """Yield the statements, with those of `if` before those of `else`, so that the latter win.

        `if TYPE_CHECKING` has declarations for type checkers only.
        """
        for node in self.tree.body:
            if isinstance(node, ast.If):
                yield from node.body
                yield from node.orelse
            else:
                yield node


class Source:
    """The Python modules of one release, and its Dockerfile."""

    def __init__(self, release: str, files: Mapping[str, str]) -> None:
        self.release = release
        self._files = files
        self._modules: dict[str, Module] = {}

    def text(self, path: str) -> str | None:
        """Return the text of a file, or None if the release does not have it."""
        return self._files.get(path)

    def texts(self) -> Iterator[str]:
        """Yield the texts of all Python files."""
        yield from (text for path, text in self._files.items() if path.endswith(".py"))

    def module(self, name: str) -> Module | None:
        """Return a module by its dotted name, or None if the release does not have it."""
        if name not in self._modules:
            path = name.replace(".", "/")
            candidates = (f"{path}.py", f"{path}/__init__.py")
            file = next((file for file in candidates if file in self._files), None)
            if file is None:
                return None
            package = file.endswith("__init__.py")
            self._modules[name] = Module(name, self._files[file], package=package)
        return self._modules[name]

    def modules(self, *packages: str) -> Iterator[Module]:
        """Yield the modules of those packages that the release has."""
        for package in packages:
            folder = package.replace(".", "/") + "/"
            for file in sorted(self._files):
                if file.startswith(folder) and (module := self.module(_dotted(file))):
                    yield module

    def find(self, module: Module | None, name: str) -> Definition | None:
        """Return the definition of a name, through imports; None if it is not in the release."""
        if module is None:
            return None
        if name in module.definitions:
            return Definition(module, module.definitions[name])
        if name in module.imports:
            origin, original = module.imports[name]
            return self.find(self.module(origin), original)
        return None


def _dotted(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def fetch(release: str) -> Source:
    """Read the release's source from pip's configured index.

    For a release without a source distribution, such as 0.15.0, its wheel is read.
    Raises NoSourceError if the index has neither, SourceError if pip fails otherwise.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            _download(release, Path(folder))
        except NoSourceError:
            return _of_wheel(release)
        archive = next(Path(folder).glob("*.tar.gz"))
        return read(release, archive)


def _of_wheel(release: str) -> Source:
    try:
        return Source(release, python_files(release))
    except (WheelError, OSError) as error:
        raise NoSourceError(f"vLLM {release} has no source on the package index: {error}") from None


def read(release: str, archive: Path) -> Source:
    """Read the Python files and the Dockerfile of a source distribution."""
    files: dict[str, str] = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            _, _, path = member.name.partition("/")
            content = tar.extractfile(member) if _is_wanted(path) else None
            if content is not None:
                files[path] = content.read().decode()
    return Source(release, files)


def _is_wanted(path: str) -> bool:
    return path == DOCKERFILE or (path.startswith("vllm/") and path.endswith(".py"))


def _download(release: str, folder: Path) -> None:
    backend = folder / "backend" / "setuptools"
    backend.mkdir(parents=True)
    (backend / "__init__.py").touch()
    (backend / "build_meta.py").write_text(_BACKEND)
    environment = {**os.environ, "PYTHONPATH": str(backend.parent), "VLLM_RELEASE": release}
    result = subprocess.run(  # noqa: S603 - pip, with a release as its only variable
        [sys.executable, *_DOWNLOAD, str(folder), f"vllm=={release}"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=_DOWNLOAD_SECONDS,
    )
    if "No matching distribution found" in result.stderr and "from versions: none" not in (
        result.stderr
    ):
        raise NoSourceError(f"vLLM {release} has no source distribution on the package index")
    if result.returncode:
        raise SourceError(f"pip could not fetch vLLM {release}:\n{result.stderr}")
