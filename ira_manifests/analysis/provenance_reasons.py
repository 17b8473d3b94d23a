"""Why the constructs set what no profile decides. docs/differences.md says more of most."""

from __future__ import annotations

POD = "Deployment spec.template.spec"
SERVER = f"{POD}.containers[0]"
FETCH = f"{POD}.containers[1]"

_IDENTITY = "the construct: the object's kind"
_LABELS = "the construct: the labels that Kubernetes recommends"
_CONFIG = "the construct: read from the ConfigMap that kustomize names after its content"
_SECURITY = "the construct: Pod Security restricted"
_SIDECAR = "the construct: what the Cloud Storage FUSE driver expects"
_PROBE = "the construct: vLLM's /health"
_SETTINGS = "the construct: the server looks nothing up on the Hub, and sends no statistics"
_LOGS = "the construct: the warm-up writes its log, and nothing else"
_BUCKET = "base/ira-model-config.env: IRA_BUCKET_NAME, which kustomize puts in place"
_VOLUME = "the construct: the bucket's mount, for reading"

_KINDS = (
    "ConfigMap", "Deployment", "Service", "ServiceAccount", "PodTemplate", "ProvisioningRequest",
)  # fmt: skip
_OF_ALL = {"apiVersion": _IDENTITY, "kind": _IDENTITY, "metadata.labels": _LABELS}

# The beginning of fields, and why they are as they are; the longest beginning counts.
REASONS: dict[str, str] = {
    **{f"{kind} {field}": reason for kind in _KINDS for field, reason in _OF_ALL.items()},
    **{
        f"{kind} metadata.labels.ira-manifests/bucket": _BUCKET
        for kind in ("Deployment", "PodTemplate", "ProvisioningRequest")
    },
    "Service spec.type": "the construct: reached from inside the cluster",
    "Service spec.ports": "the construct: vLLM's port",
    "Deployment spec.replicas": "the construct: one Pod a workload",
    "Deployment spec.strategy": "the construct: the old Pod must leave its GPUs to the new one",
    "Deployment spec.template.metadata.labels": _LABELS,
    "Deployment spec.template.metadata.annotations": _SIDECAR,
    "Deployment spec.template.metadata.annotations.autoscaling.x-k8s.io":
        "the construct: the Pods consume the ProvisioningRequest",
    "Deployment spec.template.metadata.annotations.kubectl.kubernetes.io/default-container":
        "the construct: kubectl logs shows the server",
    f"{POD}.automountServiceAccountToken": "the construct: nobody asks the API server",
    f"{POD}.enableServiceLinks":
        "the construct: a Service's VLLM_PORT would be taken for a setting",
    f"{POD}.securityContext": _SECURITY,
    f"{SERVER}.name": "the construct: the walkthrough's name",
    f"{SERVER}.imagePullPolicy": "the construct: the reference architecture's",
    f"{SERVER}.command": "the construct: the entry that every release of vLLM knows",
    f"{SERVER}.args": "the construct: the values of the ConfigMap, $(NAME) expanded",
    f"{SERVER}.env": _CONFIG,
    **{f"{SERVER}.env[{index}]": _SETTINGS for index in (4, 5, 6)},
    f"{SERVER}.ports": "the construct: vLLM's port, under the name of the reference architecture",
    f"{SERVER}.startupProbe": _PROBE,
    f"{SERVER}.readinessProbe": f"{_PROBE}; half a minute of failures takes it out of the Service",
    f"{SERVER}.livenessProbe": f"{_PROBE}; three minutes of failures restart it",
    f"{SERVER}.lifecycle": "the construct: the Pod leaves its Services before the server ends",
    f"{SERVER}.securityContext": _SECURITY,
    f"{SERVER}.volumeMounts[0]": "the construct: shared memory of the parallel workers",
    f"{SERVER}.volumeMounts[1]": _VOLUME,
    f"{FETCH}.name": "the construct: the reference architecture's name",
    f"{FETCH}.command": "the construct: runs the script in the image's shell",
    f"{FETCH}.args": "the construct: scripts/fetch_safetensors.sh",
    f"{FETCH}.env": _CONFIG,
    f"{FETCH}.resources.requests.ephemeral-storage": _LOGS,
    f"{FETCH}.resources.limits.ephemeral-storage": _LOGS,
    f"{FETCH}.securityContext": _SECURITY,
    f"{FETCH}.volumeMounts[0]": _VOLUME,
    f"{POD}.volumes": _SIDECAR,
    f"{POD}.volumes[0].csi.volumeAttributes.bucketName": _BUCKET,
    f"{POD}.volumes[1]": "the construct: shared memory of the parallel workers",
    "PodTemplate metadata.name":
        "the construct: the workload's name and a hash of what decides where its Pods fit",
    "PodTemplate template": "the construct: the Deployment's Pod, limits copied to requests",
    "ProvisioningRequest spec.podSets":
        "the construct: the Deployment's replicas and the PodTemplate's name",
}  # fmt: skip
