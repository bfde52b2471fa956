"""Lowering of expressions: trees of Python's own parser to code nodes, as `expressions.py` does with those of libcst.

A tuple in place of a tree names a stretch for which Python has no position; `stretches.py` finds it.
"""

from __future__ import annotations

import _ast
from typing import TYPE_CHECKING, Any

from trainlint.source import code
from trainlint.source.walk import merged

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainlint.source.walk import Walk

    Handler = Callable[[Walk, Any], Any]


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


EXPRESSIONS = Table(_opaque)

OPERATORS = {
    getattr(_ast, name): operator
    for name, operator in {
        "Add": "+", "Sub": "-", "Mult": "*", "Div": "/", "FloorDiv": "//", "Mod": "%", "Pow": "**", "MatMult": "@",
        "BitAnd": "&", "BitOr": "|", "BitXor": "^", "LShift": "<<", "RShift": ">>", "And": "and", "Or": "or",
        "Not": "not", "Invert": "~", "USub": "-", "UAdd": "+", "Lt": "<", "Gt": ">", "Eq": "==", "NotEq": "!=",
        "LtE": "<=", "GtE": ">=", "In": "in", "NotIn": "not in", "Is": "is", "IsNot": "is not",
    }.items()
}  # fmt: skip


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
    return value


@EXPRESSIONS.lowers("Call")
def _call(walk: Walk, tree: Any) -> code.Node:
    function = tree.func
    function = EXPRESSIONS[function.__class__](walk, function)
    return code.Call(walk.place(tree), function, arguments(walk, tree, tree.args))


def arguments(walk: Walk, owner: Any, positional: list[Any]) -> tuple[code.Argument, ...]:
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
        return (code.Argument(place, _generated(walk, tree, ("generator", tree, owner))),)
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
            parts.append(str(piece.value))
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
    return code.Subscript(place, value, code.Sequence(whole, "tuple", _elements(walk, index.elts)))


def every(walk: Walk, trees: list[Any]) -> tuple[Any, ...]:
    """The code of several expressions."""
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
        value = code.Operation(walk.place(link), OPERATORS[link.op.__class__], (value, right))
    return value


@EXPRESSIONS.lowers("BoolOp")
def _boolean(walk: Walk, tree: Any) -> code.Node:
    place = walk.place(tree)
    kind = tree.op.__class__
    operands = tree.values
    while operands[0].__class__ is _ast.BoolOp and operands[0].op.__class__ is kind:
        operands = [*operands[0].values, *operands[1:]]
    return code.Operation(place, OPERATORS[kind], every(walk, operands))


@EXPRESSIONS.lowers("UnaryOp")
def _unary(walk: Walk, tree: Any) -> code.Node:
    place = walk.place(tree)
    operator = OPERATORS[tree.op.__class__]
    operand = expression(walk, tree.operand)
    if operator == "-" and operand.__class__ is code.Constant:
        value = operand.value
        if isinstance(value, (int, float, complex)) and not isinstance(value, bool):
            return code.Constant(place, -value)
    return code.Operation(place, operator, (operand,))


@EXPRESSIONS.lowers("Compare")
def _comparison(walk: Walk, tree: Any) -> code.Node:
    place = walk.place(tree)
    operators = tuple([OPERATORS[operator.__class__] for operator in tree.ops])
    return code.Comparison(place, operators, every(walk, [tree.left, *tree.comparators]))


@EXPRESSIONS.lowers("IfExp")
def _conditional(walk: Walk, tree: Any) -> code.Node:
    place = walk.place(tree)
    then = expression(walk, tree.body)
    return code.Conditional(place, expression(walk, tree.test), then, expression(walk, tree.orelse))


def _elements(walk: Walk, trees: list[Any]) -> tuple[Any, ...]:
    """The code of the elements of a display; elsewhere a star is no program, and stays opaque."""
    result: list[code.Node] = []
    for tree in trees:
        if tree.__class__ is _ast.Starred:
            place = walk.place(tree)
            result.append(code.Starred(place, expression(walk, tree.value)))
        else:
            result.append(EXPRESSIONS[tree.__class__](walk, tree))
    return tuple(result)


@EXPRESSIONS.lowers("List")
def _list(walk: Walk, tree: Any) -> code.Node:
    return code.Sequence(walk.place(tree), "list", _elements(walk, tree.elts))


@EXPRESSIONS.lowers("Tuple")
def _tuple(walk: Walk, tree: Any) -> code.Node:
    return code.Sequence(walk.place(tree), "tuple", _elements(walk, tree.elts))


@EXPRESSIONS.lowers("Set")
def _set(walk: Walk, tree: Any) -> code.Node:
    return code.Sequence(walk.place(tree), "set", _elements(walk, tree.elts))


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
def _generator(walk: Walk, tree: Any) -> code.Node:
    return _generated(walk, tree, tree)


def _generated(walk: Walk, tree: Any, stretch: Any) -> code.Node:
    place = walk.place(stretch)
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
        clauses.append(code.Clause(place, target, iterable, every(walk, clause.ifs)))
    return tuple(clauses)


@EXPRESSIONS.lowers("Lambda")
def _lambda(walk: Walk, tree: Any) -> code.Node:
    place = walk.place(tree)
    accepted = parameters(walk, tree.args)
    yields = walk.yields
    body = expression(walk, tree.body)
    walk.yields = yields
    return code.Lambda(place, accepted, body)


def parameters(walk: Walk, tree: Any) -> tuple[code.Parameter, ...]:
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
