"""Rules of names, labels and parsers that are another model's, in trees of other authors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules.catalogue import Needs, Severity
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import rule
from ira_manifests.rules.view.groups import DIRECTORY
from ira_manifests.rules.view.rendered import View
from ira_manifests.rules.view.servers import Server
from ira_manifests.vllm import model_names
from ira_manifests.vllm.model_names import ModelName


@rule("IRA088", "names-another-model", Severity.ERROR, DIRECTORY, Needs.PART)
def names_another_model(view: View) -> Iterator[Finding]:
    """A name or a label of a server names another model than the one that it loads.

    The name of the workload, a suffix, or a label of its Pods was copied from another directory: it
    names another family of models (gemma, llama, qwen and the like), or another size (27b for a
    model of 4b). Dashboards, routes and people take the server for the other model. Compared is the
    model's id or path in the server's arguments; a name without a family is not judged.
    """
    for server in () if view.own else view.servers:
        model = _model(server)
        if model is None or server.container.template.is_copy:
            continue
        for (path, text), *more in _contradicting(server, model):
            message = f"{text} names another model than {model.text}, which the server loads"
            keys = [str(other[-1]) for other, _ in more]
            message += f"; so do its labels {', '.join(keys)}" if keys else ""
            hint = "write the name of the model that is served"
            yield view.finding(server.file, path, message, hint)


def _contradicting(server: Server, model: ModelName) -> Iterable[list[tuple[Path, str]]]:
    """Return what names another model than a server's, together what names the same one."""
    found: dict[tuple[frozenset[str], frozenset[str]], list[tuple[Path, str]]] = {}
    for path, text in _named(server):
        named = model_names.read(text)
        if named is not None and named.contradicts(model):
            found.setdefault((named.families, named.sizes), []).append((path, text))
    return found.values()


def _model(server: Server) -> ModelName | None:
    """Return the model in a server's arguments; None if its family is not known."""
    text = (server.command.model or "").rstrip("/")
    named = model_names.read(text.rpartition("/")[2])
    return named if named is not None and "$" not in text else None


def _named(server: Server) -> Iterator[tuple[Path, str]]:
    """Yield what names a server: its workload's name, and the labels of its Pods."""
    template = server.container.template
    yield ("metadata", "name"), template.name
    for key, value in template.labels.items():
        yield (*template.path, "metadata", "labels", key), value


@rule("IRA089", "another-models-parser", Severity.ERROR, DIRECTORY, Needs.PART)
def another_models_parser(view: View) -> Iterator[Finding]:
    """A parser is one of another family of models.

    `--tool-call-parser` and `--reasoning-parser` read what a family of models writes, such as
    `llama3_json` what Llama 3 writes. Of another model, calls of tools stay in the text of answers,
    or the answer is taken for reasoning and is empty; nothing fails. Only parsers that are named
    after a family are judged, and only models whose id names theirs.
    """
    for server in () if view.own else view.servers:
        model = _model(server)
        for option in ("--tool-call-parser", "--reasoning-parser"):
            parser = server.settings.get(option, "")
            family = model_names.family_of_parser(parser)
            if model is not None and family and not family & model.families:
                message = f"{option} {parser} is for {' and '.join(sorted(family))}, and the model "
                message += f"is {model.text}"
                hint = "write the parser of the model that is served"
                yield view.finding(server.file, server.place_of(option), message, hint)
