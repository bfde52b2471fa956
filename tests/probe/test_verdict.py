"""Verdicts are those of the rule; the figures are worked out by hand."""

from __future__ import annotations

import math

import pytest

from trainlint.probe.verdict import (
    CONFIRMED,
    INCONCLUSIVE,
    NOT_REPRODUCED,
    agreed,
    compare,
    interval,
    sign_flip,
)

CHECKPOINTS = (25, 50, 100, 200)


def rows(*values: float, seeds: int = 5, spread: float = 0.01):
    """Skill [seed][checkpoint] around some values."""
    return [[value + spread * (seed - 2) for value in values] for seed in range(seeds)]


def test_large_loss_is_confirmed():
    """A network that keeps no skill in any seed is harmed."""
    found = compare(rows(0.0, 0.0, 0.01, 0.02), rows(0.1, 0.3, 0.4, 0.5), CHECKPOINTS)
    assert (found.verdict, found.steps, found.early) == (CONFIRMED, 200, False)
    assert found.relative == pytest.approx(0.96)
    assert found.p == 1 / 32


def test_equal_arms_are_not_reproduced():
    """What differs by less than the margin is no effect."""
    assert compare(rows(0.1, 0.3, 0.4, 0.5), rows(0.1, 0.3, 0.41, 0.51), CHECKPOINTS).verdict == NOT_REPRODUCED


def test_small_difference_is_not_confirmed():
    """A difference that is certain but below the margin is immaterial."""
    found = compare(rows(0.1, 0.3, 0.4, 0.45, spread=0.0), rows(0.1, 0.3, 0.44, 0.5, spread=0.0), CHECKPOINTS)
    assert (found.verdict, found.p) == (NOT_REPRODUCED, 1 / 32)


def test_nothing_learned_is_inconclusive():
    """Where the repaired arm has no skill, nothing follows."""
    assert compare(rows(0.0, 0.0, 0.0, 0.0), rows(0.0, 0.02, 0.04, 0.06), CHECKPOINTS).verdict == INCONCLUSIVE


def test_early_harm_needs_no_skill():
    """Worse than guessing as written, sound when repaired: the first checkpoint decides."""
    found = compare(rows(-2.9, -2.9, -2.9, -2.9), rows(-0.1, 0.0, 0.0, 0.0), CHECKPOINTS)
    assert (found.verdict, found.steps, found.early) == (CONFIRMED, 25, True)


def test_early_harm_in_three_of_five_seeds_is_not_enough():
    """Four of five seeds must show the harm by themselves."""
    worse = [[-3.0, 0.1, 0.1, 0.1]] * 3 + [[0.0, 0.1, 0.1, 0.1]] * 2
    better = [[0.0, 0.0, 0.0, 0.0]] * 5
    assert compare(worse, better, CHECKPOINTS).verdict == INCONCLUSIVE


def test_first_checkpoint_confirms_nothing_else():
    """A head start is no harm: differences at 25 steps lie."""
    found = compare(rows(0.0, 0.3, 0.4, 0.5), rows(0.3, 0.31, 0.4, 0.5), CHECKPOINTS)
    assert found.verdict == NOT_REPRODUCED


def test_contradicting_checkpoints_are_inconclusive():
    """What was not reproduced before is not confirmed at once."""
    worse, better = rows(0.1, 0.3, 0.40, 0.3, spread=0.0), rows(0.1, 0.3, 0.40, 0.5, spread=0.0)
    assert compare(worse, better, CHECKPOINTS).verdict == INCONCLUSIVE


def test_exploded_seed_counts_as_the_worst():
    """A loss that is not finite has the lowest skill, not none."""
    worse = [[None] * 4] * 5
    found = compare(worse, rows(0.1, 0.3, 0.4, 0.5), CHECKPOINTS)
    assert (found.verdict, found.worse) == (CONFIRMED, -3.0)


def test_exploded_seed_does_not_acquit_the_others():
    """Seven seeds lose a fourth and one explodes: the spread of the eight says less than the seven."""
    worse = [[0.68], [0.66], [0.7], [0.67], [0.69], [0.65], [0.68], [-3.0]]
    better = [[0.9]] * 8
    found = compare(worse, better, [200])
    assert found.verdict == CONFIRMED
    assert 0.15 <= found.low < found.relative


def test_repaired_arm_that_explodes_is_not_spared():
    """What counts as guessing at least is the arm that may be harmed, not the other."""
    worse = [[0.6], [0.61], [0.59], [0.6], [0.6]]
    better = [[0.9], [0.9], [0.9], [0.9], [-3.0]]
    assert compare(worse, better, [200]).verdict != CONFIRMED


def test_sign_flip_is_exact():
    """Of the eight sign patterns of three pairs only the observed one reaches the sum."""
    assert sign_flip([1.0, 2.0, 3.0]) == 1 / 8
    assert sign_flip([1.0, -1.0]) == 3 / 4
    assert sign_flip([0.0, 0.0]) == 1.0


def test_interval_is_students():
    """The 90 % interval of 1..5: 3 -+ 2.132 * sqrt(2.5) / sqrt(5)."""
    low, high = interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert (low, high) == pytest.approx((3 - 2.132 * math.sqrt(0.5), 3 + 2.132 * math.sqrt(0.5)))


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([CONFIRMED, CONFIRMED], CONFIRMED),
        ([CONFIRMED, INCONCLUSIVE], CONFIRMED),
        ([CONFIRMED, NOT_REPRODUCED], INCONCLUSIVE),
        ([NOT_REPRODUCED, NOT_REPRODUCED], NOT_REPRODUCED),
        ([NOT_REPRODUCED, INCONCLUSIVE], INCONCLUSIVE),
    ],
)
def test_tasks_must_agree(verdicts, expected):
    """No task may contradict a confirmation, and all must fail to reproduce."""
    assert agreed(verdicts) == expected
