"""Values that a program compares: what only some rounds of a loop over whole trainings have, it is there to show."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from trainlint.program.events import Compile, Minimize, ModelCall

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainlint.program.program import Program
    from trainlint.program.values import Frame, Id
    from trainlint.rules.base import Report, Rule
    from trainlint.source.code import Place

COMPARED = frozenset(
    (
        "oversized-initial-weights", "symmetric-hidden-weights", "random-bias", "undersized-initial-weights",
        "saturating-hidden-stack", "missing-nonlinearity", "squared-error-classifier", "keep-prob-rate-confusion",
        "extreme-dropout", "regularizer-strength", "slow-default-learning-rate", "learning-rate-out-of-range",
        "optimizer-constants",
    )
)  # fmt: skip
"""Rules about choices of more or less, which people try one after the other."""


def without_comparisons(program: Program, reports: Sequence[tuple[Rule, Report]]) -> list[tuple[Rule, Report]]:
    """The reports without those of choices that are made in some rounds of a loop over trainings only."""
    said: dict[tuple[str, Place], set[tuple[Any, ...]]] = defaultdict(set)
    for rule, report in reports:
        if rule.name in COMPARED and report.subject is not None and (turn := _turn(report.subject)):
            said[rule.name, report.place].add(turn)
    if not said:
        return list(reports)
    loops = _loops(program)
    return [
        (rule, report)
        for rule, report in reports
        if report.subject is None or not _is_one_of_several(_turn(report.subject), said[rule.name, report.place], loops)
    ]


def _is_one_of_several(
    turn: tuple[Any, ...], said: set[tuple[Any, ...]], loops: list[frozenset[tuple[Any, ...]]]
) -> bool:
    """Whether a loop over trainings has the round in which something is said, and others in which it is not."""
    around = [(loop, len(next(iter(loop)))) for loop in loops]
    around = [(loop, depth) for loop, depth in around if turn[:depth] in loop]
    return bool(said and around) and not any(loop <= {other[:depth] for other in said} for loop, depth in around)


def _loops(program: Program) -> list[frozenset[tuple[Any, ...]]]:
    """For each network that is made and trained in several rounds of a loop: those rounds."""
    found: dict[tuple[Place, int], set[tuple[Any, ...]]] = defaultdict(set)
    for event in program.events:
        key = event.op if type(event) is Minimize else event.model if type(event) in (Compile, ModelCall) else None
        if key is not None and (turn := _turn(key)):
            found[key.place, len(turn)].add(turn)
    return [frozenset(turns) for turns in found.values() if len(turns) > 1]


def _turn(key: Id) -> tuple[Any, ...]:
    """The rounds of the loops in which something is made, the outermost first."""
    steps = [key.iteration]
    frame: Frame | None = key.frame
    while frame is not None:
        steps.append(frame.iteration)
        frame = frame.parent
    found: tuple[Any, ...] = ()
    for step in reversed(steps):
        found = step if step[: len(found)] == found else (*found, *step)
    return found


__all__ = ["without_comparisons"]
