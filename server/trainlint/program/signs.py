"""Which way a loss is driven: the terms of what is minimised, each with its sign."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.program.values import Tensor
from trainlint.program.weights import constant, factor_of
from trainlint.record import Record

if TYPE_CHECKING:
    from trainlint.program.events import Minimize
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Id, Value

_DEPTH = 24
_PASSING = frozenset(("identity", "cast", "reshape", "squeeze", "expand", "flatten"))
_GRADIENTS = _PASSING | {"slice", "clip"}

_DISTANCES = frozenset((
    "softmax-cross-entropy", "sparse-softmax-cross-entropy", "sigmoid-cross-entropy", "squared-error",
    "absolute-error", "huber", "log-cosh", "hinge",
))  # fmt: skip
"""Losses that are small where predictions are good."""


class Term(Record, eq=False):
    """A term of a sum that is minimised.

    `flipped` says whether reducing the sum makes the predictions worse, `turn` is the operation that turned it over.
    """

    core: Operation
    flipped: bool
    turn: Operation | None
    kind: str
    """ "loss" or "likelihood"."""


def terms(program: Program, event: Minimize) -> list[Term] | None:
    """The losses whose sum an optimizer reduces, with their signs; None unless the whole sum is understood."""
    negative, turn = False, None
    step = program.operation(event.op)
    if step is not None and event.how == "gradients":
        found = _of_gradient(program, step)
        if found is None:
            return None
        negative, turn = found
    result: list[Term] = []
    return result if _collect(program, event.loss, negative, turn, result, 0) and _are_labels(program, result) else None


def _of_gradient(program: Program, step: Operation) -> tuple[bool, Operation | None] | None:
    """Whether the gradient that a training step applies was negated, and where; None if more happened to it."""
    if len(step.inputs) < 2:
        return None
    operation, negative, turn = program.operation(step.inputs[-1]), False, None
    for _ in range(_DEPTH):
        if operation is None:
            return None
        if operation.kind == "gradient":
            return negative, turn
        following = _factor(operation)
        if following is None:
            return None
        index, turns = following
        if turns:
            negative, turn = not negative, operation
        operation = program.operation(operation.inputs[index])
    return None


def _factor(operation: Operation) -> tuple[int, bool] | None:
    """The input whose multiple an operation is, and whether the factor is negative."""
    kind, inputs = operation.kind, operation.inputs
    if kind in _GRADIENTS and inputs:
        return 0, False
    if kind == "negative":
        return 0, True
    found = factor_of(operation)
    return None if found is None else (found[0], found[1] < 0)


def _collect(
    program: Program, value: Value, negative: bool, turn: Operation | None, found: list[Term], depth: int
) -> bool:
    """Adds the terms of a sum; whether all of it was understood."""
    operation = program.operation(value) if isinstance(value, Tensor) else None
    if constant(value) is not None:
        return True
    if operation is None or depth > _DEPTH:
        return False
    kind, inputs = operation.kind, operation.inputs
    if kind == "loss":
        if operation.attributes.get("function") not in _DISTANCES:
            return False
        found.append(Term(operation, negative, turn, "loss"))
        return True
    if kind == "reduce":
        is_same = operation.attributes.get("how") in ("mean", "sum")
        return is_same and _collect(program, inputs[0], negative, turn, found, depth + 1)
    if _is_distance(program, operation):
        found.append(Term(operation, negative, turn, "loss"))
        return True
    if _likelihood(program, operation) is not None:
        turned = sum(_is_turned(program, value) for value in inputs) % 2 == 1
        found.append(Term(operation, negative if turned else not negative, turn, "likelihood"))
        return True
    if _is_penalty(program, operation):
        return True
    if kind == "add" and inputs:
        return all(_collect(program, v, negative, turn, found, depth + 1) for v in inputs)
    if kind == "subtract" and len(inputs) == 2:
        return _collect(program, inputs[0], negative, turn, found, depth + 1) and _collect(
            program, inputs[1], not negative, operation if not negative else None, found, depth + 1
        )
    following = _factor(operation)
    if following is None or kind == "slice" or kind == "clip":
        return False
    index, turns = following
    if turns:
        negative, turn = not negative, operation
    return _collect(program, inputs[index], negative, turn, found, depth + 1)


def _is_turned(program: Program, value: Value) -> bool:
    """Whether a factor is written with a minus, as the labels in `-y * log(p)`."""
    operation = program.operation(value) if isinstance(value, Tensor) else None
    following = None if operation is None else _factor(operation)
    return following is not None and following[1]


def _is_distance(program: Program, operation: Operation) -> bool:
    """A squared or absolute difference of predictions and data."""
    if operation.kind == "squared-difference":
        return _is_between(program, operation)
    if operation.kind in ("square", "abs") or (
        operation.kind == "power" and len(operation.inputs) == 2 and constant(operation.inputs[1]) == 2
    ):
        inner = program.operation(operation.inputs[0])
        return inner is not None and inner.kind == "subtract" and _is_between(program, inner)
    return False


def _is_between(program: Program, operation: Operation) -> bool:
    """Whether exactly one of two operands depends on weights; the other is data."""
    sides = [bool(program.variables(v)) for v in operation.inputs if isinstance(v, Tensor) and v.op is not None]
    return len(sides) == 2 and sides[0] != sides[1]


def _likelihood(program: Program, operation: Operation) -> tuple[Value, Operation] | None:
    """(y, log) of a product of labels y with the logarithm of a probability."""
    if operation.kind != "multiply" or len(operation.inputs) != 2:
        return None
    for index in (0, 1):
        labels, other = operation.inputs[index], program.operation(operation.inputs[1 - index])
        if other is None or other.kind != "log" or not other.inputs or not isinstance(labels, Tensor):
            continue
        probability = other.inputs[0]
        if (
            labels.op is not None
            and not program.variables(labels)
            and isinstance(probability, Tensor)
            and program.variables(probability)
            and probability.low is not None
            and probability.high is not None
            and -1e-3 <= probability.low
            and probability.high <= 1.001
        ):
            return labels, other
    return None


def _are_labels(program: Program, found: list[Term]) -> bool:
    """Whether what logarithms are multiplied with are labels, not rewards: rows of classes, or y beside 1 - y."""
    factors = [_likelihood(program, t.core) for t in found if t.kind == "likelihood"]
    keys = {v.op for pair in factors if pair and isinstance(v := pair[0], Tensor)}
    for pair in factors:
        assert pair is not None
        labels = pair[0]
        assert isinstance(labels, Tensor)
        shape = labels.shape
        is_row = shape is not None and len(shape) >= 2 and isinstance(shape[-1], int) and shape[-1] >= 2
        if is_row or labels.encoding == "one-hot" or (labels.values and set(labels.values) <= {0.0, 1.0}):
            continue
        if not _has_complement(program, labels, keys):
            return False
    return True


def _has_complement(program: Program, labels: Tensor, keys: set[Id | None]) -> bool:
    """Whether both y and 1 - y are among the factors, and this is one of them."""
    own = _negated(program, labels)
    if own is not None:
        return own in keys
    return any(_negated(program, key) is labels.op for key in keys)


def _negated(program: Program, value: Value | Id | None) -> Id | None:
    """The operation y of a value 1 - y."""
    operation = program.operation(value)
    if operation is None or operation.kind != "subtract" or constant(operation.inputs[0]) != 1:
        return None
    inner = operation.inputs[1]
    return inner.op if isinstance(inner, Tensor) else None


_DATA = frozenset(("placeholder", "input", "data", "opaque", "loss", "matmul", "convolution", "embedding", "recurrent"))


def _is_penalty(program: Program, operation: Operation) -> bool:
    """Whether a term depends on the weights alone."""
    if operation.kind == "regularization":
        return True
    behind = [program.operation(key) for key in program.ancestors(operation.id)]
    return all(o is not None and o.kind not in _DATA for o in behind) and any(
        o is not None and o.kind == "variable" for o in behind
    )
