"""Makes a directory of rendered objects: its kustomization, or what that would do in place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ira_manifests.constructs.manifests import parts
from ira_manifests.directories.final import final
from ira_manifests.directories.namespace import in_namespace
from ira_manifests.directories.shape import named_after_shape
from ira_manifests.directories.shared import KINDS
from ira_manifests.kubernetes import labels as keys
from ira_manifests.kubernetes import leader_worker_set as lws
from ira_manifests.layout import BASE, BUCKET_KEY, MODEL_DOWNLOAD, TOKEN_SECRET
from ira_manifests.output import env_file
from ira_manifests.output.complete import complete, put
from ira_manifests.output.directory import RUNTIME_CONFIG, Directory
from ira_manifests.output.kustomize import Generator, Kustomization, NameReference, Replacement
from ira_manifests.output.tree import IGNORED
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.platform import Platform

Objects = Mapping[str, Any]
"""Rendered objects by file name, in the order in which they are applied."""

_BUCKET_NAME = "csi.volumeAttributes.bucketName"
_POD = "spec.template.spec"
_MOUNTED = ("Job", f"{_POD}.volumes.[name={parts.BUCKET_VOLUME}].{_BUCKET_NAME}")
_BUCKET_OF_DOWNLOAD = Replacement(
    parts.CONFIG_MAP,
    BUCKET_KEY,
    (
        _MOUNTED,
        *(
            ("Job", f"{_POD}.{containers}.*.env.[name={BUCKET_KEY}].value")
            for containers in ("initContainers", "containers")
        ),
    ),
)


def base(platform: Platform) -> Directory:
    """Return the directory of the user's files."""
    kustomization = Kustomization(
        namespace=platform.namespace,
        config_maps=(Generator(parts.CONFIG_MAP, (env_file.MODEL_CONFIG,)),),
    )
    return Directory(BASE, kustomization, ignored=(IGNORED,))


def model_download(platform: Platform, rendered: Objects) -> Directory:
    """Return the directory that downloads the model which the user's file names."""
    below = BASE.removeprefix(f"{MODEL_DOWNLOAD}/")
    token = Generator(TOKEN_SECRET, (f"{below}/{env_file.TOKEN}",))
    kustomization = Kustomization(
        namespace=platform.download_namespace,
        resources=(below, *rendered),
        secrets=() if platform.model_download.token else (token,),
        replacements=(Replacement(parts.CONFIG_MAP, BUCKET_KEY, (_MOUNTED,)),),
    )
    return Directory(MODEL_DOWNLOAD, kustomization, rendered)


def download(platform: Platform, name: str, rendered: Objects) -> Directory:
    """Return the directory that downloads one model to the platform's bucket.

    `rendered`: the objects, also with another bucket and in another namespace.
    """
    namespace, bucket = platform.download_namespace, {BUCKET_KEY: str(platform.bucket)}
    objects = put(in_namespace(rendered, namespace), (_BUCKET_OF_DOWNLOAD,), bucket)
    kustomization = Kustomization(namespace=namespace, resources=tuple(objects))
    return _as_applied(platform, Directory(name, kustomization, objects))


def of_cell(cell: Cell, name: str, rendered: Objects) -> Directory:
    """Return one of a cell's directories, complete where the platform has the bucket.

    `rendered`: the objects, also in another namespace.
    """
    directory = _of_cell(cell, name, in_namespace(rendered, cell.platform.namespace))
    bucket = cell.platform.bucket
    if bucket is None:
        return directory
    return _as_applied(cell.platform, complete(directory, {BUCKET_KEY: bucket}))


def _as_applied(platform: Platform, directory: Directory) -> Directory:
    """Return a complete directory as what applies it wants it."""
    if not platform.pruned:
        return directory
    named = named_after_shape(directory.objects)
    objects = {file: item for file, item in named.items() if item["kind"] not in KINDS}
    kustomization = replace(directory.kustomization, resources=tuple(objects))
    found = replace(directory, objects=objects, kustomization=kustomization)
    return final(found) if platform.rendered else found


_NAMED = NameReference(
    lws.KIND,
    tuple(
        f"{'/'.join(path)}/spec/{containers}/env/valueFrom/configMapKeyRef/name"
        for path in (lws.LEADER, lws.WORKER)
        for containers in ("containers", "initContainers")
    ),
)


def _of_cell(cell: Cell, name: str, rendered: Objects) -> Directory:
    fields = [
        f"spec.volumes.[name={volume}].{_BUCKET_NAME}" for volume in parts.bucket_volumes(cell)
    ]
    if cell.profile.nodes == 1:
        kind, pods = "Deployment", ["spec.template"]
    else:
        kind, pods = lws.KIND, [".".join(path) for path in (lws.LEADER, lws.WORKER)]
    targets = [(kind, f"{pod}.{field}") for pod in pods for field in fields]
    labelled = [kind]
    queued = name == cell.queued_directory
    if queued:
        targets += [("PodTemplate", f"template.{field}") for field in fields]
        labelled += ["PodTemplate", "ProvisioningRequest"]
    config_map = parts.config_map_of(cell)
    label = f"metadata.labels.{keys.BUCKET}"
    labels = tuple((kind, label) for kind in labelled)
    kustomization = Kustomization(
        namespace=cell.platform.namespace,
        resources=(f"../{BASE}", *rendered),
        config_maps=(Generator(config_map, (RUNTIME_CONFIG,), merge=True),),
        replacements=(
            Replacement(config_map, BUCKET_KEY, tuple(targets)),
            Replacement(config_map, BUCKET_KEY, labels, until="."),
        ),
        name_reference=_NAMED if lws.KIND in labelled else None,
        ordered=queued,  # a request whose PodTemplate is missing can fail
    )
    return Directory(name, kustomization, rendered, cell.runtime_values, cell=cell.name)
