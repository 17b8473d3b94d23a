"""Look for known vulnerabilities in every package of the locks of pip.

Usage:

    python -m tools.audit
    python -m tools.audit --osv-url http://127.0.0.1:8080/v1/query    ask another service

`make audit` runs it in the Python of tools/audit.txt: it needs pip-audit, and nothing else that is
installed. Exits with 1 if there is a vulnerability, and with 2 if a lock could not be judged, as
without a network. Packages for other systems and Pythons are asked for as well.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOCKS = (
    "constraints.txt",
    "benchmarks/kubectl.txt",
    "tests/oldest-kubectl.txt",
    "tools/audit.txt",
    "tools/uv.txt",
    "tools/zensical.txt",
    "ira_manifests/hub_lock",
)
"""The locks, or folders of them."""

ACCEPTED: Mapping[str, str] = {}
"""Vulnerabilities that do not matter here, by id, each with the reason."""

_SERVICE = "https://api.osv.dev/v1/query"  # https://google.github.io/osv.dev/post-v1-query/


class NotJudgedError(Exception):
    """Why a lock could not be judged."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was found in each lock; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.audit")
    parser.add_argument("--osv-url", default=_SERVICE, help="the service [default: %(default)s]")
    service = parser.parse_args(arguments).osv_url
    found: list[str] = []
    for lock in files():
        try:
            packages = audited(lock, service)
        except NotJudgedError as error:
            name = lock.relative_to(ROOT)
            print(f"error: {name} and the locks after it were not judged.", file=sys.stderr)
            print(f"Is {service} reached from here? {error}", file=sys.stderr)
            return 2
        lines = list(findings(packages))
        known = f"{len(lines)} known vulnerabilities"
        print(f"{lock.relative_to(ROOT)}: {len(packages)} packages, {known}")
        found += lines
        for line in lines:
            print(f"  {line}")
    return int(bool(found))


def files() -> list[Path]:
    """Return every lock of pip."""
    paths = [ROOT / name for name in LOCKS]
    return [file for path in paths for file in (sorted(path.glob("*.txt")) or [path])]


def audited(lock: Path, service: str) -> list[dict[str, Any]]:
    """Return what pip-audit says of each package of a lock.

    Raises:
        NotJudgedError: pip-audit failed, or left a package out.
    """
    text = without_markers(lock.read_text("utf-8"))
    parts = with_one_version(text)
    packages = [package for part in parts for package in _judged(lock.name, part, service)]
    if len(packages) != text.count("=="):
        raise NotJudgedError(f"pip-audit judged {len(packages)} packages of {text.count('==')}")
    return packages


def _judged(name: str, text: str, service: str) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        requirements, report = Path(folder, name), Path(folder, "report.json")
        requirements.write_text(text, "utf-8")
        command = [
            *(sys.executable, "-m", "pip_audit", "--requirement", str(requirements)),
            *("--disable-pip", "--require-hashes", "--progress-spinner", "off"),
            *("--vulnerability-service", "osv", "--osv-url", service),
            *("--format", "json", "--output", str(report)),
        ]
        run = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        said = run.stderr.strip().splitlines()
        if not report.exists():
            raise NotJudgedError(said[-1] if said else "pip-audit wrote no report")
        packages: list[dict[str, Any]] = json.loads(report.read_bytes())["dependencies"]
    left_out = [each["skip_reason"] for each in packages if "skip_reason" in each]
    if left_out:
        raise NotJudgedError(left_out[0])
    return packages


def without_markers(text: str) -> str:
    """Return a lock whose packages are all for this machine, so that all are asked for."""
    return re.sub(r"^(\S+==\S+) ; .*?( \\)?$", r"\1\2", text, flags=re.MULTILINE)


def with_one_version(text: str) -> list[str]:
    """Return a lock in parts, as pip-audit takes one version of each package.

    A lock has two where a Python that is supported has no wheel of the newer one.
    """
    parts: list[dict[str, str]] = [{}]
    for entry in re.findall(r"^\S+==.*(?:\n[ ]+.*)*\n?", text, flags=re.MULTILINE):
        name = entry.partition("==")[0]
        free = next((part for part in parts if name not in part), None)
        if free is None:
            parts.append(free := {})
        free[name] = entry
    return ["".join(part.values()) for part in parts]


def findings(packages: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a line for each vulnerability that is not accepted."""
    for package in packages:
        for each in package["vulns"]:
            ids = [each["id"], *each["aliases"]]
            fixed = ", ".join(each["fix_versions"]) or "no release yet"
            if not ACCEPTED.keys() & {*ids}:
                yield f"{package['name']} {package['version']}: {', '.join(ids)}; fixed in {fixed}"


if __name__ == "__main__":
    sys.exit(main())
