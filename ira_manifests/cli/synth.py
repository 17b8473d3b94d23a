"""`synth`: write the kustomize directories."""

from __future__ import annotations

from pathlib import Path

from ira_manifests.cli import common, synthesis
from ira_manifests.errors import Gathered, InputError


def command(
    *,
    out: Path,
    profiles_folder: Path | None,
    only: list[str] | None,
    environments: list[str] | None,
    bucket: str | None,
    terraform_output: str | None,
    model_id: str | None,
    namespace: str | None,
    workload_name: str | None,
    check: bool,
    as_json: bool,
) -> int:
    """Write the kustomize directories of the matrix."""
    wrong = Gathered()
    with wrong:
        _refuse_contradictions(bucket, terraform_output, model_id, check)
    with wrong:
        _refuse_without_walkthrough(bucket, terraform_output, model_id, environments)
    with wrong:
        synthesis.check_values(bucket, model_id)
    with wrong:
        matrices = common.load_all(
            profiles_folder, environments, workload_name=workload_name, namespace=namespace
        )
    if wrong:
        raise wrong.error
    with wrong:
        selections = common.chosen(common.wanted(matrices, environments), only)
    with wrong:
        values = synthesis.config_values(matrices.walkthrough, bucket, terraform_output, model_id)
    if wrong:
        raise wrong.error
    request = synthesis.SynthRequest(
        selections,
        out,
        partial=bool(only or environments),
        narrowed=bool(environments),
        as_json=as_json,
    )
    findings = synthesis.judge(request)
    if findings is None:
        return common.FINDINGS
    if check:
        return synthesis.compare(request, findings)
    return synthesis.write(request, findings, values)


def _named(bucket: str | None, terraform_output: str | None, model_id: str | None) -> list[str]:
    """Return the given options that set a value in the walkthrough's file."""
    given = {"--bucket": bucket, "--terraform-output": terraform_output, "--model-id": model_id}
    return [option for option, value in given.items() if value is not None]


def _refuse_without_walkthrough(
    bucket: str | None,
    terraform_output: str | None,
    model_id: str | None,
    environments: list[str] | None,
) -> None:
    named = _named(bucket, terraform_output, model_id)
    if environments and named:
        raise InputError(
            f"--environment can't be combined with {' or '.join(named)}, which the walkthrough "
            "alone has; set what differs in the environment's profile"
        )


def _refuse_contradictions(
    bucket: str | None, terraform_output: str | None, model_id: str | None, check: bool
) -> None:
    named = _named(bucket, terraform_output, model_id)
    contradictions = []
    if check and named:
        contradictions.append(
            f"--check writes nothing, so it can't be combined with {' or '.join(named)}"
        )
    if bucket is not None and terraform_output is not None:
        contradictions.append(
            "--bucket and --terraform-output both set the bucket; pass only one of them"
        )
    if contradictions:
        raise InputError(*contradictions)
