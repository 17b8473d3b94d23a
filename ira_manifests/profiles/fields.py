"""Annotated types for the values of profiles.

Each rejects an invalid value with a phrase that says what is allowed. Bounds are those of
Kubernetes' fields, else far above any existing machine: a valid value is accepted by the API
server and keeps computations short.
"""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from ira_manifests import hub_lock
from ira_manifests.kubernetes import images, names, patterns
from ira_manifests.profiles import text_checks
from ira_manifests.profiles.forms import (
    checked,
    is_number,
    is_whole,
    matching,
    number_as_text,
    refuse,
    whole_as_decimal,
)
from ira_manifests.vllm import release

_INT32 = 2**31 - 1
_YEAR = 365 * 24 * 3600


def _tokens_or_auto(value: Any) -> Any:
    if value == "auto" or (is_whole(value) and 0 < value <= _INT32):
        return value
    shown = f"the number {value}" if is_number(value) else "no number"
    if isinstance(value, str):
        shown = f"the text {value[:60]!r}"
    raise refuse(
        f"is {shown}; it must be a whole number of tokens such as 131072, {_INT32} at most, or auto"
    )


def _queued(value: Any) -> Any:
    if isinstance(value, bool) or value == "only":
        return value
    shown = f"the text {value[:60]!r}" if isinstance(value, str) else "neither"
    raise refuse(f"is {shown}; it must be true, false or only")


def _not_empty(value: Any) -> Any:
    if not value:
        raise refuse("is empty; at least one entry is needed")
    return value


# Unlike this, pydantic's min_length also fails for a list whose only entries are invalid.
NOT_EMPTY = AfterValidator(_not_empty)

Label = Annotated[str, checked(names.check_rfc1123_label, patterns.LABEL)]
"""Lower-case letters, digits and '-', such as llm-1; 63 characters at most."""
Subdomain = Annotated[str, checked(names.check_subdomain, patterns.SUBDOMAIN)]
"""Lower-case letters, digits, '-' and '.', such as the name of a Secret; 253 characters at most."""
LabelKey = Annotated[str, checked(names.check_label_key, patterns.LABEL_KEY)]
"""A name, or a domain, '/' and a name, such as `nvidia.com/gpu`."""
LabelValue = Annotated[str, checked(names.check_label_value, patterns.LABEL_VALUE)]
"""Letters, digits, '-', '_' and '.', 63 characters at most; may be empty."""
AnnotationValue = Annotated[str, Field(max_length=8192)]
"""Any text, 8,192 characters at most."""
HubId = Annotated[str, checked(names.check_hub_id, patterns.HUB_ID)]
"""A model's id on the Hugging Face Hub, `organisation/name`, in the Hub's own spelling."""
BucketName = Annotated[str, checked(names.check_bucket, patterns.BUCKET)]
"""A Cloud Storage bucket: 3 to 63 lower-case letters, digits, `-`, `_` and `.`, without gs://."""
ImageRegistry = Annotated[str, checked(images.check_registry, patterns.REPOSITORY)]
"""A registry's host and a path in it, such as `europe-docker.pkg.dev/acme/mirror`."""
RemoteKey = Annotated[
    str, matching(r"[A-Za-z0-9_][A-Za-z0-9_./@:-]{0,252}", "a key such as hugging-face/token")
]
"""A key of a secret store: letters, digits and `_./@:-`, 253 characters at most."""
SecretVersion = Annotated[
    str,
    matching(
        patterns.STORED_VERSION, "a version such as projects/acme/secrets/hf-token/versions/latest"
    ),
]
"""A version of a secret of Secret Manager, `projects/PROJECT/secrets/NAME/versions/VERSION`."""
PinnedImage = Annotated[str, checked(names.check_pinned_image, patterns.PINNED_IMAGE)]
"""A container image with a digest, or with a tag that names a version, such as `busybox:1.37.0`."""
Repository = Annotated[str, checked(names.check_repository, patterns.REPOSITORY)]
"""An image's registry and path without tag and digest, such as `vllm/vllm-openai`."""
Tag = Annotated[str, checked(names.check_tag, patterns.TAG)]
"""An image's tag, such as `v0.26.0-cu129`."""
Digest = Annotated[str, checked(names.check_digest, patterns.DIGEST)]
"""An image's digest: `sha256:` and 64 hexadecimal digits."""
WorkloadTemplate = Annotated[
    str, checked(names.check_workload_template, patterns.WORKLOAD_TEMPLATE)
]
"""A name in which {gpu} and {model} are replaced; it begins with a letter."""
KsaTemplate = Annotated[str, checked(names.check_account_template, patterns.ACCOUNT_TEMPLATE)]
"""A name in which {model} is replaced."""

Cpu = Annotated[str, BeforeValidator(number_as_text), checked(names.check_cpu, patterns.CPU)]
"""CPUs, such as 12 or 0.5, or thousandths such as 500m; below 10,000."""
Bytes = Annotated[str, BeforeValidator(number_as_text), checked(names.check_bytes, patterns.BYTES)]
"""Bytes with a unit (M, G, T, P, Mi, Gi, Ti or Pi), such as 128G or 128Gi."""

Version = Annotated[
    str,
    BeforeValidator(number_as_text),
    matching(
        r"[0-9]{1,4}\.[0-9]{1,4}(?:\.[0-9]{1,4})?(?:(?:a|b|rc|\.post)[0-9]{1,4})?",
        "a version such as 0.26.0",
    ),
]
"""A version, such as 0.26.0."""
HubRelease = Annotated[Version, checked(hub_lock.problem)]
"""A release of huggingface_hub whose wheels are locked in the package, such as 1.33.0."""
EngineRelease = Annotated[str, checked(text_checks.check_engine, release.WRITTEN)]
"""A release of vLLM from 0.8.4 on, major.minor.patch without a v, such as 0.26.0."""
MinEngine = Annotated[
    str, BeforeValidator(number_as_text), checked(text_checks.check_min_engine, release.PARSED)
]
"""A release of vLLM, such as 0.8.0."""
MountOption = Annotated[str, checked(text_checks.check_mount_option, text_checks.MOUNT_OPTION)]
"""An option of Cloud Storage FUSE, such as `implicit-dirs`; not only-dir."""
FilePattern = Annotated[str, checked(text_checks.check_file_pattern, text_checks.FILE_PATTERN)]
"""A pattern of paths in a repository, such as `original/*`; `*` also matches '/'."""
Glob = Annotated[str, checked(text_checks.check_glob, text_checks.FILE_PATTERN)]
"""A pattern for all models; it must not match files that every model needs."""
Arg = Annotated[str, checked(text_checks.check_arg, text_checks.ARG)]
"""A word of the server's command line, such as `--max-num-seqs=256`; no option of a field."""
Word = Annotated[str, Field(min_length=1, max_length=200), checked(text_checks.check_word)]
"""A word of a command, such as `vllm`; 200 characters at most."""
ModelName = Annotated[
    str, matching(r"[A-Za-z0-9/][A-Za-z0-9._/:-]{0,199}", "a model's name such as gemma")
]
"""A name of letters, digits and `._/:-`, 200 characters at most."""
ParserName = Annotated[str, matching(r"[a-z0-9][A-Za-z0-9_.-]*", "a parser such as hermes")]
"""A parser's name in the engine, such as `hermes`."""
TemplateFile = Annotated[str, checked(text_checks.check_template, text_checks.TEMPLATE_FILE)]
"""A relative path in the model's folder, or an absolute one in the image."""
Revision = Annotated[
    str, BeforeValidator(number_as_text), checked(text_checks.check_revision, text_checks.REVISION)
]
"""A commit, a tag or a branch of a repository on the Hugging Face Hub."""
GitRevision = Annotated[
    str, BeforeValidator(number_as_text), checked(text_checks.check_revision, text_checks.REVISION)
]
"""A commit, a tag or a branch of a Git repository."""
Reason = Annotated[str, checked(text_checks.check_reason, text_checks.REASON)]
"""A reason of three words or more."""
TaintEffect = Annotated[
    str,
    matching(
        "NoSchedule|NoExecute|PreferNoSchedule",
        "one of NoExecute, NoSchedule, PreferNoSchedule",
    ),
]
"""`NoSchedule`, `NoExecute` or `PreferNoSchedule`."""

Count = Annotated[int, Field(gt=0, le=100_000_000)]
"""GPUs, layers, heads, widths, tokens."""
GpuCount = Annotated[int, Field(gt=0, le=1024)]
"""GPUs of a machine; every number up to it is tried as a tensor parallel size."""
LayerCount = Annotated[int, Field(gt=0, le=10_000)]
"""Layers of a model; the largest published models have about 130."""
LayerIndex = Annotated[int, Field(ge=0, lt=10_000)]
IndexDim = Annotated[int, Field(gt=0, le=1024, multiple_of=128)]
"""Elements of a sparse indexer's key, which is quantised in blocks of 128."""
StateBytes = Annotated[int, Field(gt=0, le=2**40)]
"""Bytes of one sequence in one layer."""
Seconds = Annotated[int, Field(gt=0, le=_YEAR)]
Replicas = Annotated[int, Field(gt=0, le=1000)]
# The kernel's 0 is root; Kubernetes refuses ids above 2^31 - 1.
UserId = Annotated[int, Field(gt=0, le=_INT32)]
# The share of a GPU's memory that vLLM may use. The text is preserved: 0.80 stays 0.80.
Utilization = Annotated[Decimal, BeforeValidator(whole_as_decimal), Field(gt=0, le=1)]
Context = Annotated[
    Annotated[int, Field(gt=0, le=_INT32)] | Literal["auto"], BeforeValidator(_tokens_or_auto)
]
Queued = Annotated[bool | Literal["only"], BeforeValidator(_queued)]
"""`true`, `false` or `only`."""
Gib = Annotated[Decimal, BeforeValidator(whole_as_decimal), Field(gt=0, le=1_000_000)]
Capability = Annotated[Decimal, BeforeValidator(whole_as_decimal), Field(ge=7, le=20)]
QuantMethod = Literal[
    "awq",
    "bitsandbytes",
    "compressed-tensors",
    "fp8",
    "gptq",
    "modelopt",
    "modelopt_fp4",
    "modelopt_fp8",
    "mxfp4",
]
