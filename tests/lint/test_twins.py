"""Faults of other authors' trees, each beside a healthy twin that differs from it in little."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.lint.trees import BASE as KUSTOMIZATION
from tests.lint.trees import DEPLOYMENT, edited, found, told, write

BASE, BASES = "base/deployment.yaml", "base/kustomization.yaml"
H100, L4 = "overlays/h100-llama", "overlays/l4-gemma"

Edit = tuple[str, str, str]


class Twin(NamedTuple):
    """The edits of a broken tree, what is found there, and the edits of its healthy twin."""

    broken: list[Edit]
    expected: str
    healthy: list[Edit]


def line(text: str, start: str) -> int:
    """The number of the line that begins with these words."""
    return next(n for n, each in enumerate(text.splitlines(), 1) if each.strip().startswith(start))


def _hpa(most: int, metric: str) -> list[Edit]:
    text = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: vllm}\n"
    text += "spec:\n  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: vllm}\n"
    text += f"  minReplicas: 2\n  maxReplicas: {most}\n  metrics:\n    - {metric}\n"
    return [(BASES, "- service.yaml", "- service.yaml\n  - hpa.yaml"), ("base/hpa.yaml", "", text)]


def _pods(name: str) -> str:
    target = "target: {type: AverageValue, averageValue: 5}"
    return f"{{type: Pods, pods: {{metric: {{name: '{name}'}}, {target}}}}}"


_WAITING = _pods("prometheus.googleapis.com|vllm:num_requests_waiting|gauge")
_USED = "prometheus.googleapis.com|vllm:{}_cache_usage_perc|gauge"
_CPU = (
    "{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}}"
)


def _sidecar(resources: str) -> Edit:
    sidecar = f"        - {{name: proxy, image: 'envoyproxy/envoy:v1.31.0'{resources}}}\n"
    return (BASE, "      volumes:", f"{sidecar}      volumes:")


def _label(value: str) -> list[Edit]:
    return [(f"{L4}/kustomization.yaml", "{cell: l4-gemma}", f"{{cell: {value}}}")]


def _argument(*words: str) -> list[Edit]:
    added = "".join(f"\n            - {word}" for word in words)
    return [(BASE, "utilization=0.80", f"utilization=0.80{added}")]


_READS_KEY = (
    "env:\n            - name: NCCL_P2P_LEVEL\n              valueFrom:\n"
    "                configMapKeyRef: {name: runtime, key: NCCL_P2P_LEVEL, optional: true}\n"
)
_KEY = (f"{L4}/runtime.env", "LEN=16384", "LEN=16384\nNCCL_P2P_LEVEL=SYS")
_READS_ALL = "          envFrom: [{configMapRef: {name: runtime}}]\n"
_ACCOUNT = "      serviceAccountName: replaced-by-kustomize\n"
_QUEUED = "      tolerations:\n        - {key: cloud.google.com/gke-queued, operator: Exists}\n"
_GRACE = "      terminationGracePeriodSeconds: 300\n"
_PRE_STOP = "          lifecycle: {preStop: {sleep: {seconds: 15}}}\n"
_ARGUMENTS = line(DEPLOYMENT, "- --gpu-memory")
_VOLUMES = line(DEPLOYMENT, "volumes:")
_REQUESTS = '            requests: {cpu: "8", memory: 64Gi}\n'

TWINS = {
    "a key that nothing reads": Twin(
        [_KEY],
        f"{L4}/runtime.env:4 IRA013",
        [_KEY, (BASE, "env:\n", _READS_KEY)],
    ),
    "a key of a ConfigMap that is read as a whole": Twin(
        [_KEY],
        f"{L4}/runtime.env:4 IRA013",
        [_KEY, (BASE, "          ports:", f"{_READS_ALL}          ports:")],
    ),
    "a label of another family": Twin(
        _label("l4-llama-3"), f"{L4}/kustomization.yaml:11 IRA088", _label("l4-gemma-3")
    ),
    "a label of another size": Twin(
        _label("gemma-3-4b-it"), f"{L4}/kustomization.yaml:11 IRA088", _label("gemma-3-27b-it")
    ),
    "a label of another program": Twin(
        _label("llama-8b"), f"{L4}/kustomization.yaml:11 IRA088", _label("llama-stack")
    ),
    "a suffix of another model": Twin(
        [(f"{L4}/kustomization.yaml", "nameSuffix: -l4-gemma", "nameSuffix: -l4-qwen3-32b")],
        f"{L4}/kustomization.yaml:5 IRA088",
        [(f"{L4}/kustomization.yaml", "nameSuffix: -l4-gemma", "nameSuffix: -l4-24gb-gemma3-27b")],
    ),
    "a parser of another family": Twin(
        _argument("--enable-auto-tool-choice", "--tool-call-parser=llama3_json"),
        f"{BASE}:{_ARGUMENTS + 2} IRA089",
        _argument("--enable-auto-tool-choice", "--tool-call-parser=pythonic"),
    ),
    "reasoning of another family": Twin(
        [*_argument("--reasoning-parser=qwen3"),
         (f"{H100}/runtime.env", "meta-llama/Llama-3.3-70B-Instruct", "Qwen/Qwen3-32B"),
         (f"{H100}/kustomization.yaml", "-h100-llama", "-h100-qwen"),
         (f"{H100}/kustomization.yaml", "cell: h100-llama", "cell: h100")],
        f"{BASE}:{_ARGUMENTS + 1} IRA089",
        _argument("--reasoning-parser=deepseek_r1"),
    ),
    "an autoscaler between equal numbers": Twin(
        _hpa(2, _WAITING), "base/hpa.yaml:7 IRA090", _hpa(3, _WAITING)
    ),
    "a metric that the release dropped": Twin(
        _hpa(3, _pods(_USED.format("gpu"))), "base/hpa.yaml:9 IRA090",
        _hpa(3, _pods(_USED.format("kv"))),
    ),
    "a metric that the release has yet": Twin(
        _hpa(3, _pods(_USED.format("gpu"))), "base/hpa.yaml:9 IRA090",
        [*_hpa(3, _pods(_USED.format("gpu"))), (BASE, ":v0.26.0", ":v0.11.0")],
    ),
    "a share of nothing": Twin(
        [*_hpa(3, _CPU), _sidecar("")], "base/hpa.yaml:9 IRA090",
        [*_hpa(3, _CPU), _sidecar(", resources: {requests: {cpu: 1}}")],
    ),
    "no requests": Twin(
        [(f"{L4}/node.yaml", _REQUESTS, "")],
        f"{BASE}:{line(DEPLOYMENT, '- name: server')} IRA091",
        [(f"{L4}/node.yaml", _REQUESTS, ""), (f"{L4}/node.yaml", "limits:",
          "limits:\n              cpu: 8\n              memory: 64Gi")],
    ),
    "queued capacity that nobody asks for": Twin(
        [(BASE, "      volumes:", f"{_QUEUED}      volumes:")],
        f"{BASE}:{_VOLUMES + 1} IRA092",
        [(BASE, "      volumes:", f"{_QUEUED}      volumes:"),
         (BASE, "  name: vllm\n",
          "  name: vllm\n  labels: {kueue.x-k8s.io/queue-name: dws}\n")],
    ),
    "grace in which nothing waits": Twin(
        [(BASE, "      volumes:", f"{_GRACE}      volumes:")],
        f"{BASE}:{_VOLUMES} IRA042",
        [(BASE, "      volumes:", f"{_GRACE}      volumes:"),
         (BASE, "          ports:", f"{_PRE_STOP}          ports:")],
    ),
    "a helper's image that moves": Twin(
        [(BASE, "      volumes:", "        - {name: web, image: nginx}\n      volumes:")],
        f"{BASE}:{_VOLUMES} IRA093",
        [(BASE, "      volumes:", "        - {name: web, image: 'nginx:1.29'}\n      volumes:")],
    ),
    "a value that no overlay sets": Twin(
        [(BASE, "      volumes:", f"{_ACCOUNT}      volumes:")],
        f"{BASE}:{_VOLUMES} IRA039",
        [(BASE, "      volumes:", f"{_ACCOUNT}      volumes:"),
         (f"{L4}/node.yaml", "      nodeSelector:",
          "      serviceAccountName: gemma\n      nodeSelector:"),
         (f"{H100}/node.yaml", "      nodeSelector:",
          "      serviceAccountName: llama\n      nodeSelector:")],
    ),
}  # fmt: skip


def test_a_name_and_labels_of_one_other_model_are_one_finding(tmp_path: Path) -> None:
    name, label = "nameSuffix: -l4-gemma", "{cell: l4-gemma}"
    tree = edited(
        tmp_path,
        (f"{L4}/kustomization.yaml", name, "nameSuffix: -l4-qwen3-32b"),
        (f"{L4}/kustomization.yaml", label, "{cell: qwen3-32b}"),
    )

    (finding,) = found(tree)
    assert (finding["rule"], finding["line"]) == ("IRA088", 5)
    assert finding["message"] == (
        "vllm-l4-qwen3-32b names another model than gemma-3-27b-it, which the server loads; "
        "so do its labels cell"
    )


@pytest.mark.parametrize("name", TWINS)
def test_the_broken_twin_has_the_one_fault(tmp_path: Path, name: str) -> None:
    assert told(edited(tmp_path, *TWINS[name].broken)) == [TWINS[name].expected]


@pytest.mark.parametrize("name", TWINS)
def test_the_healthy_twin_has_none(tmp_path: Path, name: str) -> None:
    assert told(edited(tmp_path, *TWINS[name].healthy)) == []


RAY = """\
apiVersion: ray.io/v1
kind: RayService
metadata: {name: llm}
spec:
  rayClusterConfig:
    workerGroupSpecs:
      - template:
          spec:
            containers:
              - name: worker
                image: rayproject/ray:2.44.0
                resources: {limits: {nvidia.com/gpu: 2}}
"""
JOB = """\
apiVersion: batch/v1
kind: Job
metadata: {name: batch}
spec:
  completionMode: Indexed
  template:
    spec:
      containers:
        - name: worker
          image: example/worker:1.0
          args: [--rank=$(JOB_COMPLETION_INDEX)]
          env:
            - {name: BUCKET, value: '${BUCKET}'}
            - {name: HF_TOKEN, value: YOUR_TOKEN}
"""
POOL = """\
apiVersion: inference.networking.k8s.io/v1
kind: InferencePool
metadata: {name: gemma}
spec:
  selector: {matchLabels: {app: gemma}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: gemma-picker}
spec:
  selector: {matchLabels: {app: picker}}
  template:
    metadata: {labels: {app: picker}}
    spec:
      containers:
        - {name: picker, image: 'example/picker:1.0'}
"""


@pytest.mark.parametrize(
    "text",
    [
        RAY,
        JOB,
        POOL,
        JOB.replace("example/worker:1.0", "$WORKER_IMAGE"),
        JOB.replace("YOUR_TOKEN", "$HF_TOKEN"),
        JOB.replace("example/worker:1.0", "REGION-docker.pkg.dev/PROJECT_ID/worker:1.0"),
        JOB.replace("example/worker:1.0", "''"),
    ],
)
def test_what_only_looks_like_a_fault_in_a_manifest_is_none(tmp_path: Path, text: str) -> None:
    assert told(write(tmp_path, {"manifest.yaml": text})) == []


# --- remote bases ---------------------------------------------------------------------------------

_URL = f"https://github.com/acme/models//base?ref={'0a' * 20}"
_ROPE = '{"rope_scaling": {"factor": 3.2, "original_max_position_embeddings": 40960}}'
PATCH = f"""\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: vllm}}
spec:
  template:
    spec:
      containers:
        - name: server
          args:
            - --model=google/gemma-3-27b-it
            - --tensor-parallel-size=8
            - '--hf-overrides={_ROPE}'
"""


def _with_a_remote_base(folder: Path, factor: str = "3.2") -> Path:
    overlay = f"{L4}/kustomization.yaml"
    tree = edited(
        folder,
        (overlay, "  - path: node.yaml", "  - path: node.yaml\n  - path: args.yaml"),
        (f"{L4}/args.yaml", "", PATCH.replace("3.2", factor)),
    )
    (tree / BASES).write_text(KUSTOMIZATION.replace("deployment.yaml", _URL))
    return tree


def test_a_folder_with_other_letters_than_most_servers_have(tmp_path: Path) -> None:
    tree = edited(tmp_path)
    for name, model in (("two", "google/gemma-3-27b-it"), ("three", "google/Gemma-3-27B-it")):
        files = {
            f"overlays/{name}/{file}": (tree / L4 / file).read_text().replace("l4-gemma", name)
            for file in ("kustomization.yaml", "node.yaml", "runtime.env")
        }
        env = f"overlays/{name}/runtime.env"
        write(tree, {**files, env: files[env].replace("google/gemma-3-27b-it", model)})

    assert told(tree) == ["overlays/three/runtime.env:1 IRA009"]


def test_what_patches_say_of_the_objects_of_a_remote_base_is_judged(tmp_path: Path) -> None:
    assert told(_with_a_remote_base(tmp_path)) == [f"{L4}/args.yaml:12 IRA087"]


def test_of_a_remote_base_nothing_is_said_that_the_base_may_have(tmp_path: Path) -> None:
    tree = _with_a_remote_base(tmp_path, "16.0")

    assert told(tree) == []
    (note,) = found(tree, ".", "--severity", "note")
    assert note["message"] == f"only a part is judged: {_URL} is remote"


def test_a_part_that_does_not_build_is_not_judged_and_no_fault(tmp_path: Path) -> None:
    tree = _with_a_remote_base(tmp_path)
    with (tree / f"{L4}/kustomization.yaml").open("a") as file:
        file.write(
            "  - {patch: '[{op: remove, path: /spec/replicas}]', target: {kind: Deployment}}\n"
        )

    findings = found(tree, ".", "--severity", "note")

    assert [each["message"] for each in findings if L4 in each["kustomizations"]] == [
        f"the kustomization is not built: {_URL} is remote"
    ]
