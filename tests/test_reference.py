"""docs/reference.md: the fields of the schema with their types and meanings, and the commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import takewhile
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel, Field

from ira_manifests.cli import app
from ira_manifests.cli.app import COMMANDS
from ira_manifests.profiles.base import Profile
from ira_manifests.profiles.fields import NOT_EMPTY, Arg, HubRelease, Label, Version
from ira_manifests.profiles.platform import Platform
from ira_manifests.profiles.schema import CellProfile, GpuProfile, ModelProfile
from ira_manifests.profiles.serving_fields import ServingFields
from testing.project import ROOT
from tools import field_docs, field_types, reference_page

PAGE = (ROOT / "docs/reference.md").read_text()


def section(title: str) -> str:
    """The text below a heading, up to the next one."""
    _, found, rest = PAGE.partition(f"\n## {title}\n")
    assert found, title
    return rest.partition("\n## ")[0]


def rows(title: str) -> dict[str, list[str]]:
    """The rows of a section by their first field, without its marks of code."""
    cells = [
        [each.strip() for each in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in section(title).splitlines()
        if line.startswith("| ")
    ]
    return {first.strip("`"): rest for first, *rest in cells[1:]}


@pytest.mark.parametrize(
    ("title", "field", "type_", "default", "words"),
    # Typed by hand from the contract of each field.
    [
        ("Platform", "engine.version", "[EngineRelease](#types)", "required", "memory estimate"),
        ("Platform", "engine.drain_seconds", "whole number from 0 to 3,600", "`0`", "aborts"),
        ("Platform", "engine.command", "list of [Word](#types), 1 entry at least",
         "`[vllm, serve]`", "arguments"),
        ("Platform", "inference.tolerations[].effect", "[TaintEffect](#types)",
         "required", "taint"),
        ("GPU types", "memory_gib", "number above 0 to 1,000,000", "required", "GiB"),
        ("GPU types", "queued", "`true` or `false` or `only`", "`false`", "queued capacity"),
        ("Models", "weights.total_gib", "number above 0 to 1,000,000", "required", "GiB"),
        ("Models", "geometry.layers[].index_head_dim",
         "whole number from 1 to 1,024, a multiple of 128", "", "indexer"),
        ("Models", "geometry.layer_order",
         "list of whole numbers from 0 to 9,999, 10,000 entries at most", "", "indices"),
        ("Cells", "max_model_len", "whole number from 1 to 2,147,483,647 or `auto`", "required",
         "Tokens"),
        ("Cells", "kv_cache_dtype", "`auto`, `fp8`, `fp8_e4m3` or `fp8_e5m2`", "`auto`", "Dtype"),
        ("Serving fields", "labels", "mapping of [LabelKey](#types) to [LabelValue](#types)", "",
         "every object"),
        ("Serving fields", "autoscaling.target", "number above 0 to 1,000,000", "`5`", "average"),
        ("Serving fields", "env.<name>.secret", "[Subdomain](#types)", "", "Secret"),
        ("Serving fields", "gateway.endpoint_picker.port", "whole number from 1 to 65,535",
         "`9002`", "port"),
        ("Engine", "tag", "[Tag](#types)", "", "tag"),
    ],
)  # fmt: skip
def test_a_field_has_its_type_its_default_and_its_meaning(
    title: str, field: str, type_: str, default: str, words: str
) -> None:
    shown, given, meaning = rows(title)[field]

    assert (shown, given) == (type_, default)
    assert words in meaning


def names(model: type[BaseModel]) -> Iterator[str]:
    """Yield the name of each field of a model and of the models inside it."""
    for name, field in model.model_fields.items():
        yield name
        for inner in inside(field.annotation):
            yield from names(inner)


def inside(annotation: Any) -> Iterator[type[BaseModel]]:
    if get_origin(annotation) is None and isinstance(annotation, type):
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for argument in get_args(annotation):
        yield from inside(argument)


@pytest.mark.parametrize("model", [Platform, GpuProfile, ModelProfile])
def test_every_field_of_a_file_is_on_the_page(model: type[BaseModel]) -> None:
    shown = {
        re.split(r"[.]", path)[-1].removesuffix("[]")
        for path in re.findall("^[|] `([^`]+)`", PAGE, re.MULTILINE)
    }

    assert set(names(model)) <= shown


def test_fields_with_a_section_of_their_own_are_listed_once() -> None:
    assert "replicas" in rows("Serving fields")
    for title in ("Platform", "Models", "Cells"):
        assert not {"replicas", "inference.replicas"} & rows(title).keys()
        assert "[serving fields](#serving-fields)" in section(title)
    assert "See [Engine](#engine)." in rows("Models")["engine"][-1]
    assert "cells.<name>.cpu" not in rows("Models")
    assert {"cpu"} <= rows("Cells").keys()


def test_every_type_that_a_field_has_is_described() -> None:
    used = set(re.findall(r"\[(\w+)\]\(#types\)", PAGE))

    assert used == rows("Types").keys()
    assert "such as 128G" in rows("Types")["Bytes"][0]


class Undocumented(Profile):
    """A model of a test."""

    plain: int


def test_a_field_without_a_docstring_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Undocumented\.plain has no docstring"):
        list(reference_page.rows(Undocumented))


class Documented(Profile):
    """A model of a test."""

    one: int = 3
    """Seconds, `--not-an-option` twice,
    and max_model_len | {gpu}."""


def test_a_docstring_is_one_line_with_its_names_as_code() -> None:
    (row,) = reference_page.rows(Documented)

    assert row.meaning == r"Seconds, `--not-an-option` twice, and `max_model_len` \| `{gpu}`."
    assert (row.type, row.default) == ("whole number", "`3`")


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (bool, "`true` or `false`"),
        (int | None, "whole number"),
        (Annotated[int, Field(gt=0, le=64)], "whole number from 1 to 64"),
        (Annotated[int, Field(ge=0, lt=64)], "whole number from 0 to 63"),
        (Annotated[Decimal, Field(gt=0, le=1)], "number above 0 to 1"),
        (Literal["a", "b", "c"], "`a`, `b` or `c`"),
        (Annotated[tuple[int, ...], NOT_EMPTY], "list of whole numbers, 1 entry at least"),
        (Annotated[tuple[Arg, ...], Field(max_length=9)],
         "list of [Arg](#types), 9 entries at most"),
        (Annotated[Label, "a further check"], "[Label](#types)"),
        (Version, "[Version](#types)"),
        (HubRelease, "[HubRelease](#types)"),
        (dict[str, tuple[CellProfile, ...]], "mapping of text to list of mappings"),
    ],
)  # fmt: skip
def test_a_type_is_in_the_words_of_yaml(annotation: Any, words: str) -> None:
    assert field_types.of(annotation) == words


def test_a_docstring_of_a_base_class_counts() -> None:
    assert (
        field_docs.of_fields(ModelProfile)["replicas"]
        == field_docs.of_fields(ServingFields)["replicas"]
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_the_options_are_those_of_the_commands_help(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        app.run("ira-manifests", [name, "--help"])
    _, _, listed = capsys.readouterr().out.partition("options:")
    options = re.findall(r"^  (-[\w-]+)(?: [^\s,]+)?(?:, (--[\w-]+))?", listed, re.MULTILINE)

    _, _, page = PAGE.partition(f"\n### {name}\n")
    table = takewhile(lambda line: not line.startswith("#"), page.splitlines())
    first = "".join(line.split("|")[1] for line in table if line.startswith("| `-"))

    assert len(options) > 1
    assert re.findall(r"(?<=`)--?[\w-]+", first) == [
        word for pair in options for word in pair if word
    ]
