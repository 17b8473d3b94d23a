from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers.download_job import MODEL_ID, Job, job_in, sharded_model
from tests.containers.hub import Hub


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub(MODEL_ID, sharded_model()) as hub:
        yield hub


@pytest.fixture
def job(hub: Hub, tmp_path: Path) -> Job:
    return job_in(tmp_path, hub)
