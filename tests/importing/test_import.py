"""What `import` makes of trees: of this project's own the same bytes, of others what it tells."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from ira_manifests.importing import compare
from testing.kubectl import kustomize
from testing.project import DIST, ROOT, TOKEN
from testing.serving_objects import with_every_object
from tests.importing.trees import flat, imported
from tests.lint import trees as overlays
from tests.support import ira

TOKEN_FILE = "hugging-face-token.env"
QUEUED = ROOT / "dist/online-inference-gpu-h100-llama3-queued"


def content(folder: Path) -> dict[str, bytes]:
    files = (each for each in folder.rglob("*") if each.is_file() and each.name != TOKEN_FILE)
    return {str(each.relative_to(folder)): each.read_bytes() for each in files}


def test_the_projects_own_output_gives_profiles_that_make_its_bytes(tmp_path: Path) -> None:
    shutil.copytree(DIST, tmp_path / "dist", symlinks=True)

    made = imported(tmp_path / "dist")
    synth = ira("synth", "--profiles", made.folder, "--out", tmp_path / "again")

    assert made.report["differences"] == made.report["left"] == []
    assert made.run.returncode == 0
    assert synth.returncode == 0, synth.stderr
    assert content(tmp_path / "again") == content(DIST)


@pytest.mark.parametrize("monitoring", ["google", "prometheus-operator"])
def test_the_objects_beside_a_server_are_carried_over(tmp_path: Path, monitoring: str) -> None:
    profiles = with_every_object(tmp_path, monitoring)
    ira("synth", "--profiles", profiles, "--out", tmp_path / "dist", "--only", "h100/llama3")

    made = imported(tmp_path / "dist/online-inference-gpu-h100-llama3")

    (cell,) = made.cells.values()
    settings = cell.settings
    assert settings.autoscaling is not None
    assert settings.gateway is not None
    assert settings.network_access is not None
    assert made.report["left"] == []
    assert [each["kind"] for each in made.report["differences"]] == ["Directory"]  # no download
    assert (settings.autoscaling.min, settings.autoscaling.max) == (2, 4)
    assert settings.autoscaling.target == Decimal(8)
    assert settings.autoscaling.scale_down_seconds == 600
    assert settings.autoscaling.metric_name is None
    assert (settings.gateway.name, settings.gateway.namespace) == ("inference", "gateways")
    assert (settings.gateway.listener, settings.gateway.priority) == ("https", 5)
    assert [each.cidr for each in settings.network_access.peers if each.cidr] == [
        "10.1.0.0/16",
        "10.2.0.0/23",
    ]
    assert [each.namespace for each in settings.network_access.peers if each.namespace] == [
        "chat",
        "batch",
    ]


_HPA = """
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: chat}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: chat}
  minReplicas: 2
  maxReplicas: 3
  metrics: [METRIC]
"""
_CPU = (
    "{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}}"
)
_RENAMED = (
    "{type: Pods, pods: {metric: {name: 'vllm:num_requests_waiting'}, "
    "target: {type: AverageValue, averageValue: 5}}}"
)
_POLICY = """
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: chat}
spec:
  podSelector: {matchLabels: {app: chat}}
  policyTypes: [Ingress]
  ingress: [ENTRY]
"""


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (_HPA.replace("METRIC", _CPU), "autoscaling"),
        (_POLICY.replace("ENTRY", "{ports: [{port: 8000}]}"), "network_access"),
        (_POLICY.replace("ENTRY", "{from: [{namespaceSelector: {}}]}"), "network_access"),
        (
            _POLICY.replace(
                "ENTRY", "{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]}"
            ),
            "network_access",
        ),
    ],
)
def test_objects_that_profiles_have_otherwise_are_told(
    tmp_path: Path, text: str, field: str
) -> None:
    made = imported(flat(tmp_path, more=text))
    (cell,) = made.cells.values()

    assert getattr(cell.settings, field) is None
    assert field in [each["field"] for each in made.report["left"]]


def test_the_name_that_an_adapter_gives_a_metric_is_kept(tmp_path: Path) -> None:
    made = imported(flat(tmp_path, more=_HPA.replace("METRIC", _RENAMED)))
    (cell,) = made.cells.values()

    autoscaling = cell.settings.autoscaling
    assert autoscaling is not None
    assert (autoscaling.metric, autoscaling.metric_name) == (
        "requests_waiting",
        "vllm:num_requests_waiting",
    )


def test_a_flat_deployment_becomes_a_cell(tmp_path: Path) -> None:
    made = imported(flat(tmp_path))
    (cell,) = made.cells.values()

    assert cell.name == "h100/gemma3-27b"
    assert cell.workload_name == "chat"
    assert cell.service_account == "reader"
    assert cell.engine.version == "0.19.0"
    assert cell.platform.bucket == "acme-models"
    assert cell.profile.gpu_memory_utilization == Decimal("0.90")
    assert (cell.profile.max_model_len, cell.profile.cpu, cell.profile.memory) == (
        32768,
        "10",
        "128G",
    )
    given = cell.settings
    assert given.args == ("--max-num-seqs=64",)
    assert given.env["VLLM_LOGGING_LEVEL"] == "DEBUG"
    source = given.env["OTEL_KEY"]
    assert not isinstance(source, str)
    assert (source.secret, source.key) == ("otel", "api")
    assert (given.replicas, given.priority_class) == (2, "serving")
    assert given.pod_labels == {"app": "chat", "team": "search"}
    assert [each["name"] for each in given.volumes] == ["templates"]
    assert made.run.returncode == 1


@pytest.mark.parametrize(
    ("tag", "share", "of"),
    [
        # vllm/config/cache.py of v0.19.1 and of v0.20.0
        ("v0.19.1", "0.9", "in 0.19.1"),
        ("v0.20.0", "0.92", "in 0.20.0"),
        ("nightly", "0.90", "before 0.20.0"),
    ],
)
def test_a_share_that_is_not_given_is_the_default_of_the_release(
    tmp_path: Path, tag: str, share: str, of: str
) -> None:
    without = ("            - --gpu-memory-utilization=0.90\n", "")
    made = imported(flat(tmp_path, without, ("vllm-openai:v0.19.0", f"vllm-openai:{tag}")))
    (cell,) = made.cells.values()

    assert cell.profile.gpu_memory_utilization == Decimal(share)
    told = {each["field"]: each["why"] for each in made.report["left"]}
    assert told["gpu_memory_utilization"] == (f"not given; written as vLLM's default {of}, {share}")


def test_what_is_told_is_what_synth_makes(tmp_path: Path) -> None:
    """The report is of objects that were computed; kubectl builds those that were written."""
    tree = overlays.write(tmp_path / "tree", overlays.healthy())
    made = imported(tree)
    synth = ira("synth", "--profiles", made.folder, "--out", tmp_path / "dist")
    assert synth.returncode == 0, synth.stderr

    for name, unit in made.report["cells"].items():
        there = list(yaml.safe_load_all(kustomize(tmp_path / unit)))
        cell = made.cells[name]
        here = list(yaml.safe_load_all(kustomize(tmp_path / "dist" / cell.directory)))
        told = [each for each in made.report["differences"] if name in each["cells"]]

        assert told
        assert [each._asdict() for each in sorted(compare.differences(there, here))] == [
            {key: each[key] for key in ("kind", "field", "there", "here")} for each in told
        ]


def test_overlays_of_a_base_become_cells_of_their_models(tmp_path: Path) -> None:
    made = imported(overlays.write(tmp_path / "tree", overlays.healthy()))

    values = {
        name: (
            cell.model.model_id,
            cell.profile.tensor_parallel,
            cell.profile.max_model_len,
            cell.machine.compute_class,
        )
        for name, cell in made.cells.items()
    }
    assert values == {
        "h100/llama": (
            "meta-llama/Llama-3.3-70B-Instruct", 4, 32768, "gpu-h100-80gb-high-x4"),
        "l4/gemma": ("google/gemma-3-27b-it", 8, 16384, "gpu-l4-24gb-x8"),
    }  # fmt: skip
    assert {cell.workload_name for cell in made.cells.values()} == {
        "vllm-h100-llama",
        "vllm-l4-gemma",
    }


LINE = "exec vllm serve /gcs/google/gemma-3-27b-it --max-model-len 4096 --enable-prefix-caching"
SHELL = (
    "command: [vllm, serve]\n          args:\n            - /gcs/google/gemma-3-27b-it\n",
    f"command: [/bin/sh, -c]\n          args:\n            - {LINE}\n",
)


def test_a_server_in_a_shell_line_becomes_a_cell_and_the_shell_is_told(tmp_path: Path) -> None:
    made = imported(flat(tmp_path, SHELL))
    (cell,) = made.cells.values()

    assert cell.profile.max_model_len == 4096
    assert cell.settings.args == ("--enable-prefix-caching",)
    assert made.differences("Deployment")["pod.container[server].command"] == (
        "a shell script",
        "vllm serve",
    )


GROUP = """\
apiVersion: leaderworkerset.x-k8s.io/v1
kind: LeaderWorkerSet
metadata:
  name: scout
spec:
  leaderWorkerTemplate:
    size: 2
    leaderTemplate: &pod
      metadata: {labels: {role: leader}}
      spec:
        nodeSelector: {cloud.google.com/gke-accelerator: nvidia-h100-80gb}
        containers:
          - name: leader
            image: vllm/vllm-openai:v0.26.0
            command: [vllm, serve]
            args:
              - /gcs/meta-llama/Llama-4-Scout-17B-16E-Instruct
              - --tensor-parallel-size=8
              - --pipeline-parallel-size=2
              - --max-model-len=131072
              - --nnodes=$(LWS_GROUP_SIZE)
              - --node-rank=$(LWS_WORKER_INDEX)
              - --master-addr=$(LWS_LEADER_ADDRESS)
            resources:
              limits: {cpu: 64, memory: 512G, nvidia.com/gpu: 8}
    workerTemplate: *pod
"""


def test_a_group_of_nodes_becomes_a_cell_of_several(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/group.yaml").write_text(GROUP)
    made = imported(tmp_path / "tree")
    (cell,) = made.cells.values()

    profile = cell.profile
    assert (profile.tensor_parallel, profile.pipeline_parallel, profile.nodes) == (8, 2, 2)
    assert cell.settings.args == ()
    assert made.differences("LeaderWorkerSet")


def test_a_queued_server_alone_makes_its_gpu_type_queued(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "all.yaml").write_text(kustomize(QUEUED))
    made = imported(tree)
    (cell,) = made.cells.values()

    assert cell.is_queued
    its = [each for each in made.report["differences"] if each["kind"] != "Directory"]
    assert its == []
    added = [each["here"] for each in made.report["differences"]]
    assert added == ["model-download", "online-inference-gpu-h100-llama3"]


@pytest.mark.parametrize(
    ("edits", "what", "why"),
    [
        pytest.param(
            [("kind: Deployment", "kind: StatefulSet")],
            "StatefulSet chat",
            "Deployments and LeaderWorkerSets alone",
            id="a StatefulSet",
        ),
        pytest.param(
            [(", nvidia.com/gpu: 1", "")], "Deployment chat", "asks for no GPU", id="no GPU"
        ),
        pytest.param(
            [("gpu-h100-80gb-high-x1", "spot")], "Deployment chat", "the GPU type", id="no GPU type"
        ),
        pytest.param(
            [("/gcs/google/gemma-3-27b-it\n", "/models/x\n")],
            "Deployment chat",
            "the model that it serves",
            id="no model",
        ),
    ],
)  # fmt: skip
def test_what_is_no_cell_is_told(
    tmp_path: Path, edits: list[tuple[str, str]], what: str, why: str
) -> None:
    tree = flat(tmp_path, *edits, *([("only-dir:google/gemma-3-27b-it", "ro")] * (what == "x")))
    if "model that" in why:
        text = (tree / "deployment.yaml").read_text()
        (tree / "deployment.yaml").write_text(
            text.replace(",only-dir:google/gemma-3-27b-it", "").replace(
                "mountPath: /gcs/google/gemma-3-27b-it", "mountPath: /models/x"
            )
        )
    run = ira("import", "tree", cwd=tmp_path)

    assert run.returncode == 2
    assert why in " ".join(run.stdout.split())
    assert what in run.stdout
    assert "no server of vLLM became a cell" in run.stderr
    assert not (tmp_path / "profiles").exists()


def test_a_compute_class_of_the_authors_own_is_a_machine_of_the_gpu_type(tmp_path: Path) -> None:
    made = imported(flat(tmp_path, ("gpu-h100-80gb-high-x1", "chat-h100")))
    (cell,) = made.cells.values()

    assert cell.machine.compute_class == "chat-h100"
    assert cell.machine.machine_type == "a3-highgpu-1g"
    assert not [field for field in made.differences("Deployment") if "nodeSelector" in field]


def test_what_profiles_cannot_have_is_left_out_and_told(tmp_path: Path) -> None:
    edit = ("- --max-num-seqs=64", "- --max-num-seqs=64\n            - --ssl-keyfile=/k.pem")
    made = imported(flat(tmp_path, edit))

    (why,) = [text for what, text in made.left.items() if "args" in what]
    assert "plain HTTP" in why
    (cell,) = made.cells.values()
    assert cell.settings.args == ("--max-num-seqs=64",)
    there, here = made.differences("Deployment")["pod.container[server].args.--ssl-keyfile"]
    assert (there, here) == ("/k.pem", "")


def test_a_model_of_unknown_geometry_is_written_without(tmp_path: Path) -> None:
    text = ("google/gemma-3-27b-it", "acme/secret-sauce-9b")
    made = imported(flat(tmp_path, text))
    (cell,) = made.cells.values()

    assert cell.model.geometry is None
    assert made.report["not_judged"] == ["acme/secret-sauce-9b"]


# --- secrets --------------------------------------------------------------------------------------


def test_secrets_are_told_and_never_copied(tmp_path: Path) -> None:
    token = ("value: DEBUG}", f"value: DEBUG}}\n            - {{name: HF_TOKEN, value: {TOKEN}}}")
    key = ("- --max-num-seqs=64", "- --max-num-seqs=64\n            - --api-key=sesame-open")
    side = f"        - {{name: side, image: 'a:1.0.0', command: [sh, -c, 'login {TOKEN}']}}\n"
    volumes = "      volumes:\n"
    tree = flat(tmp_path, token, key, (volumes, side + volumes))
    secret: dict[str, Any] = {
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hub"},
        "stringData": {"token": "swordfish-of-the-hub"},
    }  # fmt: skip
    (tree / "secret.yaml").write_text(yaml.safe_dump(secret))
    made = imported(tree)
    shown = ira("import", "tree", "--dry-run", cwd=tmp_path)

    for text in (made.texts, shown.stdout, shown.stderr):
        assert TOKEN not in text
        assert "sesame-open" not in text
        assert "swordfish" not in text
    told = {what: why for what, why in made.left.items() if "secret" in why.lower()}
    assert set(told) == {
        "Deployment chat --api-key",
        "Deployment chat container side",
        "Deployment chat env HF_TOKEN",
        "Secret hub",
    }


# --- bad input ------------------------------------------------------------------------------------


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    flat(tmp_path)
    (tmp_path / "profiles").mkdir()
    run = ira("import", "tree", cwd=tmp_path)

    assert run.returncode == 2
    assert "profiles is there already" in run.stderr
    assert list((tmp_path / "profiles").iterdir()) == []


def test_a_dry_run_prints_the_profiles_and_writes_nothing(tmp_path: Path) -> None:
    flat(tmp_path)
    run = ira("import", "tree", "--dry-run", cwd=tmp_path)

    assert run.returncode == 1
    assert "# profiles/models/gemma3-27b.yaml\n" in run.stdout
    assert sorted(each.name for each in tmp_path.iterdir()) == ["tree"]


def test_the_report_fits_80_columns(tmp_path: Path) -> None:
    overlays.write(tmp_path / "tree", overlays.healthy())
    run = ira("import", "tree", cwd=tmp_path)

    assert [
        line for line in run.stdout.splitlines() if len(line) > 80 and " " in line.strip()
    ] == []
    assert "Wrote profiles: 2 cells" in run.stdout


@pytest.mark.parametrize("name", ["../../../escape", "a/b", "..", "UPPER", "x" * 300, "a: b\n- c"])
def test_names_of_a_tree_never_leave_the_folder(tmp_path: Path, name: str) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    documents = list(
        yaml.safe_load_all(flat(tmp_path / "tree").joinpath("deployment.yaml").read_text())
    )
    shutil.rmtree(tree / "tree")
    documents[0]["metadata"]["name"] = name
    documents[0]["spec"]["template"]["spec"]["serviceAccountName"] = name
    documents[0]["spec"]["template"]["spec"]["containers"][0]["name"] = name
    (tree / "all.yaml").write_text(yaml.safe_dump_all(documents))
    run = ira("import", "tree", "--out", "made", cwd=tmp_path)

    assert run.returncode in (1, 2), run.stderr
    assert "Traceback" not in run.stderr
    assert {each.name for each in tmp_path.iterdir()} <= {"tree", "made"}


HOSTILE = {
    "labels that are a list": ("labels: {app: chat, team: search}", "labels: [1, 2]"),
    "env that is text": (
        "- {name: VLLM_LOGGING_LEVEL, value: DEBUG}", "- x"),
    "volumes without names": ("- name: templates\n          configMap", "- configMap"),
    "replicas that are text": ("replicas: 2", "replicas: many"),
    "a strategy that is text": ("strategy: {type: Recreate}", "strategy: fast"),
    "a limit that is a list": ("cpu: 10,", "cpu: [10],"),
    "a digest that is none": (":v0.19.0", ":v0.19.0@sha256:xyz"),
    "an alias": ("labels: {team: search}", "labels: &a {team: search}\n  annotations: *a"),
    "an account that is a number": ("serviceAccountName: reader", "serviceAccountName: 5"),
    "a class that is no name": ("gpu-h100-80gb-high-x1", "'h100 ../x'"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_odd_values_are_told_and_end_in_no_traceback(tmp_path: Path, name: str) -> None:
    flat(tmp_path, HOSTILE[name])
    run = ira("import", "tree", "--out", "made", cwd=tmp_path)

    assert run.returncode in (1, 2)
    assert "Traceback" not in run.stderr
    if run.returncode == 1:
        assert ira("list", "--profiles", "made", cwd=tmp_path).returncode == 0
