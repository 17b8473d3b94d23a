"""Write docs/reference.md: the fields of profiles from their schema, commands from their parsers.

Usage:

    python -m tools.reference_page            write it
    python -m tools.reference_page --check    exit with 1 if the file is not up to date
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, get_type_hints

from pydantic import BaseModel

from ira_manifests.cli.app import COMMANDS, Command, parser_of
from ira_manifests.profiles.engine import OwnEngine
from ira_manifests.profiles.environment import Environment
from ira_manifests.profiles.platform import KnownModels, Platform
from ira_manifests.profiles.schema import CellProfile, GpuProfile, ModelProfile
from ira_manifests.profiles.serving_fields import ServingFields
from tools import field_docs, field_types

FILE = Path(__file__).parents[1] / "docs/reference.md"
_PROGRAM = "ira-manifests"


class Kind(NamedTuple):
    """A section of the page: the fields of a file, or of a part that has a section of its own."""

    title: str
    model: type[BaseModel]
    text: str
    """What the docstring of the model does not say."""


KINDS = (
    Kind("Platform", Platform, ""),
    Kind("GPU types", GpuProfile, "The file's name is the GPU type's."),
    Kind(
        "Models",
        ModelProfile,
        "The file's name is the model's in directories and names. Where the values come from is "
        "in [Add a model](adding-a-model.md#where-values-come-from).",
    ),
    Kind("Cells", CellProfile, "An entry of `cells` in a model's profile."),
    Kind(
        "Serving fields",
        ServingFields,
        "In a cell, in a model's profile, or in the platform's below `inference`; "
        "[Serving options](serving-options.md) says which applies and what each adds.",
    ),
    Kind(
        "Engine",
        OwnEngine,
        "`engine` of a model or a cell. What is not given is the platform's, unless it is of "
        "[another image](serving-options.md#the-engine).",
    ),
    Kind(
        "Environments",
        Environment,
        "Beside these fields it has those of the [platform](#platform), none of them required and "
        "all but `environments_only`. Mappings are merged by key, `null` removes, and any other "
        "value, a list too, replaces the one of the profiles.",
    ),
    Kind("Known models", KnownModels, "`check` finds misspelt ids by it."),
)
_SECTIONS = {kind.model: kind.title for kind in KINDS}

_INTRODUCTION = """\
# Reference

All fields of profiles, and all commands with their options. `make docs` writes this page from
the schema and the parsers.

`[]` is an entry of a list, `<name>` a key of a mapping. A required field of an optional one is
required where that is given. An optional field without a default has no effect where it is left
out, unless its meaning says otherwise. An unknown field, a value of another type and one outside
its bounds are errors of the profile.
"""


def written() -> str:
    """Return the text of docs/reference.md."""
    parts = [
        _INTRODUCTION,
        *(_section(kind) for kind in KINDS),
        _types(),
        "## Commands\n\n[Commands](commands.md) has more on each, and the exit codes.\n",
        *(_command(name, command) for name, command in COMMANDS.items()),
    ]
    return "\n".join(parts)


class Row(NamedTuple):
    """One field of a profile."""

    path: str
    type: str
    default: str
    """As YAML; "required" where the field must be given."""
    meaning: str


def rows(model: type[BaseModel], prefix: str = "") -> Iterator[Row]:
    """Yield the fields of a model, and those inside them that have no section of their own.

    Raises `ValueError` for a field without a docstring.
    """
    texts, hints = field_docs.of_fields(model), get_type_hints(model, include_extras=True)
    for name, field in model.model_fields.items():
        if _is_inherited(model, name):
            continue
        inner = list(dict.fromkeys(field_types.models_in(hints[name])))
        text = texts.get(name) or " ".join(field_docs.of_class(each) for each in inner)
        if not text:
            raise ValueError(f"{model.__name__}.{name} has no docstring below it")
        links = "".join(_link(each) for each in inner)
        default = "required" if field.is_required() else field_types.default(field)
        yield Row(prefix + name, field_types.of(hints[name]), default, markdown(text) + links)
        for each in inner:
            if each not in _SECTIONS:
                yield from rows(each, prefix + name + field_types.ending(hints[name]))


def _is_inherited(model: type[BaseModel], name: str) -> bool:
    """Return whether a field is one of the serving fields, which have a section of their own."""
    return model is not ServingFields and _serves(model) and name in ServingFields.model_fields


def _serves(model: type[BaseModel]) -> bool:
    return issubclass(model, ServingFields)


def _link(model: type[BaseModel]) -> str:
    """Return where the fields of a model are, if not in the rows below."""
    if model in _SECTIONS:
        title = _SECTIONS[model]
        return f" See [{title}](#{title.lower().replace(' ', '-')})."
    return " Also has the [serving fields](#serving-fields)." if _serves(model) else ""


def _section(kind: Kind) -> str:
    text = f"{markdown(field_docs.of_class(kind.model))} {kind.text}".strip()
    if _serves(kind.model) and kind.model is not ServingFields:
        text += " Beside these fields, it can have the [serving fields](#serving-fields)."
    found = rows(kind.model)
    lines = [
        f"## {kind.title}",
        "",
        text,
        "",
        "| field | type | default | meaning |",
        "|---|---|---|---|",
        *(f"| `{path}` | {words} | {default} | {text} |" for path, words, default, text in found),
    ]
    return "\n".join(lines) + "\n"


def _types() -> str:
    used = "".join(_section(kind) for kind in KINDS)
    named = [each for each in field_docs.aliases() if f"[{each.name}](#types)" in used]
    for each in named:
        if not each.text:
            raise ValueError(f"the type {each.name} has no docstring below it")
    found = {each.name: markdown(each.text) for each in named}
    lines = [f"| {name} | {found[name]} |" for name in sorted(found)]
    head = ["## Types", "", "| type | what is allowed |", "|---|---|"]
    return "\n".join((*head, *lines)) + "\n"


def _command(name: str, command: Command) -> str:
    parser = parser_of(_PROGRAM, name)
    usage = " ".join(parser.format_usage().removeprefix("usage: ").split())
    lines = [
        f"### {name}",
        "",
        "```text",
        usage.replace(f" {_PROGRAM}", f"\n{_PROGRAM}"),
        "```",
        "",
        markdown(f"{command.summary} {command.more}".strip()),
        "",
        "| option | meaning |",
        "|---|---|",
        *(f"| {_in_table(words)} | {markdown(text)} |" for words, text in parser.described()),
    ]
    return "\n".join(lines) + "\n"


# What is code in a docstring without being marked as such: options, names, templates, patterns.
_CODE = re.compile(
    r"(?<![\w/.{-])(--?[a-z][\w-]*(?:=[\w.-]+)?|\{\w+\}"
    r"|(?:[\w.-]*\w)?_[\w.:/]*\w|'?[\w./-]*\*[\w.*]*'?)"
)


def markdown(text: str) -> str:
    """Return a docstring as a cell of a Markdown table, its names and options marked as code."""
    parts = text.split("`")
    plain = [_CODE.sub(r"`\1`", part) if at % 2 == 0 else part for at, part in enumerate(parts)]
    return _in_table("`".join(plain))


def _in_table(text: str) -> str:
    return text.replace("|", r"\|")


def main(arguments: Sequence[str]) -> int:
    """Write or check the file; return the exit code."""
    text = written()
    if arguments == ["--check"]:
        fresh = FILE.exists() and FILE.read_text("utf-8") == text
        if not fresh:
            print(f"{FILE} is not what the schema and the parsers say: run `make docs`")
        return int(not fresh)
    FILE.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
