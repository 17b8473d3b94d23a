"""Validation of engines: that image, tag, digest, release and user are of one another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from ira_manifests.errors import Problem
from ira_manifests.kubernetes import names
from ira_manifests.profiles.engine import Engine, engine_of
from ira_manifests.profiles.loader import Profiles
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.vllm import Release, images
from ira_manifests.vllm.server import find_server


class _Given(NamedTuple):
    """An engine as one level of the profiles gives it, with the levels around that."""

    engine: Engine
    problem: Callable[..., Problem]
    """Returns a problem at a field of the level, or else at the level's engine."""


def problems(profiles: Profiles) -> Iterator[Problem]:
    """Yield what contradicts itself in the platform's engine, a model's or a cell's."""
    for given in _engines(profiles):
        for check in (_image, _read_only_root, _command):
            yield from check(given)


def _engines(profiles: Profiles) -> Iterator[_Given]:
    if profiles.platform is None:
        return
    outer = profiles.platform.engine
    yield _Given(outer, _at(profiles, ("platform", "platform"), ()))
    for name, model in profiles.models.items():
        source = ("models", name)
        if model.engine is not None:
            yield _Given(engine_of(outer, [model.engine]), _at(profiles, source, ()))
        for given in model.every_cell:
            if given.profile.engine is not None:
                own = engine_of(outer, [model.engine, given.profile.engine])
                yield _Given(own, _at(profiles, source, given.path))


def _at(profiles: Profiles, source: tuple[str, str], level: Path) -> Callable[..., Problem]:
    def problem(field: str, message: str) -> Problem:
        return profiles.sources[source].problem((*level, "engine", field), message)

    return problem


def _image(given: _Given) -> Iterator[Problem]:
    engine = given.engine
    if engine.tag is None:
        if engine.digest is None and not images.is_vllms_own(engine.image):
            message = "needs a tag or a digest beside it: its tags are not known, as vLLM's own are"
            yield given.problem("image", message)
        return
    if engine.digest is None and names.is_moving(engine.tag):
        message = f"{engine.tag!r} moves with every build; give the digest beside it"
        yield given.problem("tag", message)
    named = images.release_of(engine.reference)
    if named and named != Release.parse(engine.version):
        message = f"{engine.tag!r} is release {named}, and version is {engine.version}"
        yield given.problem("tag", f"{message}; make them one release")


def _read_only_root(given: _Given) -> Iterator[Problem]:
    if given.engine.read_only_root and given.engine.run_as_user is None:
        message = "needs run_as_user: what root writes in the image is not known; remove the line"
        yield given.problem("read_only_root", message)


def _command(given: _Given) -> Iterator[Problem]:
    command, engine = given.engine.command, given.engine
    known = find_server(command, [], image=engine.image, release=engine.version, variables={})
    if known is None or known.words:
        message = (
            f"is {' '.join(command)!r}, which starts no server that is known; use vllm serve, or "
            "python3 -m vllm.entrypoints.openai.api_server, without arguments"
        )
        yield given.problem("command", message)
