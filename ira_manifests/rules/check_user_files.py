"""Runs the rules of the files that the user edits in `base/`."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.output.env_file import MAX_BYTES
from ira_manifests.profiles.matrix import Matrix
from ira_manifests.rules.finding import Finding, condensed, unreadable
from ira_manifests.rules.user_files.subjects import (
    MODEL_CONFIG,
    TOKEN_FILE,
    Ids,
    ModelConfig,
    TokenFile,
)


def ids_of(matrix: Matrix) -> Ids:
    """Return the model ids that a matrix serves, and further ids that its profiles know."""
    served = {
        model_id: cell.directory
        for cell in reversed(list(matrix.values()))
        for model_id in cell.model_ids
    }
    return Ids(served, matrix.profiles.known_model_ids)


def check_model_config(file: str, content: bytes, ids: Ids) -> list[Finding]:
    """Return the findings of `ira-model-config.env` in the order of lines, unset values included.

    More than `MOST_TOLD` findings of one rule are reported as one.
    """
    return sorted(condensed(_in_model_config(file, content, ids)))


def _in_model_config(file: str, content: bytes, ids: Ids) -> Iterator[Finding]:
    if len(content) > MAX_BYTES:
        yield unreadable(file, f"the file has more than {MAX_BYTES} bytes", "keep its two lines")
        return
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        yield unreadable(file, "the file is not UTF-8 text", "save it as UTF-8")
        return
    yield from MODEL_CONFIG.run(ModelConfig(file, text, ids))


def unserved(file: str, content: bytes, ids: Ids) -> list[Finding]:
    """Return the finding of a model that is downloaded but not served by any cell, if any."""
    found = check_model_config(file, content, ids)
    return [item for item in found if item.rule_id == "IRA040"]


def check_token_file(file: str, content: bytes) -> list[Finding]:
    """Return the findings of the token's file; more than `MOST_TOLD` of one rule become one."""
    return condensed(TOKEN_FILE.run(TokenFile(file, content)))
