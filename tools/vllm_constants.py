"""The values of constant expressions in a release's source, such as the default of an option.

What a release computes is not known here: the result of a call, an environment variable, a member
of an Enum. JSON writes what is known: `256`, `"auto"`, `null`.
"""

import ast
import json
import operator
from collections.abc import Callable

from tools.vllm_source import Definition, Module, Source

UNKNOWN = ""
"""Text of a value that is no constant."""

_DEPTH = 8  # of names that stand for names
_LONGEST = 200
_OPERATORS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Pow: operator.pow,
}
_EMPTY: dict[str, object] = {"list": [], "tuple": [], "set": [], "dict": {}}
_FIELDS = ("field", "Field")


class Constants:
    """Reads the constants of a release."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def text(self, node: ast.expr | None, module: Module) -> str:
        """Return a value as JSON; `UNKNOWN` if there is none, or if it is no constant.

        `node`: an expression of `module`. The value of `Field(1)`, `field(default=1)` and
        `field(default_factory=list)` is the default of the field.
        """
        if node is None:
            return UNKNOWN
        try:
            text = json.dumps(self._value(node, module, _DEPTH))
        except (ValueError, TypeError):
            return UNKNOWN
        return text if len(text) <= _LONGEST else UNKNOWN

    def _value(self, node: ast.expr, module: Module, depth: int) -> object:
        if not depth:
            raise ValueError(f"{ast.unparse(node)} is named too often")
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in _FIELDS:
                return self._of_field(node, module, depth)
            case ast.Name(id=name):
                return self._of(self._source.find(module, name), depth)
            case ast.Attribute(value=ast.Name(id=owner), attr=name):
                return self._of(self._attribute(self._source.find(module, owner), name), depth)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                both = [self._value(each, module, depth - 1) for each in (left, right)]
                return _OPERATORS[type(op)](*(int(f"{each}") for each in both))
        return ast.literal_eval(node)

    def _of(self, found: Definition | None, depth: int) -> object:
        if found is None or not isinstance(found.node, ast.expr):
            raise ValueError("no constant")
        return self._value(found.node, found.module, depth - 1)

    def _of_field(self, call: ast.Call, module: Module, depth: int) -> object:
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        default = call.args[0] if call.args else given.get("default")
        if default is not None:
            return self._value(default, module, depth - 1)
        match given.get("default_factory"):
            case ast.Name(id=name) if name in _EMPTY:
                return _EMPTY[name]
            case ast.Lambda(body=body):
                return self._value(body, module, depth - 1)
        raise ValueError("the field has no default, or a computed one")

    def _attribute(self, owner: Definition | None, name: str) -> Definition | None:
        """Return what a class assigns to a name, itself or in a base class of the release."""
        if owner is None or not isinstance(owner.node, ast.ClassDef):
            return None
        bases = [each.id for each in owner.node.bases if isinstance(each, ast.Name)]
        if any("Enum" in each for each in bases):
            return None  # the option decides what its text is
        for node in owner.node.body:
            match node:
                case (
                    ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value)
                    | ast.Assign(targets=[ast.Name(id=target)], value=value)
                ) if target == name:
                    return Definition(owner.module, value)
        found = (self._source.find(owner.module, each) for each in bases)
        return next(filter(None, (self._attribute(each, name) for each in found)), None)
