"""Rules of the server's arguments and of its environment."""

from __future__ import annotations

from typing import Any

import pytest

from tests.breaking import (
    CONTAINER,
    DEPLOYMENT,
    Break,
    Change,
    Directories,
    add_args,
    add_env,
    assert_fires,
    cases,
    findings_after,
    pod,
    server,
    set_arg,
)

GPUS = f"{CONTAINER}.resources.limits.nvidia.com/gpu"
RUNTIME = "vllm-runtime-config.env"


def module(objects: dict[str, Any]) -> None:
    server(objects)["command"] = ["python3", "-m", "vllm.entrypoints.openai.api_server"]
    server(objects)["args"][0] = "--model=/gcs/$(MODEL_ID)"
    server(objects)["args"].append("--disable-log-requests")


def own_entry_point(objects: dict[str, Any]) -> None:
    del server(objects)["command"]
    server(objects)["args"].append("--disable-log-requests")


def unnamed_release(objects: dict[str, Any]) -> None:
    server(objects)["image"] = "vllm/vllm-openai@sha256:" + "a" * 64
    del objects[DEPLOYMENT]["metadata"]["labels"]["app.kubernetes.io/version"]


def old_image(objects: dict[str, Any]) -> None:
    """Use the image of 0.11.0, whose entry point takes the model as an option."""
    del server(objects)["command"]
    server(objects)["image"] = "vllm/vllm-openai:v0.11.0"
    model = ["--model", "/gcs/$(MODEL_ID)"]
    server(objects)["args"] = [*model, *server(objects)["args"][1:-1]]  # it has no drain


def script(text: str) -> Change:
    return lambda objects: server(objects).update(command=["/bin/sh", "-c"], args=[text])


def reference(objects: dict[str, Any], index: int) -> Any:
    return server(objects)["env"][index]["valueFrom"]["configMapKeyRef"]


BREAKS: dict[str, list[Break]] = {
    "IRA010": [
        Break(DEPLOYMENT, f"{CONTAINER}.args[9]", "--disable-log-requests",
              lambda o: server(o)["args"].append("--disable-log-requests")),
        Break(DEPLOYMENT, f"{CONTAINER}.args[3]", "meta-llama",
              set_arg(3, "--tensor-parallel-size=$(MODEL_ID)")),
        Break(DEPLOYMENT, f"{CONTAINER}.args[9]", "--disable-log-requests", module),
        Break(DEPLOYMENT, f"{CONTAINER}.args[9]", "--disable-log-requests", own_entry_point),
        Break(DEPLOYMENT, f"{CONTAINER}.args[0]", "--disable-log-requests",
              script("exec vllm serve /gcs/$MODEL_ID --disable-log-requests")),
        Break(DEPLOYMENT, f"{CONTAINER}.args[9]", "is not one of auto, bfloat16",
              add_args("--dtype=banana")),
        Break(DEPLOYMENT, f"{CONTAINER}.args[9]", "add --tool-call-parser",
              add_args("--enable-auto-tool-choice")),
    ],
    "IRA035": [
        Break(DEPLOYMENT, f"{CONTAINER}.args[9]", "Unix socket", add_args("--uds=/tmp/s")),
        Break(DEPLOYMENT, f"{CONTAINER}.args[9]", "only HTTPS", add_args("--ssl-keyfile", "/k")),
        Break(DEPLOYMENT, f"{CONTAINER}.args[9]", "only HTTPS", add_args("--ssl_certf=/c")),
        Break(DEPLOYMENT, f"{CONTAINER}.args[9]", "no API", add_args("--headless")),
        Break(DEPLOYMENT, f"{CONTAINER}.args[9]", "listens at 9000", add_args("--port=9000")),
        Break(DEPLOYMENT, f"{CONTAINER}.args[9]", "inside the Pod", add_args("--host=127.0.0.1")),
    ],
    "IRA011": [
        Break(DEPLOYMENT, f"{CONTAINER}.resources.limits.nvidia.com/gpu",
              "8 GPUs for tensor parallel 4 × pipeline parallel 1",
              lambda o: server(o)["resources"]["limits"].update({"nvidia.com/gpu": "8"})),
        Break(DEPLOYMENT, f"{CONTAINER}.resources.limits.nvidia.com/gpu",
              "4 GPUs for tensor parallel 4 × pipeline parallel 2",
              lambda o: server(o)["args"].append("--pipeline-parallel-size=2")),
        Break(DEPLOYMENT, GPUS, "4 GPUs for tensor parallel 8", add_args("-tp", "8")),
        Break(DEPLOYMENT, GPUS, "4 GPUs for tensor parallel 8", add_args("--tensor-parallel=8")),
        Break(DEPLOYMENT, GPUS, "4 GPUs for tensor parallel 8",
              add_args("--tensor_parallel_size=8")),
        Break(DEPLOYMENT, GPUS, "4 GPUs for tensor parallel 8",
              add_args("--tensor-parallel-size=8")),
        Break(DEPLOYMENT, GPUS, "× data parallel 2", add_args("--data-parallel-size=2")),
        Break(DEPLOYMENT, GPUS, "4 GPUs for tensor parallel 8",
              script("set -e\nvllm serve /gcs/x \\\n  --tensor-parallel-size 8 && true")),
    ],
    "IRA013": [
        Break("vllm-runtime-config.env", "MAX_MODEL_LEN", "MAX_MODEL_LEN is set and no container",
              lambda o: server(o)["env"].__delitem__(1)),
        Break(RUNTIME, "MAX_MODEL_LEN", "--max-model-len is 8192 there",
              set_arg(2, "--max-model-len=8192")),
        Break(RUNTIME, "MAX_MODEL_LEN", "--max-model-len is 131072 there",
              set_arg(2, "--max-model-len=131072")),
        Break(RUNTIME, "MAX_MODEL_LEN", "--max-model-len is 4 there",
              set_arg(2, "--max-model-len=$(TENSOR_PARALLEL_SIZE)")),
        Break(RUNTIME, "GPU_MEMORY_UTILIZATION", "--gpu-memory-utilization is not set there",
              lambda o: server(o)["args"].pop(1)),
        Break(RUNTIME, "MODEL_ID", "its model is the text /gcs/meta-llama/Llama-3.3-70B-Instruct",
              set_arg(0, "/gcs/meta-llama/Llama-3.3-70B-Instruct")),
        Break(RUNTIME, "TENSOR_PARALLEL_SIZE", "TENSOR_PARALLEL_SIZE is set and no container",
              lambda o: reference(o, 3).update(key="MODEL_ID")),
    ],
    "IRA065": [
        Break(DEPLOYMENT, f"{CONTAINER}.env[8].value", "HF_TOKEN has a secret in plain text",
              add_env(name="HF_TOKEN", value="x")),
    ],
    "IRA014": [
        Break(DEPLOYMENT, f"{CONTAINER}.args[2]", "${MAX_MODEL_LEN} is not expanded",
              set_arg(2, "--max-model-len=${MAX_MODEL_LEN}")),
        Break(DEPLOYMENT, f"{CONTAINER}.args[2]", "$(MAX_LEN) stays as it is",
              set_arg(2, "--max-model-len=$(MAX_LEN)")),
        Break(DEPLOYMENT, f"{CONTAINER}.args[0]", "$MODEL_ID is not expanded",
              set_arg(0, "/gcs/$MODEL_ID")),
        Break(DEPLOYMENT, f"{CONTAINER}.env[8].value", "${MODEL_ID} is not expanded",
              add_env(name="X", value="/gcs/${MODEL_ID}")),
        Break(DEPLOYMENT, f"{CONTAINER}.env[8].value", "$(NOPE) stays as it is",
              add_env(name="X", value="$(NOPE)")),
        # A value can only refer to variables before it.
        Break(DEPLOYMENT, f"{CONTAINER}.env[0].value", "$(MODEL_ID) stays as it is",
              lambda o: server(o)["env"].insert(0, {"name": "X", "value": "$(MODEL_ID)"})),
    ],
    "IRA032": [
        Break(DEPLOYMENT, f"{CONTAINER}.image", "the options of vLLM 9.9.9 are unknown",
              lambda o: server(o).update(image="vllm/vllm-openai:v9.9.9")),
        Break(DEPLOYMENT, f"{CONTAINER}.image", "the vLLM release of the image is unknown",
              unnamed_release),
    ],
    "IRA033": [
        Break(DEPLOYMENT, f"{CONTAINER}.env[8].valueFrom.configMapKeyRef.key",
              "X is read from the key 'NOPE'", add_env(name="X", valueFrom={
                  "configMapKeyRef": {"name": "ira-model-configmap", "key": "NOPE"}})),
        Break(DEPLOYMENT, f"{CONTAINER}.env[1].valueFrom.configMapKeyRef.name",
              "MAX_MODEL_LEN is read from 'other'", lambda o: reference(o, 1).update(name="other")),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("rule", "item"), cases(BREAKS))
def test_a_rule_fires_at_its_field(rule: str, item: Break, directories: Directories) -> None:
    assert_fires(rule, item, directories)


def from_other_variable(objects: dict[str, Any]) -> None:
    server(objects)["env"].append({"name": "LENGTH", "value": "$(MAX_MODEL_LEN)"})
    server(objects)["args"][2] = "--max-model-len=$(LENGTH)"


def from_all_keys(objects: dict[str, Any]) -> None:
    server(objects)["env"] = []
    server(objects)["envFrom"] = [{"configMapRef": {"name": "ira-model-configmap"}}]


RIGHT = [
    module,
    from_other_variable,
    from_all_keys,
    set_arg(0, "--model=/gcs/$(MODEL_ID)"),
    # The last one wins, and it is the right one.
    lambda o: server(o)["args"].insert(1, "--tensor-parallel-size=8"),
    lambda o: server(o).update(image="vllm/vllm-openai:v0.26.0@sha256:" + "a" * 64),
    lambda o: server(o).update(image="vllm/vllm-openai@sha256:" + "a" * 64),
    lambda o: server(o).update(image="nvcr.io/nvidia/vllm:26.06-py3"),
    add_env(name="PRICE", value="5$$(X)"),
    script(
        "exec vllm serve /gcs/$MODEL_ID --max-model-len=${MAX_MODEL_LEN} "
        "-tp $TENSOR_PARALLEL_SIZE --gpu-memory-utilization=$(GPU_MEMORY_UTILIZATION)"
    ),
]


@pytest.mark.parametrize("change", RIGHT)
def test_a_server_that_is_started_otherwise_is_right_too(
    change: Change, directories: Directories
) -> None:
    found = findings_after(directories, change)

    assert [each for each in found if "--disable-log-requests" not in each.message] == []


def test_flags_of_another_program_are_not_judged(directories: Directories) -> None:
    def other(objects: dict[str, Any]) -> None:
        pod(objects)["spec"]["containers"][1].update(
            command=["tool"], args=["--disable-log-requests"]
        )

    assert findings_after(directories, other) == []


def test_the_entry_of_an_old_image_takes_the_model_in_two_words(directories: Directories) -> None:
    rules = {item.rule_id for item in findings_after(directories, old_image)}
    assert "IRA010" not in rules
