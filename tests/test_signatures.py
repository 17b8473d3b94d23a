"""What help, editors and type checkers show of the constructs."""

from __future__ import annotations

import inspect
import pydoc
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest
from cdk8s import Chart
from constructs import Construct

import ira_manifests as ira
from ira_manifests import constructs
from testing.project import ROOT

CONSTRUCTS = [getattr(ira, name) for name in constructs.__all__]


@pytest.mark.parametrize("construct", CONSTRUCTS)
def test_a_signature_is_that_of_the_class(construct: type) -> None:
    shown = inspect.signature(construct)

    own = inspect.signature(construct.__init__)  # type: ignore[misc]  # of this very class
    assert list(shown.parameters) == list(own.parameters)[1:]
    assert list(shown.parameters)[:2] == ["scope", "id"]
    assert all(
        each.kind is inspect.Parameter.KEYWORD_ONLY for each in list(shown.parameters.values())[2:]
    )


class Mine(ira.VllmDeployment):
    """A subclass of a user."""

    def __init__(self, scope: Construct, *, cell: ira.Cell, size: int = 1) -> None:
        super().__init__(scope, f"of-{size}", cell=cell)


def test_a_subclass_of_a_user_shows_its_own_signature(chart: Chart, cell: ira.Cell) -> None:
    assert list(inspect.signature(Mine).parameters) == ["scope", "cell", "size"]
    assert Mine(chart, cell=cell).node.path == "inference/of-1"


@pytest.mark.parametrize("construct", CONSTRUCTS)
def test_help_begins_with_the_class_and_its_options(construct: type) -> None:
    text = pydoc.plain(pydoc.render_doc(construct))

    first = next(line for line in text.splitlines() if line.startswith("class "))
    assert first.startswith(f"class {construct.__name__}(")
    assert inspect.getdoc(construct) is not None
    assert f"{construct.__name__}(scope" in text
    assert "*args" not in text.partition("Methods defined here")[0]


@pytest.mark.parametrize("construct", CONSTRUCTS)
def test_every_type_of_a_signature_can_be_resolved(construct: type) -> None:
    hints = get_type_hints(construct.__init__)  # type: ignore[misc]

    parameters = inspect.signature(construct).parameters
    assert set(parameters) <= set(hints)


@pytest.mark.parametrize("construct", CONSTRUCTS)
def test_what_looks_public_is_documented(construct: type) -> None:
    documented = inspect.getsource(construct)
    for name, value in vars(construct).items():
        if not name.startswith("_"):
            assert inspect.getdoc(value), name
    for name in vars(construct).get("__annotations__", {}):
        _, _, below = documented.partition(f"\n    {name}: ")
        assert below.splitlines()[1].lstrip().startswith('"""'), name


def test_internals_do_not_look_public() -> None:
    assert dir(constructs) == sorted(constructs.__all__)
    for construct in CONSTRUCTS:
        for base in construct.__mro__[1:]:
            if base.__module__.startswith("ira_manifests"):
                assert any(part.startswith("_") for part in base.__module__.split("."))


REVEALED = """
import ira_manifests as ira
from cdk8s import App, Chart

matrix = ira.load_matrix()
chart = Chart(App(), "inference")
vllm = ira.VllmDeployment(chart, "vllm", cell=matrix["h100", "llama3"])
reveal_type(vllm)
reveal_type(vllm.deployment)
reveal_type(vllm.cell.profile.tensor_parallel)
reveal_type(ira.ProvisioningRequest(chart, "capacity", workload=vllm).request)
ira.VllmDeployment(chart, "vllm", cell="h100/llama3")
"""


WRONG = 'incompatible type "str"; expected "Cell | None"  [arg-type]'


def test_a_type_checker_sees_full_types(tmp_path: Path) -> None:
    app = tmp_path / "app.py"
    app.write_text(REVEALED)
    # The settings are strict; with the cache of `make check` it takes two seconds.
    command = [sys.executable, "-m", "mypy", "--strict", str(app), "examples/inference_app.py"]

    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    said = [line.partition(": ")[2] for line in run.stdout.splitlines()]
    assert said[:-1] == [
        'note: Revealed type is "ira_manifests.constructs.vllm_deployment.VllmDeployment"',
        'note: Revealed type is "cdk8s.ApiObject"',
        'note: Revealed type is "int"',
        'note: Revealed type is "cdk8s.ApiObject"',
        f'error: Argument "cell" to "VllmDeployment" has {WRONG}',
    ], run.stdout
