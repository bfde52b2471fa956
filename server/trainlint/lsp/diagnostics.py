"""Findings as the diagnostics of the protocol."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from trainlint.lsp.checked import Ranges, Shown, in_order
from trainlint.rules.registry import all_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from trainlint.analysis import Analysis
    from trainlint.finding import Finding
    from trainlint.lsp.documents import Documents
    from trainlint.lsp.pages import Pages
    from trainlint.lsp.settings import Settings

SOURCE = "trainlint"

_SEVERITIES = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "info": types.DiagnosticSeverity.Information,
    "hint": types.DiagnosticSeverity.Hint,
}
_TAGS = {
    "unused-computation": types.DiagnosticTag.Unnecessary,
    "unused-suppression": types.DiagnosticTag.Unnecessary,
    "removed-api": types.DiagnosticTag.Deprecated,
}


def shown(analysis: Analysis, documents: Documents, settings: Settings, pages: Pages) -> Iterator[Shown]:
    """The findings of an analysis with their places in the editor."""
    rules = {rule.name: rule for rule in all_rules()}
    ranges = Ranges(documents, analysis)
    placed = [(finding, *ranges.of(analysis.location(finding.place))) for finding in analysis.findings]
    # Of several in one place the gravest first: editors list them as they come.
    placed.sort(key=lambda each: (each[1], *in_order(each[2].start), *in_order(each[2].end), -each[0].rank))
    for finding, uri, range_ in placed:
        rule = rules.get(finding.rule)
        severity = settings.shown(rule, finding.severity) if rule is not None else finding.severity
        silent = finding.suppressed is not None or severity == "off"
        yield Shown(finding, uri, range_, None if silent else _of_finding(finding, range_, severity, ranges, pages))


def _of_finding(finding: Finding, range_: types.Range, severity: str, ranges: Ranges, pages: Pages) -> types.Diagnostic:
    steps = [(*ranges.of(ranges.analysis.location(step.place)), step.message) for step in finding.trace]
    told = {
        "rule": finding.rule, "code": finding.code, "message": finding.message, "world": finding.world,
        "assumed": finding.assumed, "fingerprint": finding.fingerprint,
    }  # fmt: skip
    return diagnostic(told, range_, severity, steps, pages)


def diagnostic(
    finding: Mapping[str, Any], range_: types.Range, severity: str, steps: Iterable[tuple[str, types.Range, str]],
    pages: Pages,
) -> types.Diagnostic:  # fmt: skip
    """A finding, as an entry of a report has it, where it stands in the editor; `steps` are document, range, text."""
    message = finding["message"]
    if finding["world"]:
        message += f" (where {finding['world']})"
    if finding["assumed"]:
        message += f" (assumed: {'; '.join(finding['assumed'])})"
    rule, page = finding["rule"], pages(finding["rule"])
    related = [types.DiagnosticRelatedInformation(types.Location(uri, area), text) for uri, area, text in steps]
    return types.Diagnostic(
        range=range_,
        message=message,
        severity=_SEVERITIES[severity],
        code=rule,
        code_description=None if page is None else types.CodeDescription(page),
        source=SOURCE,
        tags=[_TAGS[rule]] if rule in _TAGS else None,
        related_information=related or None,
        data={"fingerprint": finding["fingerprint"], "code": finding["code"]},
    )


def notices(analysis: Analysis, documents: Documents) -> Iterator[types.Diagnostic]:
    """What the check could not do, where that is about a line of the user: a comment that has no effect."""
    for notice in analysis.notices:
        if notice.kind != "comment" or notice.line is None:
            continue
        document = documents.at(notice.file)
        if document is None:
            continue
        uri = document.uris[0] if notice.cell is None else next(
            (cell.uri for index, cell in enumerate(getattr(document, "cells", ())) if index == notice.cell), ""
        )  # fmt: skip
        line = notice.line - 1
        yield types.Diagnostic(
            range=types.Range(types.Position(line, 0), types.Position(line + 1, 0)),
            message=notice.message,
            severity=types.DiagnosticSeverity.Information,
            source=SOURCE,
            data={"uri": uri},
        )


def result_id(diagnostics: Iterable[types.Diagnostic]) -> str:
    """A name for a list of diagnostics: equal lists have the same."""
    told = [
        [*_edges(d.range), d.message, d.code, int(d.severity or 0), d.data,
         [[r.location.uri, *_edges(r.location.range), r.message] for r in d.related_information or ()]]
        for d in diagnostics
    ]  # fmt: skip
    return hashlib.sha1(json.dumps(told).encode()).hexdigest()


def _edges(area: types.Range) -> tuple[int, int, int, int]:
    return area.start.line, area.start.character, area.end.line, area.end.character
