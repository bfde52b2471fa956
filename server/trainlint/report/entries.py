"""An analysis as plain data: what the JSON document holds, and the source lines that the text report shows.

Plain data crosses processes and rests in a cache, so a report needs neither the analysis nor the parser.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import SEVERITIES
from trainlint.report.statement_hint import statement_entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trainlint.analysis import Analysis
    from trainlint.finding import Edit, Finding, Fix, Location, Notice
    from trainlint.report.schema import (
        EditEntry,
        FileEntry,
        FindingEntry,
        FixEntry,
        LineEntry,
        LocationEntry,
        ModelEntry,
        NoticeEntry,
    )

RULE_PAGES = "docs/rules/"
"""Where the page of a rule lies, relative to the project's home."""

MAX_LINES_OF_SPAN = 50
"""A finding on a long statement brings so many of its lines; no format shows more."""


GRAVE = ("unreadable", "unwritable", "internal", "config")
"""Notices that are errors: they belong on stderr, whatever the format of the report is, and make the status 2."""


def entry(analysis: Analysis, display: Callable[[str], str]) -> FileEntry:
    """What the analysis of one file found, ordered by place; `display` turns a path into the one that is shown."""
    findings = [_finding(finding, analysis, display) for finding in analysis.findings]
    findings.sort(key=by_place)
    models = sorted(analysis.models, key=lambda model: _order(analysis.location(model.place)))
    return {
        "file": display(analysis.path),
        "models": [
            {
                "file": display(location.file),
                "cell": location.cell,
                "line": location.line,
                "understood": model.understood,
                "missing": list(model.missing),
            }
            for model in models
            for location in (analysis.location(model.place),)
        ],
        "findings": findings,
        "notices": [notice_entry(notice, display) for notice in analysis.notices],
        "statement": statement_entry(analysis, display),
        "siblings": sorted({display(path) for path in analysis.siblings} - {display(analysis.path)}),
    }


def merged(entries: Iterable[FileEntry]) -> list[FileEntry]:
    """The entries of one check with everything said once, each finding in the entry of its own file.

    The analysis of a file speaks of the sibling modules that it draws in, and so does their own.
    Of two findings of one rule at one place the graver one stays, then the one with the longer trace.
    """
    entries = list(entries)
    by_file: dict[str, FileEntry] = {
        entry["file"]: {**entry, "findings": [], "models": [], "notices": []} for entry in entries
    }
    found: dict[tuple[object, ...], tuple[FindingEntry, FileEntry]] = {}
    models: dict[tuple[object, ...], tuple[ModelEntry, FileEntry]] = {}
    notices: dict[tuple[object, ...], tuple[NoticeEntry, FileEntry]] = {}
    for entry in entries:
        for finding in entry["findings"]:
            key = (finding["rule"], *by_place(finding)[:6])
            if key not in found or _weight(found[key][0]) < _weight(finding):
                found[key] = finding, entry
        for model in entry["models"]:
            place = (model["file"], model["cell"], model["line"])
            if place not in models or (models[place][0]["understood"] and not model["understood"]):
                models[place] = model, entry
        for notice in entry["notices"]:
            notices.setdefault(tuple(notice.values()), (notice, entry))
    for finding, entry in found.values():
        by_file.get(finding["file"], by_file[entry["file"]])["findings"].append(finding)
    for model, entry in models.values():
        by_file.get(model["file"], by_file[entry["file"]])["models"].append(model)
    for notice, entry in notices.values():
        by_file.get(notice["file"], by_file[entry["file"]])["notices"].append(notice)
    for result in by_file.values():
        result["findings"].sort(key=by_place)
    return list(by_file.values())


def _weight(finding: FindingEntry) -> tuple[int, int]:
    return SEVERITIES.index(finding["severity"]), len(finding["trace"])


def notice_entry(notice: Notice, display: Callable[[str], str]) -> NoticeEntry:
    """A notice as plain data."""
    return {
        "kind": notice.kind,
        "file": display(notice.file),
        "cell": notice.cell,
        "line": notice.line,
        "message": notice.message,
    }


def by_place(finding: FindingEntry) -> tuple[object, ...]:
    """The key that orders the findings of a check; findings of one place are ordered by what they say."""
    return (
        finding["file"],
        -1 if finding["cell"] is None else finding["cell"],
        finding["line"],
        finding["column"],
        finding["end_line"],
        finding["end_column"],
        finding["code"],
        finding["message"],
    )


def _order(location: Location) -> tuple[object, ...]:
    return (location.file, -1 if location.cell is None else location.cell, location.line, location.column)


def _finding(finding: Finding, analysis: Analysis, display: Callable[[str], str]) -> FindingEntry:
    location = analysis.location(finding.place)
    steps = [(analysis.location(step.place), step.message) for step in finding.trace]
    edits = [_edited(edit, analysis) for fix in finding.fixes for edit in fix.edits]
    spans = [location, *(step for step, _ in steps), *edits]
    where = _location(location, display)
    return {
        "rule": finding.rule,
        "code": finding.code,
        "category": finding.category,
        "severity": finding.severity,
        "rank": finding.rank,
        "url": f"{RULE_PAGES}{finding.rule}.md",
        "message": finding.message,
        "file": where["file"],
        "cell": where["cell"],
        "cell_id": location.cell_id,
        "line": where["line"],
        "column": where["column"],
        "end_line": where["end_line"],
        "end_column": where["end_column"],
        "trace": [{**_location(step, display), "message": message} for step, message in steps],
        "world": finding.world,
        "assumed": list(finding.assumed),
        "suppressed": finding.suppressed,
        "fixes": [_fix(fix, analysis, display) for fix in finding.fixes],
        "evidence": {"available": list(finding.evidence), "result": None},
        "fingerprint": finding.fingerprint,
        "lines": _lines(spans, analysis, display),
    }


def _location(location: Location, display: Callable[[str], str]) -> LocationEntry:
    return {
        "file": display(location.file),
        "cell": location.cell,
        "line": location.line,
        "column": location.column,
        "end_line": location.end_line,
        "end_column": location.end_column,
    }


def _fix(fix: Fix, analysis: Analysis, display: Callable[[str], str]) -> FixEntry:
    return {
        "title": fix.title,
        "safety": fix.safety,
        "edits": [_edit(edit, analysis, display) for edit in fix.edits],
    }


def _edit(edit: Edit, analysis: Analysis, display: Callable[[str], str]) -> EditEntry:
    return {**_location(_edited(edit, analysis), display), "text": edit.text}


def _edited(edit: Edit, analysis: Analysis) -> Location:
    """What an edit replaces, in the file or in a sibling module that it drew in."""
    document = next(document for document in analysis.documents if document.path == edit.file)
    return document.locate(edit.start, edit.end)


def _lines(spans: list[Location], analysis: Analysis, display: Callable[[str], str]) -> list[LineEntry]:
    wanted: dict[tuple[str, int | None, int], Location] = {}
    for span in spans:
        # Columns of its end are counted in bytes by some readers, which takes the text of that line.
        for line in (*range(span.line, min(span.end_line, span.line + MAX_LINES_OF_SPAN) + 1), span.end_line):
            wanted.setdefault((span.file, span.cell, line), span.replace(line=line))
    return [
        {"file": display(file), "cell": cell, "line": line, "text": analysis.line_text(location)}
        for (file, cell, line), location in wanted.items()
    ]
