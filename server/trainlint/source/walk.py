"""The state of the walk over the tree of one unit, whichever parser made the tree.

One walk makes the code, and the same walk over the same text, with a recorder in place of the plain state, tells
which tree each number stands for: that is how `spans.py` finds positions without keeping trees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainlint.source import code
from trainlint.source.code import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.source.units import Unit


class Walk:
    """Counts places, collects the dotted names.

    `inside` is the f-string around what is walked: all that stands in it has its place, since older versions of
    Python do not know better.
    """

    __slots__ = ("dotted", "inside", "number", "unit", "yields")

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.number = 0
        self.dotted: set[str] = set()
        self.yields = False
        self.inside: Any = None

    def place(self, tree: Any) -> code.Place:
        """The next place of the unit."""
        number = self.number
        self.number = number + 1
        return Place(self.unit, number)

    def statement(self, tree: Any, header: Any = None) -> None:
        """Says that what follows belongs to this statement; `header` is the body of a compound one."""

    def enter(self, name: str) -> None:
        """Says that what follows is inside of this function or class."""

    def leave(self) -> None:
        """Ends what `enter` began."""


class Recorder(Walk):
    """A walk that remembers for each number its tree, its statement and the definition around it."""

    __slots__ = ("current", "definitions", "names", "statements", "trees")

    def __init__(self, unit: Unit) -> None:
        super().__init__(unit)
        self.trees: list[Any] = []
        self.statements: list[Any] = []
        self.definitions: list[str] = []
        self.current: Any = None
        self.names: list[str] = []

    def place(self, tree: Any) -> code.Place:
        self.trees.append(tree if self.inside is None else self.inside)
        self.statements.append(self.current)
        self.definitions.append(".".join(self.names))
        return super().place(tree)

    def statement(self, tree: Any, header: Any = None) -> None:
        self.current = (tree, header)

    def enter(self, name: str) -> None:
        self.names.append(name)

    def leave(self) -> None:
        self.names.pop()


def statements_of(block: code.Block) -> Iterator[code.Node]:
    """All statements of a block in the order of the text, those inside of compound ones included."""
    for part in block.parts:
        for node in part.statements:
            yield node
            for field in ("body", "handlers", "cases", "orelse", "final"):
                inner = getattr(node, field, ())
                for each in inner if isinstance(inner, tuple) else (inner,):
                    body = each if isinstance(each, code.Block) else getattr(each, "body", None)
                    if isinstance(body, code.Block):
                        yield from statements_of(body)


def fields_of(node: code.Node) -> Iterator[Any]:
    """What a node holds: nodes, blocks, tuples of them and plain values."""
    for field in type(node).__fields__:  # type: ignore[attr-defined]
        if field != "place":
            yield getattr(node, field)


def calls_in(statements: tuple[code.Node, ...]) -> Iterator[code.Call]:
    """All calls in statements and in what they hold, in no order."""
    waiting: list[Any] = list(statements)
    while waiting:
        item = waiting.pop()
        if isinstance(item, code.Node):
            if isinstance(item, code.Call):
                yield item
            waiting.extend(fields_of(item))
        elif isinstance(item, code.Block):
            for part in item.parts:
                waiting.extend(part.statements)
        elif isinstance(item, tuple):
            waiting.extend(item)


def docstring_of(body: code.Block) -> str | None:
    """The docstring that a body starts with."""
    for part in body.parts[:1]:
        for first in part.statements[:1]:
            if isinstance(first, code.Evaluate) and isinstance(first.value, code.Constant):
                value = first.value.value
                return value if isinstance(value, str) else None
    return None


def merged(parts: list[str | code.Node]) -> tuple[str | code.Node, ...]:
    """The parts of an f-string with neighbouring texts joined, without empty ones."""
    result: list[str | code.Node] = []
    for part in parts:
        if isinstance(part, str) and result and isinstance(result[-1], str):
            result[-1] += part
        elif part != "":
            result.append(part)
    return tuple(result)
