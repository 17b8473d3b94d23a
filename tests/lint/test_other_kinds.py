"""Workloads of other kinds, whose controllers add to their Pods, and ways to start a server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lint.trees import edited, found, told, write

_ROLES = """\
apiVersion: workload.example.io/v1
kind: KIND
metadata: {name: llama}
spec:
  template:
    spec:
      containers:
        - name: server
          image: vllm/vllm-openai:v0.26.0
          command: [vllm, serve, meta-llama/Llama-3.1-405B-Instruct]
          args: [--tensor-parallel-size=8, --pipeline-parallel-size=2, --port=WORD]
          resources: {limits: {nvidia.com/gpu: 8, cpu: 32, memory: 256Gi}}
          volumeMounts: [{name: dshm, mountPath: /dev/shm}]
      volumes: [{name: dshm, emptyDir: {medium: Memory}}]
"""


def _roles(kind: str, word: str = "8000") -> str:
    text = _ROLES.replace("KIND", kind).replace("WORD", word)
    return text.replace("workload.example.io/v1", "apps/v1") if kind == "StatefulSet" else text


@pytest.mark.parametrize(("kind", "rules"), [("StatefulSet", ["IRA011"]), ("ModelServing", [])])
def test_too_few_gpus_of_a_pod_may_be_those_of_several(
    tmp_path: Path, kind: str, rules: list[str]
) -> None:
    found_here = told(write(tmp_path, {"server.yaml": _roles(kind)}))

    assert [each.split()[1] for each in found_here if "IRA001" not in each] == rules


def test_gpus_without_a_process_are_a_fault_in_every_kind(tmp_path: Path) -> None:
    text = _roles("ModelServing").replace("--pipeline-parallel-size=2", "--seed=1")
    text = text.replace("--tensor-parallel-size=8", "--tensor-parallel-size=4")

    assert "server.yaml:12 IRA011" in told(write(tmp_path, {"server.yaml": text}))


@pytest.mark.parametrize(("kind", "is_told"), [("StatefulSet", True), ("ModelServing", False)])
def test_controllers_of_other_kinds_may_define_variables(
    tmp_path: Path, kind: str, *, is_told: bool
) -> None:
    found_here = told(write(tmp_path, {"server.yaml": _roles(kind, "'$(ENTRY_PORT)'")}))

    assert ("server.yaml:11 IRA014" in found_here) is is_told


GROUP = """\
apiVersion: leaderworkerset.x-k8s.io/v1
kind: LeaderWorkerSet
metadata: {name: llama}
spec:
  leaderWorkerTemplate:
    size: 2
    leaderTemplate:
      spec:
        containers:
          - name: server
            image: vllm/vllm-openai:v0.26.0
            command:
              - sh
              - -c
              - bash start-ray.sh; python3 -m vllm.entrypoints.openai.api_server "$@"
              - --
            args: [--port=8080, --model=org/any, --tensor-parallel-size=SIZE]
            readinessProbe: {tcpSocket: {port: PORT}}
            resources: {limits: {nvidia.com/gpu: 8, cpu: 32, memory: 256Gi}}
            volumeMounts: [{name: dshm, mountPath: /dev/shm}]
        volumes: [{name: dshm, emptyDir: {medium: Memory}}]
"""


@pytest.mark.parametrize(
    ("size", "port", "expected"),
    [
        ("16", "8080", []),
        ("8", "8080", ["group.yaml:6 IRA011"]),
        ("16", "8000", ["group.yaml:18 IRA035"]),
    ],
)
def test_the_words_behind_a_script_are_the_servers_where_it_takes_all(
    tmp_path: Path, size: str, port: str, expected: list[str]
) -> None:
    text = GROUP.replace("SIZE", size).replace("PORT", port)

    assert told(write(tmp_path, {"group.yaml": text})) == expected


SERVICE = """\
apiVersion: serving.kserve.io/v1alpha2
kind: LLMInferenceService
metadata: {name: gemma}
spec:
  model: {uri: hf://google/gemma-3-27b-it}
  parallelism: {tensor: SIZE}
  template:
    nodeSelector: {cloud.google.com/gke-accelerator: nvidia-l4}
    containers:
      - name: main
        env:
          - name: VLLM_ADDITIONAL_ARGS
            value: --gpu-memory-utilization=0.80 --max-model-len LENGTH
        resources: {limits: {nvidia.com/gpu: SIZE}}
"""


@pytest.mark.parametrize(
    ("size", "length", "expected"),
    [
        ("8", "8192", []),
        ("2", "8192", ["gemma.yaml:6 IRA001"]),
        ("8", "262144", ["gemma.yaml:13 IRA007"]),
        ("8, pipeline: 2", "262144", []),  # of several Pods, and so not judged
    ],
)
def test_what_kserve_starts_is_judged_by_the_fields_of_the_service(
    tmp_path: Path, size: str, length: str, expected: list[str]
) -> None:
    text = SERVICE.replace("tensor: SIZE", f"tensor: {size}").replace("SIZE", size[0])
    tree = write(tmp_path, {"gemma.yaml": text.replace("LENGTH", length)})

    assert told(tree) == expected


@pytest.mark.parametrize(
    ("suffix", "expected"),
    [("qwen3-06b", []), ("qwen3-0.6b", []), ("qwen3-8b", ["IRA088"])],
)
def test_a_size_may_be_written_without_its_point(
    tmp_path: Path, suffix: str, expected: list[str]
) -> None:
    l4 = "overlays/l4-gemma"
    tree = edited(
        tmp_path,
        (f"{l4}/runtime.env", "google/gemma-3-27b-it", "Qwen/Qwen3-0.6B"),
        (f"{l4}/kustomization.yaml", "nameSuffix: -l4-gemma", f"nameSuffix: -{suffix}"),
        (f"{l4}/kustomization.yaml", "cell: l4-gemma", "cell: l4"),
    )

    named = [each for each in told(tree) if "IRA088" in each]
    assert [each.split()[1] for each in named] == expected


_ACCOUNT = """\
apiVersion: GROUPv1
kind: ServiceAccount
metadata: {name: runner}
"""


def test_two_groups_may_have_a_kind_of_one_name(tmp_path: Path) -> None:
    account = _ACCOUNT.replace("GROUP", "")
    other = _ACCOUNT.replace("GROUP", "os.example.dev/")
    kustomization = "kind: Kustomization\nresources: [one.yaml, two.yaml]\n"
    twice = {"one.yaml": f"{account}---\n{account}"}
    groups = {"kustomization.yaml": kustomization, "one.yaml": account, "two.yaml": other}

    assert told(write(tmp_path / "groups", groups)) == []
    (finding,) = found(write(tmp_path / "twice", twice))
    assert finding["message"] == "ServiceAccount runner is also in one.yaml:3"
