"""Lowering of the trees of Python's own parser, which reads ten times faster than libcst.

It reads only what the running version of Python reads, so everything else is left to libcst.
The code is the same as that of `lower.py`, node by node, and the places cover the same text.
A tuple in place of a tree names a stretch for which Python has no position; `stretches.py` finds it.
"""

from __future__ import annotations

import _ast
from threading import Lock
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, simplefilter

from trainlint.source import code
from trainlint.source.walk import docstring_of, merged

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainlint.source.walk import Walk

    Handler = Callable[[Walk, Any], Any]

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


class Table(dict):  # type: ignore[type-arg]
    """Handlers by the class of a tree; classes that this Python lacks are left out."""

    def __init__(self, fallback: Handler) -> None:
        super().__init__()
        self.fallback = fallback

    def __missing__(self, kind: type) -> Handler:
        self[kind] = self.fallback
        return self.fallback

    def lowers(self, *names: str) -> Callable[[Handler], Handler]:
        """A decorator that registers a handler for classes of trees."""

        def register(handler: Handler) -> Handler:
            for name in names:
                if hasattr(_ast, name):
                    self[getattr(_ast, name)] = handler
            return handler

        return register


def _opaque(walk: Walk, tree: Any) -> code.Node:
    return code.Opaque(walk.place(tree))


def _unknown(walk: Walk, tree: Any) -> code.Node:
    walk.statement(tree)
    return code.Skipped(walk.place(tree))


EXPRESSIONS = Table(_opaque)
STATEMENTS = Table(_unknown)

_OPERATORS = {
    getattr(_ast, name): operator
    for name, operator in {
        "Add": "+", "Sub": "-", "Mult": "*", "Div": "/", "FloorDiv": "//", "Mod": "%", "Pow": "**", "MatMult": "@",
        "BitAnd": "&", "BitOr": "|", "BitXor": "^", "LShift": "<<", "RShift": ">>", "And": "and", "Or": "or",
        "Not": "not", "Invert": "~", "USub": "-", "UAdd": "+", "Lt": "<", "Gt": ">", "Eq": "==", "NotEq": "!=",
        "LtE": "<=", "GtE": ">=", "In": "in", "NotIn": "not in", "Is": "is", "IsNot": "is not",
    }.items()
}  # fmt: skip

# Expressions ---------------------------------------------------------------------------------------------------------


def expression(walk: Walk, tree: Any) -> Any:
    """The code of an expression; None for None."""
    return None if tree is None else EXPRESSIONS[tree.__class__](walk, tree)


@EXPRESSIONS.lowers("Name")
def _name(walk: Walk, tree: Any) -> code.Node:
    return code.Name(walk.place(tree), tree.id)


@EXPRESSIONS.lowers("Constant")
def _constant(walk: Walk, tree: Any) -> code.Node:
    return code.Constant(walk.place(tree), tree.value)


@EXPRESSIONS.lowers("Attribute")
def _attribute(walk: Walk, tree: Any) -> code.Node:
    chain = [tree]
    base = tree.value
    while base.__class__ is _ast.Attribute:
        chain.append(base)
        base = base.value
    value = EXPRESSIONS[base.__class__](walk, base)
    if base.__class__ is _ast.Name:
        walk.dotted.add(".".join([base.id, *[link.attr for link in chain[::-1]]]))
    for link in reversed(chain):
        value = code.Attribute(walk.place(link), value, link.attr)
    return value  # type: ignore[no-any-return]


@EXPRESSIONS.lowers("Call")
def _call(walk: Walk, tree: Any) -> code.Node:
    function = tree.func
    function = EXPRESSIONS[function.__class__](walk, function)
    return code.Call(walk.place(tree), function, _arguments(walk, tree, tree.args))


def _arguments(walk: Walk, owner: Any, positional: list[Any]) -> tuple[code.Argument, ...]:
    """The arguments of a call or the bases of a class, in the order of the text."""
    trees = positional
    keywords = owner.keywords
    if keywords:
        trees = [*positional, *keywords]
        if positional and _position(positional[-1]) > _position(keywords[0]):
            trees.sort(key=_position)
    elif len(positional) == 1 and positional[0].__class__ is _ast.GeneratorExp:
        tree = positional[0]
        place = walk.place(("argument", tree, None, owner))
        return (code.Argument(place, _generator(walk, tree, ("generator", tree, owner))),)
    result = []
    previous = None
    for tree in trees:
        kind = tree.__class__
        if kind is _ast.keyword:
            place = walk.place(tree)
            value = tree.value
            argument = code.Argument(
                place, EXPRESSIONS[value.__class__](walk, value), tree.arg, 2 if tree.arg is None else 0
            )
        elif kind is _ast.Starred:
            place = walk.place(tree)
            argument = code.Argument(place, expression(walk, tree.value), None, 1)
        else:
            place = walk.place(("argument", tree, previous, owner))
            argument = code.Argument(place, EXPRESSIONS[kind](walk, tree))
        result.append(argument)
        previous = tree
    return tuple(result)


def _position(tree: Any) -> tuple[int, int]:
    return tree.lineno, tree.col_offset


@EXPRESSIONS.lowers("JoinedStr")
def _formatted(walk: Walk, tree: Any) -> code.Node:
    place = walk.place(tree)
    outer = walk.inside
    if outer is None:
        walk.inside = tree
    parts: list[str | code.Node] = []
    for piece in tree.values:
        if piece.__class__ is _ast.Constant:
            parts.append(piece.value)
        elif piece.conversion != -1 or piece.format_spec is not None:
            # What a format makes of a value is not worth a model; its text is unknown.
            parts.append(code.Opaque(walk.place(piece)))
        else:
            parts.append(expression(walk, piece.value))
    walk.inside = outer
    return code.Formatted(place, merged(parts))


@EXPRESSIONS.lowers("Subscript")
def _subscript(walk: Walk, tree: Any) -> code.Node:
    value = expression(walk, tree.value)
    place = walk.place(tree)
    index = tree.slice
    if index.__class__ is not _ast.Tuple:
        return code.Subscript(place, value, EXPRESSIONS[index.__class__](walk, index))
    whole = walk.place(("indices", index))
    return code.Subscript(place, value, code.Sequence(whole, "tuple", _all(walk, index.elts)))


def _all(walk: Walk, trees: list[Any]) -> tuple[Any, ...]:
    return tuple([EXPRESSIONS[tree.__class__](walk, tree) for tree in trees])


@EXPRESSIONS.lowers("Slice")
def _slice(walk: Walk, tree: Any) -> code.Node:
    place = walk.place(tree)
    lower, upper, step = expression(walk, tree.lower), expression(walk, tree.upper), expression(walk, tree.step)
    return code.Slice(place, lower, upper, step)


@EXPRESSIONS.lowers("BinOp")
def _binary(walk: Walk, tree: Any) -> code.Node:
    spine = [tree]
    left = tree.left
    while left.__class__ is _ast.BinOp:
        spine.append(left)
        left = left.left
    value = expression(walk, left)
    for link in reversed(spine):
        right = expression(walk, link.right)
        value = code.Operation(walk.place(link), _OPERATORS[link.op.__class__], (value, right))
    return value  # type: ignore[no-any-return]


@EXPRESSIONS.lowers("BoolOp")
def _boolean(walk: Walk, tree: Any) -> code.Node:
    place = walk.place(tree)
    kind = tree.op.__class__
    operands = tree.values
    while operands[0].__class__ is _ast.BoolOp and operands[0].op.__class__ is kind:
        operands = [*operands[0].values, *operands[1:]]
    return code.Operation(place, _OPERATORS[kind], _all(walk, operands))


@EXPRESSIONS.lowers("UnaryOp")
def _unary(walk: Walk, tree: Any) -> code.Node:
    place = walk.place(tree)
    operator = _OPERATORS[tree.op.__class__]
    operand = expression(walk, tree.operand)
    if operator == "-" and operand.__class__ is code.Constant:
        value = operand.value
        if isinstance(value, (int, float, complex)) and not isinstance(value, bool):
            return code.Constant(place, -value)
    return code.Operation(place, operator, (operand,))


@EXPRESSIONS.lowers("Compare")
def _comparison(walk: Walk, tree: Any) -> code.Node:
    place = walk.place(tree)
    operators = tuple([_OPERATORS[operator.__class__] for operator in tree.ops])
    return code.Comparison(place, operators, _all(walk, [tree.left, *tree.comparators]))


@EXPRESSIONS.lowers("IfExp")
def _conditional(walk: Walk, tree: Any) -> code.Node:
    place = walk.place(tree)
    then = expression(walk, tree.body)
    return code.Conditional(place, expression(walk, tree.test), then, expression(walk, tree.orelse))


@EXPRESSIONS.lowers("List")
def _list(walk: Walk, tree: Any) -> code.Node:
    return code.Sequence(walk.place(tree), "list", _all(walk, tree.elts))


@EXPRESSIONS.lowers("Tuple")
def _tuple(walk: Walk, tree: Any) -> code.Node:
    return code.Sequence(walk.place(tree), "tuple", _all(walk, tree.elts))


@EXPRESSIONS.lowers("Set")
def _set(walk: Walk, tree: Any) -> code.Node:
    return code.Sequence(walk.place(tree), "set", _all(walk, tree.elts))


@EXPRESSIONS.lowers("Starred")
def _starred(walk: Walk, tree: Any) -> code.Node:
    place = walk.place(tree)
    return code.Starred(place, expression(walk, tree.value))


@EXPRESSIONS.lowers("Dict")
def _dict(walk: Walk, tree: Any) -> code.Node:
    place = walk.place(tree)
    items = [(expression(walk, key), expression(walk, value)) for key, value in zip(tree.keys, tree.values)]
    return code.Mapping(place, tuple(items))


@EXPRESSIONS.lowers("ListComp")
def _list_comprehension(walk: Walk, tree: Any) -> code.Node:
    place = walk.place(tree)
    return code.Comprehension(place, "list", expression(walk, tree.elt), _clauses(walk, tree))


@EXPRESSIONS.lowers("SetComp")
def _set_comprehension(walk: Walk, tree: Any) -> code.Node:
    place = walk.place(tree)
    return code.Comprehension(place, "set", expression(walk, tree.elt), _clauses(walk, tree))


@EXPRESSIONS.lowers("GeneratorExp")
def _generator(walk: Walk, tree: Any, stretch: Any = None) -> code.Node:
    place = walk.place(tree if stretch is None else stretch)
    return code.Comprehension(place, "generator", expression(walk, tree.elt), _clauses(walk, tree))


@EXPRESSIONS.lowers("DictComp")
def _dict_comprehension(walk: Walk, tree: Any) -> code.Node:
    place = walk.place(tree)
    if tree.value is None:
        return code.Opaque(place)
    key = expression(walk, tree.key)
    return code.Comprehension(place, "dict", expression(walk, tree.value), _clauses(walk, tree), key)


def _clauses(walk: Walk, tree: Any) -> tuple[code.Clause, ...]:
    clauses = []
    for index, clause in enumerate(tree.generators):
        place = walk.place(("clause", tree, index))
        target = expression(walk, clause.target)
        iterable = expression(walk, clause.iter)
        clauses.append(code.Clause(place, target, iterable, _all(walk, clause.ifs)))
    return tuple(clauses)


@EXPRESSIONS.lowers("Lambda")
def _lambda(walk: Walk, tree: Any) -> code.Node:
    place = walk.place(tree)
    accepted = _parameters(walk, tree.args)
    yields = walk.yields
    body = expression(walk, tree.body)
    walk.yields = yields
    return code.Lambda(place, accepted, body)


def _parameters(walk: Walk, tree: Any) -> tuple[code.Parameter, ...]:
    """The parameters of a function or a lambda, in the order of the header."""
    result = []
    first = len(tree.posonlyargs)
    plain = [*tree.posonlyargs, *tree.args]
    without = len(plain) - len(tree.defaults)
    for index, item in enumerate(plain):
        default = tree.defaults[index - without] if index >= without else None
        result.append(_parameter(walk, item, default, "positional-only" if index < first else "normal", 0))
    if tree.vararg is not None:
        result.append(_parameter(walk, tree.vararg, None, "star", 1))
    for item, default in zip(tree.kwonlyargs, tree.kw_defaults):
        result.append(_parameter(walk, item, default, "keyword-only", 0))
    if tree.kwarg is not None:
        result.append(_parameter(walk, tree.kwarg, None, "double-star", 2))
    return tuple(result)


def _parameter(walk: Walk, tree: Any, default: Any, kind: str, stars: int) -> code.Parameter:
    place = walk.place(("parameter", tree, stars))
    value = expression(walk, default)
    return code.Parameter(place, tree.arg, value, kind, expression(walk, tree.annotation))


@EXPRESSIONS.lowers("NamedExpr")
def _binding(walk: Walk, tree: Any) -> code.Node:
    place = walk.place(tree)
    target = expression(walk, tree.target)
    return code.Binding(place, target, expression(walk, tree.value))


@EXPRESSIONS.lowers("Yield", "YieldFrom")
def _yield(walk: Walk, tree: Any) -> code.Node:
    walk.yields = True
    place = walk.place(tree)
    return code.Yield(place, expression(walk, tree.value), tree.__class__ is _ast.YieldFrom)


@EXPRESSIONS.lowers("Await")
def _await(walk: Walk, tree: Any) -> code.Node:
    place = walk.place(tree)
    return code.Await(place, expression(walk, tree.value))


# Statements ----------------------------------------------------------------------------------------------------------


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
    return code.Assign(place, _all(walk, tree.targets), value)


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
    return code.Augment(place, target, _OPERATORS[tree.op.__class__], expression(walk, tree.value))


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
    targets = _all(walk, tree.targets)
    if len(targets) == 1 and targets[0].__class__ is code.Sequence:
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
    decorators = _all(walk, tree.decorator_list)
    accepted = _parameters(walk, tree.args)
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
    decorators = _all(walk, tree.decorator_list)
    bases = _arguments(walk, tree, tree.bases)
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
