"""Verdicts on paired trainings, by the rule that docs/probe.md gives: standard library only."""

from __future__ import annotations

import math
from collections.abc import Sequence

from trainlint.record import Record

CONFIRMED = "confirmed"
NOT_REPRODUCED = "not-reproduced"
INCONCLUSIVE = "inconclusive"

MARGIN = 0.15
"""The relative loss of skill from which a difference counts: just above what two equal arms differ by (.127 at most
in 20 null pairs at 200 steps)."""

LEARNS = 0.10
"""Skill below which the repaired arm tells nothing: the task is too hard or the budget too small."""

HARMED, SOUND = -0.5, -0.2
"""Early harm: mean skill below the first as written and above the second when repaired."""

HARM_STEPS = 50
"""The harm rule counts up to here: later it comes and goes."""

HARM_SHARE = 0.8
"""Share of the seeds that must show the harm by themselves: 4 of 5."""

LEVEL = 0.05

MOST_FLIPPED = 16
"""Pairs up to which the permutation is exact."""

LOWEST = -3.0
"""Skill is clipped here: one exploding seed would outweigh all others."""

GUESSING = 0.0
"""The skill of guessing by how often each answer occurs."""

# The quantile .95 of Student's t for 1 to 30 degrees of freedom: bounds of the two-sided 90 % interval.
_T95 = (
    6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812, 1.796, 1.782, 1.771, 1.761, 1.753, 1.746,
    1.740, 1.734, 1.729, 1.725, 1.721, 1.717, 1.714, 1.711, 1.708, 1.706, 1.703, 1.701, 1.699, 1.697,
)  # fmt: skip


class Comparison(Record):
    """How much worse one arm is than another after some steps, over paired seeds.

    `relative` is the mean difference of skill over the better arm's skill (or .1, if that is larger), `low` and `high`
    bound it by the 90 % t interval, from below also with what is worse than guessing counted as guessing; `p` is that
    of the exact sign-flip permutation.
    """

    verdict: str
    steps: int
    worse: float
    better: float
    relative: float
    low: float
    high: float
    p: float
    seeds: int = 0
    early: bool = False
    """Whether the harm was so large after few steps that nothing more was asked."""


def compare(
    worse: Sequence[Sequence[float | None]],
    better: Sequence[Sequence[float | None]],
    checkpoints: Sequence[int],
    early_harm: bool = True,
) -> Comparison:
    """The verdict on two arms from their skill [seed][checkpoint]: is the first one harmed?

    Without `early_harm` harm that shows in the first steps decides nothing: only what is left of it at the end.
    """
    found: Comparison | None = None
    before = INCONCLUSIVE
    for index, steps in enumerate(checkpoints):
        w = [_clipped(row[index]) for row in worse]
        b = [_clipped(row[index]) for row in better]
        if early_harm and steps <= HARM_STEPS and _is_harm(w, b):
            return _measured(w, b, steps, CONFIRMED).replace(early=True)
        if steps < HARM_STEPS and len(checkpoints) > 1:
            # The first checkpoint is for the harm rule alone: early differences lie.
            continue
        found = _judged(w, b, steps, before)
        before = found.verdict
    assert found is not None
    return found


def _clipped(value: float | None) -> float:
    return LOWEST if value is None or not math.isfinite(value) else max(LOWEST, value)


def _is_harm(worse: Sequence[float], better: Sequence[float]) -> bool:
    if not (mean(worse) < HARMED and mean(better) > SOUND):
        return False
    shown = sum(w < HARMED and b > SOUND for w, b in zip(worse, better))
    return shown >= math.ceil(HARM_SHARE * len(worse))


def _judged(worse: Sequence[float], better: Sequence[float], steps: int, before: str) -> Comparison:
    found = _measured(worse, better, steps, INCONCLUSIVE)
    if found.better < LEARNS:
        return found
    if found.p <= LEVEL and found.low >= MARGIN and before != NOT_REPRODUCED:
        return found.replace(verdict=CONFIRMED)
    if found.high < MARGIN and before != CONFIRMED:
        return found.replace(verdict=NOT_REPRODUCED)
    return found


def _measured(worse: Sequence[float], better: Sequence[float], steps: int, verdict: str) -> Comparison:
    level = max(mean(better), LEARNS)
    differences = [(b - w) / level for w, b in zip(worse, better)]
    low, high = interval(differences)
    # One seed that explodes spreads the differences so far that it would acquit the others. How far below guessing it
    # fell is no part of the least harm: a bound without that part bounds the whole as well.
    low = max(low, interval([(b - max(w, GUESSING)) / level for w, b in zip(worse, better)])[0])
    return Comparison(
        verdict, steps, mean(worse), mean(better), mean(differences), low, high, sign_flip(differences),
        len(differences),
    )  # fmt: skip


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The 90 % t interval of a mean; infinite for fewer than two values."""
    n = len(values)
    if n < 2:
        return -math.inf, math.inf
    middle = mean(values)
    spread = math.sqrt(sum((v - middle) ** 2 for v in values) / (n - 1))
    reach = (_T95[n - 2] if n - 1 <= len(_T95) else 1.645) * spread / math.sqrt(n)
    return middle - reach, middle + reach


def sign_flip(differences: Sequence[float]) -> float:
    """The one-sided p value of the exact sign-flip permutation: how often chance gives a mean as large.

    With five pairs it cannot be below 1/32, with three not below 1/8. Above sixteen pairs the sum is close to normal,
    and all flips would be too many.
    """
    total = sum(differences)
    n = len(differences)
    if n > MOST_FLIPPED:
        spread = math.sqrt(sum(d * d for d in differences))
        return 0.5 * math.erfc(total / spread / math.sqrt(2)) if spread else 1.0
    sums = [0.0]
    for d in differences:
        sums = [s + d for s in sums] + [s - d for s in sums]
    return sum(s >= total - 1e-12 for s in sums) / 2**n


def agreed(verdicts: Sequence[str]) -> str:
    """One verdict of several tasks: no task may contradict a confirmation, and all must fail to reproduce."""
    kinds = set(verdicts)
    if CONFIRMED in kinds and NOT_REPRODUCED not in kinds:
        return CONFIRMED
    return NOT_REPRODUCED if kinds == {NOT_REPRODUCED} else INCONCLUSIVE
