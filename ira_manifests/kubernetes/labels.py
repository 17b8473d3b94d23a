"""Keys of labels, annotations and resources, each written down once."""

from __future__ import annotations

GPU = "nvidia.com/gpu"
"""The resource by which a container gets GPUs."""

# Labels of every object: https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/
NAME = "app.kubernetes.io/name"
INSTANCE = "app.kubernetes.io/instance"
VERSION = "app.kubernetes.io/version"
COMPONENT = "app.kubernetes.io/component"
PART_OF = "app.kubernetes.io/part-of"
MANAGED_BY = "app.kubernetes.io/managed-by"

NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""Label of every namespace, with its name as the value."""

BUCKET = "ira-manifests/bucket"
"""Label of Pods that mount the bucket. The API server refuses the placeholder as its value, so that
no Pod waits for a machine and then for a bucket that does not exist."""

OURS = frozenset({NAME, INSTANCE, VERSION, COMPONENT, PART_OF, MANAGED_BY, BUCKET})
"""Labels that the constructs set; the first two select a workload's Pods."""

REVISION = "ira-manifests/model-revision"
"""Annotation of Pods with the revision of the model's repository: another one replaces them."""

OTHER_REVISIONS = "ira-manifests/other-revisions"
"""Annotation of Pods with the revisions of adapters and drafts, as "id@revision,id@revision"."""

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
"""The container whose log `kubectl logs` shows."""

SAFE_TO_EVICT = "cluster-autoscaler.kubernetes.io/safe-to-evict"
"""With "false", the autoscaler does not evict the Pod to empty its node:
https://cloud.google.com/kubernetes-engine/docs/concepts/cluster-autoscaler"""

SYNC_WAVE = "argocd.argoproj.io/sync-wave"
"""Annotation by which Argo CD orders the objects of an Application; without it, "0"."""

METADATA_SERVER = "iam.gke.io/gke-metadata-server-enabled"
"""Label of nodes with GKE's metadata server, from which a Pod gets the tokens of its account."""

GCSFUSE_DRIVER = "gcsfuse.csi.storage.gke.io"
GCSFUSE_ANNOTATIONS = {
    "gke-gcsfuse/volumes": "true",
    "gke-gcsfuse/cpu-limit": "0",
    "gke-gcsfuse/memory-limit": "0",
    "gke-gcsfuse/ephemeral-storage-limit": "0",
}
"""Annotations that make GKE inject the Cloud Storage FUSE sidecar, without resource limits:
https://cloud.google.com/kubernetes-engine/docs/how-to/cloud-storage-fuse-csi-driver-sidecar"""

OUR_ANNOTATIONS = frozenset({REVISION, OTHER_REVISIONS, "gke-gcsfuse/volumes"})
"""Annotations of Pods that the constructs set, and that their Pods don't work without."""
