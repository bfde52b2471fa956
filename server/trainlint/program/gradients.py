"""Which operations pass a gradient on, and where the way from a loss to the weights ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.element_types import INTEGERS
from trainlint.program.values import Tensor, Unknown
from trainlint.record import Record

if TYPE_CHECKING:
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Id, Value

_FLAT = {
    "argmax": "a position has", "compare": "a comparison has", "logical": "a logical value has",
    "in-top-k": "a count of hits has", "one-hot": "a one-hot code has", "round": "a rounded value has",
    "floor": "a rounded value has", "ceil": "a rounded value has", "sign": "a sign has",
    "stop-gradient": "what `stop_gradient` gives has",
}  # fmt: skip
"""Kinds whose slope is 0 wherever it exists, and how a message names them."""

_WHOLE = INTEGERS | {"int", "bool"}


class Cut(Record, eq=False):
    """An operation that passes no gradient; `what` says why."""

    operation: Operation
    what: str


def cuts(program: Program, loss: Value) -> list[Cut]:
    """Where all ways from a loss to trained weights end; empty when one is open or may be, or none leads there."""
    start = program.operation(loss) if isinstance(loss, Tensor) else None
    if start is None or not _trained(program, start.id):
        return []
    found: list[Cut] = []
    seen: set[Id] = set()
    stack = [start]
    while stack:
        operation = stack.pop()
        if operation.id in seen:
            continue
        seen.add(operation.id)
        if operation.kind in ("variable", "opaque", "gradient", "assign", "train"):
            return []
        what = _flat(program, operation)
        if what is not None:
            if _trained(program, operation.id):
                found.append(Cut(operation, what))
            continue
        for index, value in enumerate(operation.inputs):
            if isinstance(value, Unknown):
                return []
            inner = program.operation(value) if isinstance(value, Tensor) else None
            # What a `where` tests decides which branch counts, not how much.
            if inner is not None and not (operation.kind == "select" and index == 0):
                stack.append(inner)
    return found


def _trained(program: Program, key: Id) -> bool:
    """Whether weights of a network are behind an operation."""
    return any(
        weight.attributes.get("trainable") is True
        and any(user.kind in ("matmul", "convolution") for user in program.consumers(weight.output))
        for weight in program.variables(key)
    )


def _flat(program: Program, operation: Operation) -> str | None:
    kind = operation.kind
    if kind in _FLAT:
        inner = program.operation(operation.inputs[0]) if operation.inputs else None
        # Weights that are rounded as they are used belong to methods with gradients of their own.
        return None if inner is not None and inner.kind == "variable" else _FLAT[kind]
    if kind == "cast" and operation.output.dtype in _WHOLE:
        return "a whole number has"
    if kind == "identity" and operation.name in ("tensor.numpy", "session.run"):
        return "a NumPy array has"
    return None
