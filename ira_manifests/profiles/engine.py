"""The inference engine of a cell: its image and its release."""

# No annotations from __future__ here: pydantic would have to evaluate their text at every start.
from collections.abc import Collection, Sequence
from typing import Annotated

from pydantic import Field

from ira_manifests.profiles.base import Profile
from ira_manifests.profiles.fields import (
    NOT_EMPTY,
    Digest,
    EngineRelease,
    Repository,
    Tag,
    UserId,
    Word,
)
from ira_manifests.vllm import images
from ira_manifests.vllm.draining import Drain, drain

_StartupSeconds = Annotated[int, Field(ge=600, le=86400)]
_DrainSeconds = Annotated[int, Field(ge=0, le=3600)]
Command = Annotated[tuple[Word, ...], NOT_EMPTY]

SERVE = ("vllm", "serve")
"""The entry that every release of vLLM knows."""


class Engine(Profile):
    """vLLM's OpenAI-compatible server."""

    image: Repository
    """The image's registry and path."""
    version: EngineRelease
    """The release in the image, which determines the known options and the memory estimate.

    Every published release from 0.8.4 on is accepted, and release candidates: their options are not
    known (IRA032), and their memory is that of the release before or after, whichever needs more.
    """
    tag: Tag | None = None
    """The image's tag; the default for vLLM's own image is "v" and the version."""
    digest: Digest | None = None
    """The digest of the image with that tag; if given, a registry ignores the tag."""
    command: Command = SERVE
    """What the container runs with the server's arguments."""
    run_as_user: UserId | None = None
    """A non-root user id of the image; without one, the image's default user runs."""
    read_only_root: bool = False
    """Whether the image works with a read-only root file system and /tmp as its home directory."""
    startup_seconds: _StartupSeconds
    """The maximum time to wait for a model to load."""
    drain_seconds: _DrainSeconds = 0
    """How long a terminating server continues its running requests; 0 aborts them."""

    @property
    def drain(self) -> Drain | None:
        """The durations of draining; None if requests are not drained."""
        return drain(self.drain_seconds, self.version)

    @property
    def reference(self) -> str:
        """The image reference of the container: path, tag, and the digest if there is one."""
        tag = self.tag or (f"v{self.version}" if images.is_vllms_own(self.image) else None)
        tagged = self.image if tag is None else f"{self.image}:{tag}"
        return tagged if self.digest is None else f"{tagged}@{self.digest}"


class OwnEngine(Profile):
    """What differs from the platform's engine, for one model or one cell."""

    image: Repository | None = None
    """Another image. The platform's tag, digest, user and root file system are not this one's."""
    version: EngineRelease | None = None
    """Another release. The platform's tag and digest are not this one's."""
    tag: Tag | None = None
    digest: Digest | None = None
    command: Command | None = None
    run_as_user: UserId | None = None
    read_only_root: bool | None = None
    startup_seconds: _StartupSeconds | None = None
    drain_seconds: _DrainSeconds | None = None


_OF_TAG = ("tag", "digest")
_OF_IMAGE = (*_OF_TAG, "command", "run_as_user", "read_only_root")


def engine_of(platform: Engine, own: Sequence[OwnEngine | None]) -> Engine:
    """Return the engine of a cell. `own`: what its model and the cell itself say of it."""
    engine = platform
    for level in own:
        if level is None:
            continue
        given = level.model_dump(exclude_none=True)
        unknown = {name: Engine.model_fields[name].default for name in _unknown_of(given)}
        engine = engine.model_copy(update={**unknown, **given})
    return engine


def level_of(own: Sequence[OwnEngine | None], field: str) -> int:
    """Return the level that decides a field: 0 for the platform's, then those of `own`."""
    decides = 0
    for number, level in enumerate(own, start=1):
        given = {} if level is None else level.model_dump(exclude_none=True)
        if field in given:
            decides = number
    return decides


def _unknown_of(given: Collection[str]) -> tuple[str, ...]:
    """Return the fields of which the outer level knows nothing: they were of another image."""
    if "image" in given:
        return _OF_IMAGE
    if "version" in given:
        return _OF_TAG
    return ("digest",) if "tag" in given else ()
