"""The shapes of the data that all output formats agree on; imported by the type checker alone.

Lines and columns count from 1, columns in code points, ends are exclusive.
`cell` is the index from 0 among all cells of a notebook; lines count within it.
"""

from __future__ import annotations

from typing import Any, TypedDict


class LocationEntry(TypedDict):
    file: str
    cell: int | None
    line: int
    column: int
    end_line: int
    end_column: int


class StepEntry(LocationEntry):
    message: str


class EditEntry(LocationEntry):
    text: str


class FixEntry(TypedDict):
    title: str
    safety: str
    edits: list[EditEntry]


class EvidenceEntry(TypedDict):
    available: list[str]
    result: dict[str, Any] | None


class LineEntry(TypedDict):
    """A line of the user's text that a finding speaks of."""

    file: str
    cell: int | None
    line: int
    text: str


class FindingEntry(LocationEntry):
    rule: str
    code: str
    category: str
    severity: str
    rank: int
    url: str
    message: str
    cell_id: str | None
    trace: list[StepEntry]
    world: str | None
    assumed: list[str]
    suppressed: str | None
    fixes: list[FixEntry]
    evidence: EvidenceEntry
    fingerprint: str
    lines: list[LineEntry]
    """For formats that show source text; no part of the JSON document."""


class ModelEntry(TypedDict):
    file: str
    cell: int | None
    line: int
    understood: bool
    missing: list[str]


class StatementEntry(TypedDict):
    """A fact that somebody could state, as a comment on a line; `weight` says how much depends on it."""

    file: str
    cell: int | None
    line: int
    name: str
    comment: str
    models: int
    weight: int


class NoticeEntry(TypedDict):
    kind: str
    file: str
    cell: int | None
    line: int | None
    message: str


class FileEntry(TypedDict):
    """Everything that the analysis of one file has to say."""

    file: str
    models: list[ModelEntry]
    findings: list[FindingEntry]
    notices: list[NoticeEntry]
    statement: StatementEntry | None
    """For the text report; no part of the JSON document."""
