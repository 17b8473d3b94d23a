"""The public names of `import ira_manifests`, and the cost of the import."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from pkgutil import walk_packages

import pytest

import ira_manifests
import ira_manifests.architectures
import ira_manifests.errors
import ira_manifests.memory
from testing.project import ROOT


def python(program: str) -> str:
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def test_all_is_sorted_and_holds_every_public_name() -> None:
    assert ira_manifests.__all__ == sorted(ira_manifests.__all__)
    for name in ira_manifests.__all__:
        assert getattr(ira_manifests, name).__doc__


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Vllm'"):
        _ = ira_manifests.Vllm


def test_loading_the_matrix_starts_no_node() -> None:
    program = "import sys, ira_manifests as i; i.load_matrix(); print('jsii' in sys.modules)"

    assert python(program) == "False"


def test_the_first_construct_starts_it() -> None:
    program = "import sys, ira_manifests as i; i.VllmDeployment; print('jsii' in sys.modules)"

    assert python(program) == "True"


def drawn() -> dict[str, str]:
    """Return the tree in the docstring of `ira_manifests.errors`: each error and its base class."""
    above = {}
    line_of: list[str] = []
    for line in (ira_manifests.errors.__doc__ or "").splitlines():
        match = re.match(r" {4}([│├└─ ]*)(\w+Error) ", line)
        if match:
            depth = len(match[1]) // 4
            line_of[depth:] = [match[2]]
            above[match[2]] = line_of[depth - 1] if depth else "Exception"
    return above


def errors() -> set[type[BaseException]]:
    """Return every exception that a module of the package defines for its users."""
    package = ira_manifests.__name__
    for module in walk_packages(ira_manifests.__path__, f"{package}."):
        if module.name != f"{package}.__main__":
            import_module(module.name)
    found, above = set(), [BaseException]
    while above:
        below = above.pop().__subclasses__()
        above += below
        found |= {each for each in below if each.__module__.split(".")[0] == package}
    return {each for each in found if not each.__name__.startswith("_")}


def test_the_tree_of_errors_is_the_one_that_is_drawn() -> None:
    assert {each.__name__: each.__bases__[0].__name__ for each in errors()} == drawn()


def test_every_error_can_be_imported_from_the_package_or_from_the_memory_model() -> None:
    modules = (ira_manifests, ira_manifests.architectures, ira_manifests.memory)
    named = {name for module in modules for name in module.__all__}

    assert {each.__name__ for each in errors()} <= named
