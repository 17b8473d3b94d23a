"""`add --update`: what a model's files decide is refreshed, and every other byte stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from testing.project import copy_profiles
from tests.support import UNPRIVILEGED, Run, ira
from tests.test_add import SMALL, folder_of, write_weights

LLAMA = "meta-llama--Meta-Llama-3.1-8B"
ID = "meta-llama/Meta-Llama-3.1-8B"
NAME = "meta-llama-3-1-8b"

# 32 layers of 8 heads; the numbers are those of the published config.json.
PROFILE = """\
# Ours; ask Ada before changing it.
min_engine: 0.8.4   # as on the cluster
model_id: meta-llama/Meta-Llama-3.1-8B

weights:
    total_gib: 14.96  # from the log
    measured:
    - tensor_parallel: 1
      gib: 14.98
cells:
  # One of two.
  h100: {tensor_parallel: 1, cpu: "10", memory: 128G,
         gpu_memory_utilization: 0.90, max_model_len: 65536}
geometry:
    hidden_size: 4096
    num_attention_heads: 32
    # Not of Llama 3.
    intermediate_size: 14000
    vocab_size: 128256
    max_position_embeddings: 8192    # was 8 k

    layers:
    # All of one kind.
    -   count: 32
        head_dim: 64
        num_key_value_heads: 8

waive:
  IRA002: Ada has agreed to this one.
"""
FIRST = {
    "    intermediate_size: 14000\n": "    intermediate_size: 14336\n",
    "max_position_embeddings: 8192    # was 8 k\n": (
        "max_position_embeddings: 131072    # was 8 k\n    num_hidden_layers: 32\n"
    ),
    "head_dim: 64": "head_dim: 128",
}


@pytest.fixture
def here(tmp_path: Path) -> Path:
    copy_profiles(tmp_path)
    return tmp_path


@pytest.fixture
def profile(here: Path) -> Path:
    file = here / f"profiles/models/{NAME}.yaml"
    file.write_text(PROFILE)
    return file


def run(here: Path, *words: str | Path) -> Run:
    return ira("add", "--update", *words, cwd=here)


def edited(text: str, edits: dict[str, str]) -> str:
    for old, new in edits.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def test_only_what_the_files_decide_changes(here: Path, profile: Path) -> None:
    updated = run(here, ID, "--from", folder_of(here, LLAMA))

    assert (updated.returncode, updated.stderr) == (0, "")
    assert profile.read_text() == edited(PROFILE, FIRST)
    assert updated.stdout == (
        "geometry.intermediate_size: 14000 → 14336\n"
        "geometry.max_position_embeddings: 8192 → 131072\n"
        "geometry.layers[0].head_dim: 64 → 128\n"
        "geometry.num_hidden_layers: added, 32\n"
        "weights: left as they are; the files have neither an index nor headers of\n"
        "    safetensors\n"
        f"Wrote profiles/models/{NAME}.yaml.\n"
    )


def test_the_line_that_names_the_schema_stays(here: Path, profile: Path) -> None:
    line = "# yaml-language-server: $schema=../schemas/model.schema.json\r\n"
    profile.write_bytes(f"{line}{PROFILE}".encode())

    run(here, ID, "--from", folder_of(here, LLAMA))

    assert profile.read_bytes() == f"{line}{edited(PROFILE, FIRST)}".encode()


def test_what_is_up_to_date_is_not_written(here: Path, profile: Path) -> None:
    folder = folder_of(here, LLAMA)
    run(here, ID, "--from", folder)
    before = profile.stat()

    again = run(here, ID, "--from", folder)

    assert again.returncode == 0
    assert again.stdout.endswith(f"\nprofiles/models/{NAME}.yaml is up to date.\n")
    after = profile.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_what_add_has_written_is_up_to_date(here: Path) -> None:
    for name in (
        LLAMA,
        "deepseek-ai--DeepSeek-R1",
        "google--gemma-4-26B-A4B",
        "openai--gpt-oss-20b",
    ):
        folder = folder_of(here, name)
        ira("add", "--from", folder, cwd=here)

        again = run(here, "--from", folder)

        assert (again.returncode, again.stderr) == (0, ""), name
        assert again.stdout.count("\n") == 1
        assert again.stdout.endswith("is up to date.\n")


@pytest.mark.parametrize("order", ["[]", "[0, 1, 1, 1, 1, 1]", "[1, 1, 1, 1, 1, 0]"])
def test_the_order_of_layers_is_one_of_those_in_the_file(here: Path, order: str) -> None:
    """Gemma 4 26B has full attention in every sixth layer, which are the first group here."""
    folder = folder_of(here, "google--gemma-4-26B-A4B")
    ira("add", "--from", folder, "--name", "gemma", cwd=here)
    file = here / "profiles/models/gemma.yaml"
    text = file.read_text()
    start = text.index("    - count: 25")
    end, stop = text.index("    - count: 5"), text.index("  layer_order")
    swapped = f"{text[:start]}{text[end:stop]}{text[start:end]}{text[stop:]}"
    wanted = swapped.replace("layer_order: [0, 0, 0, 0, 0, 1]", "layer_order: [1, 1, 1, 1, 1, 0]")
    file.write_text(swapped.replace("[0, 0, 0, 0, 0, 1]", order))

    updated = run(here, "--from", folder, "--name", "gemma")

    assert updated.stderr == ""
    assert file.read_text() == wanted


def test_a_first_release_that_is_older_than_the_known_ones_stays(here: Path, profile: Path) -> None:
    folder = folder_of(here, LLAMA)
    profile.write_text(edited(PROFILE, {"0.8.4 ": "0.6.3 "}))  # 0.8.4 is the oldest of the table

    assert run(here, ID, "--from", folder).returncode == 0

    assert "\nmin_engine: 0.6.3   # as on the cluster\n" in profile.read_text()


def test_a_dry_run_shows_a_diff_and_writes_nothing(here: Path, profile: Path) -> None:
    updated = run(here, ID, "--dry-run", "--from", folder_of(here, LLAMA))

    assert updated.returncode == 0
    assert "\n-    intermediate_size: 14000\n+    intermediate_size: 14336\n" in updated.stdout
    assert updated.stdout.endswith("Nothing was written.\n")
    assert profile.read_text() == PROFILE


def test_weights_of_headers_replace_others_and_what_was_measured_stays(
    here: Path, profile: Path
) -> None:
    folder = folder_of(here, LLAMA)
    write_weights(folder / "model.safetensors", 15 << 30)

    updated = run(here, NAME, "--from", folder)

    # The table of rotary positions, 131,072 x 128 x 2 bytes, is in no file. Linear layers: 32 x
    # 218.1 million parameters of 2 bytes.
    assert "weights.total_gib: 14.96 → 15.03\nweights.linear_gib: added, 13.00\n" in updated.stdout
    text = profile.read_text()
    assert (
        "    total_gib: 15.03  # from the log\n    linear_gib: 13.00\n    measured:\n"
        "    - tensor_parallel: 1\n      gib: 14.98\n"
    ) in text


def test_the_remark_of_add_names_the_files_that_the_weights_are_of(here: Path) -> None:
    folder = folder_of(here, LLAMA, **SMALL)
    ira("add", "--name", "small", "--from", folder, cwd=here)
    file = here / "profiles/models/small.yaml"
    before = file.read_text()
    write_weights(folder / "model.safetensors", 3 << 30)

    updated = run(here, "small", "--from", folder)

    assert updated.returncode == 0
    assert "# ~ Computed from the architecture; vLLM's log" in before
    assert "# ~ Computed from the headers of the safetensors files; vLLM's log" in file.read_text()
    assert "\n  total_gib: 3.00\n" in file.read_text()


def test_layers_are_added_and_removed_where_the_kinds_change(here: Path, profile: Path) -> None:
    """A model of two kinds of layers takes the place of one, and the other way round."""
    gemma = folder_of(here, "google--gemma-4-26B-A4B")
    ira("add", "--name", "g", "--from", gemma, cwd=here)
    of_gemma = (here / "profiles/models/g.yaml").read_text()
    geometry = of_gemma[of_gemma.index("\ngeometry:") : of_gemma.index("\ncells:")]
    assert geometry.count("- count:") == 2
    text = edited(
        PROFILE, {PROFILE[PROFILE.index("\ngeometry:") : PROFILE.index("\nwaive:")]: geometry}
    )
    profile.write_text(text)
    updated = run(here, ID, "--from", folder_of(here, LLAMA))

    assert updated.returncode == 0, updated.stderr
    after = profile.read_text()
    assert after.count("- count:") == 1
    assert "geometry.layers[" in updated.stdout
    assert "geometry.experts: removed, was num_experts_per_tok: " in updated.stdout
    again = run(here, ID, "--from", folder_of(here, LLAMA))
    assert again.stdout.endswith("is up to date.\n")
    back = run(here, ID, "--from", gemma)
    assert "geometry.experts: added, " in back.stdout
    assert profile.read_text().count("- count:") == 2
    assert run(here, ID, "--from", gemma).stdout.endswith("is up to date.\n")


ODD = {
    "CRLF": (PROFILE.replace("\n", "\r\n"), edited(PROFILE, FIRST).replace("\n", "\r\n")),
    "BOM": ("\ufeff" + PROFILE, "\ufeff" + edited(PROFILE, FIRST)),
    "no line break at the end": (PROFILE.rstrip(), edited(PROFILE, FIRST).rstrip()),
    "document marks": (f"---\n{PROFILE}...\n", f"---\n{edited(PROFILE, FIRST)}...\n"),
    "quotes and other letters": (
        edited(PROFILE, {"0.8.4 ": '"0.9.0" ', "Ada before": "Zoë 🦙 before"}),
        edited(PROFILE, {**FIRST, "0.8.4 ": '"0.8.4" ', "Ada before": "Zoë 🦙 before"}),
    ),
    "an anchor elsewhere": (
        edited(PROFILE, {"hidden_size: 4096": "hidden_size: &width 4096"}),
        edited(PROFILE, {**FIRST, "hidden_size: 4096": "hidden_size: &width 4096"}),
    ),
    "the last line grows": (
        edited(PROFILE, {"\nwaive:\n  IRA002: Ada has agreed to this one.\n": ""}).rstrip(),
        edited(
            PROFILE, {**FIRST, "\nwaive:\n  IRA002: Ada has agreed to this one.\n": ""}
        ).rstrip(),
    ),
    "a layer in braces": (
        edited(PROFILE, {
            "    -   count: 32\n        head_dim: 64\n        num_key_value_heads: 8\n":
            "    - {count: 32, head_dim: 64, num_key_value_heads: 8}\n"
        }),
        edited(edited(PROFILE, FIRST), {
            "    -   count: 32\n        head_dim: 128\n        num_key_value_heads: 8\n":
            "    - {count: 32, head_dim: 128, num_key_value_heads: 8}\n"
        }),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_a_profile_that_is_written_in_an_odd_way_is_edited_too(
    here: Path, profile: Path, name: str
) -> None:
    before, after = ODD[name]
    profile.write_bytes(before.encode())

    updated = run(here, ID, "--from", folder_of(here, LLAMA))

    assert (updated.returncode, updated.stderr) == (0, "")
    assert profile.read_bytes() == after.encode()


REFUSED = {
    "an anchor at the value": (
        {"14000": "&width 14000"},
        "18:24: geometry.intermediate_size has an anchor, a tag or several lines",
    ),
    "a geometry in braces": (
        {
            PROFILE[PROFILE.index("geometry:") : PROFILE.index("\nwaive:")]: (
                "geometry: {hidden_size: 4096, num_attention_heads: 32, vocab_size: 128256,\n"
                "  max_position_embeddings: 131072, num_hidden_layers: 32,\n"
                "  layers: [{count: 32, head_dim: 128, num_key_value_heads: 8}]}\n"
            )
        },
        "14:11: geometry is in braces or brackets; write it in lines, to add intermediate_size",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_edited_is_refused_and_left(here: Path, profile: Path, name: str) -> None:
    edits, says = REFUSED[name]
    text = edited(PROFILE, edits)
    profile.write_text(text)

    updated = run(here, ID, "--from", folder_of(here, LLAMA))

    assert (updated.returncode, updated.stdout) == (2, "")
    assert updated.stderr == (f"error: profiles/models/{NAME}.yaml:{says}; nothing was changed\n")
    assert profile.read_text() == text


def test_cells_that_no_longer_fit_are_told_and_the_profile_is_written(
    here: Path, profile: Path
) -> None:
    # 64 key/value heads are eight times the cache: 64 GiB for 65,536 tokens, beside 15 of weights.
    large = folder_of(here, LLAMA, num_key_value_heads=32, head_dim=256)

    updated = run(here, ID, "--from", large)

    assert updated.returncode == 1
    assert "error IRA001 " in updated.stderr
    assert updated.stderr.endswith(
        "1 cell with errors; change them, or remove them from the profile.\n"
    )
    assert "num_key_value_heads: 32" in profile.read_text()


def test_a_context_beyond_the_models_own_is_told(here: Path, profile: Path) -> None:
    updated = run(here, ID, "--from", folder_of(here, LLAMA, max_position_embeddings=32768))

    assert updated.returncode == 1
    assert "max_model_len" in updated.stderr


def test_a_link_stays_one_and_the_mode_is_kept(here: Path, profile: Path) -> None:
    elsewhere = here / "elsewhere.yaml"
    profile.rename(elsewhere)
    elsewhere.chmod(0o640)
    profile.symlink_to("../../elsewhere.yaml")

    assert run(here, ID, "--from", folder_of(here, LLAMA)).returncode == 0

    assert profile.is_symlink()
    assert elsewhere.read_text() == edited(PROFILE, FIRST)
    assert elsewhere.stat().st_mode & 0o777 == 0o640


def test_a_folder_that_cannot_be_written_to_is_one_message(here: Path, profile: Path) -> None:
    folder = folder_of(here, LLAMA)
    profile.parent.chmod(0o500)
    try:
        updated = ira("add", "--update", ID, "--from", folder, cwd=here, prefix=UNPRIVILEGED)
    finally:
        profile.parent.chmod(0o700)

    assert updated.returncode == 2
    assert updated.stderr.startswith(f"error: profiles/models/{NAME}.yaml can't be written: ")
    assert profile.read_text() == PROFILE


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--from x", "which model is x? Give its id on the Hub"),
        ("no-such --from x", "there is no profile 'no-such'; there are gemma3-27b"),
        ("--name llama --from x", "there is no profile 'llama'; there are "),
        ("a/B --from x", "no profile is of a/B; there are those of "),
        (f"{ID} --name llama3 --from x", "llama3.yaml is of meta-llama/Llama-3.3-70B-Instruct"),
        ("llama3 --name llama3 --from x", "both 'llama3' and --name 'llama3' name a profile"),
        ("llama3 --from missing", "missing can't be read: no such file"),
        ("llama3 --gpu h100 --from x", "--update leaves the cells as they are"),
        ("llama3 --max-model-len 1 --from x", "--update leaves the cells as they are"),
    ],
)  # fmt: skip
def test_invalid_arguments_are_reported(here: Path, profile: Path, words: str, says: str) -> None:
    updated = run(here, *words.split())

    assert (updated.returncode, updated.stdout) == (2, "")
    assert says in updated.stderr
    assert updated.stderr.count("\n") == 1


def test_of_two_profiles_of_a_model_one_is_to_be_chosen(here: Path, profile: Path) -> None:
    folder = folder_of(here, LLAMA)
    (profile.parent / "second.yaml").write_text(PROFILE)

    both, second = (
        run(here, ID, "--from", folder),
        run(here, ID, "--name", "second", "--from", folder),
    )

    assert both.returncode == 2
    assert f"{ID} has the profiles {NAME}, second; choose one with --name" in both.stderr
    assert second.returncode == 0
    assert profile.read_text() == PROFILE
    assert (profile.parent / "second.yaml").read_text() == edited(PROFILE, FIRST)


def test_the_profiles_of_the_package_are_not_updated(tmp_path: Path) -> None:
    updated = run(tmp_path, "llama3", "--from", folder_of(tmp_path, LLAMA))

    assert updated.returncode == 2
    assert "./profiles has no profile to update" in updated.stderr
