"""Suppression comments: which findings they silence, and which of them silence nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainlint.finding import Finding

if TYPE_CHECKING:
    from trainlint.analysis import Analysis
    from trainlint.source.comments import Suppression
    from trainlint.source.document import Document


def apply(analysis: Analysis, findings: list[Finding]) -> list[Finding]:
    """The findings, those that a comment silences marked with its text."""
    used: set[int] = set()
    result = []
    for finding in findings:
        document = analysis.document_of(finding.place)
        directives = analysis.source_of(document).directives
        text = None
        for suppression in directives.suppressions:
            if _names(suppression, finding) and _covers(document, suppression, finding):
                used.add(id(suppression))
                text = suppression.text if text is None else text
        result.append(finding if text is None else finding.replace(suppressed=text))
    return result


def _names(suppression: Suppression, finding: Finding) -> bool:
    return any(rule.lower() == finding.rule or rule.upper() == finding.code for rule in suppression.rules)


def _covers(document: Document, suppression: Suppression, finding: Any) -> bool:
    if suppression.scope == "file":
        return True
    first, last = document.statement_lines(finding.place)
    if suppression.alone:
        # Alone on a line it is for the next statement; comments and blank lines may stand between.
        lines = document.text.split("\n")
        line = suppression.line
        while line < len(lines) and (not lines[line].strip() or lines[line].lstrip().startswith("#")):
            line += 1
        return first == line + 1 or first <= suppression.line <= last
    return first <= suppression.line <= last
