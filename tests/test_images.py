"""Images: path, tag, digest and release, from the profile to the applied objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ira_manifests.kubernetes import names
from ira_manifests.rules.view.servers import release_of
from testing.edits import edit_file
from testing.kubectl import kustomize
from testing.objects import objects_in, the
from testing.project import copy_edited, copy_profiles
from tests.support import ira

DIGEST = "sha256:" + "0123456789abcdef" * 4
ENGINE = "  image: vllm/vllm-openai\n  version: 0.26.0\n"


def synth(folder: Path, engine: str, *model: tuple[str, str]) -> list[dict[str, Any]]:
    """Return the rendered cell h100 x llama3 on queued capacity, with another engine."""
    profiles = copy_edited(folder, "llama3", *model) if model else copy_profiles(folder)
    edit_file(profiles / "platform.yaml", {ENGINE: engine})
    run = ira("synth", "--only", "h100/llama3", cwd=folder)
    assert run.returncode == 0, run.stderr
    # Serving needs no token; other tests are about its file.
    (folder / "dist/base/hugging-face-token.env").write_text("HUGGING_FACE_TOKEN=hf_x\n")
    return objects_in(kustomize(folder / "dist/online-inference-gpu-h100-llama3-queued"))


@pytest.mark.parametrize(
    ("engine", "image"),
    [
        (
            f"  image: vllm/vllm-openai\n  version: 0.26.0\n  digest: {DIGEST}\n",
            f"vllm/vllm-openai:v0.26.0@{DIGEST}",
        ),
        (
            "  image: vllm/vllm-openai\n  version: 0.26.0\n  tag: v0.26.0-cu129\n",
            "vllm/vllm-openai:v0.26.0-cu129",
        ),
        (
            f"  image: vllm/vllm-openai\n  version: 0.26.0\n  tag: nightly\n  digest: {DIGEST}\n",
            f"vllm/vllm-openai:nightly@{DIGEST}",
        ),
        (
            f"  image: nvcr.io/nvidia/vllm\n  version: 0.26.0\n  tag: x\n  digest: {DIGEST}\n",
            f"nvcr.io/nvidia/vllm:x@{DIGEST}",
        ),
        (
            f"  image: nvcr.io/nvidia/vllm\n  version: 0.26.0\n  digest: {DIGEST}\n",
            f"nvcr.io/nvidia/vllm@{DIGEST}",
        ),
    ],
)
def test_tag_and_digest_are_applied_together_and_the_release_goes_beside_them(
    engine: str, image: str, tmp_path: Path
) -> None:
    objects = synth(tmp_path, engine)

    deployment, template = the(objects, "Deployment"), the(objects, "PodTemplate")
    for pod in (deployment["spec"]["template"], template["template"]):
        assert pod["spec"]["containers"][0]["image"] == image
    for item in (deployment, template):
        assert item["metadata"]["labels"]["app.kubernetes.io/version"] == "0.26.0"
    found = ira("check", "--only", "h100/llama3", "--profiles", "profiles", cwd=tmp_path)
    assert "IRA032" not in found.stdout


def test_flags_are_judged_by_the_release_that_is_given(tmp_path: Path) -> None:
    engine = '  image: nvcr.io/nvidia/vllm\n  version: 0.26.0\n  tag: "26.06-py3"\n'
    flag = "    max_model_len: 131072\n    args:\n      - --disable-log-requests\n"
    profiles = copy_edited(tmp_path, "h100/llama3", ("    max_model_len: 131072\n", flag))
    edit_file(profiles / "platform.yaml", {ENGINE: engine})

    run = ira("check", "--only", "h100/llama3", cwd=tmp_path)

    assert run.returncode == 1
    assert run.stdout.count("IRA010") == 1
    assert "IRA032" not in run.stdout


@pytest.mark.parametrize(
    ("old", "field"),
    [
        ("image: busybox:1.37.0", "fetch_safetensors"),
        ("image: gcr.io/google.com/cloudsdktool/cloud-sdk:518.0.0-slim", "model_download"),
    ],
)
def test_the_other_images_keep_tag_and_digest_as_well(old: str, field: str, tmp_path: Path) -> None:
    copy_edited(tmp_path, "platform.yaml", (old, f"{old}@{DIGEST}"))

    run = ira("synth", "--only", "h100/llama3", cwd=tmp_path)

    assert run.returncode == 0, run.stderr
    name = {
        "fetch_safetensors": "online-inference-gpu-h100-llama3/deployment.yaml",
        "model_download": "model-download/job.yaml",
    }[field]
    assert f"{old}@{DIGEST}" in (tmp_path / "dist" / name).read_text()


# Tags of https://hub.docker.com/r/vllm/vllm-openai/tags and of NVIDIA's and Google's registries.
@pytest.mark.parametrize(
    ("image", "pinned"),
    [
        ("vllm/vllm-openai:v0.26.0", True),
        ("vllm/vllm-openai:v0.26.0-cu129", True),
        ("vllm/vllm-openai:nightly", False),
        ("vllm/vllm-openai:nightly-x86_64", False),
        ("vllm/vllm-openai:cu130-nightly", False),
        ("vllm/vllm-openai:latest-cu129", False),
        ("vllm/vllm-openai:nightly-0123456789abcdef0123456789abcdef01234567", True),
        (f"vllm/vllm-openai:nightly@{DIGEST}", True),
        (f"vllm/vllm-openai@{DIGEST}", True),
        ("nvcr.io/nvidia/vllm:26.06-py3", True),
        ("nvcr.io/nvidia/vllm", False),
        ("localhost:5000/vllm", False),
        ("busybox:stable", False),
        ("busybox:1.37.0-relatest", True),
    ],
)
def test_a_tag_that_moves_pins_nothing_without_its_digest(image: str, pinned: bool) -> None:
    assert (names.check_pinned_image(image) is None) is pinned


@pytest.mark.parametrize(
    ("image", "given", "expected"),
    [
        ("vllm/vllm-openai:v0.26.0", "0.8.4", "0.26.0"),  # an overlay may have changed the image
        ("vllm/vllm-openai:v0.26.0-cu129", "", "0.26.0"),
        (f"europe-docker.pkg.dev/a/b/vllm-openai:v0.9.0rc1@{DIGEST}", "", "0.9.0rc1"),
        ("vllm/vllm-openai:nightly", "0.26.0", "0.26.0"),
        (f"vllm/vllm-openai@{DIGEST}", "0.26.0", "0.26.0"),
        (f"vllm/vllm-openai@{DIGEST}", "", ""),
        ("nvcr.io/nvidia/vllm:26.06-py3", "0.26.0", "0.26.0"),
        ("nvcr.io/nvidia/vllm:26.06.1-py3", "0.26.0", "0.26.0"),
        ("localhost:5000/acme/vllm:v0.25.0", "", "0.25.0"),
        ("localhost:5000/acme/vllm:v0.25.0-patched", "", "0.25.0"),
        ("localhost:5000/acme/vllm:1", "v0.10.1.1-patched", "0.10.1.1"),
        ("localhost:5000/acme/vllm:1", "stable", "stable"),
        ("vllm/vllm-openai:v0.9.0.1-cu128", "", "0.9.0.1"),
    ],
)
def test_the_release_is_the_tags_of_vllms_own_image_and_else_the_given_one(
    image: str, given: str, expected: str
) -> None:
    assert release_of(image, given) == expected
