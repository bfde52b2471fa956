"""Analyses made by hand, for tests of what comes after the analysis."""

from __future__ import annotations

from typing import Any

from trainlint.finding import Edit, Finding, Fix, Location, ModelSummary, Notice
from trainlint.report.entries import entry


class Analysed:
    """Stands in for an analysis; a place is the piece of text that it covers, or (piece, which one)."""

    def __init__(self, text: str, path: str = "train.py", cell: int | None = None) -> None:
        self.path = path
        self.text = text
        self.cell = cell
        self.findings: list[Finding] = []
        self.notices: list[Notice] = []
        self.models: list[ModelSummary] = []
        self.siblings: dict[str, str] = {}
        self.programs: tuple[Any, ...] = ()

    def let_go(self) -> None:
        """There is nothing to free."""

    def offsets(self, place: Any) -> tuple[int, int]:
        """Start and end of a piece."""
        piece, nth = (place, 0) if isinstance(place, str) else place
        start = -1
        for _ in range(nth + 1):
            start = self.text.index(piece, start + 1)
        return start, start + len(piece)

    def location(self, place: Any) -> Location:
        """The location of a piece of the text, or of a sibling's: (path, line, column, end column)."""
        if isinstance(place, tuple) and len(place) == 4:
            path, line, column, end_column = place
            return Location(path, line, column, line, end_column)
        return self.locate(*self.offsets(place))

    def locate(self, start: int, end: int) -> Location:
        """The location of a stretch of the text."""
        before, within = self.text[:start], self.text[:end]
        return Location(
            self.path,
            before.count("\n") + 1,
            start - (before.rfind("\n") + 1) + 1,
            within.count("\n") + 1,
            end - (within.rfind("\n") + 1) + 1,
            self.cell,
        )

    @property
    def documents(self) -> list[Analysed]:
        """The documents that edits may be in: this one."""
        return [self]

    def line_text(self, location: Location) -> str:
        """The line that a location starts on."""
        text = self.text if location.file == self.path else self.siblings[location.file]
        lines = text.split("\n")
        return lines[location.line - 1]

    def find(self, rule: str, place: Any, message: str, **fields: Any) -> Analysed:
        """Adds a finding."""
        values: dict[str, Any] = {"code": "TL701", "category": "shape", "severity": "warning", "rank": 10, **fields}
        self.findings.append(Finding(rule=rule, message=message, place=place, **values))
        return self

    def fix(self, title: str, safety: str, *edits: tuple[str, str]) -> Fix:
        """A fix that replaces pieces of the text."""
        return Fix(title, safety, tuple(Edit(self.path, *self.offsets(piece), text) for piece, text in edits))

    def model(self, place: Any, *missing: str) -> Analysed:
        """Adds a model, understood unless something is missing."""
        self.models.append(ModelSummary(place, "model", not missing, missing))
        return self

    def entry(self) -> Any:
        """What the report formats get."""
        return entry(self, lambda path: path)
