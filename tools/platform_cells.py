"""The hand-written cells of accelerated-platforms in a checkout, as kubectl renders them.

Their folders are kustomizations, whose base reads env files that a script of the platform writes
from Terraform's outputs. The values here are those of Terraform's defaults.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from testing.kubectl import kustomize
from testing.objects import Json, objects_in, the

COMMIT = "9320f3b27aa0998e9607829ad6e9695d3514a8ef"
"""The commit that the example follows."""

ARCHITECTURE = "platforms/gke/base/use-cases/inference-ref-arch"
CELLS = f"{ARCHITECTURE}/kubernetes-manifests/online-inference-gpu"
VARIABLES = f"{ARCHITECTURE}/terraform/_shared_config/inference-ref-arch_variables.tf"

VARIANT_OF_GROUP = {
    "vllm": "",
    "vllm-spec-decoding": "",
    "vllm-native-cache-offloading/single-tier": "-kv-offloading",
}
"""The folders with cells, and what the example adds to the names of the cells in them."""

SERVER = "inference-server"

_DEFAULTS = {
    "ira_online_gpu_kubernetes_namespace_name": "acp-dev-online-gpu",
    "ira_online_gpu_kubernetes_service_account_name": "acp-dev-online-gpu",
    "huggingface_hub_models_bucket_name": "project-acp-dev-hf-hub-models",
}
_TEMPLATE = ".tpl.env"
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_IMAGE = re.compile(r'variable "(\w+_image_url)" \{\s*default\s*=\s*"([^"]+)"')


@dataclass(frozen=True)
class HandWritten:
    """A cell of the platform."""

    folder: str
    """Its path below `CELLS`."""
    texts: Mapping[str, str]
    """Its files by name."""
    objects: list[Json]
    """What kubectl renders of it."""

    @property
    def name(self) -> str:
        """The last part of its path, such as h100-qwen3-32b."""
        return self.folder.rpartition("/")[2]

    @property
    def group(self) -> str:
        """The rest of its path."""
        return self.folder.rpartition("/")[0]

    @cached_property
    def deployment(self) -> Json:
        """Its only Deployment."""
        return the(self.objects, "Deployment")

    @property
    def pod(self) -> Json:
        """The spec of its Pods."""
        spec: Json = self.deployment["spec"]["template"]["spec"]
        return spec

    @cached_property
    def server(self) -> Json:
        """The container of the server."""
        (found,) = [each for each in self.pod["containers"] if each["name"] == SERVER]
        return dict(found)

    @cached_property
    def runtime(self) -> dict[str, str]:
        """The values of its runtime.env."""
        lines = self.texts["runtime.env"].splitlines()
        pairs = (line.partition("=") for line in lines if "=" in line and line[0] != "#")
        return {key: value for key, _, value in pairs}

    @cached_property
    def options(self) -> dict[str, str]:
        """The server's options and their values, with variables in place."""
        known = {**self.runtime, "MODEL_BUCKET_NAME": "<bucket>"}
        found = {}
        for argument in self.server["args"]:
            text = re.sub(r"\$\((\w+)\)", lambda name: known[name[1]], argument)
            option, _, value = text.partition("=")
            found[option] = value
        return found

    def line(self, file: str, text: str) -> int:
        """Return the number of the first line of a file with a text. KeyError if none has it."""
        for number, line in enumerate(self.texts[file].splitlines(), 1):
            if text in line:
                return number
        raise KeyError(f"{self.folder}/{file} has no line with {text!r}")


def read(checkout: Path) -> Iterator[HandWritten]:
    """Yield the cells of a checkout, in the order of their paths."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(shutil.copytree(checkout / CELLS, Path(scratch, "cells")))
        _fill_in(copy, {**_DEFAULTS, **_images(checkout)})
        for group in VARIANT_OF_GROUP:
            for folder in sorted(path for path in (copy / group).iterdir() if path.is_dir()):
                if folder.name != "base":
                    yield _rendered(folder, f"{group}/{folder.name}")


def _images(checkout: Path) -> dict[str, str]:
    return dict(_IMAGE.findall((checkout / VARIABLES).read_text("utf-8")))


def _fill_in(cells: Path, values: Mapping[str, str]) -> None:
    """Write the env files of the bases, as the platform's scripts do."""
    for group in ("", *VARIANT_OF_GROUP):
        for template in (cells / group / "base/templates").glob(f"*{_TEMPLATE}"):
            text = _VARIABLE.sub(lambda name: values[name[1]], template.read_text("utf-8"))
            name = template.name.removesuffix(_TEMPLATE)
            (template.parents[1] / f"{name}.env").write_text(text, "utf-8")


def _rendered(folder: Path, name: str) -> HandWritten:
    texts = {path.name: path.read_text("utf-8") for path in folder.iterdir()}
    return HandWritten(name, texts, objects_in(kustomize(folder)))
