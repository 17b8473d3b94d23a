"""The first environment of a new project, which a controller applies from its repository."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from ira_manifests import layout
from ira_manifests.errors import Gathered, InputError
from ira_manifests.kubernetes import names
from ira_manifests.profile_files import modeline
from ira_manifests.profiles.controllers import ArgoCd

_HEAD = """\
{modeline}
# What differs here from the other profiles. For a second environment, copy this file.
namespace: {namespace}
bucket: {bucket}
# The controller applies every directory, so each cell needs a workload of its own name.
inference:
  workload_name: "vllm-{{gpu}}-{{model}}"
"""
_QUEUED = """\
# One directory for each cell: false starts it at once, only where queued capacity is there.
gpus:
"""


@dataclass(frozen=True)
class Environment:
    """An environment with a controller.

    Attributes:
        name: its name.
        controller: "argo-cd" or "flux".
        bucket: the bucket that holds the models.
        namespace: the namespace of all objects.
        repository: the address of the project's repository, for Argo CD; Flux knows its own.
    """

    name: str
    controller: str
    bucket: str
    namespace: str
    repository: str | None = None


def require_valid(environment: Environment) -> None:
    """Raise `InputError` for what the environment's file can't hold."""
    gathered = Gathered()
    for option, value, check in (
        ("--environment", environment.name, names.check_rfc1123_label),
        ("--bucket", environment.bucket, names.check_bucket),
        ("--namespace", environment.namespace, names.check_rfc1123_label),
    ):
        with gathered:
            names.require(option, value, check)
    with gathered:
        if layout.is_reserved(environment.name):
            raise InputError(f"--environment can't be that name: {layout.WHY_RESERVED}")
    with gathered:
        _require_repository(environment)
    if gathered:
        raise gathered.error


def _require_repository(environment: Environment) -> None:
    if environment.controller != "argo-cd":
        if environment.repository is not None:
            raise InputError("--repository is for argo-cd; flux has a source that knows it")
        return
    try:
        ArgoCd.model_validate({"repo_url": environment.repository})
    except ValidationError:  # its value may be a token
        raise InputError(
            "--gitops argo-cd needs --repository, the address of the project's repository without "
            "a user and a token, such as https://github.com/acme/serving.git or "
            "git@github.com:acme/serving.git"
        ) from None


def text(environment: Environment, queued: Collection[str]) -> str:
    """Return the environment's file. `queued`: the GPU types with queued capacity."""
    return "".join(_parts(environment, queued))


def _parts(environment: Environment, queued: Collection[str]) -> Iterator[str]:
    yield _HEAD.format(
        modeline=modeline("environment"),
        namespace=json.dumps(environment.namespace),
        bucket=json.dumps(environment.bucket),
    )
    if queued:
        yield _QUEUED
        yield from (f"  {gpu}:\n    queued: false\n" for gpu in queued)
    if environment.controller == "flux":
        yield "flux:\n  source:\n    kind: GitRepository\n    name: flux-system\n"
    else:
        yield f"argo_cd:\n  repo_url: {json.dumps(environment.repository)}\n"
