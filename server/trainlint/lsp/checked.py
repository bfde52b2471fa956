"""One check of an open document: its analysis, and its findings with the places where the client shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from trainlint.lsp.documents import Buffer, Documents, NotebookBuffer, uri_of
from trainlint.lsp.lines import Lines, code_points, code_units
from trainlint.record import Record
from trainlint.report.knowledge import Knowledge

if TYPE_CHECKING:
    from collections.abc import Collection

    from trainlint.analysis import Analysis
    from trainlint.config import Config
    from trainlint.finding import Edit, Finding, Location
    from trainlint.lsp.documents import Document
    from trainlint.project import Project


class Shown(Record, eq=False):
    """A finding and where it stands in the editor."""

    finding: Finding
    uri: str
    range: types.Range
    diagnostic: types.Diagnostic | None
    """None for one that a comment or a setting silences."""


class Checked(Record, eq=False):
    """What is known of one version of a document; `analysis` is None for a text without TensorFlow.

    `depends` are the files that it was read with, and those that were looked for in vain.
    `revision` and `epoch` tell when that was (see `Workspace.is_current`).
    """

    document: Document
    version: int
    analysis: Analysis | None
    project: Project
    config: Config
    findings: tuple[Shown, ...] = ()
    depends: frozenset[str] = frozenset()
    notices: tuple[types.Diagnostic, ...] = ()
    revision: int = 0
    epoch: int = 0

    __derived__ = ("_knowledge",)
    if TYPE_CHECKING:
        _knowledge: Knowledge

    @property
    def elsewhere(self) -> frozenset[str]:
        """The documents that are not its own in which it found something, silenced or not."""
        own = self.document.uris
        return frozenset(each.uri for each in self.findings if each.uri not in own)

    @property
    def knowledge(self) -> Knowledge:
        """What is known of the text's expressions, made when somebody first asks; needs an analysis."""
        try:
            return self._knowledge
        except AttributeError:
            assert self.analysis is not None
            self._knowledge = Knowledge(self.analysis)
            return self._knowledge

    def diagnostics(self, uri: str, apart_from: Collection[Shown] = ()) -> list[types.Diagnostic]:
        """The findings in a document, in their order, but for some."""
        found = [
            each.diagnostic for each in self.findings
            if each.uri == uri and each.diagnostic is not None and not any(each is other for other in apart_from)
        ]  # fmt: skip
        return [*found, *(each for each in self.notices if each.data is None or each.data.get("uri") == uri)]


class Ranges:
    """Places of an analysis as positions of the client."""

    def __init__(self, documents: Documents, analysis: Analysis) -> None:
        self.documents = documents
        self.analysis = analysis
        self._texts: dict[str, Lines] = {}

    def of(self, location: Location) -> tuple[str, types.Range]:
        """The document and the range of a place."""
        document = self.documents.at(location.file)
        uri = document.uri_of(location) if document is not None else uri_of(location.file)
        lines = self._lines(uri, location.file, document)
        return uri, types.Range(
            self._position(lines, location.line, location.column),
            self._position(lines, location.end_line, location.end_column),
        )

    def edit(self, edit: Edit) -> tuple[str, types.TextEdit]:
        """An edit of the analysed text as one of the client's."""
        location = self.analysis.edit_location(edit)
        document = next(each for each in self.analysis.documents if each.path == edit.file)
        location = location.replace(file=self.analysis.file_of(document))
        uri, range_ = self.of(location)
        return uri, types.TextEdit(range_, self._with_line_ends(uri, edit.text))

    def offset(self, uri: str, position: types.Position) -> int | None:
        """The offset into the analysed text that a position of the client is at; None outside of it."""
        open_document = self.documents.get(uri)
        document = self.analysis.document
        if open_document is None:
            return None
        try:
            buffer = open_document.buffer_of(uri)
        except KeyError:
            return None
        column = code_points(buffer.lines.line(position.line), position.character, self.documents.encoding)
        line = position.line
        if isinstance(open_document, NotebookBuffer):
            index = open_document.cell_of(uri)
            cells = getattr(document.cells, "cells", ())
            first = next((cell.line for cell in cells if cell.index == index), None)
            if first is None:
                return None
            line += first - 1
        starts = document.line_starts
        if line >= len(starts):
            return len(document.text)
        end = starts[line + 1] if line + 1 < len(starts) else len(document.text)
        return min(starts[line] + column, end)

    def _position(self, lines: Lines | None, line: int, column: int) -> types.Position:
        if lines is None:
            return types.Position(line - 1, column - 1)
        text = lines.line(line - 1)
        return types.Position(line - 1, code_units(text[: column - 1], self.documents.encoding))

    def _lines(self, uri: str, path: str, document: Document | None) -> Lines | None:
        if isinstance(document, Buffer):
            return document.lines
        if document is not None:
            try:
                return document.buffer_of(uri).lines
            except KeyError:
                return None
        if path not in self._texts:
            # A file that is not open: its text as it was analysed has the same lines.
            text = next((each.text for each in self.analysis.documents if each.path == path), "")
            self._texts[path] = Lines(text)
        return self._texts[path]

    def _with_line_ends(self, uri: str, text: str) -> str:
        """A text to insert with the line ends of its document."""
        if "\n" not in text:
            return text
        document = self.documents.get(uri)
        try:
            content = document.buffer_of(uri).text if document is not None else ""
        except KeyError:
            content = ""
        if "\r\n" in content:
            return text.replace("\n", "\r\n")
        return text.replace("\n", "\r") if "\r" in content and "\n" not in content else text


def in_order(position: types.Position) -> tuple[int, int]:
    """The key that orders positions."""
    return position.line, position.character


def touch(one: types.Range, other: types.Range) -> bool:
    """Whether two ranges share a position, their ends included."""
    return in_order(one.start) <= in_order(other.end) and in_order(other.start) <= in_order(one.end)
