"""Blocks of YAML on pages: every part of a profile loads; others have a test of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ira_manifests import load_matrix
from testing import pages
from testing.pages import Block
from testing.project import copy_profiles

ELSEWHERE = {
    "docs/ci.md": "tests/test_ci.py",
    "docs/commands.md": "tests/test_editor.py: the line that names a schema",
    "docs/gitops.md": "tests/test_gitops.py",
    "docs/library.md": "tests/test_examples.py: cdk8s.yaml",
    "docs/lint.md": "tests/lint/test_output.py: a comment in a manifest",
    "docs/recipes.md": "tests/test_recipes.py",
}
"""Pages all of whose blocks are tested elsewhere."""

ENVIRONMENT = "# profiles/environments/"  # tests/test_environment_schema.py loads them
CELL = {
    "tensor_parallel": 4,
    "cpu": 64,
    "memory": "512G",
    "gpu_memory_utilization": 0.95,
    "max_model_len": 8192,
}
"""What a block's cell leaves out: "… and the rest"."""

PARTS = [
    block
    for page in pages.PAGES
    for block in pages.blocks(page, "yaml")
    if page not in ELSEWHERE and not block.text.startswith(ENVIRONMENT)
]


def completed(cell: dict[str, Any]) -> dict[str, Any]:
    """A cell, or variants of one, with the fields that every cell needs."""
    if any(isinstance(each, dict) and "tensor_parallel" in each for each in cell.values()):
        return {name: {**CELL, **variant} for name, variant in cell.items()}
    return {**CELL, **cell}


@pytest.mark.parametrize("block", PARTS, ids=lambda block: f"{block.page}:{block.line}")
def test_a_part_of_a_model_loads(block: Block, tmp_path: Path) -> None:
    profiles = copy_profiles(tmp_path)
    for file in (profiles / "models").iterdir():
        if file.name != "llama3.yaml":
            file.unlink()
    model = profiles / "models/llama3.yaml"
    shipped = yaml.safe_load(model.read_text())
    shown = yaml.safe_load(block.text.replace("sha256:…", f"sha256:{'0' * 64}"))
    cells = {gpu: completed(cell) for gpu, cell in shown.pop("cells", {}).items()}

    model.write_text(yaml.safe_dump({**shipped, **shown, "cells": cells or {"h100": CELL}}))

    assert load_matrix(profiles)


def test_no_page_is_named_without_a_block() -> None:
    assert {page for page in ELSEWHERE if not pages.blocks(page, "yaml")} == set()
    assert {block.page for block in PARTS} >= {"docs/rules.md", "docs/containers.md"}
