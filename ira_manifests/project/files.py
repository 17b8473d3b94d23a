"""The files of a new project, as values."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from ira_manifests.installation import NODE, Origin
from ira_manifests.profile_files import (
    ENVIRONMENT_FOLDER,
    KINDS,
    PLATFORM_FILE,
    SCHEMA_FOLDER,
    schema_file,
)
from ira_manifests.project import environment as environments
from ira_manifests.project import profiles
from ira_manifests.project.environment import Environment

PROFILES = "profiles"
"""The folder of profiles in a project, which commands read by default."""
_EXTRAS = {"requirements.txt": f"hub,{NODE}"}
"""The extras of a template that needs more than `NODE`: people also add models from the Hub."""
CI_FILES = {
    "github": {".github/workflows/ira-manifests.yaml": "github.yaml"},
    "gitlab": {".gitlab-ci.yml": "gitlab-ci.yml"},
    "none": {},
}
"""The files of each CI service, with their templates."""
_INSTALLED = {
    "requirements.txt": "requirements.txt",
    ".pre-commit-config.yaml": "pre-commit-config.yaml",
}
_PLATFORM = f"{PROFILES}/{PLATFORM_FILE}"
_ENVIRONMENTS_ONLY = b"""
# dist/ has the directories of environments alone.
environments_only: true
"""
_TEMPLATES = Path(__file__).parent / "templates"
_INSTALL = "\n```shell\npip install --requirement requirements.txt\n```\n"


@dataclass(frozen=True)
class Choice:
    """What a new project is to have.

    Attributes:
        origin: where people and CI install this program from; None where no other machine can.
        ci: a key of `CI_FILES`.
        has_profiles: whether it has profiles of its own.
        gpus: the GPU types of its profiles; none: all of the package.
        models: the models of its profiles; none: all of the package.
        environment: its only environment, instead of the walkthrough's directories.
    """

    origin: Origin | None
    ci: str
    has_profiles: bool = True
    gpus: Collection[str] = ()
    models: Collection[str] = ()
    environment: Environment | None = None


def files(choice: Choice) -> dict[str, bytes]:
    """Return the files of a project, by their paths in its folder.

    Raises `InputError` for an unknown GPU type or model, and where no cell is left.
    """
    templates = {".gitignore": "gitignore", "README.md": "README.md"}
    templates |= {".vscode/extensions.json": "extensions.json"}
    if choice.origin is not None:
        templates |= _INSTALLED | CI_FILES[choice.ci]
    found = {path: _filled(name, choice.origin) for path, name in templates.items()}
    found[".vscode/settings.json"] = _editor_settings()
    if choice.has_profiles:
        chosen = {**profiles.chosen(choice.gpus, choice.models), **profiles.schemas()}
        found |= {f"{PROFILES}/{path}": content for path, content in chosen.items()}
    if choice.environment is not None:
        found |= _of_environment(choice.environment, choice.gpus, found.get(_PLATFORM))
    return dict(sorted(found.items()))


def _of_environment(
    environment: Environment, gpus: Collection[str], platform: bytes | None
) -> dict[str, bytes]:
    """Return the environment's file, its schema, and a platform without other directories."""
    text = environments.text(environment, profiles.queued(gpus))
    file = f"{PROFILES}/{ENVIRONMENT_FOLDER}/{environment.name}.yaml"
    found = {f"{PROFILES}/{path}": content for path, content in profiles.schemas().items()}
    found[file] = text.encode()
    if platform is not None:
        found[_PLATFORM] = platform + _ENVIRONMENTS_ONLY
    return found


def left_out(choice: Choice) -> list[str]:
    """Return the files that the project lacks because no other machine could install from them."""
    return [] if choice.origin is not None else sorted({*_INSTALLED, *CI_FILES[choice.ci]})


def _filled(template: str, origin: Origin | None) -> bytes:
    text = (_TEMPLATES / template).read_text("utf-8")
    requirement = "" if origin is None else origin.requirement(_EXTRAS.get(template, NODE))
    text = text.replace("@REQUIREMENT@", requirement)
    return text.replace("@INSTALL@", "" if origin is None else _INSTALL).encode()


def _editor_settings() -> bytes:
    """Return the settings by which VS Code's YAML extension knows profiles without a first line."""
    schemas = {
        f"{PROFILES}/{SCHEMA_FOLDER}/{schema_file(kind)}": f"{PROFILES}/{place}".replace(
            "NAME", "*"
        )
        for kind, place in KINDS.items()
    }
    return f"{json.dumps({'yaml.schemas': schemas}, indent=2)}\n".encode()
