"""Write the table of vLLM's metrics from the published source of its releases.

Usage:

    python -m tools.vllm_metrics 0.34.0    read this release, and add it to the table
    python -m tools.vllm_metrics           read every release of the table of options

Needs pip and its configured package index, but neither torch nor a GPU. The table is the same bytes
for the same releases.
"""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ira_manifests.vllm.metrics import FILE, FIRST_ENGINE, HIDDEN, SECTION
from tools.vllm_options import TABLE as OPTIONS
from tools.vllm_shapes import ExtractionError, last_name
from tools.vllm_source import Module, Source
from tools.vllm_table import TableFile

_ABOUT = (
    "Metrics of vLLM's server, as Prometheus reads them: [kind, whether it is of the first engine "
    "only or hidden, the metric that replaces it, first release - last release], an open end being "
    "the newest release here. Without those of connectors and offloading of the KV cache. Written "
    "by `python -m tools.vllm_metrics`, not by hand."
)

_FIRST = "vllm.engine.metrics"
_PACKAGES = ("vllm.v1.metrics", "vllm.v1.spec_decode", "vllm.entrypoints", "vllm.parser")
_KINDS = ("gauge", "counter", "histogram")
_NAME = re.compile(r"vllm:[a-z0-9_]+")
# The end of a documentation: that of gpu_cache_usage_perc names kv_cache_usage_perc.
_REPLACED = re.compile(r"DEPRECATED: [Uu]se (vllm:[a-z0-9_]+) instead")
_TOTAL = "_total"


@dataclass(frozen=True)
class _Metric:
    """A metric as the source defines it."""

    name: str
    kind: str
    hidden: bool
    replaced_by: str
    first_engine: bool = False

    @property
    def exposed(self) -> str:
        """The name that Prometheus reads; its client adds the ending to every counter."""
        lacks = self.kind == "counter" and not self.name.endswith(_TOTAL)
        return self.name + _TOTAL if lacks else self.name


def read(source: Source) -> dict[str, str]:
    """Return the metrics of a release with what the table says of each.

    Raises ExtractionError for a metric whose name can't be followed.
    """
    of_second = [m for module in source.modules(*_PACKAGES) for m in _metrics(source, module)]
    names = {metric.exposed for metric in of_second}
    of_first = [replace(m, first_engine=True) for m in _of_first_engine(source)]
    every = [*of_second, *(metric for metric in of_first if metric.exposed not in names)]
    exposed = {metric.name: metric.exposed for metric in every}
    return {metric.exposed: _text(metric, exposed) for metric in every}


def _text(metric: _Metric, exposed: Mapping[str, str]) -> str:
    words = [metric.kind]
    words += [FIRST_ENGINE] * metric.first_engine + [HIDDEN] * metric.hidden
    words += [exposed.get(metric.replaced_by, metric.replaced_by)] * bool(metric.replaced_by)
    return " ".join(words)


def _of_first_engine(source: Source) -> Iterator[_Metric]:
    """Yield the metrics of the engine before V1, while the release can still run it."""
    engine = source.module("vllm.engine.llm_engine")
    module = source.module(_FIRST)
    body = engine.tree.body if engine else []
    classes = {node.name for node in body if isinstance(node, ast.ClassDef)}
    if module and "LLMEngine" in classes:
        yield from _metrics(source, module)


def _metrics(source: Source, module: Module) -> Iterator[_Metric]:
    for function, hidden, call in _calls(module.tree, module.tree, hidden=False):
        given = _given(call)
        kind = next((kind for kind in _KINDS if kind in last_name(call.func).lower()), "")
        if not kind or "documentation" not in given or "name" not in given:
            continue
        names = _names(source, module, given["name"], function)
        if not names:
            where = f"{module.name}:{call.lineno}"
            raise ExtractionError(f"vLLM {source.release}: can't follow the name at {where}")
        replaced = _REPLACED.search(_text_of(given["documentation"]))
        for name in names:
            if _NAME.fullmatch(name):
                yield _Metric(name, kind, hidden, replaced[1] if replaced else "")


def _given(call: ast.Call) -> dict[str | None, ast.expr]:
    """Return the arguments of a call by name, with the first two of a metric that have none.

    Their order is that of prometheus_client: name, documentation.
    """
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if call.args and _NAME.fullmatch(_text_of(call.args[0])):
        given.update(zip(("name", "documentation"), call.args, strict=False))
    return given


def _calls(
    node: ast.AST, function: ast.AST, *, hidden: bool
) -> Iterator[tuple[ast.AST, bool, ast.Call]]:
    """Yield each call with its function, and whether only --show-hidden-metrics makes it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            yield function, hidden, child
        inner = child if isinstance(child, ast.FunctionDef) else function
        shown = hidden or (
            isinstance(node, ast.If)
            and child in node.body
            and "show_hidden_metrics" in ast.unparse(node.test)
        )
        yield from _calls(child, inner, hidden=shown)


def _names(source: Source, module: Module, node: ast.expr, function: ast.AST) -> list[str]:
    """Return the names that an expression may have: a variable, those in its function's lists."""
    match node:
        case ast.Constant(value=str() as name):
            return [name]
        case ast.Name(id=variable):
            found = source.find(module, variable)
            if found is not None and isinstance(found.node, ast.Constant):
                return [str(found.node.value)]
            return list(dict.fromkeys(_assigned(function, variable)))
    return []


def _assigned(function: ast.AST, variable: str) -> Iterator[str]:
    """Yield the names that are assigned to a variable, or that are first in a list of tuples."""
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=ast.Constant(value=str() as name)):
                yield from [name] if target == variable else []
            case ast.Tuple(elts=[ast.Constant(value=str() as name), *_]) if _NAME.fullmatch(name):
                yield name


def _text_of(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


TABLE = TableFile(OPTIONS.with_name(FILE), SECTION, _ABOUT, read)

if __name__ == "__main__":
    sys.exit(TABLE.main(sys.argv[1:]))
