"""GPU types, names of files, and defects of several files."""

from __future__ import annotations

from testing.edits import edited
from tests.bad_profiles.case import (
    A100,
    NO_CPU,
    NO_LENGTH,
    NO_NAME,
    TINY,
    UNKNOWN_GPU,
    At,
    Case,
    a100,
    case,
    more,
    more_of_a100,
)

_LONG = "a-model-of-a-name-that-goes-on-until-it-is-too-long"

_SECOND_MACHINE = """\
  - compute_class: gpu-a100-80gb-x1
    machine_type: a2-ultragpu-2g
    gpus: 2
    vcpus: 24
    memory_gb: 340
    accelerator: nvidia-a100-80gb"""
_SECOND_CELL = """\
  h1000:
    tensor_parallel: 1
    cpu: 8
    memory: 128G
    gpu_memory_utilization: 0.95
    max_model_len: 32768"""

_GPUS = [
    a100(
        "compute_class_twice",
        more_of_a100(_SECOND_MACHINE),
        "3:3: machines: has 2 machines of the compute class gpu-a100-80gb-x1; keep one",
    ),
    a100(
        "slash_in_a_name",
        {"gpu-a100-80gb-x1": "gpu/a100"},
        f"3:20: machines[0].compute_class: 'gpu/a100' {NO_NAME}",
    ),
    a100(
        "pool_without_a_queue",
        more_of_a100("queued_node_pool: dws"),
        "1:1: names a queued_node_pool but is not queued; set queued: true or drop the pool",
    ),
    a100(
        "yaml_1_1_boolean",
        more_of_a100("queued: no"),
        "9:9: queued: is the text 'no'; it must be true, false or only",
    ),
    a100(
        "machine_of_a_hundred_million_gpus",
        {"gpus: 1\n": "gpus: 99999999\n"},
        "5:11: machines[0].gpus: is the number 99999999; it must be at most 1024",
    ),
]

_NAMES = [
    case(
        "ending_yml",
        "profiles/models/other.yml:1:1: is not read; name it with the ending .yaml",
        files={"models/other.yml": TINY},
    ),
    case(
        "file_name_no_label",
        "profiles/models/Tiny_1B.yaml:1:1: the file's name is the profile's, and 'Tiny_1B' "
        f"{NO_NAME}",
        files={"models/Tiny_1B.yaml": TINY},
    ),
    case(
        "directory_name_too_long",
        f"profiles/models/{_LONG}.yaml:3:3: cells.h100: gives the directory "
        f"'online-inference-gpu-h100-{_LONG}-queued', which has 84 characters; 63 are allowed",
        f"profiles/models/{_LONG}.yaml:3:3: cells.h100: gives the service account "
        f"'ira-online-gpu-ksa-{_LONG}', which has 70 characters; 63 are allowed",
        files={f"models/{_LONG}.yaml": TINY},
    ),
    case(
        "cells_of_one_directory",
        "profiles/models/x.yaml:3:3: cells.h100-mega: would write the directory "
        "online-inference-gpu-h100-mega-x, as h100 × mega-x does; rename the GPU type or the "
        "model",
        files={
            "gpus/h100-mega.yaml": A100,
            "models/mega-x.yaml": TINY,
            "models/x.yaml": edited(TINY, {"h100": "h100-mega"}),
        },
    ),
    case(
        "model_named_like_a_queued_directory",
        "profiles/models/tiny-queued.yaml:3:3: cells.h100: would write the directory "
        "online-inference-gpu-h100-tiny-queued, as h100 × tiny does; rename the GPU type or "
        "the model",
        files={"models/tiny.yaml": TINY, "models/tiny-queued.yaml": TINY},
    ),
]

_SEVERAL_FILES = [
    case(
        "errors_in_many_files",
        "profiles/gpus/a100.yaml:5:11: machines[0].gpus: is the number 0; it must be more than 0",
        f"profiles/models/tiny.yaml:5:10: cells.h100.cpu: 'ten' {NO_CPU}",
        f"profiles/models/tiny.yaml:8:20: cells.h100.max_model_len: is the number -1; {NO_LENGTH}",
        files={
            "gpus/a100.yaml": edited(A100, {"gpus: 1\n": "gpus: 0\n"}),
            "models/tiny.yaml": edited(TINY, {"cpu: 10": "cpu: ten", "8192": "-1"}),
        },
    ),
    case(
        "platform_and_model_broken_at_once",
        f"profiles/models/tiny.yaml:5:10: cells.h100.cpu: 'ten' {NO_CPU}",
        f"profiles/models/tiny.yaml:9:3: cells.h1000: {UNKNOWN_GPU}; did you mean 'h100'?",
        At("platform.yaml", "|bucket_sufix", "bucket_suffix: is missing"),
        At(
            "platform.yaml",
            "|bucket_sufix",
            "bucket_sufix: is an unknown key; allowed: argo_cd, bucket, bucket_suffix, engine, "
            "environments_only, fetch_safetensors, flux, image_registry, inference, "
            "model_download, namespace, queued_provisioning, rendered; did you mean "
            "'bucket_suffix'?",
        ),
        edits={"platform.yaml": {"bucket_suffix": "bucket_sufix"}},
        files={"models/tiny.yaml": edited(TINY, {"cpu: 10": "cpu: ten", **more(_SECOND_CELL)})},
    ),
]

CASES: list[Case] = [*_GPUS, *_NAMES, *_SEVERAL_FILES]
