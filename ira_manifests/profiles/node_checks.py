"""Validation of cells of several nodes: what such a server and its LeaderWorkerSet can't have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ira_manifests.errors import Problem
from ira_manifests.kubernetes import leader_worker_set as lws
from ira_manifests.kubernetes.patterns import MAX_LABEL
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.engine import SERVE
from ira_manifests.profiles.loader import Profiles
from ira_manifests.profiles.pod_checks import problem_at
from ira_manifests.vllm import Release, given_options, settings
from ira_manifests.vllm.multiple_nodes import SINCE

# The name is that of the leader's Pod with "-0" and of a worker's with "-0-1" to "-999-63" after
# it, and a label of each Pod.
_LONGEST_NAME = MAX_LABEL - len("-999-63")

# Fields that say what can't be said of a group of Pods.
_NOT_OF_GROUPS = {
    "strategy": "a LeaderWorkerSet replaces one group after another",
    "topology_spread": "the Pods of a group would be counted as if each were a server",
    "network_access": "the Pods of a group talk to each other at ports chosen at run time",
    "disruption_budget": "it would count leaders alone, and any Pod that leaves ends its group",
}


def problems(profiles: Profiles, cells: Iterable[Cell]) -> Iterator[Problem]:
    """Yield what contradicts `nodes` of a cell."""
    for cell in cells:
        if cell.profile.nodes == 1:
            continue
        source = profiles.sources["models", cell.model_name]
        for message in (*_split(cell), *_engine(cell), *_name(cell)):
            yield source.problem((*cell.path, "nodes"), message)
        for field, why in _NOT_OF_GROUPS.items():
            if getattr(cell.settings, field):
                message = f"can't be given with nodes: {why}; remove one of the two"
                yield problem_at(profiles, cell, (field,), message)
        for name in (each for each in lws.VARIABLES if each in cell.settings.env):
            message = "is what the controller of LeaderWorkerSets gives each Pod; remove it"
            yield problem_at(profiles, cell, ("env", name), message)
        words, release = cell.settings.args, cell.engine.version
        backend = settings(words, release).get(_BACKEND, "mp")
        for option, index in given_options(words, release) if backend != "mp" else ():
            if option == _BACKEND:
                message = f"is {backend}, and a server on several nodes needs mp; remove the option"
                yield problem_at(profiles, cell, ("args", index), message)


_BACKEND = "--distributed-executor-backend"


def _split(cell: Cell) -> Iterator[str]:
    profile = cell.profile
    if profile.all_gpus % profile.nodes:
        yield (
            f"is {profile.nodes}, which does not divide the {profile.all_gpus} GPUs of "
            f"tensor_parallel {profile.tensor_parallel} × pipeline_parallel "
            f"{profile.pipeline_parallel}; each node must have as many"
        )


def _engine(cell: Cell) -> Iterator[str]:
    engine = cell.engine
    if Release.parse(engine.version) < SINCE:
        yield (
            f"needs vLLM {SINCE} or newer, which starts without Ray on several nodes; the "
            f"engine's release is {engine.version}"
        )
    if engine.command[-1] != SERVE[-1]:
        yield (
            f"needs the command {' '.join(SERVE)}, which alone starts workers; the engine's "
            f"command is {' '.join(engine.command)}"
        )


def _name(cell: Cell) -> Iterator[str]:
    if len(cell.workload_name) > _LONGEST_NAME:
        yield (
            f"makes {cell.workload_name!r} the beginning of Pods' names, which must have at most "
            f"{_LONGEST_NAME} characters; shorten inference.workload_name or the variant"
        )
