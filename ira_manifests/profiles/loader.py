"""Reads and checks a folder of profile files, and collects the problems of all files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from pydantic import ValidationError

from ira_manifests import files
from ira_manifests.errors import InputError, Problem
from ira_manifests.kubernetes import names
from ira_manifests.profile_files import (
    ENVIRONMENT_FOLDER,
    GPU_FOLDER,
    KNOWN_MODELS_FILE,
    MODEL_FOLDER,
    PLATFORM_FILE,
)
from ira_manifests.profiles import packaged, yaml_source
from ira_manifests.profiles.base import Profile
from ira_manifests.profiles.packaged import YAML_ENDINGS
from ira_manifests.profiles.packaged import folder as packaged_folder
from ira_manifests.profiles.platform import KnownModels, Platform
from ira_manifests.profiles.schema import GpuProfile, ModelProfile
from ira_manifests.profiles.source import Source
from ira_manifests.profiles.validation import problems_of
from ira_manifests.profiles.yaml_source import START, Document

P = TypeVar("P", bound=Profile)


@dataclass(frozen=True)
class Profiles:
    """Checked profiles by name, which is the file's name without its extension."""

    platform: Platform | None
    """None if its file is invalid; nothing can be rendered then."""
    gpus: Mapping[str, GpuProfile]
    models: Mapping[str, ModelProfile]
    sources: Mapping[tuple[str, str], Source]
    """(kind, name) to source; kinds are "gpus", "models", "platform" and "environments"."""
    known_model_ids: frozenset[str] = frozenset()
    options: frozenset[yaml_source.Path] = frozenset()
    """Paths of the platform's fields that an option of the same name overrides."""
    packaged: tuple[str, ...] = ()
    """What the folder lacks, so that it was read from the package: "platform.yaml", "gpus"."""
    environment: str = ""
    """The environment whose values are laid over the others; empty for the walkthrough's."""
    cluster: str | None = None
    """The name of the environment's cluster."""
    patterns: tuple[str, ...] = ()
    """The cells that the environment has, as `--only` names them; none: all."""

    def place_of_platform(self, *path: str | int) -> str:
        """Return the file and the line of a value of the platform, as "file:line"."""
        at = self.sources["platform", "platform"].at(path)
        return f"{at.file}:{at.line}"

    @property
    def of_environment(self) -> Source:
        """The environment's own file. Raises `KeyError` without an environment."""
        return self.sources[ENVIRONMENT_FOLDER, self.environment]


def find_folder(folder: str | os.PathLike[str] | None = None) -> Path:
    """Return the profiles folder: `folder` if given, else ./profiles, else the packaged copy.

    ./profiles is used only if it has an entry of a profiles folder, so that another program's
    folder of that name is ignored. Raises `InputError` if it is empty or can't be read, and if
    `folder` is not a folder.
    """
    if folder is not None:
        named = Path(folder)
        if not os.path.isdir(named):  # noqa: PTH112  Path.is_dir raises where a name is too long
            raise InputError(f"{named} is not a folder; name the folder that holds {PLATFORM_FILE}")
        return named
    local = Path("profiles")
    if not local.is_dir():
        return packaged_folder()
    try:
        held = {entry.name for entry in _entries(local)}
    except OSError as error:
        raise InputError(f"{local} can't be read: {files.reason(error)}") from None
    if not held:
        raise InputError(
            f"{local} is empty; fill it, remove it to use the profiles of the package, "
            "or name another folder with --profiles"
        )
    own = {PLATFORM_FILE, GPU_FOLDER, MODEL_FOLDER, ENVIRONMENT_FOLDER}
    return local if held & own else packaged_folder()


def _entries(folder: Path) -> list[Path]:
    """Return the entries of a folder, sorted, without hidden files; empty if it is not a folder.

    Raises `OSError` if it can't be read.
    """
    try:
        return sorted(each for each in folder.iterdir() if not each.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return []


def read_profiles(
    folder: Path, contents: Mapping[str, bytes] = MappingProxyType({})
) -> tuple[Profiles, list[Problem]]:
    """Read and check every file below `folder`; return the valid profiles and all problems.

    `contents`: what some files are taken to hold, by their path.

    A folder of models alone takes what it lacks from the package: `Profiles.packaged`. Invalid
    files and unreadable folders are problems.
    """
    reader = FolderReader(contents)
    entries = reader.entries(folder) or []
    taken = packaged.taken(entries)

    def place(name: str) -> Path:
        return (packaged_folder() if name in taken else folder) / name

    platform = reader.one("platform", place(PLATFORM_FILE), Platform)
    gpus = reader.all(place(GPU_FOLDER), GpuProfile)
    models = reader.all(place(MODEL_FOLDER), ModelProfile)
    known = None
    if os.path.lexists(place(KNOWN_MODELS_FILE)):
        known = reader.one("known-models", place(KNOWN_MODELS_FILE), KnownModels)
    reader.refuse_other_endings(entries)
    reader.problems += packaged.problems(entries)
    ids = frozenset(known.model_ids) if known else frozenset()
    profiles = Profiles(platform, gpus, models, reader.sources, ids, packaged=taken)
    return profiles, reader.problems


def with_model(profiles: Profiles, file: Path, content: bytes) -> tuple[Profiles, list[Problem]]:
    """Return the profiles with a model whose file has `content`, and the problems of that file.

    If there are problems, the profiles are unchanged. `file` need not exist.
    """
    reader = FolderReader()
    model = reader.one(MODEL_FOLDER, file, ModelProfile, content)
    if model is None:
        return profiles, reader.problems
    models = dict(sorted({**profiles.models, file.stem: model}.items()))
    sources = {**profiles.sources, **reader.sources}
    return replace(profiles, models=models, sources=sources), []


class FolderReader:
    """Reads profiles of folders, and collects their problems and their sources."""

    def __init__(self, contents: Mapping[str, bytes] = MappingProxyType({})) -> None:
        self._contents = contents
        self.problems: list[Problem] = []
        self.sources: dict[tuple[str, str], Source] = {}

    def all(self, folder: Path, model: type[P]) -> dict[str, P]:
        """Read every profile of one kind, whose folder has its name; sorted by name."""
        kind = folder.name
        profiles = self.yaml_files(folder)
        if profiles is not None and not profiles:
            message = f"holds no profile; add one file for each, such as {kind}/name.yaml"
            self.problems.append(Problem(str(folder), 1, 1, "", message))
        found = {file.stem: self.one(kind, file, model) for file in profiles or ()}
        return {name: profile for name, profile in found.items() if profile is not None}

    def yaml_files(self, folder: Path) -> list[Path] | None:
        """Return the profiles of a folder, sorted; None, with a problem, if it can't be read."""
        entries = self.entries(folder)
        if entries is None:
            return None
        self.refuse_other_endings(entries)
        self._refuse_folders(entries)
        return [file for file in entries if file.suffix == ".yaml"]

    def entries(self, folder: Path) -> list[Path] | None:
        """Return the entries of a folder; None, with a problem, if it can't be read."""
        try:
            return _entries(folder)
        except OSError as error:
            message = f"can't be read: {files.reason(error)}"
            self.problems.append(Problem(str(folder), *START, "", message))
            return None

    def refuse_other_endings(self, entries: Iterable[Path]) -> None:
        """Add a problem for each file that looks like a profile but is not read."""
        self.problems += [
            Problem(str(file), 1, 1, "", "is not read; name it with the ending .yaml")
            for file in entries
            if file.suffix.lower() in YAML_ENDINGS and file.suffix != ".yaml"
        ]

    def _refuse_folders(self, entries: Iterable[Path]) -> None:
        """Add a problem for each folder with files that look like profiles but are not read."""
        message = "is a folder, whose files are not read; move them to the folder above"
        for entry in entries:
            # Path.is_dir raises where the folder may be listed and not entered.
            if os.path.isdir(entry) and not entry.name.startswith("."):  # noqa: PTH112
                inner = self.entries(entry) or ()
                if any(file.suffix.lower() in YAML_ENDINGS for file in inner):
                    self.problems.append(Problem(str(entry), *START, "", message))

    def one(self, kind: str, file: Path, model: type[P], content: bytes | None = None) -> P | None:
        """Read one profile, from `content` if given; None if it has problems."""
        before = len(self.problems)
        source = self.document(kind, file, content)
        profile = None if source is None else self.validated(source, model)
        return profile if len(self.problems) == before else None

    def document(self, kind: str, file: Path, content: bytes | None = None) -> Source | None:
        """Read the values of one file; None, with a problem, if it has none."""
        before = len(self.problems)
        content = self._contents.get(str(file)) if content is None else content
        source = self._read(kind, file) if content is None else self._parsed(file, content)
        if source is None:
            return None
        self.sources[kind, file.stem] = source
        problem = names.check_rfc1123_label(file.stem)
        if problem:
            message = f"the file's name is the profile's, and {file.stem!r} {problem}"
            self.problems.append(Problem(source.file, 1, 1, "", message))
        if source.document.data is None and len(self.problems) == before:
            message = "is empty; write the fields of the profile, or remove the file"
            self.problems.append(Problem(source.file, 1, 1, "", message))
        if len(self.problems) > before and source.document.data is None:
            return None
        return source

    def validated(self, source: Source, model: type[P]) -> P | None:
        """Return the profile that a file's values are; None, with problems, if they are none."""
        try:
            return model.model_validate(source.document.data)
        except ValidationError as error:
            self.problems += problems_of(source, model, error)
            return None

    def _read(self, kind: str, file: Path) -> Source | None:
        try:
            content = files.read_regular(file, yaml_source.MAX_BYTES + 1)
        except OSError as error:
            message = f"can't be read: {files.reason(error)}"
            self.problems.append(Problem(str(file), *START, "", message))
            self.sources[kind, file.stem] = Source(str(file), Document())  # the name is known
            return None
        return self._parsed(file, content)

    def _parsed(self, file: Path, content: bytes) -> Source:
        document, problems = yaml_source.read(str(file), content)
        self.problems += problems
        return Source(str(file), document)
