"""The containers of a rendered Pod, and the folder of the bucket that each mounts."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from testing.kubelet import command_line, environment, secret_files
from testing.objects import Json, the


@dataclass(frozen=True)
class Mount:
    """A folder of a bucket, mounted at a path of a container."""

    path: PurePosixPath
    source: Path
    read_only: bool


@dataclass(frozen=True)
class Container:
    """A container of a rendered Pod. `buckets`: each bucket's folder on this machine."""

    json: Json
    pod: Json
    objects: Sequence[Json]
    buckets: Mapping[str, Path]

    @property
    def command(self) -> list[str]:
        """The command line, with its references expanded."""
        return command_line(self.json, self.objects)

    @property
    def environment(self) -> dict[str, str]:
        """The variables, with references resolved."""
        return environment(self.json, self.objects)

    @property
    def secrets(self) -> dict[str, str]:
        """The content of mounted Secrets, by path."""
        return secret_files(self.json, self.pod, self.objects)

    @property
    def mounts(self) -> list[Mount]:
        """The mounts of buckets, as the Cloud Storage FUSE driver makes them.

        https://cloud.google.com/kubernetes-engine/docs/how-to/cloud-storage-fuse-csi-driver-ephemeral
        """
        attributes = {
            volume["name"]: volume["csi"]["volumeAttributes"]
            for volume in self.pod["volumes"]
            if volume.get("csi", {}).get("driver") == "gcsfuse.csi.storage.gke.io"
        }
        return [
            Mount(
                PurePosixPath(mount["mountPath"]),
                self._shown(attributes[mount["name"]]),
                mount.get("readOnly", False),
            )
            for mount in self.json["volumeMounts"]
            if mount["name"] in attributes
        ]

    def _shown(self, attributes: Json) -> Path:
        """Return the mounted folder of the bucket: the folder of only-dir, else all of it."""
        bucket = self.buckets[attributes["bucketName"]]
        options = attributes.get("mountOptions", "").split(",")
        only = [option.removeprefix("only-dir:") for option in options if "only-dir:" in option]
        return bucket.joinpath(*only)

    def root(self, folder: Path) -> Path:
        """Fill a folder as the container's `/`, with its mounts as hard links; return it."""
        for mount in self.mounts:
            place = folder / mount.path.relative_to("/")
            place.mkdir(parents=True)
            if mount.source.is_dir():
                shutil.copytree(mount.source, place, copy_function=os.link, dirs_exist_ok=True)
        return folder


def containers(objects: Sequence[Json], kind: str, buckets: Mapping[str, Path]) -> list[Container]:
    """Return the containers of the only object of a kind, in the order in which they start."""
    pod = the(objects, kind)["spec"]["template"]["spec"]
    return [
        Container(each, pod, objects, buckets)
        for each in [*pod.get("initContainers", []), *pod["containers"]]
    ]
