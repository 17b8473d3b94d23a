"""A server as a cell: what its container, its Pod and its ConfigMaps say, as far as it is known."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from ira_manifests.lint import hardware, presets
from ira_manifests.lint.hardware import Hardware
from ira_manifests.lint.models import Library
from ira_manifests.lint.placeholders import has_placeholder, placeholder_in
from ira_manifests.lint.view import ForeignView
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.schema import CellProfile, ModelProfile
from ira_manifests.rules.view.plain import at
from ira_manifests.rules.view.pods import Container
from ira_manifests.rules.view.servers import Server
from ira_manifests.vllm import Release, human_readable_int
from ira_manifests.vllm.command_line import given_options
from ira_manifests.vllm.options import releases

_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_ONLY_DIR = re.compile(r"(?:^|,)only-dir[:=]([^,]+)")
_VARIABLES = ("MODEL_ID", "HF_MODEL_ID", "MODEL")
_SIZES = {
    "tensor_parallel": "--tensor-parallel-size",
    "pipeline_parallel": "--pipeline-parallel-size",
}
_CONTEXT, _SHARE, _KV_DTYPE = "--max-model-len", "--gpu-memory-utilization", "--kv-cache-dtype"
_KV_DTYPES = ("auto", "fp8", "fp8_e4m3", "fp8_e5m2")
# Engines differ in their default: the largest one leaves the most room.
_LARGEST_SHARE = Decimal("0.92")
# Options that are fields of a cell, or that change no memory and take several words.
_CONSUMED = frozenset(
    {"--model", "--served-model-name", _CONTEXT, _SHARE, _KV_DTYPE, *_SIZES.values()}
)
# With one of these, the model is not on this container's GPUs alone.
_ELSEWHERE = ("--nnodes", "--node-rank", "--data-parallel-size", "--distributed-executor-backend")

OPTIONS = {**_SIZES, "max_model_len": _CONTEXT, "gpu_memory_utilization": _SHARE,
           "kv_cache_dtype": _KV_DTYPE}  # fmt: skip
"""The option of each field of a cell."""


@dataclass(frozen=True)
class Serving:
    """A server, the cells that it may be, and what is not known of it, in words.

    `cells`: one for the release; of an unknown release one for each that can serve the model,
    oldest first, so that only what is true of all is reported. Empty if the model is not known.
    `is_whole`: whether model, GPU and sizes are known, and so memory can be judged.
    """

    server: Server
    cells: tuple[Cell, ...] = ()
    is_whole: bool = False
    unknown: tuple[str, ...] = ()


@dataclass
class _Reading:
    """Collects what is known of one server."""

    server: Server
    unknown: list[str] = field(default_factory=list)

    def option(self, name: str) -> str | None:
        """Return the text of an option; None if it is not given, or not known, which is noted."""
        text = self.server.settings.get(name)
        if text is not None and has_placeholder(text):
            self.unknown.append(name)
            return None
        return text

    def number(self, name: str, default: int) -> int | None:
        """Return the number of an option; None if it is not known."""
        before = len(self.unknown)
        text = self.option(name)
        if len(self.unknown) > before:
            return None
        try:
            return default if text is None else human_readable_int(text)
        except ValueError:
            return None  # another rule reports it


def read(view: ForeignView, server: Server, library: Library) -> Serving:
    """Return a server as far as it is known."""
    reading = _Reading(server)
    _note_release(server, reading)
    model_id = find_model(view, server, library)
    model = library.model(model_id) if model_id else None
    if not model_id:
        reading.unknown.append("its model")
    elif model is None or model.geometry is None:
        reading.unknown.append(f"the geometry of {model_id}")
    shape = _shape(view, server, reading)
    found = hardware.find(server.container.template, library.gpus, server.container.gpus)
    if isinstance(found, str) and server.container.gpus:
        reading.unknown.append(found)
    unknown = tuple(dict.fromkeys(reading.unknown))
    if not model_id or not server.container.gpus:
        return Serving(server, unknown=unknown if server.container.gpus else ())
    profile = model or ModelProfile.model_construct(model_id=model_id, cells={})
    known = model is not None and shape is not None and isinstance(found, Hardware)
    place = found if isinstance(found, Hardware) else _any(library)
    cells = tuple(
        _cell(library, place, profile, shape or _SINGLE, release)
        for release in _releases(server, profile)
    )
    is_whole = known and _fits_machine(place, cells[0])
    return Serving(server, cells, is_whole, unknown)


def _note_release(server: Server, reading: _Reading) -> None:
    image = server.container.image
    if server.command.release:
        return
    shown = f"the image {placeholder_in(image) or image}" if image else "KServe's image"
    reading.unknown.append(f"the release of vLLM in {shown}")


def _releases(server: Server, model: ModelProfile) -> list[str]:
    """Return the release of a server; all that can serve its model if it is not known."""
    if server.command.release:
        return [server.command.release]
    known = releases()
    first = Release.parse(model.min_engine or known[0])
    return [each for each in known if Release.parse(each) >= first] or [known[-1]]


# --- the model ------------------------------------------------------------------------------------


def find_model(view: ForeignView, server: Server, library: Library) -> str:
    """Return the id of the model that a server loads; empty if it is not known."""
    for text in _candidates(view, server):
        if has_placeholder(text):
            continue
        found = _id_in(text, library)
        if found:
            return library.spelled(found)
    return ""


def _candidates(view: ForeignView, server: Server) -> Iterator[str]:
    model = server.command.model or ""
    yield model
    for folder, only in _shown(server.container):
        if model.startswith(folder):
            yield f"{only}{model.removeprefix(folder)}"
    environment = view.environment(server.container)
    yield from (environment[name] for name in _VARIABLES if name in environment)


def _id_in(text: str, library: Library) -> str:
    """Return the id that an argument or a path names."""
    text = re.sub(r"^[a-z0-9]+://(?:[^/]+/(?=.*/))?", "", text).strip("/")
    if _ID.fullmatch(text) and not text.startswith(("gcs/", "models/", "data/", "mnt/")):
        return text
    last = "/".join(text.split("/")[-2:])
    known = library.model(last) is not None or last in library.model_ids
    of_bucket = text.startswith("gcs/") and len(text.split("/")) > 2  # noqa: PLR2004
    return last if _ID.fullmatch(last) and (known or of_bucket) else ""


def _shown(container: Container) -> Iterator[tuple[str, str]]:
    """Yield each folder of a container that shows one folder of a bucket, and that one."""
    for mount in container.mounts:
        for volume in container.template.volumes:
            if volume.get("name") == mount.get("name"):
                options = str(at(volume, "csi", "volumeAttributes", "mountOptions") or "")
                only = _ONLY_DIR.search(options)
                if only:
                    yield str(mount.get("mountPath")).rstrip("/"), only[1]


# --- its shape ------------------------------------------------------------------------------------

_SINGLE: Mapping[str, Any] = {
    "tensor_parallel": 1,
    "max_model_len": 1,
    "gpu_memory_utilization": _LARGEST_SHARE,
}


def _shape(view: ForeignView, server: Server, reading: _Reading) -> dict[str, Any] | None:
    """Return the fields of a cell that the server's arguments decide; None if one is not known."""
    elsewhere = [option for option in _ELSEWHERE if option in server.settings]
    if elsewhere or server.container.template.kind == "LeaderWorkerSet":
        reading.unknown.append("which part of the model is on its GPUs")
        return None
    sizes = {name: reading.number(option, 1) for name, option in _SIZES.items()}
    context = reading.number(_CONTEXT, 0)
    share = _share(reading)
    dtype = reading.option(_KV_DTYPE)
    if None in sizes.values() or context is None or share is None:
        return None
    return {
        **sizes,
        "max_model_len": context,
        "gpu_memory_utilization": share,
        "kv_cache_dtype": dtype if dtype in _KV_DTYPES else "auto",
        "args": tuple(_others(server, dtype)),
        "env": dict.fromkeys(_variables(view, server), "x"),
    }


def _variables(view: ForeignView, server: Server) -> Iterator[str]:
    """Yield the variables that the server may read."""
    named = (str(item.get("name")) for item in server.container.env)
    for name in (*named, *view.environment(server.container)):
        if name != presets.ARGUMENTS:
            yield name


def _share(reading: _Reading) -> Decimal | None:
    before = len(reading.unknown)
    text = reading.option(_SHARE)
    if len(reading.unknown) > before:
        return None
    try:
        share = _LARGEST_SHARE if text is None else Decimal(text)
    except InvalidOperation:
        return None
    return share if 0 < share <= 1 else None


def _others(server: Server, dtype: str | None) -> Iterator[str]:
    """Yield the server's arguments that are no field of a cell."""
    words, release = server.command.words, server.command.release
    given = given_options(words, release)
    ends = [*(index for _, index in given[1:]), len(words)] if given else []
    for (option, start), end in zip(given, ends, strict=True):
        if option not in _CONSUMED:
            yield from words[start:end]
    if dtype is not None and dtype not in _KV_DTYPES:
        yield f"{_KV_DTYPE}={dtype}"


def _cell(
    library: Library, place: Hardware, model: ModelProfile, shape: Mapping[str, Any], release: str
) -> Cell:
    given = dict(shape)
    if not given["max_model_len"]:  # vLLM's default is the model's own
        geometry = model.geometry
        given["max_model_len"] = 1 if geometry is None else geometry.max_position_embeddings
    compute_class = place.machine.compute_class
    profile = CellProfile.model_construct(
        **{"cpu": "1", "memory": "1G", "compute_class": compute_class, "waive": {}, **given}
    )
    engine = library.platform.engine.model_copy(update={"version": release})
    platform = library.platform.model_copy(update={"engine": engine})
    own = model.model_copy(update={"engine": None, "args": (), "env": {}, "waive": {}})
    return Cell(place.gpu_name, "model", place.gpu, own, profile, platform)


def _any(library: Library) -> Hardware:
    name, gpu = next(iter(library.gpus.items()))
    return Hardware(name, gpu, gpu.machines[0], "")


def _fits_machine(place: Hardware, cell: Cell) -> bool:
    """Return whether the server's processes have a GPU each; another rule reports if not."""
    return cell.profile.gpus <= max(machine.gpus for machine in place.gpu.machines)
