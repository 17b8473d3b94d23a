"""Recognises vLLM's own image in any registry, and the release that its tag names."""

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
    """Split the `image` of a container; the registry and the digest are dropped."""
    path, _, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    return Name(path, tag)


def is_vllms_own(image: str) -> bool:
    """Return whether an image is vLLM's own, or a registry's copy of it."""
    return name_of(image).path == _NAME


def release_of_tag(text: str) -> Release | None:
    """Return the release that a tag or a label names, also with a suffix (v0.26.0-cu129)."""
    try:
        return Release.parse(re.split("[-_+]", text, maxsplit=1)[0])
    except UnknownReleaseError:
        return None


def release_of(image: str) -> Release | None:
    """Return the release that the tag of vLLM's own image names, or None."""
    path, tag = name_of(image)
    return release_of_tag(tag) if path == _NAME and _OWN_TAG.match(tag) else None
