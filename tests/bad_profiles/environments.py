"""Files of environments, and what they change in other profiles."""

from __future__ import annotations

from tests.bad_profiles.case import Case, case

_FILE = "profiles/environments/prod.yaml"
_OF_GPU = "auto_provisioning_limit, machines, queued, queued_node_pool"
_NAMES = (
    "the output has directories named argo-cd, base, flux, shared, and beginning with "
    "model-download and online-inference-gpu"
)
_CELLS = (
    "h100/gemma3-27b, h100/llama3, h100/llama4-scout, h200/gemma3-27b, h200/llama3, "
    "h200/llama4-scout, l4/gemma3-27b"
)


def _prod(name: str, text: str, *messages: str) -> Case:
    """A case of one environment's file; its messages are `LINE:COLUMN: ...`."""
    placed = (f"{_FILE}:{message}" for message in messages)
    return case(name, *placed, files={"environments/prod.yaml": text})


def _named(name: str, file: str, message: str) -> Case:
    path = f"environments/{file}.yaml"
    return case(name, f"profiles/{path}:1:1: {message}", files={path: "namespace: llm\n"})


_FIELDS = (
    "argo_cd, bucket, bucket_suffix, cells, cluster, engine, fetch_safetensors, flux, gpus, "
    "image_registry, inference, model_download, models, namespace, queued_provisioning, rendered"
)

CASES: list[Case] = [
    _prod(
        "empty_environment",
        "",
        "1:1: is empty; write the fields of the profile, or remove the file",
    ),
    _prod(
        "environment_that_is_a_list",
        "- namespace\n",
        "1:1: is a list; it must be a mapping (key: value)",
    ),
    _named("environment_named_as_the_link", "base", f"can't have the name 'base': {_NAMES}"),
    _named(
        "environment_named_as_a_download",
        "model-download-gemma",
        f"can't have the name 'model-download-gemma': {_NAMES}",
    ),
    _named(
        "environment_named_as_a_cell",
        "online-inference-gpu-h100-llama3",
        f"can't have the name 'online-inference-gpu-h100-llama3': {_NAMES}",
    ),
    _named("environment_named_shared", "shared", f"can't have the name 'shared': {_NAMES}"),
    _named("environment_named_argo_cd", "argo-cd", f"can't have the name 'argo-cd': {_NAMES}"),
    _named("environment_named_flux", "flux", f"can't have the name 'flux': {_NAMES}"),
    _named(
        "environment_whose_name_is_no_name",
        "Prod EU",
        "the file's name is the profile's, and 'Prod EU' is not a valid name: use lower-case "
        "letters, digits and '-', with a letter or digit at both ends",
    ),
    case(
        "environment_with_another_ending",
        "profiles/environments/prod.yml:1:1: is not read; name it with the ending .yaml",
        files={"environments/prod.yml": "namespace: llm\n"},
    ),
    _prod(
        "pattern_that_matches_nothing",
        "cells: [h100/*, h10/llama3]\nbucket: acme\n",
        f"1:17: cells[1]: 'h10/llama3' names no cell of the matrix; it has {_CELLS}; did you mean "
        "'h100/llama3'?",
    ),
    _prod(
        "pattern_of_a_cell_that_the_environment_removes",
        "bucket: acme\ncells: [l4/*]\nmodels:\n  gemma3-27b:\n    cells:\n      l4: null\n",
        f"2:9: cells[0]: 'l4/*' names no cell of the matrix; it has "
        f"{_CELLS.removesuffix(', l4/gemma3-27b')}",
    ),
    _prod(
        "environment_without_cells",
        "cells: []\n",
        "1:8: cells: is empty; at least one entry is needed",
    ),
    _prod(
        "unknown_gpu_type_of_an_environment",
        "gpus:\n  h10:\n    queued: false\n",
        "2:3: gpus.h10: is an unknown GPU type; known: h100, h200, l4; did you mean 'h100'?",
    ),
    _prod(
        "unknown_model_of_an_environment",
        "models:\n  gemma:\n    replicas: 2\n",
        "2:3: models.gemma: is an unknown model; known: gemma3-27b, llama3, llama4-scout; did you "
        "mean 'gemma3-27b'?",
    ),
    _prod(
        "memory_of_a_gpu_in_an_environment",
        "gpus:\n  h100:\n    memory_gib: 80\n",
        "3:5: gpus.h100.memory_gib: can't be changed by an environment; allowed: " + _OF_GPU,
    ),
    _prod(
        "misspelt_field_of_a_gpu_in_an_environment",
        "gpus:\n  h100:\n    queud: true\n",
        f"3:5: gpus.h100.queud: is an unknown key; allowed: {_OF_GPU}; did you mean 'queued'?",
    ),
    _prod(
        "gpu_type_that_an_environment_removes",
        "gpus:\n  h100: null\n",
        "2:9: gpus.h100: is empty; it must be a mapping (key: value)",
    ),
    _prod(
        "misspelt_field_inside_a_field_of_an_environment",
        "namespace: llm\ninference:\n  replica: 2\n",
        "3:3: inference.replica: is an unknown key; did you mean 'replicas'?",
    ),
    _prod(
        "value_of_another_type_in_an_environment",
        "inference:\n  replicas: many\n",
        "2:13: inference.replicas: is the text 'many'; it must be a whole number",
    ),
    _prod(
        "required_field_that_an_environment_removes",
        "inference:\n  workload_name: null\n",
        "2:3: inference.workload_name: is missing",
    ),
    _prod(
        "misspelt_field_that_an_environment_removes",
        "inference:\n  worklod_name: null\n",
        "2:3: inference.worklod_name: is an unknown key; did you mean 'workload_name'?",
    ),
    _prod(
        "cell_that_an_environment_removes_and_is_not_there",
        "models:\n  llama3:\n    cells:\n      h10: null\n",
        "4:7: models.llama3.cells.h10: is not there; there is h100, h200; did you mean 'h100'?",
    ),
    _prod(
        "compute_class_of_a_cell_of_an_environment",
        "models:\n  llama3:\n    cells:\n      h100:\n        compute_class: gpu-h100\n"
        "bucket: acme\n",
        "5:24: models.llama3.cells.h100.compute_class: is not a compute class of h100; known: "
        "gpu-h100-80gb-high-x1, gpu-h100-80gb-high-x2, gpu-h100-80gb-high-x4, "
        "gpu-h100-80gb-high-x8, gpu-h100-80gb-mega-x8",
    ),
    _prod(
        "repository_of_a_cell_of_an_environment",
        "models:\n  llama3:\n    cells:\n      h100:\n        revision: main\n",
        "5:9: models.llama3.cells.h100.revision: can't be changed by an environment; allowed: all "
        "fields of a cell but model_id, revision, weights",
    ),
    _prod(
        "geometry_of_a_model_in_an_environment",
        "models:\n  llama3:\n    geometry:\n      hidden_size: 4096\n",
        "3:5: models.llama3.geometry: can't be changed by an environment; allowed: annotations, "
        "args, autoscaling, cells, chat_template, containers, disruption_budget, engine, env, "
        "gateway, image_pull_secrets, init_containers, labels, lora_adapters, max_lora_rank, "
        "max_loras, monitoring, network_access, node_selector, patches, pod_annotations, "
        "pod_labels, priority_class, reasoning_parser, replicas, served_model_names, "
        "service_annotations, service_labels, speculative, strategy, tool_call_parser, "
        "topology_spread, volume_mounts, volumes, waive",
    ),
    _prod(
        "environment_without_a_bucket",
        "namespace: llm\n",
        "1:1: bucket: is missing: name the environment's bucket here or in platform.yaml, so that "
        "its directories need no file of yours",
    ),
    _prod(
        "environment_that_removes_its_bucket",
        "bucket: null\n",
        "1:9: bucket: is missing: name the environment's bucket here or in platform.yaml, so that "
        "its directories need no file of yours",
    ),
    _prod(
        "bucket_of_an_environment_that_is_none",
        "bucket: gs://acme-ira-model\n",
        "1:9: bucket: 'gs://acme-ira-model' is not a bucket's name: use 3 to 63 lower-case "
        "letters, digits, '-', '_' and '.', without gs://",
    ),
    _prod(
        "environment_that_leaves_the_walkthrough_out",
        "environments_only: true\n",
        f"1:1: environments_only: can't be changed by an environment; allowed: {_FIELDS}",
    ),
    _prod(
        "misspelt_field_of_an_environment",
        "namespase: llm\n",
        f"1:1: namespase: is an unknown key; allowed: {_FIELDS}; did you mean 'namespace'?",
    ),
    _prod(
        "cluster_that_is_no_name",
        "cluster: Prod EU\n",
        "1:10: cluster: 'Prod EU' is not a valid name: use lower-case letters, digits and '-', "
        "with a letter or digit at both ends",
    ),
]
