"""Rules of Pods, selectors, names, and of values left over from a copied manifest."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.breaking import (
    CONTAINER,
    DEPLOYMENT,
    QUEUED,
    Break,
    Change,
    Directories,
    add_env,
    assert_fires,
    cases,
    findings_after,
    pod,
    server,
    set_arg,
)


def twin(objects: dict[str, Any]) -> None:
    second = copy.deepcopy(objects["deployment.yaml"])
    second["metadata"]["name"] = "vllm-second"
    objects["second.yaml"] = second


def without_probes(objects: dict[str, Any]) -> None:
    del server(objects)["startupProbe"], server(objects)["livenessProbe"]


def shared_memory(limit: str) -> Change:
    volume = {"name": "dshm", "emptyDir": {"medium": "Memory", "sizeLimit": limit}}
    return lambda objects: pod(objects)["spec"]["volumes"].__setitem__(1, volume)


def select_by_app(objects: dict[str, Any]) -> None:
    objects[DEPLOYMENT]["spec"]["selector"]["matchLabels"] = {"app": "vllm"}
    objects["service.yaml"]["spec"]["selector"] = {"app": "vllm"}
    pod(objects)["metadata"]["labels"]["app"] = "vllm"


BREAKS: dict[str, list[Break]] = {
    "IRA012": [
        Break(DEPLOYMENT, f"{CONTAINER}.volumeMounts", "4 GPUs and no memory-backed emptyDir",
              lambda o: server(o)["volumeMounts"].pop(0)),
        Break(DEPLOYMENT, "spec.template.spec.volumes[1].emptyDir.sizeLimit",
              "no more than 64Mi at /dev/shm", shared_memory("64Mi")),
    ],
    "IRA015": [
        Break(DEPLOYMENT, f"{CONTAINER}.image", "'vllm/vllm-openai:latest' is not a pinned image",
              lambda o: server(o).update(image="vllm/vllm-openai:latest")),
        Break(DEPLOYMENT, f"{CONTAINER}.image", "the tag nightly moves; name a version, or add",
              lambda o: server(o).update(image="vllm/vllm-openai:nightly")),
        Break(DEPLOYMENT, f"{CONTAINER}.image", "'vllm/vllm-openai' is not a pinned image",
              lambda o: server(o).update(image="vllm/vllm-openai")),
    ],
    "IRA016": [
        Break(DEPLOYMENT, "spec.selector.matchLabels", "vllm-h100 also selects the Pods of", twin),
        Break("service.yaml", "spec.selector", "the Service vllm-h100 sends requests to",
              twin),
        Break(DEPLOYMENT, "spec.selector.matchLabels",
              "app: vllm does not contain the name of vllm-h100", select_by_app),
        Break("service.yaml", "spec.selector",
              "app: vllm does not contain the name of vllm-h100", select_by_app),
    ],
    "IRA017": [
        Break("copy.yaml", "metadata.name", "Service vllm-h100 is also in service.yaml",
              lambda o: o.update({"copy.yaml": copy.deepcopy(o["service.yaml"])})),
    ],
    "IRA021": [
        Break("service.yaml", "metadata.name", "'9-lives' is not a valid name",
              lambda o: o["service.yaml"]["metadata"].update(name="9-lives")),
        Break("provisioning-request.yaml", "metadata.name", "'vllm.h100' is not a valid name",
              lambda o: o["provisioning-request.yaml"]["metadata"].update(name="vllm.h100"),
              QUEUED),
        Break("service-account.yaml", "metadata.name", "has 64 characters",
              lambda o: o["service-account.yaml"]["metadata"].update(name="a" * 64)),
    ],
    "IRA023": [
        Break(DEPLOYMENT, f"{CONTAINER}.volumeMounts[1].mountPath",
              "/gcs/google/gemma-3-27b-it is not the folder of meta-llama",
              lambda o: server(o)["volumeMounts"][1].update(
                  mountPath="/gcs/google/gemma-3-27b-it")),
        Break(DEPLOYMENT, "spec.template.spec.volumes[0].csi.volumeAttributes.mountOptions",
              "hides the folder of",
              lambda o: pod(o)["spec"]["volumes"][0]["csi"]["volumeAttributes"].update(
                  mountOptions="implicit-dirs,only-dir:meta-llama/llama-3.3-70b-instruct")),
        Break(DEPLOYMENT, "spec.template.spec.serviceAccountName",
              "is not the directory's service account",
              lambda o: pod(o)["spec"].update(serviceAccountName="ira-online-gpu-ksa")),
        Break(DEPLOYMENT, f"{CONTAINER}.args[0]", "the server loads /gcs/google/gemma-3-27b-it",
              set_arg(0, "/gcs/google/gemma-3-27b-it")),
        Break(DEPLOYMENT, f"{CONTAINER}.volumeMounts", "the server mounts no bucket",
              lambda o: server(o)["volumeMounts"].pop(1)),
        Break(DEPLOYMENT, "spec.template.spec.volumes[0].csi.volumeAttributes.mountOptions",
              "no only-dir", lambda o: pod(o)["spec"]["volumes"][0]["csi"]["volumeAttributes"]
              .update(mountOptions="implicit-dirs")),
        Break(DEPLOYMENT, "spec.template.metadata.labels.app.kubernetes.io/instance",
              "is vllm-h200 on the Pods of vllm-h100", lambda o: pod(o)["metadata"]["labels"]
              .update({"app.kubernetes.io/instance": "vllm-h200"})),
    ],
    "IRA024": [
        Break("kustomization.yaml", "replacements[0].targets[0]", "no Deployment of the directory",
              lambda o: pod(o)["spec"]["volumes"][0].update(name="bucket")),
        Break("kustomization.yaml", "replacements[0].targets[0]", "no Deployment of the directory",
              lambda o: o.pop(DEPLOYMENT)),
    ],
    "IRA027": [
        Break(DEPLOYMENT, f"{CONTAINER}.livenessProbe", "kills the server while it loads",
              lambda o: server(o).pop("startupProbe")),
        Break(DEPLOYMENT, CONTAINER, "only a readiness probe",
              without_probes),
        Break(DEPLOYMENT, f"{CONTAINER}.startupProbe.failureThreshold",
              "gives up after 30 seconds",
              lambda o: server(o)["startupProbe"].update(failureThreshold=3)),
        Break(DEPLOYMENT, f"{CONTAINER}.startupProbe.failureThreshold",
              "gives up after 590 seconds",
              lambda o: server(o)["startupProbe"].update(failureThreshold=59)),
    ],
    "IRA026": [
        Break(DEPLOYMENT, f"{CONTAINER}.env[8]", "a serving container reads the token's Secret",
              add_env(name="HF_TOKEN", valueFrom={"secretKeyRef": {
                  "name": "hugging-face-token-secret", "key": "HUGGING_FACE_TOKEN"}})),
        Break(DEPLOYMENT, "spec.template.spec.volumes[6].secret", "a serving container reads",
              lambda o: pod(o)["spec"]["volumes"].append(
                  {"name": "token", "secret": {"secretName": "hugging-face-token-secret"}})),
        Break(DEPLOYMENT, f"{CONTAINER}.env[8]", "reads the token's Secret",
              add_env(name="HF_TOKEN", valueFrom={"secretKeyRef": {"name": "own", "key": "t"}})),
        Break(DEPLOYMENT, f"{CONTAINER}.env[8]", "reads the token's Secret",
              add_env(name="A", valueFrom={"secretKeyRef": {
                  "name": "own", "key": "HUGGING_FACE_TOKEN"}})),
        Break(DEPLOYMENT, f"{CONTAINER}.envFrom[0]", "reads the token's Secret",
              lambda o: server(o).update(
                  envFrom=[{"secretRef": {"name": "hugging-face-token-secret"}}])),
    ],
    "IRA035": [
        Break(DEPLOYMENT, f"{CONTAINER}.readinessProbe.httpGet.port", "targets port 9000",
              lambda o: server(o)["readinessProbe"]["httpGet"].update(port=9000)),
        Break("service.yaml", "spec.ports[0].targetPort", "the Service targets port 9000",
              lambda o: o["service.yaml"]["spec"]["ports"][0].update(targetPort=9000)),
    ],
    "IRA036": [
        Break(DEPLOYMENT, "spec.strategy.type", "with GPUs of its own",
              lambda o: o[DEPLOYMENT]["spec"].update(strategy={"type": "RollingUpdate"})),
        Break(DEPLOYMENT, "spec", "with GPUs of its own",
              lambda o: o[DEPLOYMENT]["spec"].pop("strategy")),
    ],
    "IRA037": [
        Break("service.yaml", "spec.selector", "the Service vllm-h100 selects no Pod",
              lambda o: o["service.yaml"]["spec"].update(selector={"app": "x"})),
        Break(DEPLOYMENT, "spec.selector.matchLabels", "the Deployment vllm-h100 selects no Pod",
              lambda o: o[DEPLOYMENT]["spec"]["selector"].update(matchLabels={"app": "x"})),
    ],
    "IRA042": [
        Break(DEPLOYMENT, "spec.template.spec.terminationGracePeriodSeconds",
              "killed 135 seconds after its deletion, before 15 of preStop and 120",
              lambda o: pod(o)["spec"].update(terminationGracePeriodSeconds=135)),
        Break(DEPLOYMENT, "spec.template.spec.terminationGracePeriodSeconds", "killed 30 seconds",
              lambda o: pod(o)["spec"].pop("terminationGracePeriodSeconds")),
        Break(DEPLOYMENT, "spec.template.spec.terminationGracePeriodSeconds",
              "before 40 of preStop",
              lambda o: server(o).update(lifecycle={"preStop": {"sleep": {"seconds": 40}}})),
        Break(DEPLOYMENT, CONTAINER, "refuses requests, which still arrive",
              lambda o: server(o).pop("lifecycle")),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("rule", "item"), cases(BREAKS))
def test_a_rule_fires_at_its_field(rule: str, item: Break, directories: Directories) -> None:
    assert_fires(rule, item, directories)


RIGHT = [
    add_env(name="VLLM_API_KEY", valueFrom={"secretKeyRef": {"name": "api", "key": "token"}}),
    lambda o: server(o).update(envFrom=[{"secretRef": {"name": "api"}}]),
    lambda o: pod(o)["spec"]["volumes"].append({"name": "ca", "secret": {"secretName": "ca"}}),
    shared_memory("1Gi"),
    lambda o: server(o).update(image="registry.example:5000/vllm/vllm-openai:v0.26.0"),
    lambda o: pod(o)["spec"]["containers"][1].update(image="busybox:1"),
    lambda o: server(o)["startupProbe"].update(failureThreshold=60),
    lambda o: server(o)["readinessProbe"]["httpGet"].update(port="metrics"),
    lambda o: o["service.yaml"]["spec"]["ports"][0].update(targetPort="metrics"),
    lambda o: o["service.yaml"]["spec"]["ports"][0].pop("targetPort"),
    lambda o: o["service.yaml"]["spec"].pop("selector"),
    lambda o: o[DEPLOYMENT]["spec"].update(
        strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    ),
]


@pytest.mark.parametrize("change", RIGHT)
def test_another_way_to_say_the_same_is_right_too(change: Change, directories: Directories) -> None:
    assert findings_after(directories, change) == []
