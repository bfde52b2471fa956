"""Lines of cells: where a notebook's file holds them, and which of them an older version did not have."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from trainlint.source.notebook import read_notebook
from trainlint.source.notebook_edits import find_sources
from trainlint.source.text import EditError

if TYPE_CHECKING:
    from trainlint.source.notebook_edits import Source


def stored_lines(data: bytes) -> dict[int, list[int]]:
    """For each code cell the lines of the file (from 1) that its lines stand on; empty where that cannot be told.

    `nbformat` writes a line of a cell on a line of its own; other writers may put a whole cell or notebook on one.
    """
    cells = read_notebook(data).cells
    try:
        text = data.decode(json.detect_encoding(data))
        sources = find_sources(text, {cell.path for cell in cells})
    except (EditError, ValueError):
        return {}
    ends = [match.start() for match in re.finditer("\n", text)]
    return {cell.index: _lines(text, sources[cell.path], ends) for cell in cells}


def changed_lines(before: bytes | None, now: bytes) -> set[tuple[int, int]]:
    """The cells and lines in them that an older version of a notebook, if there was one, did not have.

    Cells are compared by their lines: outputs, identities and the layout of the file make no difference.
    """
    places: list[tuple[int, int]] = []
    lines: list[str] = []
    for cell in read_notebook(now).cells:
        for number, line in enumerate(cell.newlines.text.split("\n"), 1):
            places.append((cell.index, number))
            lines.append(line)
    older = [] if before is None else [
        line for cell in read_notebook(before).cells for line in cell.newlines.text.split("\n")
    ]  # fmt: skip
    matcher = SequenceMatcher(None, older, lines, autojunk=False)
    return {
        place
        for tag, _, _, start, end in matcher.get_opcodes()
        if tag in ("insert", "replace")
        for place in places[start:end]
    }


def _lines(text: str, source: Source, ends: list[int]) -> list[int]:
    found: list[int] = []
    # Where a string ends without a line end, the next one goes on with its line.
    goes_on = False
    for start, end in source.strings:
        pieces = str(json.loads(text[start:end])).split("\n")
        is_whole = pieces[-1] == "" and len(pieces) > 1
        found += [bisect_left(ends, start) + 1] * (len(pieces) - is_whole - goes_on)
        goes_on = not is_whole
    return found or [bisect_left(ends, source.start) + 1]
