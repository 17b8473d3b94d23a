"""The rule of images of vLLM that no registry has."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ira_manifests.rules.catalogue import Needs, Severity
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import rule
from ira_manifests.rules.view.groups import DIRECTORY
from ira_manifests.rules.view.rendered import View
from ira_manifests.vllm import Release, UnknownReleaseError
from ira_manifests.vllm.changes import NEWEST, OLDEST
from ira_manifests.vllm.options import releases

_OWN = re.compile(r"(?:(?:index\.)?docker\.io/)?vllm/vllm-openai:(?P<tag>[^@]+)$")
_WITHOUT_OWNER = re.compile(r"(?:(?:index\.)?docker\.io/(?:library/)?)?vllm-openai(?:[:@].*)?$")
_VERSION = re.compile(r"(?P<v>v?)(?P<release>[0-9]+\.[0-9]+\.[0-9]+(?:\.(?:post)?[0-9]+)?)$")


@rule("IRA086", "no-such-image", Severity.ERROR, DIRECTORY, Needs.PART)
def no_such_image(view: View) -> Iterator[Finding]:
    """The image of vLLM does not exist under this name.

    Docker Hub has vLLM's image as `vllm/vllm-openai`, and nothing as `vllm-openai` alone. Its tags
    begin with `v`, and there is one for each release: a number between two releases is none. The
    node is provisioned, and the Pod stays in ImagePullBackOff while the machine is billed. Not
    judged: other registries, tags that are no release, and releases newer than the table of this
    package.
    """
    for container in view.containers:
        problem = _problem(container.image)
        if problem:
            path = (*container.path, "image")
            message, hint = problem
            yield view.finding(container.file, path, message, hint)


def _problem(image: str) -> tuple[str, str] | None:
    """Return what is wrong with an image's name, and what to do; None if nothing is."""
    if _WITHOUT_OWNER.match(image):
        named = f"{image!r} is none of Docker Hub's images"
        return named, "write vllm/vllm-openai, or the registry that has the image"
    own = _OWN.match(image)
    version = _VERSION.match(own["tag"]) if own else None
    if version is None:
        return None
    if not version["v"]:
        tag = f"v{version['release']}"
        return f"vLLM's image has no tag {version['release']}", f"write the tag {tag}"
    if _is_missing(version["release"]):
        return f"vLLM has no release {version['release']}", "write the tag of a release"
    return None


def _is_missing(text: str) -> bool:
    try:
        release = Release.parse(text)
    except UnknownReleaseError:
        return False
    return OLDEST <= release <= NEWEST and str(release) not in releases()
