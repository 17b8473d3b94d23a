"""Rules of the user's `base/ira-model-config.env`: the bucket and the model to download."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.errors import did_you_mean, one_of
from ira_manifests.kubernetes import names
from ira_manifests.messages import shortened
from ira_manifests.output.env_file import KEYS, MAX_LINE, too_long
from ira_manifests.rules.catalogue import BAD_INPUT, Severity
from ira_manifests.rules.finding import MOST_TOLD, Finding
from ira_manifests.rules.known_ids import other_spelling
from ira_manifests.rules.registry import also, rule
from ira_manifests.rules.user_files.subjects import (
    MODEL_CONFIG,
    MOST_SHOWN,
    ModelConfig,
    is_placeholder,
    is_wrapped,
)

_MEANT = {"IRA_BUCKET_NAME": "the bucket's name", "MODEL_ID": "the id of the model"}
_FILL_IN = {
    "IRA_BUCKET_NAME": "write the bucket's name, or run synth with --bucket or --terraform-output",
    "MODEL_ID": "write the id of the model to download, or run synth with --model-id",
}


@also(BAD_INPUT, MODEL_CONFIG)
def key_set_again(config: ModelConfig) -> Iterator[Finding]:
    """Kustomize refuses a file that sets a key twice."""
    for entry in config.entries:
        if entry.key in KEYS and entry is not config.first[entry.key]:
            message = f"{entry.key} is set a second time"
            yield config.finding(entry.line, entry.key, message, "keep one of the lines")


@also("IRA013", MODEL_CONFIG)
def unknown_key(config: ModelConfig) -> Iterator[Finding]:
    """Nothing reads an unknown key."""
    guesses = MOST_TOLD  # only these are shown, and each takes time
    for entry in config.entries:
        bare = entry.key.strip()
        if bare in KEYS:
            continue
        guess = did_you_mean(bare[:MOST_SHOWN], KEYS) if guesses > 0 else ""
        guesses -= 1
        message = f"unknown key {shortened(bare)!r}; expected one of {one_of(KEYS)}"
        yield config.finding(entry.line, entry.key, message, f"write KEY=value{guess}")


@also("IRA033", MODEL_CONFIG)
def value_not_set(config: ModelConfig) -> Iterator[Finding]:
    """A key is missing, has no value, or follows a line at which kustomize stops reading."""
    for key in KEYS:
        entry = config.first.get(key)
        hint = f"write {key}=<{_MEANT[key]}>"
        if entry is None:
            yield config.finding(1, key, f"no line sets {key}", hint)
        elif not entry.equals:
            # Kustomize then takes the value from kubectl's environment.
            yield config.finding(entry.line, key, f"no '=' follows {key}", hint)
        elif not entry.value:
            yield config.finding(entry.line, key, "the value is empty", hint)
    cut = too_long(config.text)
    if cut is not None:
        message = f"the line has more than {MAX_LINE} bytes: kustomize stops reading there"
        yield config.finding(cut, "", message, "make it shorter")


@rule("IRA039", "placeholder-left", Severity.WARNING, MODEL_CONFIG)
def placeholder_left(config: ModelConfig) -> Iterator[Finding]:
    """The user's file still has a placeholder.

    `IRA_BUCKET_NAME` or `MODEL_ID` in `dist/base/ira-model-config.env` is still `<IRA_BUCKET_NAME>`
    or `<MODEL_ID>`. It is a warning, because a fresh clone is like that. If the file is applied
    with a placeholder, the download's Job ends at once and says which value is missing, and the API
    server refuses the objects of serving directories, whose label `ira-manifests/bucket` can't hold
    a `<`. In a kustomization of another author, a value such as `replaced-by-kustomize` or
    `CHANGE_ME` is still in what it builds.
    """
    for key, entry in config.first.items():
        if is_placeholder(entry):
            message = "the placeholder is still there"
            yield config.finding(entry.line, key, message, _FILL_IN[key])


@also("IRA025", MODEL_CONFIG)
def more_than_the_value(config: ModelConfig) -> Iterator[Finding]:
    """Kustomize keeps blanks, quotes and comments as part of a key or a value."""
    for entry in config.entries:
        if entry.key not in KEYS and entry.key.strip() in KEYS:
            message = "blanks before the '=' become part of the key"
            yield config.finding(entry.line, entry.key, message, "remove them")
    for key, entry in config.first.items():
        if is_placeholder(entry):
            continue
        if is_wrapped(entry):
            message = "blanks, quotes or a comment around the value become part of it"
            yield config.finding(entry.line, key, message, "write only the value")
        elif "\r" in entry.value:
            message = "the CR inside the line becomes part of the value"
            yield config.finding(entry.line, key, message, "end each line with LF or CR LF")


@also("IRA021", MODEL_CONFIG)
def value_not_allowed(config: ModelConfig) -> Iterator[Finding]:
    """A value is not a valid bucket name or model id."""
    for key, check, hint in (
        ("IRA_BUCKET_NAME", names.check_bucket, "write the bucket's bare name"),
        ("MODEL_ID", names.check_hub_id, "write the id as the model's page shows it"),
    ):
        entry = config.values.get(key)
        problem = check(entry.value) if entry is not None else None
        if entry is not None and problem:
            yield config.finding(entry.line, key, f"{shortened(entry.value)!r} {problem}", hint)


@also("IRA009", MODEL_CONFIG)
def other_id(config: ModelConfig) -> Iterator[Finding]:
    """The id of the model to download differs from a served or known id in spelling only."""
    entry = config.values.get("MODEL_ID")
    if entry is None or names.check_hub_id(entry.value):
        return
    reasons = dict.fromkeys(config.ids.known, "is the known id")
    reasons |= {served: f"{directory} serves" for served, directory in config.ids.served.items()}
    other = other_spelling(entry.value, reasons)
    if other is not None:
        message = f"{entry.value!r} differs from {other!r} in organisation or case"
        hint = f"write {other}, which {reasons[other]}: its folder in the bucket has that name"
        yield config.finding(entry.line, entry.key, message, hint)


@rule("IRA040", "model-not-served", Severity.WARNING, MODEL_CONFIG)
def model_not_served(config: ModelConfig) -> Iterator[Finding]:
    """No cell serves the model that is downloaded.

    `MODEL_ID` in `dist/base/ira-model-config.env` names a model that no cell of the matrix serves.
    The download takes hours and fills the bucket, and the servers look in another folder. Most
    often an ending such as `-it` is missing. `synth` reports it as well.
    """
    entry, served = config.values.get("MODEL_ID"), config.ids.served
    if entry is None or names.check_hub_id(entry.value) or entry.value in served:
        return
    if other_spelling(entry.value, {*config.ids.known, *served}) is None:
        meant = did_you_mean(entry.value, served) or f"; cells serve {one_of(served)}"
        message = f"no cell serves {entry.value!r}{meant}"
        hint = "write the id of a model that is served, or add a cell that serves this one"
        yield config.finding(entry.line, entry.key, message, hint)
