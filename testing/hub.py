"""A stand-in on loopback for the parts of the Hugging Face Hub and its CDN that a download uses.

The Hub serves a small file itself, behind a redirect within the host. It redirects a large one
(LFS) to a signed URL on another host, which must not receive the token. Faults are queued by path.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import unquote, urlsplit

from testing.project import TOKEN

API = "api"
"""The name of the file listing in faults and requests; a file is named by its path."""

CDN = "/signed/"
CONTENT = (CDN, "/api/resolve-cache/")
LARGE = (".safetensors", ".bin", ".pth", ".gguf", "tokenizer.json")

Fault = Callable[["Handler"], bool]
"""Called for a request of its path; returns whether it has answered the request."""


@dataclass(frozen=True)
class Request:
    """A request to the Hub or its CDN. `path`: the file's path; `address`: the URL's path."""

    method: str
    path: str
    address: str
    range: str | None
    authorization: str | None

    @property
    def is_download(self) -> bool:
        """Whether it requests a file's content, not its location."""
        return self.method == "GET" and self.address.startswith(CONTENT)


@dataclass
class Hub:
    """The servers and their state: a test sets them up, and reads the requests."""

    model_id: str
    files: dict[str, bytes]
    commit: str = "c0ffee" + "0" * 34
    gated: bool = False
    faults: dict[str, list[Fault]] = field(default_factory=lambda: defaultdict(list))
    requests: list[Request] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        self._servers = [Server(self), Server(self)]
        hub, cdn = self._servers
        self.url = f"http://127.0.0.1:{hub.server_port}"
        self.cdn_url = f"http://localhost:{cdn.server_port}"
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def fail(self, path: str, *faults: Fault) -> None:
        """Queue faults for the next GETs of the path."""
        self.faults[path].extend(faults)

    def forget(self) -> None:
        """Clear the recorded requests and the counts of sent bytes."""
        self.requests.clear()
        self.sent.clear()

    def downloads(self) -> list[str]:
        """Return the path of each download so far, sorted, with repetitions."""
        return sorted(request.path for request in self.requests if request.is_download)

    def siblings(self) -> list[dict[str, object]]:
        """Return the files as the Hub lists them."""
        return [_sibling(path, content) for path, content in self.files.items()]


def _sibling(path: str, content: bytes) -> dict[str, object]:
    about: dict[str, object] = {
        "rfilename": path,
        "size": len(content),
        "blobId": git_id(content),
    }
    if path.endswith(LARGE):
        about["lfs"] = {"sha256": sha256(content), "size": len(content), "pointerSize": 135}
    return about


class Server(ThreadingHTTPServer):
    """One of the two hosts: the Hub, and its CDN."""

    daemon_threads = True

    def __init__(self, hub: Hub) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.hub = hub

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore connections that a killed client has broken."""


class Handler(BaseHTTPRequestHandler):
    """Answers a request of either host."""

    protocol_version = "HTTP/1.1"
    server: Server
    file: str

    @property
    def hub(self) -> Hub:
        """The Hub that this server belongs to."""
        return self.server.hub

    @property
    def url_path(self) -> str:
        """The requested path, decoded and without its query."""
        return unquote(urlsplit(self.path).path)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the output of the tests quiet."""

    def do_HEAD(self) -> None:
        """Answer as GET does, without a body."""
        self.do_GET()

    def do_GET(self) -> None:
        """Answer with the next fault of the path, else by the path."""
        routes: dict[str, Callable[..., None]] = {
            rf"{CDN}(.+)": self._content,
            r"/api/resolve-cache/models/[^/]+/[^/]+/[^/]+/(.+)": self._content,
            r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)": self._resolve,
            r"/api/models/([^/]+/[^/]+)/revision/(.+)": self._list,
        }
        for route, answer in routes.items():
            if found := re.fullmatch(route, self.url_path):
                answer(*found.groups())
                return
        self.answer(404)

    def _list(self, model_id: str, revision: str) -> None:
        hub = self.hub
        if self._faulty(API) or self._refused():
            return
        if model_id.lower() != hub.model_id.lower():
            self.refuse(404, "RepoNotFound", "Repository not found")
        elif revision not in ("main", hub.commit):
            self.refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        else:
            about = {"_id": "0", "id": hub.model_id, "sha": hub.commit, "siblings": hub.siblings()}
            self.answer(200, {"Content-Type": "application/json"}, json.dumps(about).encode())

    def _resolve(self, model_id: str, revision: str, path: str) -> None:
        hub = self.hub
        self._note(path)
        if self._refused():
            return
        if hub.gated:
            reason = f"Access to model {model_id} is restricted, ask for access on its page."
            self.refuse(403, "GatedRepo", reason)
        elif path not in hub.files or revision != hub.commit:
            self.refuse(404, "EntryNotFound", "Entry not found")
        elif path.endswith(LARGE):
            self._redirect_to_cdn(model_id, revision, path)
        else:
            location = f"/api/resolve-cache/models/{model_id}/{revision}/{path}"
            self.answer(307, {"X-Repo-Commit": hub.commit, "Location": location})

    def _redirect_to_cdn(self, model_id: str, revision: str, path: str) -> None:
        hub = self.hub
        digest = sha256(hub.files[path])
        headers = {
            "X-Repo-Commit": hub.commit,
            "X-Linked-Etag": f'"{digest}"',
            "X-Linked-Size": str(len(hub.files[path])),
            "X-Xet-Hash": digest,
            "Link": f'<{hub.url}/api/models/{model_id}/xet-read-token/{revision}>; rel="xet-auth"',
            "Location": f"{hub.cdn_url}{CDN}{path}?Expires=1&Signature=s",
        }
        self.answer(302, headers)

    def _content(self, path: str) -> None:
        self.file = path
        if not self._faulty(path):
            self.send_file(path, self.hub.files[path])

    def _faulty(self, path: str) -> bool:
        self._note(path)
        with self.hub.lock:
            queue = self.hub.faults[path] if self.command == "GET" else []
            fault = queue.pop(0) if queue else None
        return fault is not None and fault(self)

    def _note(self, path: str) -> None:
        headers = self.headers
        request = Request(
            self.command, path, self.url_path, headers.get("Range"), headers.get("Authorization")
        )
        with self.hub.lock:
            self.hub.requests.append(request)

    def _refused(self) -> bool:
        refused = self.headers.get("Authorization") != f"Bearer {TOKEN}"
        if refused:
            self.answer(401, {"X-Error-Message": "Invalid credentials in Authorization header"})
        return refused

    def send_file(self, path: str, content: bytes, count: int | None = None) -> None:
        """Answer with the file from the start of the requested range, at most `count` bytes."""
        start, headers, code = 0, {"ETag": f'"{git_id(content)}"'}, 200
        if found := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or ""):
            start, code = int(found[1]), 206
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        headers |= {"X-Repo-Commit": self.hub.commit, "Content-Length": str(len(content) - start)}
        body = content[start:][:count]
        self.answer(code, headers, body)
        if self.command == "GET":
            with self.hub.lock:
                self.hub.sent[path] += len(body)

    def refuse(self, code: int, error: str, message: str) -> None:
        """Answer with an error in the Hub's headers."""
        self.answer(code, {"X-Error-Code": error, "X-Error-Message": message})

    def answer(self, code: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        """Send a complete response."""
        self.send_response(code)
        for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


def sha256(content: bytes) -> str:
    """Return the hash by which the Hub names a large file."""
    return hashlib.sha256(content).hexdigest()


def git_id(content: bytes) -> str:
    """Return the hash by which Git names a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()  # noqa: S324  Git's
