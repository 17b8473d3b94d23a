"""The tables beside the constructs' manifests name exactly the values that decide each field."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import reduce
from pathlib import Path

import pytest
from cdk8s import App, Chart
from pydantic import BaseModel, ValidationError

from ira_manifests import (
    Cell,
    Matrix,
    ModelDownloadJob,
    ProvisioningRequest,
    VllmDeployment,
    load_matrix,
)
from ira_manifests.constructs.manifests import (
    directory,
    model_download_job,
    provisioning_request,
    vllm_deployment,
)
from ira_manifests.constructs.manifests.sources import Source, source
from ira_manifests.directories import of_cell
from ira_manifests.profiles.engine import OwnEngine
from ira_manifests.profiles.platform import Platform
from ira_manifests.profiles.pod_fields import Strategy
from ira_manifests.profiles.repositories import Download
from ira_manifests.provenance.explained import (
    ExplainedDirectory,
    PlacesOfCell,
    directories,
    downloads,
    nodes,
)
from ira_manifests.provenance.field_lookup import leaves
from ira_manifests.rendering import render
from testing.edits import edit_profile
from testing.gitops import ARGO_CD, controlled
from testing.project import copy_edited, copy_profiles
from testing.serving_objects import FIELDS
from tests.test_public_api import python

# Edits for effects that a single option's value does not show. Every other option that the shipped
# profiles leave out gets one of SAMPLES.
EDITS = {
    "platform.yaml": {
        "# namespace: default": "namespace: llm",
        "inference:\n": (
            "inference:\n  labels: {owner: a}\n  annotations: {owner: of the platform}\n"
        ),
        "  exclude:\n": "  token: {secret: mine}\n  exclude:\n",
        "  run_as_user: 2000\n": "",
        "  read_only_root: true\n": "",
        "drain_seconds: 120": "drain_seconds: 0",
        "  max_run_duration_seconds": "  valid_until_seconds: 7200\n  max_run_duration_seconds",
        # In front of the queue's own toleration, one that all Pods have.
        "    - key: cloud.google.com/gke-queued": (
            "    - key: nvidia.com/gpu\n      effect: NoSchedule\n"
            "    - key: cloud.google.com/gke-queued"
        ),
    },
    "gpus/h100.yaml": {"# queued_node_pool": "queued_node_pool"},
    "models/llama3.yaml": {
        "weights:\n": (
            "revision: v1\n"
            "download:\n  exclude: ['*.md']\nlabels: {team: search, example.com/cost: gpu}\n"
            "pod_annotations: {note: of the Pod}\nservice_labels: {team: front}\n"
            "env: {VLLM_LOGGING_LEVEL: INFO}\nweights:\n"
        ),
    },
    "h100/llama3": {
        "tensor_parallel: 4": (
            "kv_cache_dtype: fp8\n    args: [--max-num-seqs=64]\n"
            "    pipeline_parallel: 2\n    tensor_parallel: 4\n"
            "    image_pull_secrets: [one, two]\n    served_model_names: [chat, llama]\n"
            "    tool_call_parser: llama3_json\n    reasoning_parser: qwen3\n"
            "    lora_adapters: [{name: sql, model_id: acme/sql, revision: v3}]\n"
            "    max_loras: 2\n    max_lora_rank: 32\n"
            "    speculative:\n"
            "      {method: eagle3, model_id: acme/eagle, revision: v1,\n"
            "       num_speculative_tokens: 3}\n"
            "    engine: {command: [/usr/local/bin/vllm, serve]}\n"
            "    node_selector: {example.com/zone: a}\n"
            "    annotations: {note: of the cell}\n"
            "    pod_labels: {team: search}\n"
            "    service_annotations: {example.com/note: a}\n"
            "    env:\n"
            "      VLLM_LOGGING_LEVEL: DEBUG\n"
            "      VLLM_API_KEY: {secret: api-key, key: token, optional: true}\n"
            "      CUDA_MODULE_LOADING: {config_map: cuda, key: loading}\n"
            "    strategy: {type: rolling-update, max_surge: 1, min_ready_seconds: 30}\n"
            "    topology_spread:\n"
            "      - {topology_key: topology.kubernetes.io/zone, max_skew: 2}\n"
            "      - {topology_key: kubernetes.io/hostname, when_unsatisfiable: DoNotSchedule}\n"
            "    volumes: [{name: cache, emptyDir: {sizeLimit: 1Gi}}]\n"
            "    volume_mounts:\n"
            "      - {name: cache, mountPath: /cache}\n"
            "      - {name: cache, mountPath: /other, subPath: other}\n"
            "    containers:\n"
            "      - {name: logs, image: 'busybox:1.37', args: [--follow, 'yes']}\n"
            "    init_containers:\n"
            "      - {name: proxy, image: 'envoyproxy/envoy:v1.35.1', restartPolicy: Always}\n"
            "    patches:\n"
            "      - kind: Deployment\n"
            "        json_patch:\n"
            "          - {op: add, path: /spec/revisionHistoryLimit, value: 3}\n"
            "          - {op: replace, path: /metadata/annotations/note, value: of the patch}\n"
            "      - kind: Deployment\n"
            "        strategic_merge:\n"
            "          spec: {template: {spec: {\n"
            "            dnsConfig: {options: [{name: ndots, value: '2'}]},\n"
            "            tolerations: [{key: mine, operator: Exists}],\n"
            "            containers: [{name: logs, image: 'busybox:1.37.0'}]}}}\n"
            "      - {kind: Service, strategic_merge: {spec: {sessionAffinity: ClientIP}}}"
        ),
    },
    "h200/llama3": {
        "tensor_parallel: 4": (
            FIELDS.replace("KIND", "google") + "\n    strategy: {type: recreate}\n"
            "    patches:\n"
            "      - kind: PodDisruptionBudget\n"
            "        strategic_merge: {spec: {unhealthyPodEvictionPolicy: IfHealthyBudget}}\n"
            "      - kind: HTTPRoute\n"
            "        json_patch: [{op: add, path: /metadata/annotations/a, value: b}]"
            "\n    model_id: acme/llama-fp8\n    revision: v2\n"
            "    weights: {total_gib: 70, quantization: fp8}"
        ),
    },
    "l4/gemma3-27b": {
        "tensor_parallel: 8": "tensor_parallel: 8\n    nodes: 2",
    },
    "h200/gemma3-27b": {
        "tensor_parallel: 1": (
            "tensor_parallel: 1\n    disruption_budget: {min_available: 50%}\n"
            "    monitoring: {kind: prometheus-operator, labels: {release: prometheus}}"
        ),
    },
}


SAMPLES: tuple[object, ...] = (
    "sample",
    60,
    True,
    "1Gi",
    ["sample"],
    {"sample": "sample"},
    "a.example/b",
)
# Options whose value another field must agree with, and those that EDITS set for another cell.
BOUND = [
    ["engine", "tag"], ["engine", "digest"], ["compute_class"], ["argo_cd"], ["flux"],
    ["model_id"], ["revision"], ["weights"],
    *(["model_download", "token", name] for name in ("external_secret", "secret_manager")),
    *(["speculative", name] for name in (
        "draft_tensor_parallel_size", "revision", "prompt_lookup_min", "prompt_lookup_max",
    )),
    *([*below, name] for below in ([], ["inference"])
      for name in ("lora_adapters", "max_loras", "max_lora_rank", "speculative")),
    *(
        [*below, name]
        for below in ([], ["inference"])
        for name in (
            "autoscaling", "disruption_budget", "gateway", "monitoring", "network_access",
            "strategy",
        )
    ),
]  # fmt: skip


@pytest.fixture
def edited(tmp_path: Path) -> Matrix:
    folder = copy_profiles(tmp_path)
    for subject, edits in EDITS.items():
        edit_profile(folder, subject, edits)
    return with_samples(load_matrix(folder), load_matrix())


@pytest.fixture
def several_nodes(tmp_path: Path) -> Matrix:
    folder = tmp_path / "several"
    folder.mkdir()
    folder = copy_profiles(folder)
    subject = "l4/gemma3-27b"
    edit_profile(folder, subject, EDITS[subject])
    return load_matrix(folder)


def with_samples(matrix: Matrix, shipped: Matrix) -> Matrix:
    """Return the matrix with a value for each option that neither matrix has."""
    cell, usual = matrix["h100", "llama3"], shipped["h100", "llama3"]
    for profile, other in ((matrix.platform, shipped.platform), (cell.profile, usual.profile)):
        full: BaseModel = profile
        for path in unset(profile):
            if path not in BOUND and reduce(getattr, path, other) is None:
                full = with_sample(full, path)
        matrix = with_profile(matrix, cell, full)
    return matrix


def unset(profile: BaseModel) -> Iterator[list[str]]:
    """Yield the paths of the options of a profile that have no value."""
    for name in type(profile).model_fields:
        value = getattr(profile, name)
        if isinstance(value, OwnEngine | Strategy):
            continue  # EDITS have them: the shipped profiles lack the whole
        if value is None:
            yield [name]
        elif isinstance(value, BaseModel):
            yield from ([name, *path] for path in unset(value))


def with_sample(profile: BaseModel, path: list[str]) -> BaseModel:
    name, *below = path
    if below:
        return profile.model_copy(update={name: with_sample(getattr(profile, name), below)})
    for sample in SAMPLES:
        with suppress(ValidationError):
            return type(profile).model_validate({**dict(profile), name: sample})
    raise AssertionError(f"none of SAMPLES is a value of {name}: add one to them, or use EDITS")


def with_profile(matrix: Matrix, cell: Cell, profile: BaseModel) -> Matrix:
    profiles = matrix.profiles
    if isinstance(profile, Platform):
        return Matrix(profile, replace(profiles, platform=profile))
    cells = {**cell.model.cells, cell.gpu_name: profile}
    model = cell.model.model_copy(update={"cells": cells})
    models = {**profiles.models, cell.model_name: model}
    return Matrix(matrix.platform, replace(profiles, models=models))


def on_its_own(matrix: Matrix) -> list[ExplainedDirectory]:
    """Every construct with every option, as cdk8s renders it in a user's own chart."""
    cell = matrix["h100", "llama3"]
    bucket, model_id = "acme", cell.model.model_id

    def chart(name: str, namespace: str | None = matrix.platform.namespace) -> Chart:
        return Chart(App(), name, namespace=namespace)

    def of(scope: Chart, table: list[Source]) -> ExplainedDirectory:
        places = PlacesOfCell(matrix, cell)
        return ExplainedDirectory(scope.node.id, scope.to_json(), table, places)

    own, theirs = chart("own account"), chart("theirs")
    download = chart("download", matrix.platform.download_namespace)
    workload = VllmDeployment(own, "vllm", cell=cell, bucket=bucket)
    ProvisioningRequest(own, "capacity", workload=workload)
    VllmDeployment(theirs, "vllm", cell=cell, bucket=bucket, service_account="a")
    ModelDownloadJob(download, "download", platform=matrix.platform, bucket=bucket,
                     model_id=model_id, also=["acme/sql"], name="c", token_secret="b",
                     models=[cell.model])  # fmt: skip
    return [
        of(own, [*vllm_deployment.sources(cell, bucket=bucket),
                 *provisioning_request.sources(cell, bucket)]),
        of(theirs, vllm_deployment.sources(cell, bucket=bucket, service_account="a")),
        of(download, model_download_job.sources(matrix.platform, bucket=bucket,
                                                model_id=model_id, also=["acme/sql"], name="c",
                                                token_secret="b")),
    ]  # fmt: skip


def every_directory(matrix: Matrix) -> Iterator[ExplainedDirectory]:
    yield from downloads(matrix)
    for cell in matrix.values():
        yield from directories(matrix, cell)


@pytest.fixture
def every(edited: Matrix, several_nodes: Matrix) -> list[ExplainedDirectory]:
    """Every directory of the shipped profiles, of profiles with the options they leave out, and of
    a cell of several nodes on the shipped platform.

    Then every construct on its own.
    """
    matrices = (load_matrix(), edited, several_nodes)
    in_directories = [found for matrix in matrices for found in every_directory(matrix)]
    return [*in_directories, *on_its_own(edited)]


def test_objects_are_those_that_cdk8s_renders(edited: Matrix) -> None:
    for matrix in (load_matrix(), edited):
        rendered = {found.name: found.objects for found in render(matrix)}
        for cell in matrix.values():
            for name in cell.directories:
                objects = directory.objects(cell, queued=name == cell.queued_directory)
                objects = dict(of_cell(cell, name, objects).objects)
                assert json.dumps(objects) == json.dumps(rendered[name]), name
        named: list[Download | None] = [*matrix.downloads(matrix.values())]
        for download in named or [None]:
            models = matrix.profiles.models.values()
            objects = directory.download_objects(matrix.platform, models, download)
            name = "model-download" if download is None else download.name
            assert json.dumps(objects) == json.dumps(rendered[name])


def test_every_field_has_a_source(every: list[ExplainedDirectory]) -> None:
    assert {
        leaf.path
        for found in every
        for item in found.objects
        for leaf in leaves(item)
        if found.source_of(leaf) == "unknown"
    } == set(), "fields without a row: add one to the table beside the function that sets them"


def test_every_field_under_a_controller_has_a_source(tmp_path: Path) -> None:
    matrix = load_matrix(controlled(tmp_path, ARGO_CD))

    for found in every_directory(matrix):
        for item in found.objects:
            for leaf in leaves(item):
                assert found.source_of(leaf) != "unknown", leaf.path


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("Deployment", "hostNetwork"),
        ("Deployment", "containers[0].workingDir"),
        ("Deployment", "containers[1].tty"),
        ("Deployment", "dnsConfig.searches"),
        ("Job", "hostNetwork"),
        ("Job", "initContainers[0].workingDir"),
        ("Job", "containers[0].tty"),
        ("Job", "containers[0].resources.limits.pods"),
    ],
)
def test_a_field_of_which_no_table_knows_has_none(
    kind: str, field: str, every: list[ExplainedDirectory]
) -> None:
    found_in, workload = next(
        (found, item) for found in every for item in found.objects if item["kind"] == kind
    )
    changed = json.loads(json.dumps(workload))
    *parents, name = re.findall(r"\w+", field)
    inner = changed["spec"]["template"]["spec"]
    for parent in parents:
        inner = inner[int(parent)] if parent.isdigit() else inner.setdefault(parent, {})
    inner[name] = True

    (found,) = [leaf for leaf in leaves(changed) if leaf.path.endswith(f".{field}")]
    assert found_in.source_of(found) == "unknown"


def test_a_construct_on_its_own_has_nothing_of_kustomize(edited: Matrix) -> None:
    for found in on_its_own(edited):
        for item in found.objects:
            for leaf in leaves(item):
                assert "kustomize" not in found.source_of(leaf), leaf.path
                assert "base/" not in found.source_of(leaf), leaf.path


@pytest.mark.parametrize(
    ("value", "option"),
    [("acme", "bucket"), ("meta-llama/Llama-3.3-70B-Instruct", "model_id"),
     ("a", "service_account"), ("b", "token_secret"), ("acme/sql", "also"), ("c", "name")],
)  # fmt: skip
def test_options_of_constructs_are_sources(value: str, option: str, edited: Matrix) -> None:
    *_, theirs, download = on_its_own(edited)
    text = f"the option {option} of the construct"
    of_option = [
        leaf.value
        for found in (theirs, download)
        for item in found.objects
        for leaf in leaves(item)
        if found.source_of(leaf) == text
    ]

    assert set(of_option) == {value}


def test_the_lists_of_models_name_the_line_of_each_model(tmp_path: Path) -> None:
    folder = copy_profiles(tmp_path)
    for name in ("gemma3-27b", "llama3"):
        file = folder / f"models/{name}.yaml"
        file.write_text(file.read_text() + "download:\n  keep: [a.bin]\n")
    (listed,) = [
        value
        for found in downloads(load_matrix(folder))
        for value in found.values
        if value.name == "download"
    ]

    places = listed.source.split(" and ")
    assert [Path(place).name.partition(":")[0] for place in places] == [
        "gemma3-27b.yaml", "llama3.yaml",
    ]  # fmt: skip
    for place in places:
        name, _, line = place.rpartition(":")
        lines = Path(name).read_text().splitlines()
        assert "download:" in lines[int(line) - 2 : int(line)]


def without_a_field(every: list[ExplainedDirectory]) -> set[str]:
    held = {node.keys[0] for found in every for item in found.objects for node in nodes(item)}
    return {field for found in every for row in found.table for field in row.fields} - held


def test_every_row_of_a_table_is_of_a_field(every: list[ExplainedDirectory]) -> None:
    assert without_a_field(every) == set(), "rows of fields that nothing renders: remove them"


def test_an_option_that_no_profile_sets_gets_a_value(edited: Matrix) -> None:
    unset = Matrix(
        edited.platform.model_copy(update={"namespace": None}),
        replace(edited.profiles, platform=edited.platform.model_copy(update={"namespace": None})),
    )

    assert with_samples(unset, load_matrix()).platform.namespace == "sample"


def test_a_row_of_no_field_is_noticed(every: list[ExplainedDirectory]) -> None:
    field = "Deployment spec.template.spec.containers[inference-server].tty"
    first = replace(every[0], table=[*every[0].table, source("a reason", field)])

    assert without_a_field([first, *every[1:]]) == {field}


def places(found: ExplainedDirectory) -> Iterator[tuple[str, list[str]]]:
    for row in found.table:
        for root, path in re.findall(r"@(\w+)\.([\w.]*\w)", row.text):
            yield root, path.split(".")


def test_every_line_that_a_table_names_is_of_a_value(
    every: list[ExplainedDirectory], edited: Matrix, cell: Cell
) -> None:
    roots = {
        "platform": edited.platform,
        "engine": cell.engine,
        "settings": edited["h200", "llama3"].settings,
        "gpu": cell.gpu,
        "model": cell.model,
        "models": cell.model,
        "cell": cell.profile,
        "machine": cell.machine,
    }
    named = [place for found in every for place in places(found)]

    assert {root for root, _ in named} == set(roots)
    for root, path in named:
        value: object = roots[root]
        for name in path:
            assert hasattr(value, name), (root, path)
            value = getattr(value, name)


def test_a_toleration_of_the_queue_that_pods_have_already_moves_no_line(edited: Matrix) -> None:
    _, queued = directories(edited, edited["h100", "llama3"])
    (deployment,) = [item for item in queued.objects if item["kind"] == "Deployment"]
    at = "Deployment spec.template.spec.tolerations[2].key"
    (leaf,) = [leaf for leaf in leaves(deployment) if leaf.path == at]

    file, _, line = queued.source_of(leaf).rpartition(":")
    text = Path(file).read_text().splitlines()[int(line) - 1]
    assert leaf.value == "cloud.google.com/gke-queued"
    assert text.strip() == "- key: cloud.google.com/gke-queued"


def test_without_tolerations_of_its_own_the_queue_lists_none(tmp_path: Path) -> None:
    folder = copy_profiles(tmp_path)
    text = (folder / "platform.yaml").read_text()
    queue = text.index("  tolerations:", text.index("queued_provisioning:"))
    (folder / "platform.yaml").write_text(text[:queue] + "  tolerations: []\n")
    matrix = load_matrix(folder)

    _, queued = directories(matrix, matrix["h100", "llama3"])
    names = [value.name for value in queued.values]
    assert "tolerations" in names
    assert "queued_tolerations" not in names


def test_an_option_that_is_there_twice_is_listed_twice(tmp_path: Path) -> None:
    twice = "args: [--middleware=a, --middleware=b]\n    tensor_parallel: 4"
    matrix = load_matrix(copy_edited(tmp_path, "h100/llama3", ("tensor_parallel: 4", twice)))

    for found in directories(matrix, matrix["h100", "llama3"]):
        assert [value.value for value in found.values if value.name == "--middleware"] == [
            "--middleware=a", "--middleware=b",
        ]  # fmt: skip


def test_manifests_need_no_node() -> None:
    program = """
import sys
from ira_manifests import load_matrix
from ira_manifests.constructs.manifests import directory, model_download_job
matrix = load_matrix()
model_download_job.objects(matrix.platform)
directory.objects(matrix["h100", "llama3"], queued=True)
print("jsii" in sys.modules)
"""
    assert python(program) == "False"


@pytest.mark.parametrize("module", ["vllm_deployment", "model_download_job"])
def test_a_construct_starts_node_whatever_it_is_imported_from(module: str) -> None:
    program = f"""
import sys
import ira_manifests.constructs.{module}
print(sys.modules["ira_manifests.nodejs.boot"]._runs[0].booted)
"""
    assert python(program) == "True"
