"""The fixes of findings, made for those who show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.fixes.materialization import fix_of
from trainlint.fixes.refusal import Refused

if TYPE_CHECKING:
    from trainlint.analysis import Analysis
    from trainlint.finding import Finding, Fix


def with_fixes(analysis: Analysis) -> Analysis:
    """The analysis with the fixes of its unsuppressed findings made; what cannot be made is left out.

    They are not verified: that takes an analysis of the repaired text for each.
    """
    analysis.findings = tuple(_with_fixes(finding, analysis) for finding in analysis.findings)
    return analysis


def _with_fixes(finding: Finding, analysis: Analysis) -> Finding:
    if finding.fixes or not finding.remedies or finding.suppressed is not None:
        return finding
    fixes: list[Fix] = []
    for remedy in finding.remedies:
        try:
            fixes.append(fix_of(remedy, analysis))
        except Refused:
            continue
    return finding.replace(fixes=tuple(fixes))
