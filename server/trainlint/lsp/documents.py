"""The documents that are open in the editor: texts, notebooks and their cells, in step with the client."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls import uris

from trainlint.lsp.lines import UTF16, Lines
from trainlint.project.files import ReadError, read_file
from trainlint.source.notebook import read_notebook

if TYPE_CHECKING:
    from trainlint.finding import Location

_UTF8_MARK = b"\xef\xbb\xbf"


class Buffer:
    """An open text; `path` is the file that it is analysed as."""

    def __init__(self, uri: str, path: str, version: int, text: str) -> None:
        self.uri = uri
        self.path = path
        self.version = version
        self.text = text
        self._lines: Lines | None = None

    @property
    def lines(self) -> Lines:
        if self._lines is None:
            self._lines = Lines(self.text)
        return self._lines

    def change(self, version: int, changes: Sequence[Any], encoding: str) -> None:
        """Takes over the changes of one message, in their order."""
        for change in changes:
            given: types.Range | None = getattr(change, "range", None)
            if given is None:
                self.text = change.text
            else:
                start = self.lines.offset(given.start.line, given.start.character, encoding)
                end = self.lines.offset(given.end.line, given.end.character, encoding)
                self.text = self.text[:start] + change.text + self.text[max(start, end) :]
            self._lines = None
        self.version = version

    @property
    def data(self) -> bytes:
        """The text as the bytes of a file that nobody can mistake for another encoding."""
        return _UTF8_MARK + self.text.encode("utf-8", "replace")

    @property
    def uris(self) -> tuple[str, ...]:
        """The documents that findings can be shown in."""
        return (self.uri,)

    def uri_of(self, location: Location) -> str:
        return self.uri

    def buffer_of(self, uri: str) -> Buffer:
        return self

    def cell_of(self, uri: str) -> int | None:
        """The index of a cell; None in a plain text."""
        return None


class Cell:
    """A cell of an open notebook; `buffer` holds the text of one that is written in Python."""

    def __init__(self, uri: str, is_code: bool) -> None:
        self.uri = uri
        self.is_code = is_code
        self.buffer: Buffer | None = None


class NotebookBuffer:
    """An open notebook: its cells in their order.

    `version` counts the changes that were heard of: Visual Studio Code sends the text of a cell with the notebook's
    old version, which it raises afterwards.
    """

    def __init__(self, uri: str, path: str) -> None:
        self.uri = uri
        self.path = path
        self.version = 0
        self.cells: list[Cell] = []
        self._ran_with: dict[str, str] | None = None

    def saved(self) -> None:
        """The file is another one now, and may show other versions."""
        before, self._ran_with = self._ran_with, None
        self.version += before is not None and before != self.ran_with

    @property
    def ran_with(self) -> dict[str, str]:
        """The versions that the file's last run shows: the client sends no outputs."""
        if self._ran_with is None:
            try:
                self._ran_with = dict(read_notebook(read_file(self.path)).ran_with)
            except ReadError:
                self._ran_with = {}
        return self._ran_with

    @property
    def data(self) -> bytes:
        """The notebook as the file that it would be, with its code and what its last run shows of versions."""
        cells: list[dict[str, Any]] = [
            {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": cell.buffer.text}
            if cell.is_code and cell.buffer is not None
            else {"cell_type": "raw" if cell.is_code else "markdown", "metadata": {}, "source": ""}
            for cell in self.cells
        ]
        metadata = {"trainlint": {"ran_with": self.ran_with}}
        return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}).encode()

    @property
    def uris(self) -> tuple[str, ...]:
        return tuple(cell.uri for cell in self.cells if cell.is_code)

    def uri_of(self, location: Location) -> str:
        """The document of the cell that a place is in."""
        index = location.cell or 0
        return self.cells[index].uri if index < len(self.cells) else self.uri

    def buffer_of(self, uri: str) -> Buffer:
        for cell in self.cells:
            if cell.uri == uri and cell.buffer is not None:
                return cell.buffer
        raise KeyError(uri)

    def cell_of(self, uri: str) -> int | None:
        """The index of a cell among all."""
        return next((index for index, cell in enumerate(self.cells) if cell.uri == uri), None)


Document = Buffer | NotebookBuffer


class Overlay(Mapping[str, bytes]):
    """What open buffers hold, by path; another thread may read it while it changes."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}

    def put(self, path: str, data: bytes) -> None:
        self._files = {**self._files, path: data}

    def drop(self, path: str) -> None:
        self._files = {name: data for name, data in self._files.items() if name != path}

    def __getitem__(self, path: str) -> bytes:
        return self._files[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


class Documents:
    """All open documents, by URI; the cells of a notebook lead to the notebook."""

    def __init__(self) -> None:
        self.encoding = UTF16
        self.overlay = Overlay()
        self._documents: dict[str, Document] = {}
        self._of_cell: dict[str, NotebookBuffer] = {}

    def __iter__(self) -> Iterator[Document]:
        return iter(list(self._documents.values()))

    def get(self, uri: str) -> Document | None:
        """The document with this URI, or the notebook that it is a cell of."""
        return self._documents.get(uri) or self._of_cell.get(uri)

    def at(self, path: str) -> Document | None:
        """The open document of a file."""
        # The analyst asks too, while documents come and go.
        return next((document for document in list(self._documents.values()) if document.path == path), None)

    # Texts ------------------------------------------------------------------------------------------------------------

    def put(self, item: types.TextDocumentItem, folder: str) -> Document:
        """A text that the client opened; `folder` is where one without a file counts as lying."""
        document = Buffer(item.uri, path_of(item.uri, folder), item.version, item.text)
        self._documents[item.uri] = document
        self.overlay.put(document.path, document.data)
        return document

    def change(self, uri: str, version: int, changes: Sequence[Any]) -> Document | None:
        document = self._documents.get(uri)
        if not isinstance(document, Buffer):
            return None
        document.change(version, changes, self.encoding)
        self.overlay.put(document.path, document.data)
        return document

    def close(self, uri: str) -> Document | None:
        document = self._documents.pop(uri, None)
        if document is not None:
            self.overlay.drop(document.path)
        return document

    # Notebooks --------------------------------------------------------------------------------------------------------

    def open_notebook(self, params: types.DidOpenNotebookDocumentParams, folder: str) -> NotebookBuffer:
        given = params.notebook_document
        path = path_of(given.uri, folder)
        notebook = NotebookBuffer(given.uri, path if path.endswith(".ipynb") else f"{path}.ipynb")
        self._documents[given.uri] = notebook
        self._insert(notebook, 0, 0, given.cells, params.cell_text_documents)
        return notebook

    def change_notebook(self, params: types.DidChangeNotebookDocumentParams) -> tuple[NotebookBuffer, list[str]] | None:
        """The notebook after a change, and the cells that it lost."""
        notebook = self._documents.get(params.notebook_document.uri)
        if not isinstance(notebook, NotebookBuffer):
            return None
        notebook.version += 1
        lost: list[str] = []
        changes = params.change.cells
        if changes is not None:
            if changes.structure is not None:
                array = changes.structure.array
                opened = changes.structure.did_open or ()
                lost = self._insert(notebook, array.start, array.delete_count, array.cells or (), opened)
            for text in changes.text_content or ():
                try:
                    buffer = notebook.buffer_of(text.document.uri)
                except KeyError:
                    continue
                buffer.change(text.document.version, text.changes, self.encoding)
        return notebook, lost

    def close_notebook(self, uri: str) -> Document | None:
        notebook = self._documents.pop(uri, None)
        if isinstance(notebook, NotebookBuffer):
            for cell in notebook.cells:
                self._of_cell.pop(cell.uri, None)
        return notebook

    def _insert(
        self, notebook: NotebookBuffer, start: int, n_deleted: int, cells: Sequence[types.NotebookCell],
        opened: Sequence[types.TextDocumentItem],
    ) -> list[str]:  # fmt: skip
        before = {cell.uri: cell for cell in notebook.cells}
        # A cell that moves is deleted and comes back without its text.
        new = [before.get(c.document) or Cell(c.document, c.kind == types.NotebookCellKind.Code) for c in cells]
        notebook.cells[start : start + n_deleted] = new
        by_uri = {cell.uri: cell for cell in notebook.cells}
        for item in opened:
            if item.uri in by_uri:
                is_python = item.language_id in ("python", "")
                by_uri[item.uri].buffer = (
                    Buffer(item.uri, notebook.path, item.version, item.text) if is_python else None
                )
        lost = [uri for uri in before if uri not in by_uri]
        for uri in lost:
            self._of_cell.pop(uri, None)
        self._of_cell.update(dict.fromkeys(by_uri, notebook))
        return lost


def path_of(uri: str, folder: str) -> str:
    """The absolute path of a document; one without a file counts as a Python file in `folder`."""
    path = uris.to_fs_path(uri) if uri.startswith("file:") else None
    if path:
        return os.path.abspath(path)
    name = uri.partition(":")[2].strip("/").replace("/", "_") or "untitled"
    return os.path.join(folder, name if name.endswith((".py", ".ipynb")) else f"{name}.py")


def uri_of(path: str) -> str:
    """The URI of a file."""
    return uris.from_fs_path(path) or ""
