"""What argparse is told about an option, as far as it decides what the option takes.

For an option of a config dataclass's field, vLLM derives it from the field's type
(`vllm.engine.arg_utils.get_kwargs`); this module follows the same order of cases.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from ira_manifests.engine_options import Kind
from tools.vllm_source import Definition, Module, Source, SourceError

ENGINE = "vllm.engine.arg_utils"

_NUMBERS = {"int": Kind.INT, "float": Kind.FLOAT}
_SCALARS = frozenset({"bool", "int", "float", "str", "dict", "list", "tuple", "set"})
_SHAPES = {"List": "list", "Tuple": "tuple", "Set": "set", "Dict": "dict"}
_LISTS = frozenset({"list", "tuple", "set"})
_NO_VALUE = frozenset({"store_true", "store_false", "store_const", "count", "help", "version"})
# An option whose bare form means True and that may carry a text, in releases that know this.
_TRUE_OR_TEXT = frozenset({"bool", "str", "none"})


class ExtractionError(SourceError):
    """The source registers an option in a way that this module does not understand."""


@dataclass(frozen=True)
class Shape:
    """What argparse is told about an option, as far as it decides what the option takes."""

    action: str = "store"
    nargs: str = ""
    number: Kind | None = None
    flags: tuple[str, ...] = ()

    @property
    def kind(self) -> Kind:
        """Return what the option takes on the command line."""
        if self.action in _NO_VALUE:
            return Kind.FLAG
        if self.action == "BooleanOptionalAction":
            return Kind.SWITCH
        if self.nargs:
            return Kind.OPTIONAL if self.nargs == "?" else Kind.LIST
        return self.number or Kind.VALUE


Fields: TypeAlias = dict[str, Shape]


class FieldShapes:
    """What argparse is told about a dataclass field, from its annotation (`get_kwargs`)."""

    def __init__(self, source: Source) -> None:
        self._source = source
        converter = self._converter()
        self._named_in_converter = texts(converter)
        self._true_or_text = any(isinstance(n, ast.Set) for n in _compared(converter))

    def fields(self, owner: Definition) -> Fields:
        """Return the shapes of a dataclass's fields, inherited ones first."""
        found: Fields = {}
        for cls in reversed(list(lineage(self._source, owner))):
            for node in class_node(cls).body:
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                    name = node.target.id
                    found[name] = self._shape(name, self._hints(node.annotation, cls.module))
        return found

    def _converter(self) -> ast.FunctionDef:
        engine = self._source.module(ENGINE)
        tree = engine.tree if engine else ast.Module([], [])
        found = {n.name: n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
        for name in ("_compute_kwargs", "get_kwargs"):
            if name in found:
                return found[name]
        raise ExtractionError(f"vLLM {self._source.release}: no get_kwargs")

    def _shape(self, name: str, hints: frozenset[str]) -> Shape:
        if "dataclass" in hints:
            return Shape()
        if hints == _TRUE_OR_TEXT and self._true_or_text:
            return Shape(nargs="?")
        if "bool" in hints:
            return Shape(action="BooleanOptionalAction")
        if hints & _LISTS and "literal" not in hints:
            return Shape(nargs="+")
        return Shape(number=self._number(name, hints))

    def _number(self, name: str, hints: frozenset[str]) -> Kind | None:
        if "literal" in hints:
            return Kind.INT if "int literal" in hints else None
        # The converter names the fields that take 1k, 2M or auto, which are no plain numbers.
        if name in self._named_in_converter:
            return None
        return next((_NUMBERS[hint] for hint in _NUMBERS if hint in hints), None)

    def _hints(self, node: ast.expr, module: Module) -> frozenset[str]:
        match node:
            case ast.Constant(value=None):
                return frozenset({"none"})
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return self._hints(left, module) | self._hints(right, module)
            case ast.Subscript(value=base, slice=inner):
                return self._generic(last_name(base), inner, module)
            case ast.Name(id=name):
                return self._named(_SHAPES.get(name, name), module)
        return frozenset({"other"})

    def _generic(self, base: str, inner: ast.expr, module: Module) -> frozenset[str]:
        parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        match base:
            case "Optional":
                return self._hints(inner, module) | {"none"}
            case "Union":
                return frozenset().union(*(self._hints(part, module) for part in parts))
            case "Annotated" | "SkipValidation":
                return self._hints(parts[0], module)
            case "Literal":
                return _literal_hints(parts[0])
        name = _SHAPES.get(base, base)
        return frozenset({name if name in _SCALARS else "other"})

    def _named(self, name: str, module: Module) -> frozenset[str]:
        if name in _SCALARS:
            return frozenset({name})
        match self._source.find(module, name):
            case Definition(node=ast.ClassDef(decorator_list=decorators)):
                names = {last_name(d) for d in decorators}
                return frozenset({"dataclass" if names & {"dataclass", "config"} else "other"})
            case Definition(module=origin, node=ast.expr() as value):
                return self._hints(value, origin)
        return frozenset({"other"})


def _literal_hints(choice: ast.expr) -> frozenset[str]:
    """Return the hints of a Literal, whose choices are all of one type."""
    is_number = isinstance(choice, ast.Constant) and type(choice.value) is int
    return frozenset({"literal", "int literal"} if is_number else {"literal"})


def _compared(tree: ast.AST) -> Iterator[ast.expr]:
    """Yield the right-hand sides of `==` comparisons."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq):
            yield from node.comparators


def lineage(source: Source, cls: Definition) -> Iterator[Definition]:
    """Yield the class and its base classes within the release, nearest first."""
    yield cls
    for base in class_node(cls).bases:
        found = source.find(cls.module, last_name(base))
        if found is not None and isinstance(found.node, ast.ClassDef):
            yield from lineage(source, found)


def class_node(definition: Definition) -> ast.ClassDef:
    """Return the definition as the class that it must be."""
    if not isinstance(definition.node, ast.ClassDef):
        raise ExtractionError(f"{ast.unparse(definition.node)[:80]} is no class")
    return definition.node


def last_name(node: ast.expr) -> str:
    """Return the name behind any dots, of what is called too: `Enum` for `enum.Enum()`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=func):
            return last_name(func)
    return ""


def changed(shape: Shape, key: str, value: ast.expr | None) -> Shape:
    """Return the shape after a keyword of `add_argument` was set, or deleted."""
    match key:
        case "action":
            return replace(shape, action=_action(value))
        case "nargs":
            return replace(shape, nargs=_nargs(value))
        case "type":
            number = _NUMBERS.get(value.id) if isinstance(value, ast.Name) else None
            return replace(shape, number=number)
        case "flags":
            elements = getattr(value, "elts", [])
            return replace(shape, flags=tuple(ast.literal_eval(element) for element in elements))
    return shape


def _action(node: ast.expr | None) -> str:
    match node:
        case ast.Constant(value=str() as name):
            return name
        case ast.expr():
            return last_name(node)
    return "store"


def _nargs(node: ast.expr | None) -> str:
    match node:
        case None:
            return ""
        case ast.Constant(value="?" | "+" as nargs):
            return nargs
    raise ExtractionError(f"nargs={ast.unparse(node)} has no kind yet")


def texts(node: ast.AST) -> set[str]:
    """Return the literal strings in a syntax tree."""
    constants = (n.value for n in ast.walk(node) if isinstance(n, ast.Constant))
    return {text for text in constants if isinstance(text, str)}
