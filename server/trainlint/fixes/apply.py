"""Repairs a file: fixes in rounds, each verified; nothing is written here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from trainlint.finding import Fix, Notice
from trainlint.fixes.materialization import fix_of
from trainlint.fixes.refusal import Refused
from trainlint.fixes.verification import Outcome, try_edits
from trainlint.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trainlint.analysis import Analysis
    from trainlint.config import Config
    from trainlint.finding import Edit, Finding
    from trainlint.fixes.actions import Remedy
    from trainlint.project import Project

MAX_ROUNDS = 10
"""A fix may uncover the next finding; a chain longer than this is more likely two rules that disagree."""


class Change(Record):
    """A file's content before and after all repairs."""

    path: str
    before: bytes
    after: bytes


class Applied(Record, eq=False):
    """A fix that is in the new content."""

    finding: Finding
    fix: Fix


class NotApplied(Record, eq=False):
    """A finding that none of its fixes repaired, with the title of the first and the reason."""

    finding: Finding
    title: str
    reason: str


class Round(Record, eq=False):
    """Edits that were made at once, each with the rule that asked for it, and what they replaced."""

    edits: tuple[tuple[str, Edit, str], ...]


class Repaired(Record, eq=False):
    """What the repair of one file comes to; the places of `not_applied` are those of `analysis`, the new one."""

    analysis: Analysis
    changes: tuple[Change, ...] = ()
    applied: tuple[Applied, ...] = ()
    not_applied: tuple[NotApplied, ...] = ()
    notices: tuple[Notice, ...] = ()
    """One line for each fix that was not applied."""
    rounds: tuple[Round, ...] = ()

    @property
    def n_fixed(self) -> int:
        """How many findings were repaired."""
        return len(self.applied)


def repair(
    analysis: Analysis, project: Project, config: Config, unsafe: bool = False, may_bring: bool = False
) -> Repaired:
    """The content of the analysed file, and of siblings that its fixes need, with all fixes applied that hold.

    Takes safe fixes, with `unsafe` the others too; what a comment suppresses stays.
    With `may_bring` a fix may also bring a finding: who leaves a mistake in on purpose, to measure it, wants the others
    repaired all the same.
    """
    return _Repair(analysis, project, config, unsafe, may_bring).run()


class _Candidate(Record, eq=False):
    finding: Finding
    fix: Fix
    key: tuple[str, str]


class _Repair:
    def __init__(self, analysis: Analysis, project: Project, config: Config, unsafe: bool, may_bring: bool) -> None:
        self.analysis = analysis
        self.project = project
        self.config = config
        self.unsafe = unsafe
        self.may_bring = may_bring
        self.before: dict[str, bytes] = {}
        self.after: dict[str, bytes] = {}
        self.applied: list[Applied] = []
        self.rounds: list[Round] = []
        # Why a fix of a finding was not applied, by fingerprint and title.
        self.refused: dict[tuple[str, str], str] = {}

    def run(self) -> Repaired:
        for _ in range(MAX_ROUNDS):
            chosen = self.choose()
            if not chosen:
                break
            self.apply(chosen)
        not_applied = tuple(self.left_over())
        notices = tuple(_notice(self.analysis, each) for each in not_applied)
        changes = tuple(
            Change(path, self.before[path], data) for path, data in sorted(self.after.items())
            if data != self.before[path]
        )  # fmt: skip
        return Repaired(self.analysis, changes, tuple(self.applied), not_applied, notices, tuple(self.rounds))

    def choose(self) -> list[_Candidate]:
        """The first fix that may hold of each finding, in the order of places, without those that conflict."""
        chosen: list[_Candidate] = []
        for finding in self.analysis.findings:
            candidate = self.candidate(finding)
            if candidate is not None and not any(_conflict(candidate.fix, other.fix) for other in chosen):
                chosen.append(candidate)
        return chosen

    def candidate(self, finding: Finding, analysis: Analysis | None = None) -> _Candidate | None:
        """The first fix of a finding that may hold; `analysis` is that of the finding, if not the present one."""
        if finding.suppressed is not None:
            return None
        for choice in choices(finding, self.unsafe):
            key = (finding.fingerprint, choice.title)
            if key in self.refused:
                continue
            try:
                fix = choice if isinstance(choice, Fix) else fix_of(choice, analysis or self.analysis)
            except Refused as error:
                self.refused[key] = str(error)
                continue
            return _Candidate(finding, fix, key)
        return None

    def apply(self, chosen: Sequence[_Candidate]) -> None:
        """Applies those of the fixes that hold together, and remembers why the others do not."""
        outcome = self.attempt(chosen)
        if outcome.problem is None:
            self.accept(chosen, outcome)
            return
        if len(chosen) == 1:
            self.alone(chosen[0], outcome)
            return
        held: list[_Candidate] = []
        best: Outcome | None = None
        failed: list[tuple[_Candidate, Outcome]] = []
        for candidate in chosen:
            outcome = self.attempt([*held, candidate])
            if outcome.problem is None:
                held.append(candidate)
                best = outcome
            else:
                self.refused[candidate.key] = outcome.problem
                failed.append((candidate, outcome))
        if best is not None:
            self.accept(held, best)
            return
        for candidate, outcome in failed:
            if self.alone(candidate, outcome):
                return

    def alone(self, candidate: _Candidate, outcome: Outcome) -> bool:
        """Applies a fix that does not hold with those of the findings that it brings, or remembers why not."""
        following = self.following(outcome)
        if following is None:
            self.refused[candidate.key] = outcome.problem or ""
            return False
        self.accept([candidate], outcome)
        self.accept(*following)
        return True

    def following(self, outcome: Outcome) -> tuple[list[_Candidate], Outcome] | None:
        """The fixes of all findings that others bring, if they have some: one fault may hide the next one."""
        if not outcome.brought or outcome.analysis is None or outcome.contents is None:
            return None
        if set(outcome.contents) - {self.analysis.path}:
            return None
        chosen: list[_Candidate] = []
        for finding in outcome.brought:
            candidate = self.candidate(finding, outcome.analysis)
            if candidate is None or any(_conflict(candidate.fix, other.fix) for other in chosen):
                return None
            chosen.append(candidate)
        found = self.attempt(chosen, outcome.analysis)
        return (chosen, found) if found.problem is None else None

    def attempt(self, candidates: Sequence[_Candidate], analysis: Analysis | None = None) -> Outcome:
        findings = [candidate.finding for candidate in candidates]
        outcome = try_edits(_edits(candidates), findings, analysis or self.analysis, self._project(), self.config)
        return outcome.replace(problem=None) if self.may_bring and outcome.brought else outcome

    def accept(self, candidates: Sequence[_Candidate], outcome: Outcome) -> None:
        assert outcome.analysis is not None and outcome.contents is not None
        texts = {document.path: document.text for document in self.analysis.documents}
        made = [(c.finding.rule, edit) for c in candidates for edit in c.fix.edits]
        self.rounds.append(Round(tuple((rule, e, texts[e.file][e.start : e.end]) for rule, e in dict.fromkeys(made))))
        for path, data in outcome.contents.items():
            source = self.analysis.source if path == self.analysis.path else self.analysis.siblings[path]
            self.before.setdefault(path, source.origin.data)
            self.after[path] = data
        self.applied += [Applied(each.finding, each.fix.replace(verified=True)) for each in candidates]
        self.analysis = outcome.analysis
        # What did not hold before may hold in the new text.
        self.refused.clear()

    def left_over(self) -> Iterator[NotApplied]:
        for finding in self.analysis.findings:
            if finding.suppressed is not None:
                continue
            titles = [choice.title for choice in choices(finding, self.unsafe)]
            if titles:
                reason = self.refused.get((finding.fingerprint, titles[0]), "it conflicts with other fixes")
                yield NotApplied(finding, titles[0], reason)

    def _project(self) -> Project:
        """The project with the siblings as they are by now."""
        from trainlint.project import Project as MakeProject

        changed = {os.path.abspath(path): data for path, data in self.after.items() if path != self.analysis.path}
        if not changed:
            return self.project
        return MakeProject(self.project.root, {**self.project.overlay, **changed})


def choices(finding: Finding, unsafe: bool) -> list[Remedy | Fix]:
    """The fixes of a finding, made or yet to be made, that may be applied."""
    found: list[Remedy | Fix] = [*finding.fixes] or [*finding.remedies]
    return [choice for choice in found if unsafe or choice.safety == "safe"]


def _edits(candidates: Sequence[_Candidate]) -> list[Edit]:
    edits: list[Edit] = []
    for candidate in candidates:
        # Two fixes may need the same import.
        edits += [edit for edit in candidate.fix.edits if not (edit in edits and is_import(edit))]
    return edits


def _conflict(one: Fix, other: Fix) -> bool:
    """Whether edits of two fixes touch each other, so that one could not be told from the other."""
    return any(
        a.file == b.file and a.start <= b.end and b.start <= a.end and not (a == b and is_import(a))
        for a in one.edits
        for b in other.edits
    )


def is_import(edit: Edit) -> bool:
    """Whether an edit adds an import, which several fixes may need."""
    return edit.start == edit.end and edit.text.strip().startswith(("import ", "from "))


def _notice(analysis: Analysis, left: NotApplied) -> Notice:
    location = analysis.location(left.finding.place)
    message = f"fix not applied: {left.title} ({left.finding.rule}): {left.reason}"
    return Notice("incomplete", location.file, message, location.line, location.cell)
