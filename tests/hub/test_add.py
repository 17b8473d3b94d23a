"""`add ORG/NAME`: what is read from the Hub, and what is written."""

from __future__ import annotations

from pathlib import Path

from testing.hub import Hub
from tests.hub.asking import CONFIG, MODEL, SINGLE, add, added, assert_refused, model


def test_a_model_is_added_by_its_id(tmp_path: Path) -> None:
    with Hub(MODEL, model(), is_public=True) as hub:
        run = add(tmp_path, hub)

    assert (run.returncode, run.stderr) == (0, "")
    assert added(tmp_path) == ["qwen3-8b"]
    text = (tmp_path / "profiles/models/qwen3-8b.yaml").read_text()
    assert "model_id: Qwen/Qwen3-8B\n" in text
    # 16,381,470,720 bytes, and the table of positions: 40,960 x 128 x 2.
    assert "total_gib: 15.27\n" in text
    assert f"Read {MODEL} at commit {hub.commit}.\n" in run.stdout
    assert "ira-manifests synth --model-id Qwen/Qwen3-8B" in run.stdout


def test_only_the_start_of_the_weights_is_requested(tmp_path: Path) -> None:
    with Hub(MODEL, model(), is_public=True) as hub:
        add(tmp_path, hub)

        assert set(hub.sent) == {CONFIG, SINGLE}
        assert hub.sent[SINGLE] <= 100_000


def test_a_model_that_is_not_there_may_be_private(tmp_path: Path) -> None:
    with Hub(MODEL, model()) as hub:
        run = add(tmp_path, hub, "Qwen/Qwen3-9B")

    says = f"there is no model Qwen/Qwen3-9B on {hub.url}, or it is private: then set HF_TOKEN to a"
    assert_refused(tmp_path, run, says)


def test_a_revision_that_is_none(tmp_path: Path) -> None:
    with Hub(MODEL, model(), is_public=True) as hub:
        run = add(tmp_path, hub, MODEL, "--revision", "mian")

    assert_refused(tmp_path, run, "Qwen/Qwen3-8B has no revision mian; give --revision a branch,")
