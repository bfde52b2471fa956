"""Reviewdog's JSON: findings with suggestions that a reviewer applies with a click; columns count bytes of UTF-8."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trainlint.report.concise import one_line
from trainlint.report.places import active, advice, replacement, text_of, told, widened

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trainlint.report.formats import Context
    from trainlint.report.places import Places
    from trainlint.report.schema import FileEntry, FindingEntry, FixEntry, LineEntry, LocationEntry

SEVERITIES = {"error": "ERROR", "warning": "WARNING", "info": "INFO"}


def report(entries: Iterable[FileEntry], context: Context) -> str:
    """The result as text; ASCII, so that every stream can carry every file name."""
    findings = active([finding for entry in entries for finding in entry["findings"]], context.show_info)
    diagnostics = [_diagnostic(finding, context.places) for finding in findings]
    return json.dumps({"source": {"name": "trainlint"}, "diagnostics": diagnostics}, indent=2) + "\n"


def _diagnostic(finding: FindingEntry, places: Places) -> dict[str, Any]:
    lines = finding["lines"]
    made: dict[str, Any] = {
        "message": "\n".join((told(finding), *advice(finding))),
        "location": _location(finding, lines, places),
        "severity": SEVERITIES[finding["severity"]],
        "code": {"value": finding["rule"]},
    }
    suggestions = [each for fix in finding["fixes"] if (each := _suggestion(fix, finding, places))]
    if suggestions:
        made["suggestions"] = suggestions
    steps = [step for step in finding["trace"] if step["message"]]
    if steps:
        made["related_locations"] = [
            {"message": one_line(step["message"]), "location": _location(step, lines, places)} for step in steps
        ]
    return made


def _suggestion(fix: FixEntry, finding: FindingEntry, places: Places) -> dict[str, Any] | None:
    """The fix as what a reviewer can apply, None where it touches other lines than the finding does.

    reviewdog puts suggestions into the comment of a finding, and the services take them only for the very lines of it.
    """
    whole = replacement(fix, finding["lines"])
    if whole is None or whole.location["cell"] is not None or whole.location["file"] != finding["file"]:
        return None
    wide = widened(whole, finding["line"], finding["end_line"], finding["lines"])
    return None if wide is None else {"range": _range(wide.location, finding["lines"], places), "text": wide.text}


def _location(location: LocationEntry, lines: Sequence[LineEntry], places: Places) -> dict[str, Any]:
    return {"path": places.path(location["file"]), "range": _range(location, lines, places)}


def _range(location: LocationEntry, lines: Sequence[LineEntry], places: Places) -> dict[str, Any]:
    region = places.region(location)
    if region.column is None:
        return {"start": {"line": region.line}, "end": {"line": region.end_line}}
    return {
        "start": _position(location, location["line"], location["column"], lines),
        "end": _position(location, location["end_line"], location["end_column"], lines),
    }


def _position(location: LocationEntry, line: int, column: int, lines: Sequence[LineEntry]) -> dict[str, int]:
    text = text_of(location, line, lines)
    if text is None:
        # A line that is not known is the one behind a place, of which nothing is covered.
        return {"line": line, "column": column}
    return {"line": line, "column": len(text[: column - 1].encode("utf-8", "surrogatepass")) + 1}
