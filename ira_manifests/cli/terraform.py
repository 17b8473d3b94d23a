"""Finds the model's bucket in the output of Terraform."""

from __future__ import annotations

from ira_manifests.errors import InputError, one_of

OUTPUT = "ira_google_storage_bucket_names"


def model_bucket(text: str, suffix: str, source: str) -> str:
    """Return the bucket whose name ends in `suffix`.

    `text`: what `terraform output -json ira_google_storage_bucket_names` prints, a JSON list of
    names. `source`: its name for messages. Raises `InputError` for anything else, and if no
    name or more than one ends in the suffix.
    """
    found = _names(text, source)
    buckets = sorted({name for name in found if name.endswith(suffix)})
    if len(buckets) != 1:
        many = f"{len(buckets)} buckets end" if buckets else "no bucket ends"
        listed = one_of(buckets or found)
        raise InputError(
            f"{many} in {suffix!r} in {source} ({listed}); set the model's bucket with --bucket"
        )
    return buckets[0]


def _names(text: str, source: str) -> list[str]:
    import json

    if not text.strip():
        raise InputError(
            f"{source} is empty: terraform printed no output. Name the folder that has the "
            f"platform's state: terraform -chdir=FOLDER output -json {OUTPUT}"
        )
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(f"{source} is not JSON; {_how_to()}") from None
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise InputError(f"{source} is not a JSON list of bucket names; {_how_to()}")
    return found


def _how_to() -> str:
    return f"pass the output of: terraform output -json {OUTPUT}"
