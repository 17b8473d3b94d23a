"""What an installation of this project needs, by the metadata of the installed packages."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata
from itertools import product

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

PROJECT = canonicalize_name("ira-manifests")

_SYSTEMS = (("linux", "Linux", "posix"), ("darwin", "Darwin", "posix"), ("win32", "Windows", "nt"))
_ENVIRONMENTS = [
    {
        "sys_platform": platform,
        "platform_system": system,
        "os_name": kind,
        "python_version": python,
        "python_full_version": f"{python}.0",
    }
    for (platform, system, kind), python in product(_SYSTEMS, ("3.11", "3.14"))
]


def needed() -> list[NormalizedName]:
    """Return what this project needs with all its extras, on any system; without itself."""
    found: dict[NormalizedName, set[str]] = {}
    queue = [(PROJECT, set(metadata(PROJECT).get_all("Provides-Extra") or ()))]
    while queue:
        name, extras = queue.pop()
        if name not in found or not extras <= found[name]:
            found[name] = found.get(name, set()) | extras
            queue += [
                (canonicalize_name(each.name), each.extras)
                for each in _requirements(name)
                if _applies(each, found[name])
            ]
    return sorted(found.keys() - {PROJECT})


def _requirements(name: NormalizedName) -> Iterator[Requirement]:
    try:
        yield from map(Requirement, metadata(name).get_all("Requires-Dist") or ())
    except PackageNotFoundError:
        return


def _applies(requirement: Requirement, extras: set[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(
        marker.evaluate({**environment, "extra": extra})
        for environment, extra in product(_ENVIRONMENTS, ("", *extras))
    )
