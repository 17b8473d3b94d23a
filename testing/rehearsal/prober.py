"""Simulates a kubelet's probes of one container, with a simulated clock.

Each probe has its own timer and counts equal results in a row; the others wait until the startup
probe has succeeded (https://github.com/kubernetes/kubernetes, pkg/kubelet/prober/worker.go).
"""

from __future__ import annotations

import heapq
import http.client
from collections.abc import Mapping
from dataclasses import dataclass, field

from testing.objects import Json
from testing.rehearsal.server import TOOK, Clock, Life, StandIn

STARTUP, LIVENESS, READINESS = "startupProbe", "livenessProbe", "readinessProbe"
PORT = 8000
"""vLLM's default port."""


def observed(container: Json, life: Life, seconds: float) -> Record:
    """Return what the kubelet does with a server of this behaviour within `seconds`."""
    with StandIn(life, Clock()) as stand_in:
        return Prober(container, stand_in, {PORT: stand_in.port}).run(seconds)


@dataclass(frozen=True)
class Probe:
    """A probe with the defaults of the Kubernetes API."""

    path: str
    port: int
    initial_delay: float
    period: float
    timeout: float
    failures: int
    successes: int

    @classmethod
    def of(cls, probe: Json) -> Probe:
        """Return a probe of a container's JSON."""
        get = probe["httpGet"]
        return cls(
            get["path"],
            get["port"],
            probe.get("initialDelaySeconds", 0),
            probe.get("periodSeconds", 10),
            probe.get("timeoutSeconds", 1),
            probe.get("failureThreshold", 3),
            probe.get("successThreshold", 1),
        )


@dataclass
class Record:
    """The kubelet's actions, in seconds of the clock."""

    started: float | None = None
    killed: float | None = None
    ready: list[tuple[float, bool]] = field(default_factory=list)

    @property
    def is_ready(self) -> bool:
        """Whether the container is ready at the end."""
        return bool(self.ready) and self.ready[-1][1]


class Prober:
    """Probes a container's server. `ports`: from ports of the container to ports on loopback."""

    def __init__(self, container: Json, server: StandIn, ports: Mapping[int, int]) -> None:
        names = (STARTUP, LIVENESS, READINESS)
        self.probes = {name: Probe.of(container[name]) for name in names if name in container}
        self.server, self.ports = server, ports
        self.record = Record(started=None if STARTUP in self.probes else 0)
        self._runs: dict[str, tuple[bool, int]] = {}

    def run(self, seconds: float) -> Record:
        """Simulate a number of seconds, or fewer if the container is killed."""
        ticks = [(0.0, name) for name in self.probes]
        heapq.heapify(ticks)
        while ticks and ticks[0][0] <= seconds and self.record.killed is None:
            now, name = heapq.heappop(ticks)
            heapq.heappush(ticks, (now + self.probes[name].period, name))
            if now >= self.probes[name].initial_delay and self._is_due(name):
                self.server.clock.now = now
                self.server.tick()
                self._note(name, now, *self._ask(self.probes[name]))
        return self.record

    def _is_due(self, name: str) -> bool:
        return (name == STARTUP) == (self.record.started is None)

    def _ask(self, probe: Probe) -> tuple[bool, float]:
        """Send the request; return whether it succeeded, and after how many seconds."""
        if probe.port not in self.ports:
            return False, 0
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[probe.port], timeout=60)
        try:
            connection.request("GET", probe.path)
            response = connection.getresponse()
            response.read()
        except ConnectionRefusedError:
            return False, 0
        finally:
            connection.close()
        took = float(response.getheader(TOOK, "0"))
        ok = http.client.OK <= response.status < http.client.BAD_REQUEST
        return ok and took <= probe.timeout, min(took, probe.timeout)

    def _note(self, name: str, now: float, success: bool, took: float) -> None:
        before, count = self._runs.get(name, (success, 0))
        count = count + 1 if before == success else 1
        self._runs[name] = success, count
        probe = self.probes[name]
        if count < (probe.successes if success else probe.failures):
            return
        end = now + took
        if name == READINESS:
            if success != self.record.is_ready:
                self.record.ready.append((end, success))
        elif not success:
            self.record.killed = end
        elif name == STARTUP:
            self.record.started = end
