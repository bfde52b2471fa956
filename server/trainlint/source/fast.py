"""Lowering of the trees of Python's own parser, which reads ten times faster than libcst.

It reads only what the running version of Python reads, so everything else is left to libcst.
The code is the same as that of `lower.py`, node by node, and the places cover the same text.
"""

from __future__ import annotations

import _ast
from threading import Lock
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, simplefilter

from trainlint.source import code
from trainlint.source.fast_expressions import EXPRESSIONS, OPERATORS, Table, arguments, every, expression, parameters
from trainlint.source.walk import docstring_of

if TYPE_CHECKING:
    from trainlint.source.walk import Walk

_lock = Lock()


def parse(text: str) -> Any:
    """The module of a text that the guard lets pass, None if this Python does not read it."""
    # Filters of warnings belong to the process: what one thread restores must be what it found.
    with _lock, catch_warnings():
        simplefilter("ignore")
        try:
            return compile(text, "<unit>", "exec", _ast.PyCF_ONLY_AST, True)
        except Exception:
            # Syntax errors, NUL bytes, halves of surrogate pairs, trees that are too deep.
            return None


def _unknown(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree)
    return code.Skipped(walk.place(tree))


STATEMENTS = Table(_unknown)


def lower(walk: Walk, trees: list[Any]) -> tuple[code.Node, ...]:
    """The code of the statements; raises RecursionError where they nest too deep."""
    return tuple([STATEMENTS[tree.__class__](walk, tree) for tree in trees])


def _block(walk: Walk, trees: list[Any]) -> code.Block:
    return code.Block((code.Part(walk.unit, lower(walk, trees)),)) if trees else code.Block()


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
    return code.Assign(place, every(walk, tree.targets), value)


@STATEMENTS.lowers("AnnAssign")
def _annotated(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree)
    place = walk.place(tree)
    target = expression(walk, tree.target)
    annotation = expression(walk, tree.annotation)
    return code.Assign(place, (target,), expression(walk, tree.value), annotation)


@STATEMENTS.lowers("AugAssign")
def _augment(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree)
    place = walk.place(tree)
    target = expression(walk, tree.target)
    return code.Augment(place, target, OPERATORS[tree.op.__class__], expression(walk, tree.value))


@STATEMENTS.lowers("Return")
def _return(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree)
    place = walk.place(tree)
    return code.Return(place, expression(walk, tree.value))


@STATEMENTS.lowers("Pass", "Break", "Continue")
def _jump(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree)
    return code.Jump(walk.place(tree), tree.__class__.__name__.lower())


@STATEMENTS.lowers("Delete")
def _delete(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree)
    place = walk.place(tree)
    targets = every(walk, tree.targets)
    while len(targets) == 1 and targets[0].__class__ is code.Sequence:
        targets = targets[0].elements
    return code.Delete(place, targets)


@STATEMENTS.lowers("Raise")
def _raise(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree)
    place = walk.place(tree)
    return code.Raise(place, expression(walk, tree.exc))


@STATEMENTS.lowers("Assert")
def _assert(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree)
    place = walk.place(tree)
    return code.Assert(place, expression(walk, tree.test))


@STATEMENTS.lowers("Global", "Nonlocal")
def _scope(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree)
    return code.Scope(walk.place(tree), tree.__class__.__name__.lower(), tuple(tree.names))


@STATEMENTS.lowers("TypeAlias")
def _type_alias(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree)
    place = walk.place(tree)
    return code.Assign(place, (expression(walk, tree.name),), code.Opaque(walk.place(tree.value)))


@STATEMENTS.lowers("Import")
def _import(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree)
    return code.Import(walk.place(tree), _imported(walk, tree.names, ""))


def _imported(walk: Walk, trees: list[Any], module: str) -> tuple[code.Imported, ...]:
    result = []
    for tree in trees:
        name = tree.name
        result.append(code.Imported(walk.place(tree), name, tree.asname))
        if name != "*":
            walk.dotted.add(f"{module}.{name}" if module else name)
    return tuple(result)


@STATEMENTS.lowers("ImportFrom")
def _import_from(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree)
    place = walk.place(tree)
    module = tree.module or ""
    level = tree.level
    return code.ImportFrom(place, module, level, _imported(walk, tree.names, "." * level + module))


@STATEMENTS.lowers("If")
def _if(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree, True)
    place = walk.place(("header", tree))
    test = expression(walk, tree.test)
    body = _block(walk, tree.body)
    return code.If(place, test, body, _block(walk, tree.orelse))


@STATEMENTS.lowers("For", "AsyncFor")
def _for(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree, True)
    place = walk.place(("header", tree))
    target = expression(walk, tree.target)
    iterable = expression(walk, tree.iter)
    body = _block(walk, tree.body)
    return code.For(place, target, iterable, body, _block(walk, tree.orelse))


@STATEMENTS.lowers("While")
def _while(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree, True)
    place = walk.place(("header", tree))
    test = expression(walk, tree.test)
    body = _block(walk, tree.body)
    return code.While(place, test, body, _block(walk, tree.orelse))


@STATEMENTS.lowers("With", "AsyncWith")
def _with(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree, True)
    place = walk.place(("header", tree))
    items = []
    for index, item in enumerate(tree.items):
        at = walk.place(("item", tree, index))
        value = expression(walk, item.context_expr)
        items.append(code.WithItem(at, value, expression(walk, item.optional_vars)))
    return code.With(place, tuple(items), _block(walk, tree.body))


@STATEMENTS.lowers("Try", "TryStar")
def _try(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree, True)
    place = walk.place(("header", tree))
    body = _block(walk, tree.body)
    handlers = tuple([handler(walk, item) for item in tree.handlers])
    orelse = _block(walk, tree.orelse)
    return code.Try(place, body, handlers, orelse, _block(walk, tree.finalbody))


def handler(walk: Walk, tree: Any) -> code.Handler:
    """The code of an `except` clause."""
    walk.statement(tree, True)
    place = walk.place(("header", tree))
    caught = expression(walk, tree.type)
    return code.Handler(place, caught, tree.name, _block(walk, tree.body))


@STATEMENTS.lowers("FunctionDef", "AsyncFunctionDef")
def _define(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree, True)
    place = walk.place(("name", tree))
    name = tree.name
    decorators = every(walk, tree.decorator_list)
    accepted = parameters(walk, tree.args)
    outer, walk.yields = walk.yields, False
    walk.enter(name)
    body = _block(walk, tree.body)
    walk.leave()
    is_generator, walk.yields = walk.yields, outer
    return code.Define(place, name, accepted, body, decorators, docstring_of(body), is_generator)


@STATEMENTS.lowers("ClassDef")
def _class(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree, True)
    place = walk.place(("name", tree))
    name = tree.name
    decorators = every(walk, tree.decorator_list)
    bases = arguments(walk, tree, tree.bases)
    outer = walk.yields
    walk.enter(name)
    body = _block(walk, tree.body)
    walk.leave()
    walk.yields = outer
    return code.ClassDefine(place, name, bases, body, decorators, docstring_of(body))


@STATEMENTS.lowers("Match")
def _match(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree, True)
    place = walk.place(("header", tree))
    subject = expression(walk, tree.subject)
    cases = []
    for item in tree.cases:
        walk.statement(item, True)
        at = walk.place(("header", item))
        names = tuple(dict.fromkeys(_captured(item.pattern)))
        guard = expression(walk, item.guard)
        cases.append(code.Case(at, names, guard, _block(walk, item.body)))
    return code.Match(place, subject, tuple(cases))


def _captured(pattern: Any) -> list[str]:
    """The names that a pattern binds."""
    names: list[str] = []
    inner = getattr(pattern, "pattern", None)
    children = [] if inner is None else [inner]
    children += getattr(pattern, "patterns", ())
    children += getattr(pattern, "kwd_patterns", ())
    for child in children:
        names.extend(_captured(child))
    for field in ("name", "rest"):
        name = getattr(pattern, field, None)
        if name is not None:
            names.append(name)
    return names
