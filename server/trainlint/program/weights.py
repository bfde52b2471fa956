"""Where the weights of a product come from: its kernel, and what the kernel is drawn from."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trainlint.program.values import Const, Tensor

if TYPE_CHECKING:
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Value


def constant(value: Value | None) -> float | None:
    """The one number that a value is, None if it is not known or not one number."""
    if isinstance(value, Const) and isinstance(value.value, (int, float)) and not isinstance(value.value, bool):
        return float(value.value)
    if isinstance(value, Tensor) and value.low is not None and value.low == value.high and math.isfinite(value.low):
        return value.low
    return None


def factor_of(operation: Operation) -> tuple[int, float] | None:
    """The input whose multiple a product or quotient is, and the factor, which is not 0; None for anything else."""
    if operation.kind not in ("multiply", "divide") or len(operation.inputs) != 2:
        return None
    numbers = [constant(value) for value in operation.inputs]
    index = 0 if numbers[0] is None else 1
    number = numbers[1 - index]
    if numbers[index] is not None or not number or (operation.kind == "divide" and index == 1):
        return None
    return index, 1 / number if operation.kind == "divide" else number


def kernel_of(program: Program, operation: Operation) -> Operation | None:
    """The variable that a matrix product or convolution multiplies with, None if there is none or two."""
    if len(operation.inputs) < 2:
        return None
    left, right = weight_of(program, operation.inputs[0]), weight_of(program, operation.inputs[1])
    if left is not None and right is not None:
        return None
    return right if right is not None else left if operation.kind == "matmul" else None


def kernel_side(program: Program, operation: Operation) -> int:
    """The index of the input that is the kernel."""
    return 1 if weight_of(program, operation.inputs[1]) is not None else 0


def weight_of(program: Program, value: Value) -> Operation | None:
    """The variable that a tensor is, looked for through casts, reshapes and constant factors."""
    operation = program.operation(value)
    for _ in range(8):
        if operation is None:
            return None
        if operation.kind == "variable":
            return operation
        if operation.kind not in ("identity", "cast", "reshape", "transpose", "multiply", "divide"):
            return None
        found = [o for o in program.producers(operation) if o.kind != "constant"]
        if operation.kind in ("multiply", "divide"):
            others = [v for v in operation.inputs if constant(v) is None]
            if len(others) != 1:
                return None
            operation = program.operation(others[0])
        else:
            operation = found[0] if found else None
    return None


def drawn(program: Program, variable: Operation) -> Operation | None:
    """The operation that draws the initial value of a variable."""
    operation = program.operation(variable.inputs[0]) if variable.inputs else None
    for _ in range(8):
        if operation is None or operation.kind in ("random", "constant"):
            return operation
        if (
            operation.kind not in ("identity", "cast", "reshape", "transpose", "multiply", "divide")
            or not operation.inputs
        ):
            return None
        made_of = list(program.producers(operation))
        # `ones(shape) * 0.1` is made of constants alone.
        operation = next((o for o in made_of if o.kind != "constant"), made_of[0] if made_of else None)
    return None


def adapted(source: Operation | None, fan_in: int, fan_out: int | None) -> float | None:
    """The second moment of weights whose initializer adapts to a fan-in that is not known."""
    if source is None or source.attributes.get("distribution") != "fan":
        return None
    scheme = str(source.attributes.get("scheme"))
    if scheme.startswith("he"):
        return 2 / fan_in
    if scheme.startswith(("glorot", "lecun", "xavier")):
        return 1 / fan_in if fan_out is None else 2 / (fan_in + fan_out)
    return None
