"""This project's folders, and copies for tests to change."""

from __future__ import annotations

import shutil
from pathlib import Path

from ira_manifests import Cell
from testing.edits import edit_profile

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
PROFILES = ROOT / "profiles"

# The matrix of the reference architecture, whose values tests contain.
REFERENCE_GPUS = ("h100", "h200", "l4")
REFERENCE_MODELS = ("gemma3-27b", "llama3", "llama4-scout")

BUCKET = "acme-dev-ira-model"
TOKEN = "hf_notARealTokenButShapedLikeOne"


def fill_in(tree: Path, model_id: str = "google/gemma-3-27b-it") -> None:
    """Write the env files of base/, as in steps 2 and 3 of the walkthrough."""
    base = tree / "base"
    (base / "ira-model-config.env").write_text(f"IRA_BUCKET_NAME={BUCKET}\nMODEL_ID={model_id}\n")
    (base / "hugging-face-token.env").write_text(f"HUGGING_FACE_TOKEN={TOKEN}\n")


def copy_filled(dist: Path, target: Path) -> Path:
    """Copy an output folder with base/ filled in, without the user's own token."""
    token = shutil.ignore_patterns("hugging-face-token.env")
    fill_in(Path(shutil.copytree(dist, target, symlinks=True, ignore=token)))
    return target


def copy_profiles(folder: Path) -> Path:
    """Copy the reference's profiles only, so that adding a model to the project breaks no test."""
    copy = Path(shutil.copytree(PROFILES, folder / "profiles"))
    for kind, names in (("gpus", REFERENCE_GPUS), ("models", REFERENCE_MODELS)):
        for file in (copy / kind).iterdir():
            if file.stem not in names:
                file.unlink()
    return copy


def copy_project(folder: Path) -> None:
    """Copy the reference's profiles, and their directories of dist/ with base/ filled in."""
    cells = {f"{gpu}-{model}" for gpu in REFERENCE_GPUS for model in REFERENCE_MODELS}
    copy_profiles(folder)
    for path in copy_filled(DIST, folder / "dist").glob("online-*"):
        cell = path.name.removeprefix("online-inference-gpu-").removesuffix("-queued")
        if cell not in cells:
            shutil.rmtree(path)


def copy_edited(folder: Path, subject: str, *edits: tuple[str, str]) -> Path:
    """Copy the reference's profiles, and edit one as `testing.edits.edit_profile` does."""
    profiles = copy_profiles(folder)
    edit_profile(profiles, subject, dict(edits))
    return profiles


def is_reference(cell: Cell) -> bool:
    """Return whether a cell belongs to the reference architecture."""
    return cell.gpu_name in REFERENCE_GPUS and cell.model_name in REFERENCE_MODELS
