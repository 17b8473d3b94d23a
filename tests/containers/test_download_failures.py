"""Failures of a download: it retries, or ends at once with a reason."""

from __future__ import annotations

import threading

import pytest

from testing import processes
from testing.hub import API, Fault, Hub
from testing.processes import DOWNLOAD, finish, needs_mounts
from testing.project import TOKEN
from testing.tiny_model import INDEX, MODEL_ID, SHARDS, weights
from tests.containers.download_job import Job, assert_complete, assert_failed
from tests.containers.faults import cut_after, damaged, reset_after, silent_after, status

INVALID_INPUT = {
    "IRA_BUCKET_NAME is missing": ({"IRA_BUCKET_NAME": None}, 10, "IRA_BUCKET_NAME is not set"),
    "MODEL_ID is missing": ({"MODEL_ID": None}, 10, "MODEL_ID is not set"),
    "MODEL_ID is empty": ({"MODEL_ID": ""}, 10, "MODEL_ID is not set"),
    "the token is missing": ({"HUGGING_FACE_TOKEN": None}, 10, "HUGGING_FACE_TOKEN is not set"),
    "the release is missing": (
        {"HUGGINGFACE_HUB_VERSION": None},
        10,
        "HUGGINGFACE_HUB_VERSION is not set",
    ),
    "the bucket is the placeholder": (
        {"IRA_BUCKET_NAME": "<IRA_BUCKET_NAME>"},
        11,
        "IRA_BUCKET_NAME is still the placeholder <IRA_BUCKET_NAME>",
    ),
    "MODEL_ID is the placeholder": (
        {"MODEL_ID": "<MODEL_ID>"},
        11,
        "MODEL_ID is still the placeholder <MODEL_ID>",
    ),
    "the token is the placeholder": (
        {"HUGGING_FACE_TOKEN": '"<HUGGING_FACE_TOKEN>"'},
        11,
        "HUGGING_FACE_TOKEN is still the placeholder <HUGGING_FACE_TOKEN>",
    ),
    "MODEL_ID has no owner": ({"MODEL_ID": "gemma"}, 12, "MODEL_ID must be <owner>/<name>"),
    "MODEL_ID is a path": ({"MODEL_ID": "a/b/c"}, 12, "MODEL_ID must be <owner>/<name>"),
    "MODEL_ID climbs": ({"MODEL_ID": "../b"}, 12, "MODEL_ID must be <owner>/<name>"),
    "MODEL_ID is an address": (
        {"MODEL_ID": "https://huggingface.co/a/b"},
        12,
        "MODEL_ID must be <owner>/<name>",
    ),
    "MODEL_ID ends in CR": ({"MODEL_ID": "a/b\r"}, 12, r"'a/b\r'"),
    "MODEL_ID has a comment": ({"MODEL_ID": "a/b # mine"}, 12, "'a/b # mine'"),
    "the token ends in a blank": (
        {"HUGGING_FACE_TOKEN": TOKEN + " "},
        13,
        "HUGGING_FACE_TOKEN has",
    ),
    "the token ends in CR": ({"HUGGING_FACE_TOKEN": TOKEN + "\r"}, 13, "HUGGING_FACE_TOKEN has"),
    "the token is quoted": ({"HUGGING_FACE_TOKEN": f'"{TOKEN}"'}, 13, "HUGGING_FACE_TOKEN has"),
    "nothing is mounted": ({"MODEL_ROOT": "/nowhere"}, 14, "/nowhere is not a folder"),
}


# Temporary failures


def test_a_connection_that_is_cut_goes_on_where_it_broke(hub: Hub, job: Job) -> None:
    size = 25 * 2**20
    hub.files[SHARDS[0]] = weights(size)
    hub.fail(SHARDS[0], cut_after(size - 1000))
    assert_complete(job.run(), job, hub)
    assert hub.downloads().count(SHARDS[0]) == 2
    assert size < hub.sent[SHARDS[0]] < 1.5 * size


def test_a_server_that_falls_silent_is_asked_again(hub: Hub, job: Job) -> None:
    over = threading.Event()
    hub.fail(SHARDS[0], silent_after(1000, over))
    assert_complete(job.run(HF_HUB_DOWNLOAD_TIMEOUT="1"), job, hub)
    over.set()


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        (API, status(500)),
        (API, status(503)),
        (SHARDS[0], status(500)),
        (SHARDS[0], reset_after(1000)),
        (SHARDS[0], status(403)),
        (SHARDS[0], damaged),
        ("config.json", damaged),
    ],
    ids=[
        "a server error at the listing",
        "an overload at the listing",
        "a server error at a file",
        "a reset connection",
        "a signed address that ran out",
        "damaged weights",
        "a damaged text",
    ],
)
def test_a_passing_failure_is_tried_again(hub: Hub, job: Job, path: str, fault: Fault) -> None:
    hub.fail(path, fault)
    run = job.run()
    assert_complete(run, job, hub)
    assert "download-model: try 1 of 3, " in run.stderr


@pytest.mark.parametrize("path", [API, SHARDS[0]])
def test_a_failure_that_does_not_pass_ends_the_job_after_bounded_tries(
    hub: Hub, job: Job, path: str
) -> None:
    hub.fail(path, *[status(500)] * 100)
    run = job.run()
    assert run.returncode == 27
    assert "giving up after 3 tries" in run.stderr.splitlines()[-1]
    asked = [r for r in hub.requests if r.path == path and (path == API or r.is_download)]
    assert len(asked) == 3
    assert job.model() == {}


def test_weights_that_never_match_their_checksum_are_not_published(hub: Hub, job: Job) -> None:
    hub.fail(SHARDS[0], *[damaged] * 100)
    run = job.run()
    assert run.returncode == 27
    assert "differs from the Hub's checksum" in run.stderr
    assert job.model() == {}


# Permanent failures


@pytest.mark.parametrize(("changes", "code", "message"), INVALID_INPUT.values(), ids=INVALID_INPUT)
def test_invalid_input_ends_the_job_before_anything_is_touched(
    hub: Hub, job: Job, changes: dict[str, str | None], code: int, message: str
) -> None:
    run = job.run(**changes)
    assert_failed(run, code, message)
    assert TOKEN not in run.stderr
    assert hub.requests == []
    assert list(job.root.iterdir()) == []
    assert list(job.tmp.iterdir()) == []


def test_placeholders_are_reported_even_when_nothing_is_mounted(job: Job) -> None:
    run = job.run(MODEL_ID="<MODEL_ID>", MODEL_ROOT="/nowhere")
    assert_failed(run, 11, "MODEL_ID is still the placeholder")


def test_a_wrong_token_ends_the_job_at_once(hub: Hub, job: Job) -> None:
    assert_failed(job.run(HUGGING_FACE_TOKEN="hf_wrong"), 22, "the Hub refuses the token")
    assert len(hub.requests) == 1


def test_terms_not_accepted_end_the_job_at_once_and_the_message_names_the_page(
    hub: Hub, job: Job
) -> None:
    hub.gated = True
    assert_failed(job.run(), 23, f"accept the terms on https://huggingface.co/{MODEL_ID} ")
    assert len({r.path for r in hub.requests}) == len(hub.requests), "something was tried again"


def test_a_missing_repository_ends_the_job_at_once(hub: Hub, job: Job) -> None:
    run = job.run(MODEL_ID="Some-Org/Other")
    assert_failed(run, 24, "the Hub shows this token no Some-Org/Other at revision main (404)")
    assert len(hub.requests) == 1


def test_an_id_in_another_case_ends_the_job(hub: Hub, job: Job) -> None:
    run = job.run(MODEL_ID=MODEL_ID.lower())
    assert_failed(run, 12, f"the Hub writes {MODEL_ID}")
    assert hub.downloads() == []


@pytest.mark.parametrize(
    "missing", ["config.json", SHARDS[1], None], ids=["config", "shard", "all"]
)
def test_a_repository_that_cannot_be_served_ends_the_job(
    hub: Hub, job: Job, missing: str | None
) -> None:
    for path in [missing] if missing else [INDEX, *SHARDS]:
        del hub.files[path]
    run = job.run()
    assert_failed(run, 26, missing or "no weights")
    assert job.model() == {}


INVALID_INDEXES: dict[str, tuple[bytes, str]] = {
    "no JSON": (b"<html>", "is not an index of safetensors"),
    "no UTF-8": (b'{"weight_map": {"a": "\xff"}}', "is not an index of safetensors"),
    "nested without an end": (b"[" * 200_000, "is not an index of safetensors"),
    "a list": (b"[]", "has no weight_map"),
    "no map": (b'{"metadata": {}}', "has no weight_map"),
    "a list for the map": (b'{"weight_map": ["a.safetensors"]}', "has no weight_map"),
    "an empty map": (b'{"weight_map": {}}', "has no weight_map"),
    "a number for a name": (b'{"weight_map": {"a": 1}}', "has no weight_map"),
    "a list for a name": (b'{"weight_map": {"a": ["b"]}}', "has no weight_map"),
    "a folder": (b'{"weight_map": {"a": "x/y"}}', "names 'x/y', which is no file beside it"),
    "a climb": (b'{"weight_map": {"a": "../x"}}', "names '../x', which is no file beside it"),
    "the folder itself": (b'{"weight_map": {"a": "."}}', "names '.', which is no file beside it"),
    "an empty name": (b'{"weight_map": {"a": ""}}', "names '', which is no file beside it"),
    "half a character": (
        b'{"weight_map": {"a": "\\ud800"}}',
        r"names '\ud800', which is not there",
    ),
    "a name without an end": (b'{"weight_map": {"a": "' + b"x" * 10**6 + b'"}}', "names 'xxx"),
}


@pytest.mark.parametrize(("index", "message"), INVALID_INDEXES.values(), ids=INVALID_INDEXES)
def test_an_index_that_names_no_shards_ends_the_job(
    hub: Hub, job: Job, index: bytes, message: str
) -> None:
    hub.files[INDEX] = index
    run = job.run()
    assert_failed(run, 26, f"{INDEX} {message}")
    assert len(run.stderr) < 1000
    assert job.model() == {}


def test_an_index_that_no_model_needs_to_be_so_large_is_not_read(hub: Hub, job: Job) -> None:
    hub.files[INDEX] = b" " * (64 * 2**20 + 1)
    assert_failed(job.run(), 26, f"{INDEX} has 67108865 bytes, more than it needs")


@pytest.mark.parametrize(
    "path", ["../../../outside.safetensors", "a//b.json", "/tmp/x", "a/./b", "a\0b", "\ud800"]
)
def test_a_repository_whose_files_would_leave_its_folder_ends_the_job(
    hub: Hub, job: Job, path: str
) -> None:
    hub.files[path] = weights(10)
    assert_failed(job.run(), 26, f"lists {path!a}, which is no path inside of it")
    assert hub.downloads() == []
    assert job.everything() == set()


@needs_mounts
@pytest.mark.parametrize(
    ("options", "code", "message"),
    [("size=500k", 25, "no space left"), ("ro", 14, "is not a folder that can be written to")],
    ids=["a full disk", "a read-only mount"],
)
def test_a_bucket_that_takes_no_more_ends_the_job_at_once(
    hub: Hub, job: Job, options: str, code: int, message: str
) -> None:
    mount = f'mount -t tmpfs -o {options} tmpfs "$MODEL_ROOT" && exec bash -c "$0"'
    command = [*processes.NEW_MOUNTS, "sh", "-c", mount, DOWNLOAD]
    assert_failed(finish(processes.start(command, job.environment())), code, message)
    assert len(set(hub.downloads())) == len(hub.downloads()), "something was tried again"


def test_a_bucket_that_the_pod_may_not_write_to_ends_the_job_at_once(hub: Hub, job: Job) -> None:
    (job.root / ".ira-model-download").mkdir(mode=0o555)
    command = [*processes.WITHOUT_CAPABILITIES, "bash", "-c", DOWNLOAD]
    run = finish(processes.start(command, job.environment()))
    assert_failed(run, 14, "the bucket can't be written to")
    assert hub.downloads() == []
