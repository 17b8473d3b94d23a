"""Which CUDA each release of vLLM's image is built on, and the NVIDIA driver that it needs."""

from __future__ import annotations

import re
from typing import NamedTuple

from ira_manifests.memory import EngineVersion, EngineVersionError

# The first release that is built on each: CUDA_VERSION of docker/Dockerfile in the source
# distribution of every release from 0.8.4 to 0.33.0.
_BUILT_ON = (
    (EngineVersion(0, 20, 0), "13.0"),
    (EngineVersion(0, 11, 1), "12.9"),
    (EngineVersion(0, 9, 0), "12.8"),
    (EngineVersion(0, 8, 4), "12.4"),
)
_NEWEST = EngineVersion(0, 33, 0)

# "CUDA Toolkit and minimum required driver version for CUDA minor version compatibility":
# https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/
# Libraries for still older drivers are in the image, and off since 0.17.0
# (VLLM_ENABLE_CUDA_COMPATIBILITY=0 in the Dockerfile).
_DRIVERS = {"12": "525.60.13", "13": "580.65.06"}

GKE_DEFAULT = "535.274.02"
"""A driver that GKE installed by default in 2026 (rapidsai/deployment#656)."""

_SUFFIX = re.compile(r"-cu([0-9]{2})([0-9])\b")
_IMAGE = "vllm-openai"


class Needs(NamedTuple):
    """The CUDA of an image, and the oldest driver that it runs on."""

    cuda: str
    driver: str

    @property
    def more_than_default(self) -> bool:
        """Whether the driver that GKE installs by default may be too old."""
        return _key(GKE_DEFAULT) < _key(self.driver)


def needs(image: str, release: str) -> Needs | None:
    """Return what vLLM's own image of a release needs; None for other images and releases.

    `image`: as a container names it. A tag such as v0.26.0-cu129 names its CUDA itself.
    """
    path, _, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    if path != _IMAGE:
        return None
    suffix = _SUFFIX.search(tag)
    cuda = f"{suffix[1]}.{suffix[2]}" if suffix else _built_on(release)
    driver = _DRIVERS.get(cuda.partition(".")[0]) if cuda else None
    return Needs(cuda, driver) if cuda and driver else None


def _built_on(release: str) -> str | None:
    try:
        version = EngineVersion.parse(release)
    except EngineVersionError:
        return None
    if version > _NEWEST:
        return None
    return next((cuda for first, cuda in _BUILT_ON if version >= first), None)


def _key(driver: str) -> tuple[int, ...]:
    return tuple(map(int, driver.split(".")))
