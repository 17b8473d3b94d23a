"""The server that a container starts, and the server's own arguments."""

from __future__ import annotations

import pytest

from ira_manifests.vllm.server import ServerCommand, find_server

IMAGE = "vllm/vllm-openai:v0.26.0"


def found(
    command: list[str], arguments: list[str], image: str = IMAGE, **variables: str
) -> ServerCommand | None:
    return find_server(command, arguments, image=image, release="0.26.0", variables=variables)


@pytest.mark.parametrize(
    ("command", "arguments", "words", "sources", "serve"),
    [
        (["vllm", "serve"], ["/gcs/m", "-tp=8"], ("/gcs/m", "-tp=8"), (2, 3), True),
        (["/usr/bin/vllm"], ["serve", "/gcs/m"], ("/gcs/m",), (2,), True),
        (["vllm", "serve", "/gcs/m"], [], ("/gcs/m",), (2,), True),
        ([], ["/gcs/m", "-tp=8"], ("/gcs/m", "-tp=8"), (0, 1), False),
        (
            ["python3", "-m", "vllm.entrypoints.openai.api_server"],
            ["--model=/gcs/m"],
            ("--model=/gcs/m",),
            (3,),
            False,
        ),
        (
            ["/bin/bash", "-c"],
            ["set -e\nexec vllm serve $MODEL \\\n  --seed 1 | tee log\necho done"],
            ("/gcs/m", "--seed", "1"),
            (2, 2, 2),
            True,
        ),
    ],
)
def test_the_servers_own_arguments_are_known_by_how_it_is_started(
    command: list[str],
    arguments: list[str],
    words: tuple[str, ...],
    sources: tuple[int, ...],
    serve: bool,
) -> None:
    server = found(command, arguments, MODEL="/gcs/m")

    assert server is not None
    assert (server.words, server.sources, server.serve) == (words, sources, serve)
    assert server.model == "/gcs/m"


@pytest.mark.parametrize(
    ("command", "arguments", "image"),
    [
        (["/bin/sh", "-c"], ["echo vllm is served elsewhere"], IMAGE),
        (["/bin/sh", "-c"], ["vllm 'serve"], IMAGE),  # a quoted text that does not end
        (["vllm", "bench"], ["serve"], IMAGE),
        (["python3", "-m", "http.server"], [], IMAGE),
        ([], ["/gcs/m"], "busybox:1.37.0"),
        ([], [], "busybox:1.37.0"),
    ],
)
def test_other_programs_are_no_server(command: list[str], arguments: list[str], image: str) -> None:
    assert found(command, arguments, image) is None


def test_an_image_that_starts_the_server_alone_has_words_of_no_argument() -> None:
    server = found([], [])

    assert server is not None
    assert server.words == ()
    assert server.index_of("--seed") is None


def test_an_option_and_the_model_are_found_by_any_spelling() -> None:
    server = found(["vllm", "serve"], ["--tensor_parallel_size", "8", "--model=/gcs/m"])

    assert server is not None
    assert server.index_of("--tensor-parallel-size") == 0
    assert server.model_index == 2
    assert server.index_of("--seed") is None
