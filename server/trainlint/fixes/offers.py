"""The fixes of findings, made for those who show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.fixes.materialization import fix_of
from trainlint.fixes.refusal import Refused
from trainlint.fixes.verification import try_edits

if TYPE_CHECKING:
    from trainlint.analysis import Analysis
    from trainlint.config import Config
    from trainlint.finding import Finding, Fix
    from trainlint.project import Project


def with_fixes(analysis: Analysis) -> Analysis:
    """The analysis with the fixes of its unsuppressed findings made; what cannot be made is left out.

    They are not verified: that takes an analysis of the repaired text for each.
    """
    analysis.findings = tuple(_with_fixes(finding, analysis) for finding in analysis.findings)
    return analysis


def with_verified_fixes(analysis: Analysis, project: Project, config: Config) -> Analysis:
    """The analysis with those fixes of its unsuppressed findings that hold, for those who apply what they are given."""
    findings = []
    for finding in with_fixes(analysis).findings:
        fixes = [
            fix if fix.verified else fix.replace(verified=True)
            for fix in finding.fixes
            if fix.verified or try_edits(fix.edits, [finding], analysis, project, config).problem is None
        ]
        findings.append(finding.replace(fixes=tuple(fixes)))
    analysis.findings = tuple(findings)
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
