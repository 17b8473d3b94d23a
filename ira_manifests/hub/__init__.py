"""Reads a model's files from the Hugging Face Hub, through the package huggingface_hub.

That package is optional, the extra `hub`, and imported when a model is read. Read are small files
as a whole and the headers of safetensors by HTTP ranges, never the weights. As huggingface_hub
does, this obeys HF_TOKEN, HF_ENDPOINT, HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE and
HF_HUB_DOWNLOAD_TIMEOUT. A file that the cache has is not requested; none is written there.

    read("Qwen/Qwen3-8B").commit     the commit that `main` was
"""

from __future__ import annotations

from ira_manifests.hub import library
from ira_manifests.model_files import ModelFiles

MOST_SECONDS = 120.0
"""The longest that a model is waited for, all requests together."""


def read(
    model_id: str, revision: str | None = None, *, seconds: float = MOST_SECONDS
) -> ModelFiles:
    """Return what the files of a model say, with its id and the commit of the revision.

    `revision`: a branch, a tag or a commit; None for the branch `main`. `seconds`: the longest to
    wait for the Hub.

    Raises InputError with the cause where the Hub does not give the files, and else as
    `ira_manifests.model_files.read_source`.
    """
    found = library.settings()
    from ira_manifests.hub import repository  # imports huggingface_hub, which is there now

    return repository.read(found, model_id, revision, seconds)
