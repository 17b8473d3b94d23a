"""Names of container images in a mirror."""

from __future__ import annotations

from ira_manifests.kubernetes import names

_DOCKER_HUB = ("docker.io", "index.docker.io")


def mirrored(image: str, registry: str | None) -> str:
    """Return an image in a registry that has copies of others, below their own paths.

    `registry`: its host, and a path in it; None: the image itself. An image that is in it already
    stays. An official image of Docker Hub is below `library`, as its registry has it:
    https://github.com/distribution/reference
    """
    if registry is None or image.startswith(f"{registry}/"):
        return image
    host, slash, path = image.partition("/")
    if not slash or not _is_host(host):
        host, path = _DOCKER_HUB[0], image
    if host in _DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    return f"{registry}/{path}"


def _is_host(name: str) -> bool:
    return "." in name or ":" in name or name == "localhost"


def check_registry(name: str) -> str | None:
    """A registry's host, and a path in it."""
    problem = names.check_repository(name)
    if problem is None and not _is_host(name.partition("/")[0]):
        return "has no host: write a registry such as europe-docker.pkg.dev/acme/mirror"
    return problem
