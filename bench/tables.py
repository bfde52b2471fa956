"""Tables in plain text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


def table(title: str, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table with a title: numbers to the right, text to the left; only the title if there are no rows."""
    cells = [[_shown(value) for value in row] for row in rows]
    if not cells:
        return f"{title}: none\n"
    widths = [max(len(head), *(len(row[column]) for row in cells)) for column, head in enumerate(heads)]
    right = [all(_is_number(row[column]) for row in cells) for column in range(len(heads))]
    lines = [title, ""]
    lines.append(_line(heads, widths, right))
    lines.append("  " + "  ".join("-" * width for width in widths))
    lines += [_line(row, widths, right) for row in cells]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = [
        cell.rjust(width) if to_right else cell.ljust(width)
        for cell, width, to_right in zip(cells, widths, right, strict=True)
    ]
    return ("  " + "  ".join(padded)).rstrip()


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if isinstance(value, float) else " ".join(str(value).split())


def _is_number(cell: str) -> bool:
    return cell == "-" or cell.rstrip("%").replace(".", "", 1).isdigit()
