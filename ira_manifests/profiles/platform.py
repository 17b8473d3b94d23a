"""The schema of `profiles/platform.yaml` and `profiles/known-models.yaml`, as pydantic models.

The text below a field gives its unit and meaning.
"""

# No annotations from __future__ here: pydantic would have to evaluate their text at every start.
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ira_manifests.kubernetes.queued_capacity import LONGEST_RUN, SHORTEST_RUN
from ira_manifests.layout import TOKEN_SECRET
from ira_manifests.profiles.base import Profile
from ira_manifests.profiles.controllers import ArgoCd, Flux
from ira_manifests.profiles.engine import Engine
from ira_manifests.profiles.fields import (
    BucketName,
    Bytes,
    Cpu,
    Glob,
    HubId,
    HubRelease,
    ImageRegistry,
    KsaTemplate,
    Label,
    LabelKey,
    LabelValue,
    MountOption,
    PinnedImage,
    RemoteKey,
    Seconds,
    SecretVersion,
    Subdomain,
    TaintEffect,
    UserId,
    WorkloadTemplate,
)
from ira_manifests.profiles.forms import refuse
from ira_manifests.profiles.serving_fields import ServingFields


class Toleration(Profile):
    """A taint that Pods tolerate; without `value`, any value of the key."""

    key: LabelKey
    """The taint's key."""
    value: LabelValue | None = None
    """The taint's value; without it, any value of the key."""
    effect: TaintEffect
    """The taint's effect."""


class KnownModels(Profile):
    """Model ids with the spelling of the Hub: `profiles/known-models.yaml`."""

    model_ids: tuple[HubId, ...]
    """Ids as their owners write them, case included."""


class FetchSafetensors(Profile):
    """The container that reads the model once to warm the file cache."""

    image: PinnedImage
    """The image, with a shell, find, dd and xargs."""
    run_as_user: UserId
    """The user id of the container."""
    parallelism: Annotated[int, Field(gt=0, le=1000)]
    """Files that are read at once."""
    cpu: Cpu
    """CPUs of the container: its request."""
    memory: Bytes
    """Memory of the container: its request and its limit."""


class RemoteToken(Profile):
    """A key of a secret store, which the External Secrets Operator copies into a Secret."""

    store: Subdomain
    """The name of the store."""
    store_kind: Literal["ClusterSecretStore", "SecretStore"] = "ClusterSecretStore"
    """The kind of the store."""
    key: RemoteKey
    """The key in the store."""
    property: RemoteKey | None = None
    """The property of the key's value that is the token; without it, the whole value."""


class Token(Profile):
    """The token of the Hugging Face Hub: exactly one place. Only the download's Pod reads it."""

    secret: Subdomain | None = None
    """An existing Secret with the token in its key HUGGING_FACE_TOKEN."""
    external_secret: RemoteToken | None = None
    """A key from which an ExternalSecret makes such a Secret."""
    secret_manager: SecretVersion | None = None
    """A secret that the Secret Manager add-on mounts into the Pod."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            named = " and ".join(given) or "none"
            raise refuse(f"has {named}; give one of {', '.join(type(self).model_fields)}")
        return self


class ModelDownload(Profile):
    """The Job that copies a model from the Hugging Face Hub to the bucket."""

    image: PinnedImage
    """The image, with Python and pip."""
    run_as_user: UserId
    """The user id of the containers."""
    huggingface_hub: HubRelease
    """The release of huggingface_hub that downloads."""
    namespace: Label | None = None
    """The namespace of its objects, if it is not that of all others."""
    service_account: Label
    """The service account, which may write to the bucket."""
    cpu: Cpu
    """CPUs of each container: its request and its limit."""
    memory: Bytes
    """Memory of each container: its request and its limit."""
    fs_group: UserId
    """The group that may write to the bucket's mount and read the token."""
    storage_class: Label
    """The StorageClass of the disk that holds the files before they are uploaded."""
    storage: Bytes
    """The size of that disk, eight times the model's largest file or more."""
    ttl_seconds_after_finished: Seconds
    """Seconds after which Kubernetes deletes a Job that has ended."""
    active_deadline_seconds: Annotated[int, Field(ge=600, le=31536000)] = 86400
    """The maximum run time of the Job, including the wait for a node and a disk."""
    token: Token | None = None
    """Where the token is; without it, in the user's file, or, if the platform names the bucket, in
    the Secret hugging-face-token-secret."""
    exclude: tuple[Glob, ...]
    """Files of a repository that serving does not need, as patterns of their paths."""
    exclude_beside_safetensors: tuple[Glob, ...]
    """Files that are not downloaded if safetensors in the same folder have the same weights."""
    tolerations: tuple[Toleration, ...]
    """Taints that the Pod tolerates."""

    @property
    def secret(self) -> str:
        """The name of the Secret with the token, whoever makes it."""
        return (self.token and self.token.secret) or TOKEN_SECRET


class Inference(ServingFields):
    """Settings of all serving workloads."""

    workload_name: WorkloadTemplate
    """The name of Deployments, Services and ProvisioningRequests."""
    service_account: KsaTemplate
    """The service account of the Pods, which the platform's IAM bindings name."""
    node_wait_seconds: Seconds
    """The maximum wait for a node before a rollout counts as failed."""
    mount_options: tuple[MountOption, ...]
    """Options of the bucket's mount; the construct adds only-dir for the model's folder."""
    tolerations: tuple[Toleration, ...]
    """Taints that the Pods tolerate."""

    @model_validator(mode="after")
    def _no_files_of_one_model(self) -> Self:
        if self.lora_adapters:
            raise refuse("has lora_adapters, which are of one model; move them to its profile")
        if self.speculative is not None and self.speculative.model_id is not None:
            raise refuse(
                "has a draft in speculative, which is of one model; move it to its profile"
            )
        return self


class QueuedProvisioning(Profile):
    """Dynamic Workload Scheduler capacity."""

    provisioning_class: Subdomain
    """The class of ProvisioningRequests."""
    max_run_duration_seconds: Annotated[int, Field(ge=SHORTEST_RUN, le=LONGEST_RUN)]
    """Seconds after which GKE takes the nodes away."""
    valid_until_seconds: Seconds | None = None
    """How long a request waits for capacity; without it, there is no limit."""
    wait_seconds: Seconds
    """The maximum wait in the queue before a rollout counts as failed."""
    tolerations: tuple[Toleration, ...]
    """Taints that queued Pods tolerate as well."""


class Platform(Profile):
    """Settings of the platform: `profiles/platform.yaml`."""

    namespace: Label | None = None
    """The namespace of all objects; without it, that of the kubectl context."""
    environments_only: bool = False
    """Whether the output has the directories of environments alone, and none of the walkthrough."""
    bucket: BucketName | None = None
    """The bucket that holds the models: directories then need no file of the user's."""
    rendered: bool = False
    """Whether directories hold final objects, a file each, instead of a kustomization."""
    bucket_suffix: Label
    """The end of the bucket's name among Terraform's buckets, by which synth finds it."""
    image_registry: ImageRegistry | None = None
    """A mirror that the images are pulled from: it has each below the path that it has in its own
    registry, those of Docker Hub below `library` if they have no other folder. Not for the images
    of `containers` and `init_containers`."""
    engine: Engine
    fetch_safetensors: FetchSafetensors
    inference: Inference
    model_download: ModelDownload
    queued_provisioning: QueuedProvisioning
    argo_cd: ArgoCd | None = None
    flux: Flux | None = None

    @property
    def controllers(self) -> dict[str, str]:
        """The names of the controllers that apply the output, by their fields."""
        known = {"argo_cd": "Argo CD", "flux": "Flux"}
        return {field: name for field, name in known.items() if getattr(self, field) is not None}

    @property
    def controller(self) -> str:
        """What applies the output; empty if a user does."""
        return next(iter(self.controllers.values()), "")

    @property
    def applier(self) -> str:
        """What applies all of the output, for messages; empty if a user applies directories."""
        return self.controller or ("what syncs rendered output" if self.rendered else "")

    @property
    def download_namespace(self) -> str | None:
        """The namespace of downloads; None: that of kubectl's context."""
        return self.model_download.namespace or self.namespace

    @property
    def pruned(self) -> bool:
        """Whether something applies the output and removes what is no longer in it."""
        return bool(self.applier)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.rendered and self.bucket is None:
            raise refuse("has rendered: true and no bucket; name the bucket as well")
        return self
