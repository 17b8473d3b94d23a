"""`inference.service_account` without {model}: one account for all cells."""

from __future__ import annotations

from pathlib import Path

import cdk8s
import pytest

from ira_manifests import VllmDeployment, load_matrix
from testing.kubectl import kustomize
from testing.objects import objects_in, template_of, the
from testing.project import copy_edited, fill_in
from tests.support import ira

ACCOUNT = "acme-online-gpu"


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    return copy_edited(tmp_path, "platform.yaml", ("ira-online-gpu-ksa-{model}", ACCOUNT))


def test_every_directory_has_the_same_account_and_no_rule_objects(
    tmp_path: Path, profiles: Path
) -> None:
    run = ira("synth", cwd=profiles.parent)
    assert run.returncode == 0, run.stderr
    fill_in(tmp_path / "dist")
    check = ira("check", cwd=tmp_path)
    assert check.returncode == 0, check.stdout

    accounts = []
    for directory in sorted((tmp_path / "dist").glob("online-*")):
        objects = objects_in(kustomize(directory))
        accounts.append(the(objects, "ServiceAccount"))
        assert template_of(objects)["spec"]["serviceAccountName"] == ACCOUNT

    assert len(accounts) == 13
    assert all(account == accounts[0] for account in accounts)
    assert accounts[0]["metadata"]["name"] == ACCOUNT


def test_workloads_of_one_chart_share_it(profiles: Path) -> None:
    matrix = load_matrix(profiles, workload_name="vllm-{gpu}-{model}")
    chart = cdk8s.Chart(cdk8s.App(), "inference")

    for model in ("gemma3-27b", "llama3"):
        VllmDeployment(chart, model, cell=matrix["h100", model], bucket="acme-dev-ira-model")

    account = the(chart.to_json(), "ServiceAccount")
    assert account["metadata"]["name"] == ACCOUNT
    assert account["metadata"]["labels"]["app.kubernetes.io/instance"] == ACCOUNT
