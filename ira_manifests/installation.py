"""Where this program was installed from, as pip and uv record it.

https://packaging.python.org/en/latest/specifications/direct-url/ (PEP 610): an installation from an
archive, a repository or a folder has `direct_url.json`; one by name from an index has none.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

PACKAGE = "ira-manifests"
NODE = "node"
"""The extra with Node.js, for what renders."""
_FROM_ENVIRONMENT = re.compile(r"\$\{[A-Za-z0-9-_]+\}(:\$\{[A-Za-z0-9-_]+\})?")
_RELEASE = re.compile(rf"{PACKAGE}\s*(?P<version>(?:==|~=|>=)\s*[0-9][0-9A-Za-z.+!*]*)")
# No quotes, spaces and backslashes, which files of other formats would have to escape.
_LETTER = r"[A-Za-z0-9._~:@%+,&=?#!()*$\[\]{}-]"
_ADDRESS = re.compile(rf"(?:git\+)?(?:https?|ssh)://{_LETTER}+/(?:{_LETTER}|/)+")
# Where the two services, also those that a company runs itself, show a file at a commit.
_SHOWN = re.compile(
    r"git\+(?P<web>https://(?P<service>github|gitlab)\.[^/@]+/[^@#]+?)(?:\.git)?@(?P<commit>[0-9a-f]+)"
)
_FILES = {"github": "blob", "gitlab": "-/blob"}


@dataclass(frozen=True)
class Origin:
    """What an installer takes to install this program.

    Attributes:
        version: a version specifier, such as `==0.1.0`, if it came by name from an index; else
            empty.
        address: else the URL of a wheel, a repository at a commit, or a folder.
        is_editable: whether the folder's own files run.
    """

    version: str = ""
    address: str = ""
    is_editable: bool = False

    @property
    def is_local(self) -> bool:
        """Whether other machines can't install from there."""
        return urlsplit(self.address).scheme.rpartition("+")[2] == "file"

    def requirement(self, extra: str) -> str:
        """Return the requirement with an extra, as in a requirements file."""
        name = f"{PACKAGE}[{extra}]"
        return f"{name} @ {self.address}" if self.address else f"{name}{self.version}"

    def file_url(self, path: str) -> str:
        """Return where a browser shows a file of the repository; empty where that is not known."""
        shown = _SHOWN.fullmatch(self.address)
        if shown is None:
            return ""
        return f"{shown['web']}/{_FILES[shown['service']]}/{shown['commit']}/{path}"

    def pip_install(self, extra: str) -> str:
        """Return the command that installs it with an extra."""
        if not self.is_editable:
            return f"pip install {shlex.quote(self.requirement(extra))}"
        folder = unquote(urlsplit(self.address).path)
        return f"pip install --editable {shlex.quote(f'{folder}[{extra}]')}"


def here() -> Origin:
    """Return where the running program was installed from."""
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        found = distribution(PACKAGE)
    except PackageNotFoundError:  # it runs from a folder that is only on Python's path
        return Origin(address=Path(__file__).parents[1].as_uri(), is_editable=True)
    recorded = found.read_text("direct_url.json")
    if recorded is None:
        return Origin(version=f"=={found.version}")
    return _of_record(json.loads(recorded))


def _of_record(record: Mapping[str, Any]) -> Origin:
    address = without_credentials(str(record["url"]))
    repository = record.get("vcs_info")
    if repository is not None:
        address = f"{repository['vcs']}+{address}@{repository['commit_id']}"
    if record.get("subdirectory"):
        address = f"{address}#subdirectory={record['subdirectory']}"
    return Origin(address=address, is_editable=record.get("dir_info", {}).get("editable", False))


def without_credentials(address: str) -> str:
    """Return a URL without a password or a token in it.

    What may stay is what the specification lets installers record: the user of an SSH URL, and
    names of environment variables.
    """
    parts = urlsplit(address)
    user, at, host = parts.netloc.rpartition("@")
    is_name = parts.scheme.endswith("ssh") and ":" not in user
    if not at or is_name or _FROM_ENVIRONMENT.fullmatch(user):
        return address
    return urlunsplit(parts._replace(netloc=host))


def named(text: str) -> Origin | None:
    """Return the origin that a user names: a release, or an address that other machines reach.

    None if the text is neither, or has a password or a token in it.
    """
    release = _RELEASE.fullmatch(text)
    if release:
        return Origin(version=release["version"].replace(" ", ""))
    if _ADDRESS.fullmatch(text) and without_credentials(text) == text:
        return Origin(address=text)
    return None


def program(extra: str = NODE) -> str:
    """Return the command by which a shell runs this program again, as it was run now."""
    return _by_uvx(extra) if _is_in_uvx() else PACKAGE


def way_to(extra: str, install: str) -> str:
    """Return the command that gets an extra: `install`, or how uvx runs this program with it."""
    return _by_uvx(extra) if _is_in_uvx() else install


def _is_in_uvx() -> bool:
    """Whether uvx runs this program, which leaves nothing on the shell's path.

    It sets `UV`, as `uv run` does, which also sets `VIRTUAL_ENV`:
    https://docs.astral.sh/uv/reference/environment/
    """
    return "UV" in os.environ and os.environ.get("VIRTUAL_ENV") != sys.prefix


def _by_uvx(extra: str) -> str:
    return f"uvx --from {shlex.quote(here().requirement(extra))} {PACKAGE}"
