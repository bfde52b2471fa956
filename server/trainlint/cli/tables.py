"""Tables on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.report.terminal import Style, cells, plain, words, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

GAP = 2

PROSE = 40
"""A column that is wider holds sentences: they are read in lines that are not much shorter."""

INDENT = "    "


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], style: Style) -> Iterator[str]:
    """The lines of a table, its columns aligned.

    Where it is too wide, cells are broken into lines at their spaces; where that is not enough, the columns that do
    not fit stand below the others, row by row.
    """
    body = [[plain(cell) for cell in row] for row in rows]
    natural = [max(cells(cell) for cell in column) for column in zip(columns, *body)]
    prose = min(PROSE, style.width - len(INDENT))
    least = [_least(column, width, prose) for column, width in zip(zip(columns, *body), natural)]
    groups = _groups(least, style.width)
    widths: list[int] = []
    for group in groups:
        widths += _widths(natural[group], least[group], style.width - (len(INDENT) if group.start else 0))
    for line in _rows(columns, widths, groups):
        yield style.paint(line, "bold")
    yield style.paint("  ".join("-" * width for width in widths[groups[0]]), "dim")
    for row in body:
        yield from _rows(row, widths, groups)


def _least(column: Sequence[str], natural: int, prose: int) -> int:
    """The width that a column needs so that no word is broken and sentences can be read."""
    longest = max((cells(word) for cell in column for word in words(cell)), default=0)
    return max(longest, prose if natural > prose else 0)


def _groups(least: Sequence[int], width: int) -> list[slice]:
    """The columns that stand beside each other."""
    groups = [slice(0, 1)]
    for index in range(1, len(least)):
        group = groups[-1]
        room = width - (len(INDENT) if group.start else 0)
        if sum(least[group.start : index + 1]) + GAP * (index - group.start) <= room:
            groups[-1] = slice(group.start, index + 1)
        else:
            groups.append(slice(index, index + 1))
    return groups


def _widths(natural: Sequence[int], least: Sequence[int], width: int) -> list[int]:
    """The columns' widths: as they are where they fit, else the widest gives way first."""
    widths = list(natural)
    over = sum(widths) + GAP * (len(widths) - 1) - width
    while over > 0:
        shrinkable = [index for index in range(len(widths)) if widths[index] > least[index]]
        if not shrinkable:
            break
        widths[max(shrinkable, key=lambda index: widths[index] - least[index])] -= 1
        over -= 1
    return widths


def _rows(row: Sequence[str], widths: Sequence[int], groups: Sequence[slice]) -> Iterator[str]:
    for group in groups:
        indent = INDENT if group.start else ""
        broken = [wrapped(cell, max(width, 1)) for cell, width in zip(row[group], widths[group])]
        for nth in range(max(len(lines) for lines in broken)):
            shown = [lines[nth] if nth < len(lines) else "" for lines in broken]
            padded = [cell + " " * (width - cells(cell)) for cell, width in zip(shown, widths[group])]
            line = (indent + "  ".join(padded)).rstrip()
            if line or not group.start:
                yield line
