"""The two containers of the download's Pod, and the sources of their fields."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from ira_manifests import hub_lock
from ira_manifests.constructs.manifests import parts
from ira_manifests.constructs.manifests.parts import Json
from ira_manifests.constructs.manifests.sources import Source, source
from ira_manifests.errors import InputError
from ira_manifests.kubernetes.images import mirrored
from ira_manifests.layout import BUCKET_KEY, MODEL_KEY
from ira_manifests.layout import DOWNLOAD_JOB as NAME
from ira_manifests.profiles import repositories
from ira_manifests.profiles.platform import Platform
from ira_manifests.profiles.repositories import Repository
from ira_manifests.profiles.schema import ModelProfile

INSTALLATION = "install-huggingface-hub"
ALSO = "transfer-other"
"""How the names of containers begin that download the model's other repositories."""
TOKEN_VOLUME = "hugging-face-token"  # noqa: S105  a name, not a token
PACKAGES_VOLUME = "packages"

PLACEHOLDERS = {name: f"<{name}>" for name in (MODEL_KEY, BUCKET_KEY)}
"""The values that both read from the ConfigMap, before the user fills in its file."""


def known(model_id: str, bucket: str) -> list[Json]:
    """Return the variables of the model and the bucket with their values."""
    return parts.variables(**{MODEL_KEY: model_id, BUCKET_KEY: bucket})


def of_config_map() -> list[Json]:
    """Return the same variables with the values of the ConfigMap."""
    return parts.env(parts.CONFIG_MAP, list(PLACEHOLDERS))


# Linux's limit for one argument or variable (MAX_ARG_STRLEN), less the variable's name.
_LONGEST_VARIABLE = 128 * 1024 - 100


def _common(platform: Platform, env: Sequence[Json], script: str) -> Json:
    """Return the fields of all containers.

    They run one after the other, so each gets the full resources.
    """
    download = platform.model_download
    return {
        "image": mirrored(download.image, platform.image_registry),
        "command": ["bash", "-c"],
        "args": [parts.script("check_settings.sh", script)],
        # The end of the script's log becomes the Pod's status, which `kubectl describe` shows.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "env": [
            *env,
            {"name": "HUGGINGFACE_HUB_VERSION", "value": download.huggingface_hub},
            *parts.variables(HOME=parts.TEMPORARY),
        ],
        "resources": parts.resources_of(download.cpu, download.memory),
        "securityContext": parts.container_security(download.run_as_user, read_only=True),
    }


def installation(platform: Platform, env: Sequence[Json]) -> Json:
    """Return the container that installs huggingface_hub from the package index, without token."""
    common = _common(platform, env, "install_huggingface_hub.sh")
    lock = hub_lock.requirements(platform.model_download.huggingface_hub)
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


def also_name(number: int) -> str:
    """Return the name of the container of another repository of the model, counted from 1."""
    return f"{ALSO}-{number}"


def container(platform: Platform, env: Sequence[Json], own_lists: str, name: str = NAME) -> Json:
    """Return a container that downloads from the Hub; only such a one has the token."""
    common = _common(platform, env, "download_model.sh")
    download = platform.model_download
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
    return {"name": name, **common, "volumeMounts": mounts}


POD = "Job spec.template.spec"
PROFILE = "@platform.model_download"
DOWNLOADS, _INSTALLS = f"{POD}.containers[{NAME}]", f"{POD}.initContainers[{INSTALLATION}]"


def of_downloads(also: int, *fields: str) -> list[str]:
    """Return the paths of fields in the containers that download, the model's own first.

    `also`: how many other repositories there are.
    """
    others = [f"{POD}.initContainers[{also_name(number + 1)}]" for number in range(also)]
    return [f"{each}.{field}" for each in (DOWNLOADS, *others) for field in fields]


def of_all(also: int, *fields: str) -> list[str]:
    """Return the paths of fields in all containers, those of the downloading ones first."""
    return [*of_downloads(also, *fields), *(f"{_INSTALLS}.{field}" for field in fields)]


def sources(platform: Platform, also: int) -> list[Source]:
    """Return the source of each field of the containers, except the mounts and the model."""
    return [*_from_profiles(platform, also), *_from_construct(also)]


def _from_profiles(platform: Platform, also: int) -> list[Source]:
    release = f"{PROFILE}.huggingface_hub"

    def variable(name: str) -> list[str]:
        return of_downloads(also, f"env[{name}].value")

    return [
        source(f"{PROFILE}.image{parts.and_registry(platform)}", *of_all(also, "image"),
               name="image"),
        source(f"{PROFILE}.run_as_user", *of_all(also, "securityContext.runAsUser"),
               name="run_as_user"),
        source(release, *of_all(also, "env[HUGGINGFACE_HUB_VERSION].value"),
               name="huggingface_hub"),
        source(f"{release}: the wheels of that release, by their hashes",
               f"{_INSTALLS}.env[HUGGINGFACE_HUB_LOCK].value"),
        source(f"{PROFILE}.exclude", *variable("DOWNLOAD_EXCLUDE"), name="exclude"),
        source(f"{PROFILE}.exclude_beside_safetensors", *variable("DOWNLOAD_EXCLUDE_DUPLICATES"),
               name="exclude_beside_safetensors"),
        source(f"{PROFILE}.cpu", *of_all(also, "resources.limits.cpu", "resources.requests.cpu"),
               name="cpu"),
        source(f"{PROFILE}.memory",
               *of_all(also, "resources.limits.memory", "resources.requests.memory"),
               name="memory"),
    ]  # fmt: skip


def _from_construct(also: int) -> list[Source]:
    scripts = "the construct: scripts/check_settings.sh and scripts"
    names = ("DOWNLOAD_EXCLUDE", "DOWNLOAD_EXCLUDE_DUPLICATES", "DOWNLOAD_BY_MODEL")
    own, *others = of_downloads(also, "name")
    return [
        source(parts.WALKTHROUGH, own),
        source("the construct: downloads an adapter, a draft or other weights first", *others),
        source("the construct: talks to the package index, and has no token", f"{_INSTALLS}.name"),
        source("the construct: runs the script in the image's shell", *of_all(also, "command")),
        source(f"{scripts}/download_model.sh", *of_downloads(also, "args")),
        source(f"{scripts}/install_huggingface_hub.sh", f"{_INSTALLS}.args"),
        source("the construct: kubectl describe shows the last lines of the log",
               *of_all(also, "terminationMessagePolicy")),
        source("the construct: a variable of the script",
               *of_all(also, "env[HUGGINGFACE_HUB_VERSION].name"),
               f"{_INSTALLS}.env[HUGGINGFACE_HUB_LOCK].name",
               *of_downloads(also, *(f"env[{name}].name" for name in names))),
        source(parts.SECURITY, *of_all(also, "securityContext")),
    ]  # fmt: skip
