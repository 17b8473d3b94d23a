"""Profile models of the controllers that apply the output from a Git repository.

The fields are those of Argo CD's ApplicationSet and of Flux's Kustomization:
https://argo-cd.readthedocs.io/en/stable/operator-manual/applicationset/ and
https://fluxcd.io/flux/components/kustomize/kustomizations/.
"""

# No annotations from __future__ here: pydantic would have to evaluate their text at every start.
import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from ira_manifests.profiles.base import Profile
from ira_manifests.profiles.fields import GitRevision, Label, Subdomain
from ira_manifests.profiles.forms import checked, refuse

# No braces: Argo CD would take them for a part of its template.
_LETTER = "[A-Za-z0-9_.-]"
_REPO_URL = (
    rf"(?:https?|ssh)://(?:{_LETTER}+@)?{_LETTER}+(?::[0-9]{{1,5}})?/[A-Za-z0-9_.~+/-]+"
    rf"|{_LETTER}+@{_LETTER}+:[A-Za-z0-9_.~+/-]+"
)
_PART = rf"(?!\.\.?(?:/|$)){_LETTER}+"
_REPO_PATH = rf"\.|{_PART}(?:/{_PART})*"
_SERVER_URL = rf"https?://{_LETTER}+(?::[0-9]{{1,5}})?(?:/[A-Za-z0-9_./-]*)?"

_WITH_PASSWORD = re.compile(r"[a-z+]+://[^/@]*:[^/@]*@.*|https?://[^/@]*@.*", re.DOTALL)


def _check_repo_url(url: str) -> str | None:
    if re.fullmatch(_REPO_URL, url) and not _WITH_PASSWORD.fullmatch(url):
        return None
    return (
        "is not a repository such as https://github.com/acme/serving.git or "
        "git@github.com:acme/serving.git"
    )


def _without_password(url: Any) -> Any:
    """Refuse a token without repeating it."""
    if isinstance(url, str) and _WITH_PASSWORD.fullmatch(url):
        raise refuse(
            "has a user or a token in the address; leave it out, and give it to the controller as "
            "a Secret of its namespace"
        )
    return url


def _check_path(path: str) -> str | None:
    if re.fullmatch(_REPO_PATH, path):
        return None
    return "is not a folder of the repository such as dist or gpu/dist, without a / at its ends"


def _check_server(url: str) -> str | None:
    if re.fullmatch(_SERVER_URL, url):
        return None
    return "is not the address of an API server such as https://kubernetes.default.svc"


RepoUrl = Annotated[str, checked(_check_repo_url, _REPO_URL), BeforeValidator(_without_password)]
"""The address of a Git repository, without a user and a token."""
RepoPath = Annotated[str, checked(_check_path, _REPO_PATH)]
"""A folder of the repository, such as `dist`; `.` is its top."""
ServerUrl = Annotated[str, checked(_check_server, _SERVER_URL)]
"""The address of an API server, such as `https://kubernetes.default.svc`."""

_DAY = 24 * 3600


class Controller(Profile):
    """What all controllers need to know."""

    path: RepoPath = "dist"
    """The output folder in the repository; an environment's folder is below it."""
    prefix: Label | None = None
    """How the names of its objects begin; by default the environment's name, and without one `ira`.
    Two outputs that one controller applies need different ones."""


class ArgoCd(Controller):
    """The objects by which Argo CD applies the output."""

    repo_url: RepoUrl
    """The repository that holds the output, as Argo CD knows it."""
    revision: GitRevision = "HEAD"
    """The branch, tag or commit that is applied; HEAD is the repository's default branch."""
    project: Subdomain = "default"
    """The AppProject of the Applications."""
    namespace: Label = "argocd"
    """The namespace of Argo CD."""
    destination_server: ServerUrl | None = None
    """The cluster, by the address of its API server; by default the one that Argo CD runs in."""
    destination_name: Label | None = None
    """The cluster, by the name that Argo CD knows it by."""

    @property
    def is_afar(self) -> bool:
        """Whether a cluster is named, which need not be the one that Argo CD runs in."""
        return self.destination_server is not None or self.destination_name is not None

    @model_validator(mode="after")
    def _one_cluster(self) -> Self:
        if self.destination_server is not None and self.destination_name is not None:
            raise refuse(
                "has destination_server and destination_name, which both name the cluster; "
                "remove one of them"
            )
        return self


class FluxSource(Profile):
    """The object of Flux that fetches the output."""

    kind: Literal["Bucket", "ExternalArtifact", "GitRepository", "OCIRepository"] = "GitRepository"
    """Its kind."""
    name: Subdomain = "flux-system"
    """Its name."""
    namespace: Label | None = None
    """Its namespace, if it is not that of the Kustomizations."""


class Flux(Controller):
    """The objects by which Flux applies the output."""

    source: Annotated[FluxSource, Field(default_factory=FluxSource)]
    namespace: Label = "flux-system"
    """The namespace of the Kustomizations."""
    service_account: Label | None = None
    """The service account of that namespace by which Flux applies; by default its own."""
    interval_seconds: Annotated[int, Field(ge=60, le=_DAY)] = 600
    """Seconds between two comparisons of the cluster with the output."""
    retry_seconds: Annotated[int, Field(ge=30, le=_DAY)] = 300
    """Seconds until a directory that is not ready is looked at again."""
    timeout_seconds: Annotated[int, Field(ge=30, le=7 * _DAY)] = 60
    """Seconds that a worker of Flux waits for a directory to be ready, 30 at least. By default the
    cluster has four workers, so that a longer time needs more of them: see
    [Flux](gitops.md#timeouts)."""
