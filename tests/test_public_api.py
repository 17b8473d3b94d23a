"""The names that `import ira_manifests` gives, and what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import ira_manifests
from tests.support import ROOT


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


def test_every_error_is_an_ira_error() -> None:
    for name in ("InputError", "NodeError", "OutputError", "ProfileError"):
        assert issubclass(getattr(ira_manifests, name), ira_manifests.IraError)
