"""A model's repository on the Hub, as files to read; and the same model in the Hub's cache."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from huggingface_hub import try_to_load_from_cache

from ira_manifests.errors import InputError
from ira_manifests.hub import parallel
from ira_manifests.hub.client import Client
from ira_manifests.hub.library import Settings
from ira_manifests.hub.refusals import Asked, _MissingError
from ira_manifests.model_files import Folder, ModelFiles, read_source

_MOST_LISTING_BYTES = 32 << 20
_AT_ONCE = 8  # requests
_CONFIG_FILE = "config.json"
_OTHER_KINDS = {"datasets": "a dataset", "spaces": "a Space"}

T = TypeVar("T")


@dataclass(frozen=True)
class _File:
    """A file as the Hub lists it. `is_large`: kept in another store, to which the Hub redirects."""

    size: int
    is_large: bool


@dataclass(frozen=True)
class Repository:
    """A commit of a model's repository."""

    client: Client
    model_id: str
    commit: str
    files: Mapping[str, _File]
    is_complete = True

    @property
    def names(self) -> Collection[str]:
        """The names of the files at the top."""
        return self.files.keys()

    def place(self, name: str = "") -> str:
        """Return a file in words."""
        return f"{name} of {self.model_id}" if name else self.model_id

    def size(self, name: str) -> int:
        """Return the bytes of a file, as listed."""
        return self.files[name].size

    def start(self, name: str, count: int) -> bytes:
        """Return the first bytes of a file, from the cache if it is there."""
        file = self.files[name]
        cached = _cached(self.model_id, self.commit, name)
        if cached is not None and cached.stat().st_size == file.size:
            return Folder(cached.parent).start(name, count)
        address = f"{self._root}/resolve/{self.commit}/{quote(name)}"
        in_part = file.size > count
        found = self.client.get(
            address, self.place(name), count, in_part=in_part, may_leave=file.is_large
        )
        if (found.size is not None and found.size != file.size) or (
            len(found.content) != min(count, file.size)
        ):
            raise InputError(
                f"{self.place(name)} has {found.size or len(found.content)} bytes, and the Hub "
                f"lists it with {file.size}"
            )
        return found.content

    def each(self, work: Callable[[str], T], names: Sequence[str]) -> list[T]:
        """Return what `work` returns for each file; some are requested at the same time."""
        return parallel.each(work, names, threads=_AT_ONCE)

    @property
    def _root(self) -> str:
        return f"{self.client.settings.endpoint}/{self.model_id}"


def read(found: Settings, model_id: str, revision: str | None, seconds: float) -> ModelFiles:
    """Return what the files of a model say, from the Hub or offline from its cache.

    Raises as `ira_manifests.hub.read`.
    """
    work = _from_cache if found.is_offline else _from_hub
    try:
        (files,) = parallel.each(partial(work, found, model_id), [revision], seconds=seconds)
    except TimeoutError:
        raise InputError(
            f"{model_id} could not be read from the Hub within {seconds:g} seconds; --from reads a "
            "folder of its files"
        ) from None
    return files


def _from_cache(found: Settings, model_id: str, revision: str | None) -> ModelFiles:
    config = _cached(model_id, revision, _CONFIG_FILE)
    if config is None:
        at = f" at {revision}" if revision else ""
        raise InputError(
            f"{model_id}{at} is not in the Hub's cache ({found.cache}), and HF_HUB_OFFLINE is set"
        )
    snapshot = config.parent
    return replace(read_source(Folder(snapshot)), model_id=model_id, commit=snapshot.name)


def _from_hub(found: Settings, model_id: str, revision: str | None) -> ModelFiles:
    asked = Asked(_public(found.endpoint), model_id, revision, found.token is not None)
    client = Client(found, asked)
    try:
        repository = _listed(client)
    except _MissingError:
        _refuse_other_kinds(client)
        raise
    files = read_source(repository)
    return replace(files, model_id=repository.model_id, commit=repository.commit)


def _public(endpoint: str) -> str:
    """Return an address without user and password."""
    scheme, _, rest = endpoint.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _listed(client: Client) -> Repository:
    """Return the repository at the commit that the revision is now."""
    asked = client.asked
    revision = f"/revision/{quote(asked.revision, safe='')}" if asked.revision else ""
    address = f"{client.settings.endpoint}/api/models/{asked.model_id}{revision}?blobs=true"
    found = client.get(address, "the list of files", _MOST_LISTING_BYTES)
    try:
        about = json.loads(found.content)
        files = dict(map(_file, about["siblings"]))
        model_id, commit = about["id"], about["sha"]
    except (ValueError, RecursionError, KeyError, TypeError):
        files, model_id, commit = {}, "", ""
    if not isinstance(model_id, str) or not re.fullmatch(r"[0-9a-f]{40}", str(commit)):
        raise InputError(
            f"{asked.endpoint} does not list the files of {asked.model_id} as the Hub does; see "
            "HF_ENDPOINT"
        )
    at_top = {name: file for name, file in files.items() if "/" not in name}
    return Repository(client, model_id, str(commit), at_top)


def _file(sibling: Mapping[str, Any]) -> tuple[str, _File]:
    """Return a file's name and properties; raises KeyError, TypeError or ValueError."""
    name, size = sibling["rfilename"], sibling["size"]
    if not isinstance(name, str) or isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise ValueError(name)
    return name, _File(size, bool(sibling.get("lfs")))


def _refuse_other_kinds(client: Client) -> None:
    """Raise InputError where the id is that of a dataset or of a Space."""
    for kind, words in _OTHER_KINDS.items():
        if _has(client, kind):
            raise InputError(f"{client.asked.model_id} is {words} on the Hub, not a model")


def _has(client: Client, kind: str) -> bool:
    """Return whether the id is one of another kind of repository."""
    address = f"{client.settings.endpoint}/api/{kind}/{client.asked.model_id}"
    try:
        client.get(address, "the list of files", 1)
    except InputError:
        return False
    return True


def _cached(model_id: str, revision: str | None, name: str) -> Path | None:
    """Return a file's copy in the Hub's cache, or None."""
    try:
        found = try_to_load_from_cache(model_id, name, revision=revision)
    except (OSError, ValueError):
        return None
    return Path(found) if isinstance(found, str) else None
