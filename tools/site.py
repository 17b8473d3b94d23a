"""Build the documentation site: the pages that docs/site/zensical.toml names, into build/site.

Usage:

    python -m tools.site             assemble the pages and build the site
    python -m tools.site FOLDER      build it into another folder, which is replaced

Pages have the same paths in the site as in the repository, so a link to a page or to a heading is
the same on GitHub. Other files to which pages link become pages that show them. The program is
Zensical, which `make docs` installs into build/zensical.
"""

import json
import os
import posixpath
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tools import python_markdown

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "docs/site/zensical.toml"
PROGRAM = ROOT / "build/zensical/bin/python"
SITE = Path("build/site")

# The target of a link, up to its fragment: [text](target#fragment)
_TARGET = re.compile(r"(?<=\]\()(?!https?:|mailto:|#)([^()#\s]+)")
_ASSETS = (".css", ".js", ".png", ".svg")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class NotBuiltError(Exception):
    """The site can't be built; the message says why, with the places."""


def pages(navigation: Any) -> Iterator[str]:
    """Yield the path of each page of a navigation, in its order."""
    if isinstance(navigation, str):
        yield navigation
        return
    for each in navigation.values() if isinstance(navigation, dict) else navigation:
        yield from pages(each)


def assembled(root: Path, names: Sequence[str]) -> dict[str, str]:
    """Return the sources of the site, by their paths, from the files of the repository.

    Raises:
        NotBuiltError: if a page links to a file that does not exist, or that is in no navigation.
    """
    sources = {
        file.relative_to(root).as_posix(): file.read_text("utf-8")
        for file in sorted((root / "docs").rglob("*"))
        if file.suffix in _ASSETS
    }
    problems: list[str] = []
    for name in names:
        text = (root / name).read_text("utf-8")
        paths = {target: _path(name, target) for target in _TARGET.findall(text)}
        code = {target: path for target, path in paths.items() if path not in {*names, *sources}}
        for target, path in code.items():
            if path.endswith(".md") or not (root / path).is_file():
                problems.append(f"{name}: the link to {target} leads to no page and no file")
                continue
            page = f"{path.removeprefix('.')}.md"  # Zensical leaves out what begins with a dot
            sources[page] = _shown(path, (root / path).read_text("utf-8"))
            there = posixpath.relpath(page, posixpath.dirname(name) or ".")
            text = text.replace(f"]({target}", f"]({there}")
        sources[name] = python_markdown.converted(text)
    if problems:
        raise NotBuiltError("\n".join(problems))
    return sources


def _path(page: str, target: str) -> str:
    """Return the path in the repository to which a page links."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), target))


def _shown(path: str, text: str) -> str:
    """Return a page that shows a file; Pygments knows most languages by a file's ending."""
    language = Path(path).suffix.removeprefix(".")
    return f"# {Path(path).name}\n\n`{path}`:\n\n````{language}\n{text.rstrip()}\n````\n"


def build(sources: Mapping[str, str], config: str, folder: Path) -> None:
    """Build a site; replace the folder with it.

    Raises:
        NotBuiltError: with what Zensical says, if it finds a broken link or another problem.
    """
    with TemporaryDirectory() as project:
        for name, text in sources.items():
            file = Path(project, "pages", name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
        Path(project, "zensical.toml").write_text(config, "utf-8")
        _zensical(project)
        html = Path(project, "html")
        # Read as a script where a page may not fetch files: docs/site/search-in-folders.js.
        index = json.dumps(json.loads((html / "search.json").read_bytes()), ensure_ascii=False)
        (html / "search.js").write_text(f"var __index = {index}\n", "utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(html, folder)


def _zensical(project: str) -> None:
    command = [str(PROGRAM), "-m", "zensical", "build", "--strict"]
    run = subprocess.run(  # noqa: S603
        command, cwd=project, env={**os.environ, "NO_COLOR": "1"}, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if run.returncode:
        said, _, _ = _COLOURS.sub("", run.stdout).partition("Traceback")
        raise NotBuiltError(said.strip())


def main(arguments: Sequence[str]) -> int:
    """Build the site; return the exit code."""
    folder = Path(arguments[0]) if arguments else SITE
    config = CONFIG.read_text("utf-8")
    navigation = tomllib.loads(config)["project"]["nav"]
    try:
        build(assembled(ROOT, list(pages(navigation))), config, folder)
    except NotBuiltError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Wrote {folder / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
