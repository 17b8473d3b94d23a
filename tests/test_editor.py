"""Profiles in an editor: what the YAML language server says, shows and offers by the schemas.

The server is the real one, over its standard streams; only the window is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ira_manifests.profiles import yaml_source
from testing.edits import edited, place_of
from testing.project import PROFILES, ROOT, copy_profiles
from tests.bad_profiles import CASES
from tests.bad_profiles.case import A100, TINY, Case
from tests.editor.profiles import Shown, kind_of, shown
from tests.editor.server import SERVER, Problem, Server
from tests.support import require
from tests.test_accelerated_platforms import EXAMPLE

LAST = "max_model_len: 8192\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    require(SERVER)
    running = Server(ROOT)
    yield running
    running.end()


class Editor:
    """A folder of profiles in which an editor opens texts that are not saved yet."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._opened = 0

    def open(self, path: str, text: str, folder: Path = PROFILES) -> Path:
        self._opened += 1
        file = (folder / path).with_name(f"unsaved-{id(self)}-{self._opened}.yaml")
        self._server.open(file, text)
        return file


@pytest.fixture(scope="module")
def editor(server: Server) -> Editor:
    return Editor(server)


def in_cell(lines: str) -> str:
    return shown("models/x.yaml", edited(TINY, {LAST: f"{LAST}{lines}"})).text


SHIPPED = [
    (folder, file)
    for folder in (PROFILES, EXAMPLE / "profiles")
    for file in sorted(folder.rglob("*.yaml"))
]


@pytest.mark.parametrize(("folder", "file"), SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_profile_has_no_problem(
    folder: Path, file: Path, server: Server, editor: Editor
) -> None:
    unsaved = editor.open(file.relative_to(folder).as_posix(), file.read_text(), folder)

    assert server.problems(unsaved) == []


def test_a_profile_without_the_line_has_no_schema(server: Server, editor: Editor) -> None:
    assert server.problems(editor.open("models/x.yaml", "nonsense: 1\n")) == []


DEFECTS = {
    "    cpus: 3\n": ("    |cpus: 3", "Property cpus is not allowed."),
    "    nodes: two\n": ("nodes: |two", 'Incorrect type. Expected "integer".'),
    "    nodes: 65\n": ("nodes: |65", "Value is above the maximum of 64."),
    "    kv_cache_dtype: fp9\n": ("dtype: |fp9", "Value is not accepted. Valid values: "),
    "    compute_class: GPU\n": ("class: |GPU", "Lower-case letters, digits and '-'"),
    "    env: {MODEL_ID: a}\n": ("env: {|MODEL_ID", "not one that the construct sets"),
    "    env: {A: {secret: a, key: b, optionel: true}}\n": (
        "b, |optionel", "Property optionel is not allowed.",
    ),
    "    waive: {IRA002: known}\n": ("IRA002: |known", "A reason of three words or more."),
    "    labels: {a b: c}\n": ("{|a b", "A name, or a domain, '/' and a name"),
    "    engine: {version: latest}\n": ("version: |latest", "A release of vLLM from 0.8.4 on"),
    "    autoscaling: {max: 2, metrics: a}\n": ("2, |metrics", "Property metrics is not allowed."),
    "    containers: [{name: a, image: b:1, cmd: c}]\n": (
        "1, |cmd",
        "Property cmd is not allowed.",
    ),
    "    volumes: [{name: a, emptyDir: {sizeLimit: [1]}}]\n": (
        "sizeLimit: |[1]",
        "Incorrect type.",
    ),
    "    patches: [{kind: Deploy}]\n": ("kind: |Deploy", "Value is not accepted."),
    "    args: [--x y]\n": ("[|--x y", "A word of the server's command line"),
    "    weights: {total_gib: 0}\n": (
        "total_gib: |0",
        "Value is below the exclusive minimum of 0.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("lines", DEFECTS, ids=lambda lines: lines.split(":")[0].strip())
def test_a_defect_is_marked_where_it_is(lines: str, server: Server, editor: Editor) -> None:
    marked, message = DEFECTS[lines]
    text = in_cell(lines)

    (problem,) = server.problems(editor.open("models/x.yaml", text))

    assert (problem.line, problem.column) == place_of(text, marked)
    assert message in problem.message


def test_variants_of_a_cell_are_judged_as_cells(server: Server, editor: Editor) -> None:
    cell = TINY.partition("  h100:\n")[2]
    variants = "".join(
        f"    {name}:\n{re.sub('(?m)^', '  ', cell).rstrip(' ')}" for name in ("short", "long")
    )
    good = shown("models/x.yaml", f"{TINY.removesuffix(cell)}{variants}").text
    bad = good.replace("cpu: 10", "cpu: 10G", 1)

    assert server.problems(editor.open("models/x.yaml", good)) == []
    (problem,) = server.problems(editor.open("models/x.yaml", bad))

    assert problem.line == place_of(bad, "cpu: |10G")[0]
    assert problem.message.startswith("CPUs, such as 12 or 0.5")


IN_ENVIRONMENT = {
    "inference: {autoscaling: {max: 2}, replicas: null}\nbucket: null\n": None,
    "models: {llama3: {cells: {h100: {max_model_len: 8192, env: {A: null}}, h200: null}}}\n": None,
    "namespace: prod\nnamespase: prod\n": ("|namespase", "Property namespase is not allowed."),
    "environments_only: true\n": ("|environments_only", "is not allowed."),
    "inference: {replicas: many}\n": ("|many", "Incorrect type. Expected "),
    "gpus: {h100: {memory_gib: 80}}\n": ("|memory_gib", "Property memory_gib is not allowed."),
    "models: {llama3: {cells: {h100: {revision: main}}}}\n": ("|revision", "is not allowed."),
    "models: {llama3: {cells: {h100: {max_len: 8}}}}\n": ("|max_len", "is not allowed."),
    "model_download: {token: {secret: A B}}\n": ("|A B", "Lower-case letters, digits"),
}


@pytest.mark.parametrize("text", IN_ENVIRONMENT)
def test_an_environment_is_judged_as_a_part(text: str, server: Server, editor: Editor) -> None:
    expected = IN_ENVIRONMENT[text]
    whole = shown("environments/x.yaml", text).text

    problems = server.problems(editor.open("environments/x.yaml", whole))

    if expected is None:
        assert problems == []
        return
    (problem,) = problems
    assert (problem.line, problem.column) == place_of(whole, expected[0])
    assert expected[1] in problem.message


def test_keys_of_all_parts_of_an_environment_are_offered(server: Server, editor: Editor) -> None:
    text = shown(
        "environments/x.yaml",
        "models:\n  llama3:\n    cells:\n      h100:\n        cpu: 4\n        \n    \n\n",
    ).text
    file = editor.open("environments/x.yaml", text)
    server.problems(file)

    def offered(line: int, column: int) -> set[str]:
        return set(server.completions(file, line, column))

    assert {"max_model_len", "engine"} <= offered(7, 9)
    assert not {"model_id", "weights"} & offered(7, 9)
    assert "waive" in offered(8, 5)
    assert not {"geometry", "model_id"} & offered(8, 5)
    assert {"cluster", "bucket", "gpus", "inference"} <= offered(9, 1)
    assert "environments_only" not in offered(9, 1)
    assert "CPUs of the server's container" in server.hover(file, *place_of(text, "|cpu"))


PLACE = re.compile(r"profiles/(?P<path>[^:]+):(?P<line>\d+):\d+: (?P<rest>.*)")
MISSING = re.compile(r'Missing property "(.+)"\.')


def texts_of(case: Case, folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the profiles of a case that can be read, with their paths."""
    folder.mkdir()
    profiles = copy_profiles(folder)
    case.lay_over(profiles)
    for path in sorted({*case.edits, *case.files}):
        content = (profiles / path).read_bytes()
        document, _ = yaml_source.read(path, content)
        if kind_of(path) and document.data is not None:
            yield path, content.decode("utf-8-sig")


@pytest.fixture(scope="module")
def marked(
    server: Server, editor: Editor, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, tuple[Shown, list[Problem]]]]:
    """What the server says of the profiles of every case, by case and path.

    All of them are opened before the first answer, because the server waits for a pause.
    """
    opened: dict[str, dict[str, tuple[Shown, Path]]] = {}
    for name, case in CASES.items():
        opened[name] = {}
        for path, text in texts_of(case, tmp_path_factory.mktemp("case") / "folder"):
            whole = shown(path, text)
            opened[name][path] = (whole, editor.open(path, whole.text))
    return {
        name: {path: (whole, server.problems(file)) for path, (whole, file) in files.items()}
        for name, files in opened.items()
    }


@pytest.mark.parametrize("name", sorted(CASES))
def test_what_the_server_refuses_is_refused_at_the_same_line(
    name: str, marked: dict[str, dict[str, tuple[Shown, list[Problem]]]], tmp_path: Path
) -> None:
    profiles = copy_profiles(tmp_path)
    CASES[name].lay_over(profiles)
    ours = [PLACE.fullmatch(each) for each in CASES[name].expected(profiles)]

    for path, (text, problems) in marked[name].items():
        here = [each for each in ours if each is not None and each["path"] == path]
        lines = {int(each["line"]) for each in here}
        for problem in problems:
            missing = MISSING.fullmatch(problem.message)
            if missing:
                assert any(f"{missing[1]}: is missing" in each["rest"] for each in here), problem
            else:
                assert problem.line - text.above in lines, (path, problem)


def test_the_server_sees_most_single_values_that_are_wrong(
    marked: dict[str, dict[str, tuple[Shown, list[Problem]]]],
) -> None:
    """Cases whose message is about one value or key, and no other: a schema can say it."""
    of_one_value = re.compile(r"is an unknown key|it must be|is missing$|is not an? [a-zA-Z]+'?s? ")
    judged = {
        name: any(problems for _, problems in files.values())
        for name, files in marked.items()
        if files and of_one_value.search(str(CASES[name].messages))
    }

    assert len(judged) > 50
    assert sum(judged.values()) / len(judged) > 0.85, [n for n, seen in judged.items() if not seen]


def test_a_key_shows_its_meaning(server: Server, editor: Editor) -> None:
    text = in_cell("    engine: {drain_seconds: 60}\n")
    file = editor.open("models/x.yaml", text)
    server.problems(file)

    def says(marked: str) -> str:
        return server.hover(file, *place_of(text, marked))

    assert "Bytes with a unit (M, G, T" in says("    |memory: 128G")
    assert "The share of each GPU's memory that vLLM may use." in says("|gpu_memory_utilization")
    assert "How long a terminating server continues" in says("{|drain_seconds")
    assert "model.schema.json" in says("|model_id")


def test_keys_and_values_are_offered(server: Server, editor: Editor) -> None:
    text = in_cell("    kv_cache_dtype: \n    \n")
    file = editor.open("models/x.yaml", text)
    server.problems(file)
    line, column = place_of(text, "dtype: |\n")

    assert set(server.completions(file, line, column)) == {"auto", "fp8", "fp8_e4m3", "fp8_e5m2"}
    keys = server.completions(file, line + 1, 5)
    assert {"autoscaling", "env", "engine", "nodes"} <= set(keys)
    assert not {"cpu", "model_len", "geometry"} & set(keys)


def test_the_keys_of_each_kind_are_offered(server: Server, editor: Editor) -> None:
    for path, text, offered in (
        ("gpus/x.yaml", A100, {"queued", "queued_node_pool"}),
        ("platform.yaml", (PROFILES / "platform.yaml").read_text(), {"namespace"}),
    ):
        whole = f"{shown(path, text).text}\n"
        file = editor.open(path, whole)
        server.problems(file)

        assert offered <= set(server.completions(file, whole.count("\n"), 1))
