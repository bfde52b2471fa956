"""Is a repair one: the repaired text is analysed again and compared with what was known before."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

from trainlint.fixes.expression_text import parsed
from trainlint.fixes.materialization import new_bytes
from trainlint.fixes.refusal import Refused
from trainlint.record import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainlint.analysis import Analysis
    from trainlint.config import Config
    from trainlint.finding import Edit, Finding
    from trainlint.project import Project

_LOST = ("syntax-skipped", "incomplete", "internal", "unreadable")
"""Notices that say that a part of the program is not understood: what is not understood has no findings."""


class Outcome(Record, eq=False):
    """What edits make of a file: the new analysis and the files' new bytes by path, or why they are no repair.

    `brought` are the new findings, if nothing else is wrong with the edits.
    """

    analysis: Analysis | None = None
    contents: dict[str, bytes] | None = None
    problem: str | None = None
    brought: tuple[Finding, ...] = ()


def try_edits(
    edits: Sequence[Edit], findings: Sequence[Finding], analysis: Analysis, project: Project, config: Config
) -> Outcome:
    """What the edits make of the analysed file, with the problem if they do not repair all of the findings.

    They do when the text parses, the findings are gone, nothing new came and no less is understood.
    """
    from trainlint.project import Project as MakeProject

    try:
        contents = new_bytes(analysis, edits)
    except Refused as error:
        return Outcome(problem=str(error))
    overlay = {os.path.abspath(path): data for path, data in contents.items() if path != analysis.path}
    edited = MakeProject(project.root, {**project.overlay, **overlay}) if overlay else project
    main = contents.get(analysis.path, analysis.source.origin.data)
    after = analysis.again(main, edited, config)
    problem, brought = _compared(analysis, after, edits, findings)
    for path in sorted(set(contents) - {analysis.path}):
        # A sibling has findings of its own, as a program and for what else imports it.
        if problem is None:
            before = analysis.of_sibling(path, analysis.siblings[path].origin.data, project, config)
            problem = compare(before, before.again(contents[path], edited, config), edits, ())
    return Outcome(after, contents, problem, brought)


def compare(before: Analysis, after: Analysis, edits: Sequence[Edit], targets: Sequence[Finding]) -> str | None:
    """Why the analysis after the edits is no repair of the targets; None if it is one."""
    return _compared(before, after, edits, targets)[0]


def _compared(
    before: Analysis, after: Analysis, edits: Sequence[Edit], targets: Sequence[Finding]
) -> tuple[str | None, tuple[Finding, ...]]:
    problem = _damage(before, after, {edit.file for edit in edits})
    if problem is not None:
        return problem, ()
    moves = _Moves(edits)
    mapped = [(finding, moves.span(before, finding)) for finding in before.findings]
    wanted = {id(finding) for finding in targets}
    unmatched = []
    matched: set[int] = set()
    for finding in after.findings:
        document = after.document_of(finding.place)
        start, end = document.offsets(finding.place)
        olds = [
            known for known, (file, first, last) in mapped
            if known.rule == finding.rule and file == document.path and id(known) not in matched
            and first[0] <= start <= first[1] and last[0] <= end <= last[1]
        ]  # fmt: skip
        # One place may have several findings of a rule; what they say tells them apart.
        old = next((known for known in olds if known.message == finding.message), olds[0] if olds else None)
        if old is None:
            unmatched.append(finding)
            continue
        matched.add(id(old))
        if id(old) in wanted:
            return "the finding is still there after it", ()
        # A finding that was there may weigh more now: faults mask each other, and it has a fix of its own.
        if old.suppressed is not None and finding.suppressed is None:
            unmatched.append(finding)
    rest = Counter(_group(before, known) for known, _ in mapped if id(known) not in matched and id(known) not in wanted)
    repaired = {_group(before, finding) for finding in targets}
    brought = []
    for finding in unmatched:
        group = _group(after, finding)
        if rest[group] > 0:
            rest[group] -= 1
        elif group in repaired:
            return "the finding is still there after it", ()
        elif finding.suppressed is None and finding.severity != "info":
            brought.append(finding)
    if brought:
        return f"it brings {brought[0].rule}: {brought[0].message}", tuple(brought)
    return None, ()


def _damage(before: Analysis, after: Analysis, files: set[str]) -> str | None:
    olds = {document.path: document for document in before.documents}
    for document in after.documents:
        old = olds.get(document.path) if document.path in files else None
        if old is not None and parsed(old.text) is not None and parsed(document.text) is None:
            return "the result is not valid Python"
    lost = _notices(after) - _notices(before)
    if lost:
        return f"the result cannot be read as well as before ({next(iter(lost))})"
    if sum(model.understood for model in after.models) < sum(model.understood for model in before.models):
        return "less of the program is understood after it"
    return None


def _notices(analysis: Analysis) -> Counter[str]:
    found = [notice.kind for notice in analysis.notices if notice.kind in _LOST]
    found += [notice.kind for source in analysis.siblings.values() for notice in source.notices if notice.kind in _LOST]
    return Counter(found)


def _group(analysis: Analysis, finding: Finding) -> tuple[str, str, str]:
    document = analysis.document_of(finding.place)
    return finding.rule, document.path, document.definition_of(finding.place)


class _Moves:
    """Where offsets go when edits are made."""

    def __init__(self, edits: Sequence[Edit]) -> None:
        self.by_file: dict[str, list[Edit]] = {}
        for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
            self.by_file.setdefault(edit.file, []).append(edit)

    def span(self, analysis: Analysis, finding: Finding) -> tuple[str, tuple[int, int], tuple[int, int]]:
        """The file of a finding, and between which offsets its start and its end are after the edits."""
        document = analysis.document_of(finding.place)
        start, end = document.offsets(finding.place)
        edits = self.by_file.get(document.path, [])
        return document.path, _range(edits, start), _range(edits, end)


def _range(edits: Sequence[Edit], offset: int) -> tuple[int, int]:
    """The first and the last offset that one offset may have become: what is put in there belongs to either side."""
    shift = 0
    low: int | None = None
    high = offset
    for edit in edits:
        if edit.start > offset:
            break
        start = edit.start + shift
        shift += len(edit.text) - (edit.end - edit.start)
        if edit.end >= offset:
            low = start if low is None else low
            high = edit.end + shift
    return (offset + shift, offset + shift) if low is None else (low, high)
