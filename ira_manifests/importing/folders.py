"""Values -> the files of a folder of profiles; leaves out, and tells, what profiles can't have."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from pathlib import PurePath
from typing import Any

from ira_manifests.errors import InputError, Problem, ProfileError
from ira_manifests.importing.matrix import Values, name_of
from ira_manifests.importing.reading import Left
from ira_manifests.lint.models import Library
from ira_manifests.loading import load_matrix
from ira_manifests.output import yaml_text
from ira_manifests.profile_files import GPU_FOLDER, MODEL_FOLDER, PLATFORM_FILE, modeline
from ira_manifests.profiles import yaml_edit, yaml_lines
from ira_manifests.profiles.matrix import Matrix
from ira_manifests.profiles.schema import CellProfile
from ira_manifests.profiles.yaml_source import Path, dotted

_MOST_ROUNDS = 200
_KEYED = ("env", "labels", "annotations", "pod_labels", "pod_annotations", "service_labels",
          "service_annotations", "node_selector")  # fmt: skip
_NEEDED = {name for name, field in CellProfile.model_fields.items() if field.is_required()}


def texts(values: Values, library: Library) -> dict[str, str]:
    """Return the files of a folder of profiles by their paths in it.

    A profile of the package keeps its comments where its text can be edited.
    """
    found = {PLATFORM_FILE: _edited(("platform", "platform"), values.platform, library)}
    for name, gpu in sorted(values.gpus.items()):
        found[f"{GPU_FOLDER}/{name}.yaml"] = _edited((GPU_FOLDER, name), gpu, library)
    for name, model in sorted(values.models.items()):
        found[f"{MODEL_FOLDER}/{name}.yaml"] = _model(model)
    return found


def _model(model: Mapping[str, Any]) -> str:
    """Return a model's profile, its numbers as `add` writes them."""
    head = f"# {model['model_id']}: https://huggingface.co/{model['model_id']}"
    lines = [modeline("model"), head, "# Written by `ira-manifests import`."]
    for name, value in model.items():
        if name in ("weights", "geometry"):
            lines += yaml_lines.of_mapping({name: value}, "")
        else:
            lines.append(yaml_text.dump({name: value}).rstrip("\n"))
    return "\n".join([*lines, ""])


def _edited(key: tuple[str, str], wanted: Mapping[str, Any], library: Library) -> str:
    source = library.profiles.sources[key]
    content = FilePath(source.file).read_bytes()
    try:
        return yaml_edit.rewritten(source.file, content, wanted)[0].decode()
    except (InputError, ValueError):  # such as a value that needs quotes
        kind = "platform" if key[0] == "platform" else "gpu"
        return f"{modeline(kind)}\n{yaml_text.dump(dict(wanted))}"


def settled(values: Values, library: Library) -> tuple[dict[str, str], Matrix | None, list[Left]]:
    """Return files that can be loaded, their matrix, and what was left out for it.

    The matrix is None if no cell is left. Raises `ProfileError` where leaving out does not help.
    """
    left: list[Left] = []
    for _ in range(_MOST_ROUNDS):
        if not values.models:
            return {}, None, left
        files = texts(values, library)
        try:
            return files, _loaded(files), left
        except ProfileError as error:
            told = list(_without(values, library, error.problems))
            if not told:
                raise
            left += told
    raise InputError("the tree has more values that profiles can't have than can be left out")


def _loaded(files: Mapping[str, str]) -> Matrix:
    with tempfile.TemporaryDirectory(prefix="ira-manifests-") as scratch:
        for name, text in files.items():
            file = FilePath(scratch, name)
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, "utf-8")
        return load_matrix(scratch)


# --- what profiles can't have ---------------------------------------------------------------------


def _without(
    values: Values, library: Library, problems: tuple[Problem, ...]
) -> Iterator[Left]:  # fmt: skip
    """Leave out what the problems of one round are of, and tell each."""
    done: set[tuple[str, Path]] = set()
    # From the last on, so that the indexes of lists stay what they are.
    for problem in sorted(problems, key=lambda each: (each.line, each.column), reverse=True):
        path = PurePath(problem.file)
        kind, name = path.parent.name, path.stem
        document = {GPU_FOLDER: values.gpus, MODEL_FOLDER: values.models}.get(kind, {}).get(name)
        if document is None:
            document = values.platform if name == "platform" else None
        if document is None:
            continue
        place = _place(document, problem.field)
        cut = _cut(place) if kind == MODEL_FOLDER else place[:2]
        if (problem.file, cut) in done:
            continue
        done.add((problem.file, cut))
        shown = f"{kind}/{name}.yaml" if kind in (GPU_FOLDER, MODEL_FOLDER) else PLATFORM_FILE
        if kind == MODEL_FOLDER:
            gone = _drop(values, name, cut)
        elif kind == GPU_FOLDER:
            gone = _drop_gpu(values, name)
        else:
            gone = _restore(values.platform, library, cut)
        if gone:
            yield Left("", shown, gone, problem.message)


def _place(document: Any, field: str) -> Path:
    """Return the path of a field, or of the innermost that its text begins with."""
    found = [path for path in _paths(document, ()) if _begins(field, dotted(path))]
    return max(found, key=len, default=())


def _begins(field: str, text: str) -> bool:
    return field == text or field.startswith((f"{text}.", f"{text}["))


def _paths(value: Any, path: Path) -> Iterator[Path]:
    if path:
        yield path
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list | tuple):
        inner = enumerate(value)
    for key, each in inner:
        yield from _paths(each, (*path, key))


def _cut(path: Path) -> Path:
    """Return the part of a model's profile to leave out for a problem at a path."""
    start = 0
    if path[:1] == ("cells",):
        fields = CellProfile.model_fields
        start = next((n for n, part in enumerate(path) if n > 1 and part in fields), len(path))
    if start >= len(path):
        return path
    has_items = len(path) > start + 1 and (
        path[start] in _KEYED or isinstance(path[start + 1], int)
    )  # fmt: skip
    return path[: start + 2] if has_items else path[: start + 1]


def _drop(values: Values, model: str, cut: Path) -> str:
    """Leave out a part of a model's profile; return what that is, or an empty text."""
    keys = [key for key in values.drafts if key[0] == model]
    if cut[:1] == ("cells",):
        within = [
            key for key in keys if cut[1:2] == (key[1],) and key[2] in ("", *cut[2:3])
        ]  # fmt: skip
    else:
        within = keys
    fields = [part for part in cut if isinstance(part, str) and part in CellProfile.model_fields]
    is_cell = cut[:1] == ("cells",) and (not fields or fields[0] in _NEEDED)
    if not cut or cut[0] in ("model_id", "revision") or is_cell:
        for key in within:
            _drop_cell(values, key)
        return ", ".join(map(name_of, within))
    holder: Any = values.models[model]
    for part in cut[:-1]:
        holder = holder[part]
    _remove(holder, cut)
    return dotted(cut)


def _remove(holder: Any, cut: Path) -> None:
    last = cut[-1]
    if isinstance(holder, list) and isinstance(last, int):
        end = last + 1
        while cut[-2] == "args" and end < len(holder) and not holder[end].startswith("-"):
            end += 1
        del holder[last:end]
    else:
        del holder[last]


def _drop_cell(values: Values, key: tuple[str, str, str]) -> None:
    model, gpu, variant = key
    del values.drafts[key]
    cells = values.models[model]["cells"]
    if variant and len(cells[gpu]) > 1:
        del cells[gpu][variant]
    else:
        del cells[gpu]
    if not cells:
        del values.models[model]
    if not any(each[1] == gpu for each in values.drafts):
        del values.gpus[gpu]


def _drop_gpu(values: Values, gpu: str) -> str:
    gone = [key for key in values.drafts if key[1] == gpu]
    for key in gone:
        _drop_cell(values, key)
    return ", ".join(map(name_of, gone))


def _restore(platform: dict[str, Any], library: Library, cut: Path) -> str:
    """Give a field of the platform the package's value, or leave it out if it has that.

    Return the field's name; empty if there is nothing to leave out.
    """
    usual: Any = library.profiles.sources["platform", "platform"].document.data
    holder: Any = platform
    for part in cut[:-1]:
        holder, usual = holder[part], usual[part]
    last = cut[-1]
    if last in usual and holder.get(last) != usual[last]:
        holder[last] = usual[last]
    elif last in holder:
        del holder[last]
    else:
        return ""
    return dotted(cut)
