"""Extracts options from the source of a small made-up release and of a published one."""

from collections.abc import Mapping

import pytest

from ira_manifests.vllm import Kind
from ira_manifests.vllm.options import FILE
from tools.vllm_arguments import read_serve, serve_options
from tools.vllm_options import TABLE, ReleaseOptions, encode, main, stored
from tools.vllm_shapes import ExtractionError
from tools.vllm_source import Source, SourceError, fetch

SERVE = """
from vllm.entrypoints.openai.cli_args import make_arg_parser

class ServeSubcommand:
    def subparser_init(self, subparsers):
        serve_parser = subparsers.add_parser("serve")
        serve_parser.add_argument("model_tag", nargs="?")
        serve_parser = make_arg_parser(serve_parser)
        return serve_parser
"""
FRONTEND = """
from vllm.config import config
from vllm.engine.arg_utils import AsyncEngineArgs

@config
class BaseFrontendArgs:
    middleware: list[str] = None
    verbose: bool = False

    @classmethod
    def _customize_cli_kwargs(cls, frontend_kwargs):
        if "nargs" in frontend_kwargs["middleware"]:
            del frontend_kwargs["middleware"]["nargs"]
        return frontend_kwargs

    @classmethod
    def add_cli_args(cls, parser):
        from vllm.engine.arg_utils import get_kwargs
        frontend_kwargs = get_kwargs(cls)
        frontend_kwargs = cls._customize_cli_kwargs(frontend_kwargs)
        group = parser.add_argument_group(title="Frontend")
        for key, value in frontend_kwargs.items():
            extra_flags = value.pop("flags", [])
            group.add_argument(*extra_flags, f"--{key.replace('_', '-')}", **value)
        return parser

class FrontendArgs(BaseFrontendArgs):
    log_level: str = "info"

    @classmethod
    def _customize_cli_kwargs(cls, frontend_kwargs):
        frontend_kwargs = super()._customize_cli_kwargs(frontend_kwargs)
        frontend_kwargs["log_level"]["flags"] = ["-l"]
        return frontend_kwargs

def make_arg_parser(parser):
    parser.add_argument("--headless", action="store_true")
    parser = FrontendArgs.add_cli_args(parser)
    parser = AsyncEngineArgs.add_cli_args(parser)
    return parser
"""
CONFIG = """
from typing import Annotated, Literal, Optional, Union
from vllm.config.dtypes import CacheDType as Alias

def config(cls):
    return cls

@config
class Nested:
    pass

class CacheConfig:
    cache_dtype: Alias = "auto"
    block_size: Literal[16, 32] = 16
    max_model_len: Optional[int] = None
    seed: Annotated[Optional[int], "seed"] = 0
    ratio: float = 0.9
    names: Union[str, list[str]] = ""
    prefix: Optional[bool] = None
    nested: Nested | None = None
"""
DTYPES = """
from typing import Literal
CacheDType = Literal["auto", "fp8"]
"""
ENGINE = """
import argparse
from vllm.config import CacheConfig
from vllm.parser import FlexibleArgumentParser

def get_kwargs(cls):
    human_readable = {"max_model_len"}

class EngineArgs:
    @staticmethod
    def add_cli_args(parser):
        cache_kwargs = get_kwargs(CacheConfig)
        cache_group = parser.add_argument_group(title="Cache")
        cache_group.add_argument("--kv-cache-dtype", **cache_kwargs["cache_dtype"])
        cache_group.add_argument("--block-size", **cache_kwargs["block_size"])
        cache_group.add_argument("--max-model-len", **cache_kwargs["max_model_len"])
        cache_group.add_argument("--seed", "-s", **{**cache_kwargs["seed"], "default": None})
        ratio_kwargs = cache_kwargs["ratio"]
        cache_group.add_argument("--ratio", **ratio_kwargs)
        cache_group.add_argument("--names", **cache_kwargs["names"])
        cache_group.add_argument("--enable-prefix", **cache_kwargs["prefix"])
        cache_group.add_argument("--nested", **cache_kwargs["nested"])
        for arg, type in [("--old-a", str), ("--old-b", int)]:
            cache_group.add_argument(arg, type=type, deprecated=True)
        cache_group.add_argument("--hf-token", type=str, nargs="?", const=True)
        return parser

class AsyncEngineArgs(EngineArgs):
    @staticmethod
    def add_cli_args(parser, async_args_only=False):
        if not async_args_only:
            parser = EngineArgs.add_cli_args(parser)
        parser.add_argument("--log", action=argparse.BooleanOptionalAction)
        return parser
"""
FILES = {
    "vllm/entrypoints/cli/serve.py": SERVE,
    "vllm/entrypoints/openai/cli_args.py": FRONTEND,
    "vllm/config/__init__.py": CONFIG,
    "vllm/config/dtypes.py": DTYPES,
    "vllm/engine/arg_utils.py": ENGINE,
    "vllm/parser.py": "class FlexibleArgumentParser: pass",
}


def made_up(**changes: str) -> Source:
    changed = {f"vllm/{name}.py": text for name, text in changes.items()}
    return Source("0.0.0", FILES | changed)


def test_every_way_to_register_an_option_is_followed() -> None:
    assert serve_options(made_up()) == {
        "--block-size": Kind.INT,
        "--enable-prefix": Kind.SWITCH,
        "--headless": Kind.FLAG,
        "--help": Kind.FLAG,
        "--hf-token": Kind.OPTIONAL,
        "--kv-cache-dtype": Kind.VALUE,
        "--log": Kind.SWITCH,
        "--log-level": Kind.VALUE,
        "--max-model-len": Kind.VALUE,
        "--middleware": Kind.VALUE,
        "--names": Kind.LIST,
        "--nested": Kind.JSON,
        "--old-a": Kind.VALUE,
        "--old-b": Kind.VALUE,
        "--ratio": Kind.FLOAT,
        "--seed": Kind.INT,
        "--verbose": Kind.SWITCH,
        "-h": Kind.FLAG,
        "-l": Kind.VALUE,
        "-s": Kind.INT,
    }


def test_choices_bounds_and_other_names_are_read_with_the_options() -> None:
    config = CONFIG.replace("ratio: float = 0.9", "ratio: float = Field(default=0.9, gt=0, le=1)")
    files = {
        "vllm/config/__init__.py": config,
        "vllm/tool_parsers/__init__.py": '_TOOL_PARSERS_TO_REGISTER = {"hermes": ("a", "A")}',
        "vllm/tool_parsers/old.py": '@Manager.register_module(["jamba", "j"])\nclass Jamba: pass',
        "vllm/entrypoints/openai/cli_args.py": FRONTEND.replace(
            'log_level: str = "info"', 'log_level: str = "info"\n    tool_call_parser: str = None'
        ),
    }
    serve = read_serve(Source("0.0.0", FILES | files))
    assert serve.choices == {
        "--kv-cache-dtype": ("auto", "fp8"),
        "--block-size": ("16", "32"),
        "--tool-call-parser": ("hermes", "j", "jamba"),
    }
    assert serve.bounds == {"--ratio": ">0 <=1"}
    assert serve.aliases == {"-s": "--seed", "-l": "--log-level"}


# vllm/engine/arg_utils.py of 0.33.0: the type of speculative_config, and a choice of
# all2all_backend that is no argument.
def test_what_is_set_after_get_kwargs_counts() -> None:
    before = "        cache_group.add_argument("
    change = (
        '        cache_kwargs["prefix"]["action"] = "store"\n'
        '        cache_kwargs["prefix"]["type"] = optional_type(json.loads)\n'
        '        cache_kwargs["cache_dtype"]["choices"].remove(UNUSED)\n'
    )
    text = 'UNUSED = "fp8"\n' + ENGINE.replace(before, change + before, 1)
    serve = read_serve(Source("0.0.0", FILES | {"vllm/engine/arg_utils.py": text}))
    assert serve.options["--enable-prefix"] is Kind.JSON
    assert serve.choices["--kv-cache-dtype"] == ("auto",)


# vllm/config/model.py: RunnerOption = Literal["auto", RunnerType].
def test_a_literal_within_a_literal_is_read() -> None:
    dtypes = 'Inner = Literal["fp8", "int8"]\nCacheDType = Literal["auto", Inner, Literal["int4"]]'
    source = Source("0.0.0", FILES | {"vllm/config/dtypes.py": dtypes})
    assert read_serve(source).choices["--kv-cache-dtype"] == ("auto", "fp8", "int8", "int4")


@pytest.mark.parametrize("part", ["Elsewhere", "*NAMES", "names()", "module.NAME"])
def test_a_literal_that_cannot_be_read_is_an_error_and_no_gap(part: str) -> None:
    source = Source(
        "0.0.0", FILES | {"vllm/config/dtypes.py": f'CacheDType = Literal["a", {part}]'}
    )
    with pytest.raises(ExtractionError, match="choices of cache_dtype"):
        read_serve(source)


# vllm/model_executor/model_loader/__init__.py since 0.10.1, vllm/config.py before it.
@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("model_executor/model_loader", '_LOAD_FORMAT_TO_MODEL_LOADER: dict = {"pt": A, "hf": A}'),
        ("config", f'{CONFIG}\nclass LoadFormat(str, Enum):\n    PT = "pt"\n    HF = "hf"'),
    ],
)
def test_load_formats_are_those_that_have_a_loader(file: str, text: str) -> None:
    engine = ENGINE.replace('"--old-a"', '"--load-format"')
    files = {"vllm/engine/arg_utils.py": engine, f"vllm/{file}/__init__.py": text}
    assert read_serve(Source("0.0.0", FILES | files)).choices["--load-format"] == ("pt", "hf")


def test_a_parser_that_pairs_enable_with_disable_makes_toggles() -> None:
    parser = 'class FlexibleArgumentParser: pairs = {"--enable-": "--disable-"}'
    options = serve_options(made_up(parser=parser))
    assert options["--enable-prefix"] is Kind.TOGGLE
    assert options["--log"] is Kind.SWITCH


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"--kv-cache-dtype"', "name()"),
        ('**cache_kwargs["cache_dtype"]', "**made_elsewhere()"),
        ('nargs="?", const=True', "nargs=2"),
        ("type=str, nargs", "type=made_elsewhere(str), nargs"),
        ("type=str, nargs", "type=unheard_of, nargs"),
        ('for arg, type in [("--old-a", str), ("--old-b", int)]', "for arg, type in old()"),
    ],
)
def test_source_that_cannot_be_followed_is_an_error_and_no_gap(old: str, new: str) -> None:
    text = ENGINE.replace(old, new)
    assert text != ENGINE
    source = Source("0.0.0", FILES | {"vllm/engine/arg_utils.py": text})
    with pytest.raises(ExtractionError):
        serve_options(source)


def test_a_table_holds_what_it_was_given_in_spans_of_releases() -> None:
    def release(options: Mapping[str, Kind]) -> ReleaseOptions:
        return ReleaseOptions(options, dotted=True)

    tables = {
        "0.10.0": release({"--a": Kind.INT, "--b": Kind.FLAG}),
        "0.9.2": release({"--a": Kind.INT}),
        "0.11.0": release({"--a": Kind.VALUE, "--c": Kind.SWITCH}),
    }
    text = encode(tables)
    assert '"--a": ["int 0.9.2-0.10.0", "value 0.11.0-"]' in text
    assert '"--b": ["flag 0.10.0-0.10.0"]' in text
    assert stored(text) == tables
    assert encode(dict(reversed(tables.items()))) == text


def test_the_shipped_table_is_what_its_own_content_encodes_to() -> None:
    assert TABLE.name == FILE
    text = TABLE.read_text(encoding="utf-8")
    assert encode(stored(text)) == text


@pytest.mark.index
@pytest.mark.parametrize("release", ["0.11.0", "0.15.1"])  # 0.15.1 has wheels alone
def test_the_shipped_table_holds_what_a_published_release_registers(release: str) -> None:
    known = stored(TABLE.read_text(encoding="utf-8"))
    try:
        source = fetch(release)
    except SourceError as error:
        pytest.skip(str(error))
    assert ReleaseOptions.read(source) == known[release]


def test_text_that_is_no_version_is_refused_before_anything_is_fetched(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--check", "latest"])

    assert caught.value.code == 2
    assert "vLLM version 'latest' is no version" in capsys.readouterr().err
