"""How large the state of a recurrent layer is before the first training step.

Let z be the rms of what the inputs add to a gate: `z = sqrt(n v) r` for n inputs of rms r and a kernel with the second
moment v; Glorot's is `2 / (n + g u)` for u units and g gates, smaller than that of a plain layer, as all gates share
one kernel.
Gates without inputs are one half, and the forget gate is sigmoid(1) = .73 by its bias of 1.

LSTM, small z: each step adds `.5 z` to the memory, of which .73 is kept, so `.5 z / sqrt(1 - .73^2) = .73 z` when the
inputs of the steps are independent, and `.5 z / (1 - .73) = 1.9 z` when they are equal; half of that leaves through the
output gate: .37 to .93 z.
GRU, small z: half of the candidate replaces half of the state, `.5 z / sqrt(1 - .25) = .58 z` to z.
Both saturate as the functions in them do: `z / sqrt(1 + z^2)` follows simulated cells with z from .03 to 30.

Simple recurrence with tanh: `h^2 = z^2 + a h^2` in the linear range, with `a = u v'` of the recurrent kernel.
For an orthogonal one a is 1, and only the curvature of tanh holds the state: `tanh(s)^2 = s^2 - 2 s^4` on average, so
`z^2 = 2 s^4`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trainlint.program.values import Tensor

if TYPE_CHECKING:
    from trainlint.program.operations import Operation

SHARES = {4: 0.45, 3: 0.7}
"""By number of gates: between independent and equal inputs of the steps; simulated cells are within a factor of 2."""

SIMPLE = 0.8
"""The rms of a saturated simple state, .8 to .95 in simulated cells."""


def state_rms(operation: Operation, entering: float | None) -> float | None:
    """The rms of what a recurrent layer with tanh gives for inputs of a given rms; None when it can't be told."""
    # What is projected or has another function has no known range.
    if operation.output.rms is None or entering is None:
        return None
    gates = _gates(operation)
    z = entering * _gain(operation, gates)
    if gates in SHARES:
        return SHARES[gates] * z / math.sqrt(1 + z * z)
    kept = min(_kept(operation), 1 - 1e-6)
    return min(z / math.sqrt(1 - kept), math.sqrt(z / math.sqrt(2)), SIMPLE)


def _kernel(operation: Operation, index: int) -> Tensor | None:
    value = operation.inputs[index] if len(operation.inputs) > index else None
    return value if isinstance(value, Tensor) and value.shape is not None and len(value.shape) == 2 else None


def _gates(operation: Operation) -> int:
    """How many matrices the kernel holds side by side, 4 when its shape is not known."""
    units, kernel = operation.attributes.get("units"), _kernel(operation, 1)
    columns = kernel.shape[1] if kernel is not None and kernel.shape else None
    return columns // units if isinstance(units, int) and isinstance(columns, int) and units > 0 else 4


def _gain(operation: Operation, gates: int) -> float:
    """How much larger than the inputs that is what they add to a gate."""
    x, kernel = operation.inputs[0], _kernel(operation, 1)
    n = x.shape[-1] if isinstance(x, Tensor) and x.shape else None
    if kernel is None or kernel.rms is None or not isinstance(n, int):
        # As many inputs as units, and Glorot's weights, the default.
        return math.sqrt(2 / (2 + gates))
    return math.sqrt(n) * kernel.rms


def _kept(operation: Operation) -> float:
    """The share of the state's variance that the recurrent weights keep from step to step."""
    units, kernel, recurrent = operation.attributes.get("units"), _kernel(operation, 1), _kernel(operation, 2)
    if not isinstance(units, int):
        return 1.0
    weights = kernel if recurrent is None else recurrent
    return 1.0 if weights is None or weights.rms is None else units * weights.rms**2


__all__ = ["SHARES", "state_rms"]
