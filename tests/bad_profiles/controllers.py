"""The fields of controllers, in platform.yaml."""

from __future__ import annotations

from testing.project import BUCKET
from tests.bad_profiles.case import NO_NAME, At, Case, case

_PLACE = "bucket_suffix: ira-model\n"
_COMPLETE = f"namespace: llm\nbucket: {BUCKET}\n"
_REPO = "https://github.com/acme/serving.git"


def _case(name: str, given: str, *messages: At, complete: str = _COMPLETE) -> Case:
    edits = {"platform.yaml": {_PLACE: complete + given + _PLACE}}
    return case(name, *messages, edits=edits)


def _at(marked: str, text: str) -> At:
    return At("platform.yaml", marked, text)


def _argo_cd(name: str, given: str, marked: str, text: str) -> Case:
    return _case(name, f"argo_cd:\n  repo_url: {_REPO}\n  {given}\n", _at(marked, text))


CASES: list[Case] = [
    _case(
        "token_in_the_address_of_a_repository",
        "argo_cd: {repo_url: 'https://x:ghp_secret@github.com/acme/serving.git'}\n",
        _at(
            "repo_url: |'https",
            "argo_cd.repo_url: has a user or a token in the address; leave it out, and give it to "
            "the controller as a Secret of its namespace",
        ),
    ),
    _case(
        "template_in_the_address_of_a_repository",
        "argo_cd: {repo_url: 'https://github.com/{{.path}}.git'}\n",
        _at(
            "repo_url: |'https",
            "argo_cd.repo_url: 'https://github.com/{{.path}}.git' is not a repository such as "
            f"{_REPO} or git@github.com:acme/serving.git",
        ),
    ),
    _argo_cd(
        "path_outside_of_the_repository",
        "path: ../dist",
        "path: |../dist",
        "argo_cd.path: '../dist' is not a folder of the repository such as dist or gpu/dist, "
        "without a / at its ends",
    ),
    _argo_cd(
        "prefix_that_is_no_name",
        "prefix: Team_A",
        "prefix: |Team_A",
        f"argo_cd.prefix: 'Team_A' {NO_NAME}",
    ),
    _argo_cd(
        "server_that_is_no_address",
        "destination_server: prod-eu",
        "destination_server: |prod-eu",
        "argo_cd.destination_server: 'prod-eu' is not the address of an API server such as "
        "https://kubernetes.default.svc",
    ),
    _argo_cd(
        "two_names_of_one_cluster",
        "destination_server: https://10.0.0.1\n  destination_name: prod-eu",
        "argo_cd:\n  |repo_url",
        "argo_cd: has destination_server and destination_name, which both name the cluster; "
        "remove one of them",
    ),
    _case(
        "unknown_field_of_a_controller",
        "flux: {intervall: 10m}\n",
        _at(
            "|intervall",
            "flux.intervall: is an unknown key; allowed: interval_seconds, namespace, path, "
            "prefix, retry_seconds, service_account, source, timeout_seconds; did you mean "
            "'interval_seconds'?",
        ),
    ),
    _case(
        "check_of_a_directory_shorter_than_flux_can",
        "flux: {timeout_seconds: 10}\n",
        _at(
            "timeout_seconds: |10",
            "flux.timeout_seconds: is the number 10; it must be at least 30",
        ),
    ),
    _case(
        "controller_without_a_bucket",
        "flux: {}\n",
        _at(
            "|flux: {}",
            "flux: needs the platform's bucket, because Flux applies what is in the repository "
            "and nothing else; set bucket",
        ),
        complete="namespace: llm\n",
    ),
    _case(
        "controller_without_a_namespace",
        f"argo_cd: {{repo_url: '{_REPO}'}}\n",
        _at(
            "|argo_cd: {",
            "argo_cd: needs the platform's namespace, because Argo CD applies what is in the "
            "repository and nothing else; set namespace",
        ),
        complete=f"bucket: {BUCKET}\n",
    ),
    _case(
        "two_controllers",
        f"argo_cd: {{repo_url: '{_REPO}'}}\nflux: {{}}\n",
        _at(
            "|flux: {}",
            "flux: is given beside argo_cd, and both would apply the output; remove one of them",
        ),
    ),
    _case(
        "argo_cd_of_final_objects",
        f"rendered: true\nargo_cd: {{repo_url: '{_REPO}'}}\n",
        _at(
            "|argo_cd: {",
            "argo_cd: is given beside rendered: true, and an Application of a model is a "
            "kustomization of its directories; leave rendered out",
        ),
    ),
]
