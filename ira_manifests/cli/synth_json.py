"""What `synth --json` prints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ira_manifests.cli import documents, next_steps
from ira_manifests.output.tree import Plan
from ira_manifests.output.user_files import UserFiles
from ira_manifests.profiles.matrix import Selection
from ira_manifests.rules.finding import Finding


def written(out: Path, selections: Sequence[Selection], plan: Plan, users: UserFiles) -> None:
    """Print what a synth changed, what it did not touch, and the next commands."""
    standings = next_steps.standings(out, selections, users.model_config)
    documents.say(
        {
            "out": str(out),
            "written": True,
            **_changes(plan),
            "user_files": {"created": users.created, "updated": users.updated},
            "preconditions": list(next_steps.preconditions(standings)),
            "next": [
                {"command": " ".join(step.words), "until": step.comment or None}
                for step in next_steps.of_all(standings)
            ],
        }
    )


def compared(out: Path, plan: Plan) -> None:
    """Print how the output differs, of which nothing was written."""
    documents.say({"out": str(out), "written": False, "stale": plan.stale, **_changes(plan)})


def refused(out: Path, findings: Sequence[Finding]) -> None:
    """Print the errors for which nothing was written."""
    document = {"out": str(out), "written": False, "findings": documents.findings(findings)}
    documents.say(document)


def _changes(plan: Plan) -> dict[str, Any]:
    return {
        "created": plan.created,
        "updated": plan.updated,
        "removed": [*plan.removed, *plan.hollow],
        "unchanged": plan.unchanged,
        "left": plan.left,
        "blocked": plan.blocked,
    }
