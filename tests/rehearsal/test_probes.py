"""The probes of every cell wait for a long load, and detect a server that hangs."""

from __future__ import annotations

import copy

import pytest

from testing.objects import Json, the
from testing.project import DIST
from testing.rehearsal.prober import LIVENESS, READINESS, STARTUP, observed
from testing.rehearsal.server import NEVER, Life

MINUTE = 60
HOUR = 60 * MINUTE
CELLS = sorted(path.name for path in DIST.iterdir() if path.name.startswith("online-"))
Rendered = dict[str, list[Json]]

each_cell = pytest.mark.parametrize("directory", CELLS)
a_cell = pytest.mark.parametrize("directory", CELLS[:1])


@pytest.fixture
def server(rendered: Rendered, directory: str) -> Json:
    pod = the(rendered[directory], "Deployment")["spec"]["template"]["spec"]
    container: Json = copy.deepcopy(pod["containers"][0])
    assert container["name"] == "inference-server"
    assert not [word for word in container["args"] if word.startswith("--port")]
    return container


def hung_from(load: float, start: float, end: float = NEVER) -> Life:
    return Life(load, lambda now: NEVER if start <= now < end else 0)


@each_cell
@pytest.mark.parametrize("minutes", [30, 59])
def test_a_load_of_up_to_an_hour_is_not_killed(server: Json, minutes: int) -> None:
    load = minutes * MINUTE

    record = observed(server, Life(load), load + 10 * MINUTE)

    assert record.killed is None
    assert record.started is not None
    assert load <= record.started <= load + server[STARTUP]["periodSeconds"]
    ((ready, _),) = record.ready
    assert record.started <= ready <= record.started + server[READINESS]["periodSeconds"]


@each_cell
def test_a_server_that_never_listens_is_killed_when_the_startup_probe_says(server: Json) -> None:
    record = observed(server, Life(NEVER), 3 * HOUR)

    startup = server[STARTUP]
    last = startup["periodSeconds"] * startup["failureThreshold"]
    assert record.killed is not None
    assert last - startup["periodSeconds"] <= record.killed <= last
    assert record.ready == []


@each_cell
def test_a_server_that_hangs_gets_no_requests_and_is_killed_when_the_probes_say(
    server: Json,
) -> None:
    hang = 40 * MINUTE + 7

    record = observed(server, hung_from(30 * MINUTE, hang), 3 * HOUR)

    (_, (unready, is_ready)) = record.ready
    assert not is_ready
    assert record.killed is not None
    assert_seen(server[READINESS], unready - hang)
    assert_seen(server[LIVENESS], record.killed - hang)
    assert unready < record.killed < hang + 5 * MINUTE


def assert_seen(probe: Json, seconds: float) -> None:
    """The first failing probe comes within a period, and the last takes its whole timeout."""
    period, failures = probe["periodSeconds"], probe["failureThreshold"]
    shortest = period * (failures - 1) + probe["timeoutSeconds"]
    assert shortest <= seconds <= shortest + period


@a_cell
def test_a_server_that_stalls_for_two_minutes_is_not_killed_and_is_ready_again(
    server: Json,
) -> None:
    life = hung_from(10 * MINUTE, 20 * MINUTE, 22 * MINUTE)

    record = observed(server, life, HOUR)

    assert record.killed is None
    assert [is_ready for _, is_ready in record.ready] == [True, False, True]


@a_cell
def test_a_server_that_answers_late_is_not_killed(server: Json) -> None:
    record = observed(server, Life(10 * MINUTE, lambda _now: 3), HOUR)

    assert (record.killed, record.is_ready) == (None, True)


# --- errors are detected --------------------------------------------------------------------------


@a_cell
def test_without_a_startup_probe_the_load_is_killed(server: Json) -> None:
    del server[STARTUP]

    assert observed(server, Life(30 * MINUTE), HOUR).killed is not None


@a_cell
def test_without_a_liveness_probe_a_server_that_hangs_stays(server: Json) -> None:
    del server[LIVENESS]

    assert observed(server, hung_from(MINUTE, HOUR), 3 * HOUR).killed is None


@a_cell
@pytest.mark.parametrize("wrong", [{"path": "/healthz"}, {"port": 8080}])
def test_a_probe_of_another_path_or_port_kills_a_healthy_server(server: Json, wrong: Json) -> None:
    server[STARTUP]["httpGet"].update(wrong)

    record = observed(server, Life(MINUTE), 2 * HOUR)

    assert (record.started, record.killed is None) == (None, False)
