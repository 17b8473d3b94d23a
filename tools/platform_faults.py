"""What is wrong with a hand-written cell of accelerated-platforms.

Its values are judged by the rules of this project, with the model's profile of the example; what no
rule of cells sees is looked for in its files.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any, NamedTuple

from ira_manifests import Cell
from ira_manifests.rules.check_cells import check_cell
from ira_manifests.rules.finding import Finding
from tools.platform_cells import HandWritten
from tools.platform_values import differences, further, values

_RULES = frozenset(f"IRA{number:03}" for number in (1, 2, 4, 5, 6, 7, 8, 46, 48))
"""The rules that judge the values of a cell; others judge what the example's platform has."""

_OF_MARGIN = "IRA002"
_OF_NODE = "IRA006"
"""An estimate of a full node, on which the server may still start."""

_OF_MEMORY = frozenset({"tensor_parallel", "gpu_memory_utilization", "max_model_len", "args"})

_LINE_OF_FIELD = {
    "tensor_parallel": ("runtime.env", "TENSOR_PARALLEL_SIZE="),
    "gpu_memory_utilization": ("runtime.env", "GPU_MEMORY_UTILIZATION="),
    "max_model_len": ("runtime.env", "MAX_MODEL_LEN="),
    "cpu": ("patch-resources.yaml", "cpu:"),
    "memory": ("patch-resources.yaml", "memory:"),
    "compute_class": ("patch-nodeselector.yaml", "compute-class:"),
}
_RELEASE = re.compile(r":v(\d+\.\d+\.\d+)$")
_MODEL_PATH = "/gcs/"


class Fault(NamedTuple):
    """A fault, and the line that has it: its file in the cell's folder, and a part of its text."""

    text: str
    file: str
    part: str
    stops: bool = False
    """Whether the server can't start."""


def judged(hand: HandWritten, cell: Cell) -> list[Fault]:
    """Return what the rules find where the example's cell has the hand-written values.

    A little margin counts only if the example has a larger one.
    """
    found = check_cell(_with_values(hand, cell), hand.folder)
    changed = {each.field for each in differences(hand, cell)}
    rules = _RULES if changed & _OF_MEMORY else _RULES - {_OF_MARGIN}
    return [_of_rule(item) for item in found if item.rule_id in rules]


def _with_values(hand: HandWritten, cell: Cell) -> Cell:
    given = values(hand)
    changed: dict[str, Any] = {
        "tensor_parallel": int(given["tensor_parallel"]),
        "gpu_memory_utilization": Decimal(given["gpu_memory_utilization"]),
        "max_model_len": int(given["max_model_len"]),
        "compute_class": given["compute_class"],
        "args": tuple(further(hand)),
        "waive": {},
        **{name: given[name] for name in ("cpu", "memory") if name in given},
    }
    release = _RELEASE.search(hand.server["image"])
    own = {"version": release[1]} if release else {}
    platform = cell.platform.model_copy(
        update={"engine": cell.platform.engine.model_copy(update=own)}
    )
    known = cell.profile.model_dump(exclude_unset=True)
    profile = cell.profile.model_validate({**known, **changed})
    return replace(cell, profile=profile, platform=platform)


def _of_rule(finding: Finding) -> Fault:
    field = finding.field.rpartition(".")[2]
    file, part = _LINE_OF_FIELD.get(field, ("kustomization.yaml", "data.CONTAINER_IMAGE_URL"))
    rule = f"{finding.rule_id}, {finding.rule.name.replace('-', ' ')}"
    # Most of such a finding's parentheses say how sure it is.
    message = finding.message.partition(" (no start-up")[0].partition(" (experts")[0]
    if finding.rule_id == _OF_NODE:
        message = f"{message.partition(':')[0]} once the file cache holds the model"
    stops = finding.refuses and finding.rule_id != _OF_NODE
    return Fault(f"{message}: {rule}", file, part, stops)


def seen(hand: HandWritten, cell: Cell) -> Iterator[Fault]:
    """Yield what no rule of cells sees: images, paths, ids, names, values that nobody reads."""
    yield from _of_image(hand)
    yield from _of_model(hand, cell)
    yield from _of_template(hand)
    yield from _of_names(hand)
    yield from _unread(hand)
    yield from _not_asked_for(hand)


def _of_image(hand: HandWritten) -> Iterator[Fault]:
    image = hand.server["image"]
    named = re.search(r"newTag: (\S+)", hand.texts["kustomization.yaml"])
    if named and not image.endswith(f":{named[1]}"):
        text = f"the tag has no effect: a replacement sets the image to `{image}`"
        yield Fault(text, "kustomization.yaml", named[0])
    if _RELEASE.search(image):
        return
    repository = image.partition(":")[0]
    if "/" not in repository:
        yield Fault(
            f"`{repository}` is pulled from `docker.io/library`, and vLLM's images are "
            f"`vllm/{repository}`",
            "kustomization.yaml", f"newName: {repository}", stops=True,
        )  # fmt: skip
    tag = image.rpartition(":")[2]
    yield Fault(
        f"the tag `{tag}` names no release: it can become another image, with other options",
        "kustomization.yaml", f"newTag: {tag}",
    )  # fmt: skip


def _of_model(hand: HandWritten, cell: Cell) -> Iterator[Fault]:
    given, known = hand.runtime["MODEL_ID"], cell.model.model_id
    line = f"MODEL_ID={given}"
    if given.lower() != known.lower():
        yield Fault(
            f"the model is `{known}`: nothing is downloaded to the folder `{given}`",
            "runtime.env", line, stops=True,
        )  # fmt: skip
    elif given != given.lower():
        yield Fault(
            f"the download writes to the folder `{given.lower()}`, and this one stays empty",
            "runtime.env", line, stops=True,
        )  # fmt: skip


def _of_template(hand: HandWritten) -> Iterator[Fault]:
    template = hand.options.get("--chat-template")
    mounts = [each["mountPath"] for each in hand.server["volumeMounts"]]
    if template and not any(template.startswith(f"{path}/") for path in mounts):
        (mount,) = [path for path in mounts if path.startswith(_MODEL_PATH)]
        yield Fault(
            f"the chat template is not in the model's folder, `{mount}`, and the server refuses a "
            "file that is not there",
            "patch-vllm-args.yaml", f"--chat-template={template}", stops=True,
        )  # fmt: skip


def _of_names(hand: HandWritten) -> Iterator[Fault]:
    name, asked = hand.deployment["metadata"]["name"], f"vllm-{hand.name}"
    if name != asked:
        yield Fault(
            f"the Deployment and the Service are called `{name}`; the platform's pages ask for "
            f"`{asked}`",
            "kustomization.yaml", f"nameSuffix: {name.removeprefix('vllm')}",
        )  # fmt: skip


def _unread(hand: HandWritten) -> Iterator[Fault]:
    read = {
        each["valueFrom"]["configMapKeyRef"]["key"]
        for container in hand.pod["containers"]
        for each in container.get("env", ())
        if "valueFrom" in each
    }
    for key in hand.runtime:
        if key not in read and f"data.{key}\n" not in hand.texts["kustomization.yaml"]:
            yield Fault(f"no container reads `{key}`", "runtime.env", f"{key}=")


def _not_asked_for(hand: HandWritten) -> Iterator[Fault]:
    given = hand.runtime.get("KV_TRANSFER_CONFIG")
    if given and "memory" not in hand.server["resources"]["limits"]:
        size = json.loads(given)["kv_connector_extra_config"]["cpu_bytes_to_use"] >> 30
        yield Fault(
            f"keeps {size} GiB of the cache in memory that the Pod does not ask for",
            "runtime.env", "KV_TRANSFER_CONFIG=",
        )  # fmt: skip


def shared(hand: HandWritten, others: Iterable[HandWritten]) -> Iterator[Fault]:
    """Yield what a cell has in common with another: the Deployment, or the Pods of its Service."""
    label = f"APP_LABEL={hand.runtime['APP_LABEL']}"
    name = hand.deployment["metadata"]["name"]
    for other in others:
        if other.folder == hand.folder or label not in other.texts["runtime.env"].splitlines():
            continue
        if other.deployment["metadata"]["name"] == name:
            text = f"has the names of `{other.folder}`: the one that is applied last replaces it"
        else:
            text = f"its Service also selects the Pods of `{other.folder}`"
        yield Fault(text, "runtime.env", label)
