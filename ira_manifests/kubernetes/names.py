"""Names and amounts that Kubernetes, Cloud Storage and the Hugging Face Hub accept.

Each check returns None for a valid name, or a phrase that says what is allowed.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from fnmatch import fnmatchcase

from ira_manifests.errors import InputError
from ira_manifests.kubernetes import patterns
from ira_manifests.kubernetes.patterns import MAX_HUB_ID, MAX_LABEL, MAX_SUBDOMAIN
from ira_manifests.messages import shortened

_RFC1123_LABEL = re.compile(patterns.RFC1123_LABEL)
_RFC1035_LABEL = re.compile(patterns.RFC1035_LABEL)
_QUALIFIED_NAME = re.compile(patterns.QUALIFIED_NAME)
_HUB_PATH = re.compile(patterns.HUB_PATH)

# https://cloud.google.com/storage/docs/buckets#naming
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_IPV4 = re.compile(r"[0-9]+(?:\.[0-9]+){3}")

_CPU = re.compile(patterns.CPU)
_BYTES = re.compile(patterns.BYTES)
_METRIC = re.compile(patterns.METRIC)
_PODS = re.compile(patterns.POD_COUNT)
_REPOSITORY = re.compile(patterns.REPOSITORY)
_IMAGE = re.compile(
    rf"{patterns.REPOSITORY}(?::(?P<tag>{patterns.TAG}))?(?:@(?P<digest>{patterns.DIGEST}))?"
)

# Tags that move to another image with every build: latest, nightly, nightly-x86_64, and those
# without any digit, such as stable. A tag with a commit, nightly-<40 digits>, does not move.
_MOVING = re.compile(r"(?:.*[-_.])?(?:latest|nightly)(?:[-_.].*)?")
_COMMIT = re.compile(r"(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])")


def require(what: str, name: str, check: Callable[[str], str | None]) -> None:
    """Raise `InputError` for what is no text, or with the phrase of one of the checks below."""
    if not isinstance(name, str):
        raise InputError(f"{what} is a value of type {type(name).__name__}; it must be text")
    problem = check(name)
    if problem:
        raise InputError(f"{what} {shortened(name, 100)!r} {problem}")


def check_rfc1123_label(name: str) -> str | None:
    """Lower-case letters, digits and dashes, 63 at most: labels, most object names."""
    return _check_label(
        name,
        _RFC1123_LABEL,
        "lower-case letters, digits and '-', with a letter or digit at both ends",
    )


def check_rfc1035_label(name: str) -> str | None:
    """An RFC 1123 label that starts with a letter: Services, and bases of GKE's names."""
    return _check_label(
        name,
        _RFC1035_LABEL,
        "lower-case letters, digits and '-', beginning with a letter and not ending with '-'",
    )


def _check_label(name: str, pattern: re.Pattern[str], allowed: str) -> str | None:
    if len(name) > MAX_LABEL:
        return f"has {len(name)} characters; {MAX_LABEL} are allowed"
    if not pattern.fullmatch(name):
        return f"is not a valid name: use {allowed}"
    return None


def check_subdomain(name: str) -> str | None:
    """RFC 1123 labels with dots between them, 253 at most: names of classes and CRDs."""
    if len(name) > MAX_SUBDOMAIN:
        return f"has {len(name)} characters; {MAX_SUBDOMAIN} are allowed"
    if not all(_RFC1123_LABEL.fullmatch(part) for part in name.split(".")):
        return (
            "is not a valid name: use lower-case letters, digits, '-' and '.', with a letter or "
            "digit at both ends of each part"
        )
    return None


def check_label_key(key: str) -> str | None:
    """A key of labels, annotations and taints: `name` or `domain/name`."""
    domain, slash, name = key.rpartition("/")
    if len(name) > MAX_LABEL:
        return f"has {len(name)} characters after the '/'; {MAX_LABEL} are allowed"
    if (slash and check_subdomain(domain)) or not _QUALIFIED_NAME.fullmatch(name):
        return "is not a key such as nvidia.com/gpu: use a name, or a domain, '/' and a name"
    return None


def check_label_value(value: str) -> str | None:
    """A value of labels and taints, which may be empty."""
    if len(value) > MAX_LABEL:
        return f"has {len(value)} characters; {MAX_LABEL} are allowed"
    if value and not _QUALIFIED_NAME.fullmatch(value):
        return (
            "is not a value of a label: use letters, digits, '-', '_' and '.', with a letter or "
            "digit at both ends"
        )
    return None


def matches_glob(path: str, pattern: str) -> bool:
    """Return whether the download leaves out `path` because of `pattern`; '*' also matches '/'."""
    return fnmatchcase(path, pattern)


def check_hub_id(model_id: str) -> str | None:
    """A Hugging Face Hub id, `organisation/name`."""
    if len(model_id) > MAX_HUB_ID:
        return f"has {len(model_id)} characters; a Hub id has {MAX_HUB_ID} at most"
    if not _HUB_PATH.fullmatch(model_id) or "--" in model_id or ".." in model_id:
        return (
            "is not a Hugging Face Hub id: use organisation/name of letters, digits, '-', '_' and "
            "'.', such as google/gemma-3-27b-it"
        )
    if model_id.endswith(".git"):
        return "ends in .git, which is its address for git: leave the ending out"
    return None


def check_bucket(name: str) -> str | None:
    """A Cloud Storage bucket name, without `gs://`."""
    if len(name) > MAX_LABEL and "." not in name:
        return f"has {len(name)} characters; a bucket's name has {MAX_LABEL} at most"
    if not _BUCKET.fullmatch(name) or ".." in name:
        return (
            "is not a bucket's name: use 3 to 63 lower-case letters, digits, '-', '_' and '.', "
            "without gs://"
        )
    if any(len(part) > MAX_LABEL for part in name.split(".")):
        return f"has a part of more than {MAX_LABEL} characters between its dots"
    if _IPV4.fullmatch(name) or name.startswith("goog"):
        return "is not a bucket's name: it can't look like an IP address or begin with goog"
    return None


def check_cpu(text: str) -> str | None:
    """CPU cores: a whole or decimal number, or thousandths with the suffix m."""
    if not _CPU.fullmatch(text):
        return (
            "is not an amount of CPU: use cores above zero and below 10000 such as 12 or 0.5, "
            "or 500m"
        )
    return None


def check_bytes(text: str) -> str | None:
    """Memory or storage with a unit, because a plain number would mean bytes."""
    if not _BYTES.fullmatch(text):
        return (
            "is not an amount of memory: use a number above zero and below 10000000 and one of the "
            "units M, G, T, P, Mi, Gi, Ti, Pi, such as 160G or 8Gi"
        )
    return None


def check_pinned_image(image: str) -> str | None:
    """A container image with a digest, a tag that does not move, or both."""
    match = _IMAGE.fullmatch(image)
    if not match or not (match["digest"] or match["tag"]):
        return "is not a pinned image: name a registry path with a version, such as busybox:1.37.0"
    if not match["digest"] and is_moving(match["tag"]):
        does = "moves" if _MOVING.fullmatch(match["tag"]) else "names no version"
        return (
            f"is not a pinned image: the tag {match['tag']} {does}; name a version, or add the "
            f"digest, {image}@sha256:…"
        )
    return None


def is_moving(tag: str) -> bool:
    """Return whether a tag names no version and so may move to another image."""
    if not any(character.isdigit() for character in tag):
        return True
    return bool(_MOVING.fullmatch(tag)) and not _COMMIT.search(tag)


def check_tag(tag: str) -> str | None:
    """The tag of a container image."""
    if not re.fullmatch(patterns.TAG, tag):
        return "is not an image's tag such as v0.26.0-cu129: use letters, digits, '_', '.' and '-'"
    return None


def check_digest(digest: str) -> str | None:
    """The digest of a container image."""
    if not re.fullmatch(patterns.DIGEST, digest):
        return "is not an image's digest: write sha256: and 64 digits from 0 to f"
    return None


def check_repository(image: str) -> str | None:
    """A container image without tag or digest, which other fields give."""
    if _REPOSITORY.fullmatch(image):
        return None
    if _IMAGE.fullmatch(image):
        return "has a tag or a digest: give them beside the path, as tag: and digest:"
    return "is not an image's path without its tag, such as vllm/vllm-openai"


def template_fields(template: str) -> set[str] | None:
    """Return the names in braces of a name template, or None if the braces are malformed."""
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError:
        return None
    if any(spec or conversion for _, _, spec, conversion in parts):
        return None
    return {field for _, field, _, _ in parts if field is not None}


def check_hostname_template(template: str) -> str | None:
    """A hostname of a route, with fields in braces; its first label may be `*`.

    https://gateway-api.sigs.k8s.io/reference/spec/#hostname
    """
    return _check_template(template.removeprefix("*."), {"gpu", "model"}, _check_hostname)


def _check_hostname(name: str) -> str | None:
    if _IPV4.fullmatch(name):
        return "is an address: routes match hostnames such as llm.example.com"
    return check_subdomain(name)


def check_cidr(text: str) -> str | None:
    """A range of addresses as in a NetworkPolicy's ipBlock, without host bits."""
    import ipaddress  # only profiles with a range need it

    try:
        ipaddress.ip_network(text)
    except ValueError:
        return "is not a range of addresses such as 10.0.0.0/23, with zeros after the prefix"
    return None if "/" in text else "has no prefix length: write a range such as 10.0.0.0/23"


def check_metric_name(name: str) -> str | None:
    """A metric of the custom metrics API, which is a part of a URL's path.

    https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/autoscaling/validation/validation.go
    """
    if _METRIC.fullmatch(name):
        return None
    return "is not a metric's name such as vllm_num_requests_waiting, without '/', '%' and spaces"


def check_pod_count(text: str) -> str | None:
    """A number of Pods or a percentage, as in a PodDisruptionBudget."""
    if not _PODS.fullmatch(text):
        return "is neither a number of Pods such as 1 nor a share of them such as 50%"
    return None


def check_workload_template(template: str) -> str | None:
    """The template of workloads' names."""
    return _check_template(template, {"gpu", "model"}, check_rfc1035_label)


def check_account_template(template: str) -> str | None:
    """The template of service accounts' names: an account for each model, or one for all."""
    return _check_template(template, {"model"}, check_rfc1123_label)


def _check_template(
    template: str, allowed: set[str], check: Callable[[str], str | None]
) -> str | None:
    """A name template: literal text and fields in braces, without other features of str.format."""
    braces = ", ".join(f"{{{field}}}" for field in sorted(allowed))
    fields = template_fields(template)
    if fields is None or not fields <= allowed:
        return f"is not a name template: use plain text and {braces}"
    shortest = template.format_map(dict.fromkeys(allowed, "x"))
    problem = check(shortest)
    shown = shortened(shortest)
    return f"gives names such as {shown!r}, which {problem}" if problem else None
