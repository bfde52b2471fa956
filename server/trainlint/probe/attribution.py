"""Which findings matter: what is lost when everything is repaired but one of them."""

from __future__ import annotations

from collections.abc import Sequence

from trainlint.probe.verdict import CONFIRMED, LEARNS, MARGIN, NOT_REPRODUCED, Comparison, agreed

NECESSARY = "necessary"
CONTRIBUTING = "contributing"
SLOWS_DOWN = "slows-down"
HARMLESS = "harmless-here"

WHOLE = 0.5
"""The share of the skill whose loss makes a repair necessary."""

LONG_ENOUGH = 800
"""Steps from which a difference that was not seen counts as none."""


def attribution(final: Sequence[Comparison], early: Sequence[Comparison] = ()) -> str | None:
    """What a finding does in a program, by the comparisons of each task at the last and at an earlier budget.

    None when nothing can be said: it was not reproduced within few steps, or the tasks differ.
    """
    verdicts = {found.verdict for found in final}
    if CONFIRMED in verdicts and NOT_REPRODUCED not in verdicts:
        steps = min(found.steps for found in final)
        if all(_is_lost(found) for found in final):
            return NECESSARY
        if steps < LONG_ENOUGH and not any(found.early for found in final):
            return CONTRIBUTING
        return SLOWS_DOWN if early and fades(early, final) else CONTRIBUTING
    was_confirmed = bool(early) and agreed([found.verdict for found in early]) == CONFIRMED
    if was_confirmed and all(found.steps >= LONG_ENOUGH for found in final):
        return SLOWS_DOWN
    if verdicts == {NOT_REPRODUCED} and all(found.steps >= LONG_ENOUGH for found in final):
        return HARMLESS
    return None


def _is_lost(found: Comparison) -> bool:
    """Whether the network has lost its skill without the repair."""
    return found.worse < LEARNS or found.relative >= 1 - WHOLE


def fades(early: Sequence[Comparison], final: Sequence[Comparison]) -> bool:
    """Whether what was lost at first is mostly made up for: by more steps, or by another optimizer."""
    before = max(found.relative for found in early)
    after = max(found.relative for found in final)
    return after < before / 2 and after < 2 * MARGIN
