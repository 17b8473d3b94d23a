"""Reads the Python files of a remote vLLM wheel: some 20 MB, where the wheel has 400 MB."""

import io
import json
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Mapping
from typing import Any

_WHEEL = (
    *("-m", "pip", "install", "--quiet", "--dry-run", "--no-deps", "--ignore-installed"),
    *("--only-binary", ":all:", "--ignore-requires-python", "--report", "-"),
)
_SECONDS = 600
_READ_AHEAD = 1 << 20


class WheelError(Exception):
    """The package index has no such wheel, or can't serve parts of it."""


def python_files(release: str) -> Mapping[str, str]:
    """Return the texts of the Python files of a release's wheel by path; no code of it is run."""
    result = subprocess.run(  # noqa: S603 - pip, with a release as its only variable
        [sys.executable, *_WHEEL, f"vllm=={release}"],
        capture_output=True, text=True, check=False, timeout=_SECONDS,
    )  # fmt: skip
    if result.returncode:
        raise WheelError(f"pip finds no wheel of vLLM {release}:\n{result.stderr}")
    address = json.loads(result.stdout)["install"][0]["download_info"]["url"]
    with zipfile.ZipFile(_Remote(address)) as wheel:
        return {
            name: wheel.read(name).decode()
            for name in wheel.namelist()
            if name.startswith("vllm/") and name.endswith(".py")
        }


class _Remote(io.RawIOBase):
    """A remote file, of which only the parts that are read are fetched."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._at = 0
        self._start, self._block = 0, b""
        with self._ask({}, "HEAD") as answer:
            self._size = int(answer.headers["Content-Length"])

    def _ask(self, headers: Mapping[str, str], method: str = "GET") -> Any:
        asked = urllib.request.Request(self._address, headers=dict(headers), method=method)  # noqa: S310
        return urllib.request.urlopen(asked, timeout=_SECONDS)  # noqa: S310 - pip's own index

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        wanted = self._size - self._at if size < 0 else size
        if not self._start <= self._at <= self._at + wanted <= self._start + len(self._block):
            last = min(self._size, self._at + max(wanted, _READ_AHEAD)) - 1
            with self._ask({"Range": f"bytes={self._at}-{last}"}) as answer:
                if answer.status != 206:  # noqa: PLR2004 - partial content
                    raise WheelError(f"{self._address} can't be read in parts")
                self._start, self._block = self._at, answer.read()
        begin = self._at - self._start
        found = self._block[begin : begin + wanted]
        self._at += len(found)
        return found
