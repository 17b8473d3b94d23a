"""Reads a folder as a Git revision has it, without a checkout.

The content is untrusted: of the tree only regular files are taken, of the two levels that profiles
have, within bounds. Git runs without a shell, hooks, filters and network.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import NamedTuple

from ira_manifests.errors import InputError
from ira_manifests.messages import shortened
from ira_manifests.profile_files import SCHEMA_FOLDER
from ira_manifests.profiles.yaml_source import MAX_BYTES

_SECONDS = 60
_MOST_FILES = 5000
_LEVELS = 2
_REGULAR = ("100644", "100755")
_LINK = "120000"
# Hooks have these set, for another folder than the one that is read.
_OF_HOOKS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")


class _Entry(NamedTuple):
    """A file of a tree."""

    object_id: str
    size: int
    path: PurePosixPath


@contextlib.contextmanager
def checked_out(folder: Path, revision: str) -> Iterator[Path | None]:
    """Yield a temporary copy of a folder as a revision has it; None if the revision has none.

    `folder`: a folder of a work tree. The copy is removed at the end. Raises `InputError` if there
    is no repository, no such revision, or if the folder has more there than profiles have.
    """
    git = _Git(folder)
    commit = git.commit(revision)
    entries = list(_entries(git.listed(commit), f"{revision}:{folder}"))
    if not entries:
        yield None
        return
    with TemporaryDirectory(prefix="ira-manifests-") as temporary:
        copy = Path(temporary, folder.resolve().name or "profiles")
        for entry, content in zip(entries, git.contents(entries), strict=True):
            target = copy / entry.path
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                file.write(content)
        yield copy


def _entries(listed: bytes, place: str) -> Iterator[_Entry]:
    """Yield the files of a tree that can be profiles. Raises `InputError` for links and too much.

    `listed`: `git ls-tree -r -z --long`.
    """
    lines = [line for line in listed.split(b"\0") if line]
    if len(lines) > _MOST_FILES:
        raise InputError(f"{place} has more than {_MOST_FILES} files; is it a folder of profiles?")
    for line in lines:
        facts, _, name = line.partition(b"\t")
        mode, _, object_id, size = facts.decode("ascii").split()
        path = PurePosixPath(os.fsdecode(name))
        if len(path.parts) > _LEVELS or path.parts[0] == SCHEMA_FOLDER:
            continue
        if mode == _LINK:
            raise InputError(
                f"{place}/{path} is a symbolic link, which is not followed in a revision; "
                "check it out into another folder and pass that with --from"
            )
        if mode not in _REGULAR or not _is_safe(path):
            continue
        if int(size) > MAX_BYTES:
            raise InputError(f"{place}/{path} has more than {MAX_BYTES} bytes; a profile is short")
        yield _Entry(object_id, int(size), path)


def _is_safe(path: PurePosixPath) -> bool:
    """Return whether a path of a tree stays below its folder, also on other systems than POSIX."""
    unsafe = any(part in ("..", ".git") or set(part) & set("\\:") for part in path.parts)
    return not (path.is_absolute() or unsafe)


class _Git:
    """Git in the repository of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def commit(self, revision: str) -> str:
        """Return the commit of a revision. Raises `InputError` if there is none."""
        outside = f"{self._folder} is in no Git repository; name a folder with --from"
        self._run("rev-parse", "--git-dir", failed=outside)
        words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        hint = (
            f"there is no revision {shortened(revision)!r}; name a commit, a branch or a tag. In a "
            "shallow clone, fetch it first"
        )
        return self._run(*words, failed=hint).decode("ascii").strip()

    def listed(self, commit: str) -> bytes:
        """Return the files of the folder in a commit, with paths relative to it."""
        words = ("ls-tree", "-r", "-z", "--long", commit, "--", "./")
        return self._run(*words, failed="the revision can't be read")

    def contents(self, entries: Sequence[_Entry]) -> Iterator[bytes]:
        """Yield the content of each file."""
        asked = "".join(f"{entry.object_id}\n" for entry in entries).encode("ascii")
        answer = self._run("cat-file", "--batch", said=asked, failed="the revision can't be read")
        at = 0
        for entry in entries:
            start = answer.index(b"\n", at) + 1
            if answer[at:start].split()[1:] != [b"blob", b"%d" % entry.size]:
                raise InputError(f"the revision can't be read: {entry.path} is not in the clone")
            at = start + entry.size + 1
            yield answer[start : at - 1]

    def _run(self, *words: str, failed: str, said: bytes = b"") -> bytes:
        try:
            done = subprocess.run(  # noqa: S603  without a shell
                ["git", "-C", str(self._folder), "--no-replace-objects", *words],  # noqa: S607
                input=said,
                capture_output=True,
                timeout=_SECONDS,
                env=_environment(),
                check=False,
            )
        except FileNotFoundError:
            raise InputError(
                "git is not installed, which reads revisions; name a folder with --from"
            ) from None
        except subprocess.TimeoutExpired:
            raise InputError(f"git took more than {_SECONDS} seconds") from None
        if done.returncode:
            said_by_git = shortened(done.stderr.decode("utf-8", "replace").strip(), 200)
            raise InputError(f"{failed}: {said_by_git}" if said_by_git else failed)
        return done.stdout


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _OF_HOOKS}
    quiet = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1"}
    return {**kept, **quiet, "GIT_ALLOW_PROTOCOL": "", "LC_ALL": "C"}
