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
# Their values are choices of a key of a JSON option.
_KEYS = {"--speculative-config.method": "SpeculativeMethod"}
_CONFIGS = ("vllm.config.speculative", "vllm.config")
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
    found["--max-lora-rank"] = _ranks(source)
    for key, name in _KEYS.items():
        places = (source.find(source.module(module), name) for module in _CONFIGS)
        found[key] = tuple(sorted(_literal(source, next(filter(None, places), None))))
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


def _ranks(source: Source) -> tuple[str, ...]:
    """Return the ranks of adapters that a release before 0.11.1 checks; later ones declare them."""
    config = source.find(source.module("vllm.config"), "LoRAConfig")
    for node in () if config is None else ast.walk(config.node):
        match node:
            case ast.Assign(targets=[ast.Name(id="possible_max_ranks")], value=ast.Tuple(elts=all)):
                return tuple(str(each.value) for each in all if isinstance(each, ast.Constant))
    return ()


def _literal(source: Source, found: Definition | None) -> Iterator[str]:
    """Yield the texts of a Literal, whose parts may be other Literals."""
    if found is None or not isinstance(found.node, ast.Subscript):
        return
    inner = found.node.slice
    for part in inner.elts if isinstance(inner, ast.Tuple) else [inner]:
        match part:
            case ast.Constant(value=str() as text):
                yield text
            case ast.Name(id=name):
                yield from _literal(source, source.find(found.module, name))


def _load_formats(source: Source) -> tuple[str, ...]:
    """Return the keys of the table of loaders, or before 0.10.1 the values of an Enum."""
    match source.find(source.module(_LOADERS), "_LOAD_FORMAT_TO_MODEL_LOADER"):
        case Definition(node=ast.Dict(keys=keys)):
            return tuple(_names(keys))
    match source.find(source.module("vllm.config"), "LoadFormat"):
        case Definition(node=ast.ClassDef(body=body)):
            return tuple(_names([n.value for n in body if isinstance(n, ast.Assign)]))
    return ()
