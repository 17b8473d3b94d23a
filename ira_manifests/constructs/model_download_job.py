"""`ModelDownloadJob`: copies a model from the Hugging Face Hub to the bucket."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ira_manifests.constructs._node import (
    ApiObject,
    Composite,
    Construct,
    added,
    holder,
    namespace_in,
    path,
)
from ira_manifests.constructs.manifests import model_download_job as manifests
from ira_manifests.errors import InputError
from ira_manifests.kubernetes import names
from ira_manifests.layout import DOWNLOAD_JOB as NAME
from ira_manifests.profiles.platform import Platform
from ira_manifests.profiles.schema import ModelProfile


class ModelDownloadJob(Composite):
    """A Job, its buffer disk and its Kubernetes service account.

    Objects: ServiceAccount (id "ServiceAccount", with the first download in a chart),
    PersistentVolumeClaim (id "Buffer", unless the platform's output is pruned: there the disk is
    one of the Pod's), Job (id "Default").

    `platform`: images and amounts, from `load_matrix().platform`.
    `bucket` and `model_id`: the bucket to copy to and the model to copy. Default: the platform's
    bucket. Where that has none, neither is needed in a kustomize directory that generates the
    ConfigMap `ira-model-configmap`, which has both.
    `also`: the ids of other repositories that the model's servers read, such as adapters, which the
    same Job copies first. Default: none.
    `name`: the name of the Job and of its claim, so that several models can be downloaded at once.
    Default: transfer-model-to-gcs.
    `models`: profiles of models with their own download lists; the Job uses the lists of its
    MODEL_ID. Default: none; the platform's lists apply to every model.
    `token_secret`: the Secret whose key HUGGING_FACE_TOKEN is the token. The construct never
    creates it, because a token must not be in a manifest. Default: what the platform says, with the
    ExternalSecret or the SecretProviderClass that it names (id "Token"), else
    hugging-face-token-secret.

    The Pod first installs huggingface_hub, in a container without the token.

    Raises `InputError` for an invalid name, for only one of a bucket and `model_id`, for a second
    Job of the name and the namespace in the app, and if the chart's namespace is not the
    platform's.
    """

    namespace: str | None
    """Namespace of the objects: the chart's, else the platform's. None: that of kubectl's context.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        platform: Platform,
        bucket: str | None = None,
        model_id: str | None = None,
        also: Sequence[str] = (),
        name: str = NAME,
        token_secret: str | None = None,
        models: Iterable[ModelProfile] = (),
    ) -> None:
        if not isinstance(platform, Platform):
            raise InputError(
                f"{path(scope, id)}: platform is a value of type {type(platform).__name__}; it "
                "must be a Platform, such as load_matrix().platform"
            )
        if bucket is None:
            bucket = platform.bucket
        _check(bucket, model_id, also, name)
        if token_secret is not None:
            names.require("the token's Secret", token_secret, names.check_subdomain)
        self.namespace = namespace_in(scope, id, platform.download_namespace)
        other = holder(scope, self.namespace, "Job", name)
        if other is not None:
            raise InputError(
                f"{path(scope, id)}: {other} has added the Job {name} to this namespace already; "
                "give this one another name, or a chart of another namespace"
            )
        objects = manifests.objects(
            platform,
            bucket=bucket,
            model_id=model_id,
            also=also,
            name=name,
            token_secret=token_secret,
            models=models,
        )
        self._has_buffer = "Buffer" in objects
        super().__init__(scope, id, added(scope, self.namespace, objects))

    @property
    def buffer(self) -> ApiObject | None:
        """The PersistentVolumeClaim. None: the disk is one of the Pod's."""
        return self._object("Buffer") if self._has_buffer else None

    @property
    def job(self) -> ApiObject:
        """The Job."""
        return self._object("Default")


def _check(bucket: str | None, model_id: str | None, also: Sequence[str], name: str) -> None:
    if (bucket is None) != (model_id is None):
        raise InputError(
            f"bucket is {bucket!r} and model_id is {model_id!r}; give both for a Job that stands "
            "on its own, or neither inside a kustomize directory"
        )
    if bucket is not None:
        names.require("the bucket", bucket, names.check_bucket)
    if model_id is not None:
        names.require("the model id", model_id, names.check_hub_id)
    elif also:
        raise InputError("also is given without model_id; give the model and its bucket as well")
    for each in also:
        names.require("the model id", each, names.check_hub_id)
    names.require("the Job's name", name, names.check_rfc1123_label)
