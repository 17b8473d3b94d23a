"""docs/recipes.md: each recipe's lines are laid over the shipped profiles, rendered and checked."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

import ira_manifests as ira
from testing.kubectl import KUBECTL
from testing.objects import Json, the
from testing.project import ROOT, copy_profiles
from tests.schemas import VERSIONS, validate

PAGE = (ROOT / "docs/recipes.md").read_text()
H100 = "online-inference-gpu-h100-llama3"
H200 = "online-inference-gpu-h200-llama3"
QUEUED = f"{H100}-queued"
# Kinds of other projects: their schemas are on the control plane of tests/cluster.
CUSTOM = {
    "PodMonitoring", "PodMonitor", "InferencePool", "HTTPRoute", "HealthCheckPolicy",
    "GCPBackendPolicy",
}  # fmt: skip

Rendered = Mapping[str, ira.Directory]
ALL = re.MULTILINE | re.DOTALL


def recipes() -> dict[str, list[str]]:
    """The blocks of YAML of each recipe; those of one recipe are alternatives or one file each."""
    parts = re.split(r"^## (.+)$", PAGE, flags=re.MULTILINE)[1:]
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return {
        title: re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        for title, text in pairs
    }


def laid_over(old: Any, new: Any) -> Any:
    """Return a profile with the lines of a recipe. Variants of a cell replace it."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    if "tensor_parallel" in old and all(
        isinstance(each, dict) and "tensor_parallel" in each for each in new.values()
    ):
        return new
    merged = {
        key: laid_over(old[key], value) if key in old else value for key, value in new.items()
    }
    return {**old, **merged}


def profiles_with(block: str, folder: Path) -> Path:
    """The shipped profiles with a block, of its own model's or of llama3's cells alone."""
    (name,) = re.findall(r"^# profiles/(\S+)\n", block)
    profiles = copy_profiles(folder)
    file = profiles / name
    text = laid_over(yaml.safe_load(file.read_text()), yaml.safe_load(block))
    file.write_text(yaml.safe_dump(text, sort_keys=False))
    kept = Path(name).stem if name.startswith("models/") else "llama3"
    for model in (profiles / "models").glob("*.yaml"):
        if model.stem != kept:
            model.unlink()
    return profiles


@cache
def shipped() -> frozenset[str]:
    """The findings of the shipped profiles, without their lines."""
    return frozenset(f"{found.rule_id} {found.message}" for found in ira.check(ira.load_matrix()))


def one(found: Rendered, kind: str, name: str = H100) -> Json:
    """The only object of a kind in a directory."""
    return the(list(found[name].objects.values()), kind)


def deployment(found: Rendered, name: str = H100) -> Json:
    return one(found, "Deployment", name)


def pod(found: Rendered, name: str = H100) -> Json:
    spec: Json = deployment(found, name)["spec"]["template"]["spec"]
    return spec


def server(found: Rendered, name: str = H100) -> Json:
    (container,) = [
        each for each in pod(found, name)["containers"] if each["name"] == "inference-server"
    ]
    return dict(container)


def private_registry(found: Rendered) -> None:
    assert server(found)["image"] == "registry.example.com/vllm/vllm-openai:v0.26.0"
    template = one(found, "PodTemplate", QUEUED)["template"]
    for spec in (pod(found), pod(found, H200), template["spec"]):
        assert spec["imagePullSecrets"] == [{"name": "registry"}]
    # kubernetes.io/docs/concepts/containers/images: the Secret is of the Pod's namespace.
    secret = of_kubectl("A private registry")
    assert secret["type"] == "kubernetes.io/dockerconfigjson"
    assert secret["metadata"]["name"] == "registry"


def tool_calling(found: Rendered) -> None:
    for name in (H100, H200, QUEUED):
        arguments = server(found, name)["args"]
        # vLLM refuses --enable-auto-tool-choice without --tool-call-parser, and needs both.
        assert "--enable-auto-tool-choice" in arguments
        assert "--tool-call-parser=llama3_json" in arguments
        template = "/vllm-workspace/examples/tool_chat_template_llama3.1_json.jinja"
        assert f"--chat-template={template}" in arguments


def lora_adapters(found: Rendered) -> None:
    for name in (H100, H200, QUEUED):
        arguments = server(found, name)["args"]
        assert {"--enable-lora", "--max-lora-rank=32"} <= set(arguments)
        at = arguments.index("--lora-modules")
        word = arguments[at + 1]
        adapter = (
            json.loads(word)
            if word.startswith("{")
            else dict(zip(("name", "path"), word.split("=", 1), strict=True))
        )
        assert adapter["name"] == "sql"
        # The server reads the adapter from a mount of its folder.
        assert adapter["path"] == "/gcs/acme/llama-3.3-70b-sql-lora"
        mounts = {each["mountPath"]: each for each in server(found, name)["volumeMounts"]}
        assert mounts[adapter["path"]]["readOnly"] is True


def fp8(found: Rendered) -> None:
    assert server(found)["resources"]["limits"]["nvidia.com/gpu"] == "2"
    assert {"--quantization=fp8", "--kv-cache-dtype=fp8"} <= set(server(found)["args"])
    selector = pod(found)["nodeSelector"]
    assert selector["cloud.google.com/compute-class"] == "gpu-h100-80gb-high-x2"
    assert server(found, H200)["resources"]["limits"]["nvidia.com/gpu"] == "4"


def long_contexts(found: Rendered) -> None:
    base = "online-inference-gpu-h100-gemma3-27b"
    assert base not in found
    for variant, gpus, length in (("chat", "1", "32768"), ("long", "2", "131072")):
        name = f"{base}-{variant}"
        assert server(found, name)["resources"]["limits"]["nvidia.com/gpu"] == gpus
        for kind in ("Deployment", "Service"):
            assert one(found, kind, name)["metadata"]["name"] == f"vllm-h100-{variant}"
        assert found[name].runtime_values["MAX_MODEL_LEN"] == length


def autoscaling(found: Rendered) -> None:
    scaler = one(found, "HorizontalPodAutoscaler")["spec"]
    assert scaler["scaleTargetRef"] == {
        "apiVersion": "apps/v1", "kind": "Deployment", "name": "vllm-h100",
    }  # fmt: skip
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (1, 4)
    (metric,) = scaler["metrics"]
    assert metric["pods"]["metric"]["name"] == (
        "prometheus.googleapis.com|vllm:num_requests_waiting|gauge"
    )
    assert metric["pods"]["target"] == {"type": "AverageValue", "averageValue": "5"}
    assert "replicas" not in deployment(found)["spec"]
    kinds = {item["kind"] for item in found[QUEUED].objects.values()}
    assert "HorizontalPodAutoscaler" not in kinds


def scraping(found: Rendered) -> None:
    (monitor,) = [item for item in found[H100].objects.values() if item["kind"] in CUSTOM]
    labels = deployment(found)["spec"]["template"]["metadata"]["labels"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()
    if monitor["kind"] == "PodMonitoring":
        assert monitor["apiVersion"] == "monitoring.googleapis.com/v1"
        (endpoint,) = monitor["spec"]["endpoints"]
        assert endpoint["interval"] == "30s"
    else:
        assert monitor["apiVersion"] == "monitoring.coreos.com/v1"
        assert monitor["metadata"]["labels"]["release"] == "kube-prometheus-stack"
        (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    ports = {each["name"] for each in server(found)["ports"]}
    assert endpoint["port"] in ports
    assert endpoint.get("path", "/metrics") == "/metrics"


def gateway(found: Rendered) -> None:
    for name, gpu in ((H100, "h100"), (H200, "h200")):
        route = one(found, "HTTPRoute", name)["spec"]
        assert [each["name"] for each in route["parentRefs"]] == ["inference-gateway"]
        assert route["hostnames"] == [f"{gpu}.llama3.example.com"]
        pool = one(found, "InferencePool", name)
        (backend,) = route["rules"][0]["backendRefs"]
        assert (backend["kind"], backend["name"]) == ("InferencePool", pool["metadata"]["name"])
        assert [each["number"] for each in pool["spec"]["targetPorts"]] == [8000]


def two_replicas(found: Rendered) -> None:
    spec = deployment(found)["spec"]
    assert spec["replicas"] == 2
    assert spec["strategy"] == {
        "type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1},
    }  # fmt: skip
    (spread,) = pod(found)["topologySpreadConstraints"]
    assert spread["topologyKey"] == "topology.kubernetes.io/zone"
    assert spread["whenUnsatisfiable"] == "ScheduleAnyway"
    labels = spec["template"]["metadata"]["labels"]
    assert spread["labelSelector"]["matchLabels"].items() <= labels.items()
    assert one(found, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    (pods,) = one(found, "ProvisioningRequest", QUEUED)["spec"]["podSets"]
    assert pods["count"] == 2
    assert "topologySpreadConstraints" not in pod(found, H200)


def draining(found: Rendered) -> None:
    for name in (H100, H200):
        assert "--shutdown-timeout=600" in server(found, name)["args"]
        # Kubernetes kills the Pod only after preStop and the drain.
        assert pod(found, name)["terminationGracePeriodSeconds"] > 600


def sidecar(found: Rendered) -> None:
    (envoy,) = pod(found)["initContainers"]
    # kubernetes.io/docs/concepts/workloads/pods/sidecar-containers.
    assert (envoy["name"], envoy["restartPolicy"]) == ("envoy", "Always")
    volumes = {each["name"]: each for each in pod(found)["volumes"]}
    assert [volumes[each["name"]]["configMap"] for each in envoy["volumeMounts"]] == [
        {"name": "envoy"}
    ]
    template = one(found, "PodTemplate", QUEUED)["template"]["spec"]
    assert template["initContainers"] == [envoy]
    assert "initContainers" not in pod(found, H200)


def api_key(found: Rendered) -> None:
    secret = of_kubectl("An API key")
    for name in (H100, H200):
        (variable,) = [
            each for each in server(found, name)["env"] if each["name"] == "VLLM_API_KEY"
        ]
        reference = variable["valueFrom"]["secretKeyRef"]
        assert reference["name"] == secret["metadata"]["name"] == "vllm-api-key"
        assert reference["key"] in secret["data"]
        assert not reference.get("optional", False)


def shorter_name(found: Rendered) -> None:
    for name in (H100, H200):
        arguments = server(found, name)["args"]
        at = arguments.index("--served-model-name")
        assert arguments[at + 1] == "llama-3.3-70b"
        # The option takes all words up to the next one.
        assert arguments[at + 2].startswith("--")


def several_nodes(found: Rendered) -> None:
    group = one(found, "LeaderWorkerSet", f"{H200}-two-nodes")["spec"]["leaderWorkerTemplate"]
    assert group["size"] == 2
    for template in ("leaderTemplate", "workerTemplate"):
        containers = {each["name"]: each for each in group[template]["spec"]["containers"]}
        started = containers["inference-server"]
        assert started["resources"]["limits"]["nvidia.com/gpu"] == "8"
        # vllm/engine/arg_utils.py of 0.26.0: every node is told how many there are.
        assert "--nnodes=$(LWS_GROUP_SIZE)" in started["args"]
        assert ("--headless" in started["args"]) == (template == "workerTemplate")


RECIPES: dict[str, Callable[[Rendered], None]] = {
    "A private registry": private_registry,
    "Tool calling": tool_calling,
    "LoRA adapters": lora_adapters,
    "FP8": fp8,
    "A variant for long contexts": long_contexts,
    "Autoscaling": autoscaling,
    "Scraping metrics": scraping,
    "A gateway": gateway,
    "Two replicas across zones": two_replicas,
    "Draining": draining,
    "A sidecar": sidecar,
    "An API key": api_key,
    "A shorter model name": shorter_name,
    "Several nodes": several_nodes,
}


def of_kubectl(title: str) -> Json:
    """The object that the command of a recipe makes."""
    _, _, text = PAGE.partition(f"## {title}\n")
    (command,) = re.findall(
        r"^```shell\n(.*?)^```$", text.partition("\n## ")[0], re.MULTILINE | re.DOTALL
    )
    dry = f'kubectl() {{ {KUBECTL} "$@" --dry-run=client --output=yaml; }}'
    run = subprocess.run(
        ["bash", "-euc", f"{dry}\n{command}"],
        env={**os.environ, "REGISTRY_PASSWORD": "x"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    made: Json = yaml.safe_load(run.stdout)
    return made


def test_every_recipe_has_a_test() -> None:
    assert list(recipes()) == list(RECIPES)
    assert all(recipes().values())


@pytest.mark.parametrize(
    ("title", "block"),
    [
        pytest.param(title, block, id=f"{title} {number}")
        for title, blocks in recipes().items()
        for number, block in enumerate(blocks, 1)
    ],
)
def test_a_recipe_gives_what_it_promises(title: str, block: str, tmp_path: Path) -> None:
    matrix = ira.load_matrix(profiles_with(block, tmp_path))
    found = {each.name: each for each in ira.render(matrix)}

    news = {f"{each.rule_id} {each.message}" for each in ira.check(matrix)} - shipped()
    assert news == set()
    for each in found.values():
        for item in each.objects.values():
            for version in (VERSIONS[0], VERSIONS[-1]) if item["kind"] not in CUSTOM else ():
                validate(item, version)
    RECIPES[title](found)
