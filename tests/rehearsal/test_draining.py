"""A request that is running when its Pod is deleted gets its complete answer."""

from __future__ import annotations

import http.client
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from ira_manifests.vllm.draining import drain
from testing.objects import Json
from testing.processes import eventually, running
from testing.project import DIST
from testing.rehearsal.pods import Container, containers
from tests.rehearsal.deletion import SCALE, delete, programs

CELLS = sorted(path.name for path in DIST.iterdir() if path.name.startswith("online-"))
Rendered = dict[str, list[Json]]


def answer(port: int, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    response = connection.getresponse()
    return response.read().decode() if response.status == 200 else f"{response.status}"


def deleted_with_a_request(
    server: Container, warm_up: Container, folder: Path, seconds_left: int
) -> str:
    """Start the Pod's containers, send a request, delete the Pod, and return the answer.

    `seconds_left`: the duration of the request after SIGTERM.
    """
    path = f"{programs(folder / 'bin')}:{os.environ['PATH']}"
    files = {"PORT_FILE": str(folder / "port"), "STARTED": str(folder / "started")}
    scaled = {"SCALE": str(SCALE), "LEFT": str(seconds_left)}
    env = {**server.environment, **files, **scaled, "PATH": path}
    (folder / "model").mkdir()
    of_warm_up = {**warm_up.environment, "PATH": "/usr/bin:/bin", "MODEL_ROOT": str(folder)}
    with (
        running(["/usr/bin/env", *server.command], env) as process,
        running(warm_up.command, of_warm_up) as other,
        ThreadPoolExecutor() as pool,
    ):
        eventually((folder / "port").exists)
        port = int((folder / "port").read_text())
        long = pool.submit(answer, port, "/long")
        eventually((folder / "started").exists)
        delete(server, process, [other], env)
        assert None not in (process.poll(), other.poll())
        return long.result()


@pytest.mark.parametrize("directory", CELLS[:2])
def test_a_request_of_20_seconds_survives_the_deletion_of_its_pod(
    rendered: Rendered, directory: str, tmp_path: Path
) -> None:
    server, warm_up = containers(rendered[directory], "Deployment", {})

    assert deleted_with_a_request(server, warm_up, tmp_path, 5) == "the whole answer"


def without_the_timeout(server: Container) -> Container:
    args = [word for word in server.json["args"] if "shutdown" not in word]
    return replace(server, json={**server.json, "args": args})


def without_the_grace_period(server: Container) -> Container:
    return replace(server, pod={**server.pod, "terminationGracePeriodSeconds": 1})


@pytest.mark.parametrize("cut", [without_the_timeout, without_the_grace_period])
def test_a_drain_that_lacks_a_part_cuts_it_off(
    rendered: Rendered, tmp_path: Path, cut: Callable[[Container], Container]
) -> None:
    server, warm_up = containers(rendered[CELLS[0]], "Deployment", {})

    with pytest.raises((ConnectionError, http.client.HTTPException)):
        deleted_with_a_request(cut(server), warm_up, tmp_path, 100)


@pytest.mark.parametrize("directory", CELLS)
def test_the_grace_period_is_longer_than_what_it_covers(rendered: Rendered, directory: str) -> None:
    server, _ = containers(rendered[directory], "Deployment", {})

    sleep = int(server.json["lifecycle"]["preStop"]["exec"]["command"][1])
    (timeout,) = [
        int(word.partition("=")[2]) for word in server.command if "--shutdown-timeout" in word
    ]
    assert timeout == 120
    assert server.pod["terminationGracePeriodSeconds"] > sleep + timeout


@pytest.mark.parametrize(
    ("release", "can_wait"),
    [
        ("0.17.1", False),
        ("0.18.0", True),
        ("0.26.0", True),
        ("0.99.0", True),
        ("0.27.9", True),
        ("0.18.0rc1", False),
        ("0.17.9", False),
    ],
)
def test_the_engine_waits_where_its_release_can(release: str, can_wait: bool) -> None:
    times = drain(60, release)

    assert times is not None
    assert times.shutdown_timeout == (60 if can_wait else None)
    assert times.grace_period > times.pre_stop + 60


def test_no_seconds_are_no_drain() -> None:
    assert drain(0, "0.26.0") is None
