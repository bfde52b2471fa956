"""The proof that a tensor is a random mask of zeros and ones, and with which probability it is one.

Walks over the operations that such masks are made of: a uniform draw in [0, 1) that is compared, or added to a
probability and rounded down; a Bernoulli or binomial draw; and such an array fed through a placeholder.
"""

from __future__ import annotations

from trainlint.program.operations import Operation
from trainlint.program.program import Program
from trainlint.program.values import Argument, Const, Id, Tensor, Value
from trainlint.record import Record
from trainlint.source.code import Place

PASSING = frozenset({"cast", "identity", "reshape", "stop-gradient", "expand", "squeeze"})
WEIGHTED = frozenset({"matmul", "convolution", "recurrent", "attention"})
_DEPTH = 16


class Mask(Record):
    """A mask whose elements are 1 with probability `keep`, or with `1 - keep` if `flipped`, else 0.

    `place` is where the author wrote that value, None where the code does not show it; `operation` makes the mask.
    `name` is the share to keep as text where it was written as `1 - keep`.
    """

    operation: Operation
    keep: Value
    flipped: bool = False
    place: Place | None = None
    name: str | None = None


def bernoulli(program: Program, value: Value | Id | None, depth: int = 0) -> Mask | None:
    """The mask that a tensor is; None when that is not proved."""
    operation = program.operation(value)
    if operation is None or depth > _DEPTH:
        return None
    kind = operation.kind
    if kind in PASSING and operation.inputs:
        inner = bernoulli(program, operation.inputs[0], depth + 1)
        return inner.replace(operation=operation) if inner is not None and kind != "cast" else inner
    if kind == "compare":
        return _compared(program, operation)
    if kind in ("floor", "ceil", "round"):
        return _rounded(program, operation)
    if kind == "random" and operation.attributes.get("distribution") == "bernoulli":
        keep = operation.attributes.get("keep")
        return None if keep is None else Mask(operation, keep, place=_written(operation, keep))
    if kind == "placeholder":
        return _fed(program, operation, depth)
    return None


def _compared(program: Program, operation: Operation) -> Mask | None:
    """`u < keep` and its relatives."""
    sign = operation.attributes.get("operator")
    if sign not in ("<", "<=", ">", ">=") or len(operation.inputs) != 2:
        return None
    left, right = operation.inputs
    if _is_uniform(program, left):
        other, flipped = right, sign in (">", ">=")
    elif _is_uniform(program, right):
        other, flipped = left, sign in ("<", "<=")
    else:
        return None
    return _turned(program, operation, other, flipped) if _is_number(other) else None


def _rounded(program: Program, operation: Operation) -> Mask | None:
    """`floor(keep + u)`, `ceil(u - drop)`, `round(u)`."""
    inner = program.operation(operation.inputs[0]) if operation.inputs else None
    if inner is None:
        return None
    if operation.kind == "round":
        return Mask(operation, Const(value=0.5)) if _is_uniform(program, operation.inputs[0]) else None
    if len(inner.inputs) != 2:
        return None
    left, right = inner.inputs
    if operation.kind == "floor" and inner.kind == "add":
        other = right if _is_uniform(program, left) else left if _is_uniform(program, right) else None
        return _turned(program, inner, other, False, operation) if other is not None and _is_number(other) else None
    if operation.kind == "ceil" and inner.kind == "subtract" and _is_uniform(program, left) and _is_number(right):
        return _turned(program, inner, right, True, operation)
    return None


def _turned(
    program: Program, operation: Operation, other: Value, flipped: bool, result: Operation | None = None
) -> Mask:
    """A mask by the probability as it is best written: `u >= 1 - keep` is a mask of `keep`."""
    argument = _argument(operation, other)
    inner = program.operation(other)
    if inner is not None and inner.kind == "subtract" and len(inner.inputs) == 2 and _is_one(inner.inputs[0]):
        found = _written(inner, inner.inputs[1])
        if found is not None:
            return Mask(result or operation, inner.inputs[1], not flipped, found)
    name = argument.spelled if argument is not None else None
    name = name[4:] if flipped and name is not None and name.startswith("1 - ") else None
    return Mask(result or operation, other, flipped, argument.place if argument is not None else None, name)


def _fed(program: Program, operation: Operation, depth: int) -> Mask | None:
    """A placeholder whose every known feed is such a mask, or all ones for an evaluation."""
    masks = []
    for feed in program.feeds(operation.id):
        mask = bernoulli(program, feed.value, depth + 1)
        if mask is not None:
            masks.append(mask)
        elif not (isinstance(feed.value, Tensor) and feed.value.low == feed.value.high == 1.0):
            return None
    return masks[0].replace(operation=operation, place=None) if masks else None


def _is_uniform(program: Program, value: Value) -> bool:
    operation = program.operation(value)
    while operation is not None and operation.kind in PASSING and operation.inputs:
        operation = program.operation(operation.inputs[0])
    if operation is None or operation.kind != "random" or operation.attributes.get("distribution") != "uniform":
        return False
    return operation.attributes.get("low") == 0 and operation.attributes.get("high") == 1


def _is_number(value: Value) -> bool:
    """Whether a value is a scalar, or unknown: a probability, not another tensor."""
    if isinstance(value, Const):
        return isinstance(value.value, (int, float)) and not isinstance(value.value, bool)
    return not isinstance(value, Tensor) or value.shape == () or (value.shape is None and _is_plain(value))


def _is_plain(value: Tensor) -> bool:
    return value.low is not None and value.high is not None and 0 <= value.low and value.high <= 1


def _is_one(value: Value) -> bool:
    if isinstance(value, Const):
        return bool(value.value == 1)
    return isinstance(value, Tensor) and value.low == value.high == 1.0


def _written(operation: Operation, value: Value) -> Place | None:
    """Where an operand of an operation is written."""
    argument = _argument(operation, value)
    return argument.place if argument is not None else None


def _argument(operation: Operation, value: Value) -> Argument | None:
    """The argument that gives an operation an operand."""
    for argument in operation.arguments.values():
        if argument.place is not None and (
            argument.value is value or argument.value == value or _is_number_of(argument.value, value)
        ):
            return argument
    return None


def _is_number_of(written: Value, value: Value) -> bool:
    """Whether a Python number became a tensor as an operand."""
    if not isinstance(written, Const) or not isinstance(written.value, (int, float)) or not isinstance(value, Tensor):
        return False
    return value.op is None and value.low == value.high == written.value


def is_activation(program: Program, value: Value | None) -> bool:
    """Whether a tensor is computed from data by weights: neither the data alone nor the weights alone."""
    for key in program.ancestors(value):
        operation = program.operation(key)
        if (
            operation is not None
            and operation.kind in WEIGHTED
            and operation.inputs
            and _is_data(program, operation.inputs[0])
        ):
            return True
    return False


def _is_data(program: Program, value: Value) -> bool:
    """Whether a tensor depends on something else than variables and their initial values."""
    if not isinstance(value, Tensor) or value.op is None:
        return True
    for key in program.ancestors(value):
        operation = program.operation(key)
        if operation is None:
            return True
        if any(isinstance(item, Tensor) and item.op is not None for item in operation.inputs):
            continue
        users = program.consumers(key)
        if operation.kind != "variable" and not (users and all(user.kind == "variable" for user in users)):
            return True
    return False


def other_input(operation: Operation, value: Value) -> Value | None:
    """The other operand of an operation with two."""
    if len(operation.inputs) != 2:
        return None
    left, right = operation.inputs
    if isinstance(left, Tensor) and isinstance(value, Tensor) and left.op is not None:
        return right if left.op is value.op else left
    return right if left is value else left
