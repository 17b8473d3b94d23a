"""Rules of the model that a cell serves, and of the engine's support for it."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ira_manifests.analysis.kernels import missing_kernel
from ira_manifests.profiles.memory_options import LONGER_CONTEXT
from ira_manifests.profiles.text_checks import is_commit
from ira_manifests.rules.catalogue import Needs, Severity
from ira_manifests.rules.cells.subjects import CELL, CellOf
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.known_ids import other_spelling
from ira_manifests.rules.registry import rule
from ira_manifests.vllm import Release, settings


@rule("IRA007", "context-too-long", Severity.ERROR, CELL, Needs.MODEL)
def context_too_long(of: CellOf) -> Iterator[Finding]:
    """`max_model_len` is more than the model's own context.

    vLLM refuses a `max_model_len` above what the model's positions were made for: the container
    exits at once, after the node has been provisioned for it. Flags that change the model's
    configuration (`--hf-overrides`, `--hf-config-path`, `--rope-scaling`, `--config`) may allow
    more: the rule does not judge a cell that has one.
    """
    cell = of.cell
    geometry, asked = cell.model.geometry, cell.max_model_len
    options = settings(cell.settings.args, cell.engine.version)
    most = None if geometry is None else geometry.max_position_embeddings
    if most is not None and asked > most and not LONGER_CONTEXT.intersection(options):
        message = f"{asked} tokens are more than the model's own {most}"
        hint = f"max_model_len: {most} is the most; vLLM refuses to start with more"
        yield of.finding(("max_model_len",), message, hint)


@rule("IRA087", "needless-rope-override", Severity.ERROR, CELL, Needs.MODEL)
def needless_rope_override(of: CellOf) -> Iterator[Finding]:
    """An override of rope scaling makes a context that the model has itself.

    `--hf-overrides` sets a `rope_scaling` whose context, `factor` times
    `original_max_position_embeddings`, is not longer than the model's own: a line that was copied
    from another model. The server computes all positions with the other model's scaling, answers
    get worse without any error, and contexts beyond it are refused.
    """
    cell, geometry = of.cell, of.cell.model.geometry
    text = settings(cell.settings.args, cell.engine.version).get("--hf-overrides")
    scaled = _scaled(text or "")
    if geometry is not None and scaled and scaled <= geometry.max_position_embeddings:
        message = f"--hf-overrides scales positions to {scaled} tokens, and the model itself has "
        message += f"{geometry.max_position_embeddings}"
        hint = "drop the override: it is another model's"
        yield of.finding_of_setting(("args",), message, hint)


def _scaled(text: str) -> int:
    """Return the context to which an override scales positions; 0 if it scales none."""
    try:
        given = json.loads(text)
    except ValueError:
        return 0
    scaling = given.get("rope_scaling") if isinstance(given, dict) else None
    if not isinstance(scaling, dict):
        return 0
    factor, original = scaling.get("factor"), scaling.get("original_max_position_embeddings")
    if not isinstance(factor, int | float) or not isinstance(original, int):
        return 0
    return int(factor * original)


@rule("IRA008", "engine-too-old", Severity.ERROR, CELL, Needs.MODEL)
def engine_too_old(of: CellOf) -> Iterator[Finding]:
    """The model needs a newer engine than the pinned one.

    The model's architecture came to vLLM with a later release. The server loads the configuration,
    does not know the architecture, and exits; only the image is wrong, but the machine is there.
    """
    needed, used = of.cell.model.min_engine, of.cell.engine.version
    if needed is not None and Release.parse(used) < Release.parse(needed):
        message = f"{of.cell.model.model_id} needs engine {needed}, and {used} is pinned"
        hint = f"set engine.version in platform.yaml to {needed} or newer"
        yield of.finding(("min_engine",), message, hint)


@rule("IRA048", "no-kernel", Severity.ERROR, CELL, Needs.MODEL)
def no_kernel(of: CellOf) -> Iterator[Finding]:
    """The engine has no kernel for the model on the cell's GPU.

    vLLM computes fp8 weights of NVIDIA's Model Optimizer up to 0.26.0 from compute capability 8.9
    on only, and latent attention with a sparse indexer (DeepSeek-V3.2, GLM-5) from 9.0 on. On an
    A100, the server exits at start-up: "The quantization method … is not supported for the current
    GPU", or "No valid attention backend found". Other checkpoints in fp8, NVFP4, mxfp4, AWQ and
    GPTQ run on every GPU type from A100 on, by kernels that compute in 16 bit.

    The rule needs `compute_capability` of the GPU type, and `weights.quantization: modelopt_fp8`,
    which `add` writes, or `index_head_dim` in the geometry. `quantization: modelopt` may be another
    format, and is not judged.
    """
    missing = missing_kernel(of.cell)
    if missing:
        hint = "use another GPU type, or a checkpoint in another format"
        yield of.finding((), missing, hint)


@rule("IRA009", "unknown-model-id", Severity.ERROR, CELL, Needs.PART)
def unknown_model_id(of: CellOf) -> Iterator[Finding]:
    """A model id differs from a known one only in organisation or in upper and lower case.

    The known ids are those of `profiles/known-models.yaml`. The wrong organisation is another
    repository: the download ends in 404, or brings somebody else's weights. Another case works for
    the download, but gives the bucket's folder another name than the one that is served. For a copy
    of the model that you trust, waive the rule. In trees of other authors, where servers load
    from folders, one is reported that has other upper and lower case than most of the same name.
    """
    model_id = of.cell.model.model_id
    other = other_spelling(model_id, of.matrix.profiles.known_model_ids)
    if other is not None:
        message = f"{model_id!r} differs from the known {other!r} in organisation or case"
        hint = f"write {other}, or waive the rule for a copy of the model that you trust"
        yield of.finding(("model_id",), message, hint)


@rule("IRA060", "moving-revision", Severity.WARNING, CELL)
def moving_revision(of: CellOf) -> Iterator[Finding]:
    """A revision is a branch or a tag, which can be moved to another commit.

    The download copies the commit that the name stands for at that time. The next one can bring
    other weights under the same name, without a change of the profiles, and nobody sees which ones
    a server has. A commit, 40 hex digits, is the same files for good: the page of the repository's
    history shows it, and the download's log names the commit that it copied. A revision that is
    left out is the latest commit of `main`, and is not reported.
    """
    revision = of.cell.model.revision
    if revision is not None and not is_commit(revision):
        message = f"{revision!r} is a branch or a tag, which can move to other files"
        hint = "write the commit, 40 hex digits; the download's log names it"
        yield of.finding(("revision",), message, hint)


@rule("IRA043", "remote-code", Severity.WARNING, CELL)
def remote_code(of: CellOf) -> Iterator[Finding]:
    """The server runs code of the model's repository.

    `trust_remote_code: true` gives the server `--trust-remote-code`: Python files of the model's
    repository then run in the serving container, which reads the bucket with the workload's
    account. Whoever may write to the repository, or to the model's folder in the bucket, decides
    what runs. vLLM needs the flag only for architectures that it does not have itself, and says so
    in its log. Where the code is wanted, waive the rule with the reason; the reference architecture
    serves its three models with it.
    """
    if of.cell.model.trust_remote_code:
        message = f"the server runs Python files that come with {of.cell.model.model_id}"
        hint = "leave it out where vLLM knows the architecture, or waive the rule with the reason"
        yield of.finding(("trust_remote_code",), message, hint)
