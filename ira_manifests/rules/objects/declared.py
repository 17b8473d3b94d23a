"""Rules whose code is not in their function yet."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import Group, Severity, rule

_MOVED: Group[None] = Group(__package__ or "")


@rule("IRA010", "unknown-flag", Severity.ERROR, _MOVED)
def unknown_flag(_: None) -> Iterator[Finding]:
    """The engine refuses a flag of the server, or its value.

    The pinned release of the engine does not know a flag, or refuses its value: none where one is
    needed, text where a number is, a number out of bounds, a name that the release does not have
    (data types, quantization methods, parsers of tool calls and reasoning, load formats), JSON that
    ends too early. Some of it the parser refuses, some the engine as it starts, such as
    `--enable-auto-tool-choice` without `--tool-call-parser`, `--max-num-seqs` above the
    `--max-num-batched-tokens` given beside it, and float16 for Gemma 2 and 3; both ways the Pod
    restarts for ever with the GPU attached. `--disable-log-requests`, for one, is taken up to
    0.16.0 and not by the releases after it, until 0.33.0 takes it again. A profile's own flag is
    told at its line. The server is known by `vllm serve`, by its older Python module, in a shell's
    script, and as the image's own entry. Not judged: keys of JSON options (`--compilation-config`,
    `--speculative-config` and the like), values with `$(NAME)`, parser names beside a parser
    plugin, options that take a list of values, what an option left out would default to, and names
    that the engine looks up in its code or in plugins as it starts, such as `--attention-backend`,
    `--tokenizer-mode`, `--model-impl`, `--distributed-executor-backend` and the levels of `-O`. A
    load format or quantization method that a plugin of your own image adds is refused here: waive
    the rule.
    """
    yield from ()


@rule("IRA011", "gpus-not-parallel", Severity.ERROR, _MOVED)
def gpus_not_parallel(_: None) -> Iterator[Finding]:
    """GPUs are not tensor × pipeline parallel size.

    The container's GPUs are not tensor parallel × pipeline parallel (× data parallel) size, as the
    server reads its arguments: shortened, under other spellings, and the last one where there are
    several. With too few, the server waits for processes that can't start; with too many, the rest
    is paid for and never used.
    """
    yield from ()


@rule("IRA012", "no-shared-memory", Severity.ERROR, _MOVED)
def no_shared_memory(_: None) -> Iterator[Finding]:
    """GPUs work together without shared memory.

    The processes of a tensor parallel group exchange data through `/dev/shm`, and a container has
    64 MiB of it unless a memory-backed `emptyDir` is mounted there, of 1Gi or more where its size
    is limited. The server hangs or dies with a bus error under load.
    """
    yield from ()


@rule("IRA013", "unread-value", Severity.ERROR, _MOVED)
def unread_value(_: None) -> Iterator[Finding]:
    """A value that is set is read by no container.

    A key of `vllm-runtime-config.env` or of the user's `ira-model-config.env` is read by no
    container, or is read and never reaches the server's option: the argument is written out, or
    reads another variable. Whoever changes the key sees the Deployment roll and nothing change: the
    value that the server has is another one.
    """
    yield from ()


@rule("IRA014", "unexpanded-variable", Severity.ERROR, _MOVED)
def unexpanded_variable(_: None) -> Iterator[Finding]:
    """An argument holds what nobody expands.

    Kubernetes expands `$(NAME)` in arguments and in values of variables, and only if the container
    defines NAME (before the value that wants it); `${NAME}` is a shell's. What is not expanded
    reaches the server as it stands, so it looks for a model named `/gcs/${MODEL_ID}`.
    """
    yield from ()


@rule("IRA015", "unpinned-image", Severity.ERROR, _MOVED)
def unpinned_image(_: None) -> Iterator[Finding]:
    """An image has no version, or one that moves.

    An image without a tag, or with one that moves (`latest`, `nightly`, `stable`), is another
    program after the next node comes up, together with its flags and its memory. A rollback of the
    manifest then rolls nothing back. A digest pins any tag: `path:tag@sha256:…`.
    """
    yield from ()


@rule("IRA016", "shared-selector", Severity.ERROR, _MOVED)
def shared_selector(_: None) -> Iterator[Finding]:
    """Two workloads select the same Pods.

    Two workloads carry labels that one selector matches. A Service sends requests for one model to
    the other, and each Deployment counts the Pods of both: the hand-written original selected `app:
    vllm` everywhere. A selector must hold its workload's own name, and select no Pods of another
    name in any directory.
    """
    yield from ()


@rule("IRA017", "same-object-twice", Severity.ERROR, _MOVED)
def same_object_twice(_: None) -> Iterator[Finding]:
    """Two objects have one name in a namespace.

    Two objects of a directory have the same kind, name and namespace. The one applied last replaces
    the other, and which one that is depends on the order of files.

    Two cells of different GPU types that get one workload name, such as with `--workload-name
    vllm`, are found before anything is rendered: the second moves the workload to other machines,
    and the first is gone. Models of one GPU type may share a name, as they do under the default
    `vllm-{gpu}`: there the second replaces the first on purpose, and `synth` says so. `--only`
    leaves out cells that you do not mean to apply.
    """
    yield from ()


@rule("IRA018", "template-differs", Severity.ERROR, _MOVED)
def template_differs(_: None) -> Iterator[Finding]:
    """PodTemplate and Deployment are not the same.

    The PodTemplate of a ProvisioningRequest is missing, misspelt, or asks for something else than
    the Pods that consume it; or it lies in another namespace than its request, or lacks the label
    `cloud.google.com/apply-warden-policies`. Quantities and tolerations are compared by what they
    mean. Capacity is provisioned that the Pods don't fit, and is billed until its booking expires.
    """
    yield from ()


@rule("IRA019", "request-out-of-range", Severity.ERROR, _MOVED)
def request_out_of_range(_: None) -> Iterator[Finding]:
    """A ProvisioningRequest that GKE refuses.

    GKE takes a run of 600 to 604800 seconds as a string, a wait that is a number, values of 255
    characters, exactly one pod set, and a count that is the number of Pods, which no autoscaler may
    raise. Anything else is refused when it is applied, or leaves Pods without capacity.
    """
    yield from ()


@rule("IRA020", "queue-with-selector", Severity.ERROR, _MOVED)
def queue_with_selector(_: None) -> Iterator[Finding]:
    """A queue beside a selector that excludes it.

    Pods that consume a request never trigger ordinary pools, and other Pods never trigger queued
    ones. A compute class, Spot or reservation in the node selector or in node affinity beside a
    request therefore waits for ever, or pays twice.
    """
    yield from ()


@rule("IRA021", "name-not-allowed", Severity.ERROR, _MOVED)
def name_not_allowed(_: None) -> Iterator[Finding]:
    """A name is too long or has wrong letters.

    A name has more than 63 characters or letters that its kind does not allow. The API server
    refuses it, or GKE does later, when it builds other names from it: names of requests have no
    dots and begin with a letter.
    """
    yield from ()


@rule("IRA022", "wrong-annotations", Severity.ERROR, _MOVED)
def wrong_annotations(_: None) -> Iterator[Finding]:
    """Consuming annotations are incomplete or misplaced.

    The annotations that consume a request belong on the Pod template, both of them, under one
    prefix, and name a request of the directory and its class. Without such a request the Pods stay
    Pending. On the Deployment itself they do nothing: the Pods are scheduled like any others.
    """
    yield from ()


@rule("IRA023", "other-models-value", Severity.ERROR, _MOVED)
def other_models_value(_: None) -> Iterator[Finding]:
    """Paths or accounts are of another model.

    The model argument, a mount path, the `only-dir` of the bucket, the service account, a label, a
    name or a runtime value is missing or is that of another model or cell: the line that a copy of
    a directory forgot. The server finds an empty folder, or may not read the bucket at all.
    """
    yield from ()


@rule("IRA024", "unmatched-target", Severity.ERROR, _MOVED)
def unmatched_target(_: None) -> Iterator[Finding]:
    """A replacement of kustomize changes nothing.

    A replacement's target matches no object or no field. Kustomize then changes nothing and says
    nothing, and the placeholder of the bucket's name goes to the cluster.
    """
    yield from ()


@rule("IRA025", "comment-in-value", Severity.ERROR, _MOVED)
def comment_in_value(_: None) -> Iterator[Finding]:
    """A comment, blanks or quotes are part of a value.

    Kustomize takes everything after the `=` of an env file's line for the value, comments and
    trailing spaces included; only the line end, LF or CR LF, is left out. The server reads "131072
    # tokens" and exits. `check` looks at the user's `ira-model-config.env` as well: at its two keys
    (IRA013, IRA033), at what stands around their values, and (IRA021, IRA009) at the values
    themselves.
    """
    yield from ()


@rule("IRA026", "token-where-unread", Severity.ERROR, _MOVED)
def token_where_unread(_: None) -> Iterator[Finding]:
    """The token's Secret is where nothing reads it.

    The token's Secret is rendered into a directory in which nothing reads it, or a serving
    container reads one: the model is in the bucket, and only the download needs the token. Everyone
    who may read Secrets there has the token, and deleting the directory deletes a Secret that
    somebody else may need.
    """
    yield from ()


@rule("IRA027", "no-startup-probe", Severity.WARNING, _MOVED)
def no_startup_probe(_: None) -> Iterator[Finding]:
    """Nothing but readiness covers a long load.

    A load takes tens of minutes. A liveness probe alone kills the server while it loads; a
    readiness probe alone never replaces a server that hangs. A startup probe covers the load and
    hands over to the two; one that gives up in less than ten minutes does not.
    """
    yield from ()


@rule("IRA028", "stale-output", Severity.ERROR, _MOVED)
def stale_output(_: None) -> Iterator[Finding]:
    """The output folder is not what the profiles say.

    A file of the output folder is not what the profiles say: somebody edited it by hand, or changed
    a profile without a synth. What is reviewed is not what is applied. Or `base` is missing, or a
    folder and not the link to `model-download/base`: what is written there is not built. A synth
    moves the files and makes the link. Where a token, or different values, are in both places, it
    changes nothing: only `model-download/base` is read, so put what is right there and remove the
    file in `base` first.
    """
    yield from ()


@rule("IRA032", "flags-not-judged", Severity.WARNING, _MOVED)
def flags_not_judged(_: None) -> Iterator[Finding]:
    """The options of the engine's release are unknown.

    The release of the engine is not in the table of options that this project ships (a release
    candidate, or one between two that are, has no place there either), or nothing names it: no tag
    of vLLM's own image, and no label `app.kubernetes.io/version` on the object that makes the Pods.
    No flag is called unknown then, and a flag that the release has dropped is first seen as a crash
    loop. The memory of a release candidate is computed as that of the releases before and after it,
    and the one with less to spare counts.
    """
    yield from ()


@rule("IRA033", "missing-value", Severity.ERROR, _MOVED)
def missing_value(_: None) -> Iterator[Finding]:
    """A value that a container reads is missing.

    A container reads a key that the ConfigMap does not have, or a ConfigMap that the directory does
    not make. The kubelet never creates the container (CreateContainerConfigError), on a node that
    is provisioned and billed. In the user's `ira-model-config.env` a key is missing or has no
    value, or follows a line of more than 65535 bytes, at which kustomize stops reading without an
    error.
    """
    yield from ()


@rule("IRA034", "queue-not-reached", Severity.ERROR, _MOVED)
def queue_not_reached(_: None) -> Iterator[Finding]:
    """Pods can't get onto the nodes of their request.

    Pods that consume a request do not tolerate the taint `cloud.google.com/gke-queued`, or select
    neither flex-start capacity nor a named node pool. The request brings up nodes on which its Pods
    are never scheduled.
    """
    yield from ()


@rule("IRA035", "no-such-port", Severity.ERROR, _MOVED)
def no_such_port(_: None) -> Iterator[Finding]:
    """A probe or Service asks where no server listens.

    A probe or a Service names a port that no container of the Pods has, or the server does not
    listen there: `--port`, `--host` with a loopback address, `--uds`, `--headless`, `--grpc`, TLS
    without probes of HTTPS. The probe fails until the kubelet kills a healthy server, or every
    request to the Service is refused while all Pods look ready.
    """
    yield from ()


@rule("IRA036", "second-machine", Severity.WARNING, _MOVED)
def second_machine(_: None) -> Iterator[Finding]:
    """A second Pod takes the GPUs of another machine.

    More than one replica, or a rolling update, starts a Pod that needs GPUs beside those of the
    first. Each takes a machine of its own; without a free one, the update waits for capacity and
    the old version keeps serving.
    """
    yield from ()


@rule("IRA037", "selects-nothing", Severity.ERROR, _MOVED)
def selects_nothing(_: None) -> Iterator[Finding]:
    """A selector matches no Pod of its workload.

    A selector does not match the labels of its own workload's Pods. The API server refuses such a
    Deployment; a Service is accepted and has no endpoints, so every request to it fails.
    """
    yield from ()


@rule("IRA041", "driver-too-old", Severity.WARNING, _MOVED)
def driver_too_old(_: None) -> Iterator[Finding]:
    """The GPU driver may be too old for the image's CUDA.

    Each release of vLLM's image is built on one CUDA, and needs an NVIDIA driver that knows it:
    CUDA 13, from vLLM 0.20.0 on, needs 580.65.06. Nodes that GKE makes for a Pod get its default
    driver, which has been 535.274.02, unless the Pod selects
    `cloud.google.com/gke-gpu-driver-version: latest`; with the older one the server fails to start.
    `-queued` directories select it, and the platform's compute classes say `latest` themselves. A
    named `queued_node_pool` has the driver that it was made with, which no file here tells, so the
    rule warns of it: look at the pool, and where its driver is `latest`, waive the rule in every
    cell of that GPU type. Images other than vLLM's own, and releases newer than the table, are not
    judged, silently.
    """
    yield from ()


@rule("IRA042", "requests-cut-off", Severity.WARNING, _MOVED)
def requests_cut_off(_: None) -> Iterator[Finding]:
    """A server ends before its requests do.

    A server that is to end can't finish the requests that it has. The pinned release of vLLM has no
    `--shutdown-timeout` (before 0.18.0), so `engine.drain_seconds` can't be kept and it aborts them
    at SIGTERM; or the Pod is killed before `preStop` and the timeout are over; or nothing sleeps in
    `preStop`, and the requests that Services still send to the Pod for some seconds are refused.
    Clients see broken connections at every rollout and eviction.
    """
    yield from ()
