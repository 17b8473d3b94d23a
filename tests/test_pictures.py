"""The pictures of the documentation say what `list`, `explain` and dist/ say, for every reader."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from ira_manifests import load_matrix
from testing.project import (
    PROFILES,
    REFERENCE_MODELS,
    ROOT,
    copy_edited,
    copy_profiles,
    copy_project,
)
from tests.support import ira
from tests.test_matrix import GPU, MODEL
from tools.pictures import __main__ as tool
from tools.pictures import svg
from tools.pictures.heat_map import Field, fields, heat_map
from tools.pictures.memory_bar import memory_bar
from tools.pictures.palette import SWATCHES, Paint

SVG = "{http://www.w3.org/2000/svg}"
FOLDER = ROOT / tool.FOLDER
FILES = sorted(FOLDER.glob("*.svg"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@dataclass(frozen=True)
class Box:
    """A rectangle of a picture, in user units."""

    x: float
    y: float
    width: float
    height: float
    classes: tuple[str, ...]
    title: str

    def holds(self, x: float, y: float) -> bool:
        return 0 <= x - self.x <= self.width and 0 <= y - self.y <= self.height


@dataclass(frozen=True)
class Line:
    """A line of text of a picture: its left end, and its width at most."""

    x: float
    y: float
    width: float
    size: float
    classes: tuple[str, ...]
    content: str


def parsed(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314  this project's own file


def boxes(root: ET.Element) -> list[Box]:
    """Return the rectangles as they are drawn: the last of two covers the first."""
    drawn = (each for each in root.iter(f"{SVG}rect") if "x" in each.attrib)
    return [
        Box(
            x=float(each.attrib["x"]),
            y=float(each.attrib["y"]),
            width=float(each.attrib["width"]),
            height=float(each.attrib["height"]),
            classes=tuple(each.attrib["class"].split()),
            title=each.findtext(f"{SVG}title", ""),
        )
        for each in drawn
    ]


def texts(root: ET.Element) -> Iterator[Line]:
    for each in root.iter(f"{SVG}text"):
        at, classes, content = each.attrib, each.attrib["class"], each.text or ""
        size = float(at["font-size"])
        width = svg.measured(content, style=classes, size=size)
        moved = {"start": 0.0, "middle": width / 2, "end": width}[at.get("text-anchor", "start")]
        x, y = float(at["x"]) - moved, float(at["y"])
        yield Line(x, y, width, size, tuple(classes.split()), content)


def inside(root: ET.Element, title: str) -> list[str]:
    """Return the text in the rectangle whose title begins so."""
    (box,) = [each for each in boxes(root) if each.title.startswith(title)]
    return [line.content for line in texts(root) if box.holds(line.x, line.y)]


def listed(folder: Path) -> dict[str, Any]:
    run = ira("list", "--json", "--profiles", str(folder))
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def explained(folder: Path, cell: str) -> dict[str, Any]:
    run = ira("explain", cell, "--json", "--profiles", str(folder))
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)["cells"][0]
    return found


# Files


def test_the_pictures_and_their_alternative_texts_are_up_to_date() -> None:
    for path, text in tool.written(ROOT).items():
        assert path.read_text("utf-8") == text, f"{path}: run `make docs`"


def test_no_picture_is_left_from_before() -> None:
    written = {path.name for path in tool.written(ROOT) if path.suffix == ".svg"}

    assert {path.name for path in FILES} == written


def test_a_stale_picture_and_a_stale_page_are_told_and_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(PROFILES, tmp_path / "profiles")
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "README.md", tmp_path)
    assert tool.main(["--check"], tmp_path) == 0
    picture, page = tmp_path / tool.FOLDER / "memory.svg", tmp_path / "README.md"
    picture.unlink()
    page.write_text(page.read_text().replace("3.68 GiB", "8.63 GiB"))

    assert tool.main(["--check"], tmp_path) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{path} does not show what the profiles say: run `make docs`" for path in (picture, page)
    ]
    assert tool.main([], tmp_path) == 0
    assert page.read_bytes() == (ROOT / "README.md").read_bytes()
    assert picture.read_bytes() == (FOLDER / "memory.svg").read_bytes()


def test_a_model_and_a_gpu_type_that_are_added_change_no_picture(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(PROFILES, tmp_path / "profiles"))
    (folder / "gpus/b200.yaml").write_text(GPU)
    (folder / "models/qwen3-32b.yaml").write_text(MODEL)

    reference = tool.reference(load_matrix(folder))

    assert {model for _, model in reference} == set(REFERENCE_MODELS)
    assert list(reference) == list(tool.reference(load_matrix(PROFILES)))
    assert heat_map(fields(reference)).svg == (FOLDER / "headroom.svg").read_text("utf-8")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_picture_has_words_and_is_on_a_page_with_them(file: Path) -> None:
    root = parsed(file.read_text("utf-8"))
    title, description = root.findtext(f"{SVG}title"), root.findtext(f"{SVG}desc")

    assert title
    assert description
    assert root.attrib["role"] == "img"
    assert {each.attrib.get("id") for each in root} >= set(root.attrib["aria-labelledby"].split())
    shown = [
        found
        for page in PAGES
        for found in re.findall(rf"!\[(.*)\]\([\w./]*{re.escape(file.name)}\)", page.read_text())
    ]
    assert shown
    assert all(each.startswith(f"{title}: ") for each in shown)


# Readers


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """Return the relative luminance of "#rrggbb": https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    # The grey that WebAIM names as the lightest on white with 4.5.
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_all_text_can_be_told_from_what_it_is_on(file: Path, theme: str) -> None:
    """4.5 to 1 is level AA: https://www.w3.org/TR/WCAG22/#contrast-minimum."""
    root = parsed(file.read_text("utf-8"))
    paints: dict[str, Paint] = {name: getattr(each, theme) for name, each in SWATCHES.items()}

    for line in texts(root):
        below = [box for box in boxes(root) if box.holds(line.x + 1, line.y - 3)][-1]
        (ink,) = (paints[name[3:]].ink for name in line.classes if name.startswith("on-"))
        fills = [paints[name].fill for name in below.classes if name in paints]
        if "hatched" in below.classes:
            fills.append(paints["hatch"].fill)
        assert fills
        assert all(contrast(ink, fill) >= 4.5 for fill in fills), (line, below)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_all_text_is_legible_on_a_phone_and_in_its_box(file: Path) -> None:
    """A phone of 390 pixels shows a column of 358."""
    root = parsed(file.read_text("utf-8"))
    found = list(texts(root))

    assert found
    for line in found:
        assert line.size * 358 / svg.WIDTH >= 12, line
        below = [box for box in boxes(root) if box.holds(line.x + 1, line.y - 3)][-1]
        assert line.x + line.width <= below.x + below.width + 0.01, (line, below)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_picture_has_both_themes(file: Path) -> None:
    light, _, dark = file.read_text("utf-8").partition("@media (prefers-color-scheme: dark)")

    assert f".page {{ fill: {SWATCHES['page'].light.fill} }}" in light
    assert f".page {{ fill: {SWATCHES['page'].dark.fill} }}" in dark


def test_names_of_users_are_escaped() -> None:
    name = """<b>&amp;"'\x07"""
    field = Field(name, "<model>", 80, "fits", 40.0)

    root = parsed(heat_map([field]).svg)

    shown = "<b>&amp;\"'\ufffd"
    assert f"{shown} × <model>" in (root.findtext(f"{SVG}desc") or "")
    assert shown in [line.content for line in texts(root)]


# The heat map


def test_every_cell_is_in_the_heat_map_with_the_figures_of_list(tmp_path: Path) -> None:
    folder = copy_profiles(tmp_path)
    matrix = load_matrix(folder)
    root = parsed((FOLDER / "headroom.svg").read_text("utf-8"))
    found = listed(folder)

    assert len(found["cells"]) == len(matrix)
    for cell in found["cells"]:
        memory = float(matrix.profiles.gpus[cell["gpu"]].memory_gib)
        mark = "" if cell["measured"] else " ~"
        assert inside(root, f"{cell['gpu']} × {cell['model']} ") == [
            f"{cell['kv_headroom_gib']:.2f} GiB",
            f"{100 * cell['kv_headroom_gib'] / memory:.0f} %",
            f"{cell['verdict']}{mark}",
        ]
    for pair in found["absent"]:
        shown = inside(root, f"{pair['gpu']} × {pair['model']} ")
        assert shown == ["no cell", "does not fit"]
        assert "would fit" not in pair["why"]


def test_a_pair_without_a_cell_is_shown_as_what_it_would_be(tmp_path: Path) -> None:
    folder = copy_profiles(tmp_path)
    file = folder / "models/llama3.yaml"
    before, rest = file.read_text().split("  h100:\n")
    file.write_text(before + rest[rest.index("  h200:\n") :])
    matrix = load_matrix(folder)

    (field,) = [each for each in fields(matrix) if (each.gpu, each.model) == ("h100", "llama3")]

    assert field.lines == ("no cell", "would fit")
    assert field.paint == "unjudged"


def test_a_cell_that_does_not_fit_shows_what_it_lacks(tmp_path: Path) -> None:
    folder = copy_edited(tmp_path, "h100/gemma3-27b", ("utilization: 0.95", "utilization: 0.80"))
    row = listed(folder)["cells"][0]

    root = parsed(heat_map(fields(load_matrix(folder))).svg)

    assert row["kv_headroom_gib"] < 0
    assert inside(root, "h100 × gemma3-27b ") == [
        f"{row['kv_headroom_gib']:.2f} GiB",
        f"{100 * row['kv_headroom_gib'] / 79.19:.0f} %",
        "does not fit ~",
    ]


def test_a_cell_without_geometry_is_not_judged(tmp_path: Path) -> None:
    folder = copy_profiles(tmp_path)
    (folder / "models/qwen3-32b.yaml").write_text(MODEL.replace("b200", "h100"))

    found = {(each.gpu, each.model): each for each in fields(load_matrix(folder))}

    assert found["h100", "qwen3-32b"].lines == ("not judged",)
    assert found["l4", "qwen3-32b"].lines == ("no cell", "not judged")


def test_models_that_need_more_columns_have_a_block_of_their_own() -> None:
    models = ["a", "b", "c", "d"]
    root = parsed(heat_map([Field("l4", model, 22.03, "fits", 5.0) for model in models]).svg)

    places = {box.title.split()[2]: (box.x, box.y) for box in boxes(root) if box.title}

    assert len({places[model][1] for model in "abc"}) == 1
    assert places["d"][0] == places["a"][0]
    assert places["d"][1] > places["a"][1]


def test_machines_are_those_of_the_cells_that_add_would_write(tmp_path: Path) -> None:
    model = "meta-llama--Llama-4-Scout-17B-16E-Instruct"
    shutil.copy(ROOT / f"tests/data/model-configs/{model}.json", tmp_path / "config.json")
    name = model.replace("--", "/")
    root = parsed((FOLDER / "machines.svg").read_text("utf-8"))

    run = ira("list", name, "--from", str(tmp_path), "--json")

    cells = {cell["gpu"]: cell for cell in json.loads(run.stdout)["cells"]}
    assert set(cells) == {"a100-80gb", "b200", "h100", "h200", "rtx-pro-6000"}
    assert inside(root, "l4 × llama4-scout ") == ["no cell"]
    for gpu, cell in cells.items():
        gpus, longest = inside(root, f"{gpu} × llama4-scout ")
        assert gpus == f"{cell['gpus']} GPUs"
        # The profile's weights are those that vLLM logged, 0.4 % more than the configuration says.
        assert int(longest) == pytest.approx(cell["max_model_len"], rel=0.01)


# Bars


def bar(root: ET.Element, place: int) -> list[Box]:
    """Return the parts of the bar that is so many bars from the top."""
    parts = [box for box in boxes(root) if "part" in box.classes]
    return [box for box in parts if box.y == sorted({each.y for each in parts})[place]]


def shown_parts(memory: dict[str, Any]) -> dict[str, float]:
    """Return the parts of `explain` in bytes; CUDA graphs below 0 are taken from what is left."""
    parts = {part["name"]: part["bytes"] for part in memory["parts"]}
    outside = "outside of gpu_memory_utilization"
    unused = sum(size for size in parts.values() if size < 0)
    kept = {name: size for name, size in parts.items() if size > 0}
    return {**kept, outside: kept[outside] + unused}


def test_the_parts_of_each_bar_are_those_of_explain_and_all_of_the_gpu(tmp_path: Path) -> None:
    folder = copy_profiles(tmp_path)
    root = parsed((FOLDER / "memory-of-cells.svg").read_text("utf-8"))

    for place, (gpu, model) in enumerate(load_matrix(folder)):
        memory = explained(folder, f"{gpu}/{model}")["memory"]
        parts, boxes_of_bar = shown_parts(memory), bar(root, place)
        assert [box.title for box in boxes_of_bar] == [
            f"{name}: {size / 2**30:.2f} GiB" for name, size in parts.items()
        ]
        assert sum(parts.values()) == memory["total_bytes"]
        for box, size in zip(boxes_of_bar, parts.values(), strict=True):
            assert box.width / svg.INNER == pytest.approx(size / memory["total_bytes"], abs=1e-4)
        assert sum(box.width for box in boxes_of_bar) == pytest.approx(svg.INNER, abs=0.1)


def test_the_line_is_where_the_share_ends() -> None:
    root = parsed((FOLDER / "memory-of-cells.svg").read_text("utf-8"))

    ends = [box for box in boxes(root) if "share" in box.classes]

    shares = [(end.x + end.width / 2 - svg.MARGIN) / svg.INNER for end in ends]
    assert shares == pytest.approx([0.95] * 6 + [0.80], abs=1e-3)


def test_the_figures_beside_one_bar_are_those_of_explain(tmp_path: Path) -> None:
    memory = explained(copy_profiles(tmp_path), "h100/gemma3-27b")["memory"]
    root = parsed((FOLDER / "memory.svg").read_text("utf-8"))
    found = [line.content for line in texts(root)]

    for part in memory["parts"]:
        assert f"{part['bytes'] / 2**30:.2f} GiB" in found
    assert f"{memory['total_bytes'] / 2**30:.2f} GiB" in found
    assert "gpu_memory_utilization 0.95" in found


def test_a_shortfall_reaches_beyond_the_line(tmp_path: Path) -> None:
    folder = copy_edited(tmp_path, "h100/gemma3-27b", ("utilization: 0.95", "utilization: 0.80"))
    memory = explained(folder, "h100/gemma3-27b")["memory"]
    (missing,) = [part["bytes"] for part in memory["parts"] if part["name"] == "missing"]
    estimate = (cell := load_matrix(folder)["h100", "gemma3-27b"]).budget
    assert estimate

    root = parsed(memory_bar(cell, estimate).svg)

    (end,) = [box for box in boxes(root) if "share" in box.classes]
    last = bar(root, 0)[-1]
    assert last.title.startswith("KV cache of one longest request: ")
    beyond = last.x + last.width - (end.x + end.width / 2)
    whole = max(memory["total_bytes"], memory["requested_bytes"] - missing)
    assert beyond / svg.INNER == pytest.approx(-missing / whole, abs=1e-3)
    assert f"{missing / 2**30:.2f} GiB" in [line.content for line in texts(root)]


# Directories


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """The directories of the reference, without those of models that were added."""
    copy_project(tmp_path)
    return tmp_path / "dist"


def test_the_directories_are_those_of_dist_with_their_objects(dist: Path) -> None:
    root = parsed((FOLDER / "directories.svg").read_text("utf-8"))
    said = root.findtext(f"{SVG}desc") or ""
    names = {path.name for path in dist.iterdir() if path.is_dir()} - {"base"}

    assert set(re.findall(r"model-download(?![-/])|online-inference-gpu-[\w-]+\w", said)) == names
    for name in names:
        kinds = {
            yaml.safe_load(file.read_text())["kind"]
            for file in (dist / name).glob("*.yaml")
            if file.name != "kustomization.yaml"
        }
        (of_name,) = [part for part in said.split("; ") if re.search(rf"{name}(?![-\w/])", part)]
        of_files, _, _ = of_name.partition(": ")[2].partition(", and ")
        assert set(of_files.split(", ")) == kinds


def test_the_names_that_are_drawn_are_those_of_dist(dist: Path) -> None:
    root = parsed((FOLDER / "directories.svg").read_text("utf-8"))
    mono = [line for line in texts(root) if "mono" in line.classes]
    drawn, title = set(), ""
    for line in mono:
        if "bold" in line.classes:
            title = line.content
        elif "…" in title and not line.content.endswith(".env"):
            drawn.add(title.replace("…", line.content))

    assert drawn == {path.name for path in dist.glob("online-*")}


def test_what_kustomize_makes_is_drawn_as_such() -> None:
    root = parsed((FOLDER / "directories.svg").read_text("utf-8"))

    dashed = [box for box in boxes(root) if "dashed" in box.classes and box.x > 40]
    inner = [line.content for box in dashed for line in texts(root) if box.holds(line.x, line.y)]

    # One of model-download, of the cells, and of those on queued capacity.
    assert sorted(inner) == ["ConfigMap", "ConfigMap", "ConfigMap", "Secret"]


BASES = {"base", "../model-download/base"}


def test_every_directory_that_reads_base_has_an_arrow(dist: Path) -> None:
    root = parsed((FOLDER / "directories.svg").read_text("utf-8"))
    readers = {
        re.sub(r"online-.*?(-queued)?$", r"cells\1", path.parent.name)
        for path in dist.glob("*/kustomization.yaml")
        if BASES.intersection(yaml.safe_load(path.read_text()).get("resources", ()))
    }

    assert readers == {"model-download", "cells", "cells-queued"}
    assert len(list(root.iter(f"{SVG}polygon"))) == len(readers)


def test_the_files_of_the_user_are_those_of_the_walkthrough() -> None:
    root = parsed((FOLDER / "directories.svg").read_text("utf-8"))
    yours = [box for box in boxes(root) if "yours" in box.classes]

    inner = [line.content for box in yours for line in texts(root) if box.holds(line.x, line.y)]

    assert inner == ["ira-model-config.env", "hugging-face-token.env"]
