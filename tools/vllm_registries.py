"""Reads the names in vLLM's registries: parsers, quantisation methods, load formats."""

import ast
from collections.abc import Iterator

from tools.vllm_shapes import last_name
from tools.vllm_source import Definition, Source

_QUANTIZATION = "vllm.model_executor.layers.quantization"
_PARSERS = {
    "--tool-call-parser": ("vllm.tool_parsers", "vllm.entrypoints.openai.tool_parsers"),
    "--reasoning-parser": ("vllm.reasoning",),
}
_LOADERS = "vllm.model_executor.model_loader"
_TABLES = {"_TOOL_PARSERS_TO_REGISTER", "_REASONING_PARSERS_TO_REGISTER"}


def registered_names(source: Source) -> dict[str, tuple[str, ...]]:
    """Return the names that options of a release accept, by option, if there are any."""
    found = {
        option: tuple(
            sorted({name for m in source.modules(*packages) for name in _parsers(m.tree)})
        )
        for option, packages in _PARSERS.items()
    }
    found["--quantization"] = _quantization(source)
    found["--load-format"] = _load_formats(source)
    return {option: names for option, names in found.items() if names}


def _parsers(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict(keys=keys)):
                yield from (_names(keys) if name in _TABLES else ())
            case ast.Call(
                func=ast.Attribute(attr="register_module"), args=arguments, keywords=given
            ):
                yield from _names([*arguments, *(k.value for k in given if k.arg == "name")])


def _names(nodes: list[ast.expr] | list[ast.expr | None]) -> Iterator[str]:
    for node in nodes:
        match node:
            case ast.Constant(value=str() as name):
                yield name
            case ast.List(elts=elements):
                yield from _names(elements)


def _quantization(source: Source) -> tuple[str, ...]:
    module = source.module(_QUANTIZATION)
    for name in ("QuantizationMethods", "QUANTIZATION_METHODS"):
        match source.find(module, name):
            case Definition(node=ast.Subscript(value=base, slice=ast.Tuple(elts=parts))):
                return tuple(_names(parts)) if last_name(base) == "Literal" else ()
            case Definition(node=ast.List(elts=parts)):
                return tuple(_names(parts))
    return ()


def _load_formats(source: Source) -> tuple[str, ...]:
    """Return the keys of the table of loaders, or before 0.10.1 the values of an Enum."""
    match source.find(source.module(_LOADERS), "_LOAD_FORMAT_TO_MODEL_LOADER"):
        case Definition(node=ast.Dict(keys=keys)):
            return tuple(_names(keys))
    match source.find(source.module("vllm.config"), "LoadFormat"):
        case Definition(node=ast.ClassDef(body=body)):
            return tuple(_names([n.value for n in body if isinstance(n, ast.Assign)]))
    return ()
