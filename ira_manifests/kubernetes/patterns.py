"""Regular expressions of the names and amounts in `names`, in the syntax of Python and ECMA-262.

Each matches a whole text. The checks of `names` use them to tell what is wrong; JSON Schemas of
profiles carry them to editors.
"""

from __future__ import annotations

from collections.abc import Iterable

# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
MAX_LABEL = 63
MAX_SUBDOMAIN = 253
RFC1123_LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
RFC1035_LABEL = r"[a-z]([a-z0-9-]*[a-z0-9])?"
QUALIFIED_NAME = r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"

# huggingface_hub's validate_repo_id, narrowed to "organisation/name": a name without an owner is
# not a repository to which a token can be granted access. download_model.sh checks the same.
MAX_HUB_ID = 96
_HUB_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?"
HUB_PATH = rf"{_HUB_PART}/{_HUB_PART}"

# https://cloud.google.com/storage/docs/buckets#naming
BUCKET = r"(?!goog)[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]"

# https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions
STORED_VERSION = (
    r"projects/[a-z0-9][a-z0-9.:-]*/(?:locations/[a-z0-9-]+/)?secrets/[A-Za-z0-9_-]{1,255}"
    r"/versions/(?:[1-9][0-9]*|[A-Za-z][A-Za-z0-9_-]*)"
)

# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/, narrowed to
# sensible amounts of CPU and bytes: "cpu: 10G" and "memory: 12" are quantities too.
_ABOVE_ZERO = r"(?=.*[1-9])"
CPU = rf"{_ABOVE_ZERO}(?:(?:0|[1-9][0-9]{{0,3}})(?:\.[0-9]{{1,3}})?|[1-9][0-9]{{0,6}}m)"
BYTES = rf"{_ABOVE_ZERO}(?:0|[1-9][0-9]{{0,6}})(?:\.[0-9]{{1,3}})?(?:M|G|T|P|Mi|Gi|Ti|Pi)"

METRIC = r"[A-Za-z_][A-Za-z0-9_:.|-]{0,252}"
POD_COUNT = r"(?:0|[1-9][0-9]{0,3})|(?:100|[1-9]?[0-9])%"
CIDR = r"[0-9A-Za-z:.%]+/[0-9.]+"

# https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
REPOSITORY = (
    # A number after a colon is a port only if a path follows: in busybox:1 it is a tag.
    r"[a-z0-9]+(?:[.-][a-z0-9]+)*(?::[0-9]+(?=/))?(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*"
)
TAG = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
DIGEST = "sha256:[0-9a-f]{64}"
_NUMBERED_TAG = rf"(?=[A-Za-z._-]*[0-9]){TAG}"
PINNED_IMAGE = rf"{REPOSITORY}(?::{_NUMBERED_TAG}|(?::{TAG})?@{DIGEST})"


def at_most(length: int, pattern: str) -> str:
    """Return a pattern that matches no text of more characters."""
    return rf"(?=.{{0,{length}}}$){pattern}"


def none_of(words: Iterable[str]) -> str:
    """Return a pattern of every text but some, which have no special characters but dots."""
    found = "|".join(sorted(words)).replace(".", r"\.")
    return rf"(?!(?:{found})$)[\s\S]*"


def _template(first: str, inner: str, fields: tuple[str, ...]) -> str:
    """Return the pattern of a name in which fields in braces are replaced."""
    braces = "".join(rf"|\{{{field}\}}" for field in fields)
    middle = f"(?:{inner}|-{braces})"
    return f"(?:{first}{braces})(?:{middle}*(?:{inner}{braces}))?"


LABEL = at_most(MAX_LABEL, RFC1123_LABEL)
SUBDOMAIN = at_most(MAX_SUBDOMAIN, rf"{RFC1123_LABEL}(\.{RFC1123_LABEL})*")
LABEL_VALUE = at_most(MAX_LABEL, f"({QUALIFIED_NAME})?")
LABEL_KEY = rf"({RFC1123_LABEL}(\.{RFC1123_LABEL})*/)?(?=[^/]{{1,{MAX_LABEL}}}$){QUALIFIED_NAME}"
HUB_ID = at_most(MAX_HUB_ID, rf"(?!.*(?:--|\.\.|\.git$)){HUB_PATH}")
WORKLOAD_TEMPLATE = _template("[a-z]", "[a-z0-9]", ("gpu", "model"))
ACCOUNT_TEMPLATE = _template("[a-z0-9]", "[a-z0-9]", ("model",))
HOSTNAME_TEMPLATE = r"(?:\*\.)?" + _template("[a-z0-9]", "[a-z0-9.]", ("gpu", "model"))
