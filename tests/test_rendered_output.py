"""Output for what prunes: final objects, names after content, shared objects, token, mirror."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from ira_manifests.kubernetes.images import mirrored
from testing.edits import edit_file, edit_profile
from testing.kubectl import ready
from testing.objects import Json, objects_in, the
from testing.project import copy_profiles
from tests.kubectls import each_kubectl
from tests.support import Run, ira, shell

BUCKET = {"bucket_suffix:": "bucket: acme-models\nbucket_suffix:"}
OWN_NAMES = {"workload_name: vllm-{gpu}": "workload_name: vllm-{gpu}-{model}"}
RENDERED = {"bucket_suffix:": "bucket: acme-models\nrendered: true\nbucket_suffix:"} | OWN_NAMES
NAMESPACE = {"# namespace: default": "namespace: llm #"}
SEVERAL_NODES = {"tensor_parallel: 4": "tensor_parallel: 8\n    pipeline_parallel: 2\n    nodes: 2"}
HASHED = re.compile(r"-[0-9a-f]{8}")


def synth(folder: Path, *options: str) -> Run:
    run = ira("synth", *options, cwd=folder)
    assert run.returncode == 0, run.stderr
    return run


def profiles(folder: Path, edits: dict[str, str]) -> Path:
    copied = copy_profiles(folder)
    edit_file(copied / "platform.yaml", edits)
    for gpu, queued in (("h100", "false"), ("h200", "only")):
        edit_file(copied / f"gpus/{gpu}.yaml", {"queued: true": f"queued: {queued}"})
    return copied


def written(folder: Path, edits: dict[str, str]) -> Path:
    edit_profile(profiles(folder, edits), "h100/llama3", SEVERAL_NODES)
    synth(folder)
    return folder / "dist"


def files(directory: Path) -> list[Json]:
    return [the_only(path.read_text()) for path in sorted(directory.glob("*.yaml"))]


def the_only(text: str) -> Json:
    (found,) = objects_in(text)
    return found


def sorted_texts(objects: list[Json]) -> list[str]:
    return sorted(yaml.safe_dump(item) for item in objects)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("rendered"), RENDERED | NAMESPACE)


@pytest.fixture(scope="module")
def unrendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("unrendered"), BUCKET | NAMESPACE | OWN_NAMES)


OF_DOWNLOAD = ("gke-gcsfuse-buffer", "hugging-face-token")
APART = ("ServiceAccount", "PersistentVolumeClaim")


def as_applied_by_hand(objects: list[Json]) -> list[Json]:
    """Return objects without accounts and disks, hashes and cells in names, and a time to live."""
    kept = [item for item in objects if item["kind"] not in APART]
    text = json.dumps(kept)
    for item in kept:
        if item["kind"] in ("Job", "ProvisioningRequest"):
            name = item["metadata"]["name"]
            text = text.replace(f'"{name}"', f'"{HASHED.sub("", name)}"')
        if item["kind"] == "ConfigMap":  # that of each cell has a name of its own
            text = text.replace(f'"{item["metadata"]["name"]}"', '"ira-model-configmap"')
    found: list[Json] = json.loads(text)
    for item in found:
        if item["kind"] == "Job":
            item["spec"].pop("ttlSecondsAfterFinished", None)
            pod = item["spec"]["template"]["spec"]
            pod["volumes"] = [each for each in pod["volumes"] if each["name"] not in OF_DOWNLOAD]
    return found


@pytest.mark.parametrize("kubectl", each_kubectl())
def test_final_objects_are_those_that_kustomize_makes(
    kubectl: Path, rendered: Path, unrendered: Path
) -> None:
    compared = [path for path in sorted(unrendered.iterdir()) if path.is_dir()]
    assert len(compared) == 10
    for directory in compared:
        run = shell(f"{ready(kubectl)} kustomize {directory}")
        assert run.returncode == 0, run.stderr
        expected = as_applied_by_hand(objects_in(run.stdout))
        found = as_applied_by_hand(files(rendered / directory.name))
        assert sorted_texts(found) == sorted_texts(expected), directory.name


@pytest.mark.parametrize("kubectl", each_kubectl())
@pytest.mark.parametrize("text", ["plain", "a<b>&c", "ä\u2028", 'quote " and \\', "0.80", ""])
def test_the_hash_of_a_config_map_is_that_of_kustomize(
    text: str, kubectl: Path, tmp_path: Path
) -> None:
    from ira_manifests.directories.final import final
    from ira_manifests.output.directory import RUNTIME_CONFIG, Directory
    from ira_manifests.output.kustomize import Generator, Kustomization

    (tmp_path / RUNTIME_CONFIG).write_text(f"A={text}\nB=2\n")
    kustomization = Kustomization(config_maps=(Generator("some-map", (RUNTIME_CONFIG,)),))
    (tmp_path / "kustomization.yaml").write_text(json.dumps(kustomization.to_json()))
    run = shell(f"{ready(kubectl)} kustomize {tmp_path}")
    assert run.returncode == 0, run.stderr

    made = final(Directory("some", kustomization, {}, {"A": text, "B": "2"}))

    assert [*made.objects.values()] == objects_in(run.stdout)


def test_there_is_no_kustomization_and_no_env_file(rendered: Path) -> None:
    assert not list(rendered.rglob("kustomization.yaml"))
    assert not list(rendered.rglob("*.env"))
    assert not list(rendered.rglob("name-references.yaml"))
    assert {path.name for path in rendered.glob("*/*.yaml")} >= {"config-map.yaml", "job.yaml"}


def test_no_object_is_declared_twice(rendered: Path) -> None:
    seen: dict[tuple[str, str], str] = {}
    for path in sorted(rendered.rglob("*.yaml")):
        item = the_only(path.read_text())
        assert item["metadata"]["namespace"] == "llm"
        key = item["kind"], item["metadata"]["name"]
        assert key not in seen, path
        seen[key] = path.parent.name
    accounts = {name: place for (kind, name), place in seen.items() if kind == "ServiceAccount"}
    assert accounts == dict.fromkeys(
        ["ira-model-download-ksa", "ira-online-gpu-ksa-gemma3-27b", "ira-online-gpu-ksa-llama3",
         "ira-online-gpu-ksa-llama4-scout"], "shared",
    )  # fmt: skip


def test_the_disk_of_a_download_goes_with_its_pod(rendered: Path, unrendered: Path) -> None:
    (job,) = files(rendered / "model-download-llama3")
    (disk,) = volumes_named("gke-gcsfuse-buffer", job)
    by_hand = files(unrendered / "model-download-llama3")

    claim = disk["ephemeral"]["volumeClaimTemplate"]
    assert claim["spec"] == the(by_hand, "PersistentVolumeClaim")["spec"]
    assert claim["spec"]["resources"]["requests"]["storage"] == "1Ti"
    assert claim["metadata"]["labels"]["app.kubernetes.io/component"] == "model-download"


def volumes_named(name: str, job: Json) -> list[Json]:
    return [each for each in job["spec"]["template"]["spec"]["volumes"] if each["name"] == name]


def shapes(dist: Path) -> dict[str, str]:
    """Return the names of the Job and the request, and the request that the Pods consume."""
    queued = files(dist / "online-inference-gpu-h200-llama3-queued")
    request, deployment = the(queued, "ProvisioningRequest"), the(queued, "Deployment")
    consume = "autoscaling.x-k8s.io/consume-provisioning-request"
    template = the(queued, "PodTemplate")
    name = request["metadata"]["name"]
    pods = deployment["spec"]["template"], template["template"]
    assert [each["metadata"]["annotations"][consume] for each in pods] == [name, name]
    assert request["spec"]["podSets"][0]["podTemplateRef"]["name"] == template["metadata"]["name"]
    (job,) = [each for each in files(dist / "model-download-llama3") if each["kind"] == "Job"]
    assert "ttlSecondsAfterFinished" not in job["spec"]
    return {"job": job["metadata"]["name"], "request": name}


@pytest.mark.parametrize(
    ("subject", "edits", "changed"),
    [
        ("platform.yaml", {"drain_seconds: 120": "drain_seconds: 60"}, set()),
        ("platform.yaml", {"version: 0.26.0": "version: 0.25.0"}, set()),
        ("platform.yaml", {"604800\n  wait": "504800\n  wait"}, {"request"}),
        ("h200/llama3", {"memory: 512G": "memory: 500G"}, {"request"}),
        ("h200/llama3", {"tensor_parallel: 4": "tensor_parallel: 4\n    replicas: 2"}, {"request"}),
        ("platform.yaml", {"  memory: 8Gi": "  memory: 9Gi"}, {"job"}),
        ("platform.yaml", {"  storage: 1Ti": "  storage: 2Ti"}, {"job"}),
        ("models/llama3.yaml", {"weights:\n": "revision: v1\nweights:\n"}, {"job"}),
        ("models/gemma3-27b.yaml", {"weights:\n": "revision: v1\nweights:\n"}, set()),
    ],
)
def test_a_changed_shape_is_a_new_object_and_nothing_else_is(
    subject: str, edits: dict[str, str], changed: set[str], tmp_path: Path
) -> None:
    folder = profiles(tmp_path, RENDERED)
    synth(tmp_path)
    before = shapes(tmp_path / "dist")
    assert re.fullmatch(r"model-download-llama3-[0-9a-f]{8}", before["job"])
    assert re.fullmatch(r"vllm-h200-llama3-[0-9a-f]{8}", before["request"])

    edit_profile(folder, subject, edits)
    run = ira("synth", cwd=tmp_path)
    assert run.returncode == 0, run.stderr

    after = shapes(tmp_path / "dist")
    assert {key for key in before if before[key] != after[key]} == changed


def test_rendered_output_checks_clean_and_switches_back(tmp_path: Path) -> None:
    folder = profiles(tmp_path, RENDERED)
    first = synth(tmp_path).stdout
    assert "kubectl apply -f dist/shared\n" in first
    assert "kubectl apply -f dist/model-download-gemma3-27b\n" in first
    assert "pvc/" not in first
    check = ira("check", cwd=tmp_path)
    assert check.returncode == 0, check.stdout
    assert "IRA0" not in check.stdout.replace("IRA002", "")

    edit_file(folder / "platform.yaml", {"rendered: true\n": ""})
    synth(tmp_path)
    assert not (tmp_path / "dist/shared").exists()
    assert not list((tmp_path / "dist").rglob("config-map.yaml"))
    assert ira("check", cwd=tmp_path).returncode == 0


def test_rules_judge_final_objects(tmp_path: Path) -> None:
    """A patch that hides a value from the server is found without a kustomization, too."""
    from ira_manifests import load_matrix, render
    from ira_manifests.rules.check_objects import check_directory

    matrix = load_matrix(profiles(tmp_path, RENDERED))
    (found,) = [each for each in render(matrix) if each.name == "online-inference-gpu-h100-llama3"]
    objects: Any = json.loads(json.dumps(dict(found.objects)))
    server = objects["deployment.yaml"]["spec"]["template"]["spec"]["containers"][0]
    server["args"] = [
        "--max-model-len=5" if each.startswith("--max-model-len") else each
        for each in server["args"]
    ]
    from dataclasses import replace

    assert check_directory(found, tmp_path) == []
    rules = {item.rule_id for item in check_directory(replace(found, objects=objects), tmp_path)}
    assert "IRA013" in rules


@pytest.mark.parametrize(
    ("file", "edits", "message"),
    [
        (
            "platform.yaml",
            {"vllm-{gpu}-{model}\n": "vllm-{gpu}\n"},
            "would be the same Deployment vllm-h100 as h100/gemma3-27b, and {}",
        ),
        (
            "gpus/h100.yaml",
            {"queued: false": "queued: true"},
            "on ordinary and on queued capacity, and {}",
        ),
    ],
)
def test_one_workload_has_one_directory_where_all_is_applied(
    file: str, edits: dict[str, str], message: str, tmp_path: Path
) -> None:
    edit_file(profiles(tmp_path, RENDERED) / file, edits)
    run = ira("synth", cwd=tmp_path)

    assert run.returncode == 1
    assert "IRA017" in run.stderr
    said = message.format("what syncs rendered output applies both")
    assert said in " ".join(run.stderr.split())
    assert not (tmp_path / "dist").exists()


def test_rendered_needs_a_bucket(tmp_path: Path) -> None:
    profiles(tmp_path, {"bucket_suffix:": "rendered: true\nbucket_suffix:"})
    run = ira("synth", cwd=tmp_path)

    assert run.returncode == 2
    assert "rendered: true and no bucket; name the bucket as well" in run.stderr


def test_final_objects_are_explained(tmp_path: Path) -> None:
    profiles(tmp_path, RENDERED)
    for cell_field, source in (
        (("h200/llama3", "ConfigMap metadata.name"), "kustomize's hash"),
        (("h200/llama3", "Deployment spec.template.spec.serviceAccountName"), "platform.yaml:"),
        (("model-download-llama3", "Job metadata.name"), "the model's name in the profiles"),
    ):
        run = ira("explain", *cell_field, cwd=tmp_path)
        assert run.returncode == 0, run.stderr
        assert source in run.stdout
        assert "unknown" not in run.stdout


def test_shared_objects_are_explained_at_the_lines_that_decide(tmp_path: Path) -> None:
    platform = profiles(tmp_path, RENDERED | NAMESPACE | {"  exclude:\n": STORE}) / "platform.yaml"
    lines = platform.read_text().splitlines()
    deciding = [
        number
        for number, line in enumerate(lines, start=1)
        if "service_account: " in line or "external_secret: " in line
    ]

    run = ira("explain", "shared", cwd=tmp_path)
    named = ira("explain", "dist/shared", "ServiceAccount metadata.name", cwd=tmp_path)
    store = ira("explain", "shared", "token_store", cwd=tmp_path)

    assert run.returncode == named.returncode == store.returncode == 0, run.stderr + named.stderr
    written = synth(tmp_path) and {
        f"shared/{path.name}" for path in (tmp_path / "dist/shared").iterdir()
    }
    titles = {line for line in run.stdout.splitlines() if line.startswith("shared/")}
    assert titles == written
    assert "unknown" not in run.stdout + named.stdout
    assert "  in shared/service-account-ira-online-gpu-ksa-llama3.yaml\n" in named.stdout
    assert len(deciding) == 3  # of serving, of the download, and the token's
    for number in deciding:
        assert f"profiles/platform.yaml:{number}\n" in run.stdout
    assert store.stdout.startswith("token_store: gcp-store\n")


def test_without_shared_objects_that_is_said(tmp_path: Path) -> None:
    profiles(tmp_path, BUCKET)

    run = ira("explain", "shared", cwd=tmp_path)

    assert run.returncode == 2
    assert run.stderr.splitlines() == [
        "error: there is no directory shared: nothing prunes this output"
    ]


# --- the token ------------------------------------------------------------------------------------

STORE = (
    "  token:\n    external_secret: {store: gcp-store, key: hf-token, property: value}\n"
    "  exclude:\n"
)
MANAGER = "  token: {secret_manager: projects/acme/secrets/hf-token/versions/latest}\n  exclude:\n"


def token_output(folder: Path, token: str, edits: dict[str, str] = BUCKET) -> Path:
    profiles(folder, {**edits, "  exclude:\n": token})
    synth(folder, "--only", "h100/llama3")
    return folder / "dist"


def token_volume(directory: Path) -> Json:
    (job,) = [item for item in files(directory) if item["kind"] == "Job"]
    (found,) = volumes_named("hugging-face-token", job)
    return found


def test_a_token_of_an_external_store_is_waited_for(tmp_path: Path) -> None:
    directory = token_output(tmp_path, STORE) / "model-download-llama3"
    made = the(files(directory), "ExternalSecret")
    secret = token_volume(directory)["secret"]

    assert made["spec"]["target"]["name"] == secret["secretName"] == "hugging-face-token-secret"
    assert "optional" not in secret
    assert made["spec"]["secretStoreRef"] == {"kind": "ClusterSecretStore", "name": "gcp-store"}
    assert made["spec"]["data"] == [
        {"secretKey": "HUGGING_FACE_TOKEN", "remoteRef": {"key": "hf-token", "property": "value"}}
    ]


@pytest.mark.parametrize(
    ("edits", "token", "is_waited_for"),
    [
        (BUCKET, "  exclude:\n", False),
        (BUCKET, "  token: {secret: mine}\n  exclude:\n", True),
        (RENDERED, "  exclude:\n", True),
        (RENDERED, "  token: {secret: mine}\n  exclude:\n", True),
    ],
)
def test_a_secret_that_may_come_later_is_waited_for(
    edits: dict[str, str], token: str, is_waited_for: bool, tmp_path: Path
) -> None:
    secret = token_volume(token_output(tmp_path, token, edits) / "model-download-llama3")["secret"]

    assert secret.get("optional", False) is not is_waited_for
    run = ira("explain", "model-download-llama3", "Job spec.template.spec.volumes", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "unknown" not in run.stdout


def test_a_token_of_secret_manager_is_mounted_at_the_same_path(tmp_path: Path) -> None:
    directory = token_output(tmp_path, MANAGER) / "model-download-llama3"
    made = the(files(directory), "SecretProviderClass")

    assert token_volume(directory)["csi"] == {
        "driver": "secrets-store-gke.csi.k8s.io",
        "readOnly": True,
        "volumeAttributes": {"secretProviderClass": made["metadata"]["name"]},
    }
    assert made["spec"]["provider"] == "gke"
    assert yaml.safe_load(made["spec"]["parameters"]["secrets"]) == [
        {"resourceName": "projects/acme/secrets/hf-token/versions/latest",
         "path": "HUGGING_FACE_TOKEN"}
    ]  # fmt: skip


@pytest.mark.parametrize("token", [STORE, MANAGER])
def test_where_something_prunes_the_tokens_object_is_shared(token: str, tmp_path: Path) -> None:
    dist = token_output(tmp_path, token, RENDERED)
    kind = "ExternalSecret" if token == STORE else "SecretProviderClass"

    assert [item["kind"] for item in files(dist / "shared")].count(kind) == 1
    assert kind not in {item["kind"] for item in files(dist / "model-download-llama3")}
    run = ira("explain", "model-download-llama3", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "hf-token" in run.stdout
    assert "create the Secret" not in synth(tmp_path).stdout


def test_a_token_of_a_store_needs_no_users_file_in_the_walkthrough(tmp_path: Path) -> None:
    profiles(tmp_path, {"  exclude:\n": STORE})
    run = synth(tmp_path, "--bucket", "acme-models", "--model-id", "google/gemma-3-27b-it")

    assert not (tmp_path / "dist/base/hugging-face-token.env").exists()
    assert "hugging-face-token.env" not in run.stdout
    assert (tmp_path / "dist/model-download/external-secret.yaml").exists()
    assert ira("check", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("{}", "model_download.token: has none; give one of secret, external_secret"),
        ("{secret: a, secret_manager: projects/p/secrets/s/versions/1}",
         "has secret and secret_manager; give one of"),
        ("{secret_manager: hf-token}", "is not a version such as projects/acme/secrets"),
        ("{secret_manager: projects/p/secrets/s}", "is not a version such as"),
        ("{external_secret: {store: s}}", "key: is missing"),
        ("{external_secret: {store: s, key: 'a b'}}", "is not a key such as"),
        ("{external_secret: {store: s, key: k, store_kind: Vault}}", "store_kind"),
        ("hf_abcdefghijklmnopqrstuvwxyz", "model_download.token"),
    ],
)  # fmt: skip
def test_a_wrong_place_of_the_token_is_told(token: str, message: str, tmp_path: Path) -> None:
    profiles(tmp_path, {"  exclude:\n": f"  token: {token}\n  exclude:\n"})
    run = ira("check", cwd=tmp_path)

    assert run.returncode == 2
    assert message in " ".join(run.stderr.split())
    assert "hf_abc" not in run.stderr


def test_the_former_key_of_the_tokens_secret_is_suggested(tmp_path: Path) -> None:
    profiles(tmp_path, {"  exclude:\n": "  token_secret: mine\n  exclude:\n"})
    run = ira("check", cwd=tmp_path)

    assert run.returncode == 2
    assert "token: {secret: …}" in run.stderr


_CRD = ("github.com/external-secrets/external-secrets@v0.16.2",
        "h1:iNY+gIgSyL5higXTfnz+hdPCaiB/43UiHLqE7HBpj68=",
        "config/crds/bases/external-secrets.io_externalsecrets.yaml")  # fmt: skip


def test_an_external_secret_is_one_of_its_own_definition(tmp_path: Path) -> None:
    made = the(files(token_output(tmp_path, STORE) / "model-download-llama3"), "ExternalSecret")
    module, digest, path = _CRD
    if shutil.which("go") is None:
        pytest.skip("no Go to read the module with")
    run = subprocess.run(
        ["go", "mod", "download", "-json", module],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if run.returncode:
        pytest.skip("the module can't be downloaded")
    found = json.loads(run.stdout)
    assert found["Sum"] == digest
    definition = yaml.safe_load((Path(found["Dir"]) / path).read_text())
    group, version = made["apiVersion"].split("/")
    assert definition["spec"]["group"] == group
    (served,) = [each for each in definition["spec"]["versions"] if each["name"] == version]
    assert served["served"]
    jsonschema.validate(made, strict(served["schema"]["openAPIV3Schema"]))


def strict(schema: Any) -> Any:
    """Return a schema that refuses the fields that an API server would drop."""
    if not isinstance(schema, dict):
        return schema
    found = {
        key: {name: strict(each) for name, each in value.items()}
        if key == "properties"
        else strict(value)
        for key, value in schema.items()
    }
    if "properties" in found and found["properties"].keys() != {"metadata"}:
        found.setdefault("additionalProperties", False)
    return found


# --- images ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("vllm/vllm-openai:v0.26.0", "eu.example/m/vllm/vllm-openai:v0.26.0"),
        ("busybox:1.37.0", "eu.example/m/library/busybox:1.37.0"),
        ("docker.io/busybox:1", "eu.example/m/library/busybox:1"),
        ("docker.io/vllm/vllm-openai:v1", "eu.example/m/vllm/vllm-openai:v1"),
        ("gcr.io/google.com/cloudsdktool/cloud-sdk:518.0.0-slim",
         "eu.example/m/google.com/cloudsdktool/cloud-sdk:518.0.0-slim"),
        ("localhost:5000/a/b:1", "eu.example/m/a/b:1"),
        ("eu.example/m/a:1", "eu.example/m/a:1"),
        ("eu.example/other/a:1", "eu.example/m/other/a:1"),
    ],
)  # fmt: skip
def test_an_image_has_its_own_path_in_the_mirror(image: str, expected: str) -> None:
    assert mirrored(image, "eu.example/m") == expected
    assert mirrored(image, None) == image


def test_every_image_is_pulled_from_the_mirror_and_says_so(tmp_path: Path) -> None:
    mirror = "europe-docker.pkg.dev/acme/mirror"
    profiles(tmp_path, {"bucket_suffix:": f"bucket: b-c\nimage_registry: {mirror}\nbucket_suffix:"})
    synth(tmp_path)

    texts = [path.read_text() for path in (tmp_path / "dist").rglob("*.yaml")]
    images = {
        image
        for text in texts
        for image in re.findall(r"^ +(?:- )?image: (\S+)", text, re.MULTILINE)
    }
    assert images == {
        f"{mirror}/vllm/vllm-openai:v0.26.0",
        f"{mirror}/library/busybox:1.37.0",
        f"{mirror}/google.com/cloudsdktool/cloud-sdk:518.0.0-slim",
    }
    assert ira("check", cwd=tmp_path).returncode == 0
    for words in (("h100/llama3", "image"), ("h100/llama3", "fetch_image"),
                  ("model-download-llama3", "image")):  # fmt: skip
        said = ira("explain", *words, cwd=tmp_path).stdout
        assert len(re.findall(r"profiles/platform\.yaml:\d+", said)) == 2, said


@pytest.mark.parametrize("registry", ["acme/mirror", "https://eu.example", "eu.example/m:1", "''"])
def test_what_is_no_registry_is_refused(registry: str, tmp_path: Path) -> None:
    profiles(tmp_path, {"bucket_suffix:": f"image_registry: {registry}\nbucket_suffix:"})
    run = ira("check", cwd=tmp_path)

    assert run.returncode == 2
    assert ": image_registry: " in run.stderr
