"""Jupyter notebooks as one virtual module, and edits of that module back into the notebook.

Only the standard library's `json` reads the file.
The virtual module is the code cells in their order, without IPython's syntax, each cell starting on a line of its own.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Any

from trainlint.finding import Notice
from trainlint.record import Record
from trainlint.source.magics import WrittenFile, plain_cell
from trainlint.source.notebook_json import as_object, as_text, cells_of, source_key
from trainlint.source.notebook_runs import ran_with
from trainlint.source.text import EditError, Newlines, normalise_newlines, ordered

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trainlint.source.text import TextEdit

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class Cell(Record):
    """A code cell: `index` among all cells, its stretch `start` to `end` of the virtual module, its first line there.

    `path` leads to its source in the JSON document, `newlines.text` is the source with IPython's syntax in it.
    """

    index: int
    id: str | None
    start: int
    end: int
    line: int
    path: tuple[str | int, ...]
    newlines: Newlines
    foreign: bool = False


class Notebook(Record):
    """A notebook as text.

    `text` is the virtual module; it is empty if the file is no notebook or not one of Python.
    `writefiles` are the bodies of `%%writefile` cells, `commands` the magics that were blanked;
    their offsets are those of `text`. `ran_with` are the versions that its last run shows, as pins.
    """

    data: bytes
    text: str = ""
    cells: tuple[Cell, ...] = ()
    writefiles: tuple[WrittenFile, ...] = ()
    commands: tuple[tuple[int, str], ...] = ()
    notices: tuple[Notice, ...] = ()
    ran_with: tuple[tuple[str, str], ...] = ()

    @property
    def boundaries(self) -> tuple[int, ...]:
        """Where a cell starts in `text`; what is open at the end of a cell does not reach into the next one."""
        return tuple(cell.start for cell in self.cells)

    def locate(self, line: int) -> tuple[int, str | None, int]:
        """The index of the cell that holds a line of `text` (from 1), the cell's id, and the line within the cell."""
        if not self.cells:
            return 0, None, line
        cell = self.cells[max(0, bisect_right([cell.line for cell in self.cells], line) - 1)]
        return cell.index, cell.id, line - cell.line + 1

    def encode(self, edits: Sequence[TextEdit]) -> bytes:
        """The notebook file with the edits applied; everything but the sources of the edited cells stays as it is.

        Raises EditError if the edits overlap, cross cells, touch IPython's syntax, or if the file does not allow it.
        """
        if not edits:
            return self.data
        # Imported late: only a file that is repaired needs it.
        from trainlint.source.notebook_edits import write_sources

        by_cell: dict[tuple[str | int, ...], tuple[Newlines, list[TextEdit]]] = {}
        for start, end, text in ordered(edits, len(self.text)):
            cell = self._cell_of(start, end)
            if start > cell.end:
                # Behind the last line of the notebook, which has no line end in the file.
                start, end, text = cell.end, cell.end, "\n" + text.removesuffix("\n")
            end = min(end, cell.end)
            self._check_python(cell, start, end)
            by_cell.setdefault(cell.path, (cell.newlines, []))[1].append((start - cell.start, end - cell.start, text))
        return write_sources(self.data, by_cell)

    def _cell_of(self, start: int, end: int) -> Cell:
        cell = self.cells[bisect_right(self.boundaries, start) - 1]
        # The line end behind a cell belongs to the virtual module only; an edit may take it along.
        if end > cell.end + 1:
            raise EditError(f"an edit reaches from cell {cell.index} into the next one")
        return cell

    def _check_python(self, cell: Cell, start: int, end: int) -> None:
        written = cell.newlines.text
        first_line_end = cell.start + max(0, written.find("\n"))
        if (
            cell.foreign
            or written[start - cell.start : end - cell.start] != self.text[start:end]
            or (written.lstrip().startswith("%%") and start <= first_line_end)
        ):
            raise EditError(f"an edit touches a magic in cell {cell.index}")


def read_notebook(data: bytes, path: str = "") -> Notebook:
    """The notebook in these bytes, or one notice that says why there is none; `path` is for the notice.

    A notebook whose kernel speaks another language than Python is empty, without a notice.
    """
    document, problem = _load(data)
    if document is None:
        return Notebook(data, notices=(Notice("unreadable", path, problem),))
    if not _is_python(document):
        return Notebook(data)
    pieces: list[str] = []
    cells: list[Cell] = []
    written: list[WrittenFile] = []
    commands: list[tuple[int, str]] = []
    offset, line = 0, 1
    for index, (cell_path, cell_id, source) in enumerate(_cells(document)):
        if source is None:
            continue
        newlines = normalise_newlines(source)
        plain = plain_cell(_LONE_SURROGATE.sub("\ufffd", newlines.text))
        foreign = not plain.text.strip() and bool(source.strip())
        cells.append(Cell(index, cell_id, offset, offset + len(plain.text), line, cell_path, newlines, foreign))
        written += [file.replace(start=file.start + offset) for file in plain.written]
        commands += [(start + offset, command) for start, command in plain.commands]
        pieces += [plain.text, "\n"]
        offset += len(plain.text) + 1
        line += plain.text.count("\n") + 1
    return Notebook(data, "".join(pieces), tuple(cells), tuple(written), tuple(commands), ran_with=ran_with(document))


def _load(data: bytes) -> tuple[dict[str, Any] | None, str]:
    """The JSON document of a notebook, or None and what is wrong."""
    import json

    if not data.strip():
        return None, "not a notebook: the file is empty"
    try:
        document = json.loads(data)
    except json.JSONDecodeError as error:
        return None, f"not a notebook: line {error.lineno} is not JSON ({error.msg})"
    except UnicodeDecodeError:
        return None, "not a notebook: the file is not UTF-8"
    except (ValueError, RecursionError):
        return None, "not a notebook: the JSON cannot be read"
    if not isinstance(document, dict):
        return None, "not a notebook: the JSON holds no object"
    if not isinstance(document.get("cells", document.get("worksheets")), list):
        return None, "not a notebook: it has no cells"
    return document, ""


def _is_python(document: dict[str, Any]) -> bool:
    metadata = as_object(document.get("metadata"))
    told, kernel = as_object(metadata.get("language_info")), as_object(metadata.get("kernelspec"))
    language = told.get("name") or kernel.get("language")
    return not isinstance(language, str) or "python" in language.lower() or "pyspark" in language.lower()


def _cells(document: dict[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str | None, str | None]]:
    """Of every cell the path to its source, its id and its source; the source is None if it is no Python code."""
    for path, cell in cells_of(document):
        key, identity = source_key(cell), cell.get("id")
        source = None
        if cell.get("cell_type") == "code" and cell.get("language", "python") == "python":
            source = as_text(cell.get(key))
        yield (*path, key), identity if isinstance(identity, str) else None, source
