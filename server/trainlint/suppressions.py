"""Suppression comments: which findings they silence, and which of them silence nothing."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import TYPE_CHECKING

from trainlint.finding import Finding
from trainlint.source.code import Stretch

if TYPE_CHECKING:
    from trainlint.analysis import Analysis
    from trainlint.rules.base import Rule
    from trainlint.source.comments import Suppression
    from trainlint.source.document import Document


def apply(analysis: Analysis, findings: list[Finding], rules: Iterable[Rule], active: Container[str]) -> list[Finding]:
    """The findings, those that a comment silences marked with its text, and one for each comment that silences nothing.

    `rules` are all there are; `active` are the names of those that ran on the file.
    """
    used: set[tuple[int, str]] = set()
    result = []
    for finding in findings:
        document = analysis.document_of(finding.place)
        text = None
        for suppression in analysis.source_of(document).directives.suppressions:
            named = _named(suppression, finding)
            if named is not None and _covers(document, suppression, finding):
                used.add((id(suppression), named))
                text = suppression.text if text is None else text
        result.append(finding if text is None else finding.replace(suppressed=text))
    by_name = {name: rule for rule in rules for name in (rule.name, rule.code)}
    unused = by_name.get("unused-suppression")
    if unused is None or unused.name not in active:
        return result
    for suppression in analysis.source.directives.suppressions:
        for written in suppression.rules:
            rule = by_name.get(written.lower()) or by_name.get(written.upper())
            if (id(suppression), written) in used or (rule is not None and rule.name not in active):
                continue
            if rule is None:
                message = f"no rule is called `{written}`: this comment silences nothing"
            else:
                message = f"`{rule.name}` finds nothing here: this comment silences nothing"
            place = Stretch(analysis.path, suppression.offset, suppression.offset + len(suppression.text))
            result.append(
                Finding(
                    rule=unused.name,
                    code=unused.code,
                    category=unused.category,
                    severity=unused.severity,
                    rank=unused.rank,
                    message=message,
                    place=place,
                )
            )
    return result


def _named(suppression: Suppression, finding: Finding) -> str | None:
    """How a suppression names the rule of a finding, None if it does not."""
    for rule in suppression.rules:
        if rule.lower() == finding.rule or rule.upper() == finding.code:
            return rule
    return None


def _covers(document: Document, suppression: Suppression, finding: Finding) -> bool:
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
