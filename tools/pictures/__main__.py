"""Write the pictures of docs/pictures/, and what they show as the pages' alternative text.

Usage:

    python -m tools.pictures            write them; pages stay as they are but for that text
    python -m tools.pictures --check    exit with 1 where a file is not what would be written
"""

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ira_manifests import load_matrix
from ira_manifests.profiles.matrix import Matrix
from ira_manifests.writing import render
from testing.project import REFERENCE_GPUS, REFERENCE_MODELS
from tools.pictures.directories import directories, groups
from tools.pictures.heat_map import fields, heat_map
from tools.pictures.machines import machines, tiles
from tools.pictures.memory_bar import memory_bar, memory_bars
from tools.pictures.svg import Picture

ROOT = Path(__file__).parents[2]
FOLDER = "docs/pictures"
GPUS = frozenset({*REFERENCE_GPUS, "a100-80gb", "b200", "rtx-pro-6000"})
"""The GPU types that are drawn."""
EXAMPLE = ("h100", "gemma3-27b")
"""The cell whose memory is drawn alone: that of the walkthrough."""


def reference(matrix: Matrix) -> Matrix:
    """Return the cells of the reference architecture, with more GPU types.

    So models and GPU types can be added to profiles/ without `make docs`.
    """
    every = matrix.profiles
    gpus = {name: gpu for name, gpu in every.gpus.items() if name in GPUS}
    models = {
        name: model.model_copy(
            update={
                "cells": {gpu: cell for gpu, cell in model.cells.items() if gpu in REFERENCE_GPUS}
            }
        )
        for name, model in every.models.items()
        if name in REFERENCE_MODELS
    }
    return Matrix(matrix.platform, replace(every, gpus=gpus, models=models))


def pictures(matrix: Matrix) -> dict[str, Picture]:
    """Return the pictures of a matrix by file name. Starts Node.js."""
    cell = matrix[EXAMPLE]
    if cell.budget is None:
        raise ValueError(f"{cell.name} is drawn alone, and its memory is not judged")
    return {
        "headroom.svg": heat_map(fields(matrix)),
        "memory.svg": memory_bar(cell, cell.budget),
        "memory-of-cells.svg": memory_bars(matrix.values()),
        "machines.svg": machines(tiles(matrix)),
        "directories.svg": directories(groups(render(matrix))),
    }


def with_alternatives(page: str, shown: Mapping[str, Picture]) -> str:
    """Return a page in which the alternative text of each picture is what the picture shows."""
    for name, picture in shown.items():
        text = re.sub(r"[\\\[\]]", r"\\\g<0>", picture.alternative)
        before = re.compile(rf"!\[[^\n]*(?=\]\((?:docs/)?pictures/{re.escape(name)}\))")
        page = f"![{text}".join(before.split(page))
    return page


def written(root: Path) -> dict[Path, str]:
    """Return the text of every file of a clone: the pictures, and the pages that may show them."""
    shown = pictures(reference(load_matrix(root / "profiles")))
    pages = [root / "README.md", *sorted((root / "docs").glob("*.md"))]
    return {
        **{root / FOLDER / name: picture.svg for name, picture in shown.items()},
        **{page: with_alternatives(page.read_bytes().decode(), shown) for page in pages},
    }


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Write or check the files; return the exit code."""
    files = {path: text.encode() for path, text in written(root).items()}
    stale = [path for path, content in files.items() if _held(path) != content]
    if arguments == ["--check"]:
        for path in stale:
            print(f"{path} does not show what the profiles say: run `make docs`")
        return int(bool(stale))
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(files[path])
    return 0


def _held(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
