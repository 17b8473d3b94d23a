"""Values of platform.yaml that Kubernetes or Cloud Storage FUSE would refuse or misread."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from ira_manifests import ProfileError, load_matrix
from ira_manifests.profiles.fields import EngineRelease, MinEngine
from ira_manifests.rules.check_cells import check_cells
from testing.project import PROFILES, copy_edited

LABEL = "letters, digits, '-', '_' and '.', with a letter or digit at both ends"
YEAR = 365 * 24 * 3600

# Tolerations of inference, to which others are compared.
GPU_KEY = "key: nvidia.com/gpu\n      "
ON_DEMAND_KEY = "effect: NoSchedule\n    - key: on-demand\n      "
ON_DEMAND = f'{ON_DEMAND_KEY}value: "true"'

BAD = {
    "a version longer than a label": (
        "  version: 0.26.0", f"  version: 0.{'1' * 62}", "engine.version",
        "is no version: write major.minor.patch",
    ),
    "a version with a v": (
        "  version: 0.26.0", "  version: v0.26.0", "engine.version",
        "'v0.26.0' is not a release's number: write major.minor.patch without a v",
    ),
    "a version of two parts": (
        "  version: 0.26.0", '  version: "0.26"', "engine.version", "is not a release's number",
    ),
    "a version of a build": (
        "  version: 0.26.0", "  version: 0.26.0+cu129", "engine.version",
        "'0.26.0+cu129' is not a release's number",
    ),
    "an image with its tag": (
        "  image: vllm/vllm-openai", "  image: vllm/vllm-openai:v0.26.0", "engine.image",
        "has a tag or a digest: give them beside the path, as tag: and digest:",
    ),
    "an image with its digest": (
        "  image: vllm/vllm-openai", f"  image: vllm/vllm-openai@sha256:{'0' * 64}", "engine.image",
        "has a tag or a digest: give them beside the path, as tag: and digest:",
    ),
    "a digest of another kind": (
        "  version: 0.26.0", "  digest: sha512:abc\n  version: 0.26.0", "engine.digest",
        "'sha512:abc' is not an image's digest: write sha256: and 64 digits from 0 to f",
    ),
    "a tag with a blank": (
        "  version: 0.26.0", "  tag: v0.26.0 cu129\n  version: 0.26.0", "engine.tag",
        "'v0.26.0 cu129' is not an image's tag such as v0.26.0-cu129",
    ),
    "a tag that moves": (
        "  version: 0.26.0", "  tag: nightly\n  version: 0.26.0", "engine.tag",
        "'nightly' moves with every build; give the digest beside it",
    ),
    "an image of others without a tag": (
        "image: vllm/vllm-openai", "image: nvcr.io/nvidia/vllm", "engine.image",
        "needs a tag or a digest beside it: its tags are not known, as vLLM's own are",
    ),
    "a tag of another release": (
        "  version: 0.26.0", "  tag: v0.20.0-cu129\n  version: 0.26.0", "engine.tag",
        "'v0.20.0-cu129' is release 0.20.0, and version is 0.26.0; make them one release",
    ),
    "a tag of a release of four numbers": (
        "  version: 0.26.0", "  tag: v0.9.0.1\n  version: 0.26.0", "engine.tag",
        "'v0.9.0.1' is release 0.9.0.1, and version is 0.26.0; make them one release",
    ),
    "a wait of more than a year": (
        "node_wait_seconds: 3600", f"node_wait_seconds: {YEAR + 1}",
        "inference.node_wait_seconds", f"is the number {YEAR + 1}; it must be at most {YEAR}",
    ),
    "a time to live beyond 32 bits": (
        "ttl_seconds_after_finished: 600", "ttl_seconds_after_finished: 4294967296",
        "model_download.ttl_seconds_after_finished", f"it must be at most {YEAR}",
    ),
    "a start that is too short to load a model": (
        "startup_seconds: 3600", "startup_seconds: 599", "engine.startup_seconds",
        "is the number 599; it must be at least 600",
    ),
    "a start of more than a day": (
        "startup_seconds: 3600", "startup_seconds: 86401", "engine.startup_seconds",
        "is the number 86401; it must be at most 86400",
    ),
    "a run shorter than GKE grants": (
        "max_run_duration_seconds: 604800", "max_run_duration_seconds: 599",
        "queued_provisioning.max_run_duration_seconds",
        "is the number 599; it must be at least 600",
    ),
    "more reads at a time than a shell can start": (
        "parallelism: 15", "parallelism: 2147483648", "fetch_safetensors.parallelism",
        "it must be at most 1000",
    ),
    "a taint's key of slashes": (
        "key: nvidia.com/gpu", "key: ///", "inference.tolerations[0].key",
        "'///' is not a key such as nvidia.com/gpu",
    ),
    "a taint's key without a name": (
        "key: nvidia.com/gpu", "key: nvidia.com/", "inference.tolerations[0].key",
        "'nvidia.com/' is not a key such as nvidia.com/gpu",
    ),
    "a taint's value of two lines": (
        ON_DEMAND, f'{ON_DEMAND_KEY}value: "true\\nfalse"', "inference.tolerations[1].value",
        f"is not a value of a label: use {LABEL}",
    ),
    "a taint's value of 64 letters": (
        ON_DEMAND, f"{ON_DEMAND_KEY}value: {'a' * 64}", "inference.tolerations[1].value",
        "has 64 characters; 63 are allowed",
    ),
    "an effect that is none": (
        f"{GPU_KEY}effect: NoSchedule", f"{GPU_KEY}effect: Noschedule",
        "inference.tolerations[0].effect",
        "is not one of NoExecute, NoSchedule, PreferNoSchedule",
    ),
    "a class with two dots": (
        "provisioning_class: queued-provisioning.gke.io", "provisioning_class: a..b",
        "queued_provisioning.provisioning_class", "'a..b' is not a valid name",
    ),
    "a class of 300 letters": (
        "provisioning_class: queued-provisioning.gke.io", f"provisioning_class: {'a' * 300}",
        "queued_provisioning.provisioning_class", "has 300 characters; 253 are allowed",
    ),
    "a pattern that leaves out everything": (
        "    - original/*", '    - "*"', "model_download.exclude[0]",
        "'*' would leave out config.json, which serving needs",
    ),
    "a pattern that leaves out the weights": (
        '    - "*.pth"', '    - "*.safetensors"', "model_download.exclude_beside_safetensors[2]",
        "'*.safetensors' would leave out model.safetensors, which serving needs",
    ),
    "another folder of the bucket": (
        "    - implicit-dirs", "    - only-dir:others", "inference.mount_options[7]",
        "'only-dir:others' can't be set in a profile: each cell mounts its own model's folder",
    ),
    "two options in one": (
        "    - implicit-dirs", "    - implicit-dirs,rw", "inference.mount_options[7]",
        "is not a Cloud Storage FUSE option",
    ),
    "a read-only root for a user that nobody knows": (
        "  run_as_user: 2000\n", "", "engine.read_only_root",
        "needs run_as_user: what root writes in the image is not known; remove the line",
    ),
    "a download that must be done at once": (
        "active_deadline_seconds: 86400", "active_deadline_seconds: 599",
        "model_download.active_deadline_seconds", "it must be at least 600",
    ),
    "a drain of a day": (
        "drain_seconds: 120", "drain_seconds: 86400", "engine.drain_seconds",
        "it must be at most 3600",
    ),
    "a user that is root": (
        "run_as_user: 2000", "run_as_user: 0", "engine.run_as_user", "it must be more than 0",
    ),
    "a Secret whose name has capitals": (
        "  storage: 1Ti\n", "  storage: 1Ti\n  token: {secret: My_Secret}\n",
        "model_download.token.secret", "'My_Secret' is not a valid name",
    ),
    "storage without a unit": (
        "storage: 1Ti", "storage: 1000", "model_download.storage",
        "'1000' is not an amount of memory",
    ),
}  # fmt: skip


@pytest.mark.parametrize("defect", BAD)
def test_it_is_refused_at_its_place(defect: str, tmp_path: Path) -> None:
    old, new, field, message = BAD[defect]
    text = (PROFILES / "platform.yaml").read_text()
    line = 1 + text[: text.index(old)].count("\n") + old.count("\n")

    with pytest.raises(ProfileError) as caught:
        load_matrix(copy_edited(tmp_path, "platform.yaml", (old, new)))

    (problem,) = caught.value.problems
    assert (problem.field, problem.line) == (field, line)
    assert message in problem.message


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("startup_seconds: 3600", "startup_seconds: 600"),
        ("startup_seconds: 3600", "startup_seconds: 86400"),
        ("max_run_duration_seconds: 604800", "max_run_duration_seconds: 600"),
        (ON_DEMAND, f'{ON_DEMAND_KEY}value: ""'),
        ("key: nvidia.com/gpu", "key: dedicated"),
        ("memory: 8Gi", "memory: 0.5Gi"),
        ("cpu: 4", "cpu: 0.5"),
        ("cpu: 4", "cpu: 3500m"),
    ],
)
def test_what_kubernetes_takes_is_taken(old: str, new: str, tmp_path: Path) -> None:
    assert load_matrix(copy_edited(tmp_path, "platform.yaml", (old, new)))


@pytest.mark.parametrize(
    ("version", "user", "findings"),
    [("0.26.0", True, 0), ("0.22.0", True, 0), ("0.21.0", True, 1), ("0.21.0", False, 0)],
)
@pytest.mark.parametrize("image", ["vllm/vllm-openai", "eu.example.dev/acme/vllm-openai"])
def test_a_user_that_the_engines_image_lacks_is_reported_once(
    version: str, user: bool, findings: int, image: str, tmp_path: Path
) -> None:
    lines = ("  run_as_user: 2000\n", "  read_only_root: true\n")
    edits = [
        ("version: 0.26.0", f"version: {version}"),
        ("image: vllm/vllm-openai", f"image: {image}"),
    ]
    edits += [] if user else [(line, "") for line in lines]
    matrix = load_matrix(copy_edited(tmp_path, "platform.yaml", *edits))

    found = [item for item in check_cells(matrix, matrix.values()) if item.rule_id == "IRA031"]

    assert [item.field for item in found] == ["engine.run_as_user"] * findings


PUBLISHED = (Path(__file__).parent / "data/vllm-releases.txt").read_text().split()


@pytest.mark.parametrize("version", PUBLISHED)
def test_every_published_release_from_0_8_4_on_is_an_engine(version: str) -> None:
    engine = TypeAdapter(EngineRelease)
    if PUBLISHED.index(version) >= PUBLISHED.index("0.8.4"):
        assert engine.validate_python(version) == version
    else:
        with pytest.raises(ValidationError, match=r"too old: 0\.8\.4 is the oldest known"):
            engine.validate_python(version)
    assert TypeAdapter(MinEngine).validate_python(version) == version


@pytest.mark.parametrize("text", ["latest", "26", "", "0.26.0-cu129"])
def test_a_model_needs_no_engine_whose_version_is_none(text: str) -> None:
    with pytest.raises(ValidationError, match=r"is not a version such as 0\.26\.0"):
        TypeAdapter(MinEngine).validate_python(text)


@pytest.mark.parametrize(
    ("version", "judged"),
    [("0.9.0.1", True), ("0.10.1.1", True), ("0.8.5.post1", True), ("0.26.0rc1", False),
     ("0.26.1.dev3", False)],
)  # fmt: skip
def test_the_flags_of_a_release_are_judged_and_those_of_a_candidate_are_not(
    version: str, judged: bool, tmp_path: Path
) -> None:
    edit = ("version: 0.26.0", f"version: {version}")
    matrix = load_matrix(copy_edited(tmp_path, "platform.yaml", edit))

    rules = {item.rule_id for item in check_cells(matrix, matrix.values())}

    assert ("IRA032" in rules) is not judged
    engine = matrix.platform.engine
    assert engine.reference == f"vllm/vllm-openai:v{version}"
    assert all(str(cell.serving.engine) == version for cell in matrix.values() if cell.serving)


@pytest.mark.parametrize(
    ("version", "seconds", "findings"),
    [("0.17.1", 120, 1), ("0.17.1", 0, 0), ("0.18.0", 120, 0), ("0.26.0", 120, 0)],
)
def test_a_drain_that_the_release_has_no_option_for_is_reported(
    version: str, seconds: int, findings: int, tmp_path: Path
) -> None:
    edits = [
        ("version: 0.26.0", f"version: {version}"),
        ("drain_seconds: 120", f"drain_seconds: {seconds}"),
    ]
    matrix = load_matrix(copy_edited(tmp_path, "platform.yaml", *edits))

    found = [item for item in check_cells(matrix, []) if item.rule_id == "IRA042"]

    assert [item.field for item in found] == ["engine.drain_seconds"] * findings
    assert all("--shutdown-timeout" in item.message for item in found)
    assert all("pin 0.18.0 or newer" in item.hint for item in found)
