"""The models whose geometry is known: the package's, and those of a folder of config.json files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath

from pydantic import ValidationError

from ira_manifests import model_files
from ira_manifests.architectures import CONFIG_FILE, ConfigError, RefusedError
from ira_manifests.errors import InputError, ProfileError
from ira_manifests.new_model import profile_of
from ira_manifests.profiles.loader import Profiles, read_profiles, with_model
from ira_manifests.profiles.packaged import folder as packaged_folder
from ira_manifests.profiles.packaged import known_models
from ira_manifests.profiles.platform import Platform
from ira_manifests.profiles.schema import GpuProfile, ModelProfile

_MOST_MODELS = 1000
_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class Library:
    """What is known of GPU types and models. `models`: by id in lower case."""

    platform: Platform
    gpus: Mapping[str, GpuProfile]
    models: Mapping[str, ModelProfile]
    model_ids: frozenset[str]
    """The ids that owners use, for the spelling of others."""
    profiles: Profiles

    def spelled(self, model_id: str) -> str:
        """Return an id in its owner's letters, if it is known; the Hub itself takes any."""
        own = (each for each in self.model_ids if each.casefold() == model_id.casefold())
        return next(own, model_id)

    def model(self, model_id: str) -> ModelProfile | None:
        """Return the profile of a model, or of the FP8 copy of a known one; else None."""
        wanted = model_id.casefold()
        return self.models.get(wanted) or _fp8_copy(self.models.values(), wanted)


# Copies in FP8 by these owners, and by a model's own, have all linear layers in 8 bit but the
# vision tower's and the output layer: vllm-project/llm-compressor, examples/model_free_ptq
# (qwen3_fp8_block.py, gemma4_fp8_block.py) and examples/quantization_w8a8_fp8.
_FP8 = re.compile(r"(?P<owner>[\w.-]+)/(?P<name>[\w.-]+)-fp8(?P<of_copies>-block|-dynamic)?")
_COPY_OWNERS = ("redhatai", "neuralmagic", "nm-testing")


def _fp8_copy(known: Iterable[ModelProfile], wanted: str) -> ModelProfile | None:
    """Return the profile of a known model in FP8. `wanted`: the copy's id in lower case."""
    named = _FP8.fullmatch(wanted)
    for model in known if named else ():
        owner, _, name = model.model_id.casefold().partition("/")
        weights = model.weights
        if named is None or name != named["name"] or weights is None or not weights.linear_gib:
            continue
        if named["owner"] in _COPY_OWNERS or (named["owner"] == owner and not named["of_copies"]):
            method = "fp8" if named["owner"] == owner else "compressed-tensors"
            halved = weights.model_copy(
                update={
                    "total_gib": weights.total_gib - weights.linear_gib / 2,
                    "linear_gib": None,
                    "measured": (),
                    "quantization": method,
                }
            )
            return model.model_copy(update={"model_id": wanted, "weights": halved})
    return None


def library(folder: FilePath | None = None) -> Library:
    """Return the library of the package, with the models of a folder.

    `folder`: has config.json files, each in a folder that is named by the model's id, ORG/NAME, or
    profiles of models, as `add` writes them. Raises `InputError` for a folder that can't be read or
    has none, and `ProfileError` for a profile that is not valid.
    """
    profiles, _ = read_profiles(packaged_folder())
    if profiles.platform is None:
        raise InputError("the package's own platform.yaml can't be read: install it again")
    known = {each.model_id.casefold(): each for each in _of_package(profiles)}
    if folder is not None:
        known |= {each.model_id.casefold(): each for each in _read(folder, profiles)}
    return Library(profiles.platform, profiles.gpus, known, profiles.known_model_ids, profiles)


def _of_package(profiles: Profiles) -> Iterator[ModelProfile]:
    """Yield the models of the package: last those that it renders."""
    yield from _of_profiles(sorted(known_models().glob("*.yaml")), profiles)
    yield from profiles.models.values()


def _read(folder: FilePath, profiles: Profiles) -> Iterator[ModelProfile]:
    wanted = f"give a folder with ORG/NAME/{CONFIG_FILE}, or with profiles of models"
    if not folder.is_dir():
        raise InputError(f"--models {folder} is not a folder; {wanted}")
    configs, written = sorted(folder.rglob(CONFIG_FILE)), sorted(folder.glob("*.yaml"))
    if not configs and not written:
        raise InputError(f"--models {folder} has no {CONFIG_FILE} and no profile; {wanted}")
    yield from _of_configs(configs[:_MOST_MODELS])
    yield from _of_profiles(written[:_MOST_MODELS], profiles)


def _of_profiles(written: list[FilePath], profiles: Profiles) -> Iterator[ModelProfile]:
    for file in written:
        found, problems = with_model(profiles, file, file.read_bytes())
        if problems:
            raise ProfileError(problems)
        yield found.models[file.stem]


def _of_configs(configs: list[FilePath]) -> Iterator[ModelProfile]:
    for file in configs:
        model_id = "/".join(file.parent.parts[-2:])
        if not _ID.fullmatch(model_id):
            continue
        try:
            yield profile_of(model_id, model_files.read(file.parent))
        except (ConfigError, RefusedError, ValidationError) as error:
            raise InputError(f"{file}: {str(error).splitlines()[0]}") from None
