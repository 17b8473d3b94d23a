"""Rules of ProvisioningRequests and of the Pods that consume them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.breaking import (
    CLASS,
    CONSUME,
    DEPLOYMENT,
    QUEUED,
    Break,
    Change,
    Directories,
    assert_fires,
    cases,
    findings_after,
    pod,
    request,
    template,
)

SELECTOR = "spec.template.spec.nodeSelector"


def select(labels: dict[str, str]) -> Change:
    return lambda objects: [
        each["spec"]["nodeSelector"].update(labels) for each in (pod(objects), template(objects))
    ]


def prefer(key: str, value: str) -> Change:
    expression = {"key": key, "operator": "In", "values": [value]}
    affinity = {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [expression]}]
            }
        }
    }
    return lambda objects: [
        each["spec"].update(affinity=affinity) for each in (pod(objects), template(objects))
    ]


def template_requests(**amounts: str) -> Change:
    def change(objects: dict[str, Any]) -> None:
        for each in template(objects)["spec"]["containers"][:1]:
            each["resources"]["requests"].update(amounts)

    return change


DRIVER = "cloud.google.com/gke-gpu-driver-version"

BREAKS: dict[str, list[Break]] = {
    "IRA018": [
        Break("pod-template.yaml", "template.spec", "nodeSelector differ",
              lambda o: o["pod-template.yaml"]["template"]["spec"].update(nodeSelector={"a": "b"}),
              QUEUED),
        Break("pod-template.yaml", "template.spec", "resources differ",
              lambda o: o["pod-template.yaml"]["template"]["spec"]["containers"][0]["resources"]
              ["requests"].update(cpu="1"), QUEUED),
        Break("provisioning-request.yaml", "spec.podSets[0].podTemplateRef",
              "there is no PodTemplate 'other'",
              lambda o: request(o)["podSets"][0]["podTemplateRef"].update(name="other"), QUEUED),
        Break("pod-template.yaml", "spec", "under template, not under spec",
              lambda o: o["pod-template.yaml"].update(
                  spec=o["pod-template.yaml"].pop("template")), QUEUED),
        Break("pod-template.yaml", "metadata.namespace", "is in the namespace 'other'",
              lambda o: o["pod-template.yaml"]["metadata"].update(namespace="other"), QUEUED),
        Break("pod-template.yaml", "metadata.labels", "lacks the label cloud.google",
              lambda o: o["pod-template.yaml"]["metadata"]["labels"].pop(
                  "cloud.google.com/apply-warden-policies"), QUEUED),
        Break("pod-template.yaml", "template.spec", "tolerations differ",
              lambda o: template(o)["spec"]["tolerations"].pop(), QUEUED),
        Break("pod-template.yaml", "template.spec", "resources differ",
              template_requests(cpu="63999m"), QUEUED),
    ],
    "IRA019": [
        Break("provisioning-request.yaml", "spec.parameters.maxRunDurationSeconds",
              "is the number 604800", lambda o: request(o)["parameters"].update(
                  maxRunDurationSeconds=604800), QUEUED),
        Break("provisioning-request.yaml", "spec.parameters", "maxRunDurationSeconds is 604801",
              lambda o: request(o)["parameters"].update(maxRunDurationSeconds="604801"), QUEUED),
        Break("provisioning-request.yaml", "spec.parameters", "maxRunDurationSeconds is 599",
              lambda o: request(o)["parameters"].update(maxRunDurationSeconds="599"), QUEUED),
        Break("provisioning-request.yaml", "spec.podSets", "2 pod sets",
              lambda o: request(o)["podSets"].append(request(o)["podSets"][0]), QUEUED),
        Break("provisioning-request.yaml", "spec.podSets[0].count",
              "count is 2 and the Deployment has 1 Pods",
              lambda o: request(o)["podSets"][0].update(count=2), QUEUED),
        Break("provisioning-request.yaml", "spec.parameters.ValidUntilSeconds",
              "ValidUntilSeconds is soon",
              lambda o: request(o)["parameters"].update(ValidUntilSeconds="soon"), QUEUED),
        Break("provisioning-request.yaml", "spec.parameters.x", "x has 256 characters",
              lambda o: request(o)["parameters"].update(x="a" * 256), QUEUED),
        Break("hpa.yaml", "spec", "an autoscaler beside", lambda o: o.update(
            {"hpa.yaml": {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
                          "metadata": {"name": "vllm-h100"}, "spec": {"maxReplicas": 2}}}), QUEUED),
    ],
    "IRA055": [
        # Kubernetes' own rolling update: 25 % of one Pod is one Pod more, and none less.
        Break(DEPLOYMENT, "spec.strategy", "GPUs for 2 Pods are needed",
              lambda o: o[DEPLOYMENT]["spec"].update(strategy={"type": "RollingUpdate"}), QUEUED),
        Break(DEPLOYMENT, "spec", "GPUs for 2 Pods are needed",
              lambda o: o[DEPLOYMENT]["spec"].pop("strategy"), QUEUED),
    ],
    "IRA020": [
        Break(DEPLOYMENT, "spec.template.spec.nodeSelector.cloud.google.com/compute-class",
              "compute-class beside a ProvisioningRequest",
              lambda o: pod(o)["spec"]["nodeSelector"].update(
                  {"cloud.google.com/compute-class": "gpu-h100-80gb-high-x4"}), QUEUED),
        Break(DEPLOYMENT, "spec.template.spec.nodeSelector.cloud.google.com/gke-spot",
              "gke-spot beside a ProvisioningRequest",
              lambda o: pod(o)["spec"]["nodeSelector"].update(
                  {"cloud.google.com/gke-spot": "true"}), QUEUED),
        Break(DEPLOYMENT, f"{SELECTOR}.cloud.google.com/gke-provisioning", "never Spot",
              select({"cloud.google.com/gke-provisioning": "spot"}), QUEUED),
        Break(DEPLOYMENT, f"{SELECTOR}.cloud.google.com/reservation-affinity", "never reserved",
              select({"cloud.google.com/reservation-affinity": "specific"}), QUEUED),
        Break(DEPLOYMENT, "spec.template.spec.affinity.nodeAffinity",
              "compute-class beside a ProvisioningRequest",
              prefer("cloud.google.com/compute-class", "gpu-h100-80gb-high-x4"), QUEUED),
    ],
    "IRA022": [
        Break(DEPLOYMENT, "metadata.annotations", "is on the Deployment itself",
              lambda o: o[DEPLOYMENT]["metadata"].update(annotations={CONSUME: "vllm-h100"}),
              QUEUED),
        Break(DEPLOYMENT, "spec.template.metadata.annotations",
              "consume-provisioning-request without",
              lambda o: pod(o)["metadata"]["annotations"].pop(
                  "autoscaling.x-k8s.io/provisioning-class-name"), QUEUED),
        Break("provisioning-request.yaml", "metadata.name", "no workload of the directory",
              lambda o: pod(o)["metadata"]["annotations"].pop(CONSUME), QUEUED),
        Break(DEPLOYMENT, "spec.template.metadata.annotations", "is deprecated",
              lambda o: pod(o)["metadata"]["annotations"].update(
                  {"cluster-autoscaler.kubernetes.io/consume-provisioning-request": "x"}), QUEUED),
        Break(DEPLOYMENT, f"spec.template.metadata.annotations.{CLASS}",
              "the Pods' class is check-capacity.autoscaling.x-k8s.io",
              lambda o: pod(o)["metadata"]["annotations"].update(
                  {CLASS: "check-capacity.autoscaling.x-k8s.io"}), QUEUED),
        Break(DEPLOYMENT, f"spec.template.metadata.annotations.{CONSUME}",
              "the Pods consume 'vllm-h100', and the directory has no such request",
              lambda o: pod(o)["metadata"]["annotations"].update(
                  {CONSUME: "vllm-h100", CLASS: "queued-provisioning.gke.io"})),
    ],
    "IRA034": [
        Break(DEPLOYMENT, "spec.template.spec.tolerations", "do not tolerate the taint",
              lambda o: [each["spec"]["tolerations"].pop() for each in (pod(o), template(o))],
              QUEUED),
        Break(DEPLOYMENT, SELECTOR, "neither flex-start capacity nor a node pool",
              lambda o: [each["spec"]["nodeSelector"].pop("cloud.google.com/gke-flex-start")
                         for each in (pod(o), template(o))], QUEUED),
    ],
    "IRA041": [
        Break(DEPLOYMENT, SELECTOR, "CUDA 13.0 and needs driver 580.65.06",
              lambda o: [each["spec"]["nodeSelector"].pop(DRIVER)
                         for each in (pod(o), template(o))], QUEUED),
        Break(DEPLOYMENT, SELECTOR, "CUDA 13.0 and needs driver 580.65.06",
              lambda o: [each["spec"]["nodeSelector"].update({DRIVER: "default"})
                         for each in (pod(o), template(o))], QUEUED),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("rule", "item"), cases(BREAKS))
def test_a_rule_fires_at_its_field(rule: str, item: Break, directories: Directories) -> None:
    assert_fires(rule, item, directories)


RIGHT = [
    lambda o: template(o)["spec"]["tolerations"].reverse(),
    template_requests(cpu="64000m"),
    template_requests(memory="512000M"),
    lambda o: request(o)["parameters"].update(ValidUntilSeconds="86400"),
    lambda o: request(o)["parameters"].update(x="a" * 255),
    select({"cloud.google.com/gke-provisioning": "standard"}),
    select({"cloud.google.com/reservation-affinity": "none"}),
    lambda o: o[DEPLOYMENT]["spec"].pop("replicas"),  # one, where nothing is said
]


@pytest.mark.parametrize("change", RIGHT)
def test_another_way_to_say_the_same_is_right_too(change: Change, directories: Directories) -> None:
    assert findings_after(directories, change, QUEUED) == []


def test_a_named_node_pool_is_queued_capacity_too(directories: Directories) -> None:
    def pool(objects: dict[str, Any]) -> None:
        for each in (pod(objects), template(objects)):
            each["spec"]["nodeSelector"] = {"cloud.google.com/gke-nodepool": "gpu-h100x8-a3h8-dws"}

    assert findings_after(directories, pool, QUEUED) == []
