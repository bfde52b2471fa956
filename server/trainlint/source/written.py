"""The files that cells of a notebook write with `%%writefile`, and where their lines stand in its cells."""

from __future__ import annotations

import os
from bisect import bisect_right
from typing import TYPE_CHECKING

from trainlint.record import Record
from trainlint.source.text import EditError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainlint.source.document import Document
    from trainlint.source.magics import WrittenFile
    from trainlint.source.text import TextEdit

_VARIABLE = frozenset("{$~\0")
"""What IPython or the system replaces: which file is meant is not known."""


class Piece(Record):
    """The text of one cell: the `line` of the file that it starts on, and the cell's line that this is."""

    line: int
    cell: int
    cell_id: str | None
    cell_line: int
    text: str


class WrittenModule(Record):
    """A file that cells write, the map from its lines to those of the cells.

    It exists in the notebook only, so nothing can be written back.
    """

    path: str
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        """The whole file."""
        return "".join(piece.text for piece in self.pieces)

    @property
    def data(self) -> bytes:
        """The whole file as bytes."""
        return self.text.encode("utf-8", "replace")

    @property
    def boundaries(self) -> tuple[int, ...]:
        """No boundaries: what one cell leaves open, the next one that appends to the file may close."""
        return ()

    def locate(self, line: int) -> tuple[int, str | None, int]:
        """The index of the cell that holds a line of the file, the cell's id, and the line within the cell."""
        piece = self.pieces[max(0, bisect_right([piece.line for piece in self.pieces], line) - 1)]
        return piece.cell, piece.cell_id, line - piece.line + piece.cell_line

    def line_text(self, cell: int | None, line: int) -> str | None:
        """A line of a cell, None if no part of the file stands there."""
        for piece in self.pieces:
            lines = piece.text.split("\n")
            if piece.cell == cell and 0 <= line - piece.cell_line < len(lines):
                return lines[line - piece.cell_line]
        return None

    def encode(self, edits: Sequence[TextEdit]) -> bytes:
        """The bytes as they are; raises EditError if there are edits."""
        if edits:
            raise EditError("a cell of the notebook writes the file")
        return self.data


def written_modules(files: Sequence[WrittenFile], notebook: Document) -> dict[str, WrittenModule]:
    """The files by absolute path; of several cells that write one file the last one counts, with what is appended.

    A file whose name is not a plain one, or that is appended to what the disk holds, is left out.
    """
    found: dict[str, WrittenModule] = {}
    if notebook.cells is None:
        return found
    folder = os.path.dirname(os.path.abspath(notebook.path))
    for file in files:
        if not _VARIABLE.isdisjoint(file.name):
            continue
        path = os.path.normpath(os.path.join(folder, file.name))
        before = found.get(path)
        if file.append and before is None:
            continue
        pieces = before.pieces if before is not None and file.append else ()
        line = 1 + sum(piece.text.count("\n") for piece in pieces)
        text = file.text if file.text.endswith("\n") else file.text + "\n"
        piece = Piece(line, *notebook.cells.locate(notebook.line_of(file.start)), text)
        found[path] = WrittenModule(path, (*pieces, piece))
    return found
