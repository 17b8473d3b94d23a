"""`init`: makes a folder a project: profiles, CI, hooks, settings of editors."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ira_manifests import installation
from ira_manifests.cli import documents, terminal
from ira_manifests.errors import InputError, OutputError
from ira_manifests.installation import Origin
from ira_manifests.output import transaction
from ira_manifests.project.environment import Environment, require_valid
from ira_manifests.project.files import PROFILES, Choice, files, left_out


def command(
    *,
    folder: Path,
    gpus: list[str] | None,
    models: list[str] | None,
    minimal: bool,
    ci: str,
    package: str | None,
    dry_run: bool,
    as_json: bool,
    gitops: str | None,
    **of_environment: str | None,
) -> int:
    """Make a folder a project: profiles, CI, hooks, settings of editors."""
    if minimal and (gpus or models):
        raise InputError("--minimal writes no profiles: without --gpu and --model")
    if os.path.lexists(folder) and not folder.is_dir():
        raise InputError(f"{folder} is not a folder; name one for the project")
    origin = _origin(package)
    environment = _environment(gitops, **of_environment)
    choice = Choice(origin, ci, not minimal, gpus or (), models or (), environment)
    wanted = files(choice)
    kept = _kept(folder, wanted)
    fresh = {path: content for path, content in wanted.items() if path not in kept}
    if not dry_run:
        _write(folder, fresh)
    done = _Done(folder, sorted(fresh), sorted(kept), left_out(choice), dry_run)
    _say_document(done) if as_json else _report(done)
    _complain(done, environment)
    return 0


@dataclass(frozen=True)
class _Done:
    """What a run did."""

    folder: Path
    written: Sequence[str]
    kept: Sequence[str]
    left_out: Sequence[str]
    dry_run: bool

    @property
    def next(self) -> list[str]:
        """The commands to run then."""
        program = installation.program()
        steps = [f"{program} {word}" for word in ("synth", "check")]
        is_here = self.folder.resolve() == Path.cwd()
        return steps if is_here else [f"cd {shlex.quote(str(self.folder))}", *steps]


def _origin(package: str | None) -> Origin | None:
    """Return where others install this program from; None if only this machine has it."""
    if package is None:
        found = installation.here()
        return None if found.is_local else found
    named = installation.named(package)
    if named is None:
        raise InputError(
            "--package can't be used: give a release, such as ira-manifests==0.1.0, or an address "
            "without a user and a token, such as git+https://git.example.com/REPOSITORY@COMMIT"
        )
    return named


def _environment(
    controller: str | None,
    *,
    bucket: str | None,
    environment: str | None,
    namespace: str | None,
    repository: str | None,
) -> Environment | None:
    """Return the environment that is asked for.

    Raises `InputError` for options that it lacks, that it can't have, or that are of no use.
    """
    if controller is None:
        given = {"bucket": bucket, "environment": environment, "namespace": namespace}
        useless = [name for name, value in {**given, "repository": repository}.items() if value]
        if useless:
            raise InputError(*(f"--{name} is of use with --gitops alone" for name in useless))
        return None
    if bucket is None:
        raise InputError("--gitops needs --bucket, the bucket that holds the models")
    found = Environment(
        environment or "prod", controller, bucket, namespace or "inference", repository
    )
    require_valid(found)
    return found


def _kept(folder: Path, wanted: Iterable[str]) -> set[str]:
    """Return the files that are not written: they are there, or a folder of profiles is."""
    has_profiles = os.path.lexists(folder / PROFILES)
    return {
        path
        for path in wanted
        if os.path.lexists(folder / path) or (has_profiles and path.startswith(f"{PROFILES}/"))
    }


def _write(folder: Path, fresh: dict[str, bytes]) -> None:
    """Write files that are not there, all of them or none."""
    with transaction.locked(folder, "init"), transaction.Changes(folder, "init") as changes:
        with transaction.explained(folder):
            for path, content in fresh.items():
                target = folder / path
                if os.path.lexists(target):
                    raise OutputError(f"{target} is there since a moment ago; run init again")
                changes.add(target, content)
        changes.commit()


def _say_document(done: _Done) -> None:
    documents.say(
        {
            "folder": str(done.folder),
            "dry_run": done.dry_run,
            "written": done.written,
            "kept": done.kept,
            "left_out": done.left_out,
            "next": [] if done.dry_run else done.next,
        }
    )


def _report(done: _Done) -> None:
    if done.written:
        terminal.say(f"{'Would write' if done.dry_run else 'Wrote'} in {done.folder}:")
        _list(_summary(done.written))
    if done.kept:
        terminal.say("There already, and left as it is:")
        _list(_summary(done.kept))
    if not done.dry_run:
        terminal.say("Next:")
        _list(done.next)


def _summary(paths: Iterable[str]) -> list[str]:
    """Return paths, with one for all profiles."""
    top = f"{PROFILES}/"
    return sorted({top if path.startswith(top) else path for path in paths})


def _list(paths: Sequence[str]) -> None:
    for path in paths:
        terminal.say(f"    {path}")


def _complain(done: _Done, environment: Environment | None) -> None:
    """Tell what the project lacks."""
    if environment is not None and any(path.startswith(f"{PROFILES}/") for path in done.kept):
        terminal.complain_wrapped(
            f"note: {PROFILES}/ is there already, so no environment was added; its file is in "
            "docs/gitops.md, under Environments"
        )
    if done.left_out:
        terminal.complain_wrapped(
            f"note: left out {', '.join(done.left_out)}: they name what to install, and this "
            f"program came from {installation.here().address}, which no other machine has; run "
            "init again with --package, such as "
            "--package git+https://git.example.com/REPOSITORY@COMMIT"
        )
