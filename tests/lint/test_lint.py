"""What `lint` finds in trees of other authors: each fault beside its healthy twin."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from testing.project import DIST
from tests.lint.trees import DEPLOYMENT, SERVICE, edited, found, healthy, lint, told, write

BASE = "base/deployment.yaml"
H100, L4 = "overlays/h100-llama", "overlays/l4-gemma"
BOTH = [H100, L4]


def at(text: str, line: str) -> int:
    """The number of the line that begins with these words."""
    return next(n for n, each in enumerate(text.splitlines(), 1) if each.strip().startswith(line))


class Fault(NamedTuple):
    """Edits of the healthy tree, and what is found: "file:line RULE"."""

    edits: list[tuple[str, str, str]]
    expected: str


_TRANSFORMER = """\
transformers:
  - |-
    apiVersion: builtin
    kind: ImageTagTransformer
    metadata: {name: x}
    imageTag: {name: vllm/vllm-openai, newTag: latest}
"""

FAULTS = {
    "weights larger than the GPU": Fault(
        [
            (f"{L4}/runtime.env", "TENSOR_PARALLEL_SIZE=8", "TENSOR_PARALLEL_SIZE=1"),
            (f"{L4}/node.yaml", 'gpu: "8"', 'gpu: "1"'),
        ],
        f"{L4}/runtime.env:2 IRA001",
    ),
    "a share that is too small": Fault(
        [(BASE, "=0.80", "=0.40")], f"{BASE}:{at(DEPLOYMENT, '- --gpu-memory')} IRA001"
    ),
    "a context beyond the model's": Fault(
        [(f"{L4}/runtime.env", "LEN=16384", "LEN=262144")], f"{L4}/runtime.env:3 IRA007"
    ),
    "heads that do not divide": Fault(
        [(f"{L4}/runtime.env", "SIZE=8", "SIZE=6"), (f"{L4}/node.yaml", 'gpu: "8"', 'gpu: "6"')],
        f"{L4}/runtime.env:2 IRA004",
    ),
    "another owner": Fault(
        [(f"{H100}/runtime.env", "meta-llama/", "openai/")], f"{H100}/runtime.env:1 IRA009"
    ),
    "GPUs that nobody uses": Fault(
        [(f"{L4}/runtime.env", "SIZE=8", "SIZE=4")], f"{L4}/node.yaml:14 IRA011"
    ),
    "an unknown flag": Fault(
        [(BASE, "=0.80\n", "=0.80\n            - --no-such-option=1\n")],
        f"{BASE}:{at(DEPLOYMENT, '- --gpu-memory') + 1} IRA010",
    ),
    "braces where Kubernetes expands parentheses": Fault(
        [(BASE, "$(MODEL_ID)", "${MODEL_ID}")],
        f"{BASE}:{at(DEPLOYMENT, '- --model=')} IRA014",
    ),
    "a variable that is not defined": Fault(
        [(BASE, "=0.80", "=$(SHARE)")], f"{BASE}:{at(DEPLOYMENT, '- --gpu-memory')} IRA014"
    ),
    "an image that moves": Fault(
        [(BASE, ":v0.26.0", ":latest")], f"{BASE}:{at(DEPLOYMENT, 'image:')} IRA015"
    ),
    "no shared memory": Fault(
        [(BASE, "            - {name: dshm, mountPath: /dev/shm}\n", "")],
        f"{BASE}:{at(DEPLOYMENT, 'volumeMounts:')} IRA012",
    ),
    "a key that is missing": Fault(
        [(f"{H100}/runtime.env", "MAX_MODEL_LEN=", "MAX_LEN=")],
        f"{BASE}:{at(DEPLOYMENT, 'configMapKeyRef: {name: runtime, key: MAX')} IRA033",
    ),
    "a probe at another port": Fault(
        [(BASE, "port: 8000}", "port: 8080}")],
        f"{BASE}:{at(DEPLOYMENT, 'httpGet:')} IRA035",
    ),
    "a Service that selects nobody": Fault(
        [("base/service.yaml", "    app: vllm", "    app: vlm")],
        f"base/service.yaml:{at(SERVICE, 'selector:') + 1} IRA037",
    ),
    "a probe that ends the load": Fault(
        [(BASE, "readinessProbe:", "livenessProbe:")],
        f"{BASE}:{at(DEPLOYMENT, 'readinessProbe:')} IRA027",
    ),
    "a token in plain text": Fault(
        [(BASE, "env:\n", "env:\n            - {name: HF_TOKEN, value: abc}\n")],
        f"{BASE}:{at(DEPLOYMENT, 'env:') + 1} IRA065",
    ),
    "a file that is missing": Fault(
        [(f"{L4}/kustomization.yaml", "path: node.yaml", "path: nodes.yaml")],
        f"{L4}/kustomization.yaml:13 IRA080",
    ),
    "a patch whose target is not there": Fault(
        [(f"{L4}/kustomization.yaml", "- path: node.yaml", ("- path: node.yaml\n"
          "  - {path: more.yaml, target: {kind: Deployment, name: vlm}}")),
         (f"{L4}/more.yaml", "", "- {op: add, path: /spec/replicas, value: 1}\n")],
        f"{L4}/kustomization.yaml:14 IRA082",
    ),
    "a replacement for nothing": Fault(
        [(f"{L4}/kustomization.yaml", "patches:", ("replacements:\n"
          "  - source: {kind: ConfigMap, name: runtime, fieldPath: data.MODEL_ID}\n"
          "    targets:\n"
          "      - select: {kind: StatefulSet}\n"
          "        fieldPaths: [metadata.labels.model]\npatches:"))],
        f"{L4}/kustomization.yaml:14 IRA082",
    ),
    "an image that no container has": Fault(
        [(f"{L4}/kustomization.yaml", "patches:",
          "images: [{name: vllm/vllm, newTag: v0.27.1}]\npatches:")],
        f"{L4}/kustomization.yaml:12 IRA082",
    ),
    "mount options that a replacement cuts off": Fault(
        [(BASE, "{bucketName: acme-models}", "{bucketName: a, mountOptions: 'only-dir:x,uid=1'}"),
         (f"{L4}/kustomization.yaml", "patches:", ("replacements:\n"
          "  - source: {kind: ConfigMap, name: runtime, fieldPath: data.MODEL_ID}\n"
          "    targets:\n"
          "      - select: {kind: Deployment}\n"
          "        options: {delimiter: 'only-dir:', index: 1}\n"
          "        fieldPaths: ['spec.template.spec.volumes.[name=models].csi.volumeAttributes."
          "mountOptions']\npatches:"))],
        f"{BASE}:{at(DEPLOYMENT, 'volumeAttributes')} IRA083",
    ),
    "a remote base of a branch": Fault(
        [("base/kustomization.yaml", "- service.yaml",
          "- https://github.com/acme/models//base?ref=main")],
        "base/kustomization.yaml:5 IRA084",
    ),
    "a comment in an env file": Fault(
        [(f"{L4}/runtime.env", "LEN=16384", "LEN=16384 # tokens")], f"{L4}/runtime.env:3 IRA025"
    ),
    "quotes in an env file": Fault(
        [(f"{L4}/runtime.env", "google/gemma-3-27b-it", '"google/gemma-3-27b-it"')],
        f"{L4}/runtime.env:1 IRA025",
    ),
    "a path beside every mount": Fault(
        [(BASE, "=0.80\n", "=0.80\n            - --chat-template=/gcs/chat.jinja\n"),
         (BASE, "mountPath: /gcs}", "mountPath: /gcs/google}"),
         (BASE, "- --model=/gcs/$(MODEL_ID)", "- --model=$(MODEL_ID)")],
        f"{BASE}:{at(DEPLOYMENT, '- --gpu-memory') + 1} IRA085",
    ),
    "an image without its owner": Fault(
        [(BASE, "vllm/vllm-openai:v0.26.0", "vllm-openai:v0.26.0")],
        f"{BASE}:{at(DEPLOYMENT, 'image:')} IRA086",
    ),
    "a tag without its letter": Fault(
        [(BASE, "vllm/vllm-openai:v0.26.0", "vllm/vllm-openai:0.26.0")],
        f"{BASE}:{at(DEPLOYMENT, 'image:')} IRA086",
    ),
    "a release that is none": Fault(
        [(BASE, "vllm/vllm-openai:v0.26.0", "vllm/vllm-openai:v0.26.9")],
        f"{BASE}:{at(DEPLOYMENT, 'image:')} IRA086",
    ),
    "another model's rope scaling": Fault(
        [(f"{L4}/args.yaml", "", ("- op: add\n  path: /spec/template/spec/containers/0/args/-\n"
          "  value: '--hf-overrides={\"rope_scaling\": {\"factor\": 2.0, "
          "\"original_max_position_embeddings\": 40960}}'\n")),
         (f"{L4}/kustomization.yaml", "- path: node.yaml",
          "- {path: args.yaml, target: {kind: Deployment}}\n  - path: node.yaml")],
        f"{L4}/args.yaml:3 IRA087",
    ),
    "a transformer inline": Fault(
        [(f"{L4}/kustomization.yaml", "nameSuffix:", f"{_TRANSFORMER}nameSuffix:")],
        f"{L4}/kustomization.yaml:10 IRA015",
    ),
    "a transformer in a file": Fault(
        [(f"{L4}/kustomization.yaml", "nameSuffix:", "transformers: [tag.yaml]\nnameSuffix:"),
         (f"{L4}/tag.yaml", "", ("apiVersion: builtin\nkind: ImageTagTransformer\n"
          "metadata: {name: x}\nimageTag: {name: vllm/vllm-openai, newTag: latest}\n"))],
        f"{L4}/tag.yaml:4 IRA015",
    ),
    "a patch for nothing": Fault(
        [(f"{L4}/node.yaml", "name: vllm", "name: vlm")],
        f"{L4}/node.yaml:4 IRA080",
    ),
}  # fmt: skip


def test_a_healthy_tree_has_no_findings(tmp_path: Path) -> None:
    run = lint(edited(tmp_path))

    assert run.stdout == "2 kustomizations judged: 0 errors, 0 warnings.\n"
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_at_the_line_that_decides_it(tmp_path: Path, name: str) -> None:
    fault = FAULTS[name]

    assert told(edited(tmp_path, *fault.edits)) == [fault.expected]


def test_of_an_unknown_release_what_is_true_of_all_is_told(tmp_path: Path) -> None:
    tree = edited(
        tmp_path,
        (BASE, ":v0.26.0", ":latest"),
        (f"{L4}/runtime.env", "TENSOR_PARALLEL_SIZE=8", "TENSOR_PARALLEL_SIZE=1"),
        (f"{L4}/node.yaml", 'gpu: "8"', 'gpu: "1"'),
    )

    line = at(DEPLOYMENT, "image:")
    assert told(tree) == [f"{BASE}:{line} IRA015", f"{L4}/runtime.env:2 IRA001"]


def test_of_an_unknown_release_nothing_is_told_that_one_release_does_not_have(
    tmp_path: Path,
) -> None:
    """On one H100 at 0.92, Gemma 3 27B has room for its longest context in some releases only."""
    edits = [
        (BASE, "=0.80", "=0.92"),
        (f"{H100}/runtime.env", "meta-llama/Llama-3.3-70B-Instruct", "google/gemma-3-27b-it"),
        (f"{H100}/runtime.env", "LEN=32768", "LEN=131072"),
        (f"{H100}/runtime.env", "SIZE=4", "SIZE=1"),
        (f"{H100}/node.yaml", 'gpu: "4"', 'gpu: "1"'),
        (f"{H100}/kustomization.yaml", "-h100-llama", "-h100-gemma"),
        (f"{H100}/kustomization.yaml", "cell: h100-llama", "cell: h100-gemma"),
    ]

    def rules(release: str) -> list[str]:
        tree = edited(tmp_path / release, *edits, (BASE, ":v0.26.0", f":{release}"))
        return [each.split()[1] for each in told(tree, H100)]

    assert rules("v0.26.0") == []
    assert rules("v0.33.0") == ["IRA001"]
    assert rules("latest") == ["IRA015"]


HEALTHY = {
    "a patch whose target is there": [
        (f"{L4}/kustomization.yaml", "- path: node.yaml",
         "- path: node.yaml\n    target: {kind: Deployment, name: vllm.*}"),
    ],
    "an image that a container has": [
        (f"{L4}/kustomization.yaml", "patches:",
         "images: [{name: vllm/vllm-openai, newTag: v0.27.1}]\npatches:"),
    ],
    "mount options before what is replaced": [
        (BASE, "{bucketName: acme-models}", "{bucketName: a, mountOptions: 'uid=1,only-dir:x'}"),
        (f"{L4}/kustomization.yaml", "patches:", ("replacements:\n"
         "  - source: {kind: ConfigMap, name: runtime, fieldPath: data.MODEL_ID}\n"
         "    targets:\n"
         "      - select: {kind: Deployment}\n"
         "        options: {delimiter: 'only-dir:', index: 1}\n"
         "        fieldPaths: ['spec.template.spec.volumes.[name=models].csi.volumeAttributes."
         "mountOptions']\npatches:")),
    ],
    "a remote base of a commit": [
        ("base/kustomization.yaml", "- service.yaml",
         f"- https://github.com/acme/models//base?ref={'0a' * 20}"),
    ],
    "a comment on a line of its own": [
        (f"{L4}/runtime.env", "MAX_MODEL", "# tokens\nMAX_MODEL"),
    ],
    "a template that the image has": [
        (BASE, "=0.80\n", "=0.80\n            - --chat-template=/vllm-workspace/x.jinja\n"),
    ],
    "a template in the mounted folder": [
        (BASE, "=0.80\n", "=0.80\n            - --chat-template=/gcs/$(MODEL_ID)/chat.jinja\n"),
    ],
    "a probe that waits for the load": [
        (BASE, "port: 8000}", "port: 8000}\n            failureThreshold: 60"),
        (BASE, "readinessProbe:", "livenessProbe:"),
    ],
    "a named port": [
        (BASE, "- containerPort: 8000", "- {containerPort: 8000, name: http}"),
        (BASE, "port: 8000}", "port: http}"),
    ],
    "a selector of two labels": [
        ("base/service.yaml", "    app: vllm", "    app: vllm\n    job: other"),
    ],
    "shared memory of the host": [
        (BASE, "            - {name: dshm, mountPath: /dev/shm}\n", ""),
        (BASE, "      volumes:", "      hostIPC: true\n      volumes:"),
    ],
    "a gateway that Istio injects": [
        (BASE, "      containers:\n", "      containers:\n        - {name: proxy, image: auto}\n"),
    ],
    "a variable for another tool": [
        (BASE, "=0.80", "=${gpu_share}"),
    ],
    "another case of the model's id": [
        (f"{H100}/runtime.env", "Llama-3.3-70B-Instruct", "llama-3.3-70b-instruct"),
    ],
    "a token that is a placeholder": [
        (BASE, "env:\n", "env:\n            - {name: HF_TOKEN, value: '${hf_token}'}\n"),
    ],
    "a server on part of the ranks": [
        (BASE, "=0.80\n", ("=0.80\n            - --data-parallel-size=2\n"
         "            - --data-parallel-size-local=1\n")),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", HEALTHY)
def test_what_only_looks_like_a_fault_is_none(tmp_path: Path, name: str) -> None:
    assert told(edited(tmp_path, *HEALTHY[name])) == []


def test_a_fault_of_a_base_is_one_finding_with_the_overlays_that_it_reaches(tmp_path: Path) -> None:
    tree = edited(tmp_path, (BASE, ":v0.26.0", ":latest"))

    (finding,) = found(tree)

    assert finding["kustomizations"] == BOTH
    assert "    in 2 kustomizations of overlays: h100-llama, l4-gemma\n" in lint(tree).stdout


def test_an_operation_of_a_patch_is_found_although_another_patch_changed_the_order(
    tmp_path: Path,
) -> None:
    """Strategic merge patches put the containers that they name first."""
    files = {
        f"{L4}/args.yaml": "- op: add\n  path: /spec/template/spec/containers/1/args/-\n"
        "  value: --no-such-option\n",
    }
    first = "      containers:\n        - {name: warm, image: 'busybox:1.37.0'}\n"
    tree = edited(
        tmp_path,
        (BASE, "      containers:\n", first),
        (f"{L4}/kustomization.yaml", "- path: node.yaml",
         "- {path: args.yaml, target: {kind: Deployment}}\n  - path: node.yaml"),
    )  # fmt: skip

    assert told(write(tree, files)) == [f"{L4}/args.yaml:3 IRA010"]


def test_a_fault_of_one_overlay_names_no_other(tmp_path: Path) -> None:
    tree = edited(tmp_path, (f"{H100}/runtime.env", "meta-llama/", "openai/"))

    (finding,) = found(tree)

    assert "kustomizations" not in finding


SHARED = [
    (f"{H100}/kustomization.yaml", "{cell: h100-llama}", "{cell: any}"),
    (f"{L4}/kustomization.yaml", "{cell: l4-gemma}", "{cell: any}"),
]


def test_overlays_that_answer_for_each_other(tmp_path: Path) -> None:
    findings = found(edited(tmp_path, *SHARED))

    assert {each["rule"] for each in findings} == {"IRA016"}
    assert (
        "the Service vllm-h100-llama sends requests to the Pods of vllm-l4-gemma of the namespace"
    ) in {each["message"] for each in findings}


def test_an_overlay_that_kept_the_suffix_of_another(tmp_path: Path) -> None:
    tree = edited(tmp_path)
    copy = {file.replace("l4-gemma", "l4-more"): text for file, text in healthy().items()}
    kept = {file: text for file, text in copy.items() if "l4-more" in file}

    (finding,) = found(write(tree, kept))

    assert finding["rule"] == "IRA017"
    assert finding["message"] == f"vllm-l4-gemma is also the workload of {L4}"
    assert finding["file"] == "overlays/l4-more/kustomization.yaml"


def test_overlays_of_different_stages_or_namespaces_are_not_compared(tmp_path: Path) -> None:
    spaces = [(f"{each}/kustomization.yaml", "patches:", f"namespace: {each[-5:]}\npatches:")
              for each in BOTH]  # fmt: skip
    stages = [(f"{each}/kustomization.yaml", "nameSuffix: ", f"nameSuffix: -{stage}")
              for each, stage in zip(BOTH, ("dev", "prod"), strict=True)]  # fmt: skip

    assert found(edited(tmp_path / "1", *SHARED, *spaces)) == []
    assert found(edited(tmp_path / "2", *SHARED, *stages)) == []


def test_the_output_of_this_project_is_clean() -> None:
    run = lint(DIST)

    assert (run.returncode, run.stderr) == (0, "")
    assert ": 0 errors, 0 warnings" in run.stdout


def test_placeholders_are_not_judged_and_named_once(tmp_path: Path) -> None:
    tree = edited(
        tmp_path,
        (BASE, "vllm/vllm-openai:v0.26.0", "${image_url}"),
        (f"{H100}/runtime.env", "LEN=32768", "LEN=<MAX_MODEL_LEN>"),
        (f"{L4}/runtime.env", "MODEL_ID=google/gemma-3-27b-it", "MODEL_ID=replaced-by-kustomize"),
    )

    assert found(tree) == []
    notes = found(tree, ".", "--severity", "note")
    assert {note["severity"] for note in notes} == {"note"}
    assert [note["message"].partition(": ")[2] for note in notes] == [
        "the release of vLLM in the image ${image_url}; --max-model-len",
        "the release of vLLM in the image ${image_url}; its model",
    ]


def test_an_env_file_that_something_else_makes_is_stood_in_for(tmp_path: Path) -> None:
    tree = edited(
        tmp_path,
        (f"{H100}/kustomization.yaml", "envs: [runtime.env]", "envs: [made.env]"),
        (BASE, ":v0.26.0", ":latest"),
    )
    write(tree, {f"{H100}/templates/made.tpl.env": "MODEL_ID=${model}\nTENSOR_PARALLEL_SIZE=4\n"
                 "MAX_MODEL_LEN=1024\n"})  # fmt: skip

    assert told(tree) == [f"{BASE}:{at(DEPLOYMENT, 'image:')} IRA015"]
    assert found(tree)[0]["kustomizations"] == BOTH
    (note,) = [
        each for each in found(tree, "--severity", "note", ".") if "made.env" in each["message"]
    ]
    assert note["message"] == "made.env does not exist: built with templates/made.tpl.env"
    assert f"{note['file']}:{note['line']}" == f"{H100}/kustomization.yaml:8"


def test_a_missing_env_file_without_a_template_has_the_keys_that_are_read(tmp_path: Path) -> None:
    tree = edited(tmp_path)
    (tree / H100 / "runtime.env").unlink()

    assert found(tree) == []
    notes = [each["message"] for each in found(tree, "--severity", "note", ".")]
    assert (
        "runtime.env does not exist: built with MODEL_ID, TENSOR_PARALLEL_SIZE, MAX_MODEL_LEN, "
        "which are read from it"
    ) in notes


def test_plain_manifests_of_a_folder_are_judged_together(tmp_path: Path) -> None:
    text = DEPLOYMENT.replace("  name: vllm", "  name: server", 1).replace(":v0.26.0", ":latest")
    values = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: runtime}\ndata:\n"
    values += "  MODEL_ID: openai/gemma-3-27b-it\n  TENSOR_PARALLEL_SIZE: '1'\n"
    values += "  MAX_MODEL_LEN: '1024'\n"
    gpus = text.replace(
        "          ports:",
        "          resources: {limits: {nvidia.com/gpu: 1, cpu: 8, memory: 9Gi}}\n          ports:",
    )
    write(tmp_path, {"deployment.yaml": gpus, "values.yaml": values, "README.md": "text"})

    assert told(tmp_path) == [
        f"deployment.yaml:{at(DEPLOYMENT, 'image:')} IRA015",
        "values.yaml:5 IRA009",
    ]


def test_files_that_are_alternatives_are_judged_apart(tmp_path: Path) -> None:
    service = SERVICE.replace("app: vllm", "app: other")
    pod = DEPLOYMENT.replace("$(MODEL_ID)", "google/gemma-3-27b-it")
    write(tmp_path, {"one.yaml": pod, "two.yaml": pod, "service.yaml": service})

    assert "IRA017" not in lint(tmp_path).stdout


def test_a_stream_is_read_from_standard_input(tmp_path: Path) -> None:
    stream = f"{SERVICE}---\n{DEPLOYMENT.replace(':v0.26.0', ':nightly')}"

    run = lint(tmp_path, "-", input=stream)

    line = at(stream, "image:")
    assert run.stdout.startswith(f"<stdin>:{line}:18: error IRA015 unpinned-image\n")
    assert run.returncode == 1


def test_a_list_of_kubectl_is_read(tmp_path: Path) -> None:
    items = "".join(f"- {text.strip()}\n".replace("\n", "\n  ").rstrip() + "\n"
                    for text in (SERVICE, DEPLOYMENT.replace(":v0.26.0", "")))  # fmt: skip
    stream = f"apiVersion: v1\nkind: List\nitems:\n{items}"

    run = lint(tmp_path, "-", input=stream)

    assert run.stdout.startswith(f"<stdin>:{at(stream, 'image:')}:")
    assert "IRA015" in run.stdout


KSERVE = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: gemma
spec:
  predictor:
    nodeSelector:
      cloud.google.com/gke-accelerator: nvidia-l4
    containers:
      - name: kserve-container
        image: vllm/vllm-openai:v0.26.0
        args: [--model=google/gemma-3-27b-it, --tensor-parallel-size=1]
        resources:
          limits:
            nvidia.com/gpu: 1
"""
GROUP = """\
apiVersion: leaderworkerset.x-k8s.io/v1
kind: LeaderWorkerSet
metadata:
  name: llama
spec:
  leaderWorkerTemplate:
    size: 2
    workerTemplate:
      spec:
        containers:
          - name: server
            image: vllm/vllm-openai:v0.26.0
            args: [--model=meta-llama/Llama-3.3-70B-Instruct, --tensor-parallel-size=4]
            resources:
              limits:
                nvidia.com/gpu: 1
"""
POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: server
spec:
  nodeSelector:
    node.kubernetes.io/instance-type: g2-standard-96
  containers:
    - name: server
      image: vllm/vllm-openai:v0.26.0
      command: [/bin/bash, -c]
      args:
        - |
          set -e
          exec vllm serve google/gemma-3-27b-it --tensor-parallel-size ${TP}
      env:
        - {name: TP, value: "1"}
      resources:
        limits:
          nvidia.com/gpu: 1
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (KSERVE, f"{at(KSERVE, 'args:')} IRA001"),
        (GROUP, f"{at(GROUP, 'size:')} IRA011"),
        (POD, f"{at(POD, '- |')} IRA001"),
        (KSERVE.replace("vllm-openai:v0.26.0", "vllm-openai"), f"{at(KSERVE, 'image:')} IRA015"),
    ],
)
def test_servers_of_other_kinds_are_found(tmp_path: Path, text: str, expected: str) -> None:
    write(tmp_path, {"server.yaml": text})

    assert f"server.yaml:{expected}" in told(tmp_path)


def test_paths_may_be_named_twice_and_from_elsewhere(tmp_path: Path) -> None:
    tree = edited(tmp_path / "tree", (BASE, ":v0.26.0", ":latest"))
    (tmp_path / "empty").mkdir()

    twice = found(tree, ".", "./overlays", ".")
    (elsewhere,) = found(tmp_path / "empty", str(tree / L4))

    assert [each["kustomizations"] for each in twice] == [BOTH]
    assert elsewhere["file"] == str(tree / BASE)


def test_a_base_that_is_named_is_judged_alone(tmp_path: Path) -> None:
    run = lint(edited(tmp_path), "base")

    assert (run.stdout, run.returncode) == ("1 kustomization judged: 0 errors, 0 warnings.\n", 0)
