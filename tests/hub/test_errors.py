"""Each cause for which a model can't be read from the Hub: one message, and no profile."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest

from testing.edits import edit_profile
from testing.hub import API, Fault, Handler, Hub
from testing.project import TOKEN, copy_profiles
from tests.architectures.configs import config
from tests.cluster.certificates import write_certificates
from tests.containers.faults import cut_after, silent_after, status
from tests.hub.asking import (
    CONFIG,
    INDEX,
    MODEL,
    SINGLE,
    add,
    assert_refused,
    encoded,
    environment,
    model,
    weights,
)
from tests.support import ira_alone


def refused(folder: Path, hub: Hub, says: str, *words: str, **changes: str) -> None:
    """Assert that the Hub's model is refused in one message."""
    assert_refused(folder, add(folder, hub, *words, **changes), says)


def test_a_model_that_is_not_there_may_be_private(tmp_path: Path) -> None:
    with Hub(MODEL, model()) as hub:
        says = f"no model Qwen/Qwen3-9B on {hub.url}, or it is private: then set HF_TOKEN to a"
        refused(tmp_path, hub, says, "Qwen/Qwen3-9B")


def test_a_model_that_the_tokens_account_does_not_see(tmp_path: Path) -> None:
    with Hub(MODEL, model()) as hub:
        says = f"no model Qwen/Qwen3-9B on {hub.url}, or it is private and your token"
        refused(tmp_path, hub, says, "Qwen/Qwen3-9B", HF_TOKEN=TOKEN)


@pytest.mark.parametrize(("kind", "word"), [("datasets", "a dataset"), ("spaces", "a Space")])
def test_a_repository_of_another_kind(tmp_path: Path, kind: str, word: str) -> None:
    with Hub(MODEL, model(), kind=kind, is_public=True) as hub:
        refused(tmp_path, hub, f"{MODEL} is {word} on the Hub, not a model")


def test_a_token_that_is_not_valid(tmp_path: Path) -> None:
    with Hub(MODEL, model(), is_public=True) as hub:
        says = "refuses the token (HF_TOKEN, else that of `hf auth login`) as invalid or expired: "
        refused(tmp_path, hub, f"{says}make a new one on {hub.url}/settings", HF_TOKEN="hf_old")


def test_terms_that_are_not_accepted(tmp_path: Path) -> None:
    with Hub(MODEL, model(), gated=True) as hub:
        says = f"the account of your token has none: accept the terms on {hub.url}/{MODEL}, and"
        refused(tmp_path, hub, says, HF_TOKEN=TOKEN)


def test_terms_without_a_token(tmp_path: Path) -> None:
    with Hub(MODEL, model(), gated=True, is_public=True) as hub:
        says = (
            f"no token is set: accept the terms on {hub.url}/{MODEL}, and set HF_TOKEN to a token"
        )
        refused(tmp_path, hub, says)


def test_a_token_without_the_permission(tmp_path: Path) -> None:
    with Hub(MODEL, model()) as hub:
        hub.fail(API, answer(403, {"X-Error-Message": "Enable access in your token's settings."}))
        says = "refuses access to Qwen/Qwen3-8B (403); the token's permissions are on"
        refused(tmp_path, hub, says, HF_TOKEN=TOKEN)


def answer(code: int, headers: dict[str, str] | None = None, body: bytes = b"") -> Fault:
    def fault(handler: Handler) -> bool:
        handler.answer(code, headers, body)
        return True

    return fault


def test_a_revision_that_is_none(tmp_path: Path) -> None:
    with Hub(MODEL, model(), is_public=True) as hub:
        says = f"{MODEL} has no revision mian; give --revision a branch, a tag or a whole commit"
        refused(tmp_path, hub, says, MODEL, "--revision", "mian")


# An address of documentation that no name server has: RFC 6761.
NO_ADDRESS = {
    "http://hub.invalid": "the name of http://hub.invalid can't be resolved; is there a network?",
    "hub.example": "HF_ENDPOINT is no address of a Hub, such as https://huggingface.co",
    "ftp://hub.example": "HF_ENDPOINT is no address of a Hub",
}


@pytest.mark.parametrize("endpoint", NO_ADDRESS)
def test_an_endpoint_that_is_no_hub(tmp_path: Path, endpoint: str) -> None:
    with Hub(MODEL, model()) as hub:
        refused(tmp_path, hub, NO_ADDRESS[endpoint], HF_ENDPOINT=endpoint)


def test_a_hub_that_refuses_connections(tmp_path: Path) -> None:
    with socket.socket() as taken, Hub(MODEL, model()) as hub:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        refused(tmp_path, hub, f"{url} can't be reached: it refuses", HF_ENDPOINT=url)


def test_a_certificate_is_trusted_only_if_an_authority_is(tmp_path: Path) -> None:
    write_certificates(tmp_path / "tls")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls/server.crt", tmp_path / "tls/server.key")
    with Hub(MODEL, model(), is_public=True, tls=context) as hub:
        url = hub.url
        refused(tmp_path, hub, f"the certificate of {url} is not trusted; SSL_CERT_FILE names")
        run = add(tmp_path, hub, SSL_CERT_FILE=str(tmp_path / "tls/ca.crt"))
    # The files on another host would be without https.
    assert_refused(
        tmp_path, run, f"{url} redirects {SINGLE} of {MODEL} to an address without https"
    )


def test_a_hub_without_tls(tmp_path: Path) -> None:
    with Hub(MODEL, model()) as hub:
        url = hub.url.replace("http:", "https:")
        refused(tmp_path, hub, f"{url} does not speak TLS; see HF_ENDPOINT", HF_ENDPOINT=url)


@pytest.mark.parametrize("path", [API, CONFIG, SINGLE])
def test_a_hub_that_hangs(tmp_path: Path, path: str) -> None:
    end = threading.Event()
    with Hub(MODEL, model(), is_public=True) as hub:
        hub.fail(path, hanging(end) if path == API else silent_after(7, end))
        run = add(tmp_path, hub, HF_HUB_DOWNLOAD_TIMEOUT="1")
        end.set()

    assert_refused(tmp_path, run, "for 1 seconds; --from reads a folder, and HF_HUB_OFFLINE=1 the")


def hanging(until: threading.Event) -> Fault:
    def fault(handler: Handler) -> bool:
        until.wait(60)
        handler.close_connection = True
        return True

    return fault


READ_FOR_A_SECOND = f"from ira_manifests import hub; hub.read({MODEL!r}, seconds=1)"


def test_a_hub_that_never_ends_an_answer_is_not_waited_for(tmp_path: Path) -> None:
    """A byte now and then keeps a request alive: the time of all together has an end as well."""
    end = threading.Event()
    with Hub(MODEL, model(), is_public=True) as hub:
        hub.fail(CONFIG, dripping(end))
        run = ira_alone(
            program=("-c", READ_FOR_A_SECOND), cwd=tmp_path, env=environment(tmp_path, hub),
            timeout=60,
        )  # fmt: skip
        end.set()

    assert "InputError: Qwen/Qwen3-8B could not be read from the Hub within 1 seconds" in run.stderr


def dripping(until: threading.Event) -> Fault:
    def fault(handler: Handler) -> bool:
        handler.send_file(handler.file, handler.hub.files[handler.file], 0)
        while not until.wait(0.2):
            handler.wfile.write(b" ")
        handler.close_connection = True
        return True

    return fault


FAILURES: dict[str, tuple[str, Fault, str]] = {
    "an error of the list": (API, status(500), "answers 500 for the list of files, an error of"),
    "an error of a file": (CONFIG, status(503), "answers 503 for config.json of Qwen/Qwen3-8B"),
    "an error of a store": (SINGLE, status(502), "answers 502 for model.safetensors of Qwen/Qwen3"),
    "a file that is cut off": (
        CONFIG,
        cut_after(9),
        "breaks off its answer with config.json",
    ),
    "a header that is cut off": (
        SINGLE,
        cut_after(9),
        "breaks off its answer with model",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_tried_again_once(tmp_path: Path, name: str) -> None:
    path, fault, says = FAILURES[name]
    with Hub(MODEL, model(), is_public=True) as hub:
        hub.fail(path, fault, fault)
        refused(tmp_path, hub, says)
        hub.fail(path, fault)
        run = add(tmp_path, hub)

    assert run.returncode == 0, run.stderr


LASTING: dict[str, tuple[str, Fault, str]] = {
    "too many requests": (
        API,
        answer(429, {"Retry-After": "7"}),
        "answers 429, too many requests: try again in 7 seconds; with a token (HF_TOKEN) the Hub",
    ),
    "the Hub's limit": (
        API,
        answer(429, {"RateLimit": '"api";r=0;t=55'}),
        "too many requests: try again in 55 seconds",
    ),
    "another answer": (API, answer(418), "answers 418 for the list of files"),
    "a page for a list": (API, answer(200, body=b"<html>"), "does not list the files of Qwen/"),
    "a list of nothing": (API, answer(200, body=b"{}"), "does not list the files of Qwen/Qwen3-8B"),
    "a list without sizes": (
        API,
        answer(
            200, body=b'{"id": "a/b", "sha": "%s", "siblings": [{"rfilename": "a"}]}' % (b"0" * 40)
        ),
        "does not list the files of Qwen/Qwen3-8B as the Hub does; see HF_ENDPOINT",
    ),
    "a list deeper than is read": (
        API,
        answer(200, body=b"[" * 100_000),
        "does not list the files",
    ),
    "a link that the store has ended": (
        SINGLE,
        answer(403),
        "to which the Hub redirects model.safetensors of Qwen/Qwen3-8B, answers 403",
    ),
    "another range": (
        SINGLE,
        answer(206, {"Content-Range": "bytes 5-9/10"}, b"12345"),
        "sends another part of model.safetensors of Qwen/Qwen3-8B than requested",
    ),
    "another size": (
        SINGLE,
        answer(206, {"Content-Range": "bytes 0-4/5"}, b"12345"),
        "model.safetensors of Qwen/Qwen3-8B has 5 bytes, and the Hub lists it with",
    ),
}


@pytest.mark.parametrize("name", LASTING)
def test_an_answer_that_is_none(tmp_path: Path, name: str) -> None:
    path, fault, says = LASTING[name]
    with Hub(MODEL, model(), is_public=True) as hub:
        hub.fail(path, fault)
        refused(tmp_path, hub, says)


def test_a_small_file_elsewhere_is_not_fetched(tmp_path: Path) -> None:
    with Hub(MODEL, model()) as hub, Hub(MODEL, model()) as other:
        hub.locations[CONFIG] = f"{other.url}/config.json"
        refused(
            tmp_path, hub, f"redirects {CONFIG} of {MODEL} to another host, {other.url}, which is",
            HF_TOKEN=TOKEN,
        )  # fmt: skip

        assert other.requests == []


def test_a_list_elsewhere_is_not_fetched(tmp_path: Path) -> None:
    with Hub(MODEL, model()) as hub, Hub(MODEL, model()) as other:
        hub.fail(API, answer(307, {"Location": f"{other.url}/api/models/{MODEL}"}))
        refused(tmp_path, hub, "redirects the list of files to another host", HF_TOKEN=TOKEN)

        assert other.requests == []


def test_a_redirect_without_end(tmp_path: Path) -> None:
    with Hub(MODEL, model(), is_public=True) as hub:
        hub.locations[CONFIG] = f"/{MODEL}/resolve/{hub.commit}/{CONFIG}"
        refused(tmp_path, hub, f"redirects {CONFIG} of {MODEL} without end")


def test_a_redirect_to_nowhere(tmp_path: Path) -> None:
    with Hub(MODEL, model(), is_public=True) as hub:
        hub.locations[CONFIG] = "http://[::1"
        refused(tmp_path, hub, f"breaks off its answer with {CONFIG} of {MODEL}, or")


OTHER_FILES: dict[str, tuple[dict[str, Any], str]] = {
    "GGUF": ({"model-Q4_K_M.gguf": b"GGUF"}, "but model-Q4_K_M.gguf: only weights as safetensors"),
    "pickles": ({CONFIG: b"{}", "pytorch_model.bin": b"PK"}, "but pytorch_model.bin: only weights"),
    "Mistral's own": ({"params.json": b"{}"}, "but params.json: only weights as safetensors"),
    "Mistral's weights": (
        {CONFIG: b"{}", "consolidated.safetensors": weights(100)},
        "but consolidated.safetensors: only weights as safetensors",
    ),
    "no weights": ({CONFIG: b"{}"}, "Qwen/Qwen3-8B has no weights as safetensors at the top"),
    "nothing": ({"README.md": b"# Soon"}, "Qwen/Qwen3-8B has no config.json: vLLM can't serve it"),
    "an adapter": (
        {"adapter_config.json": b"{}", "adapter_model.safetensors": weights(100)},
        "Qwen/Qwen3-8B is an adapter (adapter_config.json without config.json): add the model that",
    ),
    "a missing part": (
        model(**{"model__safetensors": None, INDEX.replace(".", "__"): encoded(
            {"metadata": {"total_size": 9}, "weight_map": {"a": "model-1.safetensors"}}
        )}),
        f"{INDEX} of Qwen/Qwen3-8B names model-1.safetensors, which is not there",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHER_FILES)
def test_a_repository_without_weights_that_are_served(tmp_path: Path, name: str) -> None:
    files, says = OTHER_FILES[name]
    with Hub(MODEL, files, is_public=True) as hub:
        refused(tmp_path, hub, says)


def changed(**values: Any) -> bytes:
    return encoded({**config("Qwen--Qwen3-8B"), **values})


BAD_FILES: dict[str, tuple[dict[str, Any], str]] = {
    "a large config": (
        {"config__json": b" " * (5 << 20)},
        "config.json of Qwen/Qwen3-8B is larger",
    ),
    "half a config": ({"config__json": b'{"architectures'}, "config.json of Qwen/Qwen3-8B is not"),
    "a false header": (
        {"model__safetensors": weights(1000, claims=1 << 60)},
        f"model.safetensors says that its header has {1 << 60} bytes",
    ),
    "a header as large as the file": (
        {"model__safetensors": weights(1 << 40, claims=1 << 30)},
        f"model.safetensors has a header of {1 << 30} bytes; 100000000 is the most",
    ),
    "no header": ({"model__safetensors": b""}, "model.safetensors says that its header has 0"),
    "an unknown architecture": (
        {"config__json": changed(architectures=["QwenSomethingForCausalLM"])},
        "QwenSomethingForCausalLM is an architecture that no release of vLLM",
    ),
    "code of its own": (
        {"config__json": changed(auto_map={"AutoConfig": "c.C"})},
        "runs Python code of its repository (auto_map)",
    ),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_is_not_what_it_should_be(tmp_path: Path, name: str) -> None:
    files, says = BAD_FILES[name]
    with Hub(MODEL, model(**files), is_public=True) as hub:
        refused(tmp_path, hub, says)


def test_an_engine_that_is_too_old(tmp_path: Path) -> None:
    copy_profiles(tmp_path)
    edit_profile(tmp_path / "profiles", "platform.yaml", {"version: 0.26.0": "version: 0.16.0"})
    files = model(config__json=encoded(config("Qwen--Qwen3.5-27B")))
    with Hub(MODEL, files, is_public=True) as hub:
        refused(tmp_path, hub, "is served by vLLM from 0.17.0 on, and platform.yaml has 0.16.0")


ENVIRONMENT: dict[str, tuple[dict[str, str], str]] = {
    "a timeout in words": ({"HF_HUB_DOWNLOAD_TIMEOUT": "soon"}, "refuses a variable of the env"),
    "a token of other letters": ({"HF_TOKEN": f"{TOKEN}\u00e9"}, "has letters that no token has"),
    "offline without a copy": (
        {"HF_HUB_OFFLINE": "1"},
        "Qwen/Qwen3-8B is not in the Hub's cache (",
    ),
}


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_a_variable_that_can_not_be_used(tmp_path: Path, name: str) -> None:
    changes, says = ENVIRONMENT[name]
    with Hub(MODEL, model(), is_public=True) as hub:
        refused(tmp_path, hub, says, **changes)

        assert hub.requests == []


def test_an_empty_revision(tmp_path: Path) -> None:
    with Hub(MODEL, model()) as hub:
        refused(tmp_path, hub, "--revision is empty; give a branch, a tag", MODEL, "--revision", "")
