"""A client of the YAML language server, as editors have one.

https://microsoft.github.io/language-server-protocol/specifications/lsp/3.17/specification/
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from testing.project import ROOT

SERVER = ROOT / "build/yaml-language-server/node_modules/yaml-language-server"
"""Installed by `make test`, with the npm and the Node.js of the wheel."""
_DEADLINE = 60
_OPTIONS = {
    "yaml": {
        "validate": True,
        "hover": True,
        "completion": True,
        "schemaStore": {"enable": False, "url": ""},
        "kubernetesCRDStore": {"enable": False},
    },
    "http": {},
    "[yaml]": {},
    "editor": {},
    "files": {},
}


class Problem(NamedTuple):
    """What the server says of a place, whose line and column begin at 1."""

    line: int
    column: int
    message: str


class Server:
    """A running server, with which files are opened."""

    def __init__(self, root: Path) -> None:
        node = Path(sys.executable).with_name("node")
        self._process = subprocess.Popen(
            [node, SERVER / "bin/yaml-language-server", "--stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._received: queue.Queue[dict[str, Any]] = queue.Queue()
        self._number = 0
        self._published: dict[str, list[Problem]] = {}
        self._reader = threading.Thread(target=self._receive, daemon=True)
        self._reader.start()
        self.ask("initialize", processId=None, rootUri=root.as_uri(), capabilities=_CAPABILITIES)
        self._send("initialized", {})
        self._send("workspace/didChangeConfiguration", {"settings": _OPTIONS})

    def end(self) -> None:
        """End the server."""
        with self._process:  # closes its streams
            self.ask("shutdown")
            self._send("exit", {})
            self._reader.join(_DEADLINE)

    def open(self, file: Path, text: str) -> None:
        """Open a text as a file that is not open yet, and need not be there."""
        item = {"uri": file.as_uri(), "languageId": "yaml", "version": 1, "text": text}
        self._send("textDocument/didOpen", {"textDocument": item})

    def problems(self, file: Path) -> list[Problem]:
        """Return what the server says of a file that was opened."""
        while file.as_uri() not in self._published:
            self._handle(self._next())
        return self._published[file.as_uri()]

    def hover(self, file: Path, line: int, column: int) -> str:
        """Return what the server shows at a place of a file that is open."""
        found = self.ask("textDocument/hover", **_at(file, line, column))
        return "" if found is None else str(found["contents"]["value"])

    def completions(self, file: Path, line: int, column: int) -> list[str]:
        """Return what the server offers at a place of a file that is open."""
        found = self.ask("textDocument/completion", **_at(file, line, column))
        return [item["label"] for item in found["items"]]

    def ask(self, method: str, **parameters: Any) -> Any:
        """Send a request, and return its result."""
        self._number += 1
        number = self._number
        self._send(method, parameters, number)
        while True:
            message = self._next()
            if message.get("id") == number and "method" not in message:
                assert "error" not in message, message
                return message["result"]
            self._handle(message)

    def _handle(self, message: Mapping[str, Any]) -> None:
        method = message.get("method")
        if method == "textDocument/publishDiagnostics":
            parameters = message["params"]
            self._published[parameters["uri"]] = sorted(map(_problem, parameters["diagnostics"]))
        elif method == "workspace/configuration":
            sections = [each["section"] for each in message["params"]["items"]]
            self._answer(message["id"], [_OPTIONS.get(section, {}) for section in sections])
        elif "id" in message:
            self._answer(message["id"], None)

    def _answer(self, number: int, result: Any) -> None:
        self._write({"jsonrpc": "2.0", "id": number, "result": result})

    def _send(self, method: str, parameters: Any, number: int | None = None) -> None:
        message = {"jsonrpc": "2.0", "method": method, "params": parameters}
        self._write(message if number is None else {**message, "id": number})

    def _write(self, message: Mapping[str, Any]) -> None:
        body = json.dumps(message).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self._process.stdin.flush()

    def _next(self) -> dict[str, Any]:
        return self._received.get(timeout=_DEADLINE)

    def _receive(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        while header := stream.readline():
            length = int(header.partition(b":")[2])
            while stream.readline().strip():
                pass
            self._received.put(json.loads(stream.read(length)))


_CAPABILITIES = {
    "textDocument": {
        "publishDiagnostics": {},
        "hover": {"contentFormat": ["markdown"]},
        "completion": {"completionItem": {"snippetSupport": True}},
    },
    "workspace": {"configuration": True, "didChangeConfiguration": {}},
}


def _at(file: Path, line: int, column: int) -> dict[str, Any]:
    return {
        "textDocument": {"uri": file.as_uri()},
        "position": {"line": line - 1, "character": column - 1},
    }


def _problem(found: Mapping[str, Any]) -> Problem:
    start = found["range"]["start"]
    return Problem(start["line"] + 1, start["character"] + 1, found["message"])
