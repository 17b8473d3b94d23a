"""Rules whose code is not in their function yet."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import Group, Severity, rule

_MOVED: Group[None] = Group(__package__ or "")


@rule("IRA001", "does-not-fit", Severity.ERROR, _MOVED)
def does_not_fit(_: None) -> Iterator[Finding]:
    """The model does not fit the GPUs' memory.

    The weights, or the key/value cache of one request of `max_model_len`, do not fit the share of
    the GPU that `gpu_memory_utilization` leaves. The node is provisioned, the model is loaded for
    many minutes, and then the server exits with "No available memory for the cache blocks" or "…KV
    cache is needed, which is larger than the available KV cache memory", again and again, while the
    machine is billed.

    With `max_model_len: auto` it fires where no context of 1024 tokens keeps the margin. The
    finding stands at the field whose change costs least and is enough.
    """
    yield from ()


@rule("IRA002", "little-margin", Severity.WARNING, _MOVED)
def little_margin(_: None) -> Iterator[Finding]:
    """The KV cache fits with less to spare than its error.

    It fits, but with less to spare than the estimate may be off: 0.5 % of the GPU where start-ups
    were measured (H100, engine 0.19.0), 2.5 % elsewhere. Another release, a driver, a second
    process on the GPU, and the same manifest that started yesterday does not start today. Outside
    the share, 0.2 GiB are wanted for CUDA graphs and the sampler's warm-up, 1 GiB where nothing was
    measured, and 2.5 GiB for mixtures with more than two experts for each token: gpt-oss-20b failed
    there on one H100 at 0.95 with engine 0.19.0, and later engines were not measured. The hint
    names what keeps the margin.
    """
    yield from ()


@rule("IRA003", "memory-not-judged", Severity.WARNING, _MOVED)
def memory_not_judged(_: None) -> Iterator[Finding]:
    """No geometry to judge by, or an option changes it.

    The model's profile has no `weights` and `geometry`, so nobody has computed whether it fits.
    Both come from the model's `config.json` and from one line of a start-up log; without them the
    first to know is the GPU bill.

    It also names each option in a cell's `flags` that changes the memory that is needed in a way
    that is not computed, such as `--quantization`, `--cpu-offload-gb`, `--enforce-eager`,
    `--enable-lora`, `--speculative-config` or `--block-size`: `list` and `explain` then call the
    cell "not judged", and `max_model_len: auto` is refused. `--max-num-seqs` and
    `--max-num-batched-tokens` are computed, as the engine reads them (`128k` is 128,000).
    """
    yield from ()


@rule("IRA004", "heads-not-divided", Severity.ERROR, _MOVED)
def heads_not_divided(_: None) -> Iterator[Finding]:
    """Tensor parallel can't split the model's heads.

    vLLM splits the attention heads over the GPUs of a tensor parallel group: the query heads must
    divide, and the key/value heads divide or are replicated a whole number of times. Otherwise the
    server stops at start with "Total number of attention heads must be divisible by tensor parallel
    size".
    """
    yield from ()


@rule("IRA005", "idle-gpus", Severity.WARNING, _MOVED)
def idle_gpus(_: None) -> Iterator[Finding]:
    """The machine has GPUs that the cell leaves idle.

    The smallest machine that the cell gets has more GPUs than it uses. Nobody else is scheduled on
    them unless another Pod fits beside, and all of them are billed. Where no smaller machine
    exists, waive the rule.
    """
    yield from ()


@rule("IRA006", "too-large-for-machine", Severity.ERROR, _MOVED)
def too_large_for_machine(_: None) -> Iterator[Finding]:
    """Requests exceed what the machine allocates.

    GKE keeps a part of every machine for the kernel and the kubelet. A Pod that asks for more than
    the rest stays Pending for ever: the autoscaler says that no node group would fit it, or keeps
    making nodes that do not help. The warm-up container counts as well.
    """
    yield from ()


@rule("IRA007", "context-too-long", Severity.ERROR, _MOVED)
def context_too_long(_: None) -> Iterator[Finding]:
    """Max model len is more than the model's own.

    vLLM refuses a `max_model_len` above what the model's positions were made for: the container
    exits at once, after the node has been provisioned for it. Flags that change the model's
    configuration (`--hf-overrides`, `--hf-config-path`, `--rope-scaling`, `--config`) may allow
    more: the rule does not judge a cell that has one.
    """
    yield from ()


@rule("IRA008", "engine-too-old", Severity.ERROR, _MOVED)
def engine_too_old(_: None) -> Iterator[Finding]:
    """The model needs a newer engine.

    The model's architecture came to vLLM with a later release than the pinned one. The server loads
    the configuration, does not know the architecture, and exits; only the image is wrong, but the
    machine is there.
    """
    yield from ()


@rule("IRA009", "unknown-model-id", Severity.ERROR, _MOVED)
def unknown_model_id(_: None) -> Iterator[Finding]:
    """Organisation or case differ from a known id.

    `profiles/known-models.yaml` has an id that differs only in organisation or in upper and lower
    case. The wrong organisation is another repository: the download ends in 404, or brings somebody
    else's weights. Another case works for the download and gives the bucket's folder another name
    than the one that is served. For a copy of the model that you trust, waive the rule.
    """
    yield from ()


@rule("IRA029", "waiver-without-finding", Severity.ERROR, _MOVED)
def waiver_without_finding(_: None) -> Iterator[Finding]:
    """A waived rule finds nothing to waive.

    A cell waives a rule that finds nothing there any more. Left in place, the waiver hides the next
    real finding.
    """
    yield from ()


@rule("IRA031", "no-such-user", Severity.WARNING, _MOVED)
def no_such_user(_: None) -> Iterator[Finding]:
    """The engine's image has no user of its own.

    `engine.run_as_user` is set, and the pinned vLLM image comes from before the release that ships
    a user besides root (0.22). Its files belong to root and its user database knows no such number:
    the server dies while it starts, when a library asks for its name or writes to its home.
    """
    yield from ()


@rule("IRA038", "geometry-refused", Severity.ERROR, _MOVED)
def geometry_refused(_: None) -> Iterator[Finding]:
    """The engine can't lay out the model's memory.

    No memory budget follows from the model's `geometry`, because vLLM can't lay out its key/value
    cache: pages of layers of different kinds, such as heads of 96 beside 128 values, cannot be made
    equal. The weights are loaded first, so the server fails minutes after the node has come up.
    Compare the numbers with the model's `config.json`.
    """
    yield from ()


@rule("IRA043", "remote-code", Severity.WARNING, _MOVED)
def remote_code(_: None) -> Iterator[Finding]:
    """The server runs code of the model's repository.

    `trust_remote_code: true` gives the server `--trust-remote-code`: Python files of the model's
    repository then run in the serving container, which reads the bucket with the workload's
    account. Whoever may write to the repository, or to the model's folder in the bucket, decides
    what runs. vLLM needs it only for architectures that it does not have itself, and says so in its
    log. Waive the rule with the reason where it is meant; the reference architecture serves its
    three models so.
    """
    yield from ()


@rule("IRA045", "weights-left-out", Severity.ERROR, _MOVED)
def weights_left_out(_: None) -> Iterator[Finding]:
    """The server reads files that the download omits.

    A cell has the flag `--load-format=mistral`, with which the server reads
    `consolidated*.safetensors` alone, and the download leaves those out, by its own lists where the
    repository has other safetensors, or by the model's. The server finds no weights and exits.
    `download.keep` of the model copies them ([containers](containers.md) has an example).
    """
    yield from ()
