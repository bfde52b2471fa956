"""How steep a squared error of a linear model is: what plain gradient descent can take as a rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.program.training import entry, training_feeds_of
from trainlint.program.values import Tensor
from trainlint.program.weights import constant, factor_of, weight_of
from trainlint.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.events import Feed, Minimize
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Value

_DEPTH = 16


class Steepness(Record, eq=False):
    """A lower bound of the largest curvature of a loss, and the feed whose size it follows from."""

    value: float
    feed: Feed
    rms: float
    n_inputs: int


def steepness(program: Program, event: Minimize) -> Steepness | None:
    """The curvature of a mean squared error of a model without hidden layers, None if it is anything else.

    The second derivative of h/2 (y - wx)^2 is h times the mean of x x'.
    Its largest eigenvalue is at least its trace by the number of features, h rms^2; and for features of one sign at
    least that along the diagonal, h n mean^2, where the mean of values up to `top` is at least rms^2 / top.
    """
    found = _squared(program, event.loss)
    if found is None:
        return None
    factor, count, difference = found
    sides = [v for v in difference.inputs if program.variables(v)]
    if len(sides) != 1:
        return None
    entering, n_inputs, outputs, samples = _linear(program, sides[0])
    source = entry_of(program, entering) if entering is not None else None
    if source is None or (count and outputs != 1):
        return None
    best: Steepness | None = None
    for _, feed in training_feeds_of(program, source.id):
        value = feed.value
        if not isinstance(value, Tensor) or value.rms is None or value.grounds != "proved":
            continue
        if value.low is None or value.high is None or value.assumed:
            return None
        rows = 1.0
        if count:
            if (
                value.shape is None
                or len(value.shape) <= samples
                or not isinstance(count_of := value.shape[samples], int)
            ):
                return None
            rows = float(count_of)
        square = value.rms**2
        if value.low >= 0 and value.high > 0:
            square = max(square, n_inputs * (square / value.high) ** 2)
        bound = factor * rows * square
        # Every feed has to be steep: training may use one of them only to begin with.
        if best is None or bound < best.value:
            best = Steepness(bound, feed, value.rms, n_inputs)
    return best


def entry_of(program: Program, value: Value) -> Operation | None:
    """The placeholder or model input that a value is, as it is fed."""
    operation = program.operation(value)
    if operation is None or operation.kind in ("placeholder", "input"):
        return operation
    return entry(program, operation) if operation.kind in ("reshape", "flatten", "cast", "identity") else None


def _squared(program: Program, loss: Value) -> tuple[float, bool, Operation] | None:
    """(h, whether rows are summed, the difference) of a loss that is h/2 times squares, summed or averaged."""
    factor, summed = 1.0, False
    operation = program.operation(loss)
    for _ in range(_DEPTH):
        if operation is None:
            return None
        kind = operation.kind
        if kind == "loss":
            return _of_loss(operation, factor)
        if kind in ("multiply", "divide"):
            found = factor_of(operation)
            if found is None:
                return None
            index, number = found
            factor *= number
            operation = program.operation(operation.inputs[index])
            continue
        if kind == "reduce" and operation.attributes.get("how") in ("mean", "sum") and not summed:
            axis = operation.attributes.get("axis")
            summed = operation.attributes.get("how") == "sum"
            if axis != ():
                return None
        elif kind in ("square", "power", "squared-difference"):
            if kind == "power" and constant(operation.inputs[1]) != 2:
                return None
            difference = operation if kind == "squared-difference" else program.operation(operation.inputs[0])
            if difference is None or difference.kind not in ("subtract", "squared-difference"):
                return None
            return 2 * factor, summed, difference
        elif kind not in ("identity", "cast"):
            return None
        operation = program.operation(operation.inputs[0]) if operation.inputs else None
    return None


def _of_loss(operation: Operation, factor: float) -> tuple[float, bool, Operation] | None:
    """A loss of the library: its mean is over rows."""
    if (
        operation.attributes.get("function") != "squared-error"
        or not operation.attributes.get("reduced")
        or operation.name.endswith("l2_loss")
    ):
        return None
    return 2 * factor, False, operation


def _linear(program: Program, value: Value) -> tuple[Value | None, int, int, int]:
    """What enters the only layer of a linear model, how many features and outputs it has, the axis of samples."""
    operation = program.operation(value)
    for _ in range(_DEPTH):
        if operation is None:
            break
        if operation.kind == "add":
            parts = [p for v in operation.inputs if (p := program.operation(v)) is not None]
            others = [p for p in parts if p.kind not in ("variable", "constant", "random")]
            if len(others) != 1:
                break
            operation = others[0]
        elif operation.kind in ("identity", "reshape", "squeeze", "flatten") and operation.inputs:
            operation = program.operation(operation.inputs[0])
        elif operation.kind == "matmul":
            kernels = [weight_of(program, side) is not None for side in operation.inputs[:2]]
            if kernels not in ([False, True], [True, False]):
                break
            # In w x, as formulas have it, each column is a sample.
            samples = kernels.index(False)
            kernel = operation.inputs[1 - samples]
            shape = (
                kernel.shape if isinstance(kernel, Tensor) and kernel.shape and len(kernel.shape) == 2 else (None, None)
            )
            m, n = shape if samples else shape[::-1]
            if not isinstance(n, int) or not isinstance(m, int):
                break
            return operation.inputs[samples], n, m, samples
        elif operation.kind == "multiply" and len(operation.inputs) == 2:
            for index in (0, 1):
                weight = program.operation(operation.inputs[index])
                if weight is not None and weight.kind == "variable" and weight.output.shape in ((), (1,)):
                    return operation.inputs[1 - index], 1, 1, 0
            break
        else:
            break
    return None, 0, 0, 0


def hidden_layers(program: Program, loss: Value) -> Iterator[Operation]:
    """The weight layers that a loss goes through."""
    for key in program.ancestors(loss):
        operation = program.operation(key)
        if operation is None:
            continue
        is_weighted = operation.kind in ("matmul", "convolution") and any(
            weight_of(program, v) is not None for v in operation.inputs
        )
        if operation.kind == "recurrent" or is_weighted:
            yield operation


__all__ = ["Steepness", "entry_of", "hidden_layers", "steepness"]
