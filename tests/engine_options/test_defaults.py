"""The table of defaults by release, against vLLM's pull requests and a published source."""

from __future__ import annotations

import ast

import pytest

from ira_manifests.vllm import UnknownReleaseError, option_strings, releases
from ira_manifests.vllm.defaults import SECTION, defaults
from tests.engine_options.test_extraction import CONFIG, ENGINE, made_up
from tools.vllm_constants import UNKNOWN, Constants
from tools.vllm_defaults import TABLE, read
from tools.vllm_source import Module, Source, fetch
from tools.vllm_table import stored


@pytest.mark.parametrize(
    ("option", "before", "after"),
    [
        # https://github.com/vllm-project/vllm/pull/29261: sha256 since 0.10.2
        ("--prefix-caching-hash-algo", ("0.10.1.1", "builtin"), ("0.10.2", "sha256")),
        # vllm/config/cache.py of both releases.
        ("--gpu-memory-utilization", ("0.19.1", 0.9), ("0.20.0", 0.92)),
        # vllm/config.py of 0.8.5; the second engine took 0 later, by itself:
        # https://github.com/vllm-project/vllm/pull/17929
        ("--seed", ("0.8.5", None), ("0.12.0", 0)),
        # The server decides by the GPU: https://github.com/vllm-project/vllm/pull/12369
        ("--max-num-batched-tokens", ("0.8.5", None), ("0.33.0", None)),
        ("--port", ("0.8.4", 8000), ("0.33.0", 8000)),
    ],
)
def test_a_default_is_that_of_the_release(
    option: str, before: tuple[str, object], after: tuple[str, object]
) -> None:
    for release, value in (before, after):
        assert defaults(release)[option] == value


def test_a_default_is_of_an_option_of_the_release() -> None:
    for release in releases():
        assert defaults(release).keys() <= option_strings(release)


def test_an_unknown_release_has_no_defaults() -> None:
    with pytest.raises(UnknownReleaseError):
        defaults("0.99.0")


def test_the_table_holds_the_releases_of_the_options() -> None:
    assert tuple(stored(TABLE.file.read_text("utf-8"), SECTION)) == releases()


def test_the_defaults_of_a_parser_are_those_of_fields_and_of_literals() -> None:
    found = read(made_up())

    assert found["--kv-cache-dtype"] == '"auto"'  # of a field
    assert found["--block-size"] == "16"
    assert found["--seed"] == "null"  # the field's 0 is replaced where the option is added
    assert found["--headless"] == "false"  # argparse's own, of a flag
    assert found["--old-a"] == "null"  # argparse's own, of others
    assert "--nested" in found  # None


@pytest.mark.parametrize(
    ("fills", "default"),
    [
        ("if not self.sizes: self.sizes = [512]", "null"),
        ("if len(self.sizes) > 0: log()\n        else: self.sizes = [1]", "null"),
        ("if not self.sizes: log()", "[]"),
        ("if not self.others: self.sizes = [512]", "[]"),
    ],
)
def test_an_empty_default_that_a_class_fills_is_the_servers_decision(
    fills: str, default: str
) -> None:
    field = "    sizes: list[int] = field(default_factory=list)"
    config = CONFIG.replace(
        "class CacheConfig:",
        f"class CacheConfig:\n{field}\n    def __post_init__(self):\n        {fills}\n",
    )
    option = 'cache_group.add_argument("--sizes", **cache_kwargs["sizes"])'
    engine = ENGINE.replace("        return parser", f"        {option}\n        return parser", 1)
    source = made_up(**{"config/__init__": config, "engine/arg_utils": engine})

    assert read(source)["--sizes"] == default


def test_what_a_field_computes_is_not_in_the_table() -> None:
    computed = made_up(**{"config/__init__": CONFIG.replace("= 0.9", "= os.cpu_count()")})

    assert "--ratio" not in read(computed)


_MODULE = """
from dataclasses import field
from vllm.other import Base, SIZE as LARGE
import vllm.envs as envs

SMALL = 4

class Own(Base):
    inner: int = field(default=SMALL)
"""
_OTHER = """
from enum import Enum

SIZE = 2 ** 10

class Base:
    outer: str = "of the base"

class Mode(str, Enum):
    FAST = "fast"
"""


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("SMALL", "4"),
        ("LARGE * SMALL", "4096"),
        ("Own.inner", "4"),
        ("Own.outer", '"of the base"'),
        ("Field(default=0.9, gt=0, le=1)", "0.9"),
        ("Field(8000, ge=1)", "8000"),
        ("field(default_factory=list)", "[]"),
        ("field(default_factory=lambda: ['*'])", '["*"]'),
        ("field(default_factory=Own)", UNKNOWN),
        ("field(init=False)", UNKNOWN),
        ("envs.VLLM_PORT", UNKNOWN),
        ("Mode.FAST", UNKNOWN),
        ("cpu_count()", UNKNOWN),
        ("-1", "-1"),
        ("None", "null"),
    ],
)
def test_constants_are_followed_and_nothing_else_is(expression: str, text: str) -> None:
    files = {"vllm/own.py": f"{_MODULE}from vllm.other import Mode\n", "vllm/other.py": _OTHER}
    source = Source("1.0.0", files)
    module = source.module("vllm.own")
    assert isinstance(module, Module)

    assert Constants(source).text(ast.parse(expression, mode="eval").body, module) == text


def test_constants_that_name_each_other_end() -> None:
    source = Source("1.0.0", {"vllm/own.py": "A = B\nB = A\n"})
    module = source.module("vllm.own")
    assert isinstance(module, Module)

    assert Constants(source).text(ast.parse("A", mode="eval").body, module) == UNKNOWN


@pytest.mark.index
def test_the_table_holds_what_a_published_release_has() -> None:
    assert read(fetch("0.19.0")) == stored(TABLE.file.read_text("utf-8"), SECTION)["0.19.0"]
