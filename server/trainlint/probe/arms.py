"""The arms of an experiment: the program as written, all repaired, and all repaired but one rule's findings.

The repaired program is the fixed text, analysed again, so that a probe measures what the fix really does.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from trainlint.fixes import repair
from trainlint.fixes.materialization import new_bytes
from trainlint.fixes.refusal import Refused
from trainlint.fixes.undoing import undoing
from trainlint.probe.experiment import ALL_REPAIRED, AS_WRITTEN
from trainlint.project import Project as MakeProject
from trainlint.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trainlint.analysis import Analysis
    from trainlint.config import Config
    from trainlint.finding import Edit, Finding
    from trainlint.fixes.apply import Repaired
    from trainlint.project import Project


class Arm(Record, eq=False):
    """A variant of the program; `repaired` names the rules whose findings are repaired in it.

    `contents` are the files that differ from those on the disk. `beside` names the arm that differs in nothing but the
    rule of this one: usually that in which all is repaired, but some repairs need another one first.
    """

    name: str
    analysis: Analysis
    repaired: frozenset[str] = frozenset()
    contents: Mapping[str, bytes] = {}
    beside: str = ALL_REPAIRED


def all_but(rule: str) -> str:
    """The name of the arm in which all is repaired but what one rule found."""
    return f"all but {rule}"


def only(rule: str) -> str:
    """The name of the arm in which nothing is repaired but what one rule found."""
    return f"only {rule}"


def arms_of(
    analysis: Analysis, project: Project, config: Config, rules: Iterable[str], together: frozenset[str] | None = None
) -> list[Arm]:
    """As written and all repaired, then for each of the rules all but its findings, and them alone.

    With `together` nothing else than the findings of these rules is repaired. A finding without a fix has no arms.
    """
    return Arms(analysis, project, config, together).of(rules)


class Arms:
    """Makes the arms of one program."""

    def __init__(self, analysis: Analysis, project: Project, config: Config, together: frozenset[str] | None) -> None:
        self.analysis = analysis
        self.project = project
        self.config = config
        self.result = self.repair(None if together is None else tuple(sorted(together)))
        self.everything = self.made(ALL_REPAIRED, self.result)
        self.arms = [Arm(AS_WRITTEN, analysis), self.everything]

    def of(self, rules: Iterable[str]) -> list[Arm]:
        for rule in dict.fromkeys(rules):
            if rule not in self.everything.repaired:
                continue
            if self.everything.repaired == {rule}:
                self.arms.append(Arm(all_but(rule), self.analysis))
                continue
            without = self.undone(rule) or self.left_in(rule)
            if without is None:
                continue
            self.arms.append(without)
            alone = self.made(only(rule), self.repair((rule,)))
            if rule in alone.repaired:
                self.arms.append(alone)
        return self.arms

    def repair(self, rules: tuple[str, ...] | None) -> Repaired:
        """The program with the fixes of some rules applied, of all if none are named."""
        chosen = self.config if rules is None else self.config.replace(select=rules, ignore=())
        data = self.analysis.source.origin.data
        start = self.analysis if rules is None else self.analysis.again(data, self.project, chosen)
        return repair(start, self.project, chosen, unsafe=True, may_bring=rules is not None)

    def made(self, name: str, result: Repaired) -> Arm:
        contents = {change.path: change.after for change in result.changes}
        return Arm(name, result.analysis, frozenset(each.finding.rule for each in result.applied), contents)

    def undone(self, *rules: str) -> Arm | None:
        """All repaired, with the edits of some rules' fixes taken back; None where a later fix has rewritten them."""
        edits: list[Edit] = []
        for rule in rules:
            found = undoing(self.result, rule)
            if found is None:
                return None
            edits += found
        try:
            contents = new_bytes(self.result.analysis, edits)
        except Refused:
            return None
        everything = dict(self.everything.contents)
        everything.update(contents)
        changed = {os.path.abspath(path): data for path, data in everything.items() if path != self.analysis.path}
        project = MakeProject(self.project.root, {**self.project.overlay, **changed}) if changed else self.project
        data = everything.get(self.analysis.path, self.analysis.source.origin.data)
        analysis = self.result.analysis.again(data, project, self.config)
        return Arm(all_but(", ".join(rules)), analysis, self.everything.repaired - set(rules), everything)

    def left_in(self, rule: str) -> Arm | None:
        """All repaired but what a rule finds, with the other repairs that are possible then.

        Some repairs wait for this one; the arm to compare with does without them too.
        """
        others = self.everything.repaired - {rule}
        without = self.made(all_but(rule), self.repair(tuple(sorted(others))))
        missing = sorted(others - without.repaired)
        if not missing:
            return without
        beside = self.made(all_but(", ".join(missing)), self.repair(tuple(sorted(without.repaired | {rule}))))
        if beside.repaired != without.repaired | {rule}:
            return None
        if all(arm.name != beside.name for arm in self.arms):
            self.arms.append(beside)
        return without.replace(beside=beside.name)


def concerning(analysis: Analysis, line: int | None) -> list[Finding]:
    """The findings to probe: all that nobody silenced, or those of one line."""
    found = [finding for finding in analysis.findings if finding.suppressed is None]
    if line is None:
        return found
    return [f for f in found if (at := analysis.location(f.place)).line <= line <= at.end_line]
