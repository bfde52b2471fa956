"""Evaluating expressions of lowered code."""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

from trainlint import tfapi
from trainlint.interpret import arithmetic, builtins, calls, modules, subscripts
from trainlint.interpret.joins import as_number, choose, join
from trainlint.interpret.machine import MISSING, unknown
from trainlint.interpret.truth import truth
from trainlint.program.dims import combine
from trainlint.program.values import (
    ARRAY_TYPE,
    NONE,
    UNKNOWN,
    Api,
    ApiObject,
    Argument,
    Choice,
    Condition,
    Const,
    Deferred,
    DictRecord,
    Dimension,
    Frame,
    Function,
    ListRecord,
    Ref,
    SliceValue,
    Tensor,
    Tuple,
    Unknown,
    Value,
)  # fmt: skip
from trainlint.source import code

if TYPE_CHECKING:
    from trainlint.interpret.machine import Machine

MAX_TEXT = 10_000
"""A constant string that grows beyond this is not computed."""


_OPEN = (Choice, Deferred)


def evaluate(machine: Machine, node: code.Node) -> Value:
    """The value of an expression; open choices are decided."""
    machine.fuel -= 1
    if machine.fuel < 0:
        machine.burn()
    handler = _EVALUATE.get(type(node))
    if handler is None:
        return UNKNOWN
    value = handler(machine, node)
    return machine.resolve(value) if type(value) in _OPEN else value


def evaluate_lazily(machine: Machine, node: code.Node) -> Value:
    """The value of an expression, where a name may stay an open choice."""
    if type(node) is code.Name:
        machine.fuel -= 1
        return lookup(machine, node.id, node.place)
    return evaluate(machine, node)


def lookup(machine: Machine, name: str, place: code.Place | None = None) -> Value:
    """The value of a name: local, enclosing, module, builtin; unknown with the name as its origin otherwise."""
    frame: Frame | None = machine.frame
    read = machine.read
    starred: Any = MISSING
    while frame is not None:
        value = read((frame, name))
        if value is not MISSING:
            return value
        if frame.lexical is None:
            starred = read((frame, modules.STAR))
            if starred is not MISSING:
                found = modules.star_lookup(machine, starred, name)
                if found is not None:
                    return found
        frame = frame.lexical
        while frame is not None and frame.name.startswith("class "):
            frame = frame.lexical
    found = builtins.constant(name)
    if found is None:
        # Many libraries have a `Model` and a `Dense` of their own; `np` and `tf` are the same everywhere.
        is_general = starred is MISSING or not name[:1].isupper()
        found = conventional(machine, name) if is_general or not modules.brings_others(machine, starred) else None
    if found is not None:
        return found
    return unknown(f"`{name}` is not defined in the code", place, ("name", name))


def conventional(machine: Machine, name: str) -> Value | None:
    """What a name that nothing defines stands for by general custom, if it does."""
    path = tfapi.customary(name)
    symbol = None if path is None else tfapi.resolve(path, machine.generation)
    if path is None or symbol is None:
        return None
    return Api(symbol=symbol, assumed=(f"`{name}` is {path}" if "." not in path else f"`{name}` is that of Keras",))


def derive(kind: str, *parts: Hashable) -> Hashable:
    """The origin of a value computed from unknown ones, None when it would grow without bound."""
    if any(p is None for p in parts):
        return None
    origin = (kind, *parts)
    return origin if _size(origin) <= 12 else None


def _size(origin: Hashable) -> int:
    return sum(map(_size, origin)) if isinstance(origin, tuple) else 1


def origin_of(value: Value) -> Hashable:
    """What identifies a value inside an origin; None when it is not identifiable."""
    if isinstance(value, Unknown):
        return value.origin
    if isinstance(value, Const):
        return ("const", type(value.value).__name__, value.value)
    if isinstance(value, Dimension) and not value.dim.varying:
        return value.dim.key
    return None


def _constant(machine: Machine, node: code.Constant) -> Value:
    return Const(value=node.value)


def _name(machine: Machine, node: code.Name) -> Value:
    return lookup(machine, node.id, node.place)


def _attribute(machine: Machine, node: code.Attribute) -> Value:
    return calls.attribute(machine, evaluate(machine, node.value), node.name, node.place)


def _subscript(machine: Machine, node: code.Subscript) -> Value:
    value = evaluate(machine, node.value)
    index = evaluate(machine, node.index)
    return subscripts.get_item(machine, value, index, node.place)


def _slice(machine: Machine, node: code.Slice) -> Value:
    parts = [NONE if part is None else evaluate(machine, part) for part in (node.lower, node.upper, node.step)]
    return SliceValue(lower=parts[0], upper=parts[1], step=parts[2])


def _sequence(machine: Machine, node: code.Sequence) -> Value:
    items: list[Value] = []
    known = True
    for element in node.elements:
        if isinstance(element, code.Starred):
            values = builtins.items_of(machine, evaluate(machine, element.value))
            if values is None:
                known = False
            else:
                items.extend(values)
        else:
            items.append(evaluate_lazily(machine, element))
    if node.kind == "tuple":
        return Tuple(items=tuple(items)) if known else UNKNOWN
    if not known:
        return machine.new(node.place, ListRecord(items=None, element=UNKNOWN, kind=node.kind), "list")
    return machine.new(node.place, ListRecord(items=tuple(items), kind=node.kind), "list")


def _mapping(machine: Machine, node: code.Mapping) -> Value:
    items: dict[Value, Value] = {}
    places: dict[Value, code.Place] = {}
    is_open = False
    for key_node, value_node in node.items:
        value = evaluate_lazily(machine, value_node)
        if key_node is None:
            record = machine.get(machine.resolve(value))
            if not isinstance(record, DictRecord) or record.open:
                # It may have another value for each of the keys.
                is_open, items, places = True, dict.fromkeys(items, UNKNOWN), {}
            if isinstance(record, DictRecord):
                items.update(record.items)
                places.update(record.places)
            continue
        key = builtins.key_of(evaluate(machine, key_node))
        items[key] = value
        places[key] = value_node.place
    return machine.new(node.place, DictRecord(items=tuple(items.items()), open=is_open, places=places), "dict")


_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
    "%": operator.mod, "**": operator.pow, "&": operator.and_, "|": operator.or_, "^": operator.xor,
    "<<": operator.lshift, ">>": operator.rshift,
}  # fmt: skip
_UNARY: dict[str, Callable[[Any], Any]] = {"-": operator.neg, "+": operator.pos, "~": operator.invert}
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


def _operation(machine: Machine, node: code.Operation) -> Value:
    if node.operator in ("and", "or"):
        return _logical(machine, node)
    values = [evaluate(machine, operand) for operand in node.operands]
    if len(values) == 1:
        return unary(machine, node.operator, values[0], node.place)
    result = values[0]
    for value in values[1:]:
        result = binary(machine, node.operator, result, value, node.place, node.operands)
    return result


def _operands(nodes: tuple[code.Node, ...], left: Value, right: Value) -> dict[str, Argument]:
    """The two operands of an operator as arguments, under the names that the functions give them."""
    if len(nodes) != 2:
        return {}
    x, y = nodes
    return {
        "x": Argument(value=left, place=x.place, spelled=name_of(x)),
        "y": Argument(value=right, place=y.place, spelled=name_of(y)),
    }


def _logical(machine: Machine, node: code.Operation) -> Value:
    stops_at = node.operator == "or"
    value: Value = UNKNOWN
    for operand in node.operands:
        value = evaluate(machine, operand)
        test = truth(machine, value)
        if test is stops_at:
            return value
        if not isinstance(test, bool):
            rest = node.operands[node.operands.index(operand) + 1 :]
            if not rest:
                return value
            parts = [evaluate(machine, other) for other in rest]
            origins = [origin_of(value), *map(origin_of, parts)]
            if any(truth(machine, other) is stops_at for other in parts):
                return Const(value=stops_at)
            return Unknown(origin=derive(node.operator, *origins))
    return value


def unary(machine: Machine, sign: str, value: Value, place: code.Place) -> Value:
    if sign == "not":
        test = truth(machine, value)
        if isinstance(test, bool):
            return Const(value=not test, assumed=value.assumed)
        return Unknown(origin=derive("not", origin_of(value))) if isinstance(value, Unknown) else UNKNOWN
    if isinstance(value, Const):
        try:
            result = _UNARY[sign](value.value)
        except (TypeError, KeyError):
            return UNKNOWN
        return Const(value=result, assumed=value.assumed)
    if isinstance(value, Tensor):
        if sign == "-":
            return calls.tensor_unary(machine, "negative", value, place)
        if sign == "~":
            return calls.tensor_unary(machine, "logical", value, place)
        return value
    return Unknown(origin=derive(sign, origin_of(value)))


def binary(
    machine: Machine, sign: str, left: Value, right: Value, place: code.Place, nodes: tuple[code.Node, ...] = ()
) -> Value:
    """`left sign right` for Python numbers, strings, sequences, dimensions, arrays and tensors."""
    if isinstance(left, Const) and isinstance(right, Const):
        return _compute(sign, left, right)
    if isinstance(left, Tuple) and isinstance(right, Tuple) and sign == "+":
        return Tuple(items=left.items + right.items)
    if sign == "*" and (isinstance(left, Tuple) or isinstance(right, Tuple)):
        sequence: Any
        sequence, times = (left, right) if isinstance(left, Tuple) else (right, left)
        if isinstance(times, Const) and isinstance(times.value, int) and 0 <= times.value <= 256:
            return Tuple(items=sequence.items * times.value)
        return UNKNOWN
    a, b = machine.get(left), machine.get(right)
    if isinstance(a, ListRecord) or isinstance(b, ListRecord):
        result = builtins.list_arithmetic(machine, sign, left, right, place)
        if result is not None:
            return result
    if type(a) is ApiObject or type(b) is ApiObject:
        known = calls.object_binary(machine, sign, left, right, place)
        if known is not None:
            return known
    if isinstance(left, Tensor) or isinstance(right, Tensor):
        return calls.tensor_binary(machine, sign, left, right, place, _operands(nodes, left, right))
    if isinstance(left, (Dimension, Const)) and isinstance(right, (Dimension, Const)):
        dim = combine(sign, _dim(left), _dim(right)) if sign in ("+", "-", "*", "//", "%") else None
        if dim is not None:
            return Const(value=dim) if isinstance(dim, int) else Dimension(dim=dim)
        x, y = as_number(left), as_number(right)
        if x is not None and y is not None and sign in arithmetic.KIND_OF_OPERATOR:
            return arithmetic.binary(arithmetic.KIND_OF_OPERATOR[sign], x, y)
    if sign in "+*" and repr(origin_of(left)) > repr(origin_of(right)):
        left, right = right, left
    return Unknown(
        origin=derive(sign, origin_of(left), origin_of(right)),
        reason=getattr(left, "reason", "") or getattr(right, "reason", ""),
        assumed=_assumed(left, right),
    )


def _assumed(*values: Value) -> tuple[str, ...]:
    if not any(value.assumed for value in values):
        return ()
    return tuple(dict.fromkeys(text for value in values for text in value.assumed))


def _dim(value: Value) -> Any:
    if isinstance(value, Dimension):
        return value.dim
    number = value.value  # type: ignore[attr-defined]
    return number if isinstance(number, int) else None


def _compute(sign: str, left: Const, right: Const) -> Value:
    a, b = left.value, right.value
    if sign == "**" and isinstance(b, (int, float)) and abs(b) > 64:
        return UNKNOWN
    if (
        sign == "*"
        and (isinstance(a, (str, bytes)) or isinstance(b, (str, bytes)))
        and isinstance(a, int) | isinstance(b, int)
    ):
        if (a if isinstance(a, int) else b) > MAX_TEXT:
            return UNKNOWN
    if sign in ("<<",) and isinstance(b, int) and b > 64:
        return UNKNOWN
    if sign == "%" and isinstance(a, (str, bytes)):
        return _format(a, (b,), left, right)
    try:
        result = _BINARY[sign](a, b)
    except Exception:
        return UNKNOWN
    if (isinstance(result, int) and result.bit_length() > 256) or (isinstance(result, str) and len(result) > MAX_TEXT):
        return UNKNOWN
    return Const(value=result, assumed=_assumed(left, right))


def _format(text: Any, arguments: tuple[Any, ...], *sources: Value) -> Value:
    try:
        return Const(value=text % arguments, assumed=_assumed(*sources))
    except Exception:
        return UNKNOWN


def _comparison(machine: Machine, node: code.Comparison) -> Value:
    values = [evaluate(machine, operand) for operand in node.operands]
    results = [
        compare(machine, sign, values[i], values[i + 1], node.place, node.operands[i : i + 2])
        for i, sign in enumerate(node.operators)
    ]
    if len(results) == 1:
        return results[0]
    tests = [truth(machine, value) for value in results]
    if any(test is False for test in tests):
        return Const(value=False)
    if all(test is True for test in tests):
        return Const(value=True)
    return Unknown(origin=derive("and", *map(origin_of, results)))


def compare(
    machine: Machine, sign: str, left: Value, right: Value, place: code.Place, nodes: tuple[code.Node, ...] = ()
) -> Value:
    """The result of one comparison."""
    if (type(left) is Ref or type(right) is Ref) and sign in _COMPARE:
        known = calls.object_binary(machine, sign, left, right, place)
        if known is not None:
            return known
    if sign in ("is", "is not", "==", "!="):
        equal = _same(left, right, identity=sign.startswith("is"))
        if equal is not None:
            return Const(value=equal is (sign in ("is", "==")), assumed=_assumed(left, right))
    if sign in ("in", "not in"):
        contained = _contains(machine, right, left)
        if contained is not None:
            return Const(value=contained is (sign == "in"), assumed=left.assumed)
        origin = derive("in", origin_of(left), origin_of(right))
        return Unknown(origin=derive("not", origin) if sign == "not in" else origin)
    if isinstance(left, Const) and isinstance(right, Const) and sign in _COMPARE:
        try:
            return Const(value=bool(_COMPARE[sign](left.value, right.value)), assumed=_assumed(left, right))
        except TypeError:
            return UNKNOWN
    if isinstance(left, Tuple) and isinstance(right, Tuple) and sign in ("==", "!="):
        pairs = [_same(a, b) for a, b in zip(left.items, right.items)]
        if len(left.items) != len(right.items) or False in pairs:
            return Const(value=sign == "!=")
        return Const(value=sign == "==") if None not in pairs else UNKNOWN
    if sign in _COMPARE:
        a, b = as_number(left), as_number(right)
        if a is not None and b is not None and a.shape == () and b.shape == ():
            certain = _ordered(sign, a, b)
            if certain is not None and "tf" not in (a.library, b.library):
                return Const(value=certain, assumed=_assumed(left, right))
        if isinstance(left, Tensor) or isinstance(right, Tensor):
            return calls.tensor_binary(machine, sign, left, right, place, _operands(nodes, left, right))
    if sign in ("!=", "is not"):
        flipped = "==" if sign == "!=" else "is"
        return Unknown(origin=derive("not", derive(flipped, origin_of(left), origin_of(right))))
    return Unknown(origin=derive(sign, origin_of(left), origin_of(right)))


def _contains(machine: Machine, container: Value, item: Value) -> bool | None:
    """Whether `item in container`, when that is decidable: constants, and types."""
    if not isinstance(item, Api) and not (isinstance(item, Unknown) and item.origin == ARRAY_TYPE):
        return builtins.contains(machine, container, item)
    answers = [_same(item, machine.resolve(other)) for other in builtins.items_of(machine, container) or (UNKNOWN,)]
    return True if True in answers else None if None in answers else False


def _same(left: Value, right: Value, identity: bool = False) -> bool | None:
    if isinstance(left, Const) and isinstance(right, Const):
        if identity and left.value is not None and right.value is not None and not isinstance(left.value, bool):
            return left.value == right.value
        return bool(left.value == right.value)
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return False if _is_array_type(left, right) or _is_array_type(right, left) else None
    none_left = isinstance(left, Const) and left.value is None
    none_right = isinstance(right, Const) and right.value is None
    if none_left or none_right:
        return False
    if isinstance(left, Api) and isinstance(right, Api):
        return left.symbol.name == right.symbol.name
    if isinstance(left, Const) != isinstance(right, Const) and not isinstance(left, (Tensor, Dimension)):
        return None if isinstance(right, (Tensor, Dimension)) else False
    if isinstance(left, Ref) and isinstance(right, Ref) and left.id is right.id:
        return True
    if isinstance(left, Function) and isinstance(right, Function):
        return left == right
    return None


def _is_array_type(left: Value, right: Value) -> bool:
    """Whether the type of an array is compared with one of Python's own."""
    is_own = isinstance(right, Api) and right.symbol.name.startswith("builtins.")
    return is_own and isinstance(left, Unknown) and left.origin == ARRAY_TYPE


def _ordered(sign: str, a: Tensor, b: Tensor) -> bool | None:
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return None
    if sign in ("<", "<="):
        if a.high < b.low or (sign == "<=" and a.high <= b.low):
            return True
        return False if a.low > b.high or (sign == "<" and a.low >= b.high) else None
    if sign in (">", ">="):
        return _ordered("<" if sign == ">" else "<=", b, a)
    disjoint = a.high < b.low or b.high < a.low
    if disjoint:
        return sign == "!="
    return None


def _conditional(machine: Machine, node: code.Conditional) -> Value:
    test = truth(machine, evaluate(machine, node.test), _text(node.test))
    if isinstance(test, Condition) and machine.read(("decision", test.key)) is not MISSING:
        test = machine.decide(test)
    if isinstance(test, bool):
        return evaluate(machine, node.then if test else node.otherwise)
    if not isinstance(test, Condition):
        return join(evaluate(machine, node.then), evaluate(machine, node.otherwise))
    under = machine.conditions
    with machine.within(conditions=(*under, (test.key, not test.negated))):
        then = evaluate(machine, node.then)
    with machine.within(conditions=(*under, (test.key, test.negated))):
        otherwise = evaluate(machine, node.otherwise)
    return choose(test, then, otherwise)


def _text(node: code.Node) -> str:
    """How a test reads in a message; good enough for names, attributes and comparisons."""
    if isinstance(node, code.Name):
        return node.id
    if isinstance(node, code.Attribute):
        return f"{_text(node.value)}.{node.name}"
    if isinstance(node, code.Constant):
        return repr(node.value)
    if isinstance(node, code.Comparison) and len(node.operands) == 2:
        return f"{_text(node.operands[0])} {node.operators[0]} {_text(node.operands[1])}"
    if isinstance(node, code.Operation) and len(node.operands) == 1:
        return f"{node.operator} {_text(node.operands[0])}"
    if isinstance(node, code.Call):
        return f"{_text(node.function)}(...)"
    if isinstance(node, code.Subscript):
        return f"{_text(node.value)}[{_text(node.index)}]"
    return "..."


def text_of(node: code.Node) -> str:
    """A test as it reads in a message."""
    return _text(node)


def name_of(node: code.Node) -> str | None:
    """An expression as it was written if it is a name, an attribute, an item by key, or 1 minus one of these."""
    if type(node) is code.Name:
        return node.id
    if isinstance(node, code.Attribute):
        inner = name_of(node.value)
        return None if inner is None else f"{inner}.{node.name}"
    if isinstance(node, code.Subscript) and isinstance(node.index, code.Constant) and isinstance(node.index.value, str):
        inner = name_of(node.value)
        return None if inner is None else f"{inner}[{node.index.value!r}]"
    if isinstance(node, code.Operation) and node.operator == "-" and len(node.operands) == 2:
        one, other = node.operands
        if isinstance(one, code.Constant) and one.value == 1:
            inner = name_of(other)
            return None if inner is None else f"1 - {inner}"
    return None


def _lambda(machine: Machine, node: code.Lambda) -> Value:
    defaults = tuple((p.name, evaluate(machine, p.default)) for p in node.parameters if p.default is not None)
    return Function(define=node, frame=machine.frame, defaults=defaults)


def _formatted(machine: Machine, node: code.Formatted) -> Value:
    pieces = []
    for part in node.parts:
        if isinstance(part, str):
            pieces.append(part)
            continue
        value = evaluate(machine, part)
        pieces.append(str(value.value) if isinstance(value, Const) else None)  # type: ignore[arg-type]
    return UNKNOWN if None in pieces else Const(value="".join(pieces))


def _binding(machine: Machine, node: code.Binding) -> Value:
    value = evaluate(machine, node.value)
    machine.write((machine.frame, node.target.id), value)
    return value


def _await(machine: Machine, node: code.Await) -> Value:
    return evaluate(machine, node.value)


def _yield(machine: Machine, node: code.Yield) -> Value:
    value = NONE if node.value is None else evaluate(machine, node.value)
    if node.delegated:
        element = builtins.element_of(machine, value)
        value = element if element is not None else UNKNOWN
    machine.yields.append(value)
    return UNKNOWN


def _call(machine: Machine, node: code.Call) -> Value:
    return calls.call_node(machine, node)


def _comprehension(machine: Machine, node: code.Comprehension) -> Value:
    from trainlint.interpret import loops

    return loops.comprehension(machine, node)


def _starred(machine: Machine, node: code.Starred) -> Value:
    return evaluate(machine, node.value)


_EVALUATE: dict[type, Callable[[Machine, Any], Value]] = {
    code.Constant: _constant,
    code.Name: _name,
    code.Attribute: _attribute,
    code.Subscript: _subscript,
    code.Slice: _slice,
    code.Sequence: _sequence,
    code.Mapping: _mapping,
    code.Operation: _operation,
    code.Comparison: _comparison,
    code.Conditional: _conditional,
    code.Lambda: _lambda,
    code.Formatted: _formatted,
    code.Binding: _binding,
    code.Await: _await,
    code.Yield: _yield,
    code.Call: _call,
    code.Comprehension: _comprehension,
    code.Starred: _starred,
}
