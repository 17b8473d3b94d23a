"""A stand-in for vLLM's server on loopback, with a simulated clock.

vLLM opens its port when the model is loaded, and then answers GET /health with 200
(https://github.com/vllm-project/vllm, vllm/entrypoints). A header gives the simulated duration of
an answer; the real one comes at once.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

TOOK = "X-Took-Seconds"
NEVER = math.inf


@dataclass
class Clock:
    """The simulated time in seconds since the server's start."""

    now: float = 0


@dataclass(frozen=True)
class Life:
    """A server's behaviour: the time when the model is loaded, and the duration of answers.

    `load`: in seconds. `answer`: from the time of a request to the seconds until its answer.
    """

    load: float
    answer: Callable[[float], float] = lambda _now: 0


class StandIn(AbstractContextManager["StandIn"]):
    """The server. Its port is closed until the model is loaded."""

    def __init__(self, life: Life, clock: Clock) -> None:
        self.life, self.clock = life, clock
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), _handler(self), bind_and_activate=False
        )
        self._server.server_bind()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread:
            self._server.shutdown()
        self._server.server_close()

    def tick(self) -> None:
        """Open the port if the model is loaded by now."""
        if self._thread is None and self.clock.now >= self.life.load:
            self._server.server_activate()
            self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
            self._thread.start()

    @property
    def port(self) -> int:
        """The port on loopback."""
        return self._server.server_port


def _handler(stand_in: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/health" else 404)
            self.send_header(TOOK, str(stand_in.life.answer(stand_in.clock.now)))
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Keep the output of the tests quiet."""

    return Handler
