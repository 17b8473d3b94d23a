"""Write the bill of materials of the wheel of this project: what it needs with every extra.

Usage, from the root of the project, after `make package`:

    python -m tools.sbom build/package

Writes ira_manifests-VERSION.cdx.json beside the wheel, in the format of
https://cyclonedx.org/docs/1.6/json/, and adds it to SHA256SUMS. It lists the packages of
constraints.txt that the wheel needs, with their licenses and what needs what. They are installed by
their hashes into an environment of their own, whose Python and system decide what is in it.
"""

import json
import re
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Sequence
from hashlib import sha256
from importlib.metadata import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name, parse_wheel_filename

from tools.dependencies import PROJECT, needed
from tools.package import write_sums

ROOT = Path(__file__).parents[1]
CYCLONEDX = ROOT / "build/audit/bin/cyclonedx-py"  # of tools/audit.txt


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the two files, and print the digests."""
    (folder,) = map(Path, sys.argv[1:] if arguments is None else arguments)
    (wheel,) = folder.glob("*.whl")
    _, version, _, _ = parse_wheel_filename(wheel.name)
    with tempfile.TemporaryDirectory() as temporary:
        python = installed(wheel, Path(temporary))
        content = materials(python, str(version), Path(temporary))
    serial = uuid.uuid5(uuid.NAMESPACE_URL, f"sha256:{sha256(wheel.read_bytes()).hexdigest()}")
    document = {**json.loads(content), "serialNumber": f"urn:uuid:{serial}"}
    text = json.dumps(document, indent=2, sort_keys=True)
    Path(folder, f"ira_manifests-{version}.cdx.json").write_text(f"{text}\n", "utf-8")
    print(write_sums(folder), end="")
    return 0


def installed(wheel: Path, folder: Path) -> Path:
    """Install a wheel and the locked versions of what it needs; return the Python."""
    python, lock = folder / "venv/bin/python", folder / "lock.txt"
    lock.write_text(locked((ROOT / "constraints.txt").read_text("utf-8")))
    _run(sys.executable, "-m", "venv", "--without-pip", str(folder / "venv"))
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    install = [*pip, "install", "--quiet", "--no-deps", "--only-binary", ":all:"]
    _run(*install, "--require-hashes", "--requirement", str(lock))
    _run(*install, str(wheel))
    return python


def locked(constraints: str) -> str:
    """Return the entries of a lock that this project needs, with their hashes."""
    by_name = {_name(entry): entry for entry in re.split(r"\n(?=\S)", constraints.rstrip())}
    return "\n".join(by_name[name] for name in needed())


def _name(entry: str) -> NormalizedName | None:
    requirement = entry.partition(" \\\n")[0]
    return None if entry.startswith("#") else canonicalize_name(Requirement(requirement).name)


def materials(python: Path, version: str, folder: Path) -> str:
    """Return what an environment holds, as a document about this project.

    It is reproducible, so it lacks a time and a serial number; but actions/attest takes none
    without a serial number: https://github.com/actions/attest/blob/main/src/sbom.ts
    """
    project, output = folder / "pyproject.toml", folder / "materials.json"
    direct = [Requirement(each).name for each in metadata(PROJECT).get_all("Requires-Dist") or ()]
    project.write_text(
        f'[project]\nname = "{PROJECT}"\nversion = "{version}"\nlicense = "Apache-2.0"\n'
        f"dependencies = {json.dumps(sorted(direct))}\n"
    )
    options = ("--pyproject", project, "--output-reproducible", "--output-file", output)
    _run(str(CYCLONEDX), "environment", *map(str, options), str(python))
    return output.read_text("utf-8")


def _run(*command: str) -> None:
    run = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if run.returncode != 0:
        sys.exit(f"error: {Path(command[0]).name} failed:\n{run.stdout}{run.stderr}")


if __name__ == "__main__":
    sys.exit(main())
