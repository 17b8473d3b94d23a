"""The rule of values left over from a copied manifest of another model or cell."""

from __future__ import annotations

import re
from collections.abc import Container as Names
from collections.abc import Iterator

from ira_manifests.kubernetes.labels import INSTANCE
from ira_manifests.layout import MOUNT_ROOT, mount_path
from ira_manifests.output.directory import RUNTIME_CONFIG
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.server_arguments import NAMES
from ira_manifests.rules.catalogue import Severity
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import rule
from ira_manifests.rules.view.groups import DIRECTORY
from ira_manifests.rules.view.plain import at
from ira_manifests.rules.view.pods import Container, PodTemplate
from ira_manifests.rules.view.rendered import View
from ira_manifests.rules.view.servers import Server

_ONLY_DIR = re.compile(r"(?:^|,)only-dir:([^,]*)")
_IAM = "IAM knows the account by its name: any other can't read the bucket"


@rule("IRA023", "other-models-value", Severity.ERROR, DIRECTORY)
def other_models_value(view: View) -> Iterator[Finding]:
    """Paths or accounts are of another model.

    The model argument, a mount path, the `only-dir` of the bucket, the service account, a label, a
    name or a runtime value is missing or is that of another model or cell: the line that a copy of
    a directory forgot. The server finds an empty folder, or may not read the bucket at all.
    """
    for template in view.pods:
        yield from _account(view, template)
        yield from _labels(view, template)
        model = view.model_id(template)
        if model is None:
            continue
        servers = [each for each in view.servers if each.container.template is template]
        others = {name: server for server in servers for name in _named_folders(server, model)}
        yield from _only_dir(view, template, model, others)
        for container in template.containers:
            yield from _mounts(view, container, model, others)
        for server in servers:
            yield from _model(view, server, mount_path(model))
        for name, server in others.items():
            yield from _missing(view, server, name)
    if view.cell is not None:
        yield from _of_cell(view, view.cell)


def _account(view: View, template: PodTemplate) -> Iterator[Finding]:
    accounts = [item.name for item in view.of_kind("ServiceAccount")]
    used = template.spec.get("serviceAccountName")
    if accounts and used not in accounts:
        message = f"{used!r} is not the directory's service account {accounts[0]!r}"
        where = (*template.path, "spec", "serviceAccountName")
        yield view.finding(template.file, where, message, _IAM)


def _labels(view: View, template: PodTemplate) -> Iterator[Finding]:
    """Compare a Pod's instance label with the name of its workload.

    A PodTemplate's name ends in a hash, and a Job's can, so their own labels name the workload.
    """
    label = template.owner.labels.get(INSTANCE)
    hashed = re.fullmatch(rf"{re.escape(str(label))}-[0-9a-f]{{8}}", template.name)
    of_label = template.is_copy or (template.kind == "Job" and hashed is not None)
    name = label if of_label else template.name
    given = template.labels.get(INSTANCE)
    if None not in (given, name) and given != name:
        message = f"the label {INSTANCE} is {given} on the Pods of {name}"
        hint = "a Service or a dashboard of the other workload counts these Pods as its own"
        where = (*template.path, "metadata", "labels", INSTANCE)
        yield view.finding(template.file, where, message, hint)


_FOLDER = re.compile(re.escape(MOUNT_ROOT) + r"/([\w.-]+/[\w.-]+)")


def _named_folders(server: Server, model: str) -> list[str]:
    """Return the repositories whose folders a server's arguments name beside the model's.

    The names that clients call the model by may look like folders and are none.
    """
    names = server.command.settings.get(NAMES, "").split()
    words = (word for word in server.command.words if word not in names)
    named = [name for word in words for name in _FOLDER.findall(word)]
    own = (mount_path(model), server.command.model)
    return [name for name in dict.fromkeys(named) if mount_path(name) not in own]


def _missing(view: View, server: Server, name: str) -> Iterator[Finding]:
    """Yield a folder that an argument names and no volume shows: an adapter or a draft."""
    folder = f"{mount_path(name)}/"
    mounts = (str(mount.get("mountPath", "")).rstrip("/") for mount in server.container.mounts)
    if not any(place and folder.startswith(f"{place}/") for place in mounts):
        message = f"an argument names {mount_path(name)}, which is not mounted"
        hint = f"mount the bucket there with only-dir:{name}, or correct the argument"
        where = (*server.container.path, "volumeMounts")
        yield view.finding(server.file, where, message, hint)


def _only_dir(
    view: View, template: PodTemplate, model: str, others: Names[str]
) -> Iterator[Finding]:
    for index, volume in enumerate(template.volumes):
        if "csi" not in volume:
            continue
        options = str(at(volume, "csi", "volumeAttributes", "mountOptions") or "")
        only = _ONLY_DIR.search(options)
        if only is None:
            message = f"no only-dir: the whole bucket is mounted at the folder of {model}"
        elif only[1] != model and only[1] not in others:
            message = f"only-dir:{only[1]} hides the folder of {model}"
        else:
            continue
        where = (*template.path, "spec", "volumes", index, "csi", "volumeAttributes")
        hint = f"write only-dir:{model}"
        yield view.finding(template.file, (*where, "mountOptions"), message, hint)


def _mounts(view: View, container: Container, model: str, others: Names[str]) -> Iterator[Finding]:
    shown = _folders_of_volumes(container.template)
    for index, mount in enumerate(container.mounts):
        place = str(mount.get("mountPath", ""))
        folder = shown.get(str(mount.get("name")), model)
        folder = folder if folder in others else model
        if place.startswith(MOUNT_ROOT) and place != mount_path(folder):
            message = f"{place} is not the folder of {folder}"
            hint = f"mount the bucket at {mount_path(folder)}, exact case included"
            where = (*container.path, "volumeMounts", index, "mountPath")
            yield view.finding(container.file, where, message, hint)


def _folders_of_volumes(template: PodTemplate) -> dict[str, str]:
    """Return what each volume's only-dir is, by the volume's name."""
    options = {
        str(volume.get("name")): str(at(volume, "csi", "volumeAttributes", "mountOptions") or "")
        for volume in template.volumes
    }
    return {name: only[1] for name, text in options.items() if (only := _ONLY_DIR.search(text))}


def _model(view: View, server: Server, model: str) -> Iterator[Finding]:
    served = server.command.model
    # Another rule reports unexpanded variables.
    if served is None or ("$" not in served and served != model):
        message = f"the server loads {served or 'no model'} instead of {model}"
        hint = f"write {mount_path('$(MODEL_ID)')}"
        yield view.finding(server.file, server.model_place, message, hint)
    mounts = {str(mount.get("mountPath")) for mount in server.container.mounts}
    if not any(place.startswith(MOUNT_ROOT) for place in mounts):
        message = f"the server mounts no bucket at {model}"
        hint = f"mount the bucket's volume at {model}, exact case included"
        where = (*server.container.path, "volumeMounts")
        yield view.finding(server.file, where, message, hint)


def _of_cell(view: View, cell: Cell) -> Iterator[Finding]:
    """Yield values and names that differ from those of the directory's cell."""
    for key, value in cell.runtime_values.items():
        given = view.runtime_values.get(key)
        if given != value:
            message = f"{key} is {given} and the cell {cell.name} has {value}"
            yield view.finding(RUNTIME_CONFIG, (key,), message, f"write {key}={value}")
    for item in view.of_kind("ServiceAccount"):
        if item.name != cell.service_account:
            message = f"the account {item.name!r} is not the cell's {cell.service_account!r}"
            yield view.finding(item.file, ("metadata", "name"), message, _IAM)
    for item in view.of_kind("Deployment", "Service"):
        if item.name != cell.workload_name:
            message = f"the name {item.name!r} is not the cell's {cell.workload_name!r}"
            hint = "it replaces another cell's object when it is applied"
            yield view.finding(item.file, ("metadata", "name"), message, hint)
