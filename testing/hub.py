"""A stand-in on loopback for the parts of the Hugging Face Hub and its CDN that are used here.

The Hub serves a small file itself, behind a redirect within the host. It redirects a large one
(LFS) to a signed URL on another host, which must not receive the token. The list of files is public
also where access to files is restricted. Faults are queued by path.
"""

from __future__ import annotations

import hashlib
import json
import re
import ssl
import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from testing.project import TOKEN

API = "api"
"""The name of the file listing in faults and requests; a file is named by its path."""

CDN = "/signed/"
CONTENT = (CDN, "/api/resolve-cache/")
LARGE = (".safetensors", ".bin", ".pth", ".gguf", "tokenizer.json")

NO_CREDENTIALS = "Invalid username or password."
BAD_CREDENTIALS = "Invalid credentials in Authorization header"

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


@dataclass(frozen=True)
class Sparse:
    """A file of which only the start is kept; zeros follow. It is sliced as bytes are."""

    start: bytes
    size: int

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, part: slice) -> bytes:
        first, end, _ = part.indices(self.size)
        return self.start[first:end].ljust(end - first, b"\0")


Content = bytes | Sparse


@dataclass
class Hub:
    """The servers and their state: a test sets them up, and reads the requests.

    Attributes:
        files: the content of each path, as bytes or Sparse.
        kind: of the repository, as in the address of its API.
        is_public: whether it is shown without a token.
        gated: whether the token's account has no access to the files.
        old_id: an id that the repository had before.
        revisions: branches and tags beside main, and their commits.
        locations: where the Hub redirects files, by path.
        tls: with which the Hub speaks, for 127.0.0.1; its CDN does without.
    """

    model_id: str
    files: dict[str, Any]
    commit: str = "c0ffee" + "0" * 34
    gated: bool = False
    kind: str = "models"
    is_public: bool = False
    old_id: str = ""
    revisions: dict[str, str] = field(default_factory=dict)
    locations: dict[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    faults: dict[str, list[Fault]] = field(default_factory=lambda: defaultdict(list))
    requests: list[Request] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        self._servers = [Server(self), Server(self)]
        hub, cdn = self._servers
        if self.tls is not None:
            hub.socket = self.tls.wrap_socket(hub.socket, server_side=True)
        self.url = f"http{'s' if self.tls else ''}://127.0.0.1:{hub.server_port}"
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


def _sibling(path: str, content: Content) -> dict[str, object]:
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
            r"/api/(\w+)/([^/]+/[^/]+)/revision/(.+)": self._list,
            r"/api/(\w+)/([^/]+/[^/]+)": self._list,
        }
        for route, answer in routes.items():
            if found := re.fullmatch(route, self.url_path):
                answer(*found.groups())
                return
        self.answer(404)

    def _list(self, kind: str, model_id: str, revision: str = "main") -> None:
        hub = self.hub
        if self._faulty(API) or self._refused():
            return
        commits = {"main": hub.commit, hub.commit: hub.commit, **hub.revisions}
        if model_id == hub.old_id:
            self.answer(307, {"Location": self.path.replace(hub.old_id, hub.model_id)})
        elif kind != hub.kind or model_id.lower() != hub.model_id.lower():
            self.refuse(404, "RepoNotFound", "Repository not found")
        elif revision not in commits:
            self.refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        else:
            sha = commits[revision]
            about = {"_id": "0", "id": hub.model_id, "sha": sha, "siblings": hub.siblings()}
            self.answer(200, {"Content-Type": "application/json"}, json.dumps(about).encode())

    def _resolve(self, model_id: str, revision: str, path: str) -> None:
        hub = self.hub
        self._note(path)
        if self._refused():
            return
        if hub.gated and not self._token:
            reason = f"Access to model {model_id} is restricted. You must have access to it."
            self.refuse(401, "GatedRepo", reason)
        elif hub.gated:
            reason = f"Access to model {model_id} is restricted, ask for access on its page."
            self.refuse(403, "GatedRepo", reason)
        elif path not in hub.files or revision not in (hub.commit, *hub.revisions.values()):
            self.refuse(404, "EntryNotFound", "Entry not found")
        elif path in hub.locations:
            self.answer(307, {"X-Repo-Commit": hub.commit, "Location": hub.locations[path]})
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

    @property
    def _token(self) -> str | None:
        return self.headers.get("Authorization")

    def _refused(self) -> bool:
        if self._token is None and not self.hub.is_public:
            self.answer(401, {"X-Error-Message": NO_CREDENTIALS})
        elif self._token not in (None, f"Bearer {TOKEN}"):
            self.answer(401, {"X-Error-Message": BAD_CREDENTIALS})
        else:
            return False
        return True

    def send_file(self, path: str, content: Content, count: int | None = None) -> None:
        """Answer with the requested range of the file, at most `count` bytes of it."""
        size = len(content)
        start, end, headers, code = 0, size, {"ETag": f'"{git_id(content)}"'}, 200
        if found := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or ""):
            start, end, code = int(found[1]), min(size, int(found[2] or size - 1) + 1), 206
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        headers |= {"X-Repo-Commit": self.hub.commit, "Content-Length": str(end - start)}
        body = content[start:end][:count]
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


def sha256(content: Content) -> str:
    """Return the hash by which the Hub names a large file; of a sparse one, that of its start."""
    kept = content.start if isinstance(content, Sparse) else content
    return hashlib.sha256(kept).hexdigest()


def git_id(content: Content) -> str:
    """Return the hash by which Git names a file's content; of a sparse one, that of its start."""
    kept = content.start if isinstance(content, Sparse) else content
    return hashlib.sha1(b"blob %d\0" % len(content) + kept).hexdigest()  # noqa: S324  Git's
