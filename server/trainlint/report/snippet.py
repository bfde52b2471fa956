"""Source lines with places underlined."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.record import Record
from trainlint.report.terminal import Cut, Style, cells, cut, screen_line, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trainlint.report.schema import LineEntry, LocationEntry

MAX_LINES = 4
"""A longer statement is shown up to here."""

MIN_LABEL = 24
"""A label with less room than this beside its underline goes below it."""


class Mark(Record):
    """A place to underline with `sign`, and what stands beside the underline."""

    location: LocationEntry
    sign: str
    label: str
    colour: str


def snippet(marks: Sequence[Mark], lines: Sequence[LineEntry], gutter: int, style: Style) -> Iterator[str]:
    """The line that all marks begin on, one underline for each mark, and the lines that a single mark goes on to."""
    first = marks[0].location
    text = {line["line"]: line["text"] for line in lines if _same_text(line, first)}
    room = max(style.width - gutter - 5, 20)
    whole = screen_line(text.get(first["line"], ""))
    spans = [_span(mark, whole.width, text.get(first["line"], "")) for mark in marks]
    start, end = whole.at(min(span[0] for span in spans)), whole.at(max(span[1] for span in spans))
    part = cut(whole, start, end, room)
    yield _numbered(first["line"], part.text, gutter, style)
    for mark, (column, end_column) in zip(marks, spans):
        yield from _underline(mark, part, whole.at(column), whole.at(end_column), gutter, room, style)
    last = first["end_line"] if len(marks) == 1 else first["line"]
    if last > first["line"] and first["end_column"] == 1:
        last -= 1
    for number in range(first["line"] + 1, min(last, first["line"] + MAX_LINES - 1) + 1):
        line = screen_line(text.get(number, ""))
        yield _numbered(number, cut(line, 0, line.width, room).text, gutter, style)
    if last > first["line"] + MAX_LINES - 1:
        yield f"  {'...'.rjust(gutter)} {style.paint(f'| to line {last}', 'dim')}"


def _same_text(line: LineEntry, location: LocationEntry) -> bool:
    return line["file"] == location["file"] and line["cell"] == location["cell"]


def _span(mark: Mark, width: int, text: str) -> tuple[int, int]:
    """Columns of the mark on its first line."""
    location = mark.location
    if location["end_line"] == location["line"]:
        return location["column"], location["end_column"]
    return location["column"], len(text.rstrip()) + 1


def _numbered(number: int, text: str, gutter: int, style: Style) -> str:
    return f"  {style.paint(f'{str(number).rjust(gutter)} |', 'dim')} {text}".rstrip()


def _underline(mark: Mark, part: Cut, start: int, end: int, gutter: int, room: int, style: Style) -> Iterator[str]:
    bar = f"  {style.paint(' ' * gutter + ' |', 'dim')} "
    left, right = part.at(start), part.at(end)
    # A place without width, as in an empty cell, still shows where it is.
    signs = mark.sign * max(right - left, 1)
    underline = " " * left + style.paint(signs, mark.colour, "bold")
    left_over = room - left - len(signs) - 1
    label = mark.label
    if not label:
        yield bar + underline
    elif cells(label) <= left_over:
        yield f"{bar}{underline} {_label(label, mark, style)}"
    elif left_over >= MIN_LABEL:
        rows = wrapped(label, left_over)
        yield f"{bar}{underline} {_label(rows[0], mark, style)}"
        for row in rows[1:]:
            yield f"{bar}{' ' * (left + len(signs) + 1)}{_label(row, mark, style)}"
    else:
        yield bar + underline
        # Below its underline, moved to the left as far as the words need it.
        indent = min(left, max(room - max(min(cells(label), room), MIN_LABEL), 0))
        for row in wrapped(label, room - indent):
            yield f"{bar}{' ' * indent}{_label(row, mark, style)}"


def _label(text: str, mark: Mark, style: Style) -> str:
    return style.paint(text, mark.colour)
