"""The command-line options that `vllm serve` registers, read from a release's syntax trees.

vLLM builds its parser in three places, which this module follows in the order of execution:

    ServeSubcommand.subparser_init   literal options
    make_arg_parser                  literal options, or the fields of FrontendArgs
    AsyncEngineArgs.add_cli_args     literal names, with the `add_argument` keywords derived from
                                     the type of a config dataclass's field (`get_kwargs`)

Nothing of the release is imported, so neither torch nor a GPU is needed.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from ira_manifests.vllm import Kind
from tools.vllm_constants import Constants
from tools.vllm_registries import registered_names
from tools.vllm_shapes import (
    ENGINE,
    ExtractionError,
    Fields,
    FieldShapes,
    Shape,
    changed,
    class_node,
    last_name,
    lineage,
    texts,
)
from tools.vllm_source import Definition, Module, Source

_SERVE = "vllm.entrypoints.cli.serve"
Value: TypeAlias = Fields | Shape | Definition | str | tuple[str, ...] | None
Scope: TypeAlias = dict[str, Value]


@dataclass(frozen=True)
class Serve:
    """The command-line options of `vllm serve` in a release.

    Attributes:
        options: each option, with its kind.
        aliases: from other names of an option to its first long one.
        choices: the values of options with choices.
        bounds: the bounds of numbers, such as `>0 <=1`.
        defaults: the values of options that are not given, as JSON, where they are constants.
    """

    options: Mapping[str, Kind]
    aliases: Mapping[str, str]
    choices: Mapping[str, tuple[str, ...]]
    bounds: Mapping[str, str]
    defaults: Mapping[str, str]


def read_serve(source: Source) -> Serve:
    """Return every option of `vllm serve` in this release, and what it takes."""
    reader = _Reader(source)
    reader.run_serve()
    parser = _Parser(source)
    if parser.rewrites_level:
        reader.aliases["-O"] = "--optimization-level"
    options = {"-h": Kind.FLAG, "--help": Kind.FLAG} | reader.options
    registered = registered_names(source).items()
    named = {name: names for name, names in registered if name.partition(".")[0] in options}
    return Serve(
        dict(sorted(_adjusted(options, parser).items())),
        dict(sorted(reader.aliases.items())),
        reader.choices | named,
        reader.bounds,
        dict(sorted(reader.defaults.items())),
    )


def serve_options(source: Source) -> dict[str, Kind]:
    """Return every option of `vllm serve` in this release, and what it takes."""
    return dict(read_serve(source).options)


def takes_dotted_keys(source: Source) -> bool:
    """Return whether `--option.key value` is read as `--option '{"key": value}'`."""
    return _Parser(source).dotted


class _Parser:
    """How the release's own parser class changes the command line before argparse parses it."""

    def __init__(self, source: Source) -> None:
        found = source.find(source.module(ENGINE), "FlexibleArgumentParser")
        if found is None:
            raise ExtractionError(f"vLLM {source.release}: no FlexibleArgumentParser")
        self._module = found.module.tree
        self._class = found.node

    @property
    def dotted(self) -> bool:
        return any(
            isinstance(node, ast.FunctionDef) and node.name == "create_nested_dict"
            for node in ast.walk(self._class)
        )

    @property
    def rewrites_level(self) -> bool:
        return "--optimization-level" in texts(self._class)

    @property
    def pairs_enable_disable(self) -> bool:
        return {"--enable-", "--disable-"} <= texts(self._module)

    @property
    def refuses_model(self) -> bool:
        return any(
            isinstance(node, ast.Raise) and any("via the `--model`" in t for t in texts(node))
            for node in ast.walk(self._class)
        )


def _adjusted(options: Mapping[str, Kind], parser: _Parser) -> dict[str, Kind]:
    """Return the options as the parser class accepts them, which may differ from the registered."""
    adjusted = dict(options)
    if parser.rewrites_level:
        adjusted["-O"] = options["--optimization-level"]
    if parser.refuses_model:
        adjusted["--model"] = Kind.JOINED
    if parser.pairs_enable_disable:
        adjusted.update(
            {name: Kind.TOGGLE for name, kind in options.items() if _is_pair(name, kind)}
        )
    return adjusted


def _is_pair(name: str, kind: Kind) -> bool:
    return kind is Kind.SWITCH and name.startswith(("--enable-", "--disable-"))


class _Reader:
    """Follows the functions that fill the parser, and collects the options that they register."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._types = FieldShapes(source)
        self._constants = Constants(source)
        self._seen: set[ast.Call] = set()
        self.options: dict[str, Kind] = {}
        self.aliases: dict[str, str] = {}
        self.choices: dict[str, tuple[str, ...]] = {}
        self.bounds: dict[str, str] = {}
        self.defaults: dict[str, str] = {}

    def run_serve(self) -> None:
        """Follow `ServeSubcommand.subparser_init`."""
        serve = self._source.find(self._source.module(_SERVE), "ServeSubcommand")
        if serve is None:
            raise ExtractionError(f"vLLM {self._source.release}: no ServeSubcommand")
        self._run_method(serve, "subparser_init", {})

    def _run_method(self, owner: Definition, name: str, scope: Scope) -> Value:
        for cls in lineage(self._source, owner):
            for node in class_node(cls).body:
                if isinstance(node, ast.FunctionDef) and node.name == name:
                    scope = {**scope, "cls": scope.get("cls", owner), "__class__": cls}
                    return self._run(node, cls.module, scope)
        raise self._unreadable(name)

    def _run(self, function: ast.FunctionDef, module: Module, scope: Scope) -> Value:
        frame = _Frame(self, module, scope)
        frame.run(function.body)
        for node in ast.walk(function):
            if _is_registration(node) and node not in self._seen:
                raise self._unreadable(ast.unparse(node)[:80])
        return frame.result

    def _unreadable(self, what: str) -> ExtractionError:
        return ExtractionError(f"vLLM {self._source.release}: can't follow {what}")

    def register(self, call: ast.Call, names: Sequence[str], shape: Shape) -> None:
        """Record one `add_argument`; positional arguments are skipped."""
        self._seen.add(call)
        options = [name for name in names if name.startswith("-")]
        full = next((name for name in options if name.startswith("--")), "")
        for name in options:
            self.options[name] = shape.kind
            if full and name != full:
                self.aliases[name] = full
        if full and not shape.nargs:
            self._restrict(full, shape)
        if full and shape.known_default:
            self.defaults[full] = shape.known_default

    def constant(self, module: Module, node: ast.expr) -> str:
        """Return the value of an expression as JSON, or `UNKNOWN`."""
        return self._constants.text(node, module)

    def _restrict(self, name: str, shape: Shape) -> None:
        if shape.choices:
            self.choices[name] = shape.choices
        if shape.bounds and shape.kind not in {Kind.VALUE, Kind.SWITCH}:
            self.bounds[name] = shape.bounds

    def shapes(self, module: Module, cls: Value, name: str) -> Fields:
        """Return the shapes that `get_kwargs` derives from a config class."""
        owner = cls if isinstance(cls, Definition) else self._source.find(module, name)
        if owner is None:
            raise self._unreadable(f"get_kwargs({name})")
        return self._types.fields(owner)

    def call_function(self, module: Module, name: str) -> Value:
        """Follow a call of a function of the release."""
        match self._source.find(module, name):
            case Definition(module=origin, node=ast.FunctionDef() as function):
                return self._run(function, origin, {})
        raise self._unreadable(name)

    def call_method(self, owner: Definition, name: str, fields: Value) -> Value:
        """Follow a call of a method; its last parameter may be the shapes of the fields."""
        scope: Scope = {"cls": owner}
        if fields is not None:
            scope["frontend_kwargs"] = fields
        return self._run_method(owner, name, scope)

    def call_super(self, scope: Scope, name: str) -> Value:
        """Follow a call of the base class's method."""
        current = scope["__class__"]
        if not isinstance(current, Definition):
            raise self._unreadable(f"super().{name}")
        base = list(lineage(self._source, current))[1]
        return self._run_method(base, name, scope)

    def find(self, module: Module, name: str) -> Definition | None:
        """Return the definition of a name in a module of the release."""
        return self._source.find(module, name)

    def findclass_node(self, module: Module, node: ast.expr, scope: Scope) -> Definition:
        """Return the class that an expression names."""
        name = last_name(node)
        found = scope.get(name) or self._source.find(module, name)
        if not isinstance(found, Definition):
            raise self._unreadable(ast.unparse(node))
        return found


class _Frame:
    """One call of one of those functions: runs the statements that affect options.

    Both branches of an `if` are followed: conditions are about help texts or the program's name.
    """

    def __init__(self, reader: _Reader, module: Module, scope: Scope) -> None:
        self._reader = reader
        self._module = module
        self._scope = dict(scope)
        self.result: Value = None

    def run(self, body: Sequence[ast.stmt]) -> None:
        for statement in body:
            self._statement(statement)

    def _statement(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self._scope[name] = self._value(value)
            case ast.Assign(targets=[ast.Subscript() as target], value=value):
                self._change(target, value)
            case ast.Delete(targets=[ast.Subscript() as target]):
                self._change(target, None)
            case ast.If(body=body, orelse=orelse):
                self.run([*body, *orelse])
            case ast.For():
                self._loop(statement)
            case ast.Expr(value=value):
                self._value(value)
            case ast.Return(value=ast.expr() as value):
                self.result = self._value(value)

    def _loop(self, loop: ast.For) -> None:
        names = [last_name(n) for n in getattr(loop.target, "elts", [loop.target])]
        for values in self._items(loop.iter):
            self._scope.update(zip(names, values, strict=False))
            self.run(loop.body)

    def _items(self, iterable: ast.expr) -> list[tuple[Value, ...]]:
        match iterable:
            case ast.List(elts=rows):
                return [tuple(map(self._value, getattr(row, "elts", [row]))) for row in rows]
            case ast.Call(func=ast.Attribute(value=table, attr="items")):
                fields = self._value(table)
                return list(fields.items()) if isinstance(fields, dict) else []
        return []

    def _change(self, target: ast.Subscript, value: ast.expr | None) -> None:
        """Follow `fields["name"]["key"] = value`, or its deletion."""
        key = self._text(target.slice)
        match target.value, self._value(target.value):
            case ast.Subscript(value=table, slice=name), Shape() as shape:
                fields = self._value(table)
                if isinstance(fields, dict):
                    fields[self._text(name)] = self._changed(shape, key, value)
            case ast.Name(id=variable), Shape() as shape:
                self._scope[variable] = self._changed(shape, key, value)

    def _changed(self, shape: Shape, key: str, value: ast.expr | None) -> Shape:
        """Return the shape with a keyword of `add_argument` set, or deleted."""
        if key != "default":
            return changed(shape, key, value)
        text = None if value is None else self._reader.constant(self._module, value)
        return replace(shape, default=text)

    def _value(self, node: ast.expr) -> Value:
        match node:
            case ast.Call():
                return self._call(node)
            case ast.Subscript(value=table, slice=ast.Constant(value=str() as key)):
                fields = self._value(table)
                return fields[key] if isinstance(fields, dict) else None
            case ast.Name(id=name):
                return self._scope.get(name)
            case ast.Constant(value=str() as text):
                return text
            case ast.JoinedStr():
                return self._text(node)
        return None

    def _text(self, node: ast.expr) -> str:
        match node:
            case ast.JoinedStr(values=parts):
                return "".join(map(self._text, parts))
            case ast.FormattedValue(value=value):
                return self._text(value)
            case ast.Call(func=ast.Attribute(value=text, attr="replace"), args=[old, new]):
                return self._text(text).replace(self._text(old), self._text(new))
        found = self._value(node)
        return found if isinstance(found, str) else ""

    def _call(self, call: ast.Call) -> Value:
        match call.func, call.args:
            case ast.Attribute(attr="add_argument"), _:
                self._register(call)
            case ast.Name(id="get_kwargs"), [ast.Name(id=name)]:
                return self._reader.shapes(self._module, self._scope.get(name), name)
            case ast.Name(id="make_arg_parser"), _:
                return self._reader.call_function(self._module, "make_arg_parser")
            case ast.Attribute(value=ast.Call(), attr="_customize_cli_kwargs" as name), _:
                return self._reader.call_super(self._scope, name)
            case (
                ast.Attribute(value=owner, attr="add_cli_args" | "_customize_cli_kwargs" as name),
                [argument],
            ):
                cls = self._reader.findclass_node(self._module, owner, self._scope)
                return self._reader.call_method(cls, name, self._value(argument))
            case ast.Attribute(value=ast.Name(id=variable), attr="pop"), [ast.Constant("flags"), _]:
                shape = self._scope[variable]
                return shape.flags if isinstance(shape, Shape) else ()
            case (
                ast.Attribute(
                    value=ast.Subscript(
                        value=ast.Subscript(value=table, slice=name),
                        slice=ast.Constant("choices"),
                    ),
                    attr="remove",
                ),
                [choice],
            ):
                self._remove_choice(table, self._text(name), choice)
        return None

    def _remove_choice(self, table: ast.expr, name: str, choice: ast.expr) -> None:
        """Follow `fields["name"]["choices"].remove(choice)`."""
        fields, text = self._value(table), self._constant(choice)
        shape = fields.get(name) if isinstance(fields, dict) else None
        if not isinstance(fields, dict) or shape is None or text not in shape.choices:
            raise ExtractionError(f"can't follow the removal of {ast.unparse(choice)}")
        fields[name] = replace(shape, choices=tuple(c for c in shape.choices if c != text))

    def _constant(self, node: ast.expr) -> str:
        """Return a literal text, or the text of a constant of the release."""
        match self._reader.find(self._module, last_name(node)):
            case Definition(node=ast.Constant(value=str() as text)):
                return text
        return self._text(node)

    def _register(self, call: ast.Call) -> None:
        shape = Shape()
        for keyword in call.keywords:
            if keyword.arg is None:
                shape = self._unpacked(keyword.value)
        for keyword in call.keywords:
            if keyword.arg is not None:
                shape = self._changed(shape, keyword.arg, keyword.value)
        self._reader.register(call, list(self._names(call.args)), shape)

    def _names(self, arguments: Sequence[ast.expr]) -> Iterator[str]:
        for argument in arguments:
            if isinstance(argument, ast.Starred):
                flags = self._value(argument.value)
                yield from flags if isinstance(flags, tuple) else ()
            elif text := self._text(argument):
                yield text
            else:
                raise ExtractionError(f"can't follow the name {ast.unparse(argument)}")

    def _unpacked(self, node: ast.expr) -> Shape:
        """Return the shape behind `**fields["name"]` or `**{**fields["name"], …}`."""
        if isinstance(node, ast.Dict):
            return self._merged(node)
        shape = self._value(node)
        if not isinstance(shape, Shape):
            raise ExtractionError(f"can't follow **{ast.unparse(node)}")
        return shape

    def _merged(self, node: ast.Dict) -> Shape:
        shape = Shape()
        for key, value in zip(node.keys, node.values, strict=True):
            shape = (
                self._unpacked(value)
                if key is None
                else (self._changed(shape, self._text(key), value))
            )
        return shape


def _is_registration(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "add_argument"
    )
