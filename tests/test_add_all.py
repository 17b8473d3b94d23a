"""`add` for every configuration of tests/data/model-configs, and for damaged ones."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ira_manifests import load_matrix
from ira_manifests.analysis import node_usage
from ira_manifests.architectures import ConfigError, files_of, header_length, tensors, total_of
from ira_manifests.errors import IraError
from ira_manifests.model_files import ModelFiles
from ira_manifests.new_model import Request, add
from testing.project import PROFILES, copy_profiles
from tests.architectures.configs import NAMES, config, hf_quant
from tests.architectures.test_layers import REFUSED, TABLE
from tests.support import examples, ira

MATRIX = load_matrix(PROFILES)
NEW = PROFILES / "models/new.yaml"


def in_order(groups: Any) -> list[str]:
    return sorted(json.dumps(dict(group), sort_keys=True) for group in groups)


def test_every_configuration_is_added_offline_or_refused_in_words(tmp_path: Path) -> None:
    models = copy_profiles(tmp_path) / "models"
    before = {path.name for path in models.iterdir()}
    for name in NAMES:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(config(name)))
        if (quant := hf_quant(name)) is not None:
            (folder / "hf_quant_config.json").write_text(json.dumps(quant))

        added = ira("add", "--gpu", "h200", "--from", folder, cwd=tmp_path)

        new = {path.name for path in models.iterdir()} - before
        before |= new
        if name in REFUSED:
            assert (added.returncode, added.stdout, new) == (2, "", set()), name
            assert added.stderr.startswith("error: ")
            continue
        assert added.returncode == 0, added.stderr
        (file,) = new
        profile = yaml.safe_load((models / file).read_text())
        heads, context, experts, groups = TABLE[name]
        geometry = profile["geometry"]
        assert in_order(geometry["layers"]) == in_order(groups)
        assert geometry["num_attention_heads"] == heads
        assert geometry["max_position_embeddings"] == context
        chosen = geometry.get("experts", {})
        widths = chosen.get("num_experts_per_tok"), chosen.get("moe_intermediate_size")
        assert widths == (experts or (None, None))
        assert geometry["num_hidden_layers"] == sum(group["count"] for group in groups)


def request(values: dict[str, Any], name: str, **more: Any) -> Request:
    return Request(ModelFiles(values, hf_quant(name)), "acme/new", NEW, **more)


@pytest.mark.parametrize("name", ["Qwen--Qwen3-8B", "openai--gpt-oss-20b", "Qwen--Qwen3-0.6B"])
def test_a_new_cell_fits_on_the_machine_that_it_names(name: str) -> None:
    # The five machines with one L4 have 16 to 128 GB; without compute_class it is the first.
    added = add(MATRIX, request(config(name), name))

    for cell in added.cells:
        for usage in (node_usage.memory(cell), node_usage.cpu(cell)):
            assert usage.requests <= usage.allocatable
            assert usage.spare >= 0
        named = cell.profile.compute_class
        assert named in (None, cell.machine.compute_class)
    l4 = next(cell for cell in added.cells if cell.gpu_name == "l4")
    assert l4.machine.machine_type != "g2-standard-4"
    assert l4.profile.compute_class == l4.machine.compute_class


# --- damaged configurations ------------------------------------------------------------------

WRONG: list[Any] = [
    None, 0, -1, 1, 7, 10**9, 10**30, float("nan"), float("inf"), 1.5, True, False, "", "x", "1",
    [], [1], [None] * 40, ["a"] * 40, {}, {"a": 1}, [{}],
]  # fmt: skip


def places(values: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of every value; of lists, the first and the last."""
    items: list[tuple[Any, Any]] = []
    if isinstance(values, dict):
        items = [*values.items()]
    elif isinstance(values, list):
        items = [(index, values[index]) for index in {0, len(values) - 1} if values]
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """Return a configuration with one to three values deleted or replaced, and its name."""
    name = draw(st.sampled_from(NAMES))
    values = copy.deepcopy(config(name))
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from([*places(values)] or [("x",)]))
        inner: Any = values
        for key in way:
            inner = inner[key]
        if draw(st.booleans()) and isinstance(inner, dict):
            inner.pop(last, None)
        else:
            inner[last] = copy.deepcopy(draw(st.sampled_from(WRONG)))
    return name, values


@examples(150)
@given(damaged())
def test_a_damaged_configuration_is_added_or_told_in_one_line(
    found: tuple[str, dict[str, Any]],
) -> None:
    name, values = found
    try:
        added = add(MATRIX, request(values, name, gpus=("h200",)))
    except IraError as error:
        assert str(error)
        assert "Traceback" not in str(error)
        assert not isinstance(error, ConfigError) or "\n" not in str(error)
    else:
        assert added.cells
        assert "nan" not in added.text.lower().replace("nano", "").split()


entry = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["BF16", "F32", "F4", "X", 7, None]),
        "shape": st.lists(st.sampled_from([0, 1, 3, 2**40, -1, 1.5, "x", None]), max_size=3),
        "data_offsets": st.lists(st.sampled_from([0, 12, 2**62, -1, None]), max_size=3),
    }
)
header = st.binary(max_size=40) | st.dictionaries(
    st.text(max_size=5), entry | st.sampled_from(WRONG), max_size=3
).map(lambda values: json.dumps(values).encode())


@examples(200)
@given(header, st.integers(0, 2**63))
def test_any_header_or_index_is_read_or_told_in_one_line(text: bytes, size: int) -> None:
    for read in (
        lambda: tensors(text, size, "a.safetensors"),
        lambda: header_length(text[:8], size, "a.safetensors"),
        lambda: files_of(text),
        lambda: total_of(text),
    ):
        try:
            read()
        except ConfigError as error:
            assert "\n" not in str(error)
