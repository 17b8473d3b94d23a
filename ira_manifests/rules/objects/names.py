"""Rules of a directory's objects as such: names, the token's Secret, values of env files."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.kubernetes import names
from ira_manifests.output.directory import KUSTOMIZATION, RUNTIME_CONFIG, Directory
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules import pods
from ira_manifests.rules.hit import Hit
from ira_manifests.rules.pods import PodTemplate, mapping

# What GKE and Kubernetes build other names from, and so want as RFC 1035 labels.
_RFC1035_KINDS = ("Service", "ProvisioningRequest", "Deployment")


def check(directory: Directory) -> Iterator[Hit]:
    """Yield what the rules find in the directory's objects and values."""
    yield from _twice(directory)
    yield from _names(directory)
    yield from _token(directory)
    yield from _comments(directory)


def _twice(directory: Directory) -> Iterator[Hit]:
    first: dict[tuple[str, str, str], str] = {}
    for file, item in directory.objects.items():
        metadata = item.get("metadata", {})
        key = (item["kind"], metadata.get("namespace", ""), metadata.get("name", ""))
        other = first.setdefault(key, file)
        if other != file:
            message = f"{item['kind']} {key[2]} is in {other} as well"
            hint = "the one applied last replaces the other; name them differently"
            yield Hit("IRA017", file, ("metadata", "name"), message, hint)


def _names(directory: Directory) -> Iterator[Hit]:
    for file, item in directory.objects.items():
        name = str(item.get("metadata", {}).get("name", ""))
        strict = item["kind"] in _RFC1035_KINDS
        check_name = names.check_rfc1035_label if strict else names.check_rfc1123_label
        problem = check_name(name)
        if problem:
            message = f"the name {name!r} {problem}"
            hint = "the API server, or what GKE builds from the name, refuses it"
            yield Hit("IRA021", file, ("metadata", "name"), message, hint)


def _token(directory: Directory) -> Iterator[Hit]:
    read = list(_secret_readers(directory))
    if directory.kustomization.secrets and not read:
        message = f"{directory.name} generates the token's Secret, and nothing there reads it"
        hint = "drop the Secret from the directory: a token belongs where it is used"
        yield Hit("IRA026", KUSTOMIZATION, ("secretGenerator",), message, hint)
    for template, path in read:
        if template.kind != "Job":
            message = "a serving container reads a Secret: the model is in the bucket"
            hint = "drop it: the token is for the download, and nobody else needs it"
            yield Hit("IRA026", template.file, path, message, hint)


def _secret_readers(directory: Directory) -> Iterator[tuple[PodTemplate, Path]]:
    """Yield where containers read a Secret, as a variable, as all of its keys, or as files."""
    for template in pods.pod_templates(directory):
        for path, container in template.containers:
            for index, item in enumerate(container.get("env") or ()):
                if mapping(item.get("valueFrom")).get("secretKeyRef"):
                    yield template, (*path, "env", index)
            for index, item in enumerate(container.get("envFrom") or ()):
                if item.get("secretRef"):
                    yield template, (*path, "envFrom", index)
        for index, volume in enumerate(template.spec.get("volumes") or ()):
            if volume.get("secret"):
                yield template, (*template.path, "spec", "volumes", index, "secret")


def _comments(directory: Directory) -> Iterator[Hit]:
    for key, value in directory.runtime_values.items():
        if "#" in value or value != value.strip():
            message = f"{key} is {value!r}: kustomize takes the whole line for the value"
            hint = "put the comment on a line of its own"
            yield Hit("IRA025", RUNTIME_CONFIG, (key,), message, hint)
