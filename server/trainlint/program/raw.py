"""Data that a program uses as a file holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.program.values import Tensor

if TYPE_CHECKING:
    from trainlint.program.program import Program
    from trainlint.program.values import Value

_TAKING = ("slice", "gather", "identity", "cast")
"""Operations that take some of the values, or all of them."""


def is_raw(program: Program, value: Value) -> bool:
    """Whether data are columns or rows of a file, with the values that stand there."""
    operation = program.operation(value) if isinstance(value, Tensor) else None
    for _ in range(32):
        if operation is None:
            return False
        if operation.kind == "data":
            return operation.attributes.get("source") == "file"
        # A table that got another column still has its own.
        if operation.kind not in _TAKING and (operation.kind, operation.name) != ("concat", "frame"):
            return False
        source = operation.inputs[0] if operation.inputs else None
        operation = program.operation(source) if isinstance(source, Tensor) else None
    return False
