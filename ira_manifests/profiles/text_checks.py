"""Checks of the texts of single fields: each returns None, or what is wrong.

A constant is the pattern of a check's texts, for editors. Checks of Kubernetes' names are in
`kubernetes.names`.
"""

from __future__ import annotations

import re

from ira_manifests.kubernetes import names
from ira_manifests.profiles.forms import refuse
from ira_manifests.vllm.changes import facts_of
from ira_manifests.vllm.release import Release, UnknownReleaseError

_MIN_REASON_WORDS = 3


def check_engine(version: str) -> str | None:
    """Check a release: the image's tag without the "v"; also used for app.kubernetes.io/version."""
    try:
        release = Release.parse(version)
        facts_of(release)
    except UnknownReleaseError as error:
        raise refuse(str(error)) from None
    if str(release) != version:
        return "is not a release's number: write major.minor.patch without a v, such as 0.26.0"
    return None


def check_min_engine(version: str) -> str | None:
    """Check a release of vLLM that may be older than those that a cell can have."""
    try:
        Release.parse(version)
    except UnknownReleaseError:
        return "is not a version such as 0.26.0"
    return None


# A word of exec, not of a shell: any printable character is allowed.
_OPTION = r"(-[A-Za-z][A-Za-z0-9]*|--[A-Za-z][A-Za-z0-9_-]*)([.=][\s\S]*)?|-[0-9]*[.]?[0-9]+"
ARG = rf"(?!-)[\s\S]*|{_OPTION}"


def check_arg(word: str) -> str | None:
    """Check a word of the server's command line."""
    if not word.isprintable():
        return "has a character that can't be printed"
    if not re.fullmatch(ARG, word):
        return (
            "is not an option of the server such as --max-num-seqs=256; write a value behind = or "
            "as the next entry"
        )
    return None


_MOUNT_OPTION = r"[a-z][A-Za-z0-9:=._/-]*"
_OWN_OPTION = "only-dir"
MOUNT_OPTION = rf"(?!{_OWN_OPTION}){_MOUNT_OPTION}"


def check_mount_option(option: str) -> str | None:
    """Check an option of Cloud Storage FUSE."""
    if not re.fullmatch(_MOUNT_OPTION, option):
        return "is not a Cloud Storage FUSE option"
    if option.startswith(_OWN_OPTION):
        return "can't be set in a profile: each cell mounts its own model's folder"
    return None


# Files that the server needs from every repository.
_NEEDED = ("config.json", "model.safetensors", "model.safetensors.index.json", "tokenizer.json")
FILE_PATTERN = r"[A-Za-z0-9._/*?-]{1,200}"


def check_file_pattern(pattern: str) -> str | None:
    """Check a pattern of paths in a repository."""
    if not re.fullmatch(FILE_PATTERN, pattern):
        return "is not a pattern of file names such as original/*"
    return None


def check_glob(pattern: str) -> str | None:
    """Check a pattern for all models, which must leave what each of them needs."""
    if problem := check_file_pattern(pattern):
        return problem
    lost = [name for name in _NEEDED if names.matches_glob(name, pattern)]
    return f"would leave out {lost[0]}, which serving needs" if lost else None


def check_word(word: str) -> str | None:
    """Check a word of a command."""
    if not word.isprintable() or "$(" in word:
        return "is not a word of a command such as vllm or /usr/bin/python3"
    return None


TEMPLATE_FILE = r"/?[A-Za-z0-9._/-]{1,500}"


def check_template(path: str) -> str | None:
    """Check the path of a chat template."""
    if not re.fullmatch(TEMPLATE_FILE, path) or ".." in path.split("/"):
        return "is not a file such as chat_template.jinja or /vllm-workspace/examples/tools.jinja"
    return None


# Letters of git's names of branches and tags (git-check-ref-format) that an address needs no
# escapes for.
_REVISION = r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*"
REVISION = rf"(?!.*\.\.){_REVISION}"
_COMMIT = re.compile(r"[0-9a-f]{40}")
_LONGEST_REVISION = 200


def is_commit(revision: str) -> bool:
    """Return whether a revision is a commit, which never moves, and no branch or tag."""
    return bool(_COMMIT.fullmatch(revision))


def check_revision(revision: str) -> str | None:
    """Check a commit, a tag or a branch."""
    bad_parts = ".." in revision or any(
        part.endswith((".", ".lock")) for part in revision.split("/")
    )
    if bad_parts or len(revision) > _LONGEST_REVISION or not re.fullmatch(_REVISION, revision):
        return "is no revision; write a commit of 40 hex digits, or the name of a tag or branch"
    is_hex = re.fullmatch(r"[0-9A-Fa-f]{7,}", revision) and not revision.isdecimal()
    if is_hex and not is_commit(revision):
        return (
            f"looks like a commit, and has {len(revision)} digits; write all 40 of them, in lower "
            "case"
        )
    return None


REASON = r"\s*\S+\s+\S+\s+\S[\s\S]*"


def check_reason(text: str) -> str | None:
    """Check the reason of a waiver."""
    return (
        None if len(text.split()) >= _MIN_REASON_WORDS else "needs a reason of at least three words"
    )
