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
    Precedence("single-unit-softmax", "loss-head-mismatch"),
    Precedence("loss-head-mismatch", "logits-into-probability-loss"),
    Precedence("loss-head-mismatch", "silent-loss-broadcast"),
    Precedence("loss-head-mismatch", "label-encoding-mismatch"),
    Precedence("loader-head-mismatch", "loss-head-mismatch"),
    Precedence("loader-head-mismatch", "label-encoding-mismatch"),
    Precedence("output-rank-not-reduced", "label-encoding-mismatch"),
    Precedence("output-rank-not-reduced", "silent-loss-broadcast"),
    Precedence("loss-head-mismatch", "shape-contradiction"),
    Precedence("label-encoding-mismatch", "shape-contradiction"),
    Precedence("loader-head-mismatch", "shape-contradiction"),
    Precedence("output-rank-not-reduced", "shape-contradiction"),
    Precedence("silent-loss-broadcast", "shape-contradiction"),
    Precedence("single-unit-softmax", "shape-contradiction"),
    Precedence("swapped-loss-arguments", "shape-contradiction"),
    Precedence("removed-api", "unknown-argument"),
    Precedence("ignored-optimizer-argument", "unknown-argument"),
    Precedence("swapped-loss-arguments", "dtype-contradiction"),
    Precedence("label-encoding-mismatch", "dtype-contradiction"),
    Precedence("loader-head-mismatch", "dtype-contradiction"),
    Precedence("loss-head-mismatch", "dtype-contradiction"),
    Precedence("probabilities-into-logits-loss", "double-activation"),
    Precedence("activated-logits", "double-activation"),
    Precedence("single-unit-softmax", "double-activation"),
    Precedence("single-unit-softmax", "target-outside-output-range"),
    Precedence("unscaled-inputs", "learning-rate-out-of-range"),
    Precedence("symmetric-hidden-weights", "oversized-initial-weights"),
    Precedence("positional-dropout-flip", "keep-prob-rate-confusion"),
    Precedence("dropout-never-active", "keep-prob-rate-confusion"),
    Precedence("positional-dropout-flip", "extreme-dropout"),
    Precedence("keep-prob-rate-confusion", "extreme-dropout"),
    Precedence("dropout-never-active", "extreme-dropout"),
    Precedence("regularizer-not-in-loss", "regularizer-strength"),
)


def resolve(reports: list[tuple[Rule, Report]]) -> list[tuple[Rule, Report]]:
    """The reports without those that another one explains."""
    by_rule: dict[str, list[Report]] = {}
    for rule, report in reports:
        by_rule.setdefault(rule.name, []).append(report)
    entries: dict[str, list[Precedence]] = {}
    for entry in TABLE:
        if entry.winner in by_rule:
            entries.setdefault(entry.loser, []).append(entry)
    return [
        (rule, report) for rule, report in reports
        if not any(_silenced(report, entry, by_rule[entry.winner]) for entry in entries.get(rule.name, ()))
    ]  # fmt: skip


def _silenced(report: Report, entry: Precedence, winners: list[Report]) -> bool:
    if entry.scope == "program":
        return True
    return any(
        report.place == other.place or (report.subject is not None and report.subject is other.subject)
        for other in winners
    )
