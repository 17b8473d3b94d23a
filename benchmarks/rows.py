"""The rows of docs/performance.md: each subject, its yardstick, its limit and its goal."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import matrix, yardsticks
from benchmarks.measure import Command, Figure, interleaved

NO_NODE = {"JSII_NODE": "/no/such/node", "PATH": "/nowhere"}
_SCALING_ROUNDS = 3  # the largest matrix takes minutes
_IRA: list[str | Path] = [sys.executable, "-m", "ira_manifests"]


@dataclass(frozen=True)
class Row:
    """A line of the table; its ratios compare the subject with its yardstick."""

    what: str
    against: str
    figure: Figure
    yardstick: Figure
    limit: str
    goal: str
    faster: bool = False
    """Whether the ratio is given as "times faster"."""

    def ratio(self, of: Callable[[Figure], float]) -> float:
        """Return the ratio of one measure, such as `Figure.wall`."""
        mine, other = of(self.figure), of(self.yardstick)
        return other / mine if self.faster else mine / other


class Suite:
    """Runs the groups of measurements in a folder."""

    def __init__(self, folder: Path, *, rounds: int, sample: int, sizes: list[int]) -> None:
        self._folder, self._rounds, self._sample = folder, rounds, sample
        self._cache = folder / "cache"
        self._env = {"JSII_NODE": str(yardsticks.NODE), "XDG_CACHE_HOME": str(self._cache)}
        self._profiles = {size: matrix.write(folder / f"p{size}", size) for size in sizes}

    def _synth(self, profiles: Path, out: Path, *, fresh: bool = True) -> Command:
        def before() -> None:
            if fresh:
                yardsticks.remove(out, self._cache / "ira_manifests/synth")

        return Command([*_IRA, "synth", "-p", profiles, "-o", out], before, self._env)

    def shipped(self) -> list[Row]:
        """Measure the shipped matrix against the floor, and commands that only read profiles."""
        shipped, floor = matrix.ROOT / "profiles", self._folder / "floor"
        short = {
            "--help": "--help",
            "list": "list",
            "explain": "explain h100 llama3",
            "check --profiles-only": "check --profiles-only",
        }
        empty = f"import cdk8s; cdk8s.App(outdir={str(floor)!r}).synth()"
        found = interleaved(
            {
                "floor": Command([sys.executable, "-c", empty], env=self._env),
                "new": self._synth(shipped, self._folder / "new"),
                "unchanged": self._unchanged(shipped),
                "read": Command([sys.executable, "-c", "import pydantic, yaml"]),
                **{
                    name: Command([*_IRA, *words.split()], env=NO_NODE)
                    for name, words in short.items()
                },
            },
            2 * self._rounds,
        )
        floor_text, read_text = "an empty cdk8s app in Python", "`import pydantic, yaml`"
        return [
            Row("`synth`, shipped matrix, all new", floor_text, found["new"], found["floor"],
                "<= 2.0", "<= 1.5"),
            Row("`synth`, shipped matrix, nothing changed", floor_text, found["unchanged"],
                found["floor"], "<= 2.0", "<= 1.5"),
            *(Row(f"`{name}`, no Node.js", read_text, found[name], found["read"], "<= 3", "<= 2")
              for name in short),
        ]  # fmt: skip

    def _unchanged(self, profiles: Path) -> Command:
        out, cache = self._folder / "unchanged", self._folder / "unchanged-cache"
        env = {**self._env, "XDG_CACHE_HOME": str(cache)}
        words = [*_IRA, "synth", "-p", profiles, "-o", out]
        interleaved({"": Command(words, env=env)}, 1)
        return Command(words, env=env)

    def thousand(self) -> list[Row]:
        """Measure 1,000 cells against other programs that emit the same objects."""
        out, objects = self._folder / "o1000", self._folder / "objects.json"
        mine = self._synth(self._profiles[1000], out)
        interleaved({"": mine}, 1)
        objects.write_text(json.dumps(yardsticks.objects_of(out)), "utf-8")
        directories = yardsticks.directories(out)
        step = max(1, len(directories) // self._sample)
        sample, charts = directories[::step], self._folder / "charts"
        kept = self._folder / "kustomize"
        yardsticks.copy(out, kept)
        helm = yardsticks.each([yardsticks.helm(), "template", "bench"],
                               yardsticks.charts(out, charts)[::step])  # fmt: skip
        kustomize = yardsticks.each(
            [yardsticks.KUBECTL, "kustomize"], [kept / path.name for path in sample]
        )
        outs = {name: self._folder / name for name in ("typescript", "python")}
        times = len(directories) / len(sample)
        apps = {
            name: Command(
                getattr(yardsticks, name)(objects, place),
                partial(yardsticks.remove, place),
                self._env,
            )
            for name, place in outs.items()
        }
        found = interleaved(
            {
                "mine": mine,
                **apps,
                "helm": Command(helm, times=times),
                "kustomize": Command(kustomize, times=times),
            },
            self._rounds,
        )
        same = yardsticks.objects_of(out)
        for name, place in outs.items():
            if yardsticks.objects_of(place) != same:
                raise SystemExit(f"the {name} app emits other objects")
        what = "1,000 cells, 5,000 objects"
        return [
            Row(what, "a TypeScript cdk8s app", found["mine"], found["typescript"],
                "<= 2.0", "<= 1.0"),
            Row(what, "a plain Python cdk8s app", found["mine"], found["python"],
                "<= 0.6", "<= 0.3"),
            Row(what, "`helm template`, once a directory", found["mine"], found["helm"],
                ">= 5", ">= 10", faster=True),
            Row(what, "`kubectl kustomize`, once a directory", found["mine"], found["kustomize"],
                ">= 15", ">= 30", faster=True),
        ]  # fmt: skip

    def one_changed(self) -> Row:
        """Measure a synth after a change of one profile of 1,000 cells, against a full synth."""
        profiles, out = self._profiles[1000], self._folder / "o1000"
        model = profiles / "models/model-7.yaml"
        cores = iter(range(11, 1000))

        def change() -> None:
            model.write_text(matrix.model(7, cpu=next(cores)), "utf-8")

        full = self._synth(profiles, out)
        changed = Command(full.words, change, self._env)
        found = interleaved({"full": full, "changed": changed}, self._rounds)
        return Row("`synth`, one profile changed, of 1,000 cells", "a full `synth`",
                   found["changed"], found["full"], "<= 0.5", "<= 0.1")  # fmt: skip

    def fleet(self) -> Row:
        """Measure many environments, against as many cells in one matrix."""
        environments, cells = 50, 100
        fleet = matrix.write_fleet(self._folder / "fleet", environments, cells)
        whole = matrix.write(self._folder / "whole", environments * cells)
        found = interleaved(
            {
                "fleet": self._synth(fleet, self._folder / "of-fleet"),
                "whole": self._synth(whole, self._folder / "of-whole"),
            },
            min(self._rounds, _SCALING_ROUNDS),
        )
        return Row(f"`synth`, {environments} environments of {cells} cells",
                   f"a matrix of {environments * cells:,} cells",
                   found["fleet"], found["whole"], "<= 1.0", "<= 0.8")  # fmt: skip

    def scaling(self) -> dict[int, Figure]:
        """Measure full synths of growing matrices."""
        commands = {
            str(size): self._synth(profiles, self._folder / f"s{size}")
            for size, profiles in self._profiles.items()
        }
        found = interleaved(commands, min(self._rounds, _SCALING_ROUNDS))
        return {int(size): figure for size, figure in found.items()}


def exponent(figures: dict[int, Figure], of: Callable[[Figure], float]) -> float:
    """Return the slope of log(time) over log(size) between the two largest sizes."""
    small, large = sorted(figures)[-2:]
    return math.log(of(figures[large]) / of(figures[small])) / math.log(large / small)
