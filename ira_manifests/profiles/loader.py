"""Reads and checks a folder of profile files, and collects the problems of all files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from ira_manifests import files
from ira_manifests.errors import InputError, Problem, did_you_mean, one_of
from ira_manifests.kubernetes import names
from ira_manifests.profiles import packaged, yaml_source
from ira_manifests.profiles.base import Profile
from ira_manifests.profiles.packaged import (
    GPU_FOLDER,
    KNOWN_MODELS_FILE,
    MODEL_FOLDER,
    PLATFORM_FILE,
    YAML_ENDINGS,
)
from ira_manifests.profiles.packaged import folder as packaged_folder
from ira_manifests.profiles.platform import KnownModels, Platform
from ira_manifests.profiles.schema import GpuProfile, ModelProfile
from ira_manifests.profiles.suggestions import suggestion
from ira_manifests.profiles.yaml_source import START, Document

_MOST_LISTED = 15

P = TypeVar("P", bound=Profile)


@dataclass(frozen=True)
class Source:
    """One profile file: its name in messages, and the places of its values."""

    file: str
    document: Document

    def problem(self, path: yaml_source.Path, message: str, *, at_key: bool = False) -> Problem:
        """Return a problem at the value of `path`, or at its key."""
        place = self.document.keys.get(path) if at_key else None
        line, column = place or self.document.place(path)
        return Problem(self.file, line, column, yaml_source.dotted(path), message)


@dataclass(frozen=True)
class Profiles:
    """Checked profiles by name, which is the file's name without its extension."""

    platform: Platform | None
    """None if its file is invalid; nothing can be rendered then."""
    gpus: Mapping[str, GpuProfile]
    models: Mapping[str, ModelProfile]
    sources: Mapping[tuple[str, str], Source]
    """(kind, name) to source; kinds are "gpus", "models" and "platform"."""
    known_model_ids: frozenset[str] = frozenset()
    options: frozenset[yaml_source.Path] = frozenset()
    """Paths of the platform's fields that an option of the same name overrides."""
    packaged: tuple[str, ...] = ()
    """What the folder lacks, so that it was read from the package: "platform.yaml", "gpus"."""


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
    return local if held & {PLATFORM_FILE, GPU_FOLDER, MODEL_FOLDER} else packaged_folder()


def _entries(folder: Path) -> list[Path]:
    """Return the entries of a folder, sorted, without hidden files; empty if it is not a folder.

    Raises `OSError` if it can't be read.
    """
    try:
        return sorted(each for each in folder.iterdir() if not each.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return []


def read_profiles(folder: Path) -> tuple[Profiles, list[Problem]]:
    """Read and check every file below `folder`; return the valid profiles and all problems.

    A folder of models alone takes what it lacks from the package: `Profiles.packaged`. Invalid
    files and unreadable folders are problems.
    """
    reader = _FolderReader()
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
    reader = _FolderReader()
    model = reader.one(MODEL_FOLDER, file, ModelProfile, content)
    if model is None:
        return profiles, reader.problems
    models = dict(sorted({**profiles.models, file.stem: model}.items()))
    sources = {**profiles.sources, **reader.sources}
    return replace(profiles, models=models, sources=sources), []


class _FolderReader:
    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.sources: dict[tuple[str, str], Source] = {}

    def all(self, folder: Path, model: type[P]) -> dict[str, P]:
        """Read every profile of one kind, whose folder has its name; sorted by name."""
        kind = folder.name
        entries = self.entries(folder)
        if entries is None:
            return {}
        self.refuse_other_endings(entries)
        profiles = [file for file in entries if file.suffix == ".yaml"]
        if not profiles:
            message = f"holds no profile; add one file for each, such as {kind}/name.yaml"
            self.problems.append(Problem(str(folder), 1, 1, "", message))
        found = {file.stem: self.one(kind, file, model) for file in profiles}
        return {name: profile for name, profile in found.items() if profile is not None}

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

    def one(self, kind: str, file: Path, model: type[P], content: bytes | None = None) -> P | None:
        """Read one profile, from `content` if given; None if it has problems."""
        before = len(self.problems)
        source = self._read(kind, file) if content is None else self._parsed(file, content)
        if source is None:
            return None
        self.sources[kind, file.stem] = source
        problem = names.check_rfc1123_label(file.stem)
        if problem:
            message = f"the file's name is the profile's, and {file.stem!r} {problem}"
            self.problems.append(Problem(source.file, 1, 1, "", message))
        if source.document.data is None and len(self.problems) == before:
            self.problems.append(Problem(source.file, 1, 1, "", "is empty"))
        if len(self.problems) > before and source.document.data is None:
            return None
        try:
            profile = model.model_validate(source.document.data)
        except ValidationError as error:
            self.problems += problems_of(source, model, error)
            return None
        return profile if len(self.problems) == before else None

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


# Pydantic's error types, in terms of YAML.
_TYPES = {
    "int_type": "a whole number",
    "string_type": "text in quotes",
    "bool_type": "true or false",
    "is_instance_of": "a number",
    "decimal_type": "a number",
    "dict_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
    "tuple_type": "a list (- item)",
}
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
    "multiple_of": ("multiple_of", "a multiple of"),
}


def problems_of(source: Source, model: type[BaseModel], error: ValidationError) -> list[Problem]:
    """Return a validation error of a file's values as problems, in the words of profiles."""
    return [_problem(source, model, item) for item in error.errors()]


def _problem(source: Source, model: type[BaseModel], error: Any) -> Problem:
    kind, path = error["type"], _inside(source.document, error["loc"])
    at_key = error["loc"][-1:] == ("[key]",)
    if kind == "extra_forbidden":
        inner = _model_at(model, path[:-1])
        meant = suggestion(inner, _value_at(source.document, path[:-1]), str(path[-1]))
        # A long list beside the key that is meant would only hide it.
        many = len(inner.model_fields) > _MOST_LISTED
        allowed = "" if meant and many else f"; allowed: {one_of(inner.model_fields)}"
        message = f"is an unknown key{allowed}{meant}"
        return source.problem(path, message, at_key=True)
    if kind == "missing":
        return source.problem(path, "is missing")
    return source.problem(path, message_of(error), at_key=at_key)


def _inside(document: Document, loc: tuple[Any, ...]) -> yaml_source.Path:
    """Return pydantic's location as a path, without parts that name a type instead of a key."""
    known = document.values
    path: yaml_source.Path = ()
    loc = tuple(part for part in loc if not str(part).startswith(("<", "[key]")))
    for index, part in enumerate(loc):
        if (*path, part) in known or index == len(loc) - 1:
            path = (*path, part)
    return path


def message_of(error: Any) -> str:
    """Return what is wrong with a value, and what is allowed, from an item of pydantic's errors."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "ours":
        return str(error["msg"])
    if kind in _BOUNDS:
        bound, words = _BOUNDS[kind]
        return f"is {_shown(error['input'])}; it must be {words} {context[bound]}"
    if kind in _TYPES:
        return f"is {_shown(error['input'])}; it must be {_TYPES[kind]}"
    if kind == "literal_error":
        known = re.findall(r"'([^']*)'", context["expected"])
        close = did_you_mean(str(error["input"]), known)
        return f"is {_shown(error['input'])}; it must be one of {context['expected']}{close}"
    return f"is {_shown(error['input'])}: {error['msg']}"


_KINDS = {type(None): "empty", dict: "a mapping", list: "a list", tuple: "a list"}


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return f"the text {value[:60]!r}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | Decimal):
        return f"the number {value}"
    return _KINDS.get(type(value), f"a {type(value).__name__}")


def _value_at(document: Document, path: Iterable[str | int]) -> Any:
    value = document.data
    for part in path:
        value = value[part]
    return value


def _model_at(model: type[BaseModel], path: Iterable[str | int]) -> type[BaseModel]:
    """Return the model at `path` inside `model`."""
    annotation: Any = model
    for part in path:
        annotation = _step(annotation, part)
    return _models_in(annotation)[0]


def _step(annotation: Any, part: str | int) -> Any:
    # A key of a mapping can also be the name of a field, so check for mappings first.
    if get_origin(annotation) is dict:
        return get_args(annotation)[1]
    if get_origin(annotation) is tuple:
        return get_args(annotation)[0]
    for model in _models_in(annotation):
        field = model.model_fields.get(str(part))
        if field is not None:
            return field.annotation
    return annotation


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [
        model for argument in getattr(annotation, "__args__", ()) for model in _models_in(argument)
    ]
