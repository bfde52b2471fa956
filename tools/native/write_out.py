"""Writes records out: each becomes a plain class with the methods that `trainlint.record` makes for it at run time.

mypyc compiles plain classes to C structures, and leaves those of a metaclass what they are in Python, which is where
nearly all the time of compiled code went.
Text, comments and the order of everything else stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import libcst as cst

BASE = "trainlint.plain_record"
"""The module of the base that records get; records of modules that are not compiled keep theirs."""

RECORD = ("trainlint.record", "Record")

_OPEN = ("Rule",)
"""Classes that stay what they are in Python, with what is derived from them: their attributes are of the class."""

Name = tuple[str, str]
"""A class: (module, name)."""


_SURE = frozenset(
    ("None", "Any", "str", "Hashable", "Callable", "Iterable", "Iterator")
    + ("ApiCall", "Frame", "Machine", "Program", "Recording", "Unit", "Walk")
)
"""What annotations may name to be kept.

mypyc checks and converts values where they come to something annotated, a whole number to one with a fraction too.
Where mypy follows values through Any that would stop a check, at the first program that shows it; so only what cannot
be anything else is relied on, and that is nearly as fast.
"""

_CONTAINERS = frozenset(("dict", "list", "set"))
"""What annotations of variables may name as well, since they stand where it is made."""

_NODES = "trainlint.source.code"
"""The module of the nodes. Their fields are what they are declared as: both parsers are compared node by node."""


class Fields(NamedTuple):
    """What a record inherits and adds."""

    all: tuple[str, ...]
    own: tuple[str, ...]
    annotations: dict[str, str]
    defaults: dict[str, str]
    is_compared: bool

    @property
    def ordered(self) -> list[str]:
        """In the order of `__init__`: those without a default first."""
        return sorted(self.all, key=lambda field: field in self.defaults)


def write_out(modules: Mapping[str, str], plain: Iterable[str] = ()) -> dict[str, str]:
    """The texts of modules with their records written out; `plain` are names of further classes that are compiled."""
    trees = {module: cst.parse_module(text) for module, text in modules.items()}
    records = _Records(trees)
    compiled = {name for _, name in records.found} | set(plain)
    result = {}
    for module, tree in trees.items():
        changed = tree.visit(_Writer(module, records, compiled))
        result[module] = changed.code if changed is not tree else modules[module]
    return result


class _Records:
    """The records among the classes of some modules."""

    def __init__(self, trees: Mapping[str, cst.Module]) -> None:
        self.classes: dict[Name, cst.ClassDef] = {}
        self.imports: dict[str, dict[str, str]] = {}
        self.found: dict[Name, Fields] = {}
        for module, tree in trees.items():
            for statement in tree.body:
                if isinstance(statement, cst.ClassDef):
                    self.classes[module, statement.name.value] = statement
            self.imports[module] = _imports(tree)
        for name in self.classes:
            self.fields(name)

    def fields(self, name: Name) -> Fields | None:
        """The fields of a class that is a record, None for others."""
        if name == RECORD:
            return Fields((), (), {}, {}, True)
        node = self.classes.get(name)
        if node is None or len(node.bases) != 1:
            return None
        if name in self.found:
            return self.found[name]
        base = self._base(name[0], node.bases[0].value)
        inherited = None if base is None else self.fields(base)
        if inherited is None:
            return None
        own: list[str] = []
        annotations, defaults = dict(inherited.annotations), dict(inherited.defaults)
        for field, annotation, default in map(_field, _simple(node)):
            if field:
                own.append(field)
                annotations[field] = annotation
                if default is not None:
                    defaults[field] = default
        is_compared = not any(_code(keyword) == "eq=False" for keyword in node.keywords)
        added = tuple(field for field in own if field not in inherited.all)
        found = Fields((*inherited.all, *added), tuple(own), annotations, defaults, is_compared)
        self.found[name] = found
        return found

    def _base(self, module: str, expression: cst.BaseExpression) -> Name | None:
        path = _code(expression)
        if (module, path) in self.classes:
            return module, path
        first, _, rest = path.partition(".")
        imported = self.imports[module].get(first)
        if imported is None:
            return None
        owner, _, name = f"{imported}.{rest}".rstrip(".").rpartition(".")
        return owner, name


class _Writer(cst.CSTTransformer):
    """Changes the records of one module."""

    def __init__(self, module: str, records: _Records, compiled: set[str]) -> None:
        self.module = module
        self.records = records
        self.compiled = compiled
        self.has_open = False

    def leave_Param(self, original_node: cst.Param, updated_node: cst.Param) -> cst.Param:  # noqa: N802
        return updated_node.with_changes(annotation=self._relied_on(original_node.annotation, _SURE))

    def leave_FunctionDef(  # noqa: N802
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        return updated_node.with_changes(returns=self._relied_on(original_node.returns, _SURE))

    def leave_AnnAssign(self, original_node: cst.AnnAssign, updated_node: cst.AnnAssign) -> cst.AnnAssign:  # noqa: N802
        annotation = self._relied_on(original_node.annotation, _SURE | _CONTAINERS)
        return updated_node.with_changes(annotation=annotation)

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:  # noqa: N802
        if isinstance(original_node.func, cst.Name) and original_node.func.value == "reversed":
            # mypyc fails on `reversed` of what it has no type for.
            return _expression(f"list({_code(updated_node.args[0].value)})[::-1]")
        return updated_node

    def leave_ClassDef(  # noqa: N802
        self, original_node: cst.ClassDef, updated_node: cst.ClassDef
    ) -> cst.BaseStatement | cst.FlattenSentinel[cst.BaseStatement]:
        fields = self.records.found.get((self.module, original_node.name.value))
        if fields is not None:
            return self._written(updated_node, fields)
        if {original_node.name.value, *[_code(base.value) for base in original_node.bases]} & set(_OPEN):
            self.has_open = True
            body = [each for statement in updated_node.body.body for each in _one_by_one(statement)]
            decorator = cst.Decorator(_expression("mypyc_attr(native_class=False)"))
            made = updated_node.with_changes(decorators=[decorator], body=cst.IndentedBlock(body))
            # mypyc forgets the docstrings of such classes, which are the pages of the rules.
            docstring = original_node.get_docstring(clean=False)
            return cst.FlattenSentinel(
                [made, _statement(f"setattr({original_node.name.value}, '__doc__', {docstring!r})")]
            )
        return updated_node

    def leave_ImportFrom(self, original_node: cst.ImportFrom, updated_node: cst.ImportFrom) -> cst.ImportFrom:  # noqa: N802
        if _code(original_node).startswith(f"from {RECORD[0]} import"):
            return updated_node.with_changes(module=_expression(BASE))
        return updated_node

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:  # noqa: N802
        body = list(updated_node.body)
        if not body:
            return original_node
        needed = [_statement("from typing import Any, ClassVar")]
        if self.has_open:
            needed.append(_statement("from mypy_extensions import mypyc_attr"))
        after = 1 + max(i for i, each in enumerate(body[:3]) if i == 0 or "__future__" in _code(each))
        return updated_node.with_changes(body=[*body[:after], *needed, *body[after:]])

    def _written(self, node: cst.ClassDef, fields: Fields) -> cst.ClassDef:
        kept: list[cst.BaseStatement] = []
        derived: tuple[str, ...] = ()
        for statement in node.body.body:
            if isinstance(statement, cst.If) and _code(statement.test) == "TYPE_CHECKING":
                continue
            if isinstance(statement, cst.SimpleStatementLine):
                if _field(statement)[0]:
                    continue
                if _code(statement).strip().startswith("__derived__"):
                    derived = tuple(re.findall(r'"(\w+)"', _code(statement)))
                    continue
            kept.append(statement)
        has_docstring = node.get_docstring() is not None
        defined = {each.name.value for each in kept if isinstance(each, cst.FunctionDef)}
        made = [_statement(text) for text in self._methods(node.name.value, fields, derived, defined)]
        body = [*kept[:has_docstring], *made, *kept[has_docstring:]]
        return node.with_changes(keywords=(), body=cst.IndentedBlock(body))

    def _methods(self, name: str, fields: Fields, derived: tuple[str, ...], defined: set[str]) -> Iterable[str]:
        for field in fields.own:
            yield f"{field}: {self._type(fields.annotations[field])}"
        for field in derived:
            yield f"{field}: Any"
        yield f"__fields__: ClassVar[tuple[str, ...]] = {fields.all!r}"
        yield f"__match_args__: ClassVar[Any] = {fields.all!r}"
        if "__init__" not in defined and fields.all:
            defaults = {field: f" = {default}" for field, default in fields.defaults.items()}
            given = [f"{field}: Any{defaults.get(field, '')}" for field in fields.ordered]
            set_all = "".join(f"\n    self.{field} = {field}" for field in fields.all)
            yield f"def __init__(self, {', '.join(given)}) -> None:{set_all}"
        values = "".join(f"self.{field}, " for field in fields.ordered)
        yield f"def _copied(self) -> {name}:\n    return {name}({values})"
        if fields.is_compared and "__eq__" not in defined:
            yield "\n    ".join(
                [
                    "def __eq__(self, other: object) -> bool:",
                    "if self is other:\n        return True",
                    f"if type(other) is not type(self) or not isinstance(other, {name}):\n        return False",
                    *[
                        f"if self.{f} is not other.{f} and not (self.{f} == other.{f}):\n        return False"
                        for f in fields.all
                    ],
                    "return True",
                ]
            )
        if fields.is_compared and "__hash__" not in defined:
            values = "".join(f"self.{field}, " for field in fields.all)
            yield f"def __hash__(self) -> int:\n    return hash(({name!r}, {values}))"

    def _relied_on(self, annotation: cst.Annotation | None, names: frozenset[str]) -> cst.Annotation | None:
        """The annotation, or Any where it names something that is not sure: mypyc checks and converts by it."""
        if annotation is None or set(re.findall(r"[A-Za-z_][\w.]*", _code(annotation.annotation))) <= names:
            return annotation
        return annotation.with_changes(annotation=_expression("Any"))

    def _type(self, annotation: str) -> str:
        """What a field is declared as."""
        is_sure = self.module == _NODES and annotation.removesuffix(" | None") in self.compiled
        return annotation if is_sure else "Any"


def _imports(tree: cst.Module) -> dict[str, str]:
    """What names of a module are imported from: name -> dotted path."""
    found: dict[str, str] = {}

    class Imports(cst.CSTVisitor):
        def visit_ImportFrom(self, node: cst.ImportFrom) -> None:  # noqa: N802
            if node.module is not None and not isinstance(node.names, cst.ImportStar):
                for each in node.names:
                    name = each.asname.name if each.asname is not None else each.name
                    found[_code(name)] = f"{_code(node.module)}.{_code(each.name)}"

    tree.visit(Imports())
    return found


def _simple(node: cst.ClassDef) -> list[cst.SimpleStatementLine]:
    return [each for each in node.body.body if isinstance(each, cst.SimpleStatementLine)]


def _field(line: cst.SimpleStatementLine) -> tuple[str, str, str | None]:
    """The name, annotation and default of a field; the name is empty for other statements."""
    statement = line.body[0]
    if not isinstance(statement, cst.AnnAssign) or not isinstance(statement.target, cst.Name):
        return "", "", None
    name, annotation = statement.target.value, _code(statement.annotation.annotation)
    if name.startswith("__"):
        return "", "", None
    return name, annotation, None if statement.value is None else _code(statement.value)


def _one_by_one(statement: cst.BaseStatement) -> list[cst.BaseStatement]:
    """`a, b = 1, 2` as two assignments: in a class mypyc wants one variable at a time."""
    line = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
    if not isinstance(line, cst.Assign):
        return [statement]
    names, values = line.targets[0].target, line.value
    if not isinstance(names, cst.Tuple) or not isinstance(values, cst.Tuple):
        return [statement]
    pairs = zip(names.elements, values.elements, strict=True)
    return [_statement(f"{_code(name.value)} = {_code(value.value)}") for name, value in pairs]


def _code(node: cst.CSTNode) -> str:
    return cst.Module(body=()).code_for_node(node)


def _statement(text: str) -> cst.BaseStatement:
    return cst.parse_statement(text + "\n")


def _expression(text: str) -> cst.BaseExpression:
    return cst.parse_expression(text)
