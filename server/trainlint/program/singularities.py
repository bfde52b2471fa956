"""Where a trained value can be exactly 0, so that its logarithm or quotient is infinite, or the slope of its root."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trainlint.program.heads import trained, weights_before
from trainlint.program.values import Tensor, Unknown
from trainlint.program.weights import constant, drawn, kernel_of
from trainlint.record import Record

if TYPE_CHECKING:
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Id, Value

PROBABILITIES = frozenset(("softmax", "sigmoid", "hard_sigmoid"))
"""Their results round to 0 in float32 for scores below about -100."""

RECTIFIERS = frozenset(("relu", "relu6", "crelu"))

_PASSING = frozenset((
    "reshape", "flatten", "cast", "identity", "expand", "squeeze", "transpose", "slice", "gather", "split", "tile",
    "dropout", "resize",
))  # fmt: skip
_DEPTH = 24


class Zero(Record, eq=False):
    """Why a value can be 0: the operation that makes it so, in words, and the kind of reason.

    `kind` is "probability", "complement" (one minus a probability), "rectifier", "bound", "negative" or "distance".
    """

    operation: Operation
    kind: str
    text: str


def differentiated(program: Program) -> frozenset[Id]:
    """All operations that a gradient is taken through."""
    found: frozenset[Id] = program.once(f"{__name__}.differentiated", _differentiated, lasts=True)
    return found


def _differentiated(program: Program) -> frozenset[Id]:
    found = set(trained(program))
    for operation in program.of_kind("gradient"):
        found.update(program.ancestors(operation.id))
    return frozenset(found)


def zero_of(program: Program, value: Value, depth: int = 0) -> Zero | None:
    """Why a value that the weights decide can be exactly 0; None if it is not proved that it can."""
    operation = program.operation(value) if isinstance(value, Tensor) else None
    if operation is None or depth > _DEPTH or not isinstance(value, Tensor) or value.library != "tf":
        return None
    kind = operation.kind
    if kind in _PASSING and operation.inputs:
        return zero_of(program, operation.inputs[0], depth + 1)
    if kind == "activation":
        return _of_activation(program, operation)
    if kind == "clip":
        low = constant(_second(operation, "clip_value_min", "min_value", "x_min", "a_min"))
        # What clips from below at 0 lets 0 through.
        return _trainable(program, Zero(operation, "bound", "it is clipped at 0")) if low == 0 else None
    if kind == "maximum":
        return _of_maximum(program, operation)
    if kind == "minimum":
        others = [v for v in operation.inputs if constant(v) is None]
        return zero_of(program, others[0], depth + 1) if len(others) == 1 else None
    if kind == "multiply":
        return _first(program, operation.inputs, depth)
    if kind == "divide" and operation.attributes.get("operator") != "divide_no_nan":
        return _of_quotient(program, operation, depth)
    if kind == "subtract":
        return _of_difference(program, operation, depth)
    if kind in ("concat", "stack"):
        return _first(program, operation.inputs, depth)
    if kind == "reduce":
        how = operation.attributes.get("how")
        inner = program.operation(operation.inputs[0]) if operation.inputs else None
        # The sum picks the probability of one class: all other terms are 0.
        if how == "sum" and inner is not None and inner.kind == "multiply" and _picks(program, inner):
            return zero_of(program, operation.inputs[0], depth + 1)
        return zero_of(program, operation.inputs[0], depth + 1) if how in ("min", "prod") else None
    return None


LARGE = 10.0
"""Root mean square from which inputs count as unscaled: with those, one step makes scores in the hundreds."""


FEW = 4
"""Bounded hidden units from which on scores of 17 take weights as training gives them."""

SMALL = 5.0
"""Root mean square of scores that are far from where float32 ends: 17 for 1 - sigmoid, 104 for a softmax."""


def is_plain_regression(program: Program, zero: Zero) -> bool:
    """Whether a probability is that of one linear layer whose scores start small, on inputs not proved large.

    A layer on a few bounded hidden units, as in the network for XOR, is no nearer to 0.
    """
    if zero.kind not in ("probability", "complement") or not zero.operation.inputs:
        return False
    product = weights_before(program, zero.operation.inputs[0])
    if product is None:
        scores = program.operation(zero.operation.inputs[0])
        if (
            scores is not None
            and scores.kind == "variable"
            and scores.inputs
            and constant(scores.inputs[0]) is not None
        ):
            return True  # the weights are the scores
        return _is_sum_of_zeros(program, zero.operation.inputs[0])
    kernel = kernel_of(program, product)
    operand = program.tensor(product.inputs[0])
    if kernel is None or not kernel.inputs or operand is None:
        return False
    n_inputs = kernel.output.shape[0] if kernel.output.shape else None
    if operand.activation in ("sigmoid", "tanh") and isinstance(n_inputs, int) and n_inputs <= FEW:
        return True  # each weight would have to grow beyond 4
    if program.variables(operand):
        return False
    start = constant(kernel.inputs[0])
    if start == 0:
        return operand.rms is None or operand.rms <= LARGE
    if operand.rms is None or kernel.output.rms is None or not isinstance(n_inputs, int):
        return False
    # Equal weights add up, those that are drawn do so by their squares.
    share = n_inputs if start is not None else math.sqrt(n_inputs)
    return operand.rms <= LARGE and share * kernel.output.rms * operand.rms <= SMALL


_LINEAR = frozenset(("add", "subtract", "multiply", "slice", "variable", "constant", "placeholder", "data", "identity"))


def _is_sum_of_zeros(program: Program, value: Value) -> bool:
    """Whether a value is written out as `w[1] * x + w[0]`, with weights that start with zeros and nothing else."""
    behind = [operation for key in program.ancestors(value) if (operation := program.operation(key)) is not None]
    variables = [operation for operation in behind if operation.kind == "variable"]
    made = {initial.op for each in variables for initial in each.inputs if isinstance(initial, Tensor)}
    return (
        bool(variables)
        and all(each.inputs and constant(each.inputs[0]) == 0 for each in variables)
        and all(operation.kind in _LINEAR or operation.id in made for operation in behind)
        and all((operation.output.rms or 0.0) <= LARGE for operation in behind)
    )


def negative_product(program: Program, value: Value) -> Zero | None:
    """The weight layer whose plain result a value is, or one minus it; None if its weights may have one sign."""
    operation = program.operation(value)
    if operation is not None and operation.kind == "subtract" and constant(operation.inputs[0]) is not None:
        value = operation.inputs[1]
    product = weights_before(program, value)
    kernel = kernel_of(program, product) if product is not None else None
    source = drawn(program, kernel) if kernel is not None else None
    if product is None or source is None or source.kind != "random":
        return None
    attributes = source.attributes
    symmetric = attributes.get("distribution") == "fan" or (
        attributes.get("distribution") in ("normal", "truncated") and attributes.get("mean", 0.0) in (0, 0.0, None)
    )
    return Zero(product, "negative", "a plain product with weights is negative as often as not") if symmetric else None


def twin_distance(program: Program, value: Value) -> Zero | None:
    """Row by row the squared distance of what one network makes of two inputs: exactly 0 for a pair of equal inputs."""
    operation = program.operation(value)
    for _ in range(_DEPTH):
        if operation is None or operation.kind not in _PASSING or not operation.inputs:
            break
        operation = program.operation(operation.inputs[0])
    if operation is None or operation.kind != "reduce" or operation.attributes.get("how") != "sum":
        return None
    if operation.attributes.get("axis") in ((), None):
        return None
    squared = program.operation(operation.inputs[0])
    if squared is None:
        return None
    pair: tuple[Value, ...] = ()
    if squared.kind == "squared-difference":
        pair = squared.inputs
    elif squared.kind in ("square", "power") or (
        squared.kind == "multiply" and len(squared.inputs) == 2 and squared.inputs[0] == squared.inputs[1]
    ):
        inner = program.operation(squared.inputs[0])
        pair = inner.inputs if inner is not None and inner.kind == "subtract" else ()
    return Zero(operation, "distance", "two equal inputs have the distance 0") if are_twins(program, pair) else None


def are_twins(program: Program, pair: tuple[Value, ...]) -> bool:
    """Whether two values are results of the same weights, at least one layer of them."""
    if len(pair) != 2 or not all(isinstance(v, Tensor) and v.op is not None for v in pair):
        return False
    first, second = (frozenset(o.id for o in program.variables(v)) for v in pair)
    return bool(first) and first == second


def _of_activation(program: Program, operation: Operation) -> Zero | None:
    function = str(operation.attributes.get("function"))
    if function in PROBABILITIES:
        if operation.output.dtype == "float64" and function != "hard_sigmoid":
            return None  # 0 is out of reach: scores would have to differ by 745
        text = f"a {function} becomes exactly 0 in float32"
        if function == "hard_sigmoid":
            text = "a hard sigmoid is 0 on one side"
        return _trainable(program, Zero(operation, "probability", text))
    if function in RECTIFIERS:
        return _trainable(program, Zero(operation, "rectifier", f"a {function} is 0 for half of its inputs"))
    return None


def _of_maximum(program: Program, operation: Operation) -> Zero | None:
    if any(constant(v) == 0 for v in operation.inputs):
        return _trainable(program, Zero(operation, "bound", "the larger of a value and 0 can be 0"))
    return None


def _of_quotient(program: Program, operation: Operation, depth: int) -> Zero | None:
    above, below = program.operation(operation.inputs[0]), program.operation(operation.inputs[1])
    if above is not None and above.kind == "exp":
        if _sums_exponentials(program, below, above):
            return _trainable(program, Zero(operation, "probability", "this softmax becomes exactly 0 in float32"))
        return None
    return zero_of(program, operation.inputs[0], depth + 1)


def _sums_exponentials(program: Program, below: Operation | None, above: Operation) -> bool:
    """Whether a divisor is the sum of the exponentials of the same scores, however often they are written out."""
    if below is None or below.kind != "reduce" or below.attributes.get("how") != "sum":
        return False
    inner = program.operation(below.inputs[0])
    if inner is None or inner.kind != "exp":
        return False
    return inner.id is above.id or inner.inputs[0] == above.inputs[0]


def _of_difference(program: Program, operation: Operation, depth: int) -> Zero | None:
    if constant(operation.inputs[0]) != 1:
        return None
    inner = zero_of(program, operation.inputs[1], depth + 1)
    if inner is None or inner.kind != "probability":
        return None
    text = "a probability rounds to 1 in float32, and this is 1 minus it"
    return Zero(inner.operation, "complement", text)


def _first(program: Program, values: tuple[Value, ...], depth: int) -> Zero | None:
    for value in values:
        found = zero_of(program, value, depth + 1)
        if found is not None:
            return found
    return None


def _picks(program: Program, product: Operation) -> bool:
    """Whether one factor of a product has nothing to do with the weights, as labels and masks have."""
    return any(isinstance(v, Tensor) and v.op is not None and not program.variables(v) for v in product.inputs)


def _trainable(program: Program, zero: Zero) -> Zero | None:
    if program.variables(zero.operation.output) or _has_unseen_weights(program, zero.operation):
        return zero
    return None


def _has_unseen_weights(program: Program, operation: Operation) -> bool:
    """Whether a last layer on hidden ones has weights that come from where the program is not followed."""
    current = program.operation(operation.inputs[0]) if operation.inputs else None
    if current is not None and current.kind == "add":
        current = program.operation(current.inputs[0])
    if current is None or current.kind != "matmul" or not isinstance(current.inputs[-1], Unknown):
        return False
    behind = (program.operation(key) for key in program.ancestors(current.inputs[0]))
    return any(o is not None and o.kind == "activation" for o in behind)


def _second(operation: Operation, *names: str) -> Value | None:
    for name in (*names, "*1"):
        if name in operation.arguments:
            return operation.arguments[name].value
    return None


__all__ = ["Zero", "are_twins", "differentiated", "negative_product", "twin_distance", "zero_of"]
