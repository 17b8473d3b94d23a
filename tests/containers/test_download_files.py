"""The files of a download in the bucket, during the download and at its end."""

from __future__ import annotations

import json
import threading
from importlib.metadata import version

import pytest

from ira_manifests import load_matrix
from ira_manifests.profiles import downloads
from ira_manifests.profiles.schema import DownloadProfile
from testing import processes
from testing.hub import API, CDN, Hub
from testing.processes import DOWNLOAD, eventually
from testing.project import PROFILES, TOKEN
from testing.tiny_model import INDEX, MODEL_ID, SHARDS, weights
from tests.containers.download_job import PINNED, Job, assert_complete, assert_failed, contents
from tests.containers.faults import held_until

PLATFORM = load_matrix(PROFILES).platform

# What arrives


def test_the_tests_run_the_release_that_the_job_installs() -> None:
    assert version("huggingface_hub") == PINNED


def test_a_sharded_model_arrives_byte_for_byte_and_nothing_else_is_left(hub: Hub, job: Job) -> None:
    assert_complete(job.run(), job, hub)
    assert [path.name for path in job.root.iterdir()] == ["Some-Org"]


def test_a_token_is_shown_to_the_hub_and_not_to_the_hosts_it_redirects_to(
    hub: Hub, job: Job
) -> None:
    job.run()
    shown = {(r.address.startswith(CDN), r.authorization) for r in hub.requests}
    assert shown == {(False, f"Bearer {TOKEN}"), (True, None)}


def test_temporary_files_of_cloud_storage_fuse_are_removed(hub: Hub, job: Job) -> None:
    (job.root / ".gcsfuse_tmp").mkdir()
    (job.root / ".gcsfuse_tmp" / "part").write_text("x")
    assert_complete(job.run(), job, hub)


def test_a_file_of_another_hand_in_the_folder_is_left_alone_and_named(hub: Hub, job: Job) -> None:
    job.folder.mkdir(parents=True)
    (job.folder / "notes.txt").write_text("mine")
    run = job.run()
    assert job.model() == hub.files | {"notes.txt": b"mine"}
    assert "left alone: 1 files that are not the Hub's, such as notes.txt" in run.stdout


def test_formats_that_serving_does_not_need_are_left_out(hub: Hub, job: Job) -> None:
    needed = dict(hub.files)
    hub.files |= {
        "original/consolidated.00.pth": weights(10),
        "original/params.json": b"{}",
        "pytorch_model.bin": weights(10),
        "pytorch_model.bin.index.json": b"{}",
        "consolidated.safetensors": weights(10),
        "tiny-q4.gguf": weights(10),
        "model.pth": weights(10),
        ".gitattributes": b"*.bin filter=lfs\n",
    }
    run = job.run()
    assert job.model() == needed, run.stderr
    assert not {path for path in hub.downloads() if path not in needed}


def test_weights_without_safetensors_beside_them_are_not_left_out(hub: Hub, job: Job) -> None:
    hub.files = {
        "config.json": b"{}",
        "pytorch_model.bin": weights(10),
        "adapter/adapter.safetensors": weights(10),
        "adapter/adapter.bin": weights(10),
    }
    job.run()
    assert set(job.model()) == set(hub.files) - {"adapter/adapter.bin"}


def test_the_profile_can_say_what_is_left_out(hub: Hub, job: Job) -> None:
    hub.files |= {"original/params.json": b"{}", "model.pth": weights(10)}
    wanted = {path: content for path, content in hub.files.items() if path != "README.md"}
    job.run(DOWNLOAD_EXCLUDE="README.md *.nothing", DOWNLOAD_EXCLUDE_DUPLICATES="")
    assert job.model() == wanted


def mistral_beside(hub: Hub) -> None:
    """Both formats in one repository, as Mistral publishes its models."""
    hub.files |= {"params.json": b"{}", "tekken.json": b"{}"}
    hub.files |= {"consolidated.safetensors": weights(10), "original/params.json": b"{}"}


def test_a_model_says_itself_what_is_kept_and_left_out(hub: Hub, job: Job) -> None:
    mistral_beside(hub)
    own = {"keep": ["consolidated*.safetensors", "original/params.json"],
           "exclude": ["model-*.safetensors", INDEX]}  # fmt: skip
    run = job.run(DOWNLOAD_BY_MODEL=json.dumps({MODEL_ID: own, "acme/other": {"keep": ["*"]}}))
    assert run.returncode == 0, run.stderr
    assert set(job.model()) == set(hub.files) - {INDEX, *SHARDS}


def test_lists_of_another_model_change_nothing(hub: Hub, job: Job) -> None:
    needed = dict(hub.files)
    hub.files["consolidated.safetensors"] = weights(10)
    others = {"acme/other": {"keep": ["*"], "exclude": ["config.json"]}}
    job.run(DOWNLOAD_BY_MODEL=json.dumps(others))
    assert job.model() == needed


@pytest.mark.parametrize(
    "own",
    [
        None,
        DownloadProfile(keep=("consolidated*.safetensors",)),
        DownloadProfile(keep=("consolidated*", "metal/*"), exclude=("model-*", INDEX, "*.md")),
        DownloadProfile(exclude=("*.safetensors", INDEX)),
    ],
    ids=["none", "keep", "both", "exclude"],
)
def test_profiles_know_what_the_script_takes(
    hub: Hub, job: Job, own: DownloadProfile | None
) -> None:
    mistral_beside(hub)
    hub.files |= {"metal/model.bin": b"x", "sub/x.bin": b"x", "pytorch_model.bin": b"x"}
    model = load_matrix(PROFILES).profiles.models["llama3"]
    model = model.model_copy(update={"model_id": MODEL_ID, "download": own})
    lists = {MODEL_ID: own.model_dump()} if own else {}
    run = job.run(DOWNLOAD_BY_MODEL=json.dumps(lists))
    assert run.returncode == 0, run.stderr
    assert set(job.model()) == downloads.taken(PLATFORM, model, hub.files)


def test_a_repository_of_params_json_alone_is_whole_where_that_is(hub: Hub, job: Job) -> None:
    hub.files = {"README.md": b"#", "params.json": b"{}", "tekken.json": b"{}"}
    hub.files["consolidated.safetensors"] = weights()
    obstacle = job.folder / "consolidated.safetensors"
    obstacle.mkdir(parents=True)
    assert job.run().returncode == 27
    assert "params.json" not in job.model()
    obstacle.rmdir()
    run = job.run()
    assert_complete(run, job, hub)
    flags = "--config-format=mistral --load-format=mistral --tokenizer-mode=mistral"
    assert f"{MODEL_ID} has params.json alone: serve it with {flags}" in run.stdout


def test_an_update_that_drops_config_json_leaves_no_old_one(hub: Hub, job: Job) -> None:
    assert_complete(job.run(), job, hub)
    del hub.files["config.json"]
    hub.commit = "d" * 40
    hub.files["params.json"] = b"{}"
    assert_complete(job.run(), job, hub)


def test_a_revision_can_be_pinned(hub: Hub, job: Job) -> None:
    assert_complete(job.run(MODEL_REVISION=hub.commit), job, hub)
    assert_failed(job.run(MODEL_REVISION="v2"), 24, f"no {MODEL_ID} at revision v2 (404)")


def test_the_revision_of_a_model_is_that_of_its_profile(hub: Hub, job: Job) -> None:
    pinned = {MODEL_ID: {"revision": hub.commit}, "Some-Org/Other": {"revision": "v2"}}
    assert_complete(job.run(DOWNLOAD_BY_MODEL=json.dumps(pinned)), job, hub)
    (listing,) = (r.address for r in hub.requests if r.path == API)
    assert listing.endswith(f"/revision/{hub.commit}")
    pinned[MODEL_ID]["revision"] = "v3"
    moved = job.run(DOWNLOAD_BY_MODEL=json.dumps(pinned))
    assert_failed(moved, 24, f"no {MODEL_ID} at revision v3 (404)")


def single_file(hub: Hub) -> None:
    for path in (*SHARDS, INDEX):
        del hub.files[path]
    hub.files["model.safetensors"] = weights()
    hub.commit = "d" * 40


@pytest.mark.parametrize("left", [INDEX, SHARDS[0]])
def test_weights_of_another_revision_that_would_be_served_end_the_job(
    hub: Hub, job: Job, left: str
) -> None:
    """Without an index, vLLM's filter_duplicate_safetensors_files keeps every file; with an old
    one, it keeps the old files alone (model_executor/model_loader/weight_utils.py)."""
    job.run()
    single_file(hub)
    for path in {*SHARDS, INDEX} - {left}:
        (job.folder / path).unlink()
    before = job.model()
    hub.forget()
    run = job.run()
    assert_failed(run, 28, f"gs://p-ira-model/{MODEL_ID}/{left} is not of revision main")
    assert (job.model(), hub.downloads()) == (before, [])
    (job.folder / left).unlink()
    assert_complete(job.run(), job, hub)


def test_old_shards_beside_an_index_of_others_are_only_named(hub: Hub, job: Job) -> None:
    job.folder.mkdir(parents=True)
    (job.folder / "model-00001-of-00004.safetensors").write_bytes(b"old")
    run = job.run()
    assert run.returncode == 0
    assert "left alone: 1 files that are not the Hub's, such as model-00001-of-00004" in run.stdout


def test_an_adapter_is_copied_its_config_last(hub: Hub, job: Job) -> None:
    """PEFT's format: https://huggingface.co/docs/peft/developer_guides/checkpoint"""
    hub.files = {"README.md": b"#", "adapter_config.json": b'{"r": 16}'}
    hub.files["adapter_model.safetensors"] = weights()
    obstacle = job.folder / "adapter_model.safetensors"
    obstacle.mkdir(parents=True)
    (obstacle / "file").write_text("no weights")
    assert job.run().returncode == 27
    assert "adapter_config.json" not in job.model()
    (obstacle / "file").unlink()
    obstacle.rmdir()
    run = job.run()
    assert_complete(run, job, hub)
    assert f"{MODEL_ID} is an adapter: name it in lora_adapters of its model" in run.stdout
    assert "mistral" not in run.stdout


# Run again


def test_a_second_run_downloads_nothing_and_the_model_stays_complete(hub: Hub, job: Job) -> None:
    job.run()
    hub.forget()
    assert_complete(job.run(), job, hub)
    assert hub.downloads() == []


def test_a_file_that_was_damaged_or_lost_since_is_fetched_again(hub: Hub, job: Job) -> None:
    job.run()
    hub.forget()
    (job.folder / SHARDS[0]).write_bytes(weights())
    (job.folder / "README.md").unlink()
    assert_complete(job.run(), job, hub)
    assert hub.downloads() == sorted(["README.md", SHARDS[0]])


def test_a_new_revision_replaces_what_changed_even_at_the_same_size(hub: Hub, job: Job) -> None:
    job.run()
    hub.forget()
    hub.commit = "d" * 40
    hub.files[SHARDS[1]] = weights()
    assert_complete(job.run(), job, hub)
    assert hub.downloads() == [SHARDS[1]]


# Never half a model


def test_until_every_file_is_there_the_folder_has_no_config(hub: Hub, job: Job) -> None:
    """A killed run leaves no incomplete model, and the next run resumes from its files."""
    staging = f".ira-model-download/{MODEL_ID}"
    others = {f"{staging}/{path}" for path in hub.files if path != SHARDS[1]}
    for _ in range(2):
        killed = threading.Event()
        hub.fail(SHARDS[1], held_until(killed))
        process = processes.start(["bash", "-c", DOWNLOAD], job.environment())
        eventually(lambda: others <= job.everything() and SHARDS[1] in hub.downloads())
        partial = [path for path in job.everything() if path.endswith(".incomplete")]
        processes.kill(process)
        killed.set()
        assert len(partial) == 1, "what was left of the run before is still there"
        assert job.model() == {}
        assert hub.downloads().count(SHARDS[1]) == 1
        hub.forget()
    assert_complete(job.run(), job, hub)
    assert hub.downloads() == [SHARDS[1]]


def test_config_comes_last_and_a_run_that_ends_between_moves_is_taken_up(
    hub: Hub, job: Job
) -> None:
    obstacle = job.folder / SHARDS[2]
    obstacle.mkdir(parents=True)
    run = job.run()
    assert run.returncode == 27, run.stderr
    assert SHARDS[0] in job.model()
    assert "config.json" not in job.model()
    obstacle.rmdir()
    hub.forget()
    assert_complete(job.run(), job, hub)
    assert hub.downloads() == []


@pytest.mark.parametrize("config", [b'{"model_type": "tiny"}\n', b'{"model_type": "new!"}\n'])
def test_an_update_takes_the_config_away_before_it_moves_anything(
    hub: Hub, job: Job, config: bytes
) -> None:
    job.run()
    hub.commit = "d" * 40
    hub.files |= {"config.json": config, "README.md": b"# Two\n", "extra/vocab.txt": b"a b\n"}
    (job.folder / "extra").write_text("in the way")
    run = job.run()
    assert run.returncode == 27, run.stderr
    assert "config.json" not in job.model()
    (job.folder / "extra").unlink()
    hub.forget()
    assert_complete(job.run(), job, hub)
    assert hub.downloads() == []


def test_what_an_interrupted_run_of_another_revision_staged_is_not_published(
    hub: Hub, job: Job
) -> None:
    job.run()
    staged = job.root / ".ira-model-download" / MODEL_ID
    staged.mkdir(parents=True)
    (staged / "config.json").write_text("stale")
    (staged / "stale.safetensors").write_text("stale")
    hub.forget()
    assert_complete(job.run(), job, hub)
    assert hub.downloads() == []


def test_a_download_of_another_model_in_the_same_bucket_is_left_alone(hub: Hub, job: Job) -> None:
    theirs = job.root / ".ira-model-download" / "Other" / "model"
    theirs.mkdir(parents=True)
    (theirs / "config.json").write_text("{}")
    assert job.run().returncode == 0
    assert contents(theirs) == {"config.json": b"{}"}
