"""Rules of the arguments of servers: options, and the GPUs that they divide."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.kubernetes import labels, names
from ira_manifests.kubernetes import leader_worker_set as lws
from ira_manifests.rules.catalogue import Needs, Severity
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.flags import CRASH_LOOP, READ_THEM_YOURSELF
from ira_manifests.rules.registry import rule
from ira_manifests.rules.view.groups import DIRECTORY
from ira_manifests.rules.view.plain import at
from ira_manifests.rules.view.pods import Object
from ira_manifests.rules.view.rendered import View
from ira_manifests.rules.view.servers import Server
from ira_manifests.vllm import UnknownReleaseError

_NAME_THE_RELEASE = (
    "write the tag beside the digest, vllm/vllm-openai:v0.26.0@sha256:…, or the release "
    f"into the object's label {labels.VERSION}"
)


@rule("IRA010", "unknown-flag", Severity.ERROR, DIRECTORY, Needs.RELEASE)
def unknown_flag(view: View) -> Iterator[Finding]:
    """The engine refuses a flag of the server, or its value.

    The pinned release of the engine does not know a flag, or refuses its value: none where one is
    needed, text where a number is, a number out of bounds, a name that the release does not have
    (data types, quantization methods, parsers of tool calls and reasoning, load formats), JSON that
    ends too early. Some of it the parser refuses, some the engine as it starts, such as
    `--enable-auto-tool-choice` without `--tool-call-parser`, `--max-num-seqs` above the
    `--max-num-batched-tokens` given beside it, and float16 for Gemma 2 and 3; both ways the Pod
    restarts for ever with the GPU attached. `--disable-log-requests`, for one, is taken up to
    0.16.0 and not by the releases after it, until 0.33.0 takes it again. A profile's own flag is
    reported at its line. A server is recognised as `vllm serve`, as the older Python module, in a
    shell script, and as the image's entry point. Not judged: keys of JSON options
    (`--compilation-config`, `--speculative-config` and the like), values with `$(NAME)`, parser
    names beside a parser plugin, options that take a list of values, what an option left out would
    default to, and names that the engine looks up in its code or in plugins as it starts, such as
    `--attention-backend`, `--tokenizer-mode`, `--model-impl`, `--distributed-executor-backend` and
    the levels of `-O`. A load format or quantization method that a plugin of your own image adds is
    refused here: waive the rule.
    """
    for server in view.servers:
        try:
            refused = server.command.problems if server.release else []
        except UnknownReleaseError:
            continue
        for flag in refused:
            yield view.finding(server.file, server.places[flag.index], flag.message, CRASH_LOOP)


@rule("IRA032", "flags-not-judged", Severity.WARNING, DIRECTORY)
def flags_not_judged(view: View) -> Iterator[Finding]:
    """The options of the engine's release are unknown.

    The release of the engine is not in the table of options that this project ships (a release
    candidate, or one between two that are, has no place there either), or nothing names it: no tag
    of vLLM's own image, and no label `app.kubernetes.io/version` on the object that makes the Pods.
    No flag is called unknown then, and a flag that the release has dropped is first seen as a crash
    loop. The memory of a release candidate is computed as that of the releases before and after it,
    and the one with less to spare counts.
    """
    for server in view.servers:
        place = (*server.container.path, "image")
        if not server.release:
            # Another rule reports an image without a version.
            if names.check_pinned_image(server.container.image) is None:
                message = "the vLLM release of the image is unknown: its flags are not checked"
                yield view.finding(server.file, place, message, _NAME_THE_RELEASE)
            continue
        try:
            _ = server.command.problems
        except UnknownReleaseError as error:
            yield view.finding(server.file, place, f"{error}", READ_THEM_YOURSELF)


@rule("IRA011", "gpus-not-parallel", Severity.ERROR, DIRECTORY, Needs.OBJECTS)
def gpus_not_parallel(view: View) -> Iterator[Finding]:
    """GPUs are not tensor × pipeline parallel size.

    The container's GPUs are not tensor parallel × pipeline parallel (× data parallel) size, as the
    server reads its arguments: shortened, under other spellings, and the last one where there are
    several. With too few, the server waits for processes that can't start; with too many, the rest
    is paid for and never used. Of a LeaderWorkerSet, the containers of a whole group share the
    product: its `size` times the GPUs of each. Not judged: a server that other Pods share in ways
    that its arguments don't tell (Ray, `--nnodes`, a part of the data parallel ranks), one without
    GPUs of `nvidia.com/gpu`, or with a size that is not known, and, in trees of other authors, too
    few GPUs in a kind that may be of several Pods.
    """
    for server in view.servers:
        sizes = [_size(server, option) for option in _SIZES]
        gpus = server.container.gpus
        if None in sizes or (not view.own and _is_part(server)):
            continue
        tensor, pipeline, data = (size or 1 for size in sizes)
        group = view.group_of(server.container.template)
        if group is not None:
            yield from _of_group(view, server, group, tensor * pipeline * data)
        elif gpus > tensor * pipeline * data or (
            gpus < tensor * pipeline * data
            and (view.own or server.container.template.is_of_kubernetes)
        ):
            message = f"{gpus} GPUs for tensor parallel {tensor} × pipeline parallel {pipeline}"
            message += f" × data parallel {data}" if data > 1 else ""
            hint = "the server starts one process for each GPU: both numbers must be equal"
            place = (*server.container.path, "resources", "limits", labels.GPU)
            yield view.finding(server.file, place, message, hint)


def _of_group(view: View, server: Server, group: Object, wanted: int) -> Iterator[Finding]:
    """A group has as many Pods as its size, each with the GPUs of its container."""
    size, gpus = at(group.body, *lws.SIZE_OF_GROUP) or 1, server.container.gpus
    if isinstance(size, int) and size * gpus != wanted:
        message = f"{size} Pods with {gpus} GPUs each, and the parallel sizes make {wanted} GPUs"
        hint = "the server starts one process for each GPU of the group: make both numbers equal"
        yield view.finding(group.file, lws.SIZE_OF_GROUP, message, hint)


_SIZES = ("--tensor-parallel-size", "--pipeline-parallel-size", "--data-parallel-size")
# With one of these, other Pods have a part of the processes or of the GPUs.
_SHARED = (
    "--data-parallel-address", "--data-parallel-hybrid-lb", "--data-parallel-external-lb",
    "--data-parallel-rank", "--data-parallel-size-local", "--data-parallel-start-rank",
    "--distributed-executor-backend", "--nnodes", "--node-rank", "--prefill-context-parallel-size",
)  # fmt: skip


def _is_part(server: Server) -> bool:
    """Return whether the container is not known to have all GPUs of a server."""
    return not server.container.gpus or any(option in server.settings for option in _SHARED)


def _size(server: Server, name: str) -> int | None:
    """Return a parallel size; 1 if it is not given, None if it is not known."""
    text = server.settings.get(name, "1")
    return int(text) if text.isdecimal() else None
