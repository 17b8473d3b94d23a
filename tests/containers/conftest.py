from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from testing.hub import Hub
from testing.tiny_model import MODEL_ID, sharded_model
from tests.containers.download_job import Job, job_in


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub(MODEL_ID, sharded_model()) as hub:
        yield hub


@pytest.fixture
def job(hub: Hub, tmp_path: Path) -> Job:
    return job_in(tmp_path, hub)
