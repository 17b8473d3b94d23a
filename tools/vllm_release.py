"""Add a release of vLLM to all tables, and print a list of facts for a person to confirm.

Usage:

    make vllm VERSION=0.34.0

Reads the published source of the release and of the one before it. Writes options.json and the
other tables (options' defaults, metrics, models, environment variables), and to vllm/changes.py the
newest release and facts of docker/Dockerfile. Needs pip and the package index.
"""

import argparse
import ast
import difflib
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ira_manifests.vllm import changes
from ira_manifests.vllm.changes import ReleaseFacts, facts_of
from ira_manifests.vllm.gpu_drivers import DRIVERS
from ira_manifests.vllm.release import Release, UnknownReleaseError
from tools import vllm_defaults, vllm_metrics, vllm_models, vllm_variables
from tools.vllm_options import TABLE, ReleaseOptions, encode, stored
from tools.vllm_shapes import ExtractionError
from tools.vllm_source import DOCKERFILE, Source, SourceError, fetch

CHANGES = TABLE.with_name("changes.py")
TABLES = tuple(each.TABLE for each in (vllm_defaults, vllm_metrics, vllm_models, vllm_variables))
"""The tables beside that of options."""
_NEWEST = re.compile(r'^NEWEST = Release\.parse\("[^"]+"\)$', re.MULTILINE)
_END = "\n)\n\n\n@cache\ndef facts_of("
_CUDA = re.compile(r"^ARG CUDA_VERSION=(\d+\.\d+)", re.MULTILINE)
_USER = re.compile(r"^RUN useradd --uid 2000\b", re.MULTILINE)
# Of the stage of vLLM's own image; those of other images follow it or precede it.
_ENTRY = re.compile(r"^FROM \S+ AS vllm-openai$.*?^ENTRYPOINT (\[.*?\])$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Found:
    """A release compared with the one before it in the table, from their sources."""

    release: Release
    before: Release
    options: ReleaseOptions
    options_before: ReleaseOptions
    image: Mapping[str, Any]
    """Facts of docker/Dockerfile that differ from those of the release before."""
    has_dockerfile: bool
    changed: Mapping[str, tuple[int, int]]
    """Changed source files of known facts, with the numbers of lines added and removed."""
    tables: Mapping[Path, str]
    """The texts of `TABLES` with the release, by their files."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Add the release and print what is left to do; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.vllm_release")
    parser.add_argument("version", help="the release to add, such as 0.34.0")
    try:
        release = Release.parse(parser.parse_args(arguments).version)
        table = stored(TABLE.read_text(encoding="utf-8"))
        found = read(release, table)
    except (UnknownReleaseError, SourceError, ExtractionError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    TABLE.write_text(encode({**table, str(release): found.options}), encoding="utf-8")
    for file, text in found.tables.items():
        file.write_text(text, encoding="utf-8")
    _write_changes(CHANGES, found)
    print("\n".join(report(found)))
    return 0


def read(release: Release, table: Mapping[str, ReleaseOptions]) -> Found:
    """Read a release and compare it with the one before it in the table.

    Raises `UnknownReleaseError` for a candidate, and for a release before the oldest of the table;
    `SourceError` if the package index has no source; `ExtractionError` if the reader of options
    does not understand the source.
    """
    if not release.is_final:
        raise UnknownReleaseError(f"vLLM {release} is no final release; give {release.final}")
    earlier = [known for known in map(Release.parse, table) if known < release]
    if not earlier:
        oldest = min(map(Release.parse, table))
        raise UnknownReleaseError(f"vLLM {release} is not a release after {oldest}")
    before = max(earlier)
    source, source_before = fetch(str(release)), fetch(str(before))
    dockerfile = source.text(DOCKERFILE)
    return Found(
        release,
        before,
        ReleaseOptions.read(source),
        table[str(before)],
        {} if dockerfile is None else image_facts(dockerfile, facts_of(before)),
        dockerfile is not None,
        changed_sources(source_before, source),
        {each.file: each.text_with({str(release): source}) for each in TABLES},
    )


def image_facts(dockerfile: str, before: ReleaseFacts) -> dict[str, Any]:
    """Return the facts of an image's Dockerfile that differ from the release before."""
    cuda, entry = _CUDA.search(dockerfile), _ENTRY.search(dockerfile)
    found = {
        "cuda": cuda[1] if cuda else before.cuda,
        "image_has_user": _USER.search(dockerfile) is not None,
        "entry": " ".join(json.loads(entry[1])) if entry else before.entry,
    }
    return {name: value for name, value in found.items() if value != getattr(before, name)}


def changed_sources(before: Source, after: Source) -> dict[str, tuple[int, int]]:
    """Return the source files of known facts whose code differs, with lines added and removed."""
    found = {}
    for path in _facts_by_source():
        texts = [each.text(path) or "" for each in (before, after)]
        if path.endswith(".py") and _code(texts[0]) != _code(texts[1]):
            old, new = (text.splitlines() for text in texts)
            diff = [line[:1] for line in difflib.unified_diff(old, new, n=0)][2:]
            found[path] = (diff.count("+"), diff.count("-"))
    return found


def _code(text: str) -> str:
    """Return the code of a module without comments and layout."""
    return ast.dump(ast.parse(text))


def _facts_by_source() -> dict[str, list[str]]:
    facts: dict[str, list[str]] = defaultdict(list)
    for change in changes.CHANGES:
        for path in change.source.split(", "):
            facts[path] += [name for name in change.facts if name not in facts[path]]
    return dict(sorted(facts.items()))


def _write_changes(file: Path, found: Found) -> None:
    if found.release > changes.NEWEST:
        text = file.read_text(encoding="utf-8")
        file.write_text(with_release(text, found.release, found.image), encoding="utf-8")


def with_release(text: str, release: Release, image: Mapping[str, Any]) -> str:
    """Return the text of changes.py with a new newest release and the changes of its image."""
    text, count = _NEWEST.subn(f'NEWEST = Release.parse("{release}")', text)
    if count != 1 or text.count(_END) != 1:
        raise ValueError(f"{CHANGES} has no single NEWEST, or no end of CHANGES")
    line = f"\n    {_line(release, image)}" if image else ""
    return text.replace(_END, f"{line}{_END}")


def _line(release: Release, image: Mapping[str, Any]) -> str:
    facts = ", ".join(
        f'{name}="{value}"' if isinstance(value, str) else f"{name}={value}"
        for name, value in image.items()
    )
    return f'_change("{release}", "{DOCKERFILE}", {facts}),'


def report(found: Found) -> Iterator[str]:
    """Yield the lines of the report: what was added, and what a person must confirm."""
    yield f"vLLM {found.release} is in {TABLE.name}. Compared with {found.before}:"
    yield from _options(found.options_before, found.options)
    yield from _image(found)
    yield f"  {', '.join(each.file.name for each in TABLES)}: see their diffs"
    yield ""
    yield "Confirm before you commit:"
    yield "- Does a new option change memory? Then add it to profiles/memory_table.py."
    facts = _facts_by_source()
    for path, (added, removed) in found.changed.items():
        yield f"- {path} changed (+{added} -{removed}). Do these still hold, or is there a new one?"
        yield f"  {', '.join(facts[path])}"
    if found.changed:
        compared = f"v{found.before}...v{found.release}"
        yield f"  The differences: https://github.com/vllm-project/vllm/compare/{compared}"
        yield f"  ReleaseFacts in {CHANGES.name} says what the facts are; CHANGES has what changed."
    yield from _to_confirm_of_the_image(found)
    yield f"- Is there an image vllm/vllm-openai:v{found.release}?"
    yield "Then run `make check test`. To serve with the release, set engine.version in"
    yield "profiles/platform.yaml and run `make synth`."


def _options(before: ReleaseOptions, after: ReleaseOptions) -> Iterator[str]:
    changed: dict[str, list[str]] = defaultdict(list)
    for name in sorted(before.options.keys() | after.options.keys()):
        old, new = before.options.get(name), after.options.get(name)
        if old is None:
            yield f"  new option      {name} ({new})"
        elif new is None:
            yield f"  removed option  {name}"
        elif old != new:
            changed[f"{old} -> {new}"].append(name)
    for change, names in changed.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        yield f"  changed option  {names[0]}{more}: {change}"
    for title in ("aliases", "bounds", "choices"):
        held, holds = getattr(before, title), getattr(after, title)
        differing = sum(held.get(key) != holds.get(key) for key in held.keys() | holds.keys())
        if differing:
            yield f"  {title}: {differing} differ; see the diff of {TABLE.name}"


def _image(found: Found) -> Iterator[str]:
    for name, value in found.image.items():
        yield f"  image           {name}: {value}"


def _to_confirm_of_the_image(found: Found) -> Iterator[str]:
    if not found.has_dockerfile:
        yield f"- The release has no {DOCKERFILE} on the package index. Which CUDA has its image?"
    cuda = str(found.image.get("cuda", ""))
    if cuda and cuda.partition(".")[0] not in DRIVERS:
        yield f"- Which driver does CUDA {cuda} need? Add it to vllm/gpu_drivers.py."
    if found.image and found.release <= changes.NEWEST:
        yield f"- Add this line to {CHANGES.name}, in the order of releases:"
        yield f"  {_line(found.release, found.image)}"


if __name__ == "__main__":
    sys.exit(main())
