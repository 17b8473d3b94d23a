"""Rules whose code is not in their function yet."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import Group, Severity, rule

_MOVED: Group[None] = Group(__package__ or "")


@rule("IRA030", "token-file-shape", Severity.ERROR, _MOVED)
def token_file_shape(_: None) -> Iterator[Finding]:
    """The token's file holds more than the token.

    `dist/base/hugging-face-token.env` holds something else than one bare `HUGGING_FACE_TOKEN=`
    line. Kustomize keeps quotes, trailing spaces and comments as a part of the token; the download
    Job gets its node and disk, and then the Hub refuses it (401). A file that is missing, or still
    has the bare placeholder, is no finding: nobody has filled it in yet. `check` alone looks at
    this file, at its shape only, and repeats no part of it.
    """
    yield from ()


@rule("IRA039", "placeholder-left", Severity.WARNING, _MOVED)
def placeholder_left(_: None) -> Iterator[Finding]:
    """The user's file still holds a placeholder.

    `IRA_BUCKET_NAME` or `MODEL_ID` in `dist/base/ira-model-config.env` is still `<IRA_BUCKET_NAME>`
    or `<MODEL_ID>`. It is a warning, because a fresh clone is like that. Applied like that, the
    download's Job ends at once and says which is missing, and the API server refuses the objects of
    serving directories, whose label `ira-manifests/bucket` can't hold a `<`.
    """
    yield from ()


@rule("IRA040", "model-not-served", Severity.WARNING, _MOVED)
def model_not_served(_: None) -> Iterator[Finding]:
    """No cell serves the model that is downloaded.

    `MODEL_ID` in `dist/base/ira-model-config.env` names a model that no cell of the matrix serves.
    The download takes hours and fills the bucket, and the servers look in another folder. Most
    often an ending such as `-it` is missing. `synth` says so as well.
    """
    yield from ()
