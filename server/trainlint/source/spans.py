"""Where the numbered nodes of a unit stand in its text.

Nobody asks for most places, so positions are found on the first demand: the unit is parsed again, walked again with a
recorder, and its code generated once.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Any

from trainlint.source import fast, load
from trainlint.source.load import Wrapped
from trainlint.source.parser import Positions, SyntaxFailure, parse
from trainlint.source.stretches import Stretches
from trainlint.source.walk import Recorder

if TYPE_CHECKING:
    from trainlint.source.units import Unit

MAX_TABLES = 256

Span = tuple[int, int]


class Table:
    """The spans of one unit by number, as offsets into its text.

    `statements` are those of the innermost simple statement or compound header, `definitions` the dotted names of the
    functions and classes around, within the unit.
    """

    __slots__ = ("definitions", "spans", "statements")

    def __init__(self, spans: list[Span], statements: list[Span], definitions: list[str]) -> None:
        self.spans = spans
        self.statements = statements
        self.definitions = definitions


_tables: OrderedDict[int, tuple[Unit, Table]] = OrderedDict()
_lock = Lock()


def table(unit: Unit) -> Table:
    """The spans of a unit; computed once and kept while the unit is among the last MAX_TABLES asked for."""
    with _lock:
        found = _tables.get(id(unit))
        if found is not None:
            _tables.move_to_end(id(unit))
            return found[1]
    made = _compute(unit)
    with _lock:
        _tables[id(unit)] = unit, made
        while len(_tables) > MAX_TABLES:
            _tables.popitem(last=False)
    return made


def first_line(unit: Unit) -> Span:
    """The first line of a unit without its indent: where a node stands of which no more is known."""
    start = len(unit.indent)
    end = unit.text.find("\n")
    return start, end if end >= 0 else len(unit.text)


def _compute(unit: Unit) -> Table:
    try:
        return _positions(unit)
    except (RecursionError, SyntaxFailure, LookupError, AttributeError, ValueError):
        return Table([], [], [])


def _positions(unit: Unit) -> Table:
    if unit.skipped:
        return Table([], [], [])
    if unit.by_python:
        return _python_positions(unit)
    text = unit.text if unit.repaired is None else unit.repaired
    wrapped = Wrapped(unit, text)
    module = parse(wrapped.text)
    recorder = Recorder(unit)
    load.walk(unit, recorder, load.trees(unit, module))
    positions = Positions(module)
    back = _identity(unit) if unit.repaired is None else _mapping(unit.text, text)

    def place(start: int, end: int) -> Span:
        start -= wrapped.offset
        end -= wrapped.offset
        while start < end and text[start : start + 1] in " \t\f\n\\#":
            # Some trees of libcst own what stands in front of them.
            start = max(text.find("\n", start), start + 1) if text[start : start + 1] == "#" else start + 1
        end = max(min(end, len(text)), start)
        while end > start and text[end - 1] in " \t\f\n\\":
            end -= 1
        first, last = back(start), back(end)
        return first, max(first, last)

    def span(tree: Any) -> Span:
        if type(tree) is not tuple:
            return place(*positions.span(tree))
        first, last = tree[0], tree[1]
        if len(tree) == 3 and tree[2] == ":":
            return place(positions.span(first)[0], colon(last))
        if len(tree) == 3:
            return place(positions.span(first)[0], positions.outer[id(last)][0])
        return place(positions.span(first)[0], positions.outer[id(last)][1])

    def colon(last: Any) -> int:
        return wrapped.text.index(":", positions.outer[id(last)][1]) + 1

    statements: dict[int, Span] = {}

    def statement(entry: Any) -> Span:
        tree, body = entry
        found = statements.get(id(tree))
        if found is None:
            start, end = positions.span(tree)
            if type(body) is tuple:
                end = colon(body[0])
            elif body is not None:
                end = positions.outer[id(body)][0]
                decorators = getattr(tree, "decorators", ())
                if decorators:
                    start = positions.span(decorators[0])[0]
            found = statements[id(tree)] = place(start, end)
        return found

    return Table(
        [span(tree) for tree in recorder.trees],
        [statement(entry) for entry in recorder.statements],
        recorder.definitions,
    )


def _python_positions(unit: Unit) -> Table:
    wrapped = Wrapped(unit, unit.text)
    module = fast.parse(wrapped.text)
    recorder = Recorder(unit)
    load.python_walk(unit, recorder, load.python_trees(unit, module))
    stretches = Stretches(wrapped.text)
    size = len(unit.text)

    def place(span: Span) -> Span:
        start, end = span[0] - wrapped.offset, span[1] - wrapped.offset
        start = min(max(start, 0), size)
        return start, min(max(end, start), size)

    return Table(
        [place(stretches.span(tree)) for tree in recorder.trees],
        [place(stretches.statement(*entry)) for entry in recorder.statements],
        recorder.definitions,
    )


def _identity(unit: Unit) -> Any:
    size = len(unit.text)
    return lambda offset: min(max(offset, 0), size)


def _mapping(original: str, repaired: str) -> Any:
    """From offsets in a repaired text to the original: the same line and column, as far as the line goes."""
    ends = []
    offset = 0
    for line in original.split("\n"):
        ends.append((offset, offset + len(line)))
        offset += len(line) + 1

    def back(position: int) -> int:
        position = min(max(position, 0), len(repaired))
        line = repaired.count("\n", 0, position)
        column = position - (repaired.rfind("\n", 0, position) + 1)
        start, end = ends[min(line, len(ends) - 1)]
        return min(start + column, end)

    return back
