"""Rules of the kustomization: replacements, env files and the token's Secret."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator

from ira_manifests.layout import TOKEN_KEY, TOKEN_SECRET
from ira_manifests.output.directory import KUSTOMIZATION, RUNTIME_CONFIG
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules.catalogue import Severity
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import rule
from ira_manifests.rules.view.groups import DIRECTORY
from ira_manifests.rules.view.plain import Json, at, mapping, mappings
from ira_manifests.rules.view.pods import PodTemplate
from ira_manifests.rules.view.rendered import View

# Where huggingface_hub looks for the token: its constants.py and utils/_auth.py.
_TOKEN_VARIABLES = frozenset({TOKEN_KEY, "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"})


@rule("IRA024", "unmatched-target", Severity.ERROR, DIRECTORY)
def unmatched_target(view: View) -> Iterator[Finding]:
    """A replacement of kustomize changes nothing.

    A replacement's target matches no object or no field. Kustomize then changes nothing and says
    nothing, and the placeholder of the bucket's name goes to the cluster.
    """
    for index, replacement in enumerate(view.kustomization.replacements):
        for number, (kind, path) in enumerate(replacement.targets):
            if not any(_has(item.body, path) for item in view.of_kind(kind)):
                message = f"no {kind} of the directory has {path}"
                hint = "kustomize keeps the placeholder, without a warning"
                place = ("replacements", index, "targets", number)
                yield view.finding(KUSTOMIZATION, place, message, hint)


def _has(item: Json, path: str) -> bool:
    """Return whether an object has the field that a kustomize field path names."""
    value: object = item
    for part in re.findall(r"\[[^\]]*\]|[^.\[]+", path):
        named = re.fullmatch(r"\[(\w+)=(.*)\]", part)
        if named and isinstance(value, list):
            value = next(
                (entry for entry in value if mapping(entry).get(named[1]) == named[2]), None
            )
        elif isinstance(value, dict):
            value = value.get(part)
        else:
            return False
    return value is not None


@rule("IRA025", "comment-in-value", Severity.ERROR, DIRECTORY)
def comment_in_value(view: View) -> Iterator[Finding]:
    """A comment, blanks or quotes are part of a value.

    Kustomize takes everything after the `=` of an env file's line for the value, comments and
    trailing spaces included; only the line end, LF or CR LF, is left out. The server reads "131072
    # tokens" and exits. `check` looks at the user's `ira-model-config.env` as well: at its two keys
    (IRA013, IRA033), at what stands around their values, and (IRA021, IRA009) at the values
    themselves.
    """
    for key, value in view.runtime_values.items():
        if "#" in value or value != value.strip():
            message = f"{key} is {value!r}: kustomize takes the whole line for the value"
            hint = "put the comment on its own line"
            yield view.finding(RUNTIME_CONFIG, (key,), message, hint)


@rule("IRA026", "token-where-unread", Severity.ERROR, DIRECTORY)
def token_where_unread(view: View) -> Iterator[Finding]:
    """The token's Secret is in a directory that does not need it.

    The token's Secret is rendered into a directory in which nothing reads it, or a serving
    container reads it: the model is in the bucket, and only the download needs the token. Everyone
    who may read Secrets there has the token, and deleting the directory deletes a Secret that
    somebody else may need. The token's are the generated Secret, the profiles' `token.secret`,
    any key `HUGGING_FACE_TOKEN`, and the variables from which libraries take the token. Other
    Secrets of `env`, such as one with an API key, are none of them.
    """
    names = {TOKEN_SECRET, *(each.name for each in view.kustomization.secrets)}
    if view.cell is not None:
        names.add(view.cell.platform.model_download.secret)
    read = [each for template in view.pods for each in _tokens(template, names)]
    if view.kustomization.secrets and not read:
        message = f"{view.name} generates the token's Secret, and nothing there reads it"
        hint = "remove the Secret from the directory: nothing there needs it"
        yield view.finding(KUSTOMIZATION, ("secretGenerator",), message, hint)
    for template, path in read:
        if template.kind not in ("Job", "CronJob"):
            message = "a serving container reads the token's Secret: the model is in the bucket"
            hint = "remove it: only the download needs the token"
            yield view.finding(template.file, path, message, hint)


def _tokens(template: PodTemplate, names: Container[str]) -> Iterator[tuple[PodTemplate, Path]]:
    """Yield each place where a Pod reads the token: one variable, all keys of a Secret, or files.

    `names`: the Secrets that hold the token.
    """
    for container in template.containers:
        for index, item in enumerate(container.env):
            read = mapping(at(item, "valueFrom", "secretKeyRef"))
            is_key = read.get("key") == TOKEN_KEY or str(item.get("name")) in _TOKEN_VARIABLES
            if read and (is_key or str(read.get("name")) in names):
                yield template, (*container.path, "env", index)
        for index, item in enumerate(container.env_from):
            if str(at(item, "secretRef", "name")) in names:
                yield template, (*container.path, "envFrom", index)
    for index, volume in enumerate(template.volumes):
        keys = [item.get("key") for item in mappings(at(volume, "secret", "items"))]
        if str(at(volume, "secret", "secretName")) in names or TOKEN_KEY in keys:
            yield template, (*template.path, "spec", "volumes", index, "secret")
