"""SARIF 2.1.0, for code scanning: paths from the root of the repository, fingerprints, rules' pages, traces, fixes.

The evidence of a probe is in the properties of a result.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trainlint import __version__
from trainlint.report.concise import one_line
from trainlint.report.entries import GRAVE
from trainlint.report.places import active, numbered, told, uri
from trainlint.report.rule_page import page

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trainlint.report.formats import Context
    from trainlint.report.places import Places
    from trainlint.report.schema import FileEntry, FindingEntry, FixEntry, LocationEntry, NoticeEntry
    from trainlint.rules.base import Rule

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

BASE = "SRCROOT"
"""The name of the folder that relative paths start from."""

LEVELS = {"error": "error", "warning": "warning", "info": "note"}

MOST_RANK = 125
"""Ranks here go up to this number, those of SARIF to 100."""


def report(entries: Iterable[FileEntry], context: Context) -> str:
    """The log as text; ASCII, so that every stream can carry every file name."""
    return json.dumps(log(list(entries), context), indent=2) + "\n"


def log(entries: Sequence[FileEntry], context: Context) -> dict[str, Any]:
    """The log as plain data, with one run."""
    places = context.places
    findings = active([finding for entry in entries for finding in entry["findings"]], context.show_info)
    known = {rule.name: rule for rule in context.rules()}
    named = list(dict.fromkeys(finding["rule"] for finding in findings))
    indices = {name: index for index, name in enumerate(name for name in named if name in known)}
    notices = [notice for entry in entries for notice in entry["notices"]]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "trainlint",
                        "version": __version__,
                        "semanticVersion": __version__,
                        "rules": [_rule(known[name]) for name in indices],
                    }
                },
                "automationDetails": {"id": "trainlint/"},
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {
                    BASE: {
                        "uri": f"{uri(places.root.rstrip('/'))}/",
                        "description": {"text": "The root of the repository."},
                    }
                },
                "invocations": [
                    {
                        "executionSuccessful": not any(notice["kind"] in GRAVE for notice in notices),
                        "toolExecutionNotifications": [_notification(notice, places) for notice in notices],
                    }
                ],
                "results": [_result(finding, number, indices, places) for finding, number in numbered(findings)],
            }
        ],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": f"{rule.name}: {rule.summary}"},
        "fullDescription": {"text": rule.summary},
        "help": {"text": page(rule), "markdown": page(rule)},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
        "properties": {"category": rule.category, "tags": [*dict.fromkeys(("training", rule.category))]},
    }


def _result(finding: FindingEntry, number: int, indices: dict[str, int], places: Places) -> dict[str, Any]:
    made: dict[str, Any] = {"ruleId": finding["code"]}
    if finding["rule"] in indices:
        made["ruleIndex"] = indices[finding["rule"]]
    made |= {
        "level": LEVELS[finding["severity"]],
        "rank": round(100 * finding["rank"] / MOST_RANK, 1),
        "message": {"text": told(finding)},
        "locations": [_location(finding, places)],
        # The first one is what GitHub recognises an alert by; without it the text of the line would count.
        "partialFingerprints": {
            "primaryLocationLineHash": f"{finding['fingerprint']}:{number}",
            "trainlint/v1": finding["fingerprint"],
        },
    }
    steps = [step for step in finding["trace"] if step["message"]]
    if steps:
        made["relatedLocations"] = [
            {"id": number, **_location(step, places), "message": {"text": one_line(step["message"])}}
            for number, step in enumerate(steps, 1)
        ]
    # A fix of a notebook would have to be one of its file's text.
    fixes = [fix for fix in finding["fixes"] if all(edit["cell"] is None for edit in fix["edits"])]
    if fixes:
        made["fixes"] = [_fix(fix, places) for fix in fixes]
    made["properties"] = {
        "rule": finding["rule"],
        "category": finding["category"],
        "world": finding["world"],
        "assumed": finding["assumed"],
        "evidence": finding["evidence"],
    }
    return made


def _artifact(path: str) -> dict[str, str]:
    address = uri(path)
    return {"uri": address} if address.startswith("file:") else {"uri": address, "uriBaseId": BASE}


def _location(location: LocationEntry, places: Places) -> dict[str, Any]:
    region = places.region(location)
    where: dict[str, Any] = {"startLine": region.line, "endLine": region.end_line}
    if region.column is not None:
        where |= {"startColumn": region.column, "endColumn": region.end_column}
    made: dict[str, Any] = {"physicalLocation": {"artifactLocation": _artifact(region.path), "region": where}}
    if location["cell"] is not None:
        made["logicalLocations"] = [{"name": f"cell {location['cell'] + 1}", "kind": "module"}]
    return made


def _fix(fix: FixEntry, places: Places) -> dict[str, Any]:
    files: dict[str, list[dict[str, Any]]] = {}
    for edit in fix["edits"]:
        region = {
            "startLine": edit["line"], "startColumn": edit["column"],
            "endLine": edit["end_line"], "endColumn": edit["end_column"],
        }  # fmt: skip
        change = {"deletedRegion": region, "insertedContent": {"text": edit["text"]}}
        files.setdefault(places.path(edit["file"]), []).append(change)
    return {
        "description": {"text": f"{one_line(fix['title'])} ({fix['safety']})"},
        "artifactChanges": [
            {"artifactLocation": _artifact(path), "replacements": replacements} for path, replacements in files.items()
        ],
    }


def _notification(notice: NoticeEntry, places: Places) -> dict[str, Any]:
    made: dict[str, Any] = {
        "descriptor": {"id": notice["kind"]},
        "level": "error" if notice["kind"] in GRAVE else "note",
        "message": {"text": one_line(notice["message"])},
    }
    if notice["file"]:
        where: dict[str, Any] = {"artifactLocation": _artifact(places.path(notice["file"]))}
        if notice["line"] is not None and notice["cell"] is None:
            where["region"] = {"startLine": notice["line"]}
        made["locations"] = [{"physicalLocation": where}]
    return made
