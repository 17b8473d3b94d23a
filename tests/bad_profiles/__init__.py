"""Defects of profiles, each an edit of the shipped ones, and the expected messages.

Messages are written by hand from the defect.
"""

from __future__ import annotations

from itertools import chain

from tests.bad_profiles import (
    cells,
    controllers,
    environments,
    files,
    geometry,
    models,
    platform,
    serving,
    several,
)
from tests.bad_profiles.case import Case

_TABLES = (
    cells.CASES,
    controllers.CASES,
    environments.CASES,
    files.CASES,
    geometry.CASES,
    models.CASES,
    platform.CASES,
    serving.CASES,
    several.CASES,
)

CASES: dict[str, Case] = {each.name: each for each in chain(*_TABLES)}

if len(CASES) != sum(map(len, _TABLES)):
    raise AssertionError("two cases have the same name")
