"""`make audit`: pip-audit reads every lock and asks a service; here it is one on this machine."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from testing.project import ROOT
from tests.locks import locked, versions
from tests.support import Run
from tests.test_locks import LOCKS
from tools import audit

PYTHON = ROOT / "build/audit/bin/python"
INSTALLED = pytest.mark.skipif(
    not PYTHON.exists(), reason="not installed: make build/audit/.installed"
)

# The schema is that of https://ossf.github.io/osv-schema/.
VULNERABILITY = {
    "id": "PYSEC-2026-9999",
    "aliases": ["CVE-2026-99999"],
    "summary": "A name that can't be compared safely.",
    "modified": "2026-11-01T00:00:00Z",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "idna"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.1"}]}],
            "versions": [],
        }
    ],
}


class Service(BaseHTTPRequestHandler):
    """Answers as osv.dev does: https://google.github.io/osv.dev/post-v1-query/."""

    vulnerable: str = ""
    asked: set[tuple[str, str]]

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = query["package"]["name"]
        self.asked.add((name, query["version"]))
        content = json.dumps({"vulns": [VULNERABILITY]} if name == self.vulnerable else {})
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def service() -> Iterator[tuple[str, type[Service]]]:
    """The address of a service, and what it knows and was asked."""
    handler = type("Of", (Service,), {"asked": set()})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query", handler
        server.shutdown()
        thread.join()


def run(service: str) -> Run:
    return subprocess.run(
        [PYTHON, "-m", "tools.audit", "--osv-url", service],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


def packages(lock: Path) -> Iterator[tuple[str, str]]:
    for each in locked(lock):
        yield canonicalize_name(each.name), str(each.specifier).removeprefix("==")


def test_two_versions_of_a_package_are_asked_for_one_after_the_other() -> None:
    a, old, new = (f"{each} \\\n    --hash=sha256:00\n" for each in ("a==1", "b==2", "b==3"))

    assert audit.with_one_version(a + old + new) == [a + old, new]


def test_every_lock_of_pip_is_audited() -> None:
    assert {*audit.files()} == {*LOCKS}


@INSTALLED
def test_every_package_of_every_lock_is_asked_for(service: tuple[str, type[Service]]) -> None:
    address, known = service

    done = run(address)

    assert (done.returncode, done.stderr) == (0, "")
    assert known.asked == {pair for lock in LOCKS for pair in packages(lock)}
    assert "colorama" in {name for name, _ in known.asked}  # Windows' alone
    assert done.stdout.count(", 0 known vulnerabilities\n") == len(LOCKS)


@INSTALLED
def test_a_known_vulnerability_fails_and_is_told(service: tuple[str, type[Service]]) -> None:
    address, known = service
    known.vulnerable = "idna"

    done = run(address)

    line = "PYSEC-2026-9999, CVE-2026-99999; fixed in 99.1\n"
    assert done.returncode == 1
    assert f"  idna {versions(ROOT / 'constraints.txt')[canonicalize_name('idna')]}: {line}" in (
        done.stdout
    )
    assert "tools/uv.txt: 1 packages, 0 known vulnerabilities" in done.stdout


@INSTALLED
def test_a_service_that_is_not_there_judges_nothing(service: tuple[str, type[Service]]) -> None:
    done = run(service[0].replace("127.0.0.1", "no-such-host.invalid"))

    assert (done.returncode, done.stdout) == (2, "")
    error, cause = done.stderr.splitlines()
    assert error == "error: constraints.txt and the locks after it were not judged."
    assert cause.startswith("Is http://no-such-host.invalid:")
    assert "ConnectionError" in cause


def test_what_is_accepted_is_not_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": []}
    package = {"name": "idna", "version": "3", "vulns": [found]}

    assert [*audit.findings([package])] == ["idna 3: PYSEC-1, CVE-1; fixed in no release yet"]
    monkeypatch.setattr(audit, "ACCEPTED", {"CVE-1": "It is about servers."})
    assert [*audit.findings([package])] == []
