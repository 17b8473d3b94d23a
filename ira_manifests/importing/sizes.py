"""The GPUs, the machine, CPUs, memory and context of a server as fields of a cell."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from ira_manifests.importing.reading import Found
from ira_manifests.kubernetes import leader_worker_set as lws
from ira_manifests.kubernetes import names
from ira_manifests.kubernetes import queued_capacity as queued
from ira_manifests.lint.models import Library
from ira_manifests.lint.placeholders import has_placeholder
from ira_manifests.rules.view.plain import at, mapping
from ira_manifests.vllm import UnknownReleaseError, human_readable_int
from ira_manifests.vllm.defaults import defaults

Say = Callable[[str, str], None]
"""Tells why a field is not as in the tree: the field, and the reason."""

_DTYPES = ("fp8", "fp8_e4m3", "fp8_e5m2")
_UTILIZATION = "--gpu-memory-utilization"
# The default of vLLM's releases before 0.20.0, for one that is not known: the smaller one.
_SHARE = Decimal("0.90")
OPTIONS = frozenset(
    {"--model", "--tensor-parallel-size", "--pipeline-parallel-size", "--max-model-len",
     _UTILIZATION, "--kv-cache-dtype"}
)  # fmt: skip
"""The options that are fields here."""


def sizes(found: Found, library: Library, say: Say) -> dict[str, Any] | str:
    """Return the fields that each cell must have, else why they are not known."""
    given = found.server.settings
    tensor, stages = (_number(given.get(f"--{name}-parallel-size"), 1) for name in _PARALLEL)
    if tensor is None or stages is None:
        return "not known: how many GPUs share the model"
    named = compute_class(found)
    if problem := names.check_rfc1123_label(named):
        return f"its compute class, {named!r}, {problem}"
    context = _context(found, library, say)
    if context is None:
        return (
            "not known: its context; set --max-model-len, or name a folder with the model's "
            "config.json by --models"
        )
    nodes = at(found.workload.body, *lws.SIZE_OF_GROUP) if found.workload.kind == lws.KIND else 1
    return {
        "tensor_parallel": tensor,
        **({"pipeline_parallel": stages} if stages != 1 else {}),
        **({"nodes": nodes} if nodes != 1 else {}),
        **_resources(found, say),
        "gpu_memory_utilization": _share(given.get(_UTILIZATION), found.server.release, say),
        "max_model_len": context,
        **_dtype(given.get("--kv-cache-dtype"), say),
        "compute_class": named,
    }


_PARALLEL = ("tensor", "pipeline")


def compute_class(found: Found) -> str:
    """Return the compute class that its Pods select, else that of the machine that they name."""
    named = found.server.container.template.node_selector.get(queued.COMPUTE_CLASS)
    return named or found.hardware.machine.compute_class


def _number(text: str | None, default: int) -> int | None:
    if text is None:
        return default
    try:
        return human_readable_int(text)
    except ValueError:
        return None


def _context(found: Found, library: Library, say: Say) -> int | None:
    text = found.server.settings.get("--max-model-len")
    number = _number(text, 0)
    if number and number > 0:
        return number
    model = library.model(found.model_id)
    if model is None or model.geometry is None:
        return None
    longest = model.geometry.max_position_embeddings
    why = "not given" if text is None else f"{text} there"
    say("max_model_len", f"{why}; written as the model's longest, {longest}")
    return longest


def _share(text: str | None, release: str, say: Say) -> Decimal:
    try:
        share = Decimal(text or "")
    except InvalidOperation:
        share = Decimal(0)
    if 0 < share <= 1:
        return share
    why = "not given" if text is None else "its value is not known"
    default, of = _default(release)
    say("gpu_memory_utilization", f"{why}; written as vLLM's default {of}, {default}")
    return default


def _default(release: str) -> tuple[Decimal, str]:
    """Return the default of a release, and which releases have it."""
    try:
        return Decimal(str(defaults(release)[_UTILIZATION])), f"in {release}"
    except UnknownReleaseError:
        return _SHARE, "before 0.20.0"


def _dtype(text: str | None, say: Say) -> dict[str, str]:
    if text in (None, "auto"):
        return {}
    if text in _DTYPES:
        return {"kv_cache_dtype": text or ""}
    say("kv_cache_dtype", f"profiles have no {text}")
    return {}


def _resources(found: Found, say: Say) -> dict[str, str]:
    """Return CPUs and memory; where they are not given, a part of the machine as in profiles."""
    resources = mapping(found.server.container.body.get("resources"))
    limits, requests = mapping(resources.get("limits")), mapping(resources.get("requests"))
    machine = found.hardware.machine
    part = min(1.0, found.server.container.gpus / machine.gpus)
    usual = {
        "cpu": str(max(1, int(machine.vcpus * part * 3 / 8))),
        "memory": f"{max(1, int(machine.memory_gb * part / 2))}G",
    }
    written = {}
    for name, default in usual.items():
        text = str(limits.get(name, requests.get(name, "")))
        if not text or has_placeholder(text):
            say(name, f"not given; written as {default}, the server's usual part of the machine")
            text = default
        written[name] = text
    return written
