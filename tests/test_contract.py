"""dist/, rendered by kubectl, has the values of the walkthrough and its matrix.

The expected values are the reference architecture's, typed here by hand, not computed.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from testing.kubelet import command_line, environment, secret_files
from testing.objects import Json, the
from testing.project import BUCKET, DIST, ROOT, TOKEN

GEMMA = "google/gemma-3-27b-it"
LLAMA3 = "meta-llama/Llama-3.3-70B-Instruct"
SCOUT = "meta-llama/Llama-4-Scout-17B-16E-Instruct"


class Row(NamedTuple):
    gpu: str
    model: str
    model_id: str
    gpus: str
    cpu: str
    memory: str
    compute_class: str
    utilization: str
    max_model_len: str
    accelerator: str

    @property
    def directory(self) -> str:
        return f"online-inference-gpu-{self.gpu}-{self.model}"


ULTRA = "gpu-h200-141gb-ultra-x8"
ROWS = [
    Row("l4", "gemma3-27b", GEMMA, "8", "12", "160G", "gpu-l4-24gb-x8", "0.80", "131072",
        "nvidia-l4"),
    Row("h100", "gemma3-27b", GEMMA, "1", "10", "128G", "gpu-h100-80gb-high-x1", "0.95", "131072",
        "nvidia-h100-80gb"),
    Row("h100", "llama3", LLAMA3, "4", "64", "512G", "gpu-h100-80gb-high-x4", "0.95", "131072",
        "nvidia-h100-80gb"),
    Row("h100", "llama4-scout", SCOUT, "8", "64", "512G", "gpu-h100-80gb-high-x8", "0.95",
        "1000000", "nvidia-h100-80gb"),
    Row("h200", "gemma3-27b", GEMMA, "1", "10", "128G", ULTRA, "0.95", "131072",
        "nvidia-h200-141gb"),
    Row("h200", "llama3", LLAMA3, "4", "64", "512G", ULTRA, "0.95", "131072",
        "nvidia-h200-141gb"),
    Row("h200", "llama4-scout", SCOUT, "8", "64", "600G", ULTRA, "0.95", "3600000",
        "nvidia-h200-141gb"),
]  # fmt: skip
QUEUED = [row for row in ROWS if row.gpu != "l4"]

MOUNT_OPTIONS = (
    "metadata-cache:ttl-secs:-1,metadata-cache:stat-cache-max-size-mb:-1,"
    "metadata-cache:type-cache-max-size-mb:-1,metadata-cache:negative-ttl-secs:0,"
    "file-cache:max-size-mb:-1,file-cache:cache-file-for-range-read:true,"
    "file-cache:enable-parallel-downloads:true,implicit-dirs,"
    "file-system:kernel-list-cache-ttl-secs:-1,only-dir:"
)
GCSFUSE_ANNOTATIONS = {
    "gke-gcsfuse/volumes": "true",
    "gke-gcsfuse/cpu-limit": "0",
    "gke-gcsfuse/memory-limit": "0",
    "gke-gcsfuse/ephemeral-storage-limit": "0",
}
GPU_TOLERATION = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
ON_DEMAND_TOLERATION = {
    "key": "on-demand", "operator": "Equal", "value": "true", "effect": "NoSchedule",
}  # fmt: skip
QUEUED_TOLERATION = {
    "key": "cloud.google.com/gke-queued", "operator": "Equal", "value": "true",
    "effect": "NoSchedule",
}  # fmt: skip

Rendered = dict[str, list[Json]]


def directory_id(row: Row) -> str:
    return row.directory


each_cell = pytest.mark.parametrize("row", ROWS, ids=directory_id)
each_queued_cell = pytest.mark.parametrize("row", QUEUED, ids=directory_id)
each_directory_with_a_workload = pytest.mark.parametrize(
    ("row", "directory"),
    [(row, row.directory) for row in ROWS] + [(row, f"{row.directory}-queued") for row in QUEUED],
    ids=lambda value: value if isinstance(value, str) else "",
)


def pod_of(objects: list[Json]) -> Json:
    spec: Json = the(objects, "Deployment")["spec"]["template"]["spec"]
    return spec


def container(objects: list[Json], name: str) -> Json:
    (found,) = [item for item in pod_of(objects)["containers"] if item["name"] == name]
    return dict(found)


def names_of(objects: list[Json]) -> set[tuple[str, str]]:
    return {(item["kind"], item["metadata"]["name"]) for item in objects}


def test_dist_holds_the_directories_of_the_walkthrough() -> None:
    expected = {"base", "model-download"}
    expected |= {row.directory for row in ROWS}
    expected |= {f"{row.directory}-queued" for row in QUEUED}

    assert {path.name for path in DIST.iterdir()} >= expected


def test_objects_come_before_what_needs_them(rendered: Rendered) -> None:
    needs = {
        "Deployment": {"ServiceAccount", "ConfigMap", "ProvisioningRequest"},
        "Job": {"ServiceAccount", "ConfigMap", "Secret", "PersistentVolumeClaim"},
        "ProvisioningRequest": {"PodTemplate"},
    }
    for objects in rendered.values():
        kinds = [item["kind"] for item in objects]
        for index, kind in enumerate(kinds):
            assert needs.get(kind, set()) & set(kinds) <= set(kinds[:index])


def test_the_users_files_become_a_config_map_and_a_secret_with_a_hash(rendered: Rendered) -> None:
    config_map = the(rendered["base"], "ConfigMap")
    secret = the(rendered["model-download"], "Secret")

    assert config_map["metadata"]["name"].startswith("ira-model-configmap-")
    assert secret["metadata"]["name"].startswith("hugging-face-token-secret-")
    assert config_map["data"] == {"IRA_BUCKET_NAME": BUCKET, "MODEL_ID": GEMMA}
    assert list(secret["data"]) == ["HUGGING_FACE_TOKEN"]


def test_model_download_has_the_objects_of_the_walkthrough(rendered: Rendered) -> None:
    found = {(kind, name) for kind, name in names_of(rendered["model-download"])
             if kind not in ("ConfigMap", "Secret")}  # fmt: skip

    assert found == {
        ("ServiceAccount", "ira-model-download-ksa"),
        ("PersistentVolumeClaim", "transfer-model-to-gcs"),
        ("Job", "transfer-model-to-gcs"),
    }


def test_the_download_buffers_on_a_disk_of_one_tebibyte(rendered: Rendered) -> None:
    claim = the(rendered["model-download"], "PersistentVolumeClaim")

    assert claim["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "premium-rwo",
        "resources": {"requests": {"storage": "1Ti"}},
    }


def test_the_download_job_is_the_contracts(rendered: Rendered) -> None:
    job = the(rendered["model-download"], "Job")["spec"]
    pod = job["template"]["spec"]

    assert job["backoffLimit"] == 0
    assert job["ttlSecondsAfterFinished"] == 600
    assert job["template"]["metadata"]["labels"]["app"] == "transfer-model-to-gcs"
    annotations = job["template"]["metadata"]["annotations"]
    assert GCSFUSE_ANNOTATIONS.items() <= annotations.items()
    assert annotations["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false"
    assert pod["restartPolicy"] == "OnFailure"
    assert pod["serviceAccountName"] == "ira-model-download-ksa"
    assert pod["securityContext"]["fsGroup"] == 10000
    assert pod["nodeSelector"] == {"iam.gke.io/gke-metadata-server-enabled": "true"}
    assert pod["tolerations"] == [ON_DEMAND_TOLERATION]


def test_the_download_container_is_the_contracts(rendered: Rendered) -> None:
    objects = rendered["model-download"]
    pod = the(objects, "Job")["spec"]["template"]["spec"]
    (only,) = pod["containers"]
    variables = environment(only, objects)

    assert only["image"] == "gcr.io/google.com/cloudsdktool/cloud-sdk:518.0.0-slim"
    assert only["resources"]["requests"] == {"cpu": "4", "memory": "8Gi"}
    assert only["resources"]["limits"] == {"cpu": "4", "memory": "8Gi"}
    assert variables["MODEL_ID"] == GEMMA
    assert variables["IRA_BUCKET_NAME"] == BUCKET
    files = {"/etc/hugging-face-token/HUGGING_FACE_TOKEN": TOKEN}
    assert secret_files(only, pod, objects) == files
    assert TOKEN not in variables.values()


def test_the_token_is_mounted_for_the_group_of_the_pod_and_nobody_else(rendered: Rendered) -> None:
    """A Secret's files are root's; the kubelet gives them to the group that fsGroup names."""
    pod = the(rendered["model-download"], "Job")["spec"]["template"]["spec"]
    (secret,) = [volume["secret"] for volume in pod["volumes"] if "secret" in volume]

    assert secret["defaultMode"] == 0o440
    assert pod["securityContext"]["fsGroup"] == 10000


def test_the_packages_are_installed_before_and_without_the_token(rendered: Rendered) -> None:
    objects = rendered["model-download"]
    pod = the(objects, "Job")["spec"]["template"]["spec"]
    (first,), (only,) = pod["initContainers"], pod["containers"]

    assert secret_files(first, pod, objects) == {}
    assert TOKEN not in environment(first, objects).values()
    assert first["image"] == only["image"]
    assert first["resources"] == only["resources"]
    assert first["securityContext"] == only["securityContext"]


def test_the_download_writes_to_the_bucket_through_fuse(rendered: Rendered) -> None:
    pod = the(rendered["model-download"], "Job")["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    (mount,) = [m for m in pod["containers"][0]["volumeMounts"] if m["mountPath"] == "/local"]
    csi = volumes[mount["name"]]["csi"]

    assert not mount.get("readOnly")
    assert csi["driver"] == "gcsfuse.csi.storage.gke.io"
    assert csi["volumeAttributes"]["bucketName"] == BUCKET
    assert not csi.get("readOnly")
    assert volumes["gke-gcsfuse-buffer"] == {
        "name": "gke-gcsfuse-buffer",
        "persistentVolumeClaim": {"claimName": "transfer-model-to-gcs"},
    }


@each_directory_with_a_workload
def test_a_cell_has_its_objects_and_never_the_token(
    row: Row, directory: str, rendered: Rendered
) -> None:
    kinds = {kind for kind, _ in names_of(rendered[directory])}
    expected = {"ServiceAccount", "ConfigMap", "Service", "Deployment"}
    if directory.endswith("-queued"):
        expected |= {"PodTemplate", "ProvisioningRequest"}

    assert kinds == expected
    assert the(rendered[directory], "Deployment")["metadata"]["name"] == f"vllm-{row.gpu}"
    assert the(rendered[directory], "Service")["metadata"]["name"] == f"vllm-{row.gpu}"
    account = the(rendered[directory], "ServiceAccount")["metadata"]["name"]
    assert account == f"ira-online-gpu-ksa-{row.model}"
    assert pod_of(rendered[directory])["serviceAccountName"] == account


@each_directory_with_a_workload
def test_a_cell_serves_its_model_with_its_values(
    row: Row, directory: str, rendered: Rendered
) -> None:
    objects = rendered[directory]
    # Clients name the path as the walkthrough does, or the id as any OpenAI client would.
    program, verb, model, *flags = command_line(container(objects, "inference-server"), objects)

    assert (program, verb) == ("vllm", "serve")
    assert model == f"/gcs/{row.model_id}"
    assert sorted(flags) == [
        f"--gpu-memory-utilization={row.utilization}",
        f"--max-model-len={row.max_model_len}",
        "--served-model-name",
        "--shutdown-timeout=120",
        f"--tensor-parallel-size={row.gpus}",
        "--trust-remote-code",
        f"/gcs/{row.model_id}",
        row.model_id,
    ]


@each_directory_with_a_workload
def test_a_cell_asks_for_its_machine_part(row: Row, directory: str, rendered: Rendered) -> None:
    server = container(rendered[directory], "inference-server")
    amounts = {"cpu": row.cpu, "memory": row.memory, "nvidia.com/gpu": row.gpus}

    assert server["resources"] == {"requests": amounts, "limits": amounts}
    assert server["imagePullPolicy"] == "Always"
    assert server["image"] == "vllm/vllm-openai:v0.26.0"
    assert {"name": "metrics", "containerPort": 8000, "protocol": "TCP"} in server["ports"]


@each_directory_with_a_workload
def test_the_config_map_holds_what_the_containers_read_and_its_hash_rolls_them(
    row: Row, directory: str, rendered: Rendered
) -> None:
    config_map = the(rendered[directory], "ConfigMap")
    values = {
        "IRA_BUCKET_NAME": BUCKET,
        "GPU_MEMORY_UTILIZATION": row.utilization,
        "MAX_MODEL_LEN": row.max_model_len,
        "MODEL_ID": row.model_id,
        "TENSOR_PARALLEL_SIZE": row.gpus,
    }
    assert config_map["data"] == values
    assert config_map["metadata"]["name"].startswith("ira-model-configmap-")
    read = environment(container(rendered[directory], "inference-server"), rendered[directory])
    assert read.items() >= (values.items() - {("IRA_BUCKET_NAME", BUCKET)})


@each_directory_with_a_workload
def test_both_containers_see_the_model_and_nothing_else_of_the_bucket(
    row: Row, directory: str, rendered: Rendered
) -> None:
    volumes = {volume["name"]: volume for volume in pod_of(rendered[directory])["volumes"]}

    assert volumes["gcsfuse"]["csi"] == {
        "driver": "gcsfuse.csi.storage.gke.io",
        "volumeAttributes": {
            "bucketName": BUCKET,
            "mountOptions": MOUNT_OPTIONS + row.model_id,
            "skipCSIBucketAccessCheck": "true",
        },
    }
    for name in ("inference-server", "fetch-safetensors"):
        mounts = container(rendered[directory], name)["volumeMounts"]
        assert {
            "name": "gcsfuse", "mountPath": f"/gcs/{row.model_id}", "readOnly": True,
        } in mounts  # fmt: skip


@each_directory_with_a_workload
def test_shared_memory_and_the_caches_of_fuse_are_in_memory(
    row: Row, directory: str, rendered: Rendered
) -> None:
    volumes = {volume["name"]: volume for volume in pod_of(rendered[directory])["volumes"]}
    (shm,) = [
        mount["name"]
        for mount in container(rendered[directory], "inference-server")["volumeMounts"]
        if mount["mountPath"] == "/dev/shm"
    ]

    for name in (shm, "gke-gcsfuse-cache", "gke-gcsfuse-tmp", "gke-gcsfuse-buffer"):
        assert volumes[name]["emptyDir"]["medium"] == "Memory"
    # More could not be used: it counts as the server's memory. IRA012 wants 1 GiB at least.
    assert volumes[shm]["emptyDir"]["sizeLimit"] == row.memory


@each_directory_with_a_workload
def test_the_warm_up_reads_the_cells_model_15_files_at_a_time(
    row: Row, directory: str, rendered: Rendered
) -> None:
    objects = rendered[directory]
    fetch = container(objects, "fetch-safetensors")

    assert environment(fetch, objects) == {"MODEL_ID": row.model_id, "FETCH_PARALLELISM": "15"}
    assert fetch["image"] == "busybox:1.37.0"


@each_directory_with_a_workload
def test_a_service_selects_its_own_pods_by_labels_of_the_workload(
    row: Row, directory: str, rendered: Rendered
) -> None:
    deployment = the(rendered[directory], "Deployment")["spec"]
    service = the(rendered[directory], "Service")["spec"]

    assert service["type"] == "ClusterIP"
    (port,) = service["ports"]
    assert (port["port"], port["targetPort"], port["protocol"]) == (8000, 8000, "TCP")
    assert service["selector"] == deployment["selector"]["matchLabels"]
    assert service["selector"]["app.kubernetes.io/instance"] == f"vllm-{row.gpu}"
    assert service["selector"].items() <= deployment["template"]["metadata"]["labels"].items()
    assert deployment["strategy"] == {"type": "Recreate"}
    assert deployment["replicas"] == 1


@each_directory_with_a_workload
def test_a_load_of_tens_of_minutes_is_waited_for(
    row: Row, directory: str, rendered: Rendered
) -> None:
    server = container(rendered[directory], "inference-server")
    deployment = the(rendered[directory], "Deployment")["spec"]
    startup = server["startupProbe"]

    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert server[probe]["httpGet"]["path"] == "/health"
        assert server[probe]["httpGet"]["port"] == 8000
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 45 * 60
    assert (
        deployment["progressDeadlineSeconds"]
        > startup["periodSeconds"] * startup["failureThreshold"]
    )


@each_cell
def test_an_ordinary_cell_selects_its_compute_class(row: Row, rendered: Rendered) -> None:
    pod = pod_of(rendered[row.directory])

    assert pod["nodeSelector"] == {"cloud.google.com/compute-class": row.compute_class}
    assert pod["tolerations"] == [GPU_TOLERATION, ON_DEMAND_TOLERATION]
    annotations = the(rendered[row.directory], "Deployment")["spec"]["template"]["metadata"][
        "annotations"
    ]
    assert GCSFUSE_ANNOTATIONS.items() <= annotations.items()
    assert not any(key.startswith("autoscaling.x-k8s.io") for key in annotations)


@each_queued_cell
def test_a_queued_cell_consumes_its_request(row: Row, rendered: Rendered) -> None:
    objects = rendered[f"{row.directory}-queued"]
    request = the(objects, "ProvisioningRequest")
    template = the(objects, "Deployment")["spec"]["template"]

    assert request["apiVersion"] == "autoscaling.x-k8s.io/v1"
    assert request["metadata"]["name"] == f"vllm-{row.gpu}"
    assert request["spec"]["provisioningClassName"] == "queued-provisioning.gke.io"
    assert request["spec"]["parameters"] == {"maxRunDurationSeconds": "604800"}
    assert request["spec"]["podSets"] == [
        {
            "count": 1,
            "podTemplateRef": {"name": the(objects, "PodTemplate")["metadata"]["name"]},
        }
    ]
    annotations = template["metadata"]["annotations"]
    assert GCSFUSE_ANNOTATIONS.items() <= annotations.items()
    consume = "autoscaling.x-k8s.io/consume-provisioning-request"
    assert annotations[consume] == f"vllm-{row.gpu}"
    assert (
        annotations["autoscaling.x-k8s.io/provisioning-class-name"] == "queued-provisioning.gke.io"
    )
    assert consume not in the(objects, "Deployment")["metadata"].get("annotations", {})


@each_queued_cell
def test_a_queued_cell_selects_queued_nodes_and_no_compute_class(
    row: Row, rendered: Rendered
) -> None:
    pod = pod_of(rendered[f"{row.directory}-queued"])

    assert pod["nodeSelector"] == {
        "cloud.google.com/gke-accelerator": row.accelerator,
        "cloud.google.com/gke-flex-start": "true",
        "cloud.google.com/gke-gpu-driver-version": "latest",
    }
    assert pod["tolerations"] == [GPU_TOLERATION, ON_DEMAND_TOLERATION, QUEUED_TOLERATION]


@each_queued_cell
def test_the_pod_template_of_a_request_is_the_deployments(row: Row, rendered: Rendered) -> None:
    objects = rendered[f"{row.directory}-queued"]
    pod_template = the(objects, "PodTemplate")
    deployment = the(objects, "Deployment")["spec"]["template"]

    assert pod_template["metadata"]["labels"]["cloud.google.com/apply-warden-policies"] == "true"
    assert "spec" not in pod_template
    assert pod_template["template"] == deployment
    kinds = [item["kind"] for item in objects]
    assert kinds.index("PodTemplate") < kinds.index("ProvisioningRequest")
    assert kinds.index("ProvisioningRequest") < kinds.index("Deployment")


def test_requests_for_different_shapes_name_different_templates(rendered: Rendered) -> None:
    names = {
        the(rendered[f"{row.directory}-queued"], "PodTemplate")["metadata"]["name"]
        for row in QUEUED
    }

    assert len(names) == len(QUEUED)


def test_every_container_is_tight_enough_for_pod_security_restricted(rendered: Rendered) -> None:
    # https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
    for objects in rendered.values():
        for item in objects:
            if item["kind"] not in ("Deployment", "Job"):
                continue
            pod = item["spec"]["template"]["spec"]
            assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
            for each in pod["containers"]:
                context = each["securityContext"]
                assert context["allowPrivilegeEscalation"] is False
                assert context["capabilities"] == {"drop": ["ALL"]}
                assert context["runAsNonRoot"] is True
                assert context["runAsUser"] > 0


def test_no_pod_carries_a_token_for_the_api_server(rendered: Rendered) -> None:
    for objects in rendered.values():
        for item in objects:
            if item["kind"] in ("Deployment", "Job"):
                assert item["spec"]["template"]["spec"]["automountServiceAccountToken"] is False


@each_directory_with_a_workload
def test_the_server_asks_no_hub_and_sends_no_statistics(
    row: Row, directory: str, rendered: Rendered
) -> None:
    # vllm/usage/usage_lib.py and huggingface_hub's constants.py
    read = environment(container(rendered[directory], "inference-server"), rendered[directory])

    off = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
    assert off.items() <= read.items()


def test_every_root_is_read_only_and_every_home_can_be_written_to(rendered: Rendered) -> None:
    for objects in rendered.values():
        for item in objects:
            if item["kind"] not in ("Deployment", "Job"):
                continue
            pod = item["spec"]["template"]["spec"]
            disks = {volume["name"] for volume in pod["volumes"] if "emptyDir" in volume}
            for each in pod["containers"]:
                assert each["securityContext"]["readOnlyRootFilesystem"] is True
                if each["name"] == "fetch-safetensors":
                    continue  # writes nothing
                writable = {m["mountPath"] for m in each["volumeMounts"] if m["name"] in disks}
                assert {environment(each, objects)["HOME"], "/tmp"} <= writable


def test_what_is_written_to_the_nodes_disk_is_limited_where_its_size_is_known(
    rendered: Rendered,
) -> None:
    job = the(rendered["model-download"], "Job")["spec"]["template"]["spec"]
    (temporary,) = [volume for volume in job["volumes"] if volume["name"] == "tmp"]
    assert temporary["emptyDir"] == {"sizeLimit": "1Gi"}
    for row in ROWS:
        resources = container(rendered[row.directory], "fetch-safetensors")["resources"]
        for amounts in (resources["requests"], resources["limits"]):
            assert amounts["ephemeral-storage"] == "64Mi"


def test_the_download_ends_within_a_day(rendered: Rendered) -> None:
    assert the(rendered["model-download"], "Job")["spec"]["activeDeadlineSeconds"] == 24 * 3600


def test_names_are_explicit_and_no_namespace_is_forced(rendered: Rendered) -> None:
    for objects in rendered.values():
        assert all("namespace" not in item["metadata"] for item in objects)


def test_the_security_page_names_every_container_and_where_the_token_is(rendered: Rendered) -> None:
    page = (ROOT / "SECURITY.md").read_text()
    pods = [
        item["spec"]["template"]["spec"]
        for objects in rendered.values()
        for item in objects
        if item["kind"] in ("Deployment", "Job")
    ]

    for pod in pods:
        for container in (*pod.get("initContainers", []), *pod["containers"]):
            assert f"| `{container['name']}` |" in page
    assert "`/etc/hugging-face-token/HUGGING_FACE_TOKEN`" in page
    assert "(SECURITY.md)" in (ROOT / "README.md").read_text()
