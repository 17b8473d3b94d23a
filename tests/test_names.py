"""Names of the Hub and of Cloud Storage, against the rules of those services."""

from __future__ import annotations

import os
import subprocess
from importlib import resources
from pathlib import Path

import pytest

from ira_manifests.kubernetes import names

# https://github.com/huggingface/huggingface_hub, validate_repo_id and its tests, less the names
# without an organisation.
HUB_IDS = {
    "google/gemma-3-27b-it": True,
    "meta-llama/Llama-3.3-70B-Instruct": True,
    "_a/_b_": True,
    "a/b.c": True,
    "a" * 47 + "/" + "b" * 48: True,
    "a" * 48 + "/" + "b" * 48: False,
    "gemma": False,
    "a/b/c": False,
    "a/": False,
    "/b": False,
    "a/-b": False,
    "a/b-": False,
    "a/.b": False,
    "a/b.": False,
    "a/b--c": False,
    "a/b..c": False,
    "a/b.git": False,
    "../b": False,
    "a b/c": False,
    "a/b\n": False,
    "a/$(id)": False,
    "a/`id`": False,
    "a/b;c": False,
    "": False,
}


@pytest.mark.parametrize("model_id", HUB_IDS)
def test_a_hub_id_is_one_for_profiles_and_for_the_download_alike(
    model_id: str, tmp_path: Path
) -> None:
    scripts = resources.files("ira_manifests.constructs") / "scripts"
    parts = ("check_settings.sh", "download_model.sh")
    run = subprocess.run(
        ["bash", "-c", "\n".join((scripts / part).read_text("utf-8") for part in parts)],
        env={
            "PATH": os.environ["PATH"],
            "IRA_BUCKET_NAME": "acme-ira-model",
            "MODEL_ID": model_id or " ",
            "HUGGINGFACE_HUB_VERSION": "1.0.0",
            "MODEL_ROOT": str(tmp_path / "missing"),
        },
        capture_output=True,
        check=False,
    )
    good = HUB_IDS[model_id]

    assert (names.check_hub_id(model_id) is None) == good
    # 12: no id of the Hub. 14: all variables are good, and the bucket is not mounted.
    assert run.returncode == (14 if good else 12), run.stderr


@pytest.mark.parametrize(
    ("bucket", "allowed"),
    [
        # https://cloud.google.com/storage/docs/buckets#naming
        ("acme-ira-model", True),
        ("a_b.c-1", True),
        ("ab", False),
        ("a" * 63, True),
        ("a" * 64, False),
        ("a" * 63 + "." + "b" * 63, True),
        ("a" * 64 + "." + "b" * 10, False),
        ("192.168.5.4", False),
        ("goog-models", False),
        ("Acme", False),
        ("acme-", False),
        ("a..b", False),
        ("gs://acme", False),
    ],
)
def test_a_bucket_has_the_name_that_cloud_storage_takes(bucket: str, allowed: bool) -> None:
    assert (names.check_bucket(bucket) is None) == allowed


@pytest.mark.parametrize(
    ("image", "pinned"),
    [
        # https://github.com/distribution/reference: a number is a port only if a path follows.
        ("busybox:1", True),
        ("nginx:1", True),
        ("localhost:5000/busybox:1", True),
        ("localhost:5000/busybox", False),
        ("registry.example/team/vllm-openai:v0.26.0", True),
        ("registry.example/team/vllm-openai@sha256:" + "a" * 64, True),
        ("busybox", False),
        ("busybox:latest", False),
    ],
)
def test_an_image_is_pinned_by_a_tag_or_a_digest(image: str, pinned: bool) -> None:
    assert (names.check_pinned_image(image) is None) == pinned


def test_a_repository_has_no_tag() -> None:
    assert names.check_repository("localhost:5000/vllm-openai") is None
    assert names.check_repository("vllm-openai:1")
