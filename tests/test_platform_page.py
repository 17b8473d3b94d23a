"""The comparison with hand-written cells: the page is true of the profiles, and finds faults."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ira_manifests import Matrix, load_matrix
from tools.platform_cells import CELLS, VARIABLES, HandWritten, read
from tools.platform_page import (
    ENVIRONMENT,
    PAGE,
    PROFILES,
    cell_of,
    comparison,
    written,
    wrong_links,
)
from tools.platform_values import values_here

IMAGE = "docker.io/vllm/vllm-openai:v0.11.2"
MODEL_ID = "qwen/qwen3-32b"
RUNTIME = f"""\
APP_LABEL=vllm-h100-qwen3-32b
GPU_MEMORY_UTILIZATION=0.95
MAX_MODEL_LEN=32768
MODEL_ID={MODEL_ID}
TENSOR_PARALLEL_SIZE=1
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: vllm}
spec:
  template:
    spec:
      nodeSelector: {cloud.google.com/compute-class: gpu-h100-80gb-high-x1}
      containers:
        - name: inference-server
          image: to-be-replaced
          args:
            - --model=/gcs/$(MODEL_ID)
            - --tensor-parallel-size=$(TENSOR_PARALLEL_SIZE)
            - --gpu-memory-utilization=$(GPU_MEMORY_UTILIZATION)
            - --max-model-len=$(MAX_MODEL_LEN)
          env:
            - {name: A, valueFrom: {configMapKeyRef: {name: runtime, key: GPU_MEMORY_UTILIZATION}}}
            - {name: B, valueFrom: {configMapKeyRef: {name: runtime, key: MAX_MODEL_LEN}}}
            - {name: C, valueFrom: {configMapKeyRef: {name: runtime, key: MODEL_ID}}}
            - {name: D, valueFrom: {configMapKeyRef: {name: runtime, key: TENSOR_PARALLEL_SIZE}}}
          resources: {limits: {cpu: "10", memory: 128G, nvidia.com/gpu: "1"}}
          volumeMounts: [{name: model, mountPath: /gcs/qwen/qwen3-32b}]
"""
KUSTOMIZATION = """\
kind: Kustomization
resources: [../base]
nameSuffix: -h100-qwen3-32b
configMapGenerator:
  - name: runtime
    envs: [runtime.env]
replacements:
  - source: {kind: ConfigMap, name: vllm, fieldPath: data.CONTAINER_IMAGE_URL}
    targets:
      - select: {kind: Deployment}
        fieldPaths: ["spec.template.spec.containers.[name=inference-server].image"]
  - source:
      kind: ConfigMap
      name: runtime
      fieldPath: data.APP_LABEL
    targets:
      - select: {kind: Deployment}
        options: {create: true}
        fieldPaths: [spec.template.metadata.labels.app]
"""
BASE = """\
kind: Kustomization
resources: [deployment.yaml]
configMapGenerator:
  - name: vllm
    envs: [vllm.env]
"""
FILES = {
    f"{CELLS}/vllm/base/kustomization.yaml": BASE,
    f"{CELLS}/vllm/base/deployment.yaml": DEPLOYMENT,
    f"{CELLS}/vllm/base/templates/vllm.tpl.env": "CONTAINER_IMAGE_URL=${some_image_url}\n",
    f"{CELLS}/vllm/h100-qwen3-32b/kustomization.yaml": KUSTOMIZATION,
    f"{CELLS}/vllm/h100-qwen3-32b/runtime.env": RUNTIME,
    f"{CELLS}/vllm/h100-qwen3-32b/patch-resources.yaml": 'memory: 128G\ncpu: "10"\n',
    f"{CELLS}/vllm-spec-decoding/base/nothing": "",
    f"{CELLS}/vllm-native-cache-offloading/single-tier/base/nothing": "",
    VARIABLES: f'variable "some_image_url" {{\n  default     = "{IMAGE}"\n}}\n',
}


def checkout(folder: Path, *edits: tuple[str, str]) -> Path:
    """Write a platform with one cell, after edits of its files."""
    used = set()
    for path, content in FILES.items():
        text = content
        for old, new in edits:
            used |= {old} if old in text else set()
            text = text.replace(old, new)
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert used == {old for old, _ in edits}
    return folder


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    return load_matrix(PROFILES, environment=ENVIRONMENT)


def compared(matrix: Matrix, folder: Path) -> str:
    return " ".join("\n".join(comparison(matrix, list(read(folder)))).split())


def test_the_page_has_each_cell_once_with_its_present_values(matrix: Matrix) -> None:
    page = PAGE.read_text()
    block = page[page.index("<!-- cells: ") :]
    told = re.findall(r"^#### (\S+)$", block, re.MULTILINE)
    for line in re.findall(
        r"^With the values of the hand-written cell: ([^#]+?)\.$", block, re.MULTILINE
    ):
        told += re.findall(r"`([^`]+)`", line)

    assert sorted(told) == sorted(cell.name for cell in matrix.values())
    for name, section in re.findall(r"^#### (\S+)$(.*?)(?=^#)", block, re.MULTILINE | re.DOTALL):
        gpu, _, model = name.partition("/")
        here = values_here(matrix[gpu, model])
        rows = re.findall(r"^\| `(\w+)` \| (.*) \| (.*) \|$", section, re.MULTILINE)
        for field, there, given in rows:
            assert given.strip("`") == here[field] != there.strip("`"), name


def test_a_cell_without_a_fault_is_named_as_one_with_the_same_values(
    matrix: Matrix, tmp_path: Path
) -> None:
    text = compared(matrix, checkout(tmp_path))

    assert text.startswith("0 of the 1 cells can't start")
    assert "With the values of the hand-written cell: `h100/qwen3-32b`." in text


@pytest.mark.parametrize(
    ("edits", "stops", "message"),
    [
        ([("MODEL_ID=qwen", "MODEL_ID=openai")], True,
         "nothing is downloaded to the folder `openai/qwen3-32b` (`runtime.env:4`)"),
        ([("MODEL_ID=qwen", "MODEL_ID=Qwen")], True,
         "the download writes to the folder `qwen/qwen3-32b`, and this one stays empty"),
        ([(IMAGE, "vllm-openai:next")], True,
         "the tag `next` names no release"),
        ([("TENSOR_PARALLEL_SIZE=1", "TENSOR_PARALLEL_SIZE=3")], True,
         "IRA004, heads not divided (`runtime.env:5`)"),
        ([("MAX_MODEL_LEN=32768", "MAX_MODEL_LEN=40960"), ("0.95", "0.90")], True,
         "IRA001, does not fit"),
        ([("memory: 128G", "memory: 200G")], False,
         "IRA006, too large for machine (`patch-resources.yaml:1`)"),
        ([("TENSOR_PARALLEL_SIZE=1\n", "TENSOR_PARALLEL_SIZE=1\nNCCL_DEBUG=INFO\n")], False,
         "no container reads `NCCL_DEBUG` (`runtime.env:6`)"),
        ([("nameSuffix: -h100-qwen3-32b", "nameSuffix: -h100-qwen3")], False,
         "the Deployment and the Service are called `vllm-h100-qwen3`"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_line(
    edits: list[tuple[str, str]], stops: bool, message: str, matrix: Matrix, tmp_path: Path
) -> None:
    image = "newName: vllm-openai\n    newTag: next"
    named = [("kind: Kustomization\n", f"kind: Kustomization\n# {image.replace(chr(10), ' ')}\n")]
    text = compared(matrix, checkout(tmp_path, *edits, *(named if edits[0][0] == IMAGE else [])))

    assert message in text
    assert text.startswith(f"{int(stops)} of the 1 cells")


def test_a_chat_template_outside_of_the_model_is_found(matrix: Matrix, tmp_path: Path) -> None:
    option = "--chat-template=/gcs/qwen/qwen3/chat_template.jinja"
    folder = checkout(tmp_path, ("- --model=", f"- {option}\n            - --model="))
    (folder / CELLS / "vllm/h100-qwen3-32b/patch-vllm-args.yaml").write_text(f"value: {option}\n")

    text = compared(matrix, folder)

    assert "**It can't start:** the chat template is not in the model's folder" in text
    assert "(`patch-vllm-args.yaml:1`)" in text


def test_a_cell_is_found_by_its_folder(matrix: Matrix) -> None:
    def hand(folder: str) -> str:
        return cell_of(matrix, HandWritten(folder, {}, [])).name

    offloading = "vllm-native-cache-offloading/single-tier"
    assert hand("vllm/rtx-pro-6000-llama-3-3-70b-instruct") == "rtx-pro-6000/llama-3-3-70b"
    assert hand(f"{offloading}/h100-qwen3-32b") == "h100/qwen3-32b-kv-offloading"


def test_the_rest_of_the_page_stays_and_a_link_must_have_the_text_of_its_line(
    tmp_path: Path,
) -> None:
    page = PAGE.read_text()
    block = page[page.index("<!-- cells: ") : page.index("<!-- end of cells -->")]
    lines = block.splitlines()[2:-1]

    assert written(page, lines) == page
    assert list(wrong_links(page, tmp_path))
