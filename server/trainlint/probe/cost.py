"""What a training costs, before it is run: so that a probe of a large network is cut short and not hung."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.probe.amounts import count
from trainlint.probe.refusal import NotCarried

if TYPE_CHECKING:
    from trainlint.probe.replica import Replica
    from trainlint.program.program import Program

LARGEST = 20_000_000
"""Trainable numbers of the largest network that is probed: all replicas and their optimizers must fit into memory."""

SPEED = 2e10
"""Floating-point operations a second of one core, measured with dense layers of a few hundred units."""

FIRST, LONG = 60.0, 180.0
"""Seconds that the first experiment of a network and a longer one may be estimated at."""

LAST = 30.0
"""Seconds that the longest one may be estimated at; it is left out where it takes more."""

USUAL = 128
"""Rows of a batch that a network is cut to if it is slow otherwise."""


def products(program: Program, replica: Replica) -> int:
    """Multiplications of one row's way through a network."""
    total = 0
    for key in replica.names:
        operation = program.operation(key)
        if operation is None or operation.kind not in ("matmul", "convolution", "recurrent", "attention"):
            continue
        try:
            outputs = count(replica.exporter.amounts.shape(operation.output.shape))
        except NotCarried:
            continue
        fan_in = operation.attributes.get("fan_in")
        if operation.kind == "matmul" or operation.kind == "convolution":
            total += outputs * (fan_in if isinstance(fan_in, int) else 1)
            continue
        weights = [program.tensor(value) for value in operation.inputs]
        sizes = sum(count(s) for w in weights[1:] if w is not None and (s := _whole(w.shape)) is not None)
        steps = weights[0].shape[1] if weights[0] is not None and weights[0].shape and len(weights[0].shape) > 2 else 1
        total += sizes * (steps if isinstance(steps, int) else 1)
    return total


def _whole(shape: object) -> list[int | str] | None:
    if not isinstance(shape, tuple) or not all(isinstance(size, int) for size in shape):
        return None
    return list(shape)


def seconds(products_of_row: int, batch: int, arms: int, seeds: int, steps: int, tasks: int = 2) -> float:
    """How long a training of all replicas takes on one core, roughly: a forward pass and two as expensive back."""
    return 6.0 * products_of_row * batch * arms * seeds * steps * tasks / SPEED


def affordable(replica: Replica, products_of_row: int) -> bool:
    """Whether a network is small enough to be trained several times."""
    return replica.parameters <= LARGEST and seconds(products_of_row, USUAL, 2, 5, 100) <= 4 * FIRST
