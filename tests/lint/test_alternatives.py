"""What may be elsewhere, chosen from or taken away again: no fault beside its faulty twin."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lint.trees import DEPLOYMENT, edited, told, write

L4, H100 = "overlays/l4-gemma", "overlays/h100-llama"
OVERLAY = f"{L4}/kustomization.yaml"
KUSTOMIZATION = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"

# --- files of a folder that no kustomization names ------------------------------------------------

_WORKER = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {0}}}
spec:
  selector: {{matchLabels: {{role: worker}}}}
  template:
    metadata: {{labels: {{role: worker, app: {0}}}}}
    spec:
      containers:
        - {{name: worker, image: 'example/worker:1.0'}}
"""
_SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: other}
spec:
  selector: {app: other}
  ports: [{port: 80}]
"""
_SCALER = """\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: other}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: other}
  minReplicas: 1
  maxReplicas: 3
"""
_ONE, _TWO = _WORKER.format("one"), _WORKER.format("two")


@pytest.mark.parametrize(
    ("beside", "rules"),
    [
        (_TWO, ["IRA016", "IRA016"]),
        (_SERVICE, ["IRA037"]),
        (_SCALER, ["IRA037"]),
        (_ONE.replace("apps/v1", "apps/v1beta1"), ["IRA017"]),
    ],
)
def test_objects_are_applied_together_if_they_are_in_one_file(
    tmp_path: Path, beside: str, rules: list[str]
) -> None:
    together = write(tmp_path / "together", {"all.yaml": f"{_ONE}---\n{beside}"})
    apart = write(tmp_path / "apart", {"one.yaml": _ONE, "other.yaml": beside})

    assert [each.split()[1] for each in told(together)] == rules
    assert told(apart) == []


def test_a_service_in_a_file_of_its_own_is_for_the_workload_of_its_name(tmp_path: Path) -> None:
    service = _SERVICE.replace("name: other", "name: one")

    assert told(write(tmp_path, {"one.yaml": _ONE, "service.yaml": service})) == [
        "service.yaml:5 IRA037"
    ]


# --- kustomizations -------------------------------------------------------------------------------

_DELETE = """\
  - target: {kind: Service}
    patch: |-
      $patch: delete
      apiVersion: v1
      kind: Service
      metadata: {name: any}
"""
_PATCH = """\
patches:
  - target: {kind: Service, name: vlm}
    patch: '[{"op": "add", "path": "/metadata/labels", "value": {"tier": "front"}}]'
"""


def test_a_change_of_what_another_layer_deletes_is_no_fault(tmp_path: Path) -> None:
    changed = ("base/kustomization.yaml", "  - service.yaml\n", f"  - service.yaml\n{_PATCH}")
    deletions = [
        (f"{each}/kustomization.yaml", "  - path: node.yaml\n", f"  - path: node.yaml\n{_DELETE}")
        for each in (L4, H100)
    ]

    assert told(edited(tmp_path / "kept", changed)) == ["base/kustomization.yaml:7 IRA082"]
    assert told(edited(tmp_path / "gone", changed, *deletions)) == []


_COMPONENT = """\
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
patches:
  - target: {kind: Deployment, name: NAME}
    patch: '[{"op": "add", "path": "/spec/revisionHistoryLimit", "value": 2}]'
"""


@pytest.mark.parametrize(
    ("name", "found"),
    [("router|vllm.*-llama", []), ("router", ["components/limit/kustomization.yaml:4 IRA082"])],
)
def test_a_component_may_change_what_only_some_overlays_have(
    tmp_path: Path, name: str, found: list[str]
) -> None:
    uses = "components: [../../components/limit]\npatches:\n"
    tree = edited(
        tmp_path,
        *((f"{each}/kustomization.yaml", "patches:\n", uses) for each in (L4, H100)),
        ("components/limit/kustomization.yaml", "", _COMPONENT.replace("NAME", f"'{name}'")),
    )

    assert told(tree) == found


@pytest.mark.parametrize(
    ("folder", "found"),
    [
        ("overlays/l4-gemma-large", []),
        ("overlays/l4-qwen", ["overlays/l4-qwen/kustomization.yaml:5 IRA017"]),
    ],
)
def test_an_overlay_that_is_named_after_another_one_is_applied_in_its_place(
    tmp_path: Path, folder: str, found: list[str]
) -> None:
    tree = edited(tmp_path)
    files = ("kustomization.yaml", "node.yaml", "runtime.env")
    write(tree, {f"{folder}/{file}": (tree / L4 / file).read_text() for file in files})

    assert told(tree) == found


_REQUEST = """\
apiVersion: autoscaling.x-k8s.io/v1
kind: ProvisioningRequest
metadata: {name: gpus}
spec:
  provisioningClassName: queued-provisioning.gke.io
  podSets: [{count: 1, podTemplateRef: {name: gpus}}]
---
apiVersion: v1
kind: PodTemplate
metadata: {name: gpus, labels: {cloud.google.com/apply-warden-policies: "true"}}
template:
  spec:
    containers: [{name: pause, image: 'pause:3.10', resources: {limits: {nvidia.com/gpu: 8}}}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: train}
spec:
  template:
    metadata:
      annotations: {PREFIX/consume-provisioning-request: gpus}
    spec: {containers: [{name: train, image: 'example/train:1.0'}]}
"""


@pytest.mark.parametrize(
    ("prefix", "told_of_request"),
    [("cluster-autoscaler.kubernetes.io", False), ("example.com", True)],
)
def test_pods_consume_a_request_by_the_old_prefix_too(
    tmp_path: Path, prefix: str, *, told_of_request: bool
) -> None:
    found = told(write(tmp_path, {"job.yaml": _REQUEST.replace("PREFIX", prefix)}))

    assert ("job.yaml:3 IRA022" in found) is told_of_request


def test_the_image_of_a_pod_template_runs_nowhere(tmp_path: Path) -> None:
    text = _REQUEST.replace("pause:3.10", "perl").replace("PREFIX", "autoscaling.x-k8s.io")

    assert not [each for each in told(write(tmp_path, {"job.yaml": text})) if "IRA015" in each]


# --- what a controller puts together --------------------------------------------------------------

_RUNTIME = """\
apiVersion: serving.kserve.io/v1alpha1
kind: KIND
metadata: {name: multi-node}
spec:
  containers:
    - name: kserve-container
      image: vllm/vllm-openai:v0.26.0
      args: [--model=/mnt/models, '--tensor-parallel-size=$(TENSOR_PARALLEL_SIZE)']
      resources: {limits: {nvidia.com/gpu: 8}}
"""


def test_pods_that_kserve_completes_are_judged_by_what_they_have(tmp_path: Path) -> None:
    files = {
        "runtime.yaml": _RUNTIME.replace("KIND", "ServingRuntime"),
        "preset.yaml": _RUNTIME.replace("KIND", "LLMInferenceServiceConfig"),
        "template.yaml": "apiVersion: template.openshift.io/v1\nkind: Template\n"
        "metadata: {name: t}\nobjects:\n- "
        + _RUNTIME.replace("KIND", "ServingRuntime").replace("\n", "\n  ").rstrip()
        + "\n",
    }

    assert told(write(tmp_path / "complete", files)) == []
    moving = {name: text.replace(":v0.26.0", ":latest") for name, text in files.items()}
    assert [each.split()[1] for each in told(write(tmp_path / "moving", moving))] == ["IRA015"] * 3


# --- other programs on GPUs -----------------------------------------------------------------------


def _pod(image: str, words: str) -> str:
    return (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: server}\nspec:\n  containers:\n"
        f"    - name: server\n      image: {image}\n      command: [{words}]\n"
        "      resources:\n"
        "        limits: {nvidia.com/gpu: 2, cpu: 8, memory: 64Gi}\n"
    )


@pytest.mark.parametrize(
    ("image", "words", "found"),
    [
        ("example/embeddings:1.0", "python, serve.py", []),
        ("vllm/vllm-omni:v0.20.0", "vllm, serve, Qwen/Qwen2.5-Omni-7B, --omni", []),
        (
            "vllm/vllm-openai:v0.26.0",
            "vllm, serve, Qwen/Qwen2.5-7B-Instruct, --tensor-parallel-size=2",
            ["pod.yaml:6 IRA012"],
        ),
    ],
)
def test_only_servers_of_vllm_are_known_to_share_memory(
    tmp_path: Path, image: str, words: str, found: list[str]
) -> None:
    assert told(write(tmp_path, {"pod.yaml": _pod(image, words)})) == found


@pytest.mark.parametrize(
    ("group", "found"), [("headGroupSpec", []), ("leaderSpec", ["fleet.yaml:9 IRA012"])]
)
def test_ray_mounts_shared_memory_in_clusters_of_other_kinds(
    tmp_path: Path, group: str, found: list[str]
) -> None:
    pod = _pod("vllm/vllm-openai:v0.26.0", "vllm, serve, a/b, --tensor-parallel-size=2")
    spec = pod.partition("spec:\n")[2].replace("\n", "\n    ").rstrip()
    text = "apiVersion: orchestration.example.com/v1\nkind: Fleet\nmetadata: {name: fleet}\n"
    text += f"spec:\n  {group}:\n    template:\n      spec:\n    {spec}\n"

    assert told(write(tmp_path, {"fleet.yaml": text})) == found


# --- helpers, secrets and templates ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "found"),
    [("busybox", ["IRA093"]), ("busybox:1.37.0", []), ("'{user}/helper:latest'", [])],
)
def test_the_image_of_a_helper_that_moves_is_a_warning(
    tmp_path: Path, image: str, found: list[str]
) -> None:
    helper = f"      initContainers:\n        - {{name: wait, image: {image}}}\n      containers:\n"
    tree = edited(tmp_path, ("base/deployment.yaml", "      containers:\n", helper))

    assert [each.split()[1] for each in told(tree)] == found


@pytest.mark.parametrize(
    ("name", "value", "is_secret"),
    [
        ("OPENAI_API_KEY", "dummy", False),
        ("OPENAI_API_KEY", "sk-2f8c", True),
        ("CLUSTER_META_KEY", "kvcache-nodes", False),
        ("CLUSTER_META_KEY", f"hf_{'aB3' * 8}", True),
        ("MYSQL_ALLOW_EMPTY_PASSWORD", '"1"', False),
        ("MYSQL_ROOT_PASSWORD", "migration", True),
        ("MYSQL_ROOT_PASSWORD", '"123456"', True),
        ("CACHE_BYTES_PER_TOKEN", '"131072"', False),
        ("ETCD_INITIAL_CLUSTER_TOKEN", "etcd-k8s", False),
        ("JGROUPS_ENCRYPT_SECRET", "eap-app-secret", False),
        ("SSO_SECRET", "9aLk2", True),
    ],
)
def test_a_value_that_stands_for_no_secret_is_none(
    tmp_path: Path, name: str, value: str, *, is_secret: bool
) -> None:
    variable = f"env:\n            - {{name: {name}, value: {value}}}\n"
    tree = edited(tmp_path, ("base/deployment.yaml", "env:\n", variable))

    assert [each.split()[1] for each in told(tree)] == ["IRA065"] * is_secret


@pytest.mark.parametrize(
    ("line", "is_fault"),
    [
        ("image: {user}/server:1.0", False),
        ("  ${indent(4, labels)}", False),
        ("image: {user: [}", True),
    ],
)
def test_a_file_with_the_marks_of_a_template_is_no_broken_one(
    tmp_path: Path, line: str, *, is_fault: bool
) -> None:
    text = f"apiVersion: v1\nkind: Pod\nspec:\n{line}\n"

    assert told(write(tmp_path, {"pod.yaml": text})) == ["pod.yaml:4 IRA080"] * is_fault


def test_disks_have_folders_of_their_own(tmp_path: Path) -> None:
    def servers(volume: str) -> dict[str, str]:
        models = ("google/gemma-3-27b-it", "google/gemma-3-27b-it", "google/Gemma-3-27b-it")
        return {
            f"{number}/pod.yaml": DEPLOYMENT.replace("$(MODEL_ID)", model)
            .replace("$(TENSOR_PARALLEL_SIZE)", "1")
            .replace("=$(MAX_MODEL_LEN)", "=4096")
            .replace("driver: gcsfuse.csi.storage.gke.io", volume)
            for number, model in enumerate(models)
        }

    bucket = write(tmp_path / "bucket", servers("driver: gcsfuse.csi.storage.gke.io"))
    disk = write(tmp_path / "disk", servers("driver: pd.csi.storage.gke.io"))

    assert told(bucket) == ["2/pod.yaml:21 IRA009"]
    assert told(disk) == []
