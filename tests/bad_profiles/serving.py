"""Serving fields: replicas, labels, environment variables."""

from __future__ import annotations

from tests.bad_profiles.case import Case, more, tiny

_OURS = (
    "is set by the constructs, as are app.kubernetes.io/component, app.kubernetes.io/instance, "
    "app.kubernetes.io/managed-by, app.kubernetes.io/name, app.kubernetes.io/part-of, "
    "app.kubernetes.io/version, ira-manifests/bucket; choose another key"
)


def _cell(name: str, text: str, *expected: str) -> Case:
    return tiny(name, more(text), *expected)


CASES = [
    _cell(
        "no_replicas",
        "    replicas: 0\n",
        "9:15: cells.h100.replicas: is the number 0; it must be more than 0",
    ),
    _cell(
        "names_and_files_of_no_model",
        "    served_model_names: ['', -x]\n    chat_template: ../a.jinja\n"
        "    tool_call_parser: a b\n",
        "9:26: cells.h100.served_model_names[0]: '' is not a model's name such as gemma",
        "9:30: cells.h100.served_model_names[1]: '-x' is not a model's name such as gemma",
        "10:20: cells.h100.chat_template: '../a.jinja' is not a file such as "
        "chat_template.jinja or /vllm-workspace/examples/tools.jinja",
        "11:23: cells.h100.tool_call_parser: 'a b' is not a parser such as hermes",
    ),
    _cell(
        "names_as_a_flag",
        "    flags: [--served-model-name=a]\n",
        "9:13: cells.h100.flags[0]: '--served-model-name=a' can't be set in flags: set "
        "served_model_names",
    ),
    _cell(
        "flag_beside_its_field",
        "    flags: [--seed=1, --tool-call-parser=hermes]\n    tool_call_parser: hermes\n",
        "9:23: cells.h100.flags[1]: sets --tool-call-parser, as tool_call_parser does; keep one",
    ),
    _cell(
        "label_of_the_selector",
        "    labels: {app.kubernetes.io/name: mine}\n",
        f"9:14: cells.h100.labels.app.kubernetes.io/name: 'app.kubernetes.io/name' {_OURS}",
    ),
    _cell(
        "variable_of_the_construct",
        "    env: {MODEL_ID: mine, PYTHONPATH=: a}\n",
        "9:11: cells.h100.env.MODEL_ID: 'MODEL_ID' can't be set in env: set model_id",
        "9:27: cells.h100.env.PYTHONPATH=: 'PYTHONPATH=' is not a variable's name such as "
        "VLLM_LOGGING_LEVEL",
    ),
    _cell(
        "variable_that_is_a_truth_value",
        "    env:\n      A: true\n      B:\n      C: [1]\n",
        "10:10: cells.h100.env.A: is true; write the text of the variable in quotes",
        "11:9: cells.h100.env.B: is empty; write the text of the variable in quotes",
        "12:10: cells.h100.env.C: is a list; it must be text in quotes",
    ),
    _cell(
        "variable_of_two_sources",
        "    env:\n      A: {secret: one, config_map: two, key: a}\n      B: {secret: one}\n",
        "10:10: cells.h100.env.A: names a Secret or a ConfigMap; give one of secret and config_map",
        "11:10: cells.h100.env.B.key: is missing",
    ),
]
