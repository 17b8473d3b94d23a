"""`VllmDeployment` with properties instead of a cell."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, get_args, get_origin

import pytest
from cdk8s import App, Chart

import ira_manifests as ira
from ira_manifests.constructs import props
from ira_manifests.profiles.schema import CellProfile, ModelProfile
from testing.kubelet import command_line, environment
from testing.objects import template_of, the

QWEN: dict[str, Any] = {
    "model_id": "Qwen/Qwen3-32B", "gpu": "h100", "tensor_parallel": 2, "max_model_len": 40960,
    "bucket": "acme-ira-model",
}  # fmt: skip
GEMMA: dict[str, Any] = {"model_id": "google/gemma-3-27b-it", "gpu": "h100"}
MATRIX = ira.load_matrix()


def added(chart: Chart, **properties: Any) -> ira.VllmDeployment:
    return ira.VllmDeployment(chart, "x", **properties)


# --- which properties there are -------------------------------------------------------------------


def parameters() -> Mapping[str, inspect.Parameter]:
    return inspect.signature(ira.VllmDeployment).parameters


def test_every_field_of_a_cell_is_a_property_or_a_construct() -> None:
    without = CellProfile.model_fields.keys() - parameters().keys()
    assert without == props.CONSTRUCTS | {props.PATCHES}
    for name in props.CONSTRUCTS:
        construct = name.title().replace("_", "").replace("Gateway", "InferenceGateway")
        assert "workload" in inspect.signature(getattr(ira, construct)).parameters


def test_every_property_is_a_field_or_says_which_profile(chart: Chart) -> None:
    of_construct = {"scope", "id", "cell", "bucket", "service_account", "validate", "companions"}
    profiles = {"gpu", "model", "model_id", "platform", "workload_name"}

    assert parameters().keys() - of_construct - profiles == props.FIELDS
    assert props.FIELDS - CellProfile.model_fields.keys() <= ModelProfile.model_fields.keys()
    assert set(props.beside_a_cell(parameters())) == props.FIELDS | profiles


def base_type(annotation: Any) -> type:
    """Return the type of a field's values, without what constrains them."""
    options = [each for each in get_args(annotation) if each is not type(None)]
    if get_origin(annotation) in (tuple, dict):
        return get_origin(annotation)  # type: ignore[no-any-return]
    if options:
        first = options[0]
        return base_type(first) if not isinstance(first, str) else str
    return annotation  # type: ignore[no-any-return]


WORDS = {int: "int", str: "str", bool: "bool", Decimal: "Decimal", tuple: "Sequence[",
         dict: "Mapping[str, "}  # fmt: skip


@pytest.mark.parametrize("name", sorted(props.FIELDS))
def test_a_property_has_the_type_of_its_field_and_none_for_unset(name: str) -> None:
    fields = {**ModelProfile.model_fields, **CellProfile.model_fields}
    parameter = parameters()[name]

    kind = base_type(fields[name].annotation)
    # A context may also be text, so that its field has any type.
    word = "int" if name == "max_model_len" else WORDS.get(kind, kind.__name__)
    literals = "Literal" if name == "kv_cache_dtype" else word
    assert literals in parameter.annotation
    assert parameter.annotation.endswith(" | None")
    assert parameter.default is None


def test_every_parameter_is_documented() -> None:
    text = inspect.getdoc(ira.VllmDeployment) or ""
    for name in parameters():
        described = re.search(
            rf"^    {name}: (.*?)(?=^    \w+: |^\S|\Z)", text, re.MULTILINE | re.DOTALL
        )
        assert described, name
        if name in props.FIELDS:
            assert "Default: " in " ".join(described[1].split()), name


# --- what they do ---------------------------------------------------------------------------------


def test_the_properties_reach_the_objects(chart: Chart) -> None:
    added(chart, **QWEN, replicas=2, args=["--enable-prefix-caching"], env={"A": "b"},
          labels={"team": "chat"}, gpu_memory_utilization=0.85, cpu=12, memory="200G",
          waive={"IRA003": "It was measured by hand."})  # fmt: skip

    objects = chart.to_json()
    deployment = the(objects, "Deployment")
    server, _ = template_of(objects)["spec"]["containers"]
    assert deployment["spec"]["replicas"] == 2
    assert deployment["metadata"]["labels"]["team"] == "chat"
    words = command_line(server, objects)
    assert words[2] == "/gcs/Qwen/Qwen3-32B"
    assert {"--enable-prefix-caching", "--max-model-len=40960", "--tensor-parallel-size=2",
            "--gpu-memory-utilization=0.85"} <= set(words)  # fmt: skip
    assert environment(server, objects)["A"] == "b"
    limits = {"cpu": "12", "memory": "200G", "nvidia.com/gpu": "2"}
    assert server["resources"]["limits"] == limits
    assert ira.check(chart) == []


def test_a_model_with_variants_needs_one_of_them(chart: Chart) -> None:
    base = MATRIX["h100", "gemma3-27b"]
    variants = {"chat": base.profile, "long": base.profile}
    model = base.model.model_copy(update={"cells": {"h100": variants}})

    with pytest.raises(ira.InputError, match="model has several cells on h100: chat, long; give"):
        added(chart, model=model, gpu="h100")


def test_a_key_of_another_type_is_told_at_its_place(chart: Chart) -> None:
    with pytest.raises(ira.InputError, match=r"containers\[0\]\[2\]: is an unknown key"):
        added(chart, **GEMMA, containers=[{"name": "a", "image": "b:1", 2: "x"}])


def test_objects_of_kubernetes_reach_the_pod(chart: Chart) -> None:
    sidecar = {"name": "proxy", "image": "registry.example/proxy:1.2.3",
               "resources": {"requests": {"cpu": "500m", "memory": "1Gi"},
                             "limits": {"cpu": "500m", "memory": "1Gi"}}}  # fmt: skip
    added(chart, **QWEN, strategy={"type": "rolling-update"}, containers=[sidecar],
          volumes=[{"name": "scratch", "emptyDir": {"sizeLimit": "1Gi"}}],
          volume_mounts=[{"name": "scratch", "mountPath": "/scratch"}],
          topology_spread=[{"topology_key": "topology.kubernetes.io/zone"}])  # fmt: skip

    objects = chart.to_json()
    pod = template_of(objects)["spec"]
    assert the(objects, "Deployment")["spec"]["strategy"]["type"] == "RollingUpdate"
    assert sidecar in pod["containers"]
    assert {"name": "scratch", "emptyDir": {"sizeLimit": "1Gi"}} in pod["volumes"]
    assert {"name": "scratch", "mountPath": "/scratch"} in pod["containers"][0]["volumeMounts"]
    spread = pod["topologySpreadConstraints"]
    assert [each["topologyKey"] for each in spread] == ["topology.kubernetes.io/zone"]


def test_a_field_of_all_levels_is_named_as_the_property_that_it_is(chart: Chart) -> None:
    with pytest.raises(ira.InputError, match=r"^[^:]+: tool_call_parser: --tool-call-parser: "):
        added(chart, **GEMMA, tool_call_parser="hermess")


def test_a_packaged_model_has_the_values_of_its_cell(chart: Chart) -> None:
    workload = added(chart, **GEMMA)

    usual = MATRIX["h100", "gemma3-27b"]
    assert workload.cell.profile == usual.profile
    assert workload.cell.model.geometry == usual.model.geometry
    assert workload.cell.platform == usual.platform
    assert workload.name == usual.workload_name


def vars_of(cell: ira.Cell) -> dict[str, Any]:
    names = ("gpu_name", "model_name", "gpu", "model", "profile", "platform")
    return {name: getattr(cell, name) for name in names}


def test_a_property_replaces_one_value_of_it(chart: Chart) -> None:
    profile = added(chart, **GEMMA, max_model_len=65536).cell.profile

    usual = MATRIX["h100", "gemma3-27b"].profile
    assert profile == usual.model_copy(update={"max_model_len": 65536})


def test_a_model_of_ones_own_is_judged_by_its_geometry(chart: Chart) -> None:
    llama = MATRIX["h100", "llama3"].model
    own = {"model_id": "acme/llama", "weights": {"total_gib": 131.42}, "geometry": llama.geometry}
    with pytest.raises(ira.InputError, match=r"IRA001 does-not-fit"):
        added(chart, gpu="h100", **own, max_model_len=8192)

    workload = added(chart, gpu="h100", **own, tensor_parallel=4)

    assert workload.cell.profile.max_model_len == "auto"
    assert workload.cell.max_model_len > 100_000
    assert workload.cell.service_account == "ira-online-gpu-ksa-llama"


def test_profiles_of_ones_own_are_taken(chart: Chart) -> None:
    cell = MATRIX["h100", "llama3"]
    engine = cell.platform.engine.model_copy(update={"drain_seconds": 0})
    platform = cell.platform.model_copy(update={"engine": engine})

    own = added(chart, gpu=cell.gpu, model=cell.model, platform=platform, tensor_parallel=4,
                max_model_len=8192, workload_name="chat-{model}")  # fmt: skip

    assert (own.name, own.cell.gpu_name) == ("chat-llama3", "h100-80gb")
    assert own.cell.platform.engine.drain_seconds == 0


def test_a_workload_may_have_an_engine_of_its_own(chart: Chart) -> None:
    added(chart, **GEMMA, engine={"version": "0.25.0"})

    server, _ = template_of(chart.to_json())["spec"]["containers"]
    assert server["image"] == "vllm/vllm-openai:v0.25.0"


def test_a_request_takes_a_workload_of_properties(chart: Chart) -> None:
    workload = added(chart, **QWEN)
    ira.ProvisioningRequest(chart, "capacity", workload=workload)

    pod_sets = the(chart.to_json(), "ProvisioningRequest")["spec"]["podSets"]
    assert [each["count"] for each in pod_sets] == [1]


# --- what is refused ------------------------------------------------------------------------------

GEO = "needs weights beside it to judge the memory; give both or neither"
WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "what to serve is missing; give cell, such as"),
    ({"gpu": "h100"}, "what to serve is missing"),
    ({"model_id": "a/b"}, "what to serve is missing"),
    ({**GEMMA, "cell": MATRIX["h100", "llama3"], "replicas": 2},
     "gpu, model_id, replicas and cell are given"),
    ({**GEMMA, "gpu": "h10"}, "gpu: 'h10' is an unknown GPU type; known: a100"),
    ({**GEMMA, "gpu": 100}, "gpu: is a value of type int; it must be a GpuProfile, or one of a100"),
    ({**GEMMA, "model_id": 3}, "model_id: is a value of type int; it must be the id"),
    ({**GEMMA, "model_id": "gemma"}, "model_id: 'gemma' is not a Hugging Face Hub id"),
    ({**GEMMA, "model": MATRIX["h100", "llama3"].model}, "model has its own model_id"),
    ({"gpu": "h100", "model": "llama3"}, "model: is a value of type str; it must be a ModelProf"),
    ({**GEMMA, "platform": "gke"}, "platform: is a value of type str; it must be a Platform"),
    ({**GEMMA, "workload_name": "{pod}"}, "the workload name '{pod}' is not a name template"),
    ({**GEMMA, "tensor_parallel": "2"}, "tensor_parallel: is the text '2'; it must be a whole num"),
    ({**GEMMA, "tensor_parallel": 16}, "tensor_parallel: is 16; the largest machine of h100 has 8"),
    ({**GEMMA, "tensor_parallel": True}, "tensor_parallel: is true; it must be a whole number"),
    ({**GEMMA, "replicas": 0}, "replicas: is the number 0; it must be more than 0"),
    ({**GEMMA, "gpu_memory_utilization": 2.0}, "gpu_memory_utilization: is the number 2.0; it mus"),
    ({**GEMMA, "cpu": "many"}, "cpu: 'many' is not"),
    ({**GEMMA, "args": "--x"}, "args: is the text '--x'; it must be a list"),
    ({**GEMMA, "args": ["--max-model-len=1"]}, "args[0]: '--max-model-len=1'"),
    ({**GEMMA, "labels": {"team": 1}}, "labels.team: is the number 1; it must be text"),
    ({**GEMMA, "labels": {"app.kubernetes.io/name": "x"}}, "is set by the constructs"),
    ({**GEMMA, "env": {"MODEL_ID": "x"}}, "'MODEL_ID' can't be set in env: set model_id"),
    ({**GEMMA, "env": {"A": {"secret": "x"}}}, "env.A.key: is missing"),
    ({**GEMMA, "compute_class": "none"}, "compute_class: is not a compute class of h100"),
    ({**GEMMA, "kv_cache_dtype": "fp4"}, "kv_cache_dtype: is the text 'fp4'; it must be one of"),
    ({**QWEN, "max_model_len": None}, "max_model_len: is auto, which needs the model's weights"),
    ({**QWEN, "geometry": MATRIX["h100", "llama3"].model.geometry}, f"geometry: {GEO}"),
    ({**GEMMA, "engine": {"version": "v1"}}, "engine.version: "),
    ({"cell": "h100/llama3"}, "cell: is a value of type str; it must be a cell of a matrix"),
    ({**GEMMA, "bucket": 3}, "the bucket is a value of type int; it must be text"),
    ({**GEMMA, "validate": "no"}, "validate: is 'no'; write True or False"),
    ({**GEMMA, "waive": {"IRA999": "it was measured once"}}, "waive.IRA999: is an unknown rule"),
    ({**GEMMA, "pod_annotations": {"gke-gcsfuse/volumes": "false"}}, "is set by the constructs"),
    ({**GEMMA, "node_selector": {"cloud.google.com/compute-class": "x"}}, "set compute_class"),
    ({**GEMMA, "args": ["--enforce-eager", "--no-enforce-eager"]}, "args[1]: sets --enforce-eag"),
    # What the rules find.
    ({**GEMMA, "tensor_parallel": 3}, "tensor_parallel: tensor parallel 3 does not divide 32"),
    ({**GEMMA, "max_model_len": 500_000}, "max_model_len: 500000 tokens are more than the model's"),
    ({**GEMMA, "args": ["--bogus"]}, "args[0]: --bogus is unknown to vLLM 0.26.0; the server"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "message"), WRONG)
def test_wrong_properties_are_named_at_the_construct(
    given: dict[str, Any], message: str, chart: Chart
) -> None:
    with pytest.raises(ira.InputError) as raised:
        added(chart, **given)

    assert message in str(raised.value)
    assert all(each.startswith("inference/x: ") for each in raised.value.messages)
    assert chart.to_json() == []


WORKLOAD = "workload is a value of type str; it must be a VllmDeployment"


@pytest.mark.parametrize(
    ("construct", "options", "message"),
    [
        (ira.VllmDeployment, GEMMA, "scope is a value of type str; it must be a chart"),
        (ira.Monitoring, {"workload": "vllm-h100"}, WORKLOAD),
        (ira.Autoscaling, {"workload": "vllm-h100", "max": 2}, WORKLOAD),
        (ira.ProvisioningRequest, {"workload": "vllm-h100"}, WORKLOAD),
        (ira.ModelDownloadJob, {"platform": 3}, "platform is a value of type int; it must be"),
    ],
)
def test_what_is_given_to_a_construct_has_its_type(
    construct: Any, options: dict[str, Any], message: str, chart: Chart
) -> None:
    scope = "chart" if construct is ira.VllmDeployment else chart
    with pytest.raises(ira.InputError) as error:
        construct(scope, "it", **options)
    assert message in str(error.value)


def test_a_construct_is_in_a_chart() -> None:
    with pytest.raises(ira.InputError, match="the app is in no chart; add the construct to a Ch"):
        ira.VllmDeployment(App(), "it", **GEMMA)


def test_network_access_takes_constructs(chart: Chart) -> None:
    workload = added(chart, **GEMMA)
    with pytest.raises(ira.InputError, match="monitoring is a value of type str; it must be a Mo"):
        ira.NetworkAccess(chart, "access", workload=workload, monitoring="google")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("function", "value"), [("load_matrix", 3), ("render", "h100"), ("check", "h100")]
)
def test_functions_name_the_type_that_they_take(function: str, value: Any) -> None:
    with pytest.raises(ira.InputError, match=r"of type (int|str)"):
        getattr(ira, function)(value)


def test_all_that_is_wrong_is_told_at_once(chart: Chart) -> None:
    with pytest.raises(ira.InputError) as raised:
        added(chart, **GEMMA, replicas=0, cpu="many", labels={"team": 1})

    assert len(raised.value.messages) == 3


def test_who_declines_the_rules_gets_the_objects(chart: Chart) -> None:
    added(chart, **GEMMA, args=["--bogus"], validate=False)

    assert "--bogus" in template_of(chart.to_json())["spec"]["containers"][0]["args"]
    assert "IRA010" in [each.rule_id for each in ira.check(chart)]


def test_a_cell_that_cannot_work_is_refused_as_well(chart: Chart) -> None:
    cell = ira.load_matrix()["h100", "llama3"]
    profile = cell.profile.model_copy(update={"args": ("--bogus",)})
    broken = cell.__class__(**{**vars_of(cell), "profile": profile})

    with pytest.raises(ira.InputError, match=r"inference/x: args\[0\]: --bogus is unknown"):
        added(chart, cell=broken)


def test_a_waived_error_is_not_raised(chart: Chart) -> None:
    added(chart, **GEMMA, args=["--bogus"], waive={"IRA010": "A fork knows this flag."})

    assert "IRA010" not in [each.rule_id for each in ira.check(chart)]


def test_two_names_in_one_chart_stand_side_by_side() -> None:
    chart = Chart(App(), "inference")
    for name, gpu in (("a", "h100"), ("b", "h200")):
        ira.VllmDeployment(chart, name, model_id="google/gemma-3-27b-it", gpu=gpu)

    assert [item["metadata"]["name"] for item in chart.to_json() if item["kind"] == "Service"] == [
        "vllm-h100", "vllm-h200",
    ]  # fmt: skip
