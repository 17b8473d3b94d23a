"""The user's files in `base/`: where they are, what they hold, and what a synth does with them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ira_manifests import files
from ira_manifests.errors import OutputError
from ira_manifests.layout import BASE, BASE_LINK
from ira_manifests.output import env_file
from ira_manifests.output.transaction import Changes, explained

# Paths for messages; a synth writes to the link's target.
_CONFIG = f"{BASE_LINK}/{env_file.MODEL_CONFIG}"
_TOKEN = f"{BASE_LINK}/{env_file.TOKEN}"
PATHS = frozenset(f"{folder}/{name}" for folder in (BASE, BASE_LINK) for name in env_file.FILES)
"""Where they may be, in the output folder."""


@dataclass(frozen=True)
class UserFiles:
    """What was done with the user's files in `base/`."""

    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    unlinked: tuple[str, ...] = ()
    """Updated files that had another hard link, which keeps the old content."""
    unread: tuple[str, ...] = ()
    """Files that are there, and that no directory reads."""
    model_config: bytes = b""
    """The new content of the model config."""


def token_path(folder: Path) -> Path:
    """Return the path of the token's file."""
    return _users(folder) / env_file.TOKEN


def config_path(folder: Path) -> Path:
    """Return the path of the model config, which names the bucket and the model to download."""
    return _users(folder) / env_file.MODEL_CONFIG


def _users(folder: Path) -> Path:
    """Return the folder of the user's files, through the link if there is one."""
    link = folder / BASE_LINK
    return link if link.is_symlink() and link.is_dir() else folder / BASE


def token_file(folder: Path) -> bytes | None:
    """Read the user's token, for `check` alone, or None where there is no such file.

    Raises `OutputError` where it can't be read.
    """
    return _user_file(token_path(folder))


def model_config(folder: Path) -> bytes | None:
    """Read the user's model config, or None where there is no such file.

    Raises `OutputError` where it can't be read.
    """
    return _user_file(config_path(folder))


def _user_file(path: Path) -> bytes | None:
    with explained(path):
        return files.read_regular(path, env_file.MAX_BYTES + 1) if os.path.lexists(path) else None


def present(folder: Path) -> tuple[str, ...]:
    """Return the user's files in a folder; none is opened."""
    folders = (BASE,) if (folder / BASE_LINK).is_symlink() else (BASE, BASE_LINK)
    paths = (f"{each}/{name}" for each in folders for name in env_file.FILES)
    return tuple(path for path in paths if (folder / path).is_file())


def schedule(
    folder: Path, changes: Changes, values: Mapping[str, str], needs_token: bool
) -> UserFiles:
    """Schedule what is to be done with the user's files, which the walkthrough alone has."""
    moving = _adopted(folder, changes)
    token = _new_token(folder, changes, moving) if needs_token else ()
    users = _model_config(folder, values, changes, moving)
    return replace(users, created=(*token, *users.created))


def _adopted(folder: Path, changes: Changes) -> dict[str, Path]:
    """Schedule moves of the user's files from a folder in the link's place; return them by name.

    Such a folder comes from an older release, from a copy without links, or from the user. Raises
    `OutputError` if both places hold values. The token's file is moved without being read.
    """
    moving: dict[str, Path] = {}
    if (folder / BASE_LINK).is_symlink():
        return moving
    for name in env_file.FILES:
        theirs, place = folder / BASE_LINK / name, folder / BASE / name
        if theirs.is_symlink():
            raise OutputError(
                f"{theirs} is a link; move its target to {place}, and remove the link"
            )
        if not theirs.exists():
            continue
        if not os.path.lexists(place) or _may_give_way(place):
            changes.move(theirs, place)
            moving[name] = theirs
        elif name == env_file.MODEL_CONFIG and _filled_in(theirs) in ({}, _filled_in(place)):
            changes.remove(theirs)
        else:
            raise OutputError(
                f"{theirs} and {place} both exist, and only the second is read; correct the "
                "second, remove the first, and run synth again"
            )
    return moving


def _may_give_way(place: Path) -> bool:
    """Return whether a user's file has no value yet; a token's file is not read."""
    return place.name == env_file.MODEL_CONFIG and not _filled_in(place)


def _filled_in(path: Path) -> dict[str, str]:
    return env_file.filled_in(files.read_regular(path, env_file.MAX_BYTES))


def _new_token(folder: Path, changes: Changes, moving: Mapping[str, Path]) -> tuple[str, ...]:
    token = token_path(folder)
    if env_file.TOKEN in moving or os.path.lexists(token):
        return ()
    changes.add(token, env_file.NEW_TOKEN, mode=0o600)
    return (_TOKEN,)


def _model_config(
    folder: Path, values: Mapping[str, str], changes: Changes, moving: Mapping[str, Path]
) -> UserFiles:
    place = config_path(folder)
    config = moving.get(env_file.MODEL_CONFIG, place)
    if not os.path.lexists(config):
        content = env_file.with_values(env_file.NEW_MODEL_CONFIG, values)
        changes.add(config, content, durable=True)
        return UserFiles(created=(_CONFIG,), model_config=content)
    before = files.read_regular(config, env_file.MAX_BYTES + 1)
    after = env_file.with_values(before, values)
    if after == before:
        return UserFiles(model_config=before)
    if len(before) > env_file.MAX_BYTES:
        raise OutputError(
            f"{config} has more than {env_file.MAX_BYTES} bytes, so synth can't edit it"
        )
    status = config.stat()
    if not status.st_mode & 0o222 or not os.access(config, os.W_OK):
        raise OutputError(f"{config} is read-only; make it writable, or edit it yourself")
    # A link stays; its target is changed.
    changes.add(place.resolve(), after, like=config.resolve(), durable=True)
    unlinked = (_CONFIG,) if status.st_nlink > 1 else ()
    return UserFiles((), (_CONFIG,), unlinked, model_config=after)
