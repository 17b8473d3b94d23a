"""Each rule fires on what it is about, at its place, and stays silent on what is right."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ira_manifests import Matrix, load_matrix
from ira_manifests.directory import Directory
from ira_manifests.kustomize import Generator, Replacement
from ira_manifests.rules import run
from ira_manifests.rules.catalogue import RULES, Severity
from ira_manifests.rules.finding import Finding
from ira_manifests.synth import render
from tests.support import ROOT, copy_profiles

OUT = Path("dist")


@pytest.fixture(scope="module")
def directories() -> dict[str, Directory]:
    """What the shipped profiles render to: right in every respect."""
    return {item.name: item for item in render(load_matrix(ROOT / "profiles"))}


def in_cells(folder: Path) -> list[Finding]:
    matrix = load_matrix(folder)
    return run.check_cells(matrix, matrix.values())


# --- cells: an edit of one profile, and where the finding must point ------------------------------


@dataclass(frozen=True)
class Edit:
    """A change of a shipped profile that makes a rule of cells fire in one of its cells."""

    file: str
    old: str | None
    new: str
    field: str
    message: str
    cell: str = "h100/llama3"


LLAMA3 = "models/llama3.yaml"
CELL_RULES = {
    # 131.42 GiB of weights do not fit one H100 of 79.19 GiB.
    "IRA001": Edit(LLAMA3, "tensor_parallel: 4", "tensor_parallel: 1", "cells.h100.tensor_parallel",
                   "weights take"),
    # 65.7 GiB of 75.2 are weights: 40 KiB a token and GPU leave room for a third of the context.
    "IRA002": Edit("models/gemma3-27b.yaml", "model_id: google/gemma-3-27b-it",
                   "model_id: google/gemma-3-27b-it", "cells.h100.max_model_len",
                   "KV cache has", "h100/gemma3-27b"),
    "IRA003": Edit(LLAMA3, None, "", "model_id", "memory is not judged"),
    # 64 heads can't be shared by 3 GPUs.
    "IRA004": Edit(LLAMA3, "tensor_parallel: 4", "tensor_parallel: 3", "cells.h100.tensor_parallel",
                   "tensor parallel 3 does not divide 64 heads"),
    "IRA005": Edit(LLAMA3, "tensor_parallel: 4\n    cpu: 64\n    memory: 512G\n",
                   "tensor_parallel: 4\n    compute_class: gpu-h100-80gb-high-x8\n    cpu: 64\n"
                   "    memory: 512G\n", "cells.h100.tensor_parallel", "4 GPUs idle"),
    # a3-highgpu-4g has 104 vCPUs and 936 GB.
    "IRA006": Edit(LLAMA3, "cpu: 64", "cpu: 104", "cells.h100.cpu", "a3-highgpu-4g allocates"),
    "IRA007": Edit(LLAMA3, "max_model_len: 131072", "max_model_len: 262144",
                   "cells.h100.max_model_len", "are more than the model's own 131072"),
    "IRA008": Edit(LLAMA3, "min_engine: 0.8.0", "min_engine: 0.30.0", "min_engine",
                   "needs engine 0.30.0, and 0.26.0 is pinned"),
    "IRA009": Edit(LLAMA3, "model_id: meta-llama/", "model_id: meta/", "model_id",
                   "differs from the known 'meta-llama/Llama-3.3-70B-Instruct'"),
}  # fmt: skip


def edited(folder: Path, edit: Edit) -> Path:
    profiles = copy_profiles(folder)
    file = profiles / edit.file
    text = file.read_text()
    if edit.old is None:
        text = re.sub(r"weights:.*?(?=cells:)", "", text, flags=re.DOTALL)
    else:
        assert edit.old in text
        text = text.replace(edit.old, edit.new, 1)
    file.write_text(text)
    return profiles


@pytest.mark.parametrize("rule", CELL_RULES)
def test_a_rule_of_cells_fires_at_its_field(rule: str, tmp_path: Path) -> None:
    edit = CELL_RULES[rule]

    findings = [f for f in in_cells(edited(tmp_path, edit)) if f.rule_id == rule]

    (finding,) = [f for f in findings if f.cell == edit.cell]
    assert finding.field == edit.field
    assert edit.message in finding.message
    assert finding.hint
    line = Path(finding.file).read_text().splitlines()[finding.line - 1]
    assert edit.field.rsplit(".", 1)[-1] in line


@pytest.mark.parametrize("rule", CELL_RULES)
def test_a_rule_of_cells_is_silent_where_the_cell_is_right(rule: str) -> None:
    cells = {f.cell for f in in_cells(ROOT / "profiles") if f.rule_id == rule}

    assert "h100/llama3" not in cells


def test_the_case_of_a_known_id_counts_as_well(tmp_path: Path) -> None:
    edit = replace(
        CELL_RULES["IRA009"], old="Llama-3.3-70B-Instruct\nmin", new="llama-3.3-70b-instruct\nmin"
    )

    findings = [f for f in in_cells(edited(tmp_path, edit)) if f.rule_id == "IRA009"]

    assert {f.cell for f in findings} == {"h100/llama3", "h200/llama3"}


def test_memory_beyond_the_machine_is_found_as_well_as_cpu(tmp_path: Path) -> None:
    edit = replace(CELL_RULES["IRA006"], old="memory: 512G", new="memory: 936Gi")

    (finding,) = [f for f in in_cells(edited(tmp_path, edit)) if f.rule_id == "IRA006"]

    assert finding.field == "cells.h100.memory"


def test_auto_takes_a_context_that_keeps_the_margin(tmp_path: Path) -> None:
    profiles = edited(
        tmp_path,
        Edit("models/gemma3-27b.yaml", "0.95\n    max_model_len: 131072",
             "0.95\n    max_model_len: auto", "", ""),
    )  # fmt: skip
    matrix = load_matrix(profiles)
    cell = matrix["h100", "gemma3-27b"]

    assert 8192 < cell.max_model_len < 131072
    assert cell.max_model_len % 1024 == 0
    assert cell.runtime_values["MAX_MODEL_LEN"] == str(cell.max_model_len)
    assert not [f for f in run.check_cells(matrix, [cell]) if f.rule_id in ("IRA001", "IRA002")]


def test_auto_that_finds_nothing_is_refused(tmp_path: Path) -> None:
    profiles = edited(
        tmp_path,
        Edit(LLAMA3, "tensor_parallel: 4\n    cpu: 64\n    memory: 512G\n"
             "    gpu_memory_utilization: 0.95\n    max_model_len: 131072",
             "tensor_parallel: 1\n    cpu: 10\n    memory: 128G\n"
             "    gpu_memory_utilization: 0.95\n    max_model_len: auto", "", ""),
    )  # fmt: skip

    assert "IRA001" in {f.rule_id for f in in_cells(profiles) if f.cell == "h100/llama3"}


# --- objects: a change of one right directory -----------------------------------------------------

ONE = "online-inference-gpu-h100-llama3"
QUEUED = f"{ONE}-queued"
Change = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Break:
    """A change of a rendered directory that makes a rule of objects fire."""

    file: str
    field: str
    message: str
    change: Change
    directory: str = ONE


def server(objects: dict[str, Any]) -> Any:
    return objects["deployment.yaml"]["spec"]["template"]["spec"]["containers"][0]


def pod(objects: dict[str, Any]) -> Any:
    return objects["deployment.yaml"]["spec"]["template"]


def request(objects: dict[str, Any]) -> Any:
    return objects["provisioning-request.yaml"]["spec"]


def twin(objects: dict[str, Any]) -> None:
    second = copy.deepcopy(objects["deployment.yaml"])
    second["metadata"]["name"] = "vllm-second"
    objects["second.yaml"] = second


def without_probes(objects: dict[str, Any]) -> None:
    del server(objects)["startupProbe"], server(objects)["livenessProbe"]


def set_arg(index: int, text: str) -> Change:
    return lambda objects: server(objects)["args"].__setitem__(index, text)


DEPLOYMENT = "deployment.yaml"
CONTAINER = "spec.template.spec.containers[0]"
CONSUME = "autoscaling.x-k8s.io/consume-provisioning-request"
OBJECT_RULES: dict[str, list[Break]] = {
    "IRA010": [
        Break(DEPLOYMENT, f"{CONTAINER}.args[5]", "--disable-log-requests",
              lambda o: server(o)["args"].append("--disable-log-requests")),
        Break(DEPLOYMENT, f"{CONTAINER}.args[3]", "meta-llama",
              set_arg(3, "--tensor-parallel-size=$(MODEL_ID)")),
    ],
    "IRA011": [
        Break(DEPLOYMENT, f"{CONTAINER}.resources.limits.nvidia.com/gpu",
              "8 GPUs for tensor parallel 4 × pipeline parallel 1",
              lambda o: server(o)["resources"]["limits"].update({"nvidia.com/gpu": "8"})),
        Break(DEPLOYMENT, f"{CONTAINER}.resources.limits.nvidia.com/gpu",
              "4 GPUs for tensor parallel 4 × pipeline parallel 2",
              lambda o: server(o)["args"].append("--pipeline-parallel-size=2")),
    ],
    "IRA012": [
        Break(DEPLOYMENT, f"{CONTAINER}.volumeMounts", "4 GPUs and no memory-backed emptyDir",
              lambda o: server(o)["volumeMounts"].pop(0)),
    ],
    "IRA013": [
        Break("vllm-runtime-config.env", "MAX_MODEL_LEN", "MAX_MODEL_LEN is set and no container",
              lambda o: server(o)["env"].__delitem__(1)),
    ],
    "IRA014": [
        Break(DEPLOYMENT, f"{CONTAINER}.args[2]", "${MAX_MODEL_LEN} reaches the program as it is",
              set_arg(2, "--max-model-len=${MAX_MODEL_LEN}")),
        Break(DEPLOYMENT, f"{CONTAINER}.args[2]", "$(MAX_LEN) stays as it is",
              set_arg(2, "--max-model-len=$(MAX_LEN)")),
    ],
    "IRA015": [
        Break(DEPLOYMENT, f"{CONTAINER}.image", "'vllm/vllm-openai:latest' is not a pinned image",
              lambda o: server(o).update(image="vllm/vllm-openai:latest")),
        Break(DEPLOYMENT, f"{CONTAINER}.image", "'vllm/vllm-openai' is not a pinned image",
              lambda o: server(o).update(image="vllm/vllm-openai")),
    ],
    "IRA016": [
        Break(DEPLOYMENT, "spec.selector.matchLabels", "vllm-h100 also selects the Pods of", twin),
        Break("service.yaml", "spec.selector", "the Service sends requests to", twin),
    ],
    "IRA017": [
        Break("copy.yaml", "metadata.name", "Service vllm-h100 is in service.yaml as well",
              lambda o: o.update({"copy.yaml": copy.deepcopy(o["service.yaml"])})),
    ],
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
    "IRA022": [
        Break(DEPLOYMENT, "metadata.annotations", "is on the Deployment itself",
              lambda o: o[DEPLOYMENT]["metadata"].update(annotations={CONSUME: "vllm-h100"}),
              QUEUED),
        Break(DEPLOYMENT, "spec.template.metadata.annotations",
              "consume-provisioning-request without",
              lambda o: pod(o)["metadata"]["annotations"].pop(
                  "autoscaling.x-k8s.io/provisioning-class-name"), QUEUED),
        Break("provisioning-request.yaml", "metadata.name", "no Deployment of the directory",
              lambda o: pod(o)["metadata"]["annotations"].pop(CONSUME), QUEUED),
        Break(DEPLOYMENT, "spec.template.metadata.annotations", "is deprecated",
              lambda o: pod(o)["metadata"]["annotations"].update(
                  {"cluster-autoscaler.kubernetes.io/consume-provisioning-request": "x"}), QUEUED),
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
    ],
}  # fmt: skip
BREAKS = [
    pytest.param(rule, item, id=f"{rule}-{index}")
    for rule, items in OBJECT_RULES.items()
    for index, item in enumerate(items)
]


@pytest.mark.parametrize(("rule", "item"), BREAKS)
def test_a_rule_of_objects_fires_at_its_field(
    rule: str, item: Break, directories: dict[str, Directory]
) -> None:
    right = directories[item.directory]
    objects = copy.deepcopy(dict(right.objects))
    item.change(objects)
    broken = replace(right, objects=objects)

    findings = [f for f in run.check_directory(broken, OUT) if f.rule_id == rule]

    matching = [f for f in findings if item.message in f.message]
    assert matching, [f.message for f in findings]
    finding = matching[0]
    assert finding.file == f"dist/{item.directory}/{item.file}"
    assert finding.field == item.field
    assert finding.cell == "h100/llama3"
    assert finding.hint


def test_every_rule_of_objects_is_silent_where_all_is_right(
    directories: dict[str, Directory],
) -> None:
    for directory in directories.values():
        assert run.check_directory(directory, OUT) == []


def test_a_finding_names_the_line_of_the_generated_file(
    directories: dict[str, Directory],
) -> None:
    right = directories[ONE]
    objects = copy.deepcopy(dict(right.objects))
    server(objects)["image"] = "vllm/vllm-openai"

    (finding,) = run.check_directory(replace(right, objects=objects), OUT)

    text = replace(right, objects=objects).files["deployment.yaml"].decode()
    assert text.splitlines()[finding.line - 1].strip() == "image: vllm/vllm-openai"


@pytest.mark.parametrize("value", ["131072 # long", "131072 "])
def test_a_comment_inside_a_value_is_found(value: str, directories: dict[str, Directory]) -> None:
    right = directories[ONE]
    values = {**right.runtime_values, "MAX_MODEL_LEN": value}

    findings = run.check_directory(replace(right, runtime_values=values), OUT)

    (finding,) = [f for f in findings if f.rule_id == "IRA025"]
    assert finding.field == "MAX_MODEL_LEN"


def test_the_token_where_nothing_reads_it_is_found(directories: dict[str, Directory]) -> None:
    right = directories[ONE]
    kept = replace(right.kustomization, dropped_secrets=())

    findings = run.check_directory(replace(right, kustomization=kept), OUT)

    assert [f.rule_id for f in findings] == ["IRA026"]


def test_a_target_that_is_no_field_is_found(directories: dict[str, Directory]) -> None:
    right = directories[ONE]
    wrong = Replacement("ira-model-configmap", "IRA_BUCKET_NAME", (("Deployment", "spec.bucket"),))
    kustomization = replace(right.kustomization, replacements=(wrong,))

    findings = run.check_directory(replace(right, kustomization=kustomization), OUT)

    assert "IRA024" in {f.rule_id for f in findings}


# --- waivers --------------------------------------------------------------------------------------


def with_waiver(folder: Path, waiver: str) -> Matrix:
    profiles = copy_profiles(folder)
    file = profiles / "models/llama4-scout.yaml"
    file.write_text(file.read_text().rstrip() + f"\n    waive:\n      {waiver}\n")
    return load_matrix(profiles)


def checked(matrix: Matrix) -> list[Finding]:
    findings = run.check_cells(matrix, matrix.values())
    return run.apply_waivers(matrix, matrix.values(), findings)


def test_a_waiver_covers_its_rule_in_its_cell_alone(tmp_path: Path) -> None:
    profiles = copy_profiles(tmp_path)
    file = profiles / "models/llama3.yaml"
    text = file.read_text().replace("model_id: meta-llama/", "model_id: unsloth/")
    waiver = "    waive:\n      IRA009: A copy that we trust.\n"
    file.write_text(text.replace("    waive:\n", waiver))

    findings = [f for f in checked(load_matrix(profiles)) if f.rule_id == "IRA009"]

    assert {f.cell for f in findings} == {"h100/llama3"}


def test_a_waiver_that_no_longer_applies_is_a_finding(tmp_path: Path) -> None:
    matrix = with_waiver(tmp_path, "IRA005: There were too many once.")

    (finding,) = [f for f in checked(matrix) if f.rule_id == "IRA029"]

    assert finding.field == "cells.h200.waive.IRA005"
    assert finding.refuses


# --- the catalogue --------------------------------------------------------------------------------


def test_every_rule_has_a_test_that_fires_it() -> None:
    elsewhere = {"IRA025", "IRA026", "IRA028", "IRA029", "IRA030", "IRA031"}

    assert set(RULES) == set(CELL_RULES) | set(OBJECT_RULES) | elsewhere


def pages() -> Iterator[tuple[str, str, str, str]]:
    text = (ROOT / "docs/rules.md").read_text()
    for part in text.split("\n## ")[1:]:
        heading, _, body = part.partition("\n")
        rule, name, severity = re.match(r"(IRA\d{3}) ([a-z-]+) \((\w+)\)", heading).groups()  # type: ignore[union-attr]
        yield rule, name, severity, body.strip()


def test_every_rule_has_its_page_in_the_docs() -> None:
    found = {rule: (name, severity) for rule, name, severity, _ in pages()}

    assert found == {rule.id: (rule.name, rule.severity.value) for rule in RULES.values()}
    for rule, _, _, body in pages():
        assert len(body.split()) > 20, rule


def test_ids_and_names_are_unique() -> None:
    assert len({rule.name for rule in RULES.values()}) == len(RULES)
    assert {rule.severity for rule in RULES.values()} == set(Severity)


def test_the_generators_of_base_are_not_taken_for_a_leak(directories: dict[str, Directory]) -> None:
    base = directories["base"]

    assert base.kustomization.secrets == (
        Generator("hugging-face-token-secret", ("hugging-face-token.env",)),
    )
    assert run.check_directory(base, OUT) == []
