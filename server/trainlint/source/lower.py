"""Lowering of statements: the libcst tree of one unit to numbered code nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainlint.source import code
from trainlint.source.expressions import EXPRESSIONS, OPERATORS, Table, arguments, expression, parameters
from trainlint.source.walk import docstring_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainlint.source.walk import Walk

STATEMENTS = Table()


def lower(walk: Walk, trees: Sequence[Any]) -> tuple[code.Node, ...]:
    """The code of the statements; raises RecursionError where they nest too deep."""
    result: list[code.Node] = []
    for tree in trees:
        if tree.__class__.__name__ == "SimpleStatementLine":
            for small in tree.body:
                result.append(STATEMENTS[small.__class__](walk, small))
        else:
            result.append(STATEMENTS[tree.__class__](walk, tree))
    return tuple(result)


def small_statements(walk: Walk, trees: Sequence[Any]) -> tuple[code.Node, ...]:
    """The code of simple statements that stand on one line."""
    return tuple(STATEMENTS[small.__class__](walk, small) for small in trees)


def _block(walk: Walk, tree: Any) -> code.Block:
    if tree.__class__.__name__ == "IndentedBlock":
        statements = lower(walk, tree.body)
    else:
        statements = small_statements(walk, tree.body)
    return code.Block((code.Part(walk.unit, statements),))


def _unknown(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree)
    return code.Skipped(walk.place(tree))


STATEMENTS.fallback = _unknown


@STATEMENTS.lowers("Expr")
def _expr(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree)
    value = tree.value
    place = walk.place(tree)
    return code.Evaluate(place, EXPRESSIONS[value.__class__](walk, value))


@STATEMENTS.lowers("Assign")
def _assign(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree)
    place = walk.place(tree)
    value = tree.value
    value = EXPRESSIONS[value.__class__](walk, value)
    return code.Assign(place, tuple(expression(walk, target.target) for target in tree.targets), value)


@STATEMENTS.lowers("AnnAssign")
def _annotated(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree)
    place = walk.place(tree)
    target = expression(walk, tree.target)
    annotation = expression(walk, tree.annotation.annotation)
    return code.Assign(place, (target,), None if tree.value is None else expression(walk, tree.value), annotation)


_AUGMENTED = {
    f"{name}Assign": operator for name, operator in OPERATORS.items() if name[0] in "ASMDFPBLR" and name[:3] != "And"
}


@STATEMENTS.lowers("AugAssign")
def _augment(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree)
    place = walk.place(tree)
    target = expression(walk, tree.target)
    return code.Augment(place, target, _AUGMENTED[tree.operator.__class__.__name__], expression(walk, tree.value))


@STATEMENTS.lowers("Return")
def _return(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree)
    place = walk.place(tree)
    return code.Return(place, None if tree.value is None else expression(walk, tree.value))


@STATEMENTS.lowers("Pass", "Break", "Continue")
def _jump(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree)
    return code.Jump(walk.place(tree), tree.__class__.__name__.lower())


@STATEMENTS.lowers("Del")
def _delete(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree)
    place = walk.place(tree)
    targets: tuple[code.Node, ...] = (expression(walk, tree.target),)
    while len(targets) == 1 and isinstance(targets[0], code.Sequence):
        targets = targets[0].elements
    return code.Delete(place, targets)


@STATEMENTS.lowers("Raise")
def _raise(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree)
    place = walk.place(tree)
    return code.Raise(place, None if tree.exc is None else expression(walk, tree.exc))


@STATEMENTS.lowers("Assert")
def _assert(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree)
    place = walk.place(tree)
    return code.Assert(place, expression(walk, tree.test))


@STATEMENTS.lowers("Global", "Nonlocal")
def _scope(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree)
    kind = tree.__class__.__name__.lower()
    return code.Scope(walk.place(tree), kind, tuple(item.name.value for item in tree.names))


@STATEMENTS.lowers("TypeAlias")
def _type_alias(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree)
    place = walk.place(tree)
    return code.Assign(place, (expression(walk, tree.name),), code.Opaque(walk.place(tree.value)))


def _dotted(tree: Any) -> str:
    names: list[str] = []
    while tree.__class__.__name__ == "Attribute":
        names.append(tree.attr.value)
        tree = tree.value
    names.append(tree.value)
    return ".".join(reversed(names))


def _imported(walk: Walk, trees: Any, module: str) -> tuple[code.Imported, ...]:
    result = []
    for tree in trees:
        name = _dotted(tree.name)
        alias = None if tree.asname is None else tree.asname.name.value
        result.append(code.Imported(walk.place(tree), name, alias))
        walk.dotted.add(f"{module}.{name}" if module else name)
    return tuple(result)


@STATEMENTS.lowers("Import")
def _import(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree)
    return code.Import(walk.place(tree), _imported(walk, tree.names, ""))


@STATEMENTS.lowers("ImportFrom")
def _import_from(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree)
    place = walk.place(tree)
    module = "" if tree.module is None else _dotted(tree.module)
    level = len(tree.relative)
    if tree.names.__class__.__name__ == "ImportStar":
        return code.ImportFrom(place, module, level, (code.Imported(walk.place(tree.names), "*"),))
    return code.ImportFrom(place, module, level, _imported(walk, tree.names, "." * level + module))


@STATEMENTS.lowers("If")
def _if(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree, tree.body)
    place = walk.place((tree, tree.body, True))
    test = expression(walk, tree.test)
    body = _block(walk, tree.body)
    return code.If(place, test, body, _orelse(walk, tree.orelse))


def _orelse(walk: Walk, tree: Any) -> code.Block:
    if tree is None:
        return code.Block()
    if tree.__class__.__name__ == "If":
        return code.Block((code.Part(walk.unit, (_if(walk, tree),)),))
    return _block(walk, tree.body)


@STATEMENTS.lowers("For")
def _for(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree, tree.body)
    place = walk.place((tree, tree.body, True))
    target = expression(walk, tree.target)
    iterable = expression(walk, tree.iter)
    body = _block(walk, tree.body)
    return code.For(place, target, iterable, body, _orelse(walk, tree.orelse))


@STATEMENTS.lowers("While")
def _while(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree, tree.body)
    place = walk.place((tree, tree.body, True))
    test = expression(walk, tree.test)
    body = _block(walk, tree.body)
    return code.While(place, test, body, _orelse(walk, tree.orelse))


@STATEMENTS.lowers("With")
def _with(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree, tree.body)
    place = walk.place((tree, tree.body, True))
    items = []
    for item in tree.items:
        at = walk.place(item)
        value = expression(walk, item.item)
        items.append(code.WithItem(at, value, None if item.asname is None else expression(walk, item.asname.name)))
    return code.With(place, tuple(items), _block(walk, tree.body))


@STATEMENTS.lowers("Try", "TryStar")
def _try(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree, tree.body)
    place = walk.place((tree, tree.body, True))
    body = _block(walk, tree.body)
    handlers = tuple(handler(walk, item) for item in tree.handlers)
    orelse = _orelse(walk, tree.orelse)
    final = code.Block() if tree.finalbody is None else _block(walk, tree.finalbody.body)
    return code.Try(place, body, handlers, orelse, final)


def handler(walk: Walk, tree: Any) -> code.Handler:
    """The code of an `except` clause."""
    walk.statement(tree, tree.body)
    place = walk.place((tree, tree.body, True))
    caught = None if tree.type is None else expression(walk, tree.type)
    name = None
    if tree.name is not None and tree.name.name.__class__.__name__ == "Name":
        name = tree.name.name.value
    return code.Handler(place, caught, name, _block(walk, tree.body))


@STATEMENTS.lowers("FunctionDef")
def _define(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree, tree.body)
    place = walk.place(tree.name)
    name = tree.name.value
    decorators = tuple(expression(walk, item.decorator) for item in tree.decorators)
    accepted = parameters(walk, tree.params)
    outer, walk.yields = walk.yields, False
    walk.enter(name)
    body = _block(walk, tree.body)
    walk.leave()
    is_generator, walk.yields = walk.yields, outer
    return code.Define(place, name, accepted, body, decorators, docstring_of(body), is_generator)


@STATEMENTS.lowers("ClassDef")
def _class(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree, tree.body)
    place = walk.place(tree.name)
    name = tree.name.value
    decorators = tuple(expression(walk, item.decorator) for item in tree.decorators)
    bases = arguments(walk, (*tree.bases, *tree.keywords))
    outer = walk.yields
    walk.enter(name)
    body = _block(walk, tree.body)
    walk.leave()
    walk.yields = outer
    return code.ClassDefine(place, name, bases, body, decorators, docstring_of(body))


@STATEMENTS.lowers("Match")
def _match(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree, (tree.subject,))
    place = walk.place((tree, tree.subject, ":"))
    subject = expression(walk, tree.subject)
    cases = []
    for item in tree.cases:
        walk.statement(item, item.body)
        at = walk.place((item, item.body, True))
        names = tuple(dict.fromkeys(_captured(item.pattern)))
        guard = None if item.guard is None else expression(walk, item.guard)
        cases.append(code.Case(at, names, guard, _block(walk, item.body)))
    return code.Match(place, subject, tuple(cases))


def _captured(pattern: Any) -> list[str]:
    names: list[str] = []
    for child in pattern.children:
        if child.__class__.__name__.startswith("Match"):
            names.extend(_captured(child))
    for field in ("name", "rest"):
        name = getattr(pattern, field, None)
        if name is not None and name.__class__.__name__ == "Name":
            names.append(name.value)
    return names
