"""The keywords of argparse's `add_argument` that decide an option's kind.

For an option of a config dataclass's field, vLLM derives it from the field's type
(`vllm.engine.arg_utils.get_kwargs`); this module follows the same order of cases.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeGuard

from ira_manifests.vllm import Kind
from tools.vllm_constants import Constants
from tools.vllm_source import Definition, Module, Source, SourceError

ENGINE = "vllm.engine.arg_utils"

_NUMBERS = {"int": Kind.INT, "float": Kind.FLOAT}
_TYPES = {
    **_NUMBERS,
    "human_readable_int": Kind.SIZE,
    "human_readable_int_or_auto": Kind.SIZE_OR_AUTO,
    "loads": Kind.JSON,
    "union_dict_and_str": Kind.JSON_OR_TEXT,
}
# Functions that return the function which parses the text.
_WRAPPERS = frozenset({"optional_type", "parse_type"})
# Types that accept any text, or for which there is no kind. `type` is the variable of a loop.
_TEXTS = frozenset(
    {"str", "type", "nullable_str", "nullable_kvs", "from_cli", "from_json", "optional_str"}
    | {"parse_reasoning_parser"}
)
_COMPARED = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
_SCALARS = frozenset({"bool", "int", "float", "str", "dict", "list", "tuple", "set"})
_SHAPES = {"List": "list", "Tuple": "tuple", "Set": "set", "Dict": "dict"}
_LISTS = frozenset({"list", "tuple", "set"})
_NO_VALUE = frozenset({"store_true", "store_false", "store_const", "count", "help", "version"})
# Actions of argparse with a default of their own, as JSON; that of others is None.
_OF_ACTION = {"store_true": "false", "store_false": "true"}
# Hints of an option that may stand alone, which means True, or take a text, in releases with it.
_TRUE_OR_TEXT = frozenset({"bool", "str", "none"})


class ExtractionError(SourceError):
    """The source registers an option in a way that this module does not understand."""


@dataclass(frozen=True)
class Shape:
    """The `add_argument` keywords of an option that decide its kind."""

    action: str = "store"
    nargs: str = ""
    typed: Kind | None = None
    flags: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    bounds: str = ""
    default: str | None = None
    """JSON, or `UNKNOWN`; None if `add_argument` is not given any."""

    @property
    def known_default(self) -> str:
        """What the option is without being given, as JSON; `UNKNOWN` if it is no constant."""
        return _OF_ACTION.get(self.action, "null") if self.default is None else self.default

    @property
    def kind(self) -> Kind:
        """The kind of value that the option takes on the command line."""
        if self.action in _NO_VALUE:
            return Kind.FLAG
        if self.action == "BooleanOptionalAction":
            return Kind.SWITCH
        if self.nargs:
            return Kind.OPTIONAL if self.nargs == "?" else Kind.LIST
        return self.typed or Kind.VALUE


Fields: TypeAlias = dict[str, Shape]


class FieldShapes:
    """The shapes of dataclass fields, derived from their annotations (`get_kwargs`)."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._constants = Constants(source)
        converter = self._converter()
        self._named_in_converter = texts(converter)
        self._names_in_converter = {last_name(n) for n in ast.walk(converter) if is_name(n)}
        self._true_or_text = any(isinstance(n, ast.Set) for n in _compared(converter))

    def fields(self, owner: Definition) -> Fields:
        """Return the shapes of a dataclass's fields, inherited ones first."""
        found: Fields = {}
        for cls in reversed(list(lineage(self._source, owner))):
            for node in class_node(cls).body:
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                    name = node.target.id
                    found[name] = self._field(name, node, cls.module)
        return found

    def _field(self, name: str, node: ast.AnnAssign, module: Module) -> Shape:
        hints = self._hints(node.annotation, module)
        default = self._constants.text(node.value, module)
        shape = replace(self._shape(name, hints), bounds=_bounds(node.value), default=default)
        if "literal" not in hints or hints & (_LISTS | {"str", "bool"}):
            return shape
        choices = self._choices(node.annotation, module)
        if not choices:
            raise ExtractionError(
                f"vLLM {self._source.release}: can't read the choices of {name}: "
                f"{ast.unparse(node.annotation)}"
            )
        return replace(shape, choices=tuple(dict.fromkeys(choices)))

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
            return Shape(typed=None if "from_cli" in self._names_in_converter else Kind.JSON)
        if hints == _TRUE_OR_TEXT and self._true_or_text:
            return Shape(nargs="?")
        if "bool" in hints:
            return Shape(action="BooleanOptionalAction")
        if hints & _LISTS and "literal" not in hints:
            return Shape(nargs="+")
        return Shape(typed=self._typed(name, hints))

    def _typed(self, name: str, hints: frozenset[str]) -> Kind | None:
        if "literal" in hints:
            return Kind.INT if "int literal" in hints else None
        # The converter names the fields that accept 1k, 2M or auto besides plain numbers.
        if name in self._named_in_converter:
            return self._size(name)
        if "dict" in hints:
            return Kind.JSON_OR_TEXT if hints & {"str", "other"} else Kind.JSON
        return next((_NUMBERS[hint] for hint in ("int", "float") if hint in hints), None)

    def _size(self, name: str) -> Kind | None:
        if name == "max_model_len" and "human_readable_int_or_auto" in self._names_in_converter:
            return Kind.SIZE_OR_AUTO
        return Kind.SIZE if "human_readable_int" in self._names_in_converter else None

    def _choices(self, node: ast.expr | None, module: Module) -> list[str] | None:
        """Return the texts of the Literals in a type; None if one can't be read."""
        match node:
            case ast.Subscript(value=base, slice=inner):
                parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
                if last_name(base) == "Literal":
                    found = [self._choice(part, module) for part in parts]
                else:
                    found = [self._choices(part, module) for part in parts]
            case ast.BinOp(left=left, right=right):
                found = [self._choices(left, module), self._choices(right, module)]
            case ast.Name(id=name):
                match self._source.find(module, name):
                    case Definition(module=origin, node=ast.expr() as value):
                        return self._choices(value, origin)
                return []
            case _:
                return []
        return None if None in found else [text for part in found for text in part or ()]

    def _choice(self, part: ast.expr, module: Module) -> list[str] | None:
        """Return the texts of one part of a Literal, which may be another Literal."""
        if isinstance(part, ast.Constant):
            return [str(part.value)]
        return self._choices(part, module) or None

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
    """Return the definition's class. Raises `ExtractionError` for anything else."""
    if not isinstance(definition.node, ast.ClassDef):
        raise ExtractionError(f"{ast.unparse(definition.node)[:80]} is no class")
    return definition.node


def is_name(node: ast.AST) -> TypeGuard[ast.Name | ast.Attribute]:
    """Return whether a node is a plain or dotted name."""
    return isinstance(node, ast.Name | ast.Attribute)


def last_name(node: ast.expr) -> str:
    """Return the last part of a dotted name, also of a call: `Enum` for `enum.Enum()`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=func):
            return last_name(func)
    return ""


def changed(shape: Shape, key: str, value: ast.expr | None) -> Shape:
    """Return the shape with a keyword of `add_argument` set, or deleted if `value` is None."""
    match key:
        case "action":
            return replace(shape, action=_action(value))
        case "nargs":
            return replace(shape, nargs=_nargs(value))
        case "type":
            return replace(shape, typed=_typed(value) if value else None)
        case "choices":
            return replace(shape, choices=_texts_of(value))
        case "flags":
            elements = getattr(value, "elts", [])
            return replace(shape, flags=tuple(ast.literal_eval(element) for element in elements))
    return shape


def _typed(node: ast.expr) -> Kind | None:
    """Return the kind for the value of `type=`; None for any text."""
    match node:
        case ast.Call(func=func, args=[inner]) if last_name(func) in _WRAPPERS:
            return _typed(inner)
        case ast.Lambda():
            return None
        case ast.Name() | ast.Attribute() if (name := last_name(node)) in _TYPES.keys() | _TEXTS:
            return _TYPES.get(name)
    raise ExtractionError(f"type={ast.unparse(node)} has no kind yet")


def _texts_of(node: ast.expr | None) -> tuple[str, ...]:
    """Return the texts of a list of constants; empty if it is computed."""
    if not isinstance(node, ast.List | ast.Tuple):
        return ()
    is_constant = all(isinstance(element, ast.Constant) for element in node.elts)
    return tuple(str(ast.literal_eval(e)) for e in node.elts) if is_constant else ()


def _bounds(value: ast.expr | None) -> str:
    """Return the bounds of `Field(default=1, gt=0, le=1)`, as `>0 <=1`."""
    if not isinstance(value, ast.Call) or last_name(value) != "Field":
        return ""
    limits = {k.arg: k.value for k in value.keywords if k.arg in _COMPARED}
    return " ".join(f"{_COMPARED[k]}{ast.literal_eval(v)}" for k, v in limits.items() if k)


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
