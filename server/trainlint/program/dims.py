"""Dimensions of shapes: integers, named symbols and arithmetic on them.

A dimension is an int, a `Symbol` that stands for one unknown but fixed number, or None when nothing is known.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Union

from trainlint.record import Record


class Symbol(Record):
    """A number that the code leaves open, equal to itself wherever it appears.

    `batch` marks the number of samples that go through the network at once, `varying` one that differs from round to
    round of a loop. A sum of symbols keeps its `terms` (symbol, factor) and `offset`: `(i + 1) * n - i * n` is n.
    """

    name: str
    key: Hashable
    batch: bool = False
    varying: bool = False
    terms: tuple[tuple[Symbol, int], ...] = ()
    offset: int = 0

    def __repr__(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        return type(other) is Symbol and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


Dim = Union[int, Symbol, None]
Shape = Union[tuple[Dim, ...], None]


def combine(operator: str, left: Dim, right: Dim) -> Dim:
    """`left operator right` for + - * // %; None when nothing can be said."""
    if left is None or right is None:
        return None
    if isinstance(left, int) and isinstance(right, int):
        return _compute(operator, left, right)
    if operator == "+":
        return _linear(left, right, 1)
    if operator == "-":
        return _linear(left, right, -1)
    if operator == "*":
        if isinstance(right, int):
            return _scale(left, right)
        if isinstance(left, int):
            return _scale(right, left)
        factors = sorted((left, right), key=_order)
        return _derived("*", *factors)
    if right == 1 and operator == "//":
        return left
    if left == right:
        return 1 if operator == "//" else 0
    if isinstance(left, Symbol) and isinstance(right, int) and right and left.terms:
        if left.offset % right == 0 and all(factor % right == 0 for _, factor in left.terms):
            if operator == "%":
                return 0
            return _build({s: f // right for s, f in left.terms}, left.offset // right)
    return _derived(operator, left, right)


def _compute(operator: str, left: int, right: int) -> Dim:
    if operator == "+":
        return left + right
    if operator == "-":
        return left - right
    if operator == "*":
        return left * right
    if right == 0:
        return None
    return left // right if operator == "//" else left % right


def _parts(dim: int | Symbol) -> tuple[dict[Symbol, int], int]:
    if isinstance(dim, int):
        return {}, dim
    if dim.terms:
        return dict(dim.terms), dim.offset
    return {dim: 1}, 0


def _linear(left: int | Symbol, right: int | Symbol, sign: int) -> Dim:
    terms, offset = _parts(left)
    others, other_offset = _parts(right)
    for symbol, factor in others.items():
        terms[symbol] = terms.get(symbol, 0) + sign * factor
    return _build(terms, offset + sign * other_offset)


def _scale(symbol: Dim, factor: int) -> Dim:
    assert symbol is not None
    terms, offset = _parts(symbol)
    return _build({s: f * factor for s, f in terms.items()}, offset * factor)


def _build(terms: dict[Symbol, int], offset: int) -> Dim:
    kept = tuple(sorted(((s, f) for s, f in terms.items() if f), key=lambda item: _order(item[0])))
    if not kept:
        return offset
    if len(kept) == 1 and kept[0][1] == 1 and offset == 0:
        return kept[0][0]
    text = " + ".join(s.name if f == 1 else f"{f}*{s.name}" for s, f in kept)
    if offset:
        text += f" + {offset}" if offset > 0 else f" - {-offset}"
    key = ("linear", offset, tuple((s.key, f) for s, f in kept))
    return Symbol(text, key, varying=any(s.varying for s, _ in kept), terms=kept, offset=offset)


def _derived(operator: str, left: int | Symbol, right: int | Symbol) -> Symbol:
    varying = any(isinstance(d, Symbol) and d.varying for d in (left, right))
    return Symbol(f"{_text(left)}{operator}{_text(right)}", (operator, _key(left), _key(right)), varying=varying)


def _order(dim: int | Symbol) -> str:
    return repr(_key(dim)) if isinstance(dim, int) else f"{dim.name} {dim.key!r}"


def _key(dim: int | Symbol) -> Hashable:
    return dim if isinstance(dim, int) else dim.key


def _text(dim: int | Symbol) -> str:
    return str(dim) if isinstance(dim, int) else f"({dim.name})" if not dim.name.isidentifier() else dim.name


def product(dims: Iterable[Dim]) -> Dim:
    """The product of all dimensions, 1 for none."""
    result: Dim = 1
    for dim in dims:
        result = combine("*", result, dim)
    return result


def same(left: Dim, right: Dim) -> bool | None:
    """True or False when the two are proved equal or different, else None."""
    if left is None or right is None:
        return None
    if left == right:
        return True
    if isinstance(left, int) and isinstance(right, int):
        return False
    return None


def is_batch(dim: Dim) -> bool:
    return isinstance(dim, Symbol) and dim.batch


def broadcast(left: Shape, right: Shape) -> Shape:
    """The shape of an elementwise operation; None when the ranks are unknown.

    Two dimensions that can't be joined give None: whoever reports shape errors compares the operands itself.
    """
    if left is None or right is None:
        return None
    if len(left) < len(right):
        left, right = right, left
    padding: tuple[Dim, ...] = (1,) * (len(left) - len(right))
    return tuple(_broadcast_dim(a, b) for a, b in zip(left, padding + right))


def _broadcast_dim(left: Dim, right: Dim) -> Dim:
    if left == 1:
        return right
    if right == 1 or left == right or (is_batch(left) and is_batch(right)):
        return left  # what goes through one network has one number of rows
    # One of them may still be 1, so the other is the result only if it is an int above 1.
    if isinstance(left, int) and isinstance(right, int):
        return None
    if isinstance(left, int):
        return left
    if isinstance(right, int):
        return right
    return None


def show(shape: Shape) -> str:
    """The shape as a message shows it: "[128, 1]", "[?, 10]", "an unknown shape"."""
    if shape is None:
        return "an unknown shape"
    return "[" + ", ".join("?" if dim is None else str(dim) for dim in shape) + "]"
