"""A text that was read: its code, what could not be read, and where everything stands."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from trainlint.finding import Location, Notice
from trainlint.source import code, spans
from trainlint.source.assemble import Assembly
from trainlint.source.load import load, load_whole
from trainlint.source.scanner import Line, Scan, rescan, scan
from trainlint.source.stretches import line_starts
from trainlint.source.units import MAX_LINES, Compound, Item, Splitter, Unit

if TYPE_CHECKING:
    from trainlint.source.units import Reuse

# A text of this size is generated data; the largest module of 9 300 public ones has 0.7 MB.
MAX_TEXT = 5_000_000


class Span(NamedTuple):
    """Lines and columns count from 1, columns in code points; the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


class Cells(Protocol):
    """The map from a virtual module to the cells of a notebook."""

    @property
    def boundaries(self) -> tuple[int, ...]:
        """Where each cell starts."""

    def locate(self, line: int) -> tuple[int, str | None, int]:
        """Cell, cell identity and line within the cell of a line."""


class Document:
    """What `read` returns.

    `text` is what all offsets refer to; for a notebook that is its virtual module, and `cells` maps lines to cells.
    `body` is the code of the whole text, `units` its units in order.
    `comments` are (offset, line, text); `dotted` holds the dotted names that the text uses or imports.
    """

    def __init__(self, path: str, text: str, cells: Cells | None = None) -> None:
        self.path = path
        self.text = text
        self.cells = cells
        self.body = code.Block()
        self.units: tuple[Unit, ...] = ()
        self.notices: tuple[Notice, ...] = ()
        self.dotted: frozenset[str] = frozenset()
        self.comments: list[tuple[int, int, str]] = []
        self.starts: dict[Unit, int] = {}
        self.facts: dict[Unit, tuple[Any, ...]] = {}
        """What comments state of the variables that a unit assigns; filled by whoever reads the comments."""
        self.scopes: dict[Unit, str] = {}
        self.failed: dict[str, int] = {}
        self.scanned = Scan([], [])
        self._line_starts: list[int] | None = None
        self._unit_at: dict[int, Unit] | None = None

    @property
    def line_starts(self) -> list[int]:
        """The offset of each line."""
        if self._line_starts is None:
            self._line_starts = line_starts(self.text)
        return self._line_starts

    @property
    def unit_at(self) -> dict[int, Unit]:
        """The units by the offset at which they start."""
        if self._unit_at is None:
            self._unit_at = {start: unit for unit, start in self.starts.items()}
        return self._unit_at

    def line_of(self, offset: int) -> int:
        """The line, from 1, that an offset is on."""
        return bisect_right(self.line_starts, offset)

    def span(self, place: code.Place | code.Stretch) -> Span:
        """Lines and columns of a place in `text`."""
        return self._span(*self.offsets(place))

    def offsets(self, place: code.Place | code.Stretch) -> tuple[int, int]:
        """Start and end of a place in `text`.

        A compound statement's place is its header with the colon, a definition's its name.
        Parentheses around an expression are outside, those of a tuple or a generator inside.
        """
        if isinstance(place, code.Stretch):
            return place.start, place.end
        return self._offsets(place, spans.table(place.unit).spans)

    def statement_offsets(self, place: code.Place | code.Stretch) -> tuple[int, int]:
        """Start and end of the innermost simple statement around a place, or of the compound header that it is in.

        The header of a definition begins with its decorators.
        """
        if isinstance(place, code.Stretch):
            return place.start, place.end
        return self._offsets(place, spans.table(place.unit).statements)

    def statement_lines(self, place: code.Place | code.Stretch) -> tuple[int, int]:
        """First and last line of the statement around a place."""
        start, end = self.statement_offsets(place)
        return self.line_of(start), self.line_of(max(start, end - 1))

    def source_of(self, place: code.Place | code.Stretch) -> str:
        """The text of a place."""
        start, end = self.offsets(place)
        return self.text[start:end]

    def shows(self, place: code.Place | code.Stretch) -> bool:
        """Whether a notebook shows the value of an expression: nothing but comments follows it in its cell."""
        if self.cells is None:
            return False
        end = self.statement_offsets(place)[1]
        boundaries = self.cells.boundaries
        index = bisect_right(boundaries, end - 1)
        rest = self.text[end : boundaries[index] if index < len(boundaries) else len(self.text)]
        return not any(line.strip() and not line.strip().startswith("#") for line in rest.split("\n"))

    def definition_of(self, place: code.Place | code.Stretch) -> str:
        """The dotted name of the function or class around a place; "" at module level."""
        if isinstance(place, code.Stretch):
            return ""
        outer = self.scopes.get(place.unit, "")
        definitions = spans.table(place.unit).definitions
        inner = definitions[place.number] if place.number < len(definitions) else ""
        return f"{outer}.{inner}" if outer and inner else outer or inner

    def location(self, place: code.Place | code.Stretch) -> Location:
        """The place in the user's file: in a notebook the cell, and lines within it."""
        return self.locate(*self.offsets(place))

    def locate(self, start: int, end: int) -> Location:
        """A stretch of `text` in the user's file."""
        line, column, end_line, end_column = self._span(start, end)
        if self.cells is None:
            return Location(self.path, line, column, end_line, end_column)
        cell, cell_id, cell_line = self.cells.locate(line)
        shift = line - cell_line
        return Location(self.path, cell_line, column, end_line - shift, end_column, cell, cell_id)

    def _span(self, start: int, end: int) -> Span:
        starts = self.line_starts
        line, end_line = bisect_right(starts, start), bisect_right(starts, end)
        return Span(line, start - starts[line - 1] + 1, end_line, end - starts[end_line - 1] + 1)

    def _offsets(self, place: code.Place, table: list[tuple[int, int]]) -> tuple[int, int]:
        base = self.starts[place.unit]
        start, end = table[place.number] if place.number < len(table) else spans.first_line(place.unit)
        return base + start, base + end


def read(
    text: str, path: str = "<string>", previous: Document | None = None, cells: Cells | None = None,
    most_lines: int = MAX_LINES,
) -> Document:  # fmt: skip
    """The document of a text; never fails.

    With `previous`, an earlier reading of about the same text, units that did not change are the same objects.
    Compound statements of at least `most_lines` lines are split into several.
    Must run on the main thread or on one with a stack of at least 8 MB (see `parser`).
    """
    if "\r" in text:
        # Offsets stay what they are: each carriage return becomes one character.
        text = text.replace("\r\n", " \n").replace("\r", "\n")
    document = Document(path, text, cells)
    if len(text) > MAX_TEXT:
        message = f"a file of {len(text) / 1e6:.0f} MB is too long to analyse"
        document.notices = (Notice("incomplete", path, message),)
        return document
    boundaries: tuple[int, ...] = () if cells is None else cells.boundaries
    before, after = (0, 0) if previous is None else common_ends(text, previous.text)
    if previous is None or boundaries or previous.cells is not None:
        document.scanned = scan(text, boundaries)
    else:
        document.scanned = rescan(text, previous.text, previous.scanned, before, after)
    lines = document.scanned.lines
    reuse = _reuse(text, previous, before, after)
    splitter = Splitter(text, lines, reuse, previous.failed if previous is not None else {}, most_lines)
    items: list[Item] = []
    first = 0
    for boundary in boundaries[1:]:
        stop = bisect_left(lines, boundary, first, key=_start)
        items.extend(splitter.items(first, stop))
        first = stop
    items.extend(splitter.items(first, len(lines)))
    if previous is None:
        load_whole(text, items, splitter.starts, document.line_starts)
    while splitter.pending:
        pending, splitter.pending = splitter.pending, []
        load(pending, splitter.divisible)
        replaced = {unit: splitter.fail(unit) for unit in pending if unit.failure is not None}
        if replaced:
            items = _replaced(items, replaced)
    document.failed = {text[start:end]: line for start, end, line in splitter.failures}
    assembly = Assembly(splitter.starts)
    document.body = assembly.block(items, "")
    document.units = tuple(assembly.units)
    document.starts = assembly.starts
    document.scopes = assembly.scopes
    document.dotted = frozenset().union(*[unit.dotted for unit in document.units if unit.dotted])
    document.comments = [(offset, document.line_of(offset), comment) for offset, comment in document.scanned.comments]
    document.notices = _notices(
        document, [*sorted(splitter.misfits, reverse=True), *sorted(splitter.failures, reverse=True)]
    )
    return document


def _start(line: Line) -> int:
    return line.start


def _replaced(items: list[Item], replaced: dict[Unit, list[Item]]) -> list[Item]:
    result: list[Item] = []
    for item in items:
        if isinstance(item, Compound):
            for clause in item.clauses:
                clause.items = _replaced(clause.items, replaced)
            result.append(item)
        elif item in replaced:
            result.extend(replaced[item])
        else:
            result.append(item)
    return result


def _reuse(text: str, previous: Document | None, before: int, after: int) -> Reuse:
    """A function that finds the unit of the previous document for a new text, each at most once."""
    if previous is None:
        return lambda kind, block, start, text: None
    old = previous.text
    shift = len(text) - len(old)
    at = previous.unit_at
    used: set[Unit] = set()
    edited: dict[str, list[Unit]] = {}
    for unit, start in previous.starts.items():
        if start + len(unit.text) > before and start < len(old) - after:
            edited.setdefault(unit.text, []).append(unit)
    for units in edited.values():
        units.reverse()

    def reuse(kind: str, block: bool, start: int, text: str) -> Unit | None:
        for offset in (start, start - shift):
            unit = at.get(offset)
            if unit is not None and unit.text == text and unit.kind == kind and unit.block == block:
                if unit not in used:
                    used.add(unit)
                    return unit
        waiting = edited.get(text)
        while waiting:
            unit = waiting.pop()
            if unit not in used and unit.kind == kind and unit.block == block:
                used.add(unit)
                return unit
        return None

    return reuse


def common_ends(one: str, other: str) -> tuple[int, int]:
    """How many characters two texts share at their start and, behind those, at their end."""
    before = common_prefix(one, other)
    return before, min(common_suffix(one, other), min(len(one), len(other)) - before)


def common_prefix(one: str, other: str) -> int:
    """How many characters two texts share at their start."""
    low, high = 0, min(len(one), len(other))
    if one[:high] == other[:high]:
        return high
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def common_suffix(one: str, other: str) -> int:
    """How many characters two texts share at their end."""
    size, rest = len(one), len(other)
    low, high = 0, min(size, rest)
    while low < high:
        middle = (low + high + 1) // 2
        if one[size - middle : size - low] == other[rest - middle : rest - low]:
            low = middle
        else:
            high = middle - 1
    return low


def _notices(document: Document, failures: list[tuple[int, int, int]]) -> tuple[Notice, ...]:
    found: list[tuple[int, str, str]] = []
    legacy: list[tuple[int, str, bool]] = []
    for unit in document.units:
        if unit.legacy is None and unit.notice is None:
            continue
        line = document.line_of(document.starts[unit])
        if unit.legacy is not None:
            legacy.append((line, unit.legacy, unit.notice is not None))
        elif unit.notice is not None:
            found.append((line + unit.notice[1], unit.notice[0], unit.notice[2]))
    noticed = [document.starts[unit] for unit in document.units if unit.notice is not None or unit.legacy is not None]
    for start, end, line in failures:
        # All pieces were read, so it is the way they stand together: tabs against blanks, a stray indent.
        if not any(start <= offset < end for offset in noticed):
            noticed.append(start)
            found.append((document.line_of(start) + line, "syntax-skipped", "syntax error near this line"))
    if legacy:
        line, construct, _ = legacy[0]
        skipped = sum(1 for _, _, was_skipped in legacy if was_skipped)
        number = "1 statement" if len(legacy) == 1 else f"{len(legacy)} statements"
        message = f"Python 2 code in {number}, the first is a {construct}"
        message += f"; {skipped} of them skipped" if skipped else "; read as Python 3"
        found.append((line, "syntax-skipped", message))
    notices = []
    for line, kind, message in _shortened(sorted(found)):
        cell = None
        if document.cells is not None:
            cell, _, line = document.cells.locate(line)
        notices.append(Notice(kind, document.path, message, line, cell))
    return tuple(notices)


MAX_NOTICES = 5
"""More unreadable statements than this are counted, not listed: such a text is hardly Python."""


def _shortened(found: list[tuple[int, str, str]]) -> list[tuple[int, str, str]]:
    """The notices, with one that counts in place of all but the first few of a text that can hardly be read."""
    skipped = [entry for entry in found if entry[1] == "syntax-skipped"]
    if len(skipped) <= MAX_NOTICES:
        return found
    rest = skipped[MAX_NOTICES - 1 :]
    counted = frozenset(rest)
    message = f"{len(rest)} more statements from here on have syntax errors"
    return sorted([entry for entry in found if entry not in counted] + [(rest[0][0], "syntax-skipped", message)])
