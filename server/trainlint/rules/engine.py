"""Runs the rules over all programs of a document and combines what they say of worlds, contexts and one root cause."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from trainlint.finding import SEVERITIES
from trainlint.rules import precedence
from trainlint.rules.base import Report, Rule
from trainlint.rules.comparisons import without_comparisons

if TYPE_CHECKING:
    from trainlint.program.program import Program
    from trainlint.source.code import Place

Reported = tuple[Rule, Report, "str | None"]
"""A rule, its report, and the world that it needs (None: it holds in all)."""


def run(programs: Sequence[Program], rules: Iterable[Rule], on_error: Callable[[Rule, str], None]) -> list[Reported]:
    """The reports of all rules; a rule that fails loses its own reports only."""
    by_program: list[list[tuple[Rule, Report]]] = []
    failed: set[str] = set()
    rules = list(rules)
    for program in programs:
        program.worlds_ = tuple(other for other in programs if other.root == program.root)
        reports: list[tuple[Rule, Report]] = []
        for rule in () if program.is_empty else rules:
            if rule.name in failed:
                continue
            try:
                reports.extend((rule, report) for report in _reports(rule, program))
            except Exception:
                failed.add(rule.name)
                on_error(rule, traceback.format_exc())
        by_program.append(without_comparisons(program, precedence.resolve(reports)))
    for program in programs:
        program.settle()
    return _combine(programs, by_program)


def _reports(rule: Rule, program: Program) -> tuple[Report, ...]:
    """What a rule says of a program; one that an edit left as it was keeps it."""
    key = f"{__name__}.reports of {rule.name}"
    found: tuple[Report, ...] = program.once(key, lambda p: tuple(rule.check(p)), lasts=True)
    return found


def _combine(programs: Sequence[Program], by_program: list[list[tuple[Rule, Report]]]) -> list[Reported]:
    """Of each (rule, place) the most severe report that holds in every world that reaches the place."""
    found: dict[tuple[str, Place], Reported] = {}
    for root in dict.fromkeys(program.root for program in programs):
        worlds = [i for i, program in enumerate(programs) if program.root == root]
        # What the program itself does counts before what a function or class may do that it does not use so.
        real = [i for i, program in enumerate(programs) if root and not program.root]
        for index in worlds:
            for rule, report in by_program[index]:
                concerned = range(len(programs)) if rule.in_all_calls else (*worlds, *real)
                if not _holds(programs, by_program, concerned, rule, report):
                    continue
                key = (rule.name, report.place)
                known = found.get(key)
                if known is None or _grave(rule, report) > _grave(known[0], known[1]):
                    found[key] = (rule, report, _world(programs, worlds, report.place))
    return list(found.values())


def _world(programs: Sequence[Program], worlds: list[int], place: Place) -> str | None:
    """The conditions under which a place is reached at all, in words; None when every world reaches it."""
    reaching = [programs[i] for i in worlds if _reaches(programs[i], place)]
    if not reaching or len(reaching) == len(worlds):
        return None
    common = [text for text in reaching[0].conditions if all(text in program.conditions for program in reaching)]
    return " and ".join(common) or None


def _grave(rule: Rule, report: Report) -> int:
    return SEVERITIES.index(report.severity or rule.severity)


def _holds(
    programs: Sequence[Program],
    by_program: list[list[tuple[Rule, Report]]],
    concerned: Iterable[int],
    rule: Rule,
    report: Report,
) -> bool:
    for index in concerned:
        if not _reaches(programs[index], report.place):
            continue
        if not any(r.name == rule.name and other.place == report.place for r, other in by_program[index]):
            return False
    return True


def _reaches(program: Program, place: Place) -> bool:
    """Whether a world runs the code at a place."""
    return place in program.once(f"{__name__}.places", _places)


def _places(program: Program) -> frozenset[Place]:
    return frozenset().union(
        *[operation.places for operation in program.operations],
        *[record.places for _, record in program.objects],
        *[event.places for event in program.events],
    )
