"""kubectl as a page calls it, without the cluster: `python -m tests.commands.kubectl ARGUMENTS`.

The real program does all that it can do without one. A kustomization or a file that is applied must
render, an object that is created is made (`--dry-run=client`), and what is asked for by name must
be one of these. Other commands get as far as the server, which is not there: so their options are
those of kubectl. Objects are kept between commands in the file that $OBJECTS names.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from testing.kubectl import KUBECTL
from testing.objects import Json, objects_in

NO_SERVER = "--server=http://127.0.0.1:1"
REFUSED = "The connection to the server 127.0.0.1:1 was refused"


def main(arguments: Sequence[str]) -> int:
    """Run a command; return the exit code."""
    file = Path(os.environ["OBJECTS"])
    objects = objects_in(file.read_text())
    made = new_objects(arguments)
    if made is not None:
        file.write_text(yaml.safe_dump_all([*objects, *made]))
        return 0 if made else 1
    said = run(*arguments, NO_SERVER).stderr
    missing = set(named(arguments)) - {
        f"{each['kind']}/{name_of(each)}".lower() for each in objects
    }
    if REFUSED not in said or missing:
        sys.stderr.write("\n".join([said, *(f"{each}: not applied\n" for each in missing)]))
        return 1
    if "-o" in arguments:
        yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": objects}, sys.stdout)
    return 0


def new_objects(arguments: Sequence[str]) -> list[Json] | None:
    """Return the objects that a command applies, makes or deletes by its file; None for others."""
    match arguments:
        case ["apply" | "delete", "-k", directory]:
            return objects_in(run("kustomize", directory).stdout)
        case ["apply", "-f" | "--filename", path]:
            files = sorted(Path(path).glob("*.yaml")) if Path(path).is_dir() else [Path(path)]
            return [each for file in files for each in objects_in(file.read_text())]
        case _ if "create" in arguments:
            return objects_in(run(*arguments, "--dry-run=client", "--output=yaml").stdout)
        case _:
            return None


def named(arguments: Sequence[str]) -> list[str]:
    """Return the objects that a command names, as kind/name."""
    return [each for each in arguments if re.fullmatch(r"[a-z]+/[a-z0-9-]+", each)]


def name_of(item: Json) -> str:
    """Return the name of an object."""
    return str(item["metadata"]["name"])


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the real kubectl; print its errors unless there is only no server."""
    done = subprocess.run([KUBECTL, *arguments], capture_output=True, text=True, check=False)
    if done.returncode and REFUSED not in done.stderr:
        sys.stderr.write(done.stderr)
    return done


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
