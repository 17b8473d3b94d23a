"""Validation of the fields of controllers against the platform's others."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.errors import Problem
from ira_manifests.profiles.loader import Profiles

_NEEDED = ("bucket", "namespace")


def problems(profiles: Profiles) -> Iterator[Problem]:
    """Yield what a controller lacks, and a second one.

    Where the output is that of environments alone, the platform's fields are their defaults, and
    each environment is judged for itself.
    """
    platform = profiles.platform
    if platform is None or (platform.environments_only and not profiles.environment):
        return
    source = profiles.sources["platform", "platform"]
    for field, controller in platform.controllers.items():
        for needed in _NEEDED:
            if getattr(platform, needed) is None:
                message = (
                    f"needs the platform's {needed}, because {controller} applies what is in the "
                    f"repository and nothing else; set {needed}"
                )
                yield source.problem((field,), message, at_key=True)
    if platform.rendered and platform.argo_cd is not None:
        message = (
            "is given beside rendered: true, and an Application of a model is a kustomization of "
            "its directories; leave rendered out"
        )
        yield source.problem(("argo_cd",), message, at_key=True)
    if len(platform.controllers) > 1:
        message = "is given beside argo_cd, and both would apply the output; remove one of them"
        yield source.problem(("flux",), message, at_key=True)
