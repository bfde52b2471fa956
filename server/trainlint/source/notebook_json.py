"""The JSON of a notebook, whatever is written into it: its cells, and values of the kind that they should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def cells_of(document: dict[str, Any]) -> Iterator[tuple[tuple[str | int, ...], dict[str, Any]]]:
    """Of every cell the path to it and the cell; until the third format they lie in worksheets."""
    if isinstance(document.get("cells"), list):
        sheets: list[tuple[tuple[str | int, ...], Any]] = [((), document)]
    else:
        sheets = [(("worksheets", index), sheet) for index, sheet in enumerate(as_list(document.get("worksheets")))]
    for prefix, sheet in sheets:
        for index, cell in enumerate(as_list(as_object(sheet).get("cells"))):
            yield (*prefix, "cells", index), as_object(cell)


def source_key(cell: dict[str, Any]) -> str:
    """What the source of a cell is called, which was `input` until the third format."""
    return "source" if "source" in cell else "input"


def as_object(value: Any) -> dict[str, Any]:
    """An object; empty if the value is none."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """A list; empty if the value is none."""
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str | None:
    """A text, which may be written as a list of its lines; None if the value is neither."""
    if isinstance(value, list) and all(isinstance(piece, str) for piece in value):
        return "".join(value)
    return value if isinstance(value, str) else None
