"""Repairs: a closed vocabulary of actions on places, turned into edits of the text and verified by analysing it again.

Rules import `fixes.actions` at the start of every check, so what makes and applies fixes is imported on the first call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainlint.analysis import Analysis
    from trainlint.config import Config
    from trainlint.finding import Finding, Fix
    from trainlint.fixes.actions import Remedy
    from trainlint.fixes.apply import Repaired
    from trainlint.project import Project


def materialize(remedy: Remedy, analysis: Analysis) -> Fix | None:
    """The fix of a remedy as edits of the text, None when it cannot be made."""
    from trainlint.fixes.materialization import fix_of
    from trainlint.fixes.refusal import Refused

    try:
        return fix_of(remedy, analysis)
    except Refused:
        return None


def with_fixes(analysis: Analysis) -> Analysis:
    """The analysis with the fixes of its unsuppressed findings made, not verified."""
    from trainlint.fixes import offers

    return offers.with_fixes(analysis)


def with_verified_fixes(analysis: Analysis, project: Project, config: Config) -> Analysis:
    """The analysis with those fixes of its unsuppressed findings that hold."""
    from trainlint.fixes import offers

    return offers.with_verified_fixes(analysis, project, config)


def verify(fix: Fix, finding: Finding, analysis: Analysis, project: Project, config: Config) -> bool:
    """Whether a fix repairs a finding: the result parses, the finding is gone, nothing new came."""
    from trainlint.fixes.verification import try_edits

    return try_edits(fix.edits, [finding], analysis, project, config).problem is None


def repair(
    analysis: Analysis, project: Project, config: Config, unsafe: bool = False, may_bring: bool = False
) -> Repaired:
    """The file with all fixes applied that hold, with `may_bring` also those that bring others; nothing is written."""
    from trainlint.fixes import apply

    return apply.repair(analysis, project, config, unsafe, may_bring)
