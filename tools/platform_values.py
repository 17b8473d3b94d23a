"""The values of a hand-written cell of accelerated-platforms, and where the example has others."""

import json
from typing import NamedTuple

from ira_manifests import Cell
from ira_manifests.kubernetes.quantities import same_value
from tools.platform_cells import HandWritten

_OF_FIELDS = frozenset(
    {
        "--chat-template", "--disable-log-requests", "--gpu-memory-utilization", "--load-format",
        "--max-model-len", "--model", "--model-loader-extra-config", "--no-enable-log-requests",
        "--served-model-name", "--speculative-config", "--tensor-parallel-size",
        "--trust-remote-code",
    }
)  # fmt: skip
"""Options that fields of a profile set, or that it has no use for."""
_PATHS = dict.fromkeys(("cpu", "memory"), ("resources", "limits"))
"""Where the server's container has a field of a profile."""


class Difference(NamedTuple):
    """A value that the example has otherwise; empty where one is not given."""

    field: str
    there: str
    here: str


def values(hand: HandWritten) -> dict[str, str]:
    """Return the values of a hand-written cell by the fields of a profile, as far as given."""
    limits = hand.server["resources"]["limits"]
    given = {
        "tensor_parallel": hand.options["--tensor-parallel-size"],
        "gpu_memory_utilization": hand.options["--gpu-memory-utilization"],
        "max_model_len": hand.options["--max-model-len"],
        "compute_class": hand.pod["nodeSelector"]["cloud.google.com/compute-class"],
        "cpu": limits.get("cpu", ""),
        "memory": limits.get("memory", ""),
        "args": " ".join(further(hand)),
    }
    return {field: value for field, value in given.items() if value}


def values_here(cell: Cell) -> dict[str, str]:
    """Return the values of the example's cell by the same fields."""
    profile = cell.profile
    return {
        "tensor_parallel": str(profile.tensor_parallel),
        "gpu_memory_utilization": format(profile.gpu_memory_utilization, "f"),
        "max_model_len": str(profile.max_model_len),
        "compute_class": cell.machine.compute_class,
        "cpu": str(profile.cpu),
        "memory": str(profile.memory),
        "args": " ".join(map(compact, profile.args)),
    }


def differences(hand: HandWritten, cell: Cell) -> list[Difference]:
    """Return the values of a cell that the example changes, adds or leaves out."""
    there, here = values(hand), values_here(cell)
    return [
        Difference(field, there.get(field, ""), here[field])
        for field in here
        if not same_value((*_PATHS.get(field, ()), field), there.get(field, ""), here[field])
    ]


def further(hand: HandWritten) -> list[str]:
    """Return the server's arguments that no field of a profile sets."""
    return [
        compact(f"{option}={value}" if value else option)
        for option, value in hand.options.items()
        if option not in _OF_FIELDS
    ]


def compact(argument: str) -> str:
    """Return an argument, its JSON without spaces."""
    option, found, value = argument.partition("=")
    if not value.startswith("{"):
        return argument
    return f"{option}{found}{json.dumps(json.loads(value), separators=(',', ':'))}"
