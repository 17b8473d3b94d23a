"""Arguments that vLLM's parser refuses, by argparse's rules and docs.vllm.ai, cli/serve."""

import argparse
import json
from collections.abc import Callable
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ira_manifests.vllm import (
    Kind,
    Reason,
    UnknownReleaseError,
    flag_problems,
    human_readable_int,
    releases,
    settings,
    unknown_flags,
)
from ira_manifests.vllm.options import kinds_at, table
from tests.support import examples


def reasons(*arguments: str, version: str = "0.26.0") -> list[tuple[int, Reason]]:
    return [(p.index, p.reason) for p in flag_problems(["model", *arguments], version)]


@pytest.mark.parametrize("version", releases())
def test_our_command_line_is_right_in_every_release(version: str) -> None:
    ours = (
        "--gpu-memory-utilization=0.95",
        "--max-model-len=32768",
        "--tensor-parallel-size=2",
        "--trust-remote-code",
    )
    assert reasons(*ours, version=version) == []


def test_an_unknown_flag_says_when_it_was_taken_and_what_says_the_same() -> None:
    (found,) = unknown_flags(["model", "--disable-log-requests"], "0.26.0")
    assert found.flag == "--disable-log-requests"
    assert found.last_release == "0.16.0"
    assert found.suggestion == "--no-enable-log-requests"
    assert "unknown to vLLM 0.26.0 (last taken by 0.16.0" in found.message


def test_a_flag_that_is_too_new_says_since_when_it_is_taken() -> None:
    (found,) = unknown_flags(["model", "--no-enable-log-requests"], "0.8.5")
    assert found.last_release is None
    assert found.next_release == "0.10.1"
    assert "new in 0.10.1" in found.message


def test_a_misspelt_flag_suggests_the_right_one() -> None:
    (found,) = unknown_flags(["model", "--tensor-paralel-size=2"], "0.26.0")
    assert found.suggestion == "--tensor-parallel-size"
    assert found.message.endswith("did you mean '--tensor-parallel-size'?")


def test_nothing_is_suggested_for_what_looks_like_nothing() -> None:
    (found,) = unknown_flags(["model", "--zzz"], "0.26.0")
    assert found.suggestion is None


def test_the_value_of_an_unknown_flag_is_no_second_model() -> None:
    assert reasons("--swap-space", "4") == [(1, Reason.UNKNOWN)]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--tensor_parallel_size=2"], []),
        (["--tensor-parallel=2"], []),
        (["-tp", "2"], []),
        (["-tp=2"], []),
        (["--port"], [(1, Reason.NO_VALUE)]),
        (["--port", "--enforce-eager"], [(1, Reason.NO_VALUE)]),
        (["--enforce-eager=true"], [(1, Reason.NEEDLESS_VALUE)]),
        (["--enforce-eager", "true"], [(2, Reason.NEEDLESS_VALUE)]),
        (["--no-enforce-eager"], []),
        (["--no-enforce-eager=1"], [(1, Reason.NEEDLESS_VALUE)]),
        (["--tensor-parallel-size", "two"], [(1, Reason.NOT_A_NUMBER)]),
        (["--tensor-parallel-size=0.5"], [(1, Reason.NOT_A_NUMBER)]),
        (["--gpu-memory-utilization=90%"], [(1, Reason.NOT_A_NUMBER)]),
        (["--max-model-len=128k"], []),
        (["--max-model-len", "auto"], []),
        (["--max-model-len", "-1"], []),
        (["--seed", "-1"], []),
        (["--served-model-name", "a", "b", "--port", "80"], []),
        (["--served-model-name"], [(1, Reason.NO_VALUE)]),
        (["--hf-token"], []),
        (["--hf-token", "x"], []),
        (["--max-num=2"], [(1, Reason.AMBIGUOUS)]),
        (["stray"], [(1, Reason.NOT_AN_OPTION)]),
        (["--", "--port"], [(2, Reason.NOT_AN_OPTION)]),
        (["--compilation-config.level", "3"], []),
        (["--compilation_config.cudagraph_mode=FULL"], []),
        (["--compilation-config.sizes+", "1,2"], []),
        (["--compilation-config.level"], [(1, Reason.NO_VALUE)]),
        (["--compilation-confg.level=3"], [(1, Reason.UNKNOWN)]),
        (["--enforce-eager.x=1"], [(1, Reason.NEEDLESS_VALUE)]),
        (["--port.x=1"], [(1, Reason.NOT_A_NUMBER)]),
        (["-O3"], []),
        (["-O", "3"], []),
        (["-O=3"], []),
        (["--chat-template=./chat.jinja"], []),
        (["--generation-config", "vllm", "--limit-mm-per-prompt", '{"image": 1}'], []),
        (["--tensor-parallel-size=$(TENSOR_PARALLEL_SIZE)"], []),
    ],
)
def test_arguments_are_judged_as_the_parser_reads_them(
    arguments: list[str], expected: list[tuple[int, Reason]]
) -> None:
    assert reasons(*arguments) == expected


def test_keys_of_json_options_are_unknown_before_they_were_introduced() -> None:
    assert reasons("--compilation-config.level=3", version="0.8.5") == [(1, Reason.UNKNOWN)]


def test_the_model_may_stand_behind_the_options() -> None:
    assert flag_problems(["--port=80", "model"], "0.26.0") == []


def test_old_releases_refuse_the_model_as_an_option_of_its_own_argument() -> None:
    (found,) = flag_problems(["--model", "google/gemma-3-1b-it"], "0.9.2")
    assert found.reason is Reason.NOT_APART
    assert "--model=VALUE" in found.message
    assert flag_problems(["--model", "google/gemma-3-1b-it"], "0.26.0") == []


def test_an_ambiguous_flag_names_what_it_may_mean() -> None:
    (found,) = flag_problems(["model", "--max-num=1"], "0.26.0")
    assert "--max-num-batched-tokens" in found.message
    assert "--max-num-seqs" in found.message


def test_an_unknown_release_is_refused() -> None:
    with pytest.raises(
        UnknownReleaseError, match=r"0\.8\.3 are unknown: the table holds releases from 0\.8\.4"
    ):
        flag_problems([], "0.8.3")


class Refusal(Exception):  # noqa: N818 - what the parser below says instead of exiting
    """The parser exits."""


def _unset_or(number: Callable[[str], object]) -> Callable[[str], object]:
    """Accept an empty value too, as vLLM does for options that may be None."""
    return lambda text: number(text) if text else None


class Parser(argparse.ArgumentParser):
    """An argparse parser with the options of a release, to compare with."""

    def __init__(self, version: str) -> None:
        super().__init__(add_help=False)
        self.add_argument("model_tag", nargs="?")
        known = table()
        for name, kind in kinds_at(known.spelled, known.place(version)).items():
            self._add(name, kind)

    def _add(self, name: str, kind: Kind) -> None:
        if kind.is_bare:
            self.add_argument(name, action="store_true")
            return
        number = {
            Kind.INT: _unset_or(int),
            Kind.FLOAT: _unset_or(float),
            Kind.SIZE: _unset_or(human_readable_int),
            Kind.SIZE_OR_AUTO: _unset_or(human_readable_int),
        }.get(kind, str)
        nargs = {Kind.LIST: "+", Kind.OPTIONAL: "?"}.get(kind)
        self.add_argument(name, nargs=nargs, type=number)

    def error(self, message: str) -> NoReturn:
        raise Refusal(message)


PARSER = Parser("0.26.0")
# Without "--", which releases of Python read differently where nothing follows it.
WORDS = st.sampled_from(
    ["model", "2", "-1", "0.5", "{}", "", "-", "two words", "-x", "--x", "--port", "-2x"]
)
NAMES = st.sampled_from(sorted(kinds_at(table().spelled, table().place("0.26.0"))))
WRITTEN = st.one_of(
    NAMES,
    st.tuples(NAMES, st.integers(min_value=3)).map(lambda pair: pair[0][: pair[1]]),
    st.tuples(NAMES, st.sampled_from(["1", "", "a b", "-1"])).map("=".join),
)


@examples(100)
@given(st.lists(st.one_of(WORDS, WRITTEN), max_size=6))
def test_a_command_line_is_right_exactly_where_argparse_takes_it(arguments: list[str]) -> None:
    try:
        PARSER.parse_args(arguments)
    except Refusal as refusal:
        assert flag_problems(arguments, "0.26.0"), refusal
    else:
        found = flag_problems(arguments, "0.26.0")
        assert {problem.reason for problem in found} <= OF_THE_ENGINE


OF_THE_ENGINE = {Reason.NOT_ALLOWED, Reason.NOT_JSON, Reason.NEEDS_ANOTHER}


@examples(100)
@given(st.lists(st.text(), max_size=5), st.sampled_from(releases()))
def test_any_text_is_judged_and_each_problem_has_its_place(
    arguments: list[str], version: str
) -> None:
    found = flag_problems(arguments, version)
    assert all(arguments[problem.index] == problem.argument for problem in found)
    assert [p.index for p in found] == sorted(p.index for p in found)


@pytest.mark.parametrize(
    "written",
    [
        ["-tp", "8"],
        ["-tp=8"],
        ["--tensor-parallel-size", "8"],
        ["--tensor_parallel_size=8"],
        ["--tensor-parallel=8"],  # argparse takes a beginning that only one option has
        ["-tp", "2", "--tensor-parallel-size=8"],  # the last one wins
    ],
)
def test_a_setting_is_read_however_it_is_written(written: list[str]) -> None:
    assert settings(["model", *written, "--enforce-eager"], "0.26.0") == {
        "--tensor-parallel-size": "8",
        "--enforce-eager": "true",
        "--model": "model",
    }


@pytest.mark.parametrize(
    ("written", "option", "text"),
    [
        (["--no-enforce-eager"], "--enforce-eager", "false"),
        (["--enable-lora", "--no-enable-lora"], "--enable-lora", "false"),
        (["--max-num-batched=128k"], "--max-num-batched-tokens", "128k"),
        (["--served-model-name", "a", "b"], "--served-model-name", "a b"),
        (["-O3"], "--optimization-level", "3"),
        (["--hf-token"], "--hf-token", "true"),
        (["-sc.num_speculative_tokens=3"], "--speculative-config", '{"num_speculative_tokens": 3}'),
        (["--model", "google/gemma-3-1b-it"], "--model", "google/gemma-3-1b-it"),
    ],
)
def test_settings_have_the_full_name_of_their_option(
    written: list[str], option: str, text: str
) -> None:
    assert settings(written, "0.26.0") == {option: text}


def test_keys_of_an_option_are_one_object() -> None:
    words = ["--speculative-config.model", "x/y", "--speculative-config.draft.sizes+=1,2"]
    (text,) = settings(words, "0.26.0").values()
    assert json.loads(text) == {"model": "x/y", "draft": {"sizes": ["1", "2"]}}


def test_the_other_name_of_the_memory_share_is_known_since_its_release() -> None:
    words = ["--device-memory-utilization=0.8"]
    assert settings(words, "0.33.0") == {"--gpu-memory-utilization": "0.8"}
    assert flag_problems(words, "0.30.0")


def test_settings_of_an_unknown_release_are_read_as_the_newest() -> None:
    assert settings(["--port=1", "--port=2"], "99.0.0") == {"--port": "2"}


# Examples of vLLM 0.26.0, docstring of human_readable_int, and its two tables of multipliers.
@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1k", 1000),
        ("1K", 1024),
        ("25.6k", 25_600),
        ("128k", 128_000),
        ("128K", 131_072),
        ("1.5m", 1_500_000),
        ("2g", 2_000_000_000),
        ("2G", 2 * 2**30),
        ("1T", 2**40),
        (" 8192 ", 8192),
        ("-1", -1),
    ],
)
def test_numbers_are_read_as_the_engine_reads_them(text: str, number: int) -> None:
    assert human_readable_int(text) == number


@pytest.mark.parametrize("text", ["1.5K", "k", "1kb", "1e3", "auto", ""])
def test_other_texts_are_no_numbers(text: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        human_readable_int(text)


# Release 0.26.0: Literal of ModelDType and ge=1 of SchedulerConfig (argparse and pydantic), the
# registries of vllm/tool_parsers and vllm/reasoning, QUANTIZATION_METHODS of the layers.
@pytest.mark.parametrize(
    ("arguments", "reason", "said"),
    [
        (["--quantization=fp9"], Reason.NOT_ALLOWED, "awq, awq_marlin, bitsandbytes"),
        (["-q", "fp9"], Reason.NOT_ALLOWED, "compressed-tensors"),
        (["--dtype=banana"], Reason.NOT_ALLOWED, "auto, bfloat16, float, float16, float32, half"),
        (["--tool-call-parser=bogus"], Reason.NOT_ALLOWED, "hermes"),
        (["--tool-call-parser=hermis"], Reason.NOT_ALLOWED, "; did you mean 'hermes'?"),
        (["--dtype=bfloat61"], Reason.NOT_ALLOWED, "; did you mean 'bfloat16'?"),
        (["--reasoning-parser=bogus"], Reason.NOT_ALLOWED, "qwen3"),
        (["--max-num-seqs=-5"], Reason.NOT_ALLOWED, "-5 is not >=1"),
        (["--max-num-seqs", "0"], Reason.NOT_ALLOWED, "0 is not >=1"),
        (["--max-num-seqs=1k"], Reason.NOT_A_NUMBER, "no integer"),
        (["--gpu-memory-utilization=1.5"], Reason.NOT_ALLOWED, "not >0 and <=1"),
        (["--max-num-batched-tokens=12x"], Reason.NOT_A_NUMBER, "8192 or 8k"),
        (['--hf-overrides={"a": {"b": 1}'], Reason.NOT_JSON, "character"),
        (['--mm-processor-kwargs={"a": 1'], Reason.NOT_JSON, "character"),
        (["--enable-auto-tool-choice"], Reason.NEEDS_ANOTHER, "add --tool-call-parser"),
        (["--device=cuda"], Reason.NOT_ALLOWED, "short for --device-ids"),
        (['--speculative-config={"method":'], Reason.NOT_JSON, "character"),
        (["-sc=abc"], Reason.NOT_JSON, "character"),
        (["--diffusion-config=abc"], Reason.NOT_JSON, "character"),
        (["--runner=foo"], Reason.NOT_ALLOWED, "auto, draft, generate, pooling"),
        (["--convert=foo"], Reason.NOT_ALLOWED, "auto, classify, embed, none"),
        (["--load-format=foo"], Reason.NOT_ALLOWED, "runai_streamer"),
    ],
)
def test_what_the_release_does_not_allow_is_refused_with_what_it_does(
    arguments: list[str], reason: Reason, said: str
) -> None:
    (found,) = flag_problems(["model", *arguments], "0.26.0")
    assert (found.index, found.reason) == (1, reason)
    assert said in found.message


@pytest.mark.parametrize(
    "arguments",
    [
        ["--quantization=fp8"],
        ["--load-format=runai_streamer"],
        ["--load-format=Safetensors"],  # LoadConfig lowers it
        ['--speculative-config={"method": "ngram", "num_speculative_tokens": 2}'],
        ["--speculative-config=None"],
        ["--runner=pooling", "--convert=embed"],
        ["--max-num-seqs=512", "--max-num-batched-tokens=512"],
        ["--max-num-seqs=512", "--max-num-batched-tokens=8k"],
        ["--max-num-seqs=$(SEQUENCES)", "--max-num-batched-tokens=1"],
        ["--max-num-seqs=512"],  # the budget's default grows with it
        ["--max-num-batched-tokens=100"],  # the default of --max-num-seqs shrinks to it
        ["--quantization=FP8"],  # its validator takes capitals
        ["--dtype=bfloat16"],
        ["--enable-auto-tool-choice", "--tool-call-parser=hermes"],
        ["--tool-call-parser=mine", "--tool-parser-plugin=/p.py"],
        ["--reasoning-parser", "mine", "--reasoning-parser-plugin", "/p.py"],
        ["--tokenizer_mode=mistral"],
        ['--hf-overrides={"rope_scaling": {"factor": 4.0}}'],
        ['--kv-transfer-config={"kv_connector": "x", "cpu_bytes_to_use": 80m}'],
        ['--compilation-config={"cudagraph_capture_sizes": [1, 2]}'],
        ["--enable-lora", "--lora-modules=sql=/p"],
        ["--api-key=$(KEY)"],
        ["-O3"],
        ["--chat-template={{ messages }} and text"],
        ["--max-num-seqs=$(SEQUENCES)"],
        ["--device-ids=0,1"],
        ["--device-ids", "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6"],
    ],
)
def test_what_the_engine_takes_is_taken(arguments: list[str]) -> None:
    assert flag_problems(["model", *arguments], "0.26.0") == []


@pytest.mark.parametrize(
    ("version", "reasons"),
    [
        ("0.9.2", []),  # an option of its own, gone after it
        ("0.19.0", [Reason.UNKNOWN]),
        ("0.24.0", [Reason.NOT_ALLOWED]),
        ("0.33.0", [Reason.AMBIGUOUS]),  # --device-ids, --device-memory-utilization
    ],
)
def test_device_is_what_the_releases_parser_makes_of_it(
    version: str, reasons: list[Reason]
) -> None:
    assert [p.reason for p in flag_problems(["model", "--device=cuda"], version)] == reasons


# vllm/config/scheduler.py (vllm/config.py before 0.10.1): "max_num_batched_tokens must be greater
# than or equal to max_num_seqs", in every release of the table.
@pytest.mark.parametrize("version", releases())
def test_more_sequences_than_tokens_of_a_step_are_refused(version: str) -> None:
    few, many = "--max-num-batched-tokens=100", "--max-num-seqs=512"
    for words in ([few, many], [many, few], ["--max-num-seqs=1", many, few]):
        assert reasons(*words, version=version) == [(len(words), Reason.NOT_ALLOWED)]
    assert reasons(many, few, "--max-num-batched-tokens=512", version=version) == []


def test_more_active_sequences_than_sequences_are_refused() -> None:
    words = ["--max-num-seqs=8", "--max-num-active-seqs=9"]
    assert reasons(*words, version="0.31.0") == [(2, Reason.NOT_ALLOWED)]


# vllm/engine/arg_utils.py: json.loads before 0.10.1, optional_type(json.loads) since.
@pytest.mark.parametrize("version", releases())
@pytest.mark.parametrize("value", ['{"method":', "abc"])
def test_speculative_config_is_json_in_every_release(version: str, value: str) -> None:
    flag = f"--speculative-config={value}"
    assert reasons(flag, version=version) == [(1, Reason.NOT_JSON)]


@pytest.mark.parametrize("version", releases())
def test_every_release_has_its_load_formats(version: str) -> None:
    assert reasons("--load-format=foo", version=version) == [(1, Reason.NOT_ALLOWED)]
    for name in ("auto", "safetensors", "dummy", "runai_streamer", "mistral"):
        assert reasons(f"--load-format={name}", version=version) == []


# 0.33.0: arg_utils.py takes passthrough out of the choices before it registers them.
def test_a_choice_for_the_engine_alone_is_no_argument() -> None:
    flag = "--all2all-backend=passthrough"
    assert reasons(flag, version="0.33.0") == [(1, Reason.NOT_ALLOWED)]


@pytest.mark.parametrize("version", releases())
def test_every_release_refuses_names_and_numbers_that_it_does_not_have(version: str) -> None:
    words = ["--quantization=fp9", "--dtype=banana", "--max-num-seqs=0"]
    words += ["--enable-auto-tool-choice", "--tool-call-parser=bogus"]
    assert reasons(*words, version=version) == [
        (1, Reason.NOT_ALLOWED), (2, Reason.NOT_ALLOWED), (3, Reason.NOT_ALLOWED),
        (5, Reason.NOT_ALLOWED),
    ]  # fmt: skip
    assert reasons("--enable-auto-tool-choice", "--tool-call-parser=hermes", version=version) == []


@pytest.mark.parametrize(
    ("model", "version", "refused"),
    [
        ("/gcs/google/gemma-3-27b-it", "0.26.0", True),
        ("google/gemma-2-9b", "0.9.1", True),
        ("/gcs/google/gemma-3-27b-it", "0.9.0", False),  # it warns
        ("google/gemma-3n-E4B-it", "0.26.0", False),
        ("google/gemma-4-31B-it", "0.26.0", False),
        ("Qwen/Qwen3-32B", "0.26.0", False),
    ],
)
def test_float16_is_refused_for_models_that_overflow_in_it(
    model: str, version: str, refused: bool
) -> None:
    found = flag_problems([model, "--dtype=float16"], version)
    assert [p.reason for p in found] == [Reason.NOT_ALLOWED] * refused
    assert flag_problems([model, "--dtype=bfloat16"], version) == []


# vllm/utils: parse_args raises for `--model` where the first argument is `serve`, to 0.11.0.
@pytest.mark.parametrize(
    ("version", "serve", "expected"),
    [
        ("0.11.0", True, [Reason.NOT_APART]),
        ("0.11.0", False, []),
        ("0.8.4", False, []),
        ("0.11.1", True, []),
        ("0.33.0", True, []),
    ],
)
def test_only_serve_of_old_releases_refuses_the_model_in_two_words(
    version: str, serve: bool, expected: list[Reason]
) -> None:
    found = flag_problems(["--model", "google/gemma-3-1b-it"], version, serve=serve)
    assert [problem.reason for problem in found] == expected
