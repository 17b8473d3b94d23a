"""Names in a folder of profiles: the files of each kind, and the JSON Schemas for editors.

The schemas are in the folder of profiles, so that the line that names one is the same in every
such folder. `tools/profile_schemas.py` writes them; nothing reads them to check a profile.
"""

from __future__ import annotations

PLATFORM_FILE = "platform.yaml"
KNOWN_MODELS_FILE = "known-models.yaml"
GPU_FOLDER = "gpus"
MODEL_FOLDER = "models"
ENVIRONMENT_FOLDER = "environments"
SCHEMA_FOLDER = "schemas"

KINDS = {
    "platform": PLATFORM_FILE,
    "gpu": f"{GPU_FOLDER}/NAME.yaml",
    "model": f"{MODEL_FOLDER}/NAME.yaml",
    "known-models": KNOWN_MODELS_FILE,
    "environment": f"{ENVIRONMENT_FOLDER}/NAME.yaml",
}
"""Kinds of profiles, and the path of one in the folder."""

SCHEMA_MARK = "in a folder of profiles of ira_manifests"
"""Part of each schema, by which it is known as one of this package."""


def schema_file(kind: str) -> str:
    """Return the name of a kind's schema in its folder."""
    return f"{kind}.schema.json"


def modeline(kind: str) -> str:
    """Return the first line of a kind's profiles, by which editors find the schema.

    https://github.com/redhat-developer/yaml-language-server#using-inlined-schema
    """
    up = "../" * KINDS[kind].count("/")
    return f"# yaml-language-server: $schema={up}{SCHEMA_FOLDER}/{schema_file(kind)}"
