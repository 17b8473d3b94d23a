"""The CUDA version of each release of vLLM's image, and the NVIDIA driver that it needs."""

from __future__ import annotations

import re
from typing import NamedTuple

from ira_manifests.vllm import images
from ira_manifests.vllm.changes import NEWEST, facts_of
from ira_manifests.vllm.release import Release, UnknownReleaseError

# "CUDA Toolkit and minimum required driver version for CUDA minor version compatibility":
# https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/
# The image also has libraries for older drivers, which are off since 0.17.0
# (VLLM_ENABLE_CUDA_COMPATIBILITY=0 in the Dockerfile).
DRIVERS = {"12": "525.60.13", "13": "580.65.06"}
"""The oldest supported driver by the major version of CUDA."""

GKE_DEFAULT = "535.274.02"
"""A driver that GKE installed by default in 2026 (rapidsai/deployment#656)."""

_SUFFIX = re.compile(r"-cu([0-9]{2})([0-9])\b")


class Needs(NamedTuple):
    """The CUDA version of an image, and the oldest driver that it runs on."""

    cuda: str
    driver: str

    @property
    def more_than_default(self) -> bool:
        """Whether the driver that GKE installs by default may be too old."""
        return _key(GKE_DEFAULT) < _key(self.driver)


def needs(image: str, release: str) -> Needs | None:
    """Return what vLLM's own image of a release needs; None for other images, unknown releases.

    `image`: as in a container's `image`. A tag such as v0.26.0-cu129 names its CUDA version.
    """
    if not images.is_vllms_own(image):
        return None
    suffix = _SUFFIX.search(images.name_of(image).tag)
    cuda = f"{suffix[1]}.{suffix[2]}" if suffix else _built_on(release)
    driver = DRIVERS.get(cuda.partition(".")[0]) if cuda else None
    return Needs(cuda, driver) if cuda and driver else None


def _built_on(version: str) -> str | None:
    """Return the CUDA version of a known release; of a candidate, that of its final release."""
    try:
        release = Release.parse(version).final
        return facts_of(release).cuda if release <= NEWEST else None
    except UnknownReleaseError:
        return None


def _key(driver: str) -> tuple[int, ...]:
    return tuple(map(int, driver.split(".")))
