"""The two containers of the download's Pod, and the sources of their fields."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ira_manifests import hub_lock
from ira_manifests.constructs.manifests import parts
from ira_manifests.constructs.manifests.parts import Json
from ira_manifests.constructs.manifests.sources import Source, source
from ira_manifests.errors import InputError
from ira_manifests.layout import DOWNLOAD_JOB as NAME
from ira_manifests.profiles import repositories
from ira_manifests.profiles.platform import ModelDownload
from ira_manifests.profiles.repositories import Repository
from ira_manifests.profiles.schema import ModelProfile

INSTALLATION = "install-huggingface-hub"
TOKEN_VOLUME = "hugging-face-token"  # noqa: S105  a name, not a token
PACKAGES_VOLUME = "packages"

PLACEHOLDERS = {name: f"<{name}>" for name in ("MODEL_ID", "IRA_BUCKET_NAME")}
"""The values that both read from the ConfigMap, before the user fills in its file."""

# Linux's limit for one argument or variable (MAX_ARG_STRLEN), less the variable's name.
_LONGEST_VARIABLE = 128 * 1024 - 100


def _common(download: ModelDownload, config_map: str, script: str) -> Json:
    """Return the fields of both containers.

    They run one after the other, so each gets the full resources.
    """
    return {
        "image": download.image,
        "command": ["bash", "-c"],
        "args": [parts.script("check_settings.sh", script)],
        # The end of the script's log becomes the Pod's status, which `kubectl describe` shows.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "env": [
            *parts.env(config_map, list(PLACEHOLDERS)),
            {"name": "HUGGINGFACE_HUB_VERSION", "value": download.huggingface_hub},
            *parts.variables(HOME=parts.TEMPORARY),
        ],
        "resources": parts.resources_of(download.cpu, download.memory),
        "securityContext": parts.container_security(download.run_as_user, read_only=True),
    }


def installation(download: ModelDownload, config_map: str) -> Json:
    """Return the container that installs huggingface_hub from the package index, without token."""
    common = _common(download, config_map, "install_huggingface_hub.sh")
    lock = hub_lock.requirements(download.huggingface_hub)
    common["env"].append({"name": "HUGGINGFACE_HUB_LOCK", "value": lock})
    mounts = [{"name": PACKAGES_VOLUME, "mountPath": "/packages"}, parts.TEMPORARY_MOUNT]
    return {"name": INSTALLATION, **common, "volumeMounts": mounts}


def lists_of_models(models: Iterable[ModelProfile], model_id: str | None) -> str:
    """Return the lists and revisions of repositories that have some, by id, as JSON; "" if none.

    Raises `InputError` if they are too long for an environment variable.
    """
    lists = {
        name: own
        for name, each in repositories.of_models(models).items()
        if model_id in (None, name) and (own := _own(each))
    }
    text = json.dumps(lists, sort_keys=True) if lists else ""
    if len(text) > _LONGEST_VARIABLE:
        raise InputError(
            f"the models' download lists and revisions take {len(text)} bytes, and a container's "
            f"variable holds {_LONGEST_VARIABLE}; shorten them, or move patterns to "
            "model_download.exclude"
        )
    return text


def _own(repository: Repository) -> dict[str, Any]:
    lists, revision = repository.download, repository.revision
    return {
        **({} if lists is None else {"exclude": lists.exclude, "keep": lists.keep}),
        **({} if revision is None else {"revision": revision}),
    }


def container(download: ModelDownload, config_map: str, own_lists: str) -> Json:
    """Return the container that downloads from the Hub; only this one has the token."""
    common = _common(download, config_map, "download_model.sh")
    beside = " ".join(download.exclude_beside_safetensors)
    common["env"] += [
        {"name": "DOWNLOAD_EXCLUDE", "value": " ".join(download.exclude)},
        {"name": "DOWNLOAD_EXCLUDE_DUPLICATES", "value": beside},
    ]
    if own_lists:
        common["env"].append({"name": "DOWNLOAD_BY_MODEL", "value": own_lists})
    mounts = [
        {"name": parts.BUCKET_VOLUME, "mountPath": "/local"},
        {"name": TOKEN_VOLUME, "mountPath": "/etc/hugging-face-token", "readOnly": True},
        {"name": PACKAGES_VOLUME, "mountPath": "/packages", "readOnly": True},
        parts.TEMPORARY_MOUNT,
    ]
    return {"name": NAME, **common, "volumeMounts": mounts}


POD = "Job spec.template.spec"
PROFILE = "@platform.model_download"
DOWNLOADS, _INSTALLS = f"{POD}.containers[{NAME}]", f"{POD}.initContainers[{INSTALLATION}]"


def of_both(*fields: str) -> list[str]:
    """Return the paths of fields in both containers, those of the downloading one first."""
    return [f"{each}.{field}" for each in (DOWNLOADS, _INSTALLS) for field in fields]


def sources() -> list[Source]:
    """Return the source of each field of the containers, except their mounts."""
    return [*_from_profiles(), *_from_construct()]


def _from_profiles() -> list[Source]:
    release, of_env = f"{PROFILE}.huggingface_hub", f"{DOWNLOADS}.env"
    return [
        source(f"{PROFILE}.image", *of_both("image"), name="image"),
        source(f"{PROFILE}.run_as_user", *of_both("securityContext.runAsUser"),
               name="run_as_user"),
        source(release, *of_both("env[HUGGINGFACE_HUB_VERSION].value"), name="huggingface_hub"),
        source(f"{release}: the wheels of that release, by their hashes",
               f"{_INSTALLS}.env[HUGGINGFACE_HUB_LOCK].value"),
        source(f"{PROFILE}.exclude", f"{of_env}[DOWNLOAD_EXCLUDE].value", name="exclude"),
        source(f"{PROFILE}.exclude_beside_safetensors",
               f"{of_env}[DOWNLOAD_EXCLUDE_DUPLICATES].value", name="exclude_beside_safetensors"),
        source("@models.download", f"{of_env}[DOWNLOAD_BY_MODEL].value", name="download"),
        source(f"{PROFILE}.cpu", *of_both("resources.limits.cpu", "resources.requests.cpu"),
               name="cpu"),
        source(f"{PROFILE}.memory",
               *of_both("resources.limits.memory", "resources.requests.memory"), name="memory"),
    ]  # fmt: skip


def _from_construct() -> list[Source]:
    scripts = "the construct: scripts/check_settings.sh and scripts"
    return [
        source(parts.WALKTHROUGH, f"{DOWNLOADS}.name"),
        source("the construct: talks to the package index, and has no token", f"{_INSTALLS}.name"),
        source("the construct: runs the script in the image's shell", *of_both("command")),
        source(f"{scripts}/download_model.sh", f"{DOWNLOADS}.args"),
        source(f"{scripts}/install_huggingface_hub.sh", f"{_INSTALLS}.args"),
        source("the construct: kubectl describe shows the last lines of the log",
               *of_both("terminationMessagePolicy")),
        source(parts.CONFIG, *of_both(*(f"env[{name}]" for name in PLACEHOLDERS))),
        source("the construct: a variable of the script",
               *of_both("env[HUGGINGFACE_HUB_VERSION].name"),
               f"{_INSTALLS}.env[HUGGINGFACE_HUB_LOCK].name",
               *(f"{DOWNLOADS}.env[{name}].name" for name in
                 ("DOWNLOAD_EXCLUDE", "DOWNLOAD_EXCLUDE_DUPLICATES", "DOWNLOAD_BY_MODEL"))),
        source(parts.SECURITY, *of_both("securityContext")),
    ]  # fmt: skip
