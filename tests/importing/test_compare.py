"""Objects that mean the same are the same, and each difference is told once."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ira_manifests.importing.compare import Difference, differences
from tests.importing.trees import DEPLOYMENT, SERVICE


def objects(*edits: tuple[str, str]) -> list[dict[str, Any]]:
    text = f"{DEPLOYMENT}---\n{SERVICE}"
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    return list(yaml.safe_load_all(text))


SAME = {
    "an option in two words": ("--max-num-seqs=64", "--max_num_seqs=64"),
    "a number with zeros": ("0.90", "0.9"),
    "CPUs in thousandths": ("cpu: 10,", "cpu: 10000m,"),
    "requests that equal limits": (
        "limits: {cpu: 10, memory: 128G, nvidia.com/gpu: 1}",
        "limits: {cpu: 10, memory: 128G, nvidia.com/gpu: 1}\n            requests: {cpu: 10}",
    ),
    "a volume of another name": ("templates", "chat-templates-of-ours"),
    "mount options in another form": ("implicit-dirs,", " implicit-dirs ,"),
    "a default that is written": ("port: 8000, ", "protocol: TCP, port: 8000, "),
    "the model as an option": ("- /gcs/google", "- --model=/gcs/google"),
    "a variable in place of a value": (
        '- "32768"\n', '- "$(LEN)"\n            - --seed=1\n'),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_what_means_the_same_is_no_difference(name: str) -> None:
    there, here = objects(), objects(SAME[name])
    if "of another name" in name:  # but not the ConfigMap that it shows
        here = objects(("name: templates", "name: other"), ("configMap: {name: other}",
                       "configMap: {name: templates}"))  # fmt: skip
    if "variable" in name:
        there = objects(("- --max-num-seqs", "- --seed=1\n            - --max-num-seqs"))
        variable = "value: DEBUG}\n            - {name: LEN, value: '32768'}"
        here = objects(SAME[name], ("value: DEBUG}", variable))

    assert differences(there, here) == []


DIFFERENT = {
    "an option": (("=64", "=65"), "pod.container[server].args.--max-num-seqs", "64", "65"),
    "an image": (("v0.19.0", "v0.26.0"), "pod.container[server].image",
                 "vllm/vllm-openai:v0.19.0", "vllm/vllm-openai:v0.26.0"),
    "a variable": (("value: DEBUG", "value: INFO"),
                   "pod.container[server].env.VLLM_LOGGING_LEVEL", "DEBUG", "INFO"),
    "the key of a Secret": (("key: api", "key: other"), "pod.container[server].env.OTEL_KEY",
                            "Secret otel, key api", "Secret otel, key other"),
    "replicas": (("replicas: 2", "replicas: 3"), "spec.replicas", "2", "3"),
    "a node label": (("high-x1", "high-x2"), "pod.nodeSelector.cloud.google.com/compute-class",
                     "gpu-h100-80gb-high-x1", "gpu-h100-80gb-high-x2"),
    "a bucket": (("acme-models", "other"),
                 "pod.container[server].volumeMounts[model].csi.volumeAttributes.bucketName",
                 "acme-models", "other"),
    "what one side lacks": (("      priorityClassName: serving\n", ""),
                            "pod.priorityClassName", "serving", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", DIFFERENT)
def test_a_difference_is_told_once_with_both_values(name: str) -> None:
    edit, field, one, other = DIFFERENT[name]

    assert differences(objects(), objects(edit)) == [Difference("Deployment", field, one, other)]
    assert differences(objects(edit), objects()) == [Difference("Deployment", field, other, one)]


def test_an_object_of_one_side_is_told_by_its_name() -> None:
    assert differences(objects(), objects()[:1]) == [Difference("Service", "", "chat", "")]
    assert differences(objects()[:1], objects()) == [Difference("Service", "", "", "chat")]
