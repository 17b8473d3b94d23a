"""Fields of a model besides its cells: its id, its download, its waivers, its keys."""

from __future__ import annotations

from testing.edits import edited
from tests.bad_profiles.case import NO_PATTERN, TINY, Case, case, measured, more, tiny

_NO_HUB_ID = (
    "is not a Hugging Face Hub id: use organisation/name of letters, digits, '-', '_' and '.', "
    "such as google/gemma-3-27b-it"
)
_NO_REASON = "needs a reason of at least three words"
_UNKNOWN_RULE = "is an unknown rule; write an id such as IRA005; did you mean"


def _bad_id(name: str, written: str, shown: str) -> Case:
    message = f"1:11: model_id: {shown} {_NO_HUB_ID}"
    return tiny(name, {"acme/tiny-1b": written}, message)


_IDS = [
    _bad_id("model_id_that_climbs", "acme/../../x", "'acme/../../x'"),
    _bad_id("model_id_with_a_command", "acme/$(id)", "'acme/$(id)'"),
    _bad_id("model_id_with_a_newline", '"acme/tiny\\nrm -rf"', "'acme/tiny\\nrm -rf'"),
    _bad_id("model_id_with_a_semicolon", "acme/tiny;id", "'acme/tiny;id'"),
    _bad_id("model_id_with_a_space", "acme/tiny 1b", "'acme/tiny 1b'"),
    _bad_id("model_id_with_backticks", "acme/`id`", "'acme/`id`'"),
    _bad_id("model_id_with_quotes", '"acme/tiny\'1b"', '"acme/tiny\'1b"'),
    _bad_id("model_id_with_two_dashes", "acme/tiny--1b", "'acme/tiny--1b'"),
    _bad_id("model_id_with_two_dots", "acme/tiny..1b", "'acme/tiny..1b'"),
    _bad_id("model_id_without_organisation", "tiny-1b", "'tiny-1b'"),
    tiny(
        "model_id_of_a_git_address",
        {"acme/tiny-1b": "acme/tiny-1b.git"},
        "1:11: model_id: 'acme/tiny-1b.git' ends in .git, which is its address for git: leave the "
        "ending out",
    ),
]

_NO_REVISION = "is no revision; write a commit of 40 hex digits, or the name of a tag or branch"


def _bad_revision(name: str, written: str, message: str) -> Case:
    return tiny(name, {"cells:": f"revision: {written}\ncells:"}, f"2:11: revision: {message}")


_SHORT = "looks like a commit, and has 7 digits; write all 40 of them, in lower case"

_REVISIONS = [
    _bad_revision("revision_with_a_space", "the latest", f"'the latest' {_NO_REVISION}"),
    _bad_revision("revision_that_climbs", "a/../b", f"'a/../b' {_NO_REVISION}"),
    _bad_revision("revision_that_is_an_option", "-rf", f"'-rf' {_NO_REVISION}"),
    _bad_revision("revision_of_a_lock", "main.lock", f"'main.lock' {_NO_REVISION}"),
    _bad_revision("revision_with_a_command", "$(id)", f"'$(id)' {_NO_REVISION}"),
    _bad_revision("revision_that_is_half_a_commit", "9216db5", f"'9216db5' {_SHORT}"),
    _bad_revision(
        "revision_in_upper_case",
        "C0FFEE" + "0" * 34,
        f"'C0FFEE{'0' * 34}' {_SHORT.replace('7', '40')}",
    ),
    tiny(
        "revision_of_no_other_repository",
        more("    revision: v2"),
        "4:5: cells.h100: has revision of its own and no model_id; name the repository that it is "
        "of, or move revision to the model",
    ),
    tiny(
        "cell_with_the_models_own_id",
        more("    model_id: acme/tiny-1b"),
        "9:15: cells.h100.model_id: is the model's own; leave it out, or name another repository",
    ),
    measured(
        "another_repository_without_weights",
        more("    model_id: acme/tiny-1b-awq"),
        "20:15: cells.h100.model_id: is another repository than the model's, whose weights are not "
        "those of this one; add `weights` to the cell",
    ),
    tiny(
        "weights_of_another_repository_without_geometry",
        more("    model_id: acme/tiny-1b-awq\n    weights: {total_gib: 1}"),
        "10:5: cells.h100.weights: needs the model's geometry beside it to judge the memory",
    ),
    tiny(
        "two_revisions_of_one_repository",
        more(
            "    model_id: acme/tiny-1b-awq\n    revision: v1\n  h200:\n    tensor_parallel: 1\n"
            "    cpu: 10\n    memory: 128G\n    gpu_memory_utilization: 0.95\n"
            "    max_model_len: 8192\n    model_id: acme/tiny-1b-awq"
        ),
        "17:15: cells.h200.model_id: is acme/tiny-1b-awq, as that of models/tiny.yaml, cells.h100, "
        "and both are one folder of the bucket; give them the same `revision`",
    ),
    measured(
        "measured_weights_of_another_repository",
        more(
            "    model_id: acme/tiny-1b-awq\n    weights:\n      total_gib: 1\n      measured:\n"
            "        - {tensor_parallel: 1, gib: 2}"
        ),
        "24:37: cells.h100.weights.measured[0].gib: is 2 GiB on 1 GPU, and of 1 1.00: total_gib "
        "contradicts it; keep the one that a log shows",
    ),
]

_SPECULATIVE = "9:14: speculative: has"

_FURTHER_MODELS = [
    tiny(
        "adapter_with_the_models_name",
        more("lora_adapters:\n  - {name: acme/tiny-1b, model_id: acme/sql}"),
        "10:12: lora_adapters[0].name: is 'acme/tiny-1b', which is a name of the model itself; "
        "choose another",
    ),
    tiny(
        "adapter_with_a_served_name",
        more("served_model_names: [chat]\nlora_adapters: [{name: chat, model_id: acme/sql}]"),
        "10:24: lora_adapters[0].name: is 'chat', which is a name of the model itself; choose "
        "another",
    ),
    tiny(
        "two_adapters_with_one_name",
        more(
            "    lora_adapters: [{name: sql, model_id: acme/b}]\n"
            "lora_adapters: [{name: sql, model_id: acme/a}]"
        ),
        "9:28: cells.h100.lora_adapters[0].name: is 'sql', which is the name of another adapter; "
        "choose another",
    ),
    tiny(
        "adapter_that_is_the_model",
        more("lora_adapters: [{name: sql, model_id: acme/tiny-1b}]"),
        "9:39: lora_adapters[0].model_id: is acme/tiny-1b, the model itself; name another "
        "repository",
    ),
    tiny(
        "adapter_in_two_revisions",
        more(
            "lora_adapters:\n  - {name: a, model_id: acme/sql}\n"
            "  - {name: b, model_id: acme/sql, revision: v2}"
        ),
        "11:25: lora_adapters[1].model_id: is acme/sql, as that of models/tiny.yaml, "
        "lora_adapters.0, and both are one folder of the bucket; give them the same `revision`",
    ),
    tiny(
        "volume_of_an_adapter",
        more(
            "lora_adapters: [{name: sql, model_id: acme/sql}]\n"
            "volumes: [{name: gcsfuse-1, emptyDir: {}}]"
        ),
        "10:18: volumes[0].name: is gcsfuse-1, the volume of acme/sql; choose another name",
    ),
    tiny(
        "adapters_rank_without_adapters",
        more("max_lora_rank: 32"),
        "9:16: max_lora_rank: is of adapters, and there are none; add lora_adapters, or leave it "
        "out",
    ),
    tiny(
        "adapters_as_a_field_and_as_a_flag",
        more("    args: [--enable-lora]\nlora_adapters: [{name: sql, model_id: acme/sql}]"),
        "9:12: cells.h100.args[0]: sets --enable-lora, as lora_adapters does; keep one",
    ),
    tiny(
        "draft_without_a_model",
        more("speculative: {method: eagle3, num_speculative_tokens: 3}"),
        f"{_SPECULATIVE} the method eagle3, which needs a draft; set model_id",
    ),
    tiny(
        "draft_of_ngram",
        more("speculative: {method: ngram, num_speculative_tokens: 3, model_id: acme/draft}"),
        f"{_SPECULATIVE} model_id, and ngram has no draft; leave it out",
    ),
    tiny(
        "lookup_of_a_draft",
        more("speculative: {method: mtp, num_speculative_tokens: 1, prompt_lookup_min: 2}"),
        f"{_SPECULATIVE} prompt_lookup_min, which is of ngram alone; leave it out",
    ),
    tiny(
        "lookup_of_more_than_the_most",
        more(
            "speculative: {method: ngram, num_speculative_tokens: 1, prompt_lookup_min: 5, "
            "prompt_lookup_max: 2}"
        ),
        f"{_SPECULATIVE} prompt_lookup_min 5 above prompt_lookup_max 2; min must not exceed max",
    ),
]

_KEYS = [
    tiny(
        "no_cells",
        {TINY.partition("cells:")[2]: " {}\n"},
        "2:8: cells: is empty; at least one entry is needed",
    ),
    tiny(
        "unknown_key",
        more("modle_id: x/y"),
        "9:1: modle_id: is an unknown key; did you mean 'model_id'?",
    ),
    tiny(
        "remote_code_in_words",
        {"cells:": "trust_remote_code: not needed here\nwaive:\n  IRA003: no\ncells:"},
        "2:20: trust_remote_code: is the text 'not needed here'; it must be true or false",
        f"4:11: waive.IRA003: 'no' {_NO_REASON}",
    ),
]

_WAIVERS = [
    tiny(
        "unknown_rule",
        more("    waive:\n      IRA0005: It is not needed here."),
        f"10:7: cells.h100.waive.IRA0005: {_UNKNOWN_RULE} 'IRA005'?",
    ),
    tiny(
        "unknown_rule_of_a_model",
        {"cells:": "waive:\n  IRA043x: Its tokenizer is no part of vLLM.\ncells:"},
        f"3:3: waive.IRA043x: {_UNKNOWN_RULE} 'IRA043'?",
    ),
    tiny(
        "unknown_rule_without_a_reason",
        more("    waive:\n      IRA005x: foo"),
        f"10:7: cells.h100.waive.IRA005x: {_UNKNOWN_RULE} 'IRA005'?",
        f"10:16: cells.h100.waive.IRA005x: 'foo' {_NO_REASON}",
    ),
    tiny(
        "waiver_without_a_reason",
        more("    waive:\n      IRA005: no"),
        f"10:15: cells.h100.waive.IRA005: 'no' {_NO_REASON}",
    ),
]

_PATTERNS = """\
download:
  keep:
    - params.json tekken.json
  exclude:
    - $(MODEL_ID)
cells:
"""
_KEPT = """\
download:
  keep:
    - consolidated*.safetensors
cells:
"""

_DOWNLOADS = [
    case(
        "download_patterns_that_are_none",
        f"profiles/models/mine.yaml:4:7: download.keep[0]: 'params.json tekken.json' {NO_PATTERN}",
        f"profiles/models/mine.yaml:6:7: download.exclude[0]: '$(MODEL_ID)' {NO_PATTERN}",
        files={"models/mine.yaml": edited(TINY, {"cells:\n": _PATTERNS})},
    ),
    case(
        "one_model_downloaded_in_two_ways",
        "profiles/models/mine.yaml:1:11: model_id: is google/gemma-3-27b-it, as that of "
        "models/gemma3-27b.yaml, and both are one folder of the bucket; give them the same "
        "`download`",
        files={
            "models/mine.yaml": edited(
                TINY, {"acme/tiny-1b": "google/gemma-3-27b-it", "cells:\n": _KEPT}
            )
        },
    ),
]

CASES: list[Case] = [*_IDS, *_REVISIONS, *_FURTHER_MODELS, *_KEYS, *_WAIVERS, *_DOWNLOADS]
