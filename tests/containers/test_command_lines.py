"""Command lines of dist/: variables are defined, and the engine accepts every argument."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator

import pytest

from ira_manifests.kubernetes.expansion import references
from ira_manifests.vllm import FlagProblem, flag_problems
from testing.kubelet import command_line, environment
from testing.objects import Json, the
from testing.processes import DOWNLOAD, FETCH, INSTALL
from testing.project import DIST

DIRECTORIES = sorted(path.parent.name for path in DIST.glob("*/service-account.yaml"))
ONE = "online-inference-gpu-h100-llama3"
Rendered = dict[str, list[Json]]

# Read by what the words start: the shells, and vLLM.
OF_PROGRAMS = {"HOME", "DO_NOT_TRACK", "VLLM_NO_USAGE_STATS", "HF_HUB_OFFLINE"}

each_directory = pytest.mark.parametrize("directory", DIRECTORIES)


def containers(objects: list[Json]) -> Iterator[Json]:
    """Yield every container of every object with a Pod template."""
    for item in objects:
        template = item["template"] if item["kind"] == "PodTemplate" else None
        template = template or item.get("spec", {}).get("template")
        if template:
            yield from template["spec"].get("initContainers", [])
            yield from template["spec"]["containers"]


def is_server(container: Json) -> bool:
    return bool(container["command"] == ["vllm", "serve"])


def refused(container: Json, objects: list[Json]) -> list[FlagProblem]:
    """Return the problems that the engine of the container's image has with its arguments."""
    _vllm, _serve, *arguments = command_line(container, objects)
    return flag_problems(arguments, container["image"].rpartition(":v")[2])


def unexpanded(container: Json, objects: list[Json]) -> list[str]:
    """Return the references that reach the engine unexpanded."""
    return [word for word in command_line(container, objects) if "$" in word]


def words(container: Json) -> list[str]:
    return [*container["command"], *container["args"]]


def undefined(container: Json, objects: list[Json]) -> set[str]:
    """Return the undefined variables that the container reads, as $(NAME) or in a script."""
    read = {name for word in words(container) for name in references(word)}
    if not is_server(container):
        read = required_by_script(container["args"][0])
    return read - set(environment(container, objects))


def required_by_script(text: str) -> set[str]:
    """Return the variables that a script reads without a default."""
    read = set(re.findall(r"\$\{?!?([A-Z][A-Z_]+)\b", text))
    read |= set(re.findall(r"^ *require ([A-Z_]+)", text, re.MULTILINE))
    read |= set(re.findall(r'environ\[\s*"([A-Z_]+)"', text))
    own = set(re.findall(r"\$\{([A-Z_]+):?[-+]", text))
    own |= set(re.findall(r"(?:^|\s)([A-Z_]+)=", text))
    return read - own


@each_directory
def test_the_pinned_engine_takes_every_argument_of_the_server(
    directory: str, rendered: Rendered
) -> None:
    servers = [each for each in containers(rendered[directory]) if is_server(each)]

    assert len(servers) == {"model-download": 0}.get(directory, 1 + directory.endswith("-queued"))
    for server in servers:
        assert refused(server, rendered[directory]) == []
        assert unexpanded(server, rendered[directory]) == []


@each_directory
def test_every_variable_that_a_container_reads_is_defined(
    directory: str, rendered: Rendered
) -> None:
    for container in containers(rendered[directory]):
        assert undefined(container, rendered[directory]) == set()


@each_directory
def test_every_variable_that_a_container_defines_is_read(
    directory: str, rendered: Rendered
) -> None:
    for container in containers(rendered[directory]):
        text = "\n".join(words(container))
        defined = set(environment(container, rendered[directory]))
        assert {name for name in defined if not re.search(rf"\b{name}\b", text)} <= OF_PROGRAMS


@each_directory
def test_a_script_reaches_its_shell_as_it_was_written(directory: str, rendered: Rendered) -> None:
    for container in containers(rendered[directory]):
        if not is_server(container):
            assert command_line(container, rendered[directory]) == words(container)


def test_what_the_scripts_require_is_known() -> None:
    both = {"IRA_BUCKET_NAME", "MODEL_ID", "HUGGINGFACE_HUB_VERSION"}
    assert required_by_script(INSTALL) == {*both, "HUGGINGFACE_HUB_LOCK"}
    assert required_by_script(DOWNLOAD) == both
    assert required_by_script(FETCH) == {"MODEL_ID"}


# --- errors are detected --------------------------------------------------------------------------

Change = Callable[[Json], object]


def change_argument(index: int, text: str) -> Change:
    return lambda server: server["args"].__setitem__(index, text)


def add(text: str) -> Change:
    return lambda server: server["args"].append(text)


def broken(rendered: Rendered, change: Change) -> tuple[Json, list[Json]]:
    objects = copy.deepcopy(rendered[ONE])
    server = the(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    change(server)
    return server, objects


REFUSED: dict[str, tuple[Change, str]] = {
    "a flag that is gone": (add("--disable-log-requests"), "--disable-log-requests"),
    "a flag of a newer engine": (add("--aux-output-config={}"), "--aux-output-config"),
    "a flag without its value": (add("--port"), "--port"),
    "another variable's value": (
        change_argument(3, "--tensor-parallel-size=$(MODEL_ID)"),
        "--tensor-parallel-size",
    ),
    "a shell's reference": (
        change_argument(3, "--tensor-parallel-size=${TENSOR_PARALLEL_SIZE}"),
        "--tensor-parallel-size",
    ),
}


@pytest.mark.parametrize(("change", "flag"), REFUSED.values(), ids=REFUSED)
def test_an_argument_that_the_engine_refuses_is_detected(
    rendered: Rendered, change: Change, flag: str
) -> None:
    assert [problem.flag for problem in refused(*broken(rendered, change))] == [flag]


@pytest.mark.parametrize("text", ["$$(MAX_MODEL_LEN)", "${MAX_MODEL_LEN}", "$(MAX_LEN)"])
def test_an_unexpanded_argument_is_detected(rendered: Rendered, text: str) -> None:
    change = change_argument(2, f"--max-model-len={text}")
    assert len(unexpanded(*broken(rendered, change))) == 1


def without_context(server: Json) -> None:
    server["env"] = [item for item in server["env"] if item["name"] != "MAX_MODEL_LEN"]


@pytest.mark.parametrize("change", [without_context, change_argument(2, "$(MAX_LEN)")])
def test_an_undefined_variable_is_detected(rendered: Rendered, change: Change) -> None:
    assert len(undefined(*broken(rendered, change))) == 1
