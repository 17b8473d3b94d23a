"""What is built of each Go module beside this file: programs, and what is applied for them.

A module of its own for each, so that the programs of one don't decide the releases of what those
of another depend on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple


class Manifest(NamedTuple):
    """A file in a Go module, such as that of a CustomResourceDefinition.

    `module`: its path; with "@" and a version if it is not one of go.mod, and then with `sum`, its
    hash as in go.sum: nothing of it is built.
    """

    module: str
    path: str
    sum: str = ""


@dataclass(frozen=True)
class Recipe:
    """The programs of one Go module."""

    name: str
    """Of the module's folder, and of the one in the user's cache."""
    title: str
    """What the programs are together, for messages."""
    programs: tuple[str, ...]
    manifests: Mapping[str, Manifest]
    """What is applied for the programs, by file name; a file can hold several objects."""
    target: str = "tool"
    """What `go build` builds: the module's tools, or its own program."""
    built_as: Mapping[str, str] = field(default_factory=dict)
    """Names of programs that `go build` calls after the last element of their package."""
    stamped: str = ""
    """The module whose version is stamped in, as Kubernetes' own build does; without it, its
    programs call themselves v0.0.0."""
    variable: str = ""
    """The environment variable that names a folder with the programs."""
    home: Path = Path(__file__).parent
    """Where the module's folder is."""

    @property
    def module(self) -> Path:
        """The folder of the module."""
        return self.home / self.name

    def inputs(self) -> tuple[object, ...]:
        """Return what the build depends on, besides the module's files and Go."""
        return (self.programs, self.target, dict(self.manifests), dict(self.built_as), self.stamped)


_GATEWAY_API = (
    "sigs.k8s.io/gateway-api@v1.6.3",
    "h1:lKpJa5bGlraC/QeACvCpsHLdmO6y0iKfzVl6gzaFEYc=",
)
_PROMETHEUS_OPERATOR = (
    "github.com/prometheus-operator/prometheus-operator@v0.85.0",
    "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
)
# Istio implements gateway-api-inference-extension, and has the file of its release v1.5.0.
_ISTIO = (
    "istio.io/istio@v0.0.0-20260827124520-eed52ebb66ad",
    "h1:ui9TJjRMAV/hb5ehQaZDq7IUGxuQP6dra9lapT/VjHI=",
)

CONTROL_PLANE = Recipe(
    "controlplane",
    "the control plane",
    ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"),
    {
        "provisioningrequests.yaml": Manifest(
            "k8s.io/autoscaler/cluster-autoscaler/apis",
            "config/crd/autoscaling.x-k8s.io_provisioningrequests.yaml",
        ),
        "httproutes.yaml": Manifest(
            _GATEWAY_API[0],
            "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
            _GATEWAY_API[1],
        ),
        "podmonitors.yaml": Manifest(
            _PROMETHEUS_OPERATOR[0],
            "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
            _PROMETHEUS_OPERATOR[1],
        ),
        "inference.yaml": Manifest(
            _ISTIO[0],
            "tests/integration/pilot/testdata/gateway-api-inference-extension-crd.yaml",
            _ISTIO[1],
        ),
    },
    built_as={"etcd": "server"},
    stamped="k8s.io/kubernetes",
    variable="KUBEBUILDER_ASSETS",
)

_SOURCE_CONTROLLER = (
    "github.com/fluxcd/source-controller@v1.9.6",
    "h1:nG534/bI6nVpyHra7ONAk6xDB3xPsVT+EOLHZHXPrrc=",
)
_SOURCES = "config/crd/bases/source.toolkit.fluxcd.io"

FLUX = Recipe(
    "flux",
    "Flux",
    ("kustomize-controller",),
    {
        "kustomizations.yaml": Manifest(
            "github.com/fluxcd/kustomize-controller",
            "config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml",
        ),
        "gitrepositories.yaml": Manifest(
            _SOURCE_CONTROLLER[0], f"{_SOURCES}_gitrepositories.yaml", _SOURCE_CONTROLLER[1]
        ),
        # The controller looks for every kind of source as it starts.
        "buckets.yaml": Manifest(
            _SOURCE_CONTROLLER[0], f"{_SOURCES}_buckets.yaml", _SOURCE_CONTROLLER[1]
        ),
        "ocirepositories.yaml": Manifest(
            _SOURCE_CONTROLLER[0], f"{_SOURCES}_ocirepositories.yaml", _SOURCE_CONTROLLER[1]
        ),
    },
)

_LWS = "sigs.k8s.io/lws"
WEBHOOKS = "webhooks.yaml"

LEADER_WORKER_SETS = Recipe(
    "leaderworkerset",
    "the controller of LeaderWorkerSets",
    ("lws",),
    {
        "leaderworkersets.yaml": Manifest(
            _LWS, "config/crd/bases/leaderworkerset.x-k8s.io_leaderworkersets.yaml"
        ),
        # Nothing here uses these, but the controller does not start without them.
        "disaggregatedsets.yaml": Manifest(
            _LWS, "config/crd/bases/disaggregatedset.x-k8s.io_disaggregatedsets.yaml"
        ),
        WEBHOOKS: Manifest(_LWS, "config/webhook/manifests.yaml"),
    },
    target=f"{_LWS}/cmd",
    built_as={"lws": "cmd"},
)

_ARGO_CD = "github.com/argoproj/argo-cd/v3"

ARGO_CD = Recipe(
    "argocd",
    "Argo CD",
    ("argocd",),
    {
        f"{name}s.yaml": Manifest(_ARGO_CD, f"manifests/crds/{name}-crd.yaml")
        for name in ("application", "applicationset", "appproject")
    },
    target=".",
)

REGISTRY = Recipe("registry", "crane", ("crane",), {})
"""A client of registries, which also serves one."""

RECIPES = (CONTROL_PLANE, LEADER_WORKER_SETS, FLUX, ARGO_CD, REGISTRY)
