"""Rules of values that a copy of another model's or cell's manifest brings along."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ira_manifests.kubernetes.labels import INSTANCE
from ira_manifests.layout import MOUNT_ROOT, mount_path
from ira_manifests.output.directory import RUNTIME_CONFIG, Directory
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules import pods, server
from ira_manifests.rules.hit import Hit
from ira_manifests.rules.pods import Json, PodTemplate, mapping
from ira_manifests.rules.server import Server


def check(directory: Directory) -> Iterator[Hit]:
    """Yield what in a directory disagrees with its own model, account and workload."""
    model = directory.runtime_values.get("MODEL_ID")
    for template in pods.pod_templates(directory):
        yield from _account(template, directory)
        yield from _labels(template)
        if model is not None:
            yield from _only_dir(template, model)
            for path, container in template.containers:
                yield from _mounts(template, path, container, model)
    for started in server.started(directory):
        if model is not None:
            yield from _model(started, mount_path(model))


def check_cell(directory: Directory, cell: Cell) -> Iterator[Hit]:
    """Yield what in a directory is not of the cell that it is of."""
    for key, value in cell.runtime_values.items():
        given = directory.runtime_values.get(key)
        if given != value:
            message = f"{key} is {given} and the cell {cell.name} has {value}"
            yield Hit("IRA023", RUNTIME_CONFIG, (key,), message, f"write {key}={value}")
    for file, item in directory.objects.items():
        name = mapping(item.get("metadata")).get("name")
        if item.get("kind") == "ServiceAccount" and name != cell.service_account:
            message = f"the account {name!r} is not the cell's {cell.service_account!r}"
            hint = "IAM knows the account by its name: any other can't read the bucket"
            yield Hit("IRA023", file, ("metadata", "name"), message, hint)
        if item.get("kind") in ("Deployment", "Service") and name != cell.workload_name:
            message = f"the name {name!r} is not the cell's {cell.workload_name!r}"
            hint = "it replaces another cell's object when it is applied"
            yield Hit("IRA023", file, ("metadata", "name"), message, hint)


def _model(started: Server, model: str) -> Iterator[Hit]:
    file = started.template.file
    # What stays unexpanded is another rule's.
    if started.model is None or ("$" not in started.model and started.model != model):
        message = f"the server is to load {started.model or 'no model'}, and the cell's is {model}"
        hint = f"write {mount_path('$(MODEL_ID)')}"
        yield Hit("IRA023", file, started.model_place, message, hint)
    mounts = {mount.get("mountPath") for mount in started.container.get("volumeMounts") or ()}
    if not any(str(place).startswith(MOUNT_ROOT) for place in mounts):
        message = f"the server mounts no bucket at {model}"
        hint = f"mount the bucket's volume at {model}, exact case included"
        yield Hit("IRA023", file, (*started.path, "volumeMounts"), message, hint)


def _mounts(template: PodTemplate, path: Path, container: Json, model: str) -> Iterator[Hit]:
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        place = str(mount.get("mountPath", ""))
        if place.startswith(MOUNT_ROOT) and place != mount_path(model):
            message = f"{place} is not the folder of {model}"
            hint = f"mount the bucket at {mount_path(model)}, exact case included"
            where = (*path, "volumeMounts", index, "mountPath")
            yield Hit("IRA023", template.file, where, message, hint)


def _only_dir(template: PodTemplate, model: str) -> Iterator[Hit]:
    for index, volume in enumerate(template.spec.get("volumes") or ()):
        if "csi" not in volume:
            continue
        attributes = mapping(mapping(volume["csi"]).get("volumeAttributes"))
        only = re.search(r"(?:^|,)only-dir:([^,]*)", str(attributes.get("mountOptions", "")))
        if only is None:
            message = f"no only-dir: the whole bucket is at the folder of {model}"
        elif only[1] != model:
            message = f"only-dir:{only[1]} hides the folder of {model}"
        else:
            continue
        where = (*template.path, "spec", "volumes", index, "csi", "volumeAttributes")
        hint = f"write only-dir:{model}"
        yield Hit("IRA023", template.file, (*where, "mountOptions"), message, hint)


def _account(template: PodTemplate, directory: Directory) -> Iterator[Hit]:
    accounts = [
        item["metadata"]["name"]
        for item in directory.objects.values()
        if item.get("kind") == "ServiceAccount"
    ]
    used = template.spec.get("serviceAccountName")
    if accounts and used not in accounts:
        message = f"{used!r} is not the directory's service account {accounts[0]!r}"
        hint = "IAM knows the account by its name: any other can't read the bucket"
        where = (*template.path, "spec", "serviceAccountName")
        yield Hit("IRA023", template.file, where, message, hint)


def _labels(template: PodTemplate) -> Iterator[Hit]:
    """A PodTemplate's name ends in a hash; its own labels name the workload."""
    own = mapping(mapping(template.owner.get("metadata")).get("labels")).get(INSTANCE)
    name = own if template.kind == "PodTemplate" else template.name
    given = template.labels.get(INSTANCE)
    if None not in (given, name) and given != name:
        message = f"the label {INSTANCE} is {given} on the Pods of {name}"
        hint = "a Service or a dashboard of the other workload counts these Pods as its own"
        where = (*template.path, "metadata", "labels", INSTANCE)
        yield Hit("IRA023", template.file, where, message, hint)
