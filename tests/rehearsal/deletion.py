"""A Pod's deletion as the kubelet performs it, and a stand-in for vLLM that drains as it does.

The kubelet counts the grace period from the deletion, runs preStop first, sends SIGTERM, and kills
what is left (https://github.com/kubernetes/kubernetes, pkg/kubelet/kuberuntime, killContainer).
vLLM refuses new requests at SIGTERM, goes on with running ones for --shutdown-timeout seconds, and
ends (vllm/entrypoints/launcher.py). All seconds are scaled down by the same factor.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from testing.rehearsal.pods import Container

SCALE = 0.1

_VLLM = f"""#!{sys.executable}
import http.server, os, pathlib, signal, sys, threading, time

scale = float(os.environ["SCALE"])
timeouts = [word.partition("=")[2] for word in sys.argv if word.startswith("--shutdown-timeout=")]
running, ending = [], threading.Event()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if ending.is_set():
            self.send_error(503)
            return
        running.append(self)
        if self.path == "/long":
            pathlib.Path(os.environ["STARTED"]).touch()
            ending.wait()
            time.sleep(float(os.environ["LEFT"]) * scale)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"the whole answer")
        self.wfile.flush()
        running.remove(self)

    def log_message(self, *_):
        pass


def drain():
    end = time.monotonic() + scale * float((timeouts or ["0"])[-1])
    while running and time.monotonic() < end:
        time.sleep(0.01)
    os._exit(0)


def terminate(*_):
    ending.set()
    threading.Thread(target=drain).start()


signal.signal(signal.SIGTERM, terminate)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
port = pathlib.Path(os.environ["PORT_FILE"])
port.with_suffix(".new").write_text(str(server.server_port))
port.with_suffix(".new").rename(port)
server.serve_forever()
"""

_SLEEP = f"""#!{sys.executable}
import os, sys, time

time.sleep(float(sys.argv[1]) * float(os.environ["SCALE"]))
"""


def programs(folder: Path) -> Path:
    """Make the folder a `bin` of the stand-in for vLLM and of a scaled sleep; return it."""
    folder.mkdir()
    for name, text in (("vllm", _VLLM), ("sleep", _SLEEP)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def delete(
    server: Container,
    process: subprocess.Popen[str],
    others: Sequence[subprocess.Popen[str]],
    env: Mapping[str, str],
) -> None:
    """End a Pod's containers: the server with its preStop, the others at once."""
    end = time.monotonic() + SCALE * server.pod.get("terminationGracePeriodSeconds", 30)
    for each in others:
        each.send_signal(signal.SIGTERM)
    hook = server.json.get("lifecycle", {}).get("preStop", {}).get("exec")
    if hook is not None:
        subprocess.run(hook["command"], env=dict(env), check=True)
    process.send_signal(signal.SIGTERM)
    for each in (process, *others):
        try:
            each.wait(max(0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            each.kill()
            each.wait()
