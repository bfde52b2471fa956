"""Squared and absolute differences, as losses and written by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.program.values import Tensor, Value

if TYPE_CHECKING:
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program

ERRORS = ("squared-error", "absolute-error", "huber", "log-cosh", "percentage-error")


COMPARING = ("loss", "squared-difference", "square", "power", "abs")
"""Kinds of operations that `compared` understands."""


def compared(program: Program, operation: Operation) -> tuple[Value, Value] | None:
    """The two sides of a squared or absolute difference, labels first where that is known."""
    if operation.kind == "loss":
        if operation.attributes.get("function") not in ERRORS:
            return None
        return operation.attributes["labels"], operation.attributes["predictions"]
    if operation.kind == "squared-difference" and len(operation.inputs) == 2:
        return operation.inputs[0], operation.inputs[1]
    if operation.kind == "power":
        exponent = operation.inputs[-1]
        if not isinstance(exponent, Tensor) or exponent.low != 2 or exponent.high != 2:
            return None
    elif operation.kind not in ("square", "abs"):
        return None
    difference = program.source(operation.inputs[0]) if operation.inputs else None
    if difference is None or difference.kind != "subtract" or len(difference.inputs) != 2:
        return None
    return difference.inputs[0], difference.inputs[1]
