"""The Cloud Storage FUSE sidecar that GKE adds to a Pod: its requests and its file cache.

From GoogleCloudPlatform/gcs-fuse-csi-driver: `pkg/webhook/config.go`, `deploy/base/webhook`
(defaults), and `pkg/sidecar_mounter/sidecar_mounter_config.go` (the cache's option).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ira_manifests.kubernetes.quantities import quantity

_PREFIX = "gke-gcsfuse/"
_DEFAULTS = {"cpu": "250m", "memory": "256Mi"}
_CACHE_SIZE = re.compile(r"file-cache:max-size-mb:(-?[0-9]{1,15})")
_MIB = 1 << 20


def request(annotations: Mapping[str, str], resource: str) -> int:
    """Return the sidecar's request of a resource: "cpu" in thousandths of a core, others in bytes.

    It is the request of the annotations, else their limit. A limit of 0 means no limit; then, or
    without either, it is the default.
    """
    given = annotations.get(f"{_PREFIX}{resource}-request")
    limit = annotations.get(f"{_PREFIX}{resource}-limit", "0")
    asked = given or (limit if quantity(limit) else _DEFAULTS[resource])
    return int(quantity(asked) * (1000 if resource == "cpu" else 1))


def cached(mount_options: Iterable[str], files: int) -> int:
    """Return the bytes that the file cache holds after `files` bytes of a model have been read.

    Without the option, or with size 0, there is no cache; a negative size means no limit. The last
    of several options wins.
    """
    sizes = [match[1] for item in mount_options if (match := _CACHE_SIZE.fullmatch(item))]
    size = int(sizes[-1]) if sizes else 0
    return files if size < 0 else min(files, size * _MIB)
