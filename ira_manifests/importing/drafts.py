"""A server as a draft of a cell, and of what its platform says of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ira_manifests.importing import arguments, engines, pods, sizes
from ira_manifests.importing.reading import Found, Left
from ira_manifests.kubernetes import queued_capacity as queued
from ira_manifests.lint.models import Library
from ira_manifests.lint.placeholders import has_placeholder
from ira_manifests.rules.view.plain import at, mapping, mappings


@dataclass(frozen=True)
class Draft:
    """The values of a cell, by the fields of a cell, of the engine, and of the platform."""

    found: Found
    cell: dict[str, Any]
    engine: dict[str, Any]
    platform: dict[str, Any]
    trusts: bool
    """Whether the server may run code of the model's repository."""
    notes: tuple[Left, ...] = field(default=())


def draft(found: Found, library: Library) -> Draft | Left:
    """Return the draft of a server, else why it can't be a cell."""
    notes: list[Left] = []
    named = f"{found.workload.kind} {found.workload.name}"

    def say(what: str, why: str) -> None:
        notes.append(Left(found.unit, named, what, why))

    given = sizes.sizes(found, library, say)
    if isinstance(given, str):
        return Left(found.unit, named, "", given)
    cell = {
        **given,
        **arguments.arguments(found, say),
        **arguments.variables(found, say),
        **pods.additions(found, say),
    }
    engine = engines.engine(found, library, say)
    trusts = found.server.settings.get("--trust-remote-code") == "true"
    return Draft(found, cell, engine, _platform(found), trusts, tuple(notes))


def _platform(found: Found) -> dict[str, Any]:
    """Return what the Pod says of the platform, by the fields of its profile."""
    template = found.server.container.template
    buckets = [mapping(each.get("csi")) for each in template.volumes if pods.is_bucket(each)]
    attributes = mapping(buckets[0].get("volumeAttributes")) if buckets else {}
    bucket = str(attributes.get("bucketName", ""))
    options = [each.strip() for each in str(attributes.get("mountOptions") or "").split(",")]
    return {
        "namespace": found.workload.metadata.get("namespace"),
        "bucket": None if has_placeholder(bucket) or not bucket else bucket,
        "bucket_mounted": bool(buckets),
        "mount_options": [each for each in options if each and not each.startswith("only-dir")],
        "tolerations": _tolerations(found),
        "fetch": _fetch(found),
    }


def _tolerations(found: Found) -> list[dict[str, Any]]:
    every = [
        {key: str(each[key]) for key in ("key", "value", "effect") if key in each}
        for each in found.server.container.template.tolerations
    ]
    return [each for each in every if not found.is_queued or each.get("key") != queued.TAINT]


def _fetch(found: Found) -> dict[str, Any]:
    """Return the fields of the container that reads the model, if the Pod has one of its name."""
    for each in found.server.container.template.containers:
        if each.body.get("name") == pods.FETCH:
            requests = mapping(at(each.body, "resources", "requests"))
            limits = mapping(at(each.body, "resources", "limits"))
            memory = limits.get("memory") or requests.get("memory")
            cpu = requests.get("cpu") or limits.get("cpu")
            known = {item.get("name"): item.get("value") for item in mappings(each.body.get("env"))}
            files = str(known.get("FETCH_PARALLELISM", ""))
            fields = {
                "image": each.image,
                "run_as_user": at(each.body, "securityContext", "runAsUser"),
                "cpu": cpu and str(cpu),
                "memory": memory and str(memory),
                "parallelism": int(files) if files.isdecimal() else None,
            }
            return {name: value for name, value in fields.items() if value}
    return {}
