"""Selects the files of a model's repository to download, as `download_model.sh` does."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import PurePosixPath

from ira_manifests.kubernetes import names
from ira_manifests.profiles.platform import Platform
from ira_manifests.profiles.schema import DownloadProfile, ModelProfile


def taken(platform: Platform, model: ModelProfile, paths: Iterable[str]) -> set[str]:
    """Return the paths of a repository that are downloaded."""
    own = model.download or DownloadProfile()
    download = platform.model_download
    kept = {path for path in paths if _matches(path, own.keep)}
    left = (*download.exclude, *own.exclude)
    found = kept | {path for path in paths if not _matches(path, left)}
    doubles = download.exclude_beside_safetensors
    plain = {path for path in found if path in kept or not _matches(path, doubles)}
    served = {PurePosixPath(path).parent for path in plain if path.endswith(".safetensors")}
    return plain | {path for path in found if PurePosixPath(path).parent not in served}


def excluded(platform: Platform, model: ModelProfile, path: str) -> bool:
    """Return whether a file is not downloaded, assuming model.safetensors in the same folder."""
    beside = str(PurePosixPath(path).with_name("model.safetensors"))
    return path not in taken(platform, model, [path, beside])


def _matches(path: str, patterns: Collection[str]) -> bool:
    return any(names.matches_glob(path, pattern) for pattern in patterns)
