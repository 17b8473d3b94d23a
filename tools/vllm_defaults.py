"""Write the table of the defaults of vLLM's options from the published source of its releases.

Usage:

    python -m tools.vllm_defaults 0.34.0    read this release, and add it to the table
    python -m tools.vllm_defaults           read every release of the table of options

Needs pip and its configured package index, but neither torch nor a GPU. The table is the same bytes
for the same releases.
"""

import ast
import sys
from collections.abc import Iterator

from ira_manifests.vllm.defaults import FILE, SECTION
from tools.vllm_arguments import read_serve
from tools.vllm_options import TABLE as OPTIONS
from tools.vllm_source import Source
from tools.vllm_table import TableFile

_ABOUT = (
    "Values of `vllm serve`'s options that are not given, where the source has them as constants: "
    "[JSON, first release - last release], an open end being the newest release here; null is what "
    "the server decides when it starts. Written by `python -m tools.vllm_defaults`, not by hand."
)


_DECIDED = "null"
_EMPTY = ("[]", "{}", '""')
# The classes whose fields the options set, which fill empty ones when they are made.
_CONFIGS = ("vllm.config", "vllm.engine")


def read(source: Source) -> dict[str, str]:
    """Return the default of each option of a release, as JSON.

    An empty default is what the server decides where a class puts another value in its place.
    """
    found, filled = read_serve(source).defaults, {*_filled(source)}
    return {
        option: _DECIDED if text in _EMPTY and option in filled else text
        for option, text in found.items()
    }


def _filled(source: Source) -> Iterator[str]:
    """Yield the options whose field gets another value where it is empty."""
    modules = [*source.modules(*_CONFIGS), *filter(None, [source.module("vllm.config")])]
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.If):
                assigned = {name for each in (*node.body, *node.orelse) for name in _assigned(each)}
                yield from (
                    f"--{name.replace('_', '-')}" for name in assigned & {*_tested(node.test)}
                )


def _tested(test: ast.expr) -> Iterator[str]:
    """Yield the fields that a condition asks whether they are empty."""
    for node in ast.walk(test):
        match node:
            case (
                ast.UnaryOp(op=ast.Not(), operand=ast.Attribute(value=ast.Name(id="self")) as field)
                | ast.Call(
                    func=ast.Name(id="len"),
                    args=[ast.Attribute(value=ast.Name(id="self")) as field],
                )
            ):
                yield field.attr


def _assigned(statement: ast.stmt) -> Iterator[str]:
    """Yield the fields that a statement sets."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self":
                    yield target.attr


TABLE = TableFile(OPTIONS.with_name(FILE), SECTION, _ABOUT, read)

if __name__ == "__main__":
    sys.exit(TABLE.main(sys.argv[1:]))
