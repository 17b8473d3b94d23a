"""Values of platform.yaml; tests/test_platform_values.py has more of them."""

from __future__ import annotations

from tests.bad_profiles.case import NO_NAME, NO_PATTERN, At, Case, case

_NO_TEMPLATE = "is not a name template: use plain text and {gpu}, {model}"


def _platform(name: str, edits: dict[str, str], *messages: At) -> Case:
    return case(name, *messages, edits={"platform.yaml": edits})


def _at(marked: str, text: str) -> At:
    return At("platform.yaml", marked, text)


CASES: list[Case] = [
    _platform(
        "account_of_the_download_for_serving",
        {"ira-online-gpu-ksa-{model}": "ira-model-download-ksa"},
        _at(
            "|ira-model-download-ksa\n  cpu: 4",
            "model_download.service_account: is 'ira-model-download-ksa', also the account of "
            "serving workloads: `kubectl delete -k model-download` would delete it under them; "
            "use two accounts",
        ),
    ),
    _platform(
        "path_in_a_name",
        {"service_account: ira-model-download-ksa": "service_account: ../../etc/passwd"},
        _at(
            "service_account: |../../etc/passwd",
            f"model_download.service_account: '../../etc/passwd' {NO_NAME}",
        ),
    ),
    _platform(
        "attribute_in_a_template",
        {"vllm-{gpu}": "vllm-{gpu.__class__}"},
        _at(
            "|vllm-{gpu.__class__}",
            f"inference.workload_name: 'vllm-{{gpu.__class__}}' {_NO_TEMPLATE}",
        ),
    ),
    _platform(
        "unknown_field_in_a_template",
        {"vllm-{gpu}": "vllm-{pod}"},
        _at("|vllm-{pod}", f"inference.workload_name: 'vllm-{{pod}}' {_NO_TEMPLATE}"),
    ),
    _platform(
        "workload_name_no_rfc1035_label",
        {"vllm-{gpu}": "9-{gpu}"},
        _at(
            "|9-{gpu}",
            "inference.workload_name: '9-{gpu}' gives names such as '9-x', which is not a valid "
            "name: use lower-case letters, digits and '-', beginning with a letter and not ending "
            "with '-'",
        ),
    ),
    _platform(
        "engine_that_is_no_version",
        {"version: 0.26.0": "version: latest"},
        _at(
            "version: |latest",
            "engine.version: vLLM version 'latest' is no version: write major.minor.patch, as "
            "0.26.0",
        ),
    ),
    _platform(
        "engine_too_old",
        {"version: 0.26.0": "version: 0.6.0"},
        _at("version: |0.6.0", "engine.version: vLLM 0.6.0 is too old: 0.8.4 is the oldest known"),
    ),
    _platform(
        "huggingface_hub_without_a_lock",
        {"huggingface_hub: 1.33.0": "huggingface_hub: 1.32.0"},
        _at(
            "huggingface_hub: |1.32.0",
            "model_download.huggingface_hub: '1.32.0' has no hashes here, without which the "
            "download installs nothing; pin 1.33.0, or lock it in a clone of this project "
            "(CONTRIBUTING.md)",
        ),
    ),
    _platform(
        "image_of_the_tag_latest",
        {"busybox:1.37.0": "busybox:latest"},
        _at(
            "|busybox:latest",
            "fetch_safetensors.image: 'busybox:latest' is not a pinned image: the tag latest "
            "moves; name a version, or add the digest, busybox:latest@sha256:…",
        ),
    ),
    _platform(
        "unpinned_image",
        {"busybox:1.37.0": "busybox"},
        _at(
            "|busybox",
            "fetch_safetensors.image: 'busybox' is not a pinned image: name a registry path with a "
            "version, such as busybox:1.37.0",
        ),
    ),
    _platform(
        "settings_that_the_scripts_would_misread",
        {
            "parallelism: 15": "parallelism: 0",
            "- original/*\n    - metal/*": "- original/* metal/*",
        },
        _at(
            "parallelism: |0",
            "fetch_safetensors.parallelism: is the number 0; it must be more than 0",
        ),
        _at(
            "- |original/* metal/*",
            f"model_download.exclude[0]: 'original/* metal/*' {NO_PATTERN}",
        ),
    ),
    _platform(
        "run_longer_than_seven_days",
        {"max_run_duration_seconds: 604800": "max_run_duration_seconds: 604801"},
        _at(
            "max_run_duration_seconds: |604801",
            "queued_provisioning.max_run_duration_seconds: is the number 604801; it must be at "
            "most 604800",
        ),
    ),
]
