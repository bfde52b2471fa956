"""How large penalties on weights are before the first step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.program.values import ApiObject, Const, Tensor
from trainlint.program.weights import constant
from trainlint.record import Record

if TYPE_CHECKING:
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Argument, Value


class Strength(Record, eq=False):
    """A factor of a penalty: `power` is 1 or 2, `share` what of the sum it takes (TensorFlow 1 takes half)."""

    factor: float
    power: int
    share: float
    argument: Argument


def strengths(program: Program, regularizer: Value | None) -> list[Strength]:
    """The known factors of a regularizer object."""
    record = program.object(regularizer) if regularizer is not None else None
    if not isinstance(record, ApiObject) or record.kind != "regularizer":
        return []
    name = record.name.rsplit(".", 1)[-1].lower()
    share = 0.5 if "contrib" in record.name else 1.0
    powers = {"l1": 1, "l2": 2, "scale_l1": 1, "scale_l2": 2, "l": 1 if name in ("l1", "l1_regularizer") else 2}
    if name in ("l1_regularizer", "l2_regularizer"):
        powers["scale"] = 1 if name.startswith("l1") else 2
    found = []
    for key, power in powers.items():
        argument = record.arguments.get(key)
        factor = constant(argument.value) if argument is not None else None
        if argument is not None and factor is not None and argument.given and isinstance(argument.value, Const):
            found.append(Strength(factor, power, share if power == 2 else 1.0, argument))
    return found


def mass(variable: Operation, power: int) -> float | None:
    """The sum of the squares (or sizes) of the initial weights; None if their number or spread is not known."""
    shape, spread = variable.output.shape, variable.output.rms
    if shape is None or spread is None or not shape:
        return None
    count = 1
    for size in shape:
        if not isinstance(size, int):
            return None
        count *= size
    # The mean size of normal numbers is sqrt(2 / pi) of their spread.
    return count * spread**2 if power == 2 else count * spread * 0.8


def squared_weights(program: Program, operation: Operation) -> list[Operation] | None:
    """The kernels whose squares an operation sums up, each once; None if it is not such a sum."""
    if operation.kind == "add" and operation.inputs:
        parts = [program.operation(v) if isinstance(v, Tensor) else None for v in operation.inputs]
        found = [squared_weights(program, part) if part is not None else None for part in parts]
        return None if any(f is None for f in found) else [w for f in found for w in f or ()]
    if operation.kind != "reduce" or operation.attributes.get("how") != "l2" or not operation.inputs:
        return None
    variable = program.operation(operation.inputs[0])
    return [variable] if variable is not None and variable.kind == "variable" else None
