"""The arms of an experiment: the program as written, all repaired, and all repaired but one rule's findings.

The repaired program is the fixed text, analysed again, so that a probe measures what the fix really does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.fixes import repair
from trainlint.probe.experiment import ALL_REPAIRED, AS_WRITTEN
from trainlint.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trainlint.analysis import Analysis
    from trainlint.config import Config
    from trainlint.finding import Finding
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
    everything = repaired(
        analysis, project, config, ALL_REPAIRED, None if together is None else tuple(sorted(together))
    )
    arms = [Arm(AS_WRITTEN, analysis), everything]
    for rule in dict.fromkeys(rules):
        if rule not in everything.repaired:
            continue
        others = everything.repaired - {rule}
        if not others:
            arms.append(Arm(all_but(rule), analysis))
            continue
        without = repaired(analysis, project, config, all_but(rule), tuple(sorted(others)))
        if without.repaired < others:
            # Some repairs wait for this one, so the arm to compare with does without them too.
            missing = sorted(others - without.repaired)
            names = tuple(sorted(without.repaired | {rule}))
            beside = repaired(analysis, project, config, f"{all_but(', '.join(missing))}", names)
            if beside.repaired != without.repaired | {rule}:
                continue
            if all(arm.name != beside.name for arm in arms):
                arms.append(beside)
            without = without.replace(beside=beside.name)
        arms.append(without)
        alone = repaired(analysis, project, config, only(rule), (rule,))
        if rule in alone.repaired:
            arms.append(alone)
    return arms


def repaired(
    analysis: Analysis, project: Project, config: Config, name: str, rules: tuple[str, ...] | None = None
) -> Arm:
    """The program with the fixes of some rules applied, of all if none are named."""
    chosen = config if rules is None else config.replace(select=rules, ignore=())
    start = analysis if rules is None else analysis.again(analysis.source.origin.data, project, chosen)
    result = repair(start, project, chosen, unsafe=True, may_bring=rules is not None)
    contents = {change.path: change.after for change in result.changes}
    return Arm(name, result.analysis, frozenset(each.finding.rule for each in result.applied), contents)


def concerning(analysis: Analysis, line: int | None) -> list[Finding]:
    """The findings to probe: all that nobody silenced, or those of one line."""
    found = [finding for finding in analysis.findings if finding.suppressed is None]
    if line is None:
        return found
    return [f for f in found if (at := analysis.location(f.place)).line <= line <= at.end_line]
