"""Which rule speaks when several see one root cause: the only place where rules are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.record import Record

if TYPE_CHECKING:
    from trainlint.rules.base import Report, Rule


class Precedence(Record):
    """`winner` silences `loser` when both concern the same subject or place ("same"), or anywhere in one program ("program")."""

    winner: str
    loser: str
    scope: str = "same"


TABLE = (
    # rules.md, section 8 E.
    Precedence("probabilities-into-logits-loss", "activated-logits"),
    Precedence("single-unit-softmax", "probabilities-into-logits-loss"),
    Precedence("single-unit-softmax", "squared-error-classifier"),
    Precedence("positional-dropout-flip", "keep-prob-rate-confusion"),
    Precedence("dropout-never-active", "keep-prob-rate-confusion"),
)


def resolve(reports: list[tuple[Rule, Report]]) -> list[tuple[Rule, Report]]:
    """The reports without those that another one explains."""
    kept = []
    for rule, report in reports:
        if not any(_silenced(rule, report, other_rule, other) for other_rule, other in reports):
            kept.append((rule, report))
    return kept


def _silenced(rule: Rule, report: Report, other_rule: Rule, other: Report) -> bool:
    for entry in TABLE:
        if entry.loser == rule.name and entry.winner == other_rule.name:
            if entry.scope == "program":
                return True
            if report.place == other.place or (report.subject is not None and report.subject is other.subject):
                return True
    return False
