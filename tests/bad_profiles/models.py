"""Fields of a model besides its cells: its id, its download, its waivers, its keys."""

from __future__ import annotations

from testing.edits import edited
from tests.bad_profiles.case import NO_PATTERN, TINY, Case, case, more, tiny

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
        more("    waive:\n      IRA999: foo"),
        f"10:7: cells.h100.waive.IRA999: {_UNKNOWN_RULE} 'IRA039'?",
        f"10:15: cells.h100.waive.IRA999: 'foo' {_NO_REASON}",
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

CASES: list[Case] = [*_IDS, *_KEYS, *_WAIVERS, *_DOWNLOADS]
