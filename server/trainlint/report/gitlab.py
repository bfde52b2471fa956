"""GitLab's code quality report: a list of what a merge request changes for better or worse."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trainlint.report.places import active, numbered, told

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trainlint.report.formats import Context
    from trainlint.report.places import Places
    from trainlint.report.schema import FileEntry, FindingEntry

SEVERITIES = {"error": "critical", "warning": "major", "info": "info"}


def report(entries: Iterable[FileEntry], context: Context) -> str:
    """The report as text; ASCII, so that every stream can carry every file name."""
    findings = active([finding for entry in entries for finding in entry["findings"]], context.show_info)
    made = [_degradation(finding, number, context.places) for finding, number in numbered(findings)]
    return json.dumps(made, indent=2) + "\n"


def _degradation(finding: FindingEntry, number: int, places: Places) -> dict[str, Any]:
    region = places.region(finding)
    return {
        "description": f"{finding['rule']}: {told(finding)}",
        "check_name": finding["rule"],
        "fingerprint": finding["fingerprint"] + (f"-{number}" if number > 1 else ""),
        "severity": SEVERITIES[finding["severity"]],
        "location": {"path": region.path, "lines": {"begin": region.line, "end": region.end_line}},
    }
