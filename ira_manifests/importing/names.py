"""Names of profiles, and templates of names, that give back the names of a tree."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import NamedTuple

from ira_manifests.importing.reading import Found
from ira_manifests.kubernetes import names
from ira_manifests.layout import CELLS
from ira_manifests.profiles.cell import QUEUED_SUFFIX

_AFFIXES = (CELLS, "vllm-", "llm-", "inference-")
_MOST = 40


class Named(NamedTuple):
    """A name of the tree, and the names of the profiles that it is to follow from."""

    name: str
    gpu: str
    model: str


def stems(found: Found) -> Iterator[str]:
    """Yield what may be the model's name in a tree: of the folder, then of the workload."""
    for name in (PurePath(found.unit).name, found.workload.name):
        stem = name.removesuffix(QUEUED_SUFFIX)
        for affix in _AFFIXES:
            stem = stem.removeprefix(affix)
        parts = re.split(rf"(?:^|-){re.escape(found.hardware.gpu_name)}(?:-|$)", stem, maxsplit=1)
        if len(parts) > 1:
            yield slug("-".join(filter(None, parts)))


def slug(text: str) -> str:
    """Return a text as the name of a profile; may be empty."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower())[:_MOST].strip("-")


def of_models(founds: Iterable[Found], known: Mapping[str, str]) -> dict[str, str]:
    """Return the name of each model's profile by its id.

    It is the one with which the names of all of its servers begin in the tree, else that of
    `known`, by id, else its own. No two have one name.
    """
    by_id: dict[str, list[Found]] = {}
    for found in founds:
        by_id.setdefault(found.model_id, []).append(found)
    taken: dict[str, str] = {}
    for model_id, its in sorted(by_id.items()):
        every = [list(stems(found)) for found in its]
        possible = dict.fromkeys(stem for each in every for stem in each)
        shared = [one for one in possible if all(_begins(each, one) for each in every)]
        usual = slug(model_id.rpartition("/")[2]) or "model"
        chosen = [*shared, known.get(model_id, usual), usual, slug(model_id)]
        free = (name for name in chosen if name and name not in taken)
        taken[next(free, f"{usual}-{len(taken)}")] = model_id
    return {model_id: name for name, model_id in taken.items()}


def template(named: Sequence[Named], default: str, *, gpus: bool = True) -> str:
    """Return the template that most names follow. `gpus`: whether it may have {gpu}."""
    check = names.check_workload_template if gpus else names.check_account_template
    counts: Counter[str] = Counter()
    for possible in {default, *(text for each in named for text in _templates(each, gpus=gpus))}:
        if check(possible) is None:
            counts[possible] = sum(_filled(possible, each) == each.name for each in named)
    best = max(counts.values(), default=0)
    if not best or counts[default] == best:
        return default
    return min(each for each, hits in counts.items() if hits == best)


def _templates(each: Named, *, gpus: bool) -> Iterator[str]:
    """Yield the templates that a name may be from."""
    for model in (each.model, ""):
        text = _replaced(each.name, model, "{model}")
        yield _replaced(text, each.gpu, "{gpu}") if gpus else text


def _replaced(text: str, word: str, by: str) -> str:
    return re.sub(rf"(?<![a-z0-9]){re.escape(word)}(?![a-z0-9])", by, text) if word else text


def _filled(text: str, each: Named) -> str:
    return text.replace("{gpu}", each.gpu).replace("{model}", each.model)


def _begins(names_of_one: Sequence[str], name: str) -> bool:
    return any(each == name or each.startswith(f"{name}-") for each in names_of_one)


def variants(cells: Sequence[Found], model: str) -> list[str]:
    """Return the variant of each cell of one model on one GPU type; empty for an only cell."""
    if len(cells) == 1:
        longer = (stem for stem in stems(cells[0]) if stem.startswith(f"{model}-"))
        return [next(longer, "").removeprefix(f"{model}-")]
    taken: list[str] = []
    for found in cells:
        its = list(stems(found))
        own = [stem.removeprefix(f"{model}-") for stem in its if stem.startswith(f"{model}-")]
        own = ["default", *own] if model in its else own
        own += [slug(found.workload.name), f"variant-{len(taken) + 1}"]
        free = (name for name in own if name and name not in taken)
        taken.append(next(free))
    return taken
