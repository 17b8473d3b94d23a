"""Build the sdist and the wheel of the commit that is checked out, in a way that others can repeat.

Usage, from the root of the project:

    python -m tools.package build/package

Writes the two and SHA256SUMS to an empty or new folder. Each is built twice, in clones with other
paths and other settings of the process; what differs is an error. The wheel is built from the
sdist. Times in the archives are the commit's: https://reproducible-builds.org/specs/source-date-epoch/
"""

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).parents[1]
SUMS = "SHA256SUMS"

# What may differ between two machines; https://reproducible-builds.org/docs/test-bench/ has more.
_SETTINGS: Sequence[tuple[int, Mapping[str, str]]] = (
    (0o022, {"TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0"}),
    (0o077, {"TZ": "Asia/Kathmandu", "LC_ALL": "C", "PYTHONHASHSEED": "4294967295"}),
)


class PackageError(Exception):
    """Why there is no package."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, compare and write; print the digests. Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.package")
    parser.add_argument("folder", type=Path, help="where to write; must be empty or new")
    folder = parser.parse_args(arguments).folder
    try:
        _check_is_empty(folder)
        _check_is_committed()
        with tempfile.TemporaryDirectory() as temporary:
            built = [
                build(Path(temporary, str(number) * (number + 1)), umask, settings)
                for number, (umask, settings) in enumerate(_SETTINGS)
            ]
            _check_are_equal(*map(digests, built))
            shutil.copytree(built[0], folder, dirs_exist_ok=True)
    except PackageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(write_sums(folder), end="")
    return 0


def write_sums(folder: Path) -> str:
    """Write the digests of all files of a folder into it, as sha256sum does; return the text."""
    found = digests(folder)
    found.pop(SUMS, None)
    text = "".join(f"{digest}  {name}\n" for name, digest in found.items())
    Path(folder, SUMS).write_text(text, "utf-8")
    return text


def _check_is_empty(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PackageError(f"{folder} must be an empty folder, or not exist")


def _check_is_committed() -> None:
    changed = _git("status", "--porcelain").splitlines()
    if changed:
        raise PackageError(f"what is packaged is the commit, and {changed[0][3:]} is not committed")


def _check_are_equal(first: Mapping[str, str], second: Mapping[str, str]) -> None:
    differing = sorted({name for name, _ in first.items() ^ second.items()})
    if differing:
        raise PackageError(f"two builds of this commit differ in {', '.join(differing)}")


def build(folder: Path, umask: int, settings: Mapping[str, str]) -> Path:
    """Build in a new clone of the commit; return the folder with the sdist and the wheel."""
    source, out = folder / "source", folder / "out"
    _git("clone", "--quiet", str(ROOT), str(source))
    environment = {
        **os.environ,
        **settings,
        "SOURCE_DATE_EPOCH": _git("log", "-1", "--format=%ct").strip(),
    }
    _hatchling("sdist", source, out, umask, environment)
    (sdist,) = out.iterdir()
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    _hatchling("wheel", unpacked, out, umask, environment)
    return out


def _hatchling(
    target: str, source: Path, out: Path, umask: int, environment: Mapping[str, str]
) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "-d", str(out)]
    run = subprocess.run(  # noqa: S603
        command, cwd=source, env=environment, umask=umask, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if run.returncode != 0:
        raise PackageError(f"hatchling built no {target}:\n{run.stderr}")


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a folder, by name."""
    return {file.name: sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())}


def _git(*words: str) -> str:
    command = ["git", "-C", str(ROOT), *words]
    run = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if run.returncode != 0:
        raise PackageError(f"git {words[0]} failed: {run.stderr.strip()}")
    return run.stdout


if __name__ == "__main__":
    sys.exit(main())
