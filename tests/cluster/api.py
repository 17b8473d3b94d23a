"""Direct calls to the API server, for polls that kubectl is too slow for."""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from testing.objects import Json

T = TypeVar("T")

_MERGE_PATCH = "application/merge-patch+json"


class ApiError(Exception):
    """The API server refused a request. `status`: the HTTP status; the message is the server's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Api:
    """The REST interface of one API server, as one of its users. Paths begin with `/api`."""

    def __init__(self, server: str, token: str, ca: Path) -> None:
        self._server = server
        self._token = token
        # No proxy: the server is on this machine.
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(ca))),
        )

    def get(self, path: str) -> Json:
        """Reads an object or a list."""
        return self._json("GET", path)

    def items(self, path: str) -> list[Json]:
        """Reads the objects of a list."""
        items: list[Json] = self.get(path)["items"]
        return items

    def exists(self, path: str) -> bool:
        """Tells whether an object is there."""
        try:
            self.get(path)
        except ApiError as error:
            if error.status != 404:
                raise
            return False
        return True

    def create(self, path: str, manifest: Json) -> Json:
        """Adds an object to the list at `path`."""
        return self._json("POST", path, manifest)

    def patch(self, path: str, changes: Json) -> Json:
        """Merges `changes` into an object."""
        return self._json("PATCH", path, changes, _MERGE_PATCH)

    def delete(self, path: str, *, grace_seconds: int | None = None) -> None:
        """Deletes an object or all objects of a list; their dependants follow in time."""
        options: Json = {"propagationPolicy": "Background"}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        self._json("DELETE", path, options)

    def text(self, path: str) -> str:
        """Reads a response that is not JSON, such as that of `/readyz`."""
        return self._call("GET", path, None, "application/json").decode()

    def _json(
        self, method: str, path: str, body: Json | None = None, kind: str = "application/json"
    ) -> Json:
        answer: Json = json.loads(self._call(method, path, body, kind))
        return answer

    def _call(self, method: str, path: str, body: Json | None, content_type: str) -> bytes:
        request = urllib.request.Request(  # noqa: S310 - the address is that of `Site`
            self._server + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": content_type},
        )
        try:
            with self._opener.open(request, timeout=10) as response:
                content: bytes = response.read()
                return content
        except urllib.error.HTTPError as error:
            raise ApiError(error.code, _message(error.read())) from error


def wait_until(probe: Callable[[], T], what: str, *, seconds: float = 60) -> T:
    """Polls until the answer is true and returns it; TimeoutError names `what` otherwise."""
    deadline = time.monotonic() + seconds
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {seconds:g} seconds: not {what}")
        time.sleep(0.1)


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace").strip()
