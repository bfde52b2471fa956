"""Dimensions as numbers: what the code leaves open is chosen once, and said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Union

from trainlint.probe.refusal import NotCarried
from trainlint.program.dims import Symbol, is_batch

if TYPE_CHECKING:
    from trainlint.program.dims import Dim, Shape
    from trainlint.source.code import Place

ROWS = "N"
"""The number of rows of a batch, as the experiment format writes it."""

Size = Union[int, str]

FEATURES = 20
STEPS = 16
PIXELS = 32
CHANNELS = 3
"""What stands for sizes that the code does not tell: columns of a table, steps of a sequence, sides of a picture."""


class Amounts:
    """The numbers that stand for the dimensions of a program; `assumed` says which were chosen."""

    def __init__(self, rows: int | None = None) -> None:
        self.rows = rows
        """The number of rows where the program fixes it: a leading axis of this size is the batch."""
        self.assumed: list[str] = []
        self._chosen: dict[Any, int] = {}

    def choose(self, shape: Shape, what: str) -> None:
        """Gives the open sizes of data numbers, so that everything that is made from them has some."""
        if shape is None:
            return
        for axis, dim in enumerate(shape):
            if axis == 0 or not isinstance(dim, Symbol) or is_batch(dim) or dim.terms or dim in self._chosen:
                continue
            self._chosen[dim] = number = usual(len(shape), axis)
            self.assumed.append(f"`{dim.name}` of {what} is unknown: {number} is taken")

    def number(self, dim: Dim, place: Place | None = None) -> Size:
        """A dimension as the experiment writes it; raises NotCarried for one that nothing tells."""
        if isinstance(dim, int):
            return dim
        if isinstance(dim, Symbol):
            if is_batch(dim):
                return ROWS
            if dim in self._chosen:
                return self._chosen[dim]
            if dim.terms:
                sizes = [(self.number(symbol, place), factor) for symbol, factor in dim.terms]
                if all(isinstance(size, int) for size, _ in sizes):
                    return sum(size * factor for size, factor in sizes if isinstance(size, int)) + dim.offset
        name = f"`{dim.name}`" if isinstance(dim, Symbol) else "a size"
        raise NotCarried(f"{name} is unknown", place)

    def shape(self, shape: Shape, place: Place | None = None, leading: bool = True) -> list[Size]:
        """A shape as the experiment writes it; with `leading` the first axis may be the batch."""
        if shape is None:
            raise NotCarried("a shape is unknown", place)
        result = [self.number(dim, place) for dim in shape]
        if leading and result and result[0] == self.rows:
            result[0] = ROWS
        return result


def usual(rank: int, axis: int) -> int:
    """A size that data of a rank usually has on an axis."""
    if rank == 4:
        return CHANNELS if axis == 3 else PIXELS
    return STEPS if rank == 3 and axis == 1 else FEATURES


def count(shape: Sequence[Size]) -> int:
    """How many numbers a shape holds; the rows of a batch count as one."""
    total = 1
    for size in shape:
        total *= size if isinstance(size, int) else 1
    return total
