"""Tables on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.report.terminal import Style, cells, plain, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], style: Style) -> Iterator[str]:
    """The lines of a table, its columns aligned; the last column is shortened to what fits."""
    body = [[plain(cell) for cell in row] for row in rows]
    widths = [max(cells(cell) for cell in column) for column in zip(columns, *body)]
    before = sum(widths[:-1]) + 2 * (len(widths) - 1)
    # A table too wide for its last column is left to the terminal to break.
    if style.width - before >= 20:
        widths[-1] = min(widths[-1], style.width - before)
    yield style.paint(_row(columns, widths), "bold")
    yield style.paint("  ".join("-" * width for width in widths), "dim")
    for row in body:
        yield _row(row, widths)


def _row(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = []
    for index, (cell, width) in enumerate(zip(row, widths)):
        if index == len(row) - 1:
            cell = shortened(cell, width)
        padded.append(cell + " " * (width - cells(cell)))
    return "  ".join(padded).rstrip()
