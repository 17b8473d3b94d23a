"""`explain`: the use of a cell's memory, and the source of each of its values."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ira_manifests import load_matrix
from ira_manifests.cli import app
from ira_manifests.constructs.manifests.sources import shown
from ira_manifests.provenance.explained import directories, downloads
from ira_manifests.provenance.field_lookup import leaves
from ira_manifests.rules.catalogue import Rule, rules
from testing.edits import edit_file
from testing.kubectl import kustomize
from testing.objects import objects_in
from testing.project import PROFILES, ROOT, copy_edited, copy_profiles
from tests.support import ira


def test_a_cell_is_explained_in_80_columns() -> None:
    run = ira("explain", "h100", "llama4-scout")

    assert run.returncode == 0
    assert max(map(len, run.stdout.splitlines())) <= 80
    assert "only-dir:meta-llama/Llama-4-Scout-17B-16E-Instruct" in run.stdout
    assert "27.82 GiB  weights" in run.stdout


@pytest.mark.parametrize(
    ("field", "value", "source"),
    [
        ("memory", "128G", r"profiles/models/gemma3-27b\.yaml:\d+"),
        ("workload_name", "vllm-h100", r"profiles/platform\.yaml:\d+"),
        ("compute_class", "gpu-h100-80gb-high-x1", r"profiles/gpus/h100\.yaml:\d+: smallest"),
        (
            "spec.template.spec.containers[0].image",
            "vllm/vllm-openai:v0.26.0",
            r"profiles/platform",
        ),
    ],
)
def test_one_value_names_its_line(field: str, value: str, source: str) -> None:
    run = ira("explain", "h100", "gemma3-27b", field)

    assert run.returncode == 0
    assert f": {value}\n" in run.stdout
    assert re.search(rf"from {source}", run.stdout)


def test_the_named_line_holds_the_value() -> None:
    run = ira("explain", "h200", "llama4-scout", "max_model_len")
    place = re.search(r"from (\S+):(\d+)", run.stdout)

    assert place
    line = (ROOT / place[1]).read_text().splitlines()[int(place[2]) - 1]
    assert line.strip() == "max_model_len: 3600000"


@pytest.mark.parametrize("field", [[], ["memory"], ["spec.replicas"]])
def test_a_cell_is_one_word_or_two(field: list[str]) -> None:
    one, two = ira("explain", "h100/llama3", *field), ira("explain", "h100", "llama3", *field)

    assert one.returncode == 0
    assert one.stdout == two.stdout


@pytest.mark.parametrize("rule", rules().values(), ids=rules())
def test_a_rule_is_explained_by_its_page(rule: Rule, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run("ira-manifests", ["explain", rule.id]) == 0

    text = (ROOT / "docs/rules.md").read_text()
    page = text.split(f"## {rule.id} ")[1].split("\n## ")[0].partition("\n")[2]
    page = page.removesuffix("\nIn other trees, [`lint`](lint.md) applies it.\n")
    head, *lines = capsys.readouterr().out.splitlines()
    assert head == f"{rule.id} {rule.name} ({rule.severity})"
    assert " ".join(lines).split() == page.split()
    assert max(map(len, lines)) <= 80


def test_a_rule_is_named_by_its_name_and_in_any_case() -> None:
    assert ira("explain", "ira012").stdout == ira("explain", "no-shared-memory").stdout


@pytest.mark.parametrize("end", ["", "/"])
def test_a_directory_is_the_cell_that_it_is_of(end: str) -> None:
    cell = ira("explain", "h100/llama3").stdout
    for name in ("online-inference-gpu-h100-llama3", "dist/online-inference-gpu-h100-llama3"):
        assert ira("explain", name + end).stdout == cell
    named = ira("explain", "online-inference-gpu-h100-llama3", "cpu").stdout
    assert named == ira("explain", "h100/llama3", "cpu").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["h1000", "llama3"], "did you mean 'h100 × llama3'?"),
        (["h100", "lama3"], "did you mean 'h100 × llama3'?"),
        (["h100", "llama3", "memry"], "did you mean 'memory'?"),
        (["h100/llama3", "nodeSelectr"], "did you mean 'nodeSelector'?"),
        (["h100/llama3", "replcas"], "did you mean 'replicas'?"),
        (["h100/llama3", "zzz"], "a field of the manifests by its name or path"),
    ],
)
def test_what_is_unknown_is_guessed(arguments: list[str], message: str) -> None:
    run = ira("explain", *arguments)

    assert run.returncode == 2
    assert message in run.stderr


@pytest.mark.parametrize("key", list(load_matrix(PROFILES)), ids="-".join)
def test_every_explained_value_is_what_kubectl_renders(
    key: tuple[str, str], filled_dist: Path
) -> None:
    matrix = load_matrix(PROFILES)
    grouped = {"tolerations", "queued_tolerations"}  # lists

    for directory in directories(matrix, matrix[key]):
        objects = objects_in(kustomize(filled_dist / directory.name))
        rendered = {leaf.path: shown(leaf.value) for item in objects for leaf in leaves(item)}
        for item in directory.values:
            if item.name not in grouped:
                assert rendered[item.manifest] == item.value, item.name


@pytest.mark.parametrize("key", list(load_matrix(PROFILES)), ids="-".join)
def test_every_field_of_every_object_has_a_source(key: tuple[str, str], filled_dist: Path) -> None:
    matrix = load_matrix(PROFILES)

    for directory in directories(matrix, matrix[key]):
        for item in objects_in(kustomize(filled_dist / directory.name)):
            if item["kind"] != "ConfigMap":  # it has the user's bucket and kustomize's labels
                assert [
                    leaf.path for leaf in leaves(item) if directory.source_of(leaf) == "unknown"
                ] == []


@pytest.mark.parametrize(
    ("field", "value", "source"),
    [
        ("spec.replicas", "1", "the construct: one Pod a workload"),
        ("spec.strategy", "type=Recreate", "the construct: the old Pod must leave its GPUs"),
        ("Service spec.ports[0].port", "8000", "the construct: vLLM's port"),
        ("spec.template.spec.tolerations[1].value", "true", "profiles/platform.yaml:"),
        (
            "ProvisioningRequest spec.podSets[0].count", "1",
            "the construct: the number of Pods, and the PodTemplate's name",
        ),
    ],
)  # fmt: skip
def test_a_field_that_no_profile_decides_has_the_constructs_reason(
    field: str, value: str, source: str
) -> None:
    run = ira("explain", "h100", "gemma3-27b", field)

    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[0] == f"{field}: {value}"
    assert f"  from {source}" in run.stdout


def explained(field: str) -> dict[str, str]:
    """Return the answers for a field of h100 × gemma3-27b, by directory; "" if all agree."""
    run = ira("explain", "h100", "gemma3-27b", field)
    assert run.returncode == 0, run.stderr
    answers = re.split(rf"^(?={re.escape(field)}:)", run.stdout, flags=re.MULTILINE)[1:]
    found = {}
    for answer in answers:
        pattern = r"^  in online-inference-gpu-h100-gemma3-27b(\S*)$"
        directory = re.search(pattern, answer, re.MULTILINE)
        found[directory[1] or "ordinary" if directory else ""] = answer
    return found


def line_of(place: str, key: str) -> str:
    """Return the text of the line that an answer names; fail if it names none."""
    match = re.search(r"from (\S+?):(\d+)", place[re.search(key, place).start() :])  # type: ignore[union-attr]
    assert match, place
    return (ROOT / match[1]).read_text().splitlines()[int(match[2]) - 1].strip()


def test_each_toleration_has_its_own_line_and_the_queues_is_the_queues() -> None:
    answers = explained("spec.template.spec.tolerations")

    assert set(answers) == {"ordinary", "-queued"}
    assert "gke-queued" not in answers["ordinary"]
    queued = answers["-queued"]
    assert line_of(queued, r"\[1\]\.key: on-demand") == "- key: on-demand"
    assert line_of(queued, r"\[2\]\.key: cloud") == "- key: cloud.google.com/gke-queued"


def test_directories_that_differ_have_an_answer_each() -> None:
    selectors, deadlines = explained("nodeSelector"), explained("progressDeadlineSeconds")

    assert "compute-class=gpu-h100-80gb-high-x1" in selectors["ordinary"]
    assert "gke-flex-start" in selectors["-queued"]
    assert "compute-class" not in selectors["-queued"]
    # 3600 + 3600 seconds of waiting for a node and starting, and seven days + 3600.
    assert "progressDeadlineSeconds: 7200\n" in deadlines["ordinary"]
    assert "progressDeadlineSeconds: 608400\n" in deadlines["-queued"]
    assert line_of(deadlines["-queued"], "") == "wait_seconds: 604800"


@pytest.mark.parametrize("field", ["spec.template.spec", "Service", "ProvisioningRequest spec"])
def test_a_whole_part_has_the_source_of_each_field_in_it(field: str) -> None:
    for answer in explained(
        field if " " in field or field == "Service" else f"Deployment {field}"
    ).values():
        assert answer.count("    from ") > 1
        assert "unknown" not in answer


def test_the_template_of_a_request_ends_at_the_profiles_line() -> None:
    (answer,) = explained("PodTemplate template.spec.containers[0].image").values()

    assert line_of(answer, "image") == "version: 0.26.0"


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ("MAX_MODEL_LEN", "ConfigMap data.MAX_MODEL_LEN"),
        ("startupProbe", "Deployment spec.template.spec.containers[0].startupProbe"),
        ("replicas", "Deployment spec.replicas"),
        ("bucketName", "Deployment spec.template.spec.volumes[0].csi.volumeAttributes.bucketName"),
    ],
)
def test_the_last_part_of_a_path_names_it(field: str, path: str) -> None:
    assert path in "".join(explained(field).values())


@pytest.mark.parametrize(
    ("field", "candidates"),
    [
        ("kind", ["'Deployment kind'", "'Service kind'", "'ProvisioningRequest kind'"]),
        ("metadata.labels", ["'Deployment metadata.labels'", "'ServiceAccount metadata.labels'"]),
        ("mountPath", ["containers[0].volumeMounts[1].mountPath", "containers[1].volume"]),
    ],
)
def test_a_name_of_several_fields_offers_all_of_them(field: str, candidates: list[str]) -> None:
    run = ira("explain", "h100", "gemma3-27b", field)

    assert run.returncode == 2
    for candidate in candidates:
        assert candidate in run.stderr


def test_a_context_that_was_computed_says_so(tmp_path: Path) -> None:
    folder = copy_edited(
        tmp_path, "h100/llama3", ("max_model_len: 131072", "max_model_len: auto")
    ).parent

    for arguments in ([], ["max_model_len"]):
        run = ira("explain", "h100", "llama3", *arguments, cwd=folder)
        assert "auto, computed" in run.stdout


@pytest.mark.parametrize("engine", ["0.19.0", "0.26.0"])
@pytest.mark.parametrize("size", [1, 4])
def test_the_parts_of_memory_add_up_to_the_gpu_and_agree_with_the_list(
    engine: str, size: int, tmp_path: Path
) -> None:
    folder = copy_edited(
        tmp_path, "h100/llama3", ("tensor_parallel: 4", f"tensor_parallel: {size}")
    ).parent
    edit_file(folder / "profiles/platform.yaml", {"version: 0.26.0": f"version: {engine}"})

    shown = ira("explain", "h100", "llama3", cwd=folder).stdout
    rows = json.loads(ira("list", "--json", cwd=folder).stdout)["cells"]

    of_gpu = shown.partition("Memory of the node")[0]
    sizes = re.findall(r"^  (\S) +(-?[\d.]+) GiB  (.+)$", of_gpu, re.MULTILINE)
    parts = {name: float(amount) for letter, amount, name in sizes if letter != "="}
    assert sum(parts.values()) == pytest.approx(79.19, abs=0.05)
    headroom = parts["missing"] if size == 1 else parts["KV cache to spare"]
    (row,) = (row for row in rows if (row["gpu"], row["model"]) == ("h100", "llama3"))
    assert row["kv_headroom_gib"] == pytest.approx(headroom, abs=0.01)
    assert any(name.startswith("CUDA graphs") for name in parts)
    assert max(map(len, shown.splitlines())) <= 80


def test_the_line_in_a_bar_is_explained(tmp_path: Path) -> None:
    folder = copy_edited(tmp_path, "h100/llama3", ("tensor_parallel: 4", "tensor_parallel: 1"))
    text = ira("explain", "h100/llama3", "--profiles", folder).stdout

    # 0.95 of 79.19 GiB.
    assert "  | at 75.23 GiB: the end of the share of each GPU" in text
    assert "  | at" not in ira("explain", "h100/llama3").stdout


def test_values_are_shown_without_their_names_and_lists_with_spaces() -> None:
    lines = ira("explain", "h100/llama3").stdout.splitlines()

    assert "--trust-remote-code: true" in lines
    assert "--shutdown-timeout: 120" in lines
    assert "    file-cache:enable-parallel-downloads:true, implicit-dirs," in lines
    assert [line for line in lines if line.endswith("  above the model's own 131072")]


def test_no_step_asks_for_a_machine_that_there_is_not() -> None:
    text = ira("explain", "l4", "gemma3-27b").stdout

    assert "tensor_parallel: 16" not in text
    assert "8 GPUs are the most of a machine of l4" in text


def test_a_pair_that_is_not_in_the_matrix_is_explained_as_in_the_list() -> None:
    run = ira("explain", "l4", "llama3")
    text, listed = (" ".join(x.split()) for x in (run.stdout, ira("list").stdout))

    assert run.returncode == 0
    reason = text.removeprefix("l4 × llama3 is not in the matrix: ")
    assert reason.startswith("weights take 16.")
    assert f"l4 × llama3: {reason}" in listed


def test_the_download_is_explained_by_the_lines_of_its_values() -> None:
    run = ira("explain", "model-download")
    row = r"^(\w+): (.+)\n    profiles/platform\.yaml:(\d+)$"
    found = re.findall(row, run.stdout, re.MULTILINE)

    assert run.returncode == 0, run.stderr
    assert max(map(len, run.stdout.splitlines())) <= 80
    lines = (PROFILES / "platform.yaml").read_text().splitlines()
    scalars = {
        name: value
        for name, value, line in found
        if lines[int(line) - 1].strip() == f"{name}: {value}"
    }
    # From the reference architecture.
    assert scalars.items() >= {
        "service_account": "ira-model-download-ksa", "storage_class": "premium-rwo",
        "storage": "1Ti", "fs_group": "10000", "cpu": "4", "memory": "8Gi",
        "ttl_seconds_after_finished": "600",
    }.items()  # fmt: skip
    lists = {"exclude", "exclude_beside_safetensors", "tolerations"}
    assert {name for name, _, _ in found} - set(scalars) <= lists
    assert "bucket: <IRA_BUCKET_NAME>\n    base/ira-model-config.env" in run.stdout


def test_every_explained_value_of_the_download_is_what_kubectl_renders(filled_dist: Path) -> None:
    (found,) = downloads(load_matrix(PROFILES))
    objects = objects_in(kustomize(filled_dist / found.name))
    rendered = {leaf.path: shown(leaf.value) for item in objects for leaf in leaves(item)}
    of_the_user = {"bucket", "model_id", "token"}

    assert of_the_user < {value.name for value in found.values}
    for value in found.values:
        if value.name not in of_the_user | {"tolerations"}:
            assert rendered[value.manifest] == value.value, value.name


def test_every_field_of_the_download_has_a_source(filled_dist: Path) -> None:
    (found,) = downloads(load_matrix(PROFILES))

    for item in objects_in(kustomize(filled_dist / found.name)):
        if item["kind"] not in ("ConfigMap", "Secret"):  # of the user's files
            assert [leaf.path for leaf in leaves(item) if found.source_of(leaf) == "unknown"] == []


@pytest.mark.parametrize(
    ("field", "value", "source"),
    [
        ("storage", "1Ti", "profiles/platform.yaml:"),
        ("spec.accessModes", "[0]=ReadWriteOnce", "the construct: the disk of one Pod"),
        ("backoffLimit", "0", "the construct: the script tries again itself"),
        (
            "Job spec.template.metadata.labels.app",
            "transfer-model-to-gcs",
            "the construct: the Job",
        ),
        ("MODEL_ID", "<MODEL_ID>", "base/ira-model-config.env: MODEL_ID"),
        ("bucketName", "<IRA_BUCKET_NAME>", "base/ira-model-config.env: IRA_BUCKET_NAME"),
    ],
)
def test_a_field_of_the_download_has_its_source(field: str, value: str, source: str) -> None:
    run = ira("explain", "model-download", field)

    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[0] == f"{field}: {value}"
    assert f"  from {source}" in run.stdout


@pytest.mark.parametrize(
    ("field", "messages"),
    [
        ("storrage", ["unknown field 'storrage'", "did you mean 'storage'?"]),
        ("max_model_len", ["unknown field 'max_model_len'", "active_deadline_seconds"]),
        ("kind", ["'Job kind'", "'PersistentVolumeClaim kind'", "'ServiceAccount kind'"]),
    ],
)
def test_what_the_download_has_not_is_guessed(field: str, messages: list[str]) -> None:
    run = ira("explain", "model-download", field)

    assert run.returncode == 2
    assert run.stdout == ""
    for message in messages:
        assert message in run.stderr


def test_the_download_is_explained_with_options_of_the_profiles(tmp_path: Path) -> None:
    folder = copy_profiles(tmp_path)
    edit_file(folder / "platform.yaml", {"storage: 1Ti": "storage: 2Ti\n  token: {secret: mine}"})
    text = ira("explain", "model-download", "--namespace", "llm", cwd=tmp_path).stdout

    assert "storage: 2Ti\n" in text
    assert "namespace: llm\n" in text
    assert re.search(r"^token: mine\n    profiles/platform\.yaml:\d+$", text, re.MULTILINE)


def test_names_of_the_command_line_are_explained_and_listed() -> None:
    options = ["--workload-name", "serve-{gpu}-{model}", "--namespace", "llm"]

    name = ira("explain", "h100", "llama3", "workload_name", *options)
    assert name.stdout.splitlines() == [
        "workload_name: serve-h100-llama3",
        "  Deployment metadata.name",
        "  from the option --workload-name",
    ]
    text = ira("explain", "h100", "llama3", *options).stdout
    assert "namespace: llm" in text
    assert text.count("the option --workload-name") >= 1
    assert text.count("the option --namespace") >= 1
    assert ira("list", *options).returncode == 0


def test_the_list_shows_every_number_whole_and_why_a_cell_does_not_fit(tmp_path: Path) -> None:
    folder = copy_edited(
        tmp_path, "h100/llama4-scout", ("tensor_parallel: 8", "tensor_parallel: 2")
    ).parent
    run = ira("list", cwd=folder)

    assert max(map(len, run.stdout.splitlines())) <= 80
    assert " 1000000 " in run.stdout
    assert "…" not in run.stdout
    assert "h100 × llama4-scout: weights take 103.8 GiB and start-up" in " ".join(
        run.stdout.split()
    )


def test_a_model_without_geometry_is_explained_as_far_as_it_goes(tmp_path: Path) -> None:
    profiles = copy_profiles(tmp_path)
    file = profiles / "models/llama3.yaml"
    text = re.sub(r"weights:.*?(?=cells:)", "", file.read_text(), flags=re.DOTALL)
    file.write_text(text)

    run = ira("explain", "h100", "llama3", cwd=tmp_path)

    assert run.returncode == 0
    assert "memory: not judged" in run.stdout
    assert "not judged" in ira("list", cwd=tmp_path).stdout


def test_a_split_that_cannot_be_is_explained(tmp_path: Path) -> None:
    copy_edited(tmp_path, "h100/llama3", ("tensor_parallel: 4", "tensor_parallel: 3"))

    assert "does not divide 64 heads" in ira("explain", "h100", "llama3", cwd=tmp_path).stdout
    assert "no fit" in ira("list", cwd=tmp_path).stdout


@pytest.mark.parametrize("context", ["128k", "1m"])
def test_a_context_with_a_letter_is_refused(context: str, tmp_path: Path) -> None:
    edit = ("max_model_len: 131072", f"max_model_len: {context}")
    copy_edited(tmp_path, "h100/llama3", edit)

    run = ira("list", cwd=tmp_path)

    assert run.returncode == 2
    assert "must be a whole number of tokens such as 131072" in run.stderr
