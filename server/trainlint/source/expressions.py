"""Lowering of expressions: libcst trees to code nodes.

Dispatch is by class name, so that this module does not import libcst, and whitespace is never visited.
A handler takes the walk's state and the tree; it numbers the node it makes with `state.place(tree)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from trainlint.source import code, literals
from trainlint.source.walk import merged

if TYPE_CHECKING:
    from collections.abc import Callable

    Handler = Callable[..., Any]


class State(Protocol):
    """What a handler needs of the walk."""

    dotted: set[str]
    inside: Any
    yields: bool

    def place(self, tree: Any) -> code.Place:
        """The next place; a pair of trees is the stretch from the start of the first to the end of the second,
        (statement, body, True) is the header of a compound statement, (statement, last, ":") one that ends
        with the colon behind the last tree of the header."""


class Table(dict):  # type: ignore[type-arg]
    """Handlers by libcst class, found by the class name at the first use."""

    def __init__(self) -> None:
        super().__init__()
        self.named: dict[str, Handler] = {}
        self.fallback: Handler | None = None

    def __missing__(self, kind: type) -> Handler:
        handler = self.named.get(kind.__name__, self.fallback)
        assert handler is not None
        self[kind] = handler
        return handler

    def lowers(self, *names: str) -> Callable[[Handler], Handler]:
        """A decorator that registers a handler for libcst classes."""

        def register(handler: Handler) -> Handler:
            for name in names:
                self.named[name] = handler
            return handler

        return register


EXPRESSIONS = Table()

_CONSTANTS = {"True": True, "False": False, "None": None}

OPERATORS = {
    "Add": "+", "Subtract": "-", "Multiply": "*", "Divide": "/", "FloorDivide": "//", "Modulo": "%", "Power": "**",
    "MatrixMultiply": "@", "BitAnd": "&", "BitOr": "|", "BitXor": "^", "LeftShift": "<<", "RightShift": ">>",
    "And": "and", "Or": "or", "Not": "not", "BitInvert": "~", "Minus": "-", "Plus": "+",
    "LessThan": "<", "GreaterThan": ">", "Equal": "==", "NotEqual": "!=", "LessThanEqual": "<=",
    "GreaterThanEqual": ">=", "In": "in", "NotIn": "not in", "Is": "is", "IsNot": "is not",
}  # fmt: skip


def expression(state: State, tree: Any) -> code.Node:
    """The code of an expression."""
    return EXPRESSIONS[tree.__class__](state, tree)


def _opaque(state: State, tree: Any) -> code.Node:
    return code.Opaque(state.place(tree))


EXPRESSIONS.fallback = _opaque


@EXPRESSIONS.lowers("Name")
def _name(state: State, tree: Any) -> code.Node:
    name = tree.value
    if name in _CONSTANTS:
        return code.Constant(state.place(tree), _CONSTANTS[name])
    return code.Name(state.place(tree), name)


@EXPRESSIONS.lowers("Attribute")
def _attribute(state: State, tree: Any) -> code.Node:
    chain = [tree]
    base = tree.value
    while base.__class__.__name__ == "Attribute":
        chain.append(base)
        base = base.value
    value = EXPRESSIONS[base.__class__](state, base)
    if value.__class__ is code.Name:
        chain.append(base)
        state.dotted.add(".".join([base.value, *[link.attr.value for link in chain[-2::-1]]]))
        chain.pop()
    for link in reversed(chain):
        value = code.Attribute(state.place(link), value, link.attr.value)
    return value


@EXPRESSIONS.lowers("Call")
def _call(state: State, tree: Any) -> code.Node:
    function = tree.func
    function = EXPRESSIONS[function.__class__](state, function)
    return code.Call(state.place(tree), function, arguments(state, tree.args))


def arguments(state: State, trees: Any) -> tuple[code.Argument, ...]:
    """The arguments of a call or the bases of a class."""
    result = []
    for tree in trees:
        place = state.place(tree)
        value = tree.value
        keyword = tree.keyword
        result.append(
            code.Argument(
                place,
                EXPRESSIONS[value.__class__](state, value),
                None if keyword is None else keyword.value,
                len(tree.star),
            )
        )
    return tuple(result)


@EXPRESSIONS.lowers("Integer", "Float", "Imaginary")
def _number(state: State, tree: Any) -> code.Node:
    value = literals.number(tree.value)
    return code.Opaque(state.place(tree)) if value is None else code.Constant(state.place(tree), value)


@EXPRESSIONS.lowers("SimpleString")
def _string(state: State, tree: Any) -> code.Node:
    value = literals.string(tree.value)
    return code.Opaque(state.place(tree)) if value is None else code.Constant(state.place(tree), value)


@EXPRESSIONS.lowers("FormattedString")
def _formatted(state: State, tree: Any) -> code.Node:
    place = state.place(tree)
    outer, state.inside = state.inside, tree if state.inside is None else state.inside
    parts = _pieces(state, tree)
    state.inside = outer
    return code.Formatted(place, merged(parts))


@EXPRESSIONS.lowers("ConcatenatedString")
def _concatenated(state: State, tree: Any) -> code.Node:
    place = state.place(tree)
    strings = []
    piece = tree
    while piece.__class__.__name__ == "ConcatenatedString":
        strings.append(piece.left)
        piece = piece.right
    strings.append(piece)
    kinds = {piece.__class__.__name__ for piece in strings}
    if kinds == {"SimpleString"}:
        values = [literals.string(piece.value) for piece in strings]
        if all(isinstance(value, str) for value in values):
            return code.Constant(place, "".join(values))  # type: ignore[arg-type]
        if all(isinstance(value, bytes) for value in values):
            return code.Constant(place, b"".join(values))  # type: ignore[arg-type]
        return code.Opaque(place)
    if kinds - {"SimpleString", "FormattedString"}:
        return code.Opaque(place)
    outer, state.inside = state.inside, tree if state.inside is None else state.inside
    parts: list[str | code.Node] = []
    readable = True
    for piece in strings:
        if piece.__class__.__name__ == "FormattedString":
            parts.extend(_pieces(state, piece))
            continue
        value = literals.string(piece.value)
        if isinstance(value, str):
            parts.append(value)
        else:
            readable = False
    state.inside = outer
    return code.Formatted(place, merged(parts)) if readable else code.Opaque(place)


def _pieces(state: State, tree: Any) -> list[str | code.Node]:
    raw = "r" in tree.start.lower()
    parts: list[str | code.Node] = []
    for piece in tree.parts:
        if piece.__class__.__name__ == "FormattedStringText":
            text = piece.value.replace("{{", "{").replace("}}", "}")
            parts.append(text if raw or "\\" not in text else literals.unescape(text))
        elif piece.conversion is not None or piece.format_spec is not None or piece.equal is not None:
            # What a format makes of a value is not worth a model; its text is unknown.
            if piece.equal is not None:
                parts.append(_spelled(piece))
            parts.append(code.Opaque(state.place(piece)))
        else:
            parts.append(expression(state, piece.expression))
    return parts


def _spelled(piece: Any) -> str:
    """The text in front of the value that `{value=}` makes: all up to the equals sign and the blanks behind it."""
    from libcst import Module

    return Module([]).code_for_node(piece.with_changes(conversion=None, format_spec=None))[1:-1]


@EXPRESSIONS.lowers("Ellipsis")
def _ellipsis(state: State, tree: Any) -> code.Node:
    return code.Constant(state.place(tree), ...)


@EXPRESSIONS.lowers("Subscript")
def _subscript(state: State, tree: Any) -> code.Node:
    value = expression(state, tree.value)
    place = state.place(tree)
    elements = tree.slice
    alone = len(elements) == 1 and elements[0].comma.__class__.__name__ != "Comma"
    if alone and getattr(elements[0].slice, "star", None) is None:
        return code.Subscript(place, value, _index(state, elements[0].slice))
    whole = state.place((elements[0].slice, elements[-1].slice))
    return code.Subscript(
        place, value, code.Sequence(whole, "tuple", tuple(_index(state, element.slice) for element in elements))
    )


def _index(state: State, tree: Any) -> code.Node:
    if tree.__class__.__name__ == "Index":
        if tree.star is not None:
            place = state.place(tree)
            return code.Starred(place, expression(state, tree.value))
        return expression(state, tree.value)
    place = state.place(tree)
    return code.Slice(
        place,
        None if tree.lower is None else expression(state, tree.lower),
        None if tree.upper is None else expression(state, tree.upper),
        None if tree.step is None else expression(state, tree.step),
    )


@EXPRESSIONS.lowers("BinaryOperation")
def _binary(state: State, tree: Any) -> code.Node:
    spine = [tree]
    left = tree.left
    while left.__class__.__name__ == "BinaryOperation":
        spine.append(left)
        left = left.left
    value = expression(state, left)
    for link in reversed(spine):
        right = expression(state, link.right)
        value = code.Operation(state.place(link), OPERATORS[link.operator.__class__.__name__], (value, right))
    return value


@EXPRESSIONS.lowers("BooleanOperation")
def _boolean(state: State, tree: Any) -> code.Node:
    kind = tree.operator.__class__.__name__
    rest = [tree.right]
    left = tree.left
    while left.__class__.__name__ == "BooleanOperation" and left.operator.__class__.__name__ == kind:
        rest.append(left.right)
        left = left.left
    place = state.place(tree)
    return code.Operation(
        place, OPERATORS[kind], (expression(state, left), *[expression(state, operand) for operand in reversed(rest)])
    )


@EXPRESSIONS.lowers("UnaryOperation")
def _unary(state: State, tree: Any) -> code.Node:
    operator = OPERATORS[tree.operator.__class__.__name__]
    place = state.place(tree)
    operand = expression(state, tree.expression)
    if operator == "-" and operand.__class__ is code.Constant:
        value = operand.value
        if isinstance(value, (int, float, complex)) and not isinstance(value, bool):
            return code.Constant(place, -value)
    return code.Operation(place, operator, (operand,))


@EXPRESSIONS.lowers("Comparison")
def _comparison(state: State, tree: Any) -> code.Node:
    place = state.place(tree)
    operands = [expression(state, tree.left)]
    operators = []
    for target in tree.comparisons:
        operators.append(OPERATORS[target.operator.__class__.__name__])
        operands.append(expression(state, target.comparator))
    return code.Comparison(place, tuple(operators), tuple(operands))


@EXPRESSIONS.lowers("IfExp")
def _conditional(state: State, tree: Any) -> code.Node:
    place = state.place(tree)
    then = expression(state, tree.body)
    return code.Conditional(place, expression(state, tree.test), then, expression(state, tree.orelse))


@EXPRESSIONS.lowers("Tuple", "List", "Set")
def _sequence(state: State, tree: Any) -> code.Node:
    kind = tree.__class__.__name__.lower()
    # The brackets of a tuple are parentheses to libcst and no part of its span; for a reader they are.
    place = state.place((tree.lpar[-1], tree.rpar[0]) if kind == "tuple" and tree.lpar else tree)
    elements: list[code.Node] = []
    for element in tree.elements:
        if element.__class__.__name__ == "StarredElement":
            star = state.place(element)
            elements.append(code.Starred(star, expression(state, element.value)))
        else:
            elements.append(expression(state, element.value))
    return code.Sequence(place, kind, tuple(elements))


@EXPRESSIONS.lowers("Dict")
def _dict(state: State, tree: Any) -> code.Node:
    place = state.place(tree)
    items: list[tuple[code.Node | None, code.Node]] = []
    for element in tree.elements:
        if element.__class__.__name__ == "DictElement":
            key = expression(state, element.key)
            items.append((key, expression(state, element.value)))
        else:
            items.append((None, expression(state, element.value)))
    return code.Mapping(place, tuple(items))


@EXPRESSIONS.lowers("ListComp", "SetComp", "GeneratorExp")
def _comprehension(state: State, tree: Any) -> code.Node:
    kind = {"ListComp": "list", "SetComp": "set"}.get(tree.__class__.__name__, "generator")
    place = state.place((tree.lpar[-1], tree.rpar[0]) if kind == "generator" and tree.lpar else tree)
    element = expression(state, tree.elt)
    return code.Comprehension(place, kind, element, _clauses(state, tree.for_in))


@EXPRESSIONS.lowers("DictComp")
def _dict_comprehension(state: State, tree: Any) -> code.Node:
    place = state.place(tree)
    if getattr(tree, "value", None) is None:
        return code.Opaque(place)
    key = expression(state, tree.key)
    element = expression(state, tree.value)
    return code.Comprehension(place, "dict", element, _clauses(state, tree.for_in), key)


def _clauses(state: State, tree: Any) -> tuple[code.Clause, ...]:
    clauses = []
    while tree is not None:
        place = state.place(tree)
        target = expression(state, tree.target)
        iterable = expression(state, tree.iter)
        clauses.append(code.Clause(place, target, iterable, tuple(expression(state, item.test) for item in tree.ifs)))
        tree = tree.inner_for_in
    return tuple(clauses)


@EXPRESSIONS.lowers("Lambda")
def _lambda(state: State, tree: Any) -> code.Node:
    place = state.place(tree)
    accepted = parameters(state, tree.params)
    yields = state.yields
    body = expression(state, tree.body)
    state.yields = yields
    return code.Lambda(place, accepted, body)


def parameters(state: State, tree: Any) -> tuple[code.Parameter, ...]:
    """The parameters of a function or a lambda, in the order of the header."""
    result = [_parameter(state, item, "positional-only") for item in tree.posonly_params]
    result.extend(_parameter(state, item, "normal") for item in tree.params)
    if tree.star_arg.__class__.__name__ == "Param":
        result.append(_parameter(state, tree.star_arg, "star"))
    result.extend(_parameter(state, item, "keyword-only") for item in tree.kwonly_params)
    if tree.star_kwarg is not None:
        result.append(_parameter(state, tree.star_kwarg, "double-star"))
    return tuple(result)


def _parameter(state: State, tree: Any, kind: str) -> code.Parameter:
    place = state.place(tree)
    annotation = tree.annotation
    return code.Parameter(
        place,
        tree.name.value,
        None if tree.default is None else expression(state, tree.default),
        kind,
        None if annotation is None else expression(state, annotation.annotation),
    )


@EXPRESSIONS.lowers("NamedExpr")
def _binding(state: State, tree: Any) -> code.Node:
    place = state.place(tree)
    target = code.Name(state.place(tree.target), tree.target.value)
    return code.Binding(place, target, expression(state, tree.value))


@EXPRESSIONS.lowers("Yield")
def _yield(state: State, tree: Any) -> code.Node:
    state.yields = True
    place = state.place(tree)
    value = tree.value
    if value is None:
        return code.Yield(place)
    if value.__class__.__name__ == "From":
        return code.Yield(place, expression(state, value.item), True)
    return code.Yield(place, expression(state, value))


@EXPRESSIONS.lowers("Await")
def _await(state: State, tree: Any) -> code.Node:
    place = state.place(tree)
    return code.Await(place, expression(state, tree.expression))
