"""Runs the steps of a composite action in bash, as a runner does; steps of other actions are noted.

Only the expressions that action.yml has: inputs, `runner.temp`, those of OF_GITHUB, `!cancelled()`,
`==`, `!=`, `&&`.
https://docs.github.com/en/actions/reference/workflows-and-actions/metadata-syntax
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from testing.project import ROOT

# https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#defaultsrunshell
SHELL = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c"]

OF_GITHUB = {
    "github.event.number": "7",
    "github.repository": "acme/serving",
    "github.token": "a-token",
}
"""What a run of a pull request knows."""
SUMMARY = "summary.md"
"""The file of the job's summary, in the folder of the runner."""


@dataclass
class Run:
    """What a run of the action did.

    Attributes:
        failed: the names of the steps that failed.
        output: what each step printed.
        uses: the inputs of each step that calls another action.
    """

    failed: list[str] = field(default_factory=list)
    output: dict[str, str] = field(default_factory=dict)
    uses: dict[str, dict[str, str]] = field(default_factory=dict)


def action() -> Any:
    return yaml.safe_load((ROOT / "action.yml").read_text())


def run(given: Mapping[str, str], workspace: Path, temp: Path, skip: tuple[str, ...] = ()) -> Run:
    """Run the action in a folder; `skip`: names of steps that were done before."""
    inputs = {name: str(each.get("default", "")) for name, each in action()["inputs"].items()}
    context = {**{f"inputs.{name}": value for name, value in {**inputs, **given}.items()}}
    context["runner.temp"] = str(temp)
    context |= OF_GITHUB
    done = Run()
    for step in action()["runs"]["steps"]:
        name = step["name"]
        if name in skip or not _wanted(step.get("if", "success()"), context, done):
            continue
        if "uses" in step:
            done.uses[name] = {key: _filled(text, context) for key, text in step["with"].items()}
            continue
        environment = {key: _filled(text, context) for key, text in step.get("env", {}).items()}
        ran = subprocess.run(
            [*SHELL, step["run"]], cwd=workspace, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={
                **os.environ, **environment,
                "RUNNER_TEMP": str(temp), "GITHUB_ACTION_PATH": str(ROOT),
                "GITHUB_STEP_SUMMARY": str(temp / SUMMARY),
            },
        )  # fmt: skip
        done.output[name] = ran.stdout
        if ran.returncode:
            done.failed.append(name)
    return done


def _filled(text: str, context: Mapping[str, str]) -> str:
    return re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda found: context[found[1]], text)


def _wanted(condition: str, context: Mapping[str, str], done: Run) -> bool:
    terms = condition.removeprefix("${{ ").removesuffix(" }}").split(" && ")
    return all(_holds(term, context, done) for term in terms)


def _holds(term: str, context: Mapping[str, str], done: Run) -> bool:
    if term == "!cancelled()":
        return True
    if term == "success()":
        return not done.failed
    left, operator, right = term.split(" ")
    return (context[left] == right.strip("'")) == {"==": True, "!=": False}[operator]
