"""vLLM's own image, wherever a copy of it lies, and the release that a tag names."""

from __future__ import annotations

import re
from typing import NamedTuple

from ira_manifests.vllm.release import Release, UnknownReleaseError

_NAME = "vllm-openai"
# Tags of vLLM's own image are v0.26.0, v0.26.0-cu129 and the like: always three numbers or more.
_OWN_TAG = re.compile(r"v?[0-9]+\.[0-9]+\.[0-9]")


class Name(NamedTuple):
    """The last part of an image's path, and its tag, which may be empty."""

    path: str
    tag: str


def name_of(image: str) -> Name:
    """Split an image as a container names it; its registry and its digest are left out."""
    path, _, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    return Name(path, tag)


def is_vllms_own(image: str) -> bool:
    """Return whether an image is vLLM's own, or a registry's copy of it."""
    return name_of(image).path == _NAME


def release_of_tag(text: str) -> Release | None:
    """Return the release that a tag or a label names, be it with a suffix: v0.26.0-cu129."""
    try:
        return Release.parse(re.split("[-_+]", text, maxsplit=1)[0])
    except UnknownReleaseError:
        return None


def release_of(image: str) -> Release | None:
    """Return the release that the tag of vLLM's own image names; None where it names none."""
    path, tag = name_of(image)
    return release_of_tag(tag) if path == _NAME and _OWN_TAG.match(tag) else None
