"""The sidecar of Cloud Storage FUSE that GKE adds to a Pod: its requests, and its file cache.

From GoogleCloudPlatform/gcs-fuse-csi-driver: `pkg/webhook/config.go`, `deploy/base/webhook`
(defaults), and `pkg/sidecar_mounter/sidecar_mounter_config.go` (the cache's option).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ira_manifests.kubernetes.allocatable import quantity

_PREFIX = "gke-gcsfuse/"
_DEFAULTS = {"cpu": "250m", "memory": "256Mi"}
_CACHE_SIZE = re.compile(r"file-cache:max-size-mb:(-?[0-9]{1,15})")
_MIB = 1 << 20


def request(annotations: Mapping[str, str], resource: str) -> int:
    """Return what the sidecar of a Pod asks for: of "cpu" in thousandths, of "memory" in bytes.

    A request of its own counts. Without one it is the limit, and the default where the limit is 0,
    which is none, or where there is neither.
    """
    given = annotations.get(f"{_PREFIX}{resource}-request")
    limit = annotations.get(f"{_PREFIX}{resource}-limit", "0")
    asked = given or (limit if quantity(limit) else _DEFAULTS[resource])
    return int(quantity(asked) * (1000 if resource == "cpu" else 1))


def cached(mount_options: Iterable[str], files: int) -> int:
    """Return how many bytes of a model's files the file cache holds once all have been read.

    Without the option, and with 0, there is no cache; with a negative size it has no limit. The
    last one of several counts.
    """
    sizes = [match[1] for item in mount_options if (match := _CACHE_SIZE.fullmatch(item))]
    size = int(sizes[-1]) if sizes else 0
    return files if size < 0 else min(files, size * _MIB)
