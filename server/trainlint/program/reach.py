"""Which values data is proved to take: bounds that are reached, not bounds that merely hold."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from trainlint.program.program import SHAPING
from trainlint.program.training import training_feeds_of
from trainlint.program.values import Const, Dimension, SliceValue, Tensor, Tuple
from trainlint.program.weights import constant
from trainlint.record import Record

if TYPE_CHECKING:
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Value
    from trainlint.source.code import Place


class Reach(Record):
    """Values near `low` and near `high` do occur; `place` is where the data is made or handed over.

    Not only a few values lie as far out as the two bounds of `usual`: those of noise have long tails.
    Of data that `is_standardised` only mean and spread are known, and the bounds are no figures to tell.
    """

    low: float
    high: float
    place: Place
    usual: tuple[float, float]
    is_standardised: bool = False

    def mapped(self, change: Callable[[float], float]) -> Reach:
        """The values that a function gives which never falls, or never rises."""
        low, high = sorted((change(self.low), change(self.high)))
        usual = sorted(map(change, self.usual))
        return Reach(low, high, self.place, (usual[0], usual[1]))


def _between(low: float, high: float, place: Place) -> Reach:
    return Reach(low, high, place, (low, high))


SIGMAS = 3.0
"""How far normal numbers are taken to reach: one of 370 lies further out."""

OFTEN = 1.5
"""How far not only a few normal numbers reach: one of 7 lies further out."""

STANDARDISED = 1.5
"""How far standardised data is taken to reach: its standard deviation is 1, so some of it lies beyond 1."""

_SOURCES = frozenset(("data", "constant", "random", "compare", "one-hot", "select"))
_ROWS = frozenset(("slice", "gather", "split", "stack", "concat"))
_MONOTONE: dict[str, Callable[[float], float]] = {
    "exp": math.exp,
    "negative": lambda x: -x,
    "round": round,
    "floor": math.floor,
    "ceil": math.ceil,
}


def told(values: Reach) -> str:
    """Where values lie, as a message shows it behind "the targets"."""
    if values.is_standardised:
        return "are standardised: they lie on both sides of 0, some further out than 1"
    return f"go from {shown(values.low)} to {shown(values.high)}"


def shown(bound: float) -> str:
    """A bound as a message shows it: 0.15, 6.46, 90000."""
    return f"{bound:.3g}" if abs(bound) < 1000 else f"{bound:.0f}"


def reach(program: Program, value: Value | None, depth: int = 24) -> Reach | None:
    """The values that data takes, None unless every step of its making is understood."""
    operation = program.operation(value)
    if operation is None or depth == 0:
        return None
    kind, output = operation.kind, operation.output
    if kind in ("placeholder", "input"):
        return _fed(program, operation, depth)
    if isinstance(value, Tensor) and kind in _SOURCES and _facts(value) != _facts(output):
        return None  # changed in place
    if kind == "data" or kind == "constant":
        return _of_interval(operation, output)
    if kind == "random":
        return _drawn(operation)
    if kind == "normalization" and operation.attributes.get("form") == "data":
        if output.interval is not None and all(map(math.isfinite, output.interval)):
            return _between(*output.interval, operation.place)
        if output.rms != 1.0:
            return None
        return _between(-STANDARDISED, STANDARDISED, operation.place).replace(is_standardised=True)
    if kind in ("compare", "one-hot") or (kind == "select" and output.values is not None):
        return _of_interval(operation, output)
    if not operation.inputs:
        return None
    if kind in SHAPING and kind != "dropout":
        return reach(program, operation.inputs[0], depth - 1)
    if kind in _ROWS:
        return _rows(program, operation, depth)
    if kind in ("add", "subtract", "multiply", "divide") and len(operation.inputs) == 2:
        return _combined(program, operation, depth)
    if kind == "modulo" and len(operation.inputs) == 2:
        return _remainder(program, operation, depth)
    if kind == "matmul" and len(operation.inputs) == 2:
        return _mixed(program, operation, depth)
    inner = reach(program, operation.inputs[0], depth - 1)
    if inner is None:
        return None
    if kind in _MONOTONE and max(abs(inner.low), abs(inner.high)) < 300:
        return inner.mapped(_MONOTONE[kind])
    if kind == "power" and not (len(operation.inputs) == 2 and constant(operation.inputs[1]) == 2):
        return None
    if kind in ("square", "power", "abs"):
        sizes = Reach(*_sizes(inner.low, inner.high), inner.place, _sizes(*inner.usual))
        return sizes if kind == "abs" else sizes.mapped(lambda size: size**2)
    if kind == "sign" and inner.low < 0 < inner.high:
        return _between(-1.0, 1.0, inner.place)
    if kind == "elementwise" and operation.attributes.get("function") in ("sin", "cos"):
        return _between(-1.0, 1.0, inner.place) if inner.high - inner.low >= 2 * math.pi else None
    return None


def _sizes(low: float, high: float) -> tuple[float, float]:
    """The smallest and the largest absolute value between two bounds."""
    return (0.0 if low <= 0 <= high else min(abs(low), abs(high))), max(abs(low), abs(high))


def _facts(tensor: Tensor) -> tuple[float | None, float | None, float | None]:
    return tensor.low, tensor.high, tensor.rms


def _of_interval(operation: Operation, output: Tensor) -> Reach | None:
    interval = output.interval
    return None if interval is None or not all(map(math.isfinite, interval)) else _between(*interval, operation.place)


def _drawn(operation: Operation) -> Reach | None:
    attributes, output = operation.attributes, operation.output
    distribution = attributes.get("distribution")
    if distribution in ("normal", "truncated"):
        mean, deviation = attributes.get("mean"), attributes.get("stddev")
        if not isinstance(mean, (int, float)) or not isinstance(deviation, (int, float)):
            return None
        wide = deviation * (2.0 if distribution == "truncated" else SIGMAS)
        often = deviation * OFTEN
        return Reach(mean - wide, mean + wide, operation.place, (mean - often, mean + often))
    return _of_interval(operation, output)


def _fed(program: Program, entry: Operation, depth: int) -> Reach | None:
    """What all training feeds of an entry have in common to say: the widest of their ranges."""
    found: list[Reach] = []
    for _, feed in training_feeds_of(program, entry.id):
        part = reach(program, feed.value, depth - 1)
        if part is None:
            return None
        found.append(part)
    if not found:
        return None
    return _widest(found)


def _widest(parts: list[Reach]) -> Reach:
    usual = min(part.usual[0] for part in parts), max(part.usual[1] for part in parts)
    low, high = min(part.low for part in parts), max(part.high for part in parts)
    return Reach(low, high, parts[0].place, usual, all(part.is_standardised for part in parts))


def _rows(program: Program, operation: Operation, depth: int) -> Reach | None:
    """Rows of data reach as far as the data; one column of a table may not, nor what a mask picks."""
    inner = operation.inputs[0]
    if not _takes_any(program, operation.attributes.get("index")) or operation.name == "np.take":
        return None
    source = program.source(inner, SHAPING | _ROWS)
    is_table = source is not None and source.kind == "data" and (source.output.rank or 0) == 2
    if operation.kind == "slice" and is_table and isinstance(inner, Tensor) and operation.output.rank != inner.rank:
        return None
    parts = [reach(program, part, depth - 1) for part in operation.inputs if isinstance(part, Tensor)]
    if operation.kind != "concat":
        return parts[0] if parts else None
    known = [part for part in parts if part is not None]
    if not known or len(known) != len(parts):
        return None
    return _widest(known)


def _takes_any(program: Program, index: Value | None) -> bool:
    """Whether an index says nothing of the values it takes: a range, a position, a random order."""
    if isinstance(index, Tensor):
        source = program.source(index, SHAPING | {"slice"})
        return source is not None and source.kind == "random"
    if isinstance(index, Tuple):
        return all(_takes_any(program, item) for item in index.items)
    return index is None or isinstance(index, (SliceValue, Const, Dimension))


def _combined(program: Program, operation: Operation, depth: int) -> Reach | None:
    """Arithmetic with a constant, or sums of parts that have nothing in common."""
    left, right = operation.inputs
    kind = operation.kind
    factor = constant(right)
    if factor is not None:
        inner = reach(program, left, depth - 1)
        if inner is None or (kind == "divide" and factor == 0):
            return None
        return inner.mapped(partial(_apply, kind, right=factor))
    factor = constant(left)
    if factor is not None:
        inner = reach(program, right, depth - 1)
        if inner is None or kind == "divide":
            return None
        return inner.mapped(partial(_apply, kind, factor))
    if kind not in ("add", "subtract") or set(program.ancestors(left)) & set(program.ancestors(right)):
        return None
    first, second = reach(program, left, depth - 1), reach(program, right, depth - 1)
    if first is None or second is None:
        return None
    if kind == "subtract":
        second = second.mapped(lambda value: -value)
    # Parts that have nothing to do with each other are seldom far out together: their squares add up.
    middle = sum(first.usual) / 2 + sum(second.usual) / 2
    wide = math.hypot(first.usual[1] - first.usual[0], second.usual[1] - second.usual[0]) / 2
    return Reach(first.low + second.low, first.high + second.high, first.place, (middle - wide, middle + wide))


def _remainder(program: Program, operation: Operation, depth: int) -> Reach | None:
    """All remainders, where random whole numbers, or sums of them, are divided that have a wider range."""
    divisor, number = constant(operation.inputs[1]), program.operation(operation.inputs[0])
    if number is not None and number.kind == "reduce" and number.attributes.get("how") == "sum":
        number = program.operation(number.inputs[0])
    source = None if number is None else program.source(number.output, SHAPING | _ROWS)
    if divisor is None or number is None or source is None or source.kind != "random":
        return None
    found = reach(program, number.output, depth - 1)
    if found is None or divisor < 2 or divisor % 1 or "int" not in (source.output.dtype or ""):
        return None
    return _between(0.0, divisor - 1.0, found.place) if found.high - found.low >= divisor else None


def _mixed(program: Program, operation: Operation, depth: int) -> Reach | None:
    """Weighted sums of data spread evenly around 0: they lie on both sides, some beyond their usual size."""
    left, right = operation.inputs
    size = operation.output.rms
    if size is None or set(program.ancestors(left)) & set(program.ancestors(right)):
        return None
    data, weights = reach(program, left, depth - 1), reach(program, right, depth - 1)
    if data is None or weights is None or data.high <= 0 or abs(data.low + data.high) > 0.01 * data.high:
        return None
    return _between(-size, size, operation.place)


def _apply(kind: str, left: float, right: float) -> float:
    if kind == "add":
        return left + right
    if kind == "subtract":
        return left - right
    return left * right if kind == "multiply" else left / right
