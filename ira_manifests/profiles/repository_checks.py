"""Validation of the repositories that models need: one folder of the bucket holds one of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ira_manifests.errors import Problem
from ira_manifests.profiles import repositories
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.loader import Profiles
from ira_manifests.profiles.pod_checks import problem_at
from ira_manifests.profiles.settings import LEVELS, level_of


def problems(profiles: Profiles, cells: Iterable[Cell]) -> Iterator[Problem]:
    """Yield what is wrong with the repositories of models and cells."""
    yield from _unequal(profiles)
    yield from _missing_weights(profiles)
    for cell in cells:
        yield from _adapters(profiles, cell)
        yield from _needless(profiles, cell)


def _unequal(profiles: Profiles) -> Iterator[Problem]:
    """Refuse two downloads of one repository that differ: the later one replaces the earlier."""
    first: dict[str, tuple[str, repositories.Repository]] = {}
    for name, model in profiles.models.items():
        for each in repositories.of_model(model):
            other_name, other = first.setdefault(each.model_id, (name, each))
            field = next(
                (key for key in _COMPARED if getattr(other, key) != getattr(each, key)), ""
            )
            if field:
                where = ".".join(map(str, other.path))
                place = f"models/{other_name}.yaml{', ' * bool(where)}{where}"
                message = (
                    f"is {each.model_id}, as that of {place}, and both are one folder of the "
                    f"bucket; give them the same `{field}`"
                )
                yield profiles.sources["models", name].problem((*each.path, "model_id"), message)


_COMPARED = ("download", "revision")


def _missing_weights(profiles: Profiles) -> Iterator[Problem]:
    """Refuse another repository whose weights are not known where those of the model are."""
    for name, model in profiles.models.items():
        for given in model.every_cell:
            cell = given.profile
            if cell.model_id is None:
                continue
            path = (*given.path, "model_id")
            if cell.model_id == model.model_id:
                message = "is the model's own; leave it out, or name another repository"
                yield profiles.sources["models", name].problem(path, message)
                continue
            if model.weights is not None and cell.weights is None:
                message = (
                    "is another repository than the model's, whose weights are not those of "
                    "this one; add `weights` to the cell"
                )
                yield profiles.sources["models", name].problem(path, message)
            if model.geometry is None and cell.weights is not None:
                message = "needs the model's geometry beside it to judge the memory"
                yield profiles.sources["models", name].problem(
                    (*given.path, "weights"), message, at_key=True
                )


def _adapters(profiles: Profiles, cell: Cell) -> Iterator[Problem]:
    """Refuse names and folders that are taken: the server would answer with another model."""
    names = cell.settings.served_model_names or (cell.model.model_id, cell.mount_path)
    taken = dict.fromkeys(names, "is a name of the model itself")
    for index, adapter in enumerate(cell.settings.lora_adapters):
        where = ("lora_adapters", index)
        if adapter.name in taken:
            message = f"is {adapter.name!r}, which {taken[adapter.name]}; choose another"
            yield problem_at(profiles, cell, (*where, "name"), message)
        taken[adapter.name] = "is the name of another adapter"
    for each in cell.repositories:
        if each.model_id == cell.model.model_id:
            message = f"is {each.model_id}, the model itself; name another repository"
            yield problem_at(profiles, cell, (*each.path, "model_id"), message)


_OF_ADAPTERS = ("max_loras", "max_lora_rank")


def _needless(profiles: Profiles, cell: Cell) -> Iterator[Problem]:
    """Refuse fields of adapters where there are none; those of all cells may be for others."""
    if cell.settings.lora_adapters:
        return
    for field in _OF_ADAPTERS:
        level, _ = level_of(cell.levels, (field,))
        if getattr(cell.settings, field) is not None and LEVELS[level] != "platform":
            message = "is of adapters, and there are none; add lora_adapters, or leave it out"
            yield problem_at(profiles, cell, (field,), message)
