"""The overlays of docs/gitops.md, rendered by a real kubectl."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from testing.kubectl import kustomize
from testing.objects import Json, objects_in, the
from testing.project import DIST, ROOT, copy_filled

EXAMPLE = re.compile(r"<!-- overlay -->\n```yaml\n(.*?)```", re.DOTALL)


def overlay(folder: Path, kustomization: Any) -> list[Json]:
    copy_filled(DIST, folder / "dist")
    (folder / "overlay").mkdir()
    (folder / "overlay/kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return objects_in(kustomize(folder / "overlay"))


def documented() -> Any:
    (text,) = EXAMPLE.findall((ROOT / "docs/gitops.md").read_text())
    return yaml.safe_load(text)


def requested(pod: Json) -> str:
    return str(pod["spec"]["containers"][0]["resources"]["requests"]["memory"])


def test_the_documented_overlay_reaches_the_deployment_and_the_pod_template(tmp_path: Path) -> None:
    objects = overlay(tmp_path, documented())

    assert requested(the(objects, "Deployment")["spec"]["template"]) == "400G"
    assert requested(the(objects, "PodTemplate")["template"]) == "400G"


def test_a_patch_of_the_deployment_alone_leaves_the_pod_template(tmp_path: Path) -> None:
    kustomization = documented()
    del kustomization["patches"][1]

    objects = overlay(tmp_path, kustomization)

    assert requested(the(objects, "Deployment")["spec"]["template"]) == "400G"
    assert requested(the(objects, "PodTemplate")["template"]) == "512G"
