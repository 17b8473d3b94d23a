"""A stand-in for vLLM's server on loopback, which lives in the seconds of a clock that it is given.

vLLM answers on its port when the model is loaded, and GET /health then with 200
(https://github.com/vllm-project/vllm, vllm/entrypoints). How long an answer takes by the clock is
said in a header; nobody waits for it.
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
    """The seconds that have passed for the server."""

    now: float = 0


@dataclass(frozen=True)
class Life:
    """When the model is loaded, and how long an answer takes at each time after."""

    load: float
    answer: Callable[[float], float] = lambda _now: 0


class StandIn(AbstractContextManager["StandIn"]):
    """The server. Before the load is over its port is closed."""

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
        """Do what is due by the clock."""
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
