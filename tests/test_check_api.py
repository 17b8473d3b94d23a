"""`check`, `render` and `write` from Python: the same as the commands, as values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cdk8s import ApiObject, App, Chart, JsonPatch

import ira_manifests as ira
from ira_manifests.rules.catalogue import rules
from testing.project import DIST, copy_edited
from tests.support import ira as command

MATRIX = ira.load_matrix(workload_name="vllm-{gpu}-{model}")
GEMMA, LLAMA = MATRIX["h100", "gemma3-27b"], MATRIX["h100", "llama3"]
TOO_LONG = ("max_model_len: 131072", "max_model_len: 1310720")
SERVER = "/spec/template/spec/containers/0"


def found(subject: object) -> list[tuple[str, str, str]]:
    """Return file, rule and field of each finding."""
    return [(each.file, each.rule_id, each.field) for each in ira.check(subject)]  # type: ignore[arg-type]


def patch(workload: ira.VllmDeployment, *operations: JsonPatch) -> None:
    workload.deployment.add_json_patch(*operations)


# --- a matrix -------------------------------------------------------------------------------------


def test_a_matrix_has_the_findings_of_the_command(tmp_path: Path) -> None:
    folder = copy_edited(tmp_path, "h100/llama3", TOO_LONG)
    run = command("check", "--profiles", folder, "--out", tmp_path / "out", "--format", "json")
    said = [
        (each["file"], each["line"], each["rule"], each["message"])
        for each in json.loads(run.stdout)
        if each["rule"] != "IRA028"  # of the output folder, which `check` of a matrix doesn't read
    ]

    findings = ira.check(ira.load_matrix(folder))

    assert [(each.file, each.line, each.rule_id, each.message) for each in findings] == said
    assert {each.severity for each in findings} == {ira.Severity.ERROR, ira.Severity.WARNING}


def test_a_matrix_without_findings_but_the_known_one() -> None:
    assert [each.rule_id for each in ira.check(ira.load_matrix())] == ["IRA002"]


# --- constructs -----------------------------------------------------------------------------------


def test_an_app_has_the_findings_of_its_cells_at_their_constructs(chart: Chart) -> None:
    ira.VllmDeployment(chart, "gemma", cell=GEMMA, bucket="acme-ira-model")
    ira.VllmDeployment(chart, "llama", cell=LLAMA, bucket="acme-ira-model")

    for subject in (chart.node.root, chart):
        assert found(subject) == [("inference/gemma", "IRA002", "max_model_len")]


def test_a_construct_alone_has_only_its_own(chart: Chart) -> None:
    gemma = ira.VllmDeployment(chart, "gemma", cell=GEMMA, bucket="acme-ira-model")
    llama = ira.VllmDeployment(chart, "gemma-2", cell=LLAMA, bucket="acme-ira-model")
    patch(llama, JsonPatch.add(f"{SERVER}/args/-", "--bogus"))

    assert found(gemma) == [("inference/gemma", "IRA002", "max_model_len")]
    assert found(llama) == [
        ("inference/gemma-2/Default", "IRA010", "spec.template.spec.containers[0].args[9]")
    ]


PATCHES = {
    "IRA010": JsonPatch.add(f"{SERVER}/args/-", "--bogus"),
    "IRA011": JsonPatch.replace(f"{SERVER}/resources/limits/nvidia.com~1gpu", "8"),
    "IRA012": JsonPatch.remove(f"{SERVER}/volumeMounts/0"),
    "IRA015": JsonPatch.replace(f"{SERVER}/image", "vllm/vllm-openai"),
    "IRA023": JsonPatch.replace(f"{SERVER}/args/0", "/gcs/acme/other"),
    "IRA027": JsonPatch.remove(f"{SERVER}/startupProbe"),
    "IRA033": JsonPatch.replace(f"{SERVER}/env/0/valueFrom/configMapKeyRef/key", "UTILIZATION"),
    "IRA016": JsonPatch.remove("/spec/selector/matchLabels/app.kubernetes.io~1instance"),
}


@pytest.mark.parametrize("bucket", [None, "acme-ira-model"])
@pytest.mark.parametrize("rule", PATCHES)
def test_a_patch_of_the_caller_is_judged(rule: str, bucket: str | None, chart: Chart) -> None:
    workload = ira.VllmDeployment(chart, "llama", cell=LLAMA, bucket=bucket)
    ira.ModelDownloadJob(
        chart, "download", platform=MATRIX.platform, bucket=bucket,
        model_id=None if bucket is None else LLAMA.model.model_id,
    )  # fmt: skip
    assert found(chart) == []

    patch(workload, PATCHES[rule])

    assert rule in {rule_id for _, rule_id, _ in found(chart)}
    assert {file for file, _, _ in found(chart)} <= {"inference/llama/Default", "inference/llama"}


def test_a_fault_of_deployment_and_pod_template_is_told_once(chart: Chart) -> None:
    workload = ira.VllmDeployment(chart, "llama", cell=LLAMA, bucket="acme-ira-model")
    ira.ProvisioningRequest(chart, "capacity", workload=workload)
    assert found(chart) == []

    patch(workload, JsonPatch.remove(f"{SERVER}/startupProbe"))

    assert [rule for _, rule, _ in found(chart)] == ["IRA027"]


def test_a_patch_of_a_request_is_judged_with_its_workload(chart: Chart) -> None:
    workload = ira.VllmDeployment(chart, "llama", cell=LLAMA, bucket="acme-ira-model")
    request = ira.ProvisioningRequest(chart, "capacity", workload=workload)

    request.request.add_json_patch(JsonPatch.replace("/spec/podSets/0/count", 2))

    assert found(request) == [("inference/capacity/Default", "IRA019", "spec.podSets[0].count")]


def test_charts_of_an_app_are_judged_by_namespace() -> None:
    app = App()
    one, two, other = (
        Chart(app, name, namespace=namespace)
        for name, namespace in (("one", "llm"), ("two", "llm"), ("other", "else"))
    )
    for scope, cell in ((one, GEMMA), (two, LLAMA), (other, LLAMA)):
        ira.VllmDeployment(scope, "vllm", cell=cell, bucket="acme-ira-model")
    assert {rule for _, rule, _ in found(app)} == {"IRA002"}

    ApiObject(one, "mine", api_version="v1", kind="Service", metadata={"name": "vllm-h100-llama3"})

    # The Service of the other chart of the namespace, not that of the third chart.
    assert [file for file, rule, _ in found(app) if rule == "IRA017"] == ["two/vllm/Service"]


def test_a_waived_rule_of_the_profile_is_not_reported(tmp_path: Path, chart: Chart) -> None:
    waived = (
        "tensor_parallel: 1",
        "waive:\n      IRA002: It was measured.\n    tensor_parallel: 1",
    )
    cell = ira.load_matrix(copy_edited(tmp_path, "h100/gemma3-27b", waived))["h100", "gemma3-27b"]
    ira.VllmDeployment(chart, "gemma", cell=cell, bucket="acme-ira-model")

    assert found(chart) == []


def test_other_objects_of_an_app_are_not_judged(chart: Chart) -> None:
    ira.VllmDeployment(chart, "llama", cell=LLAMA, bucket="acme-ira-model")
    spec = {
        "selector": {"matchLabels": {"app": "db"}},
        "template": {
            "metadata": {"labels": {"app": "db"}},
            "spec": {
                "containers": [
                    {"name": "db", "image": "postgres", "livenessProbe": {},
                     "env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "b"}}},
                             {"name": "B", "valueFrom": {"secretKeyRef": {"name": "b"}}}]}
                ]
            },
        },
    }  # fmt: skip
    database = ApiObject(chart, "db", api_version="apps/v1", kind="Deployment",
                         metadata={"name": "db"})  # fmt: skip
    database.add_json_patch(JsonPatch.add("/spec", spec))
    role = {"name": "system:reader.v1"}
    ApiObject(chart, "role", api_version="rbac.authorization.k8s.io/v1", kind="Role", metadata=role)
    service = ApiObject(chart, "chat", api_version="v1", kind="Service", metadata={"name": "chat"})
    service.add_json_patch(JsonPatch.add("/spec", {"selector": {"app": "elsewhere"}}))

    assert found(chart) == []


def test_a_second_workload_without_a_bucket_is_judged_by_its_own_values(chart: Chart) -> None:
    ira.VllmDeployment(chart, "gemma", cell=MATRIX["h200", "gemma3-27b"])
    ira.VllmDeployment(chart, "llama", cell=LLAMA)

    assert found(chart) == []


def test_what_is_neither_is_told() -> None:
    with pytest.raises(
        ira.InputError, match="check takes a matrix, a construct, a chart or an app"
    ):
        ira.check("profiles")  # type: ignore[arg-type]


def test_a_finding_is_one_sentence_with_its_rule(chart: Chart) -> None:
    ira.VllmDeployment(chart, "gemma", cell=GEMMA, bucket="acme-ira-model")

    (finding,) = ira.check(chart)

    assert finding.text.startswith("max_model_len: KV cache has ")
    assert finding.text.endswith("would keep the margin (IRA002 little-margin)")
    assert finding.severity == rules()["IRA002"].severity == ira.Severity.WARNING


# --- render and write -----------------------------------------------------------------------------


def test_what_is_written_is_what_the_command_writes(tmp_path: Path) -> None:
    directories = ira.render(ira.load_matrix())

    plan = ira.write(directories, tmp_path / "dist", bucket="acme-ira-model")

    command("synth", "--out", tmp_path / "same", "--bucket", "acme-ira-model")
    files = {path.relative_to(DIST) for path in DIST.rglob("*.yaml")}
    for path in files:
        assert (tmp_path / "dist" / path).read_bytes() == (DIST / path).read_bytes()
    for path in (tmp_path / "same").rglob("*.env"):
        again = tmp_path / "dist" / path.relative_to(tmp_path / "same")
        assert again.read_bytes() == path.read_bytes()
    assert plan.stale
    assert not ira.write(directories, tmp_path / "dist").stale
    assert command("synth", "--check", "--out", tmp_path / "dist").returncode == 0


def test_cells_that_are_gone_are_removed_unless_the_write_is_partial(tmp_path: Path) -> None:
    matrix = ira.load_matrix()
    ira.write(ira.render(matrix, [matrix["l4", "gemma3-27b"]]), tmp_path)
    other = ira.render(matrix, [matrix["h200", "gemma3-27b"]])

    ira.write(other, tmp_path, partial=True)
    assert (tmp_path / "online-inference-gpu-l4-gemma3-27b").exists()

    plan = ira.write(other, tmp_path)
    assert not (tmp_path / "online-inference-gpu-l4-gemma3-27b").exists()
    assert {path.partition("/")[0] for path in plan.removed} == {
        "online-inference-gpu-l4-gemma3-27b"
    }


def test_a_file_in_the_way_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "model-download").mkdir()
    (tmp_path / "model-download/job.yaml").write_text("mine")

    with pytest.raises(ira.OutputError, match="was not written by synth"):
        ira.write(ira.render(ira.load_matrix(), []), tmp_path)

    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["job.yaml"]


@pytest.mark.parametrize(
    ("option", "message"),
    [({"bucket": "gs://x"}, "the bucket 'gs://x'"), ({"model_id": "a b"}, "the model id 'a b'")],
)
def test_values_are_validated_before_anything_is_written(
    option: dict[str, str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ira.InputError, match=message):
        ira.write([], tmp_path / "out", **option)  # type: ignore[arg-type]

    assert not (tmp_path / "out").exists()
