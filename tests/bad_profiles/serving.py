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
