"""Profiles whose output a controller applies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from testing.edits import edit_file
from testing.project import BUCKET, copy_profiles

ARGO_CD = "argo_cd:\n  repo_url: https://github.com/acme/serving.git\n"
FLUX = "flux: {}\n"


def controlled(
    folder: Path, controller: str, namespace: str = "llm", edits: Mapping[str, str] | None = None
) -> Path:
    """Copy the reference's profiles into a folder, for a controller; return the copy.

    Each cell has a name of its own. Those of the H100 are on ordinary capacity, and those of the
    H200 on queued capacity. `edits`: further ones of platform.yaml.
    """
    profiles = copy_profiles(folder)
    place = "bucket_suffix: ira-model\n"
    given = f"namespace: {namespace}\nbucket: {BUCKET}\n{controller}"
    edit_file(
        profiles / "platform.yaml",
        {
            place: given + place,
            "workload_name: vllm-{gpu}": "workload_name: vllm-{gpu}-{model}",
            **(edits or {}),
        },
    )
    for gpu, queued in (("h100", "false"), ("h200", "only")):
        edit_file(profiles / f"gpus/{gpu}.yaml", {"queued: true": f"queued: {queued}"})
    return profiles
