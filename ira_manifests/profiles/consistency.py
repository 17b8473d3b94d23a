"""Validation across fields and files.

Each check runs if the files that it needs could be read, so that a broken file hides as few
problems in other files as possible.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ira_manifests.errors import Problem, did_you_mean, one_of
from ira_manifests.kubernetes import names
from ira_manifests.profiles import (
    argument_checks,
    controller_checks,
    engine_checks,
    environment_checks,
    memory_inputs,
    node_checks,
    pod_checks,
    repository_checks,
    settings,
)
from ira_manifests.profiles.cell import (
    Cell,
    cells_of,
    directory_names,
    find_machine,
    given_cells,
)
from ira_manifests.profiles.engine import engine_of
from ira_manifests.profiles.loader import Profiles
from ira_manifests.profiles.schema import GivenCell, ModelProfile, variant_name
from ira_manifests.profiles.serving_fields import ServingFields
from ira_manifests.profiles.yaml_source import Path

_Key = tuple[str, str]


def problems(profiles: Profiles) -> list[Problem]:
    """Return all inconsistencies between fields or files."""
    # Made once: a cell keeps what is resolved from the levels of its profiles.
    cells = cells_of(profiles, profiles.platform) if profiles.platform is not None else []
    return [
        *environment_checks.problems(profiles),
        *controller_checks.problems(profiles),
        *engine_checks.problems(profiles),
        *pod_checks.problems(profiles, cells),
        *argument_checks.problems(profiles, cells),
        *node_checks.problems(profiles, cells),
        *_unknown_gpus(profiles),
        *_missing_machines(profiles),
        *_missing_geometry(profiles),
        *_layer_sums(profiles),
        *_contradictions(profiles),
        *_uncomputed_auto(profiles),
        *repository_checks.problems(profiles, cells),
        *_directories(profiles),
        *_composed_names(profiles, cells),
        *_shared_account(profiles, cells),
    ]


def _at_cell(profiles: Profiles, model: str, path: Path, message: str) -> Problem:
    return profiles.sources["models", model].problem(path, message, at_key=True)


def _unknown_gpus(profiles: Profiles) -> Iterator[Problem]:
    # Uses the raw data, because a model with other problems has no profile.
    known = {name for kind, name in profiles.sources if kind == "gpus"}
    if not known:  # missing or unreadable GPU profiles are reported elsewhere
        return
    for (kind, _), source in profiles.sources.items():
        data = source.document.data
        cells = data.get("cells") if kind == "models" and isinstance(data, dict) else None
        for gpu in cells if isinstance(cells, dict) else ():
            if gpu not in known:
                message = (
                    f"is an unknown GPU type; known: {one_of(known)}{did_you_mean(str(gpu), known)}"
                )
                yield source.problem(("cells", gpu), message, at_key=True)


def _missing_machines(profiles: Profiles) -> Iterator[Problem]:
    for model_name, given in given_cells(profiles):
        gpu_name, cell = given.gpu, given.profile
        gpu = profiles.gpus[gpu_name]
        if find_machine(gpu, cell) is not None:
            continue
        asked = cell.compute_class
        if asked is not None:
            field = "compute_class"
            classes = [machine.compute_class for machine in gpu.machines]
            message = (
                f"is not a compute class of {gpu_name}; known: {one_of(classes)}"
                f"{did_you_mean(asked, classes)}"
            )
        else:
            field = "tensor_parallel"
            most = max(machine.gpus for machine in gpu.machines)
            stages = cell.pipeline_parallel
            split = "" if stages == 1 else f" × pipeline_parallel {stages}"
            over = "" if cell.nodes == 1 else f" over {cell.nodes} nodes"
            message = f"is {cell.tensor_parallel}{split}{over}; the largest machine of {gpu_name} "
            message += f"has {most} GPUs"
        source = profiles.sources["models", model_name]
        yield source.problem((*given.path, field), message)


def _missing_geometry(profiles: Profiles) -> Iterator[Problem]:
    for name, model in profiles.models.items():
        source = profiles.sources["models", name]
        if (model.weights is None) != (model.geometry is None):
            given, lacking = ("geometry", "weights") if model.geometry else ("weights", "geometry")
            message = f"needs {lacking} beside it to judge the memory; give both or neither"
            yield source.problem((given,), message, at_key=True)
        for given_cell in model.every_cell:
            if given_cell.profile.max_model_len == "auto" and model.geometry is None:
                message = "is auto, which needs the model's weights and geometry; give a number"
                yield source.problem((*given_cell.path, "max_model_len"), message)


def _layer_sums(profiles: Profiles) -> Iterator[Problem]:
    for name, model in profiles.models.items():
        geometry = model.geometry
        if geometry is None or geometry.num_hidden_layers is None:
            continue
        total = sum(layers.count for layers in geometry.layers)
        if total != geometry.num_hidden_layers:
            message = f"is {geometry.num_hidden_layers}, and the layers add up to {total}"
            path = ("geometry", "num_hidden_layers")
            yield profiles.sources["models", name].problem(path, f"{message}; correct one of them")


def _contradictions(profiles: Profiles) -> Iterator[Problem]:
    for name, model in profiles.models.items():
        served: list[tuple[Path, ModelProfile]] = [((), model)]
        served += [
            (each.path, model.as_served_by(each.profile))
            for each in model.every_cell
            if each.profile.weights is not None
        ]
        for path, weighed in served:
            for index, found in memory_inputs.contradictions(weighed):
                message = f"{found}: total_gib contradicts it; keep the one that a log shows"
                yield profiles.sources["models", name].problem(
                    (*path, "weights", "measured", index, "gib"), message
                )


def _uncomputed_auto(profiles: Profiles) -> Iterator[Problem]:
    if profiles.platform is None:
        return
    for name, model in profiles.models.items():
        for given in model.every_cell:
            if given.profile.max_model_len != "auto" or model.geometry is None:
                continue
            engine = engine_of(profiles.platform.engine, [model.engine, given.profile.engine])
            fields = settings.settings((profiles.platform.inference, model, given.profile))
            message = _why_not_auto(profiles, model, given, fields, engine.version)
            if message:
                path = (*given.path, "max_model_len")
                yield profiles.sources["models", name].problem(path, message)


def _why_not_auto(
    profiles: Profiles, model: ModelProfile, given: GivenCell, fields: ServingFields, release: str
) -> str:
    gpu, cell = given.gpu, given.profile
    model = model.as_served_by(cell)
    uncomputed = memory_inputs.flags_of(model, cell, fields, release).uncomputed
    if uncomputed:
        return f"is auto, which can't be computed with {', '.join(uncomputed)}; give a number"
    machine = find_machine(profiles.gpus[gpu], cell) if gpu in profiles.gpus else None
    if machine is None or model.weights is None:  # reported by other checks
        return ""
    reason = memory_inputs.unjudged(model, cell, fields, machine.accelerator, release)
    return f"is auto, which can't be computed: {reason}; give a number" if reason else ""


def _directories(profiles: Profiles) -> Iterator[Problem]:
    owners: dict[str, tuple[_Key, str]] = {}
    for model, given in given_cells(profiles):
        key = (given.gpu, variant_name(model, given.variant))
        queued = profiles.gpus[given.gpu].queued
        directories = directory_names(*key, queued=queued)
        problem = names.check_rfc1123_label(directories[-1])
        if problem:
            message = f"gives the directory {directories[-1]!r}, which {problem}"
            yield _at_cell(profiles, model, given.path, message)
        for directory in directories:
            other, of_model = owners.setdefault(directory, (key, model))
            if (other, of_model) != (key, model):
                message = (
                    f"would write the directory {directory}, as {' × '.join(other)} does; "
                    f"rename the GPU type or the {'variant' if given.variant else 'model'}"
                )
                yield _at_cell(profiles, model, given.path, message)


def _composed_names(profiles: Profiles, cells: Iterable[Cell]) -> Iterator[Problem]:
    for cell in cells:
        for what, name, check in (
            ("workload name", cell.workload_name, names.check_rfc1035_label),
            ("service account", cell.service_account, names.check_rfc1123_label),
        ):
            problem = check(name)
            if problem:
                message = f"gives the {what} {name!r}, which {problem}"
                yield _at_cell(profiles, cell.model_name, cell.path, message)


def _shared_account(profiles: Profiles, cells: Iterable[Cell]) -> Iterator[Problem]:
    """Refuse a service account of both download and serving: deleting the former deletes it."""
    if profiles.platform is None:
        return
    account = profiles.platform.model_download.service_account
    serving = {cell.service_account for cell in cells}
    apart = profiles.platform.download_namespace != profiles.platform.namespace
    if account in serving and not apart:
        message = (
            f"is {account!r}, also the account of serving workloads: "
            "`kubectl delete -k model-download` would delete it under them; use two accounts"
        )
        source = profiles.sources["platform", "platform"]
        yield source.problem(("model_download", "service_account"), message)
