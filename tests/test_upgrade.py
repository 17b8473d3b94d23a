"""`upgrade`: the pins of profiles, and what another release of vLLM changes for every cell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from testing.edits import edit_file, edit_profile
from testing.project import PROFILES, copy_profiles
from tests.support import UNPRIVILEGED, Run, ira, ira_alone
from tests.test_variants_of_cells import TEXT

PLATFORM = "profiles/platform.yaml"
NEW = "0.33.0"
A, B = (f"sha256:{letter * 64}" for letter in "ab")
# Images before 0.22 run as root: the profile says so.
OLD = {
    "  version: 0.26.0\n": "  version: 0.8.5\n",
    "  run_as_user: 2000\n": "",
    "  read_only_root: true\n": "",
}


@pytest.fixture
def here(tmp_path: Path) -> Path:
    copy_profiles(tmp_path)
    return tmp_path


def run(here: Path, *words: str, engine: str = NEW) -> Run:
    return ira("upgrade", "--engine", engine, *words, cwd=here)


def document(here: Path, *words: str, engine: str = NEW, code: int = 0) -> dict[str, Any]:
    done = run(here, "--json", *words, engine=engine)
    assert done.returncode == code, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def text_of(here: Path) -> dict[str, str]:
    files = sorted((here / "profiles").rglob("*.yaml"))
    return {str(file.relative_to(here)): file.read_text() for file in files}


def environment(here: Path, name: str, text: str) -> Path:
    file = here / f"profiles/environments/{name}.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"bucket: acme-{name}-ira-model\n{text}")
    return file


# What is edited.


def test_the_platforms_pin_changes_and_every_other_byte_stays(here: Path) -> None:
    before = text_of(here)
    done = run(here)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(
        f"{PLATFORM}: engine.version: 0.26.0 → 0.33.0\n"
        f"Wrote {PLATFORM}.\n"
        "\nNext steps:\n"
        "  ira-manifests diff   # what it does to a cluster\n"
        "  ira-manifests synth\n"
    )
    pinned = before[PLATFORM].replace("  version: 0.26.0\n", "  version: 0.33.0\n")
    assert text_of(here) == {**before, PLATFORM: pinned}


def test_a_dry_run_writes_nothing_and_says_the_same(here: Path) -> None:
    before = text_of(here)
    dry = run(here, "--dry-run")

    assert text_of(here) == before
    assert dry.stdout.endswith("engine.version: 0.26.0 → 0.33.0\nNothing was written.\n")
    assert run(here).stdout.startswith(dry.stdout.partition("Nothing")[0])


def test_a_release_that_is_pinned_already_changes_nothing(here: Path) -> None:
    before = text_of(here)

    assert run(here, engine="v0.26").stdout == "The profiles name 0.26.0 already.\n"
    assert text_of(here) == before


def test_another_pin_stays_and_is_told_and_all_changes_it(here: Path) -> None:
    edit_profile(
        here / "profiles", "llama3", {"weights:\n": "engine:\n  version: 0.25.0\nweights:\n"}
    )
    line = (
        (here / "profiles/models/llama3.yaml").read_text().splitlines().index("  version: 0.25.0")
    )
    place = f"profiles/models/llama3.yaml:{line + 1}:12"

    one = document(here, "--dry-run")
    assert [each["file"] for each in one["changes"]] == [PLATFORM]
    assert [f"{each['file']}:{each['line']}:12" for each in one["kept"]] == [place]
    assert (
        f"Not changed; --all changes them too:\n  {place}: 0.25.0\n"
        in run(here, "--dry-run").stdout
    )
    assert {each["cell"] for each in one["cells"]}.isdisjoint({"h100/llama3", "h200/llama3"})

    both = document(here, "--all")
    assert [each["old"] for each in both["changes"]] == ["0.26.0", "0.25.0"]
    assert both["kept"] == []
    assert {each["old"] for each in both["releases"]} == {"0.26.0", "0.25.0"}
    assert "  version: 0.33.0\n" in (here / "profiles/models/llama3.yaml").read_text()


def test_pins_of_cells_and_variants_are_found(here: Path) -> None:
    edit_profile(
        here / "profiles",
        "h100/llama3",
        {"    tensor_parallel: 4\n": "    tensor_parallel: 4\n    engine: {version: 0.24.0}\n"},
    )
    pinned = "    long-context:\n      engine:\n        version: 0.25.0 # ours\n"
    (here / "profiles/models/tiny.yaml").write_text(TEXT.replace("    long-context:\n", pinned))
    before = text_of(here)
    fields = [each["field"] for each in document(here, "--all")["changes"]]

    assert fields == [
        "engine.version", "cells.h100.engine.version", "cells.h100.long-context.engine.version",
    ]  # fmt: skip
    tiny = "profiles/models/tiny.yaml"
    assert text_of(here)[tiny] == before[tiny].replace("0.25.0 # ours", "0.33.0 # ours")


def test_an_environment_gets_a_pin_of_its_own(here: Path) -> None:
    file = environment(here, "prod", "# Ours.\nnamespace: serving   # as ever\n")
    before = text_of(here)
    done = run(here, "--environment", "prod")

    assert done.returncode == 0
    assert "h100/llama3 in prod" in done.stdout
    added = f"{file.relative_to(here)}"
    assert text_of(here) == {**before, added: before[added] + "engine:\n  version: 0.33.0\n"}
    found = document(here, "--dry-run")
    assert {each["environment"] for each in found["cells"]} == {None}


def test_the_platforms_pin_is_that_of_environments_without_one(here: Path) -> None:
    environment(here, "dev", "namespace: a\n")
    environment(here, "prod", "namespace: b\nengine: {version: 0.32.0}\n")

    found = document(here, "--dry-run")

    assert {each["environment"] for each in found["cells"]} == {None, "dev"}
    assert [(each["file"], each["engine"]) for each in found["kept"]] == [
        ("profiles/environments/prod.yaml", "0.32.0")
    ]
    assert document(here, "--environment", "prod")["changes"][0]["old"] == "0.32.0"


# Images whose tag or digest only the user knows.


@pytest.mark.parametrize(
    ("line", "option", "message"),
    [
        (f"  digest: {A}\n", ("--digest", B),
         "platform.yaml:16:11: engine.digest is that of the image with 0.26.0; pass --digest"),
        ("  tag: v0.26.0-cu129\n", ("--tag", "v0.33.0-cu129"),
         "platform.yaml:16:8: engine.tag is v0.26.0-cu129, which is more than the release 0.26.0"),
    ],
)  # fmt: skip
def test_a_tag_or_a_digest_of_another_release_is_asked_for(
    line: str, option: tuple[str, str], message: str, here: Path
) -> None:
    edit_file(here / PLATFORM, {"  # digest: sha256:…\n": line})
    before = text_of(here)
    refused = run(here)

    assert (refused.returncode, refused.stdout) == (2, "")
    assert message in refused.stderr
    assert text_of(here) == before
    assert run(here, *option).returncode == 0
    pinned = before[PLATFORM].replace("version: 0.26.0", "version: 0.33.0")
    assert text_of(here)[PLATFORM] == pinned.replace(line, line.replace(line.split()[1], option[1]))


def test_a_tag_that_is_the_release_follows_it(here: Path) -> None:
    edit_file(here / PLATFORM, {"  # tag: v0.26.0-cu129\n": "  tag: v0.26.0\n"})

    assert run(here).returncode == 0
    assert "  version: 0.33.0\n" in text_of(here)[PLATFORM]
    assert "  tag: v0.33.0\n" in text_of(here)[PLATFORM]


@pytest.mark.parametrize(
    "lines",
    ["  image: acme.example/vllm\n  tag: build-7\n", "  tag: v0.26.0-cu129\n", f"  digest: {A}\n"],
)
def test_an_image_whose_release_another_level_names_is_refused(lines: str, here: Path) -> None:
    edit_profile(here / "profiles", "llama3", {"weights:\n": f"engine:\n{lines}weights:\n"})
    before = text_of(here)
    refused = run(here)

    assert refused.returncode == 2
    assert refused.stderr.count("profiles/models/llama3.yaml:") == 1  # of two cells
    assert "write `version: 0.26.0` beside the" in refused.stderr
    assert text_of(here) == before
    beside = {"engine:\n": "engine:\n  version: 0.26.0\n"}
    edit_profile(here / "profiles", "llama3", beside)
    assert run(here).returncode == 0


def test_a_digest_of_an_environment_is_not_that_of_the_platforms_release(here: Path) -> None:
    environment(here, "prod", f"engine: {{digest: '{A}'}}\n")

    refused = run(here)
    assert refused.returncode == 2
    assert "profiles/environments/prod.yaml:2:18: engine.digest is of an image with 0.26.0" in (
        refused.stderr
    )


def test_an_environment_does_not_inherit_the_digest_of_another_release(here: Path) -> None:
    edit_file(here / PLATFORM, {"  # digest: sha256:…\n": f"  digest: {A}\n"})
    file = environment(here, "prod", "namespace: a\n")

    assert run(here, "--environment", "prod").returncode == 2
    assert run(here, "--environment", "prod", "--digest", B).returncode == 0
    assert file.read_text().endswith(f"engine:\n  version: 0.33.0\n  digest: {B}\n")


def test_a_models_image_is_not_that_of_an_environments_new_pin(here: Path) -> None:
    lines = "engine:\n  image: acme.example/vllm\n  tag: build-7\nweights:\n"
    edit_profile(here / "profiles", "llama3", {"weights:\n": lines})
    environment(here, "prod", "namespace: a\n")
    environment(here, "without", "cells: ['*/gemma3-27b']\n")

    refused = run(here, "--environment", "prod")
    assert refused.returncode == 2
    assert "engine.tag is of an image with 0.26.0" in refused.stderr
    assert run(here, "--environment", "without").returncode == 0


def test_one_digest_is_not_that_of_several_pins(here: Path) -> None:
    file = environment(here, "prod", "engine: {version: 0.25.0}\n")
    refused = run(here, "--all", "--digest", B)

    assert refused.returncode == 2
    assert f"platform.yaml:13:12, {file.relative_to(here)}:2:19" in refused.stderr


def test_a_mirror_must_have_the_image(here: Path) -> None:
    with (here / PLATFORM).open("a") as file:
        file.write("image_registry: mirror.acme.example/hub\n")

    image = "mirror.acme.example/hub/vllm/vllm-openai:v0.33.0"
    assert f"push {image}" in " ".join(run(here).stdout.split())


# What is refused.


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--engine", "0.8.3"), "--engine 0.8.3 is too old: 0.8.4 is the oldest known release"),
        (("--engine", "latest"), "'latest' is no version"),
        (
            ("--engine", "v0.33.0+cu129"),
            "pass --engine 0.33.0, and the tag of its image, such as --tag v0.33.0-cu129",
        ),
        ((), "the following arguments are required: --engine"),
        (
            ("--engine", NEW, "--all", "--environment", "x"),
            "--all and --environment both name pins",
        ),
        (("--engine", NEW, "--environment", "prod"), "there is no environment 'prod'"),
        (("--engine", NEW, "--digest", "abc"), "--digest"),
        (("--engine", NEW, "--tag", "a b"), "--tag"),
    ],
)
def test_what_can_not_be_used_is_one_message(
    words: tuple[str, ...], message: str, here: Path
) -> None:
    before = text_of(here)
    done = ira("upgrade", *words, cwd=here)

    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert text_of(here) == before


def test_a_place_in_a_profile_that_is_not_written_is_called_so(here: Path) -> None:
    before = text_of(here)
    done = run(here, "--tag", "nightly")

    assert (done.returncode, done.stdout) == (2, "")
    assert "engine.tag: 'nightly' moves with every build" in done.stderr
    assert "problems are those of the profiles with the new pin; nothing was written" in done.stderr
    assert text_of(here) == before


def test_the_packages_own_profiles_are_not_edited(tmp_path: Path) -> None:
    done = run(tmp_path)

    assert done.returncode == 2
    assert "./profiles has no release to change" in done.stderr


def test_a_folder_of_models_alone_has_no_platform_to_edit(here: Path) -> None:
    before = (PROFILES / "platform.yaml").read_bytes()
    for file in [here / PLATFORM, *(here / "profiles/gpus").iterdir()]:
        file.unlink()
    (here / "profiles/gpus").rmdir()
    done = run(here)

    assert done.returncode == 2
    assert "the release is that of the package, as profiles has no platform.yaml" in done.stderr
    assert (PROFILES / "platform.yaml").read_bytes() == before


def test_what_can_not_be_edited_in_place_is_refused(here: Path) -> None:
    edit_file(here / PLATFORM, {"  version: 0.26.0\n": "  version: &pin 0.26.0\n"})
    before = text_of(here)
    done = run(here)

    assert done.returncode == 2
    assert "platform.yaml:13:12: engine.version has an anchor" in done.stderr
    assert text_of(here) == before


@pytest.mark.skipif(not UNPRIVILEGED, reason="only root can drop the capability")
def test_of_several_files_all_change_or_none(here: Path) -> None:
    edit_profile(
        here / "profiles", "llama3", {"weights:\n": "engine:\n  version: 0.25.0\nweights:\n"}
    )
    before = text_of(here)
    (here / "profiles/models").chmod(0o555)
    done = ira_alone("upgrade", "--engine", NEW, "--all", cwd=here, prefix=UNPRIVILEGED)
    (here / "profiles/models").chmod(0o755)

    assert done.returncode == 2
    assert "profiles/models/llama3.yaml can't be written" in done.stderr
    assert text_of(here) == before


# What it says.


def checked(here: Path) -> list[dict[str, Any]]:
    done = ira("check", "--profiles-only", "--format", "json", cwd=here)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def listed(here: Path) -> dict[tuple[str, str], tuple[str, float]]:
    cells = json.loads(ira("list", "--json", cwd=here).stdout)["cells"]
    return {
        (each["environment"], f"{each['gpu']}/{each['model']}"): (
            each["verdict"], each["kv_headroom_gib"],
        )
        for each in cells
    }  # fmt: skip


@pytest.mark.parametrize("engine", ["0.8.4", "0.10.2", "0.21.0", "0.33.0", "0.34.0", "0.27.0rc1"])
def test_what_it_predicts_is_what_check_and_list_find_afterwards(engine: str, here: Path) -> None:
    environment(here, "prod", "cells: [h100/*]\n")
    arguments = "    args: [--async-scheduling, --max-num-seqs=64]\n    tensor_parallel: 4\n"
    edit_profile(here / "profiles", "h100/llama3", {"    tensor_parallel: 4\n": arguments})
    earlier, before = checked(here), listed(here)
    found = document(here, engine=engine, code=1 if engine == "0.8.4" else 0)
    later, after = checked(here), listed(here)

    def subject(each: dict[str, Any]) -> tuple[Any, ...]:
        return each["rule"], each["file"], each["field"], each["cell"]

    known = {subject(each) for each in earlier}
    assert found["findings"] == [
        each for each in later if each["severity"] == "error" or subject(each) not in known
    ]
    assert {subject(each) for each in found["fixed"]} == known - {subject(each) for each in later}
    for cell in found["cells"]:
        key = cell["environment"], cell["cell"]
        for side, rows in (("old", before), ("new", after)):
            assert (cell[side]["verdict"], cell[side]["kv_headroom_gib"]) == rows[key]
    assert len(found["cells"]) == len(after)


def test_a_cell_that_would_not_start_is_an_error_and_the_pin_is_written(here: Path) -> None:
    # vllm/config/cache.py of 0.17.1 is the last with it.
    edit_profile(
        here / "profiles",
        "h100/llama3",
        {"    tensor_parallel: 4\n": "    args: [--swap-space=8]\n    tensor_parallel: 4\n"},
    )
    edit_file(here / PLATFORM, OLD)
    done = run(here)

    assert done.returncode == 1
    assert "error IRA010" in done.stdout
    assert "--swap-space is unknown to vLLM 0.33.0" in done.stdout
    assert "  fix the errors above; synth writes nothing before\n" in done.stdout
    assert "  version: 0.33.0\n" in text_of(here)[PLATFORM]
    assert "error IRA010" not in run(here, engine="0.8.5").stdout  # and back


def test_the_shipped_matrix_from_an_old_release(here: Path) -> None:
    edit_file(here / PLATFORM, OLD)
    found = document(here)

    (pair,) = found["releases"]
    metrics = {each["name"]: each for each in pair["metrics"]}
    # https://github.com/vllm-project/vllm/pull/29330 and 32661.
    assert metrics["vllm:gpu_cache_usage_perc"]["now"] == "vllm:kv_cache_usage_perc"
    tpot = metrics["vllm:time_per_output_token_seconds"]
    assert (tpot["change"], tpot["now"]) == ("renamed", "vllm:inter_token_latency_seconds")
    assert metrics["vllm:spec_decode_efficiency"]["is_first_engines"]
    defaults = {each["option"]: each for each in pair["defaults"]}
    # https://github.com/vllm-project/vllm/pull/29261.
    hash_algorithm = defaults["--prefix-caching-hash-algo"]
    assert (hash_algorithm["old"], hash_algorithm["new"]) == ("builtin", "sha256")
    # Every cell sets it, so that the new default of 0.20.0 changes none.
    assert len(defaults["--gpu-memory-utilization"]["set_by"]) == 7
    # https://github.com/vllm-project/vllm/pull/17929: the server took 0 before the parser did.
    assert (defaults["--seed"]["old"], defaults["--seed"]["judged"]) == (None, False)
    assert "--swap-space" in pair["options"]["gone"]
    # https://github.com/vllm-project/vllm/pull/21739 makes it the option's opposite.
    assert pair["options"]["renamed"] == [
        {"old": "--disable-log-requests", "new": "--no-enable-log-requests"}
    ]
    # docker/Dockerfile of both releases, and NVIDIA's release notes of CUDA.
    sides = [found["cells"][0][side] for side in ("old", "new")]
    assert [each["cuda"] for each in sides] == ["12.4", "13.0"]
    assert [each["driver"] for each in sides] == ["525.60.13", "580.65.06"]
    assert [each["image_has_user"] for each in sides] == [False, True]
    assert pair["entry"] == ["python3 -m vllm.entrypoints.openai.api_server", "vllm serve"]


def test_going_back_says_the_reverse(here: Path) -> None:
    edit_file(here / PLATFORM, OLD)
    (there,) = document(here)["releases"]
    (back,) = document(here, engine="0.8.5", code=1)["releases"]  # a cell did not fit

    renamed = {
        (each["name"], each["now"]) for each in there["metrics"] if each["change"] == "renamed"
    }
    assert renamed == {
        (each["now"], each["name"]) for each in back["metrics"] if each["change"] == "renamed"
    }
    moved, reverse = (
        {
            (each["option"], str(each[old]), str(each[new]))
            for each in pair["defaults"]
            if each["judged"]
        }
        for pair, old, new in ((there, "old", "new"), (back, "new", "old"))
    )
    # Each side names the switch that the other one has instead.
    assert moved - reverse == {("--enable-log-requests", "True", "False")}
    assert reverse - moved == {("--disable-log-requests", "False", "True")}
    assert {*there["options"]["gone"]} <= {*back["options"]["new"]}
    assert {*back["options"]["gone"]} <= {*there["options"]["new"], "--enable-log-requests"}


def autoscaled(here: Path, more: str = "") -> None:
    field = f"    autoscaling: {{max: 4, metric: kv_cache_usage, target: 0.8{more}}}\n"
    edit_profile(
        here / "profiles",
        "h100/llama3",
        {"    tensor_parallel: 4\n": f"{field}    tensor_parallel: 4\n"},
    )
    edit_file(here / PLATFORM, OLD)


def test_an_autoscaler_gets_the_new_name_of_its_metric(here: Path) -> None:
    autoscaled(here)
    said = run(here, "--dry-run").stdout

    assert (
        "  vllm:gpu_cache_usage_perc → vllm:kv_cache_usage_perc\n"
        "    the autoscaler of h100/llama3 gets the new name from synth\n"
    ) in said


def test_a_metrics_name_that_is_written_out_is_to_be_changed(here: Path) -> None:
    autoscaled(here, ', metric_name: "vllm:gpu_cache_usage_perc"')
    said = run(here, "--dry-run").stdout

    assert "    autoscaling.metric_name of h100/llama3 names it: change it\n" in said


def test_a_default_that_cells_set_is_told_of_the_others_alone(here: Path) -> None:
    edit_profile(
        here / "profiles",
        "h100/llama3",
        {"    tensor_parallel: 4\n":
         '    args: ["--allowed-origins=[\\"*\\"]"]\n    tensor_parallel: 4\n'},
    )  # fmt: skip
    # vllm/entrypoints/launchers/cli_args.py of 0.31.0 and of 0.32.0.
    said = run(here, "--dry-run").stdout

    assert '  --allowed-origins: ["*"] → [] (' in said
    assert "h100/llama3" not in said.partition('--allowed-origins: ["*"]')[2].splitlines()[0]


# https://github.com/vllm-project/vllm/pull/51726: GPUs of 160 GiB and more take larger batches.
def test_a_batch_that_the_server_chooses_by_the_gpu_is_a_default_too(here: Path) -> None:
    text = TEXT.replace("  h100:\n", "  b200:\n").replace("--max-num-seqs=16", "--seed=1")
    (here / "profiles/models/tiny.yaml").write_text(text)
    (here / "profiles/gpus/b200.yaml").write_bytes((PROFILES / "gpus/b200.yaml").read_bytes())
    edit_file(here / PLATFORM, {"  version: 0.26.0\n": "  version: 0.27.1\n"})

    said = run(here, "--dry-run", engine="0.28.0").stdout
    assert (
        "  --max-num-batched-tokens: 8192 → 16384 (b200/tiny-chat, b200/tiny-long-context)\n"
    ) in said.replace("\n    ", " ")
    set_by_both = text.replace("args: [", "args: [--max-num-batched-tokens=8192, ")
    (here / "profiles/models/tiny.yaml").write_text(set_by_both)
    said = run(here, "--dry-run", engine="0.28.0").stdout
    assert "  --max-num-batched-tokens: 8192 → 16384 (b200/tiny-chat)\n" in said


def test_a_release_after_the_newest_known_is_not_judged(here: Path) -> None:
    done = run(here, "--dry-run", engine="0.99.0")
    said = " ".join(done.stdout.split())

    assert done.returncode == 0
    assert "Options, defaults and metrics are not judged: the options of vLLM 0.99.0" in said
    assert "Memory is estimated as with 0.33.0, the newest known release." in said
    assert "IRA032" in said


# Their images have CUDA 12.9, no user, and start Python: a later one may have anything.
@pytest.mark.parametrize("old", ["0.11.0", "0.21.0"])
def test_the_image_of_a_release_after_the_newest_known_is_not_judged(old: str, here: Path) -> None:
    edit_file(here / PLATFORM, {"  version: 0.26.0\n": f"  version: {old}\n"})
    said = run(here, "--dry-run", engine="0.99.0").stdout
    (pair,) = json.loads(run(here, "--dry-run", "--json", engine="0.99.0").stdout)["releases"]

    assert "CUDA, user and start of the image are not judged.\n" in said
    assert "Image:" not in said
    assert pair["entry"] is None


def test_the_image_of_a_candidate_has_what_both_releases_around_it_have(here: Path) -> None:
    edit_file(here / PLATFORM, {"  version: 0.26.0\n": "  version: 0.20.0\n"})

    # 0.22.0 has the user, 0.21.0 does not.
    for engine, has in ("0.22.0rc1", None), ("0.22.0", True), ("0.21.0rc1", False):
        done = json.loads(run(here, "--dry-run", "--json", engine=engine).stdout)
        assert {cell["new"]["image_has_user"] for cell in done["cells"]} == {has}


def test_the_lists_of_options_are_asked_for(here: Path) -> None:
    short, long = run(here, "--dry-run"), run(here, "--dry-run", "--all-options")

    assert "--all-options lists them" in short.stdout
    assert "--watermark" not in short.stdout
    assert "--watermark" in long.stdout


@pytest.mark.parametrize("engine", ["0.8.4", "0.33.0"])
def test_every_line_fits_into_80_columns(engine: str, here: Path) -> None:
    environment(here, "a-stage-with-a-long-name", "namespace: a\n")
    said = run(here, "--dry-run", "--all-options", engine=engine).stdout

    assert max(map(len, said.splitlines())) <= 80


def test_an_error_is_a_document_too(here: Path) -> None:
    done = ira("upgrade", "--engine", "0.8.3", "--json", cwd=here)

    (problem,) = json.loads(done.stdout)["problems"]
    assert problem["message"].startswith("--engine 0.8.3 is too old")
