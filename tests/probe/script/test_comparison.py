"""What is said of two arms, and when it is a verdict."""

from __future__ import annotations

import math
import random

import pytest

from trainlint.probe.script import Arm, Run, compare

OLD, NEW = Arm("as written"), Arm("repaired")


def run(arm, seed, end, start=1.0, steps=200, noise=0.01, **fields):
    """A run whose loss goes from start to end, with some noise of its own."""
    draws = random.Random(f"{arm}{seed}")
    losses = tuple(
        (step, end + (start - end) * math.exp(-step / 20) + noise * draws.random()) for step in range(1, steps + 1)
    )
    known = {"outcome": "finished", "message": "", "loss": "mse", "losses": losses, "steps": steps} | fields
    return Run(arm=arm, seed=seed, **known)


def runs(old, new, seeds=5, **fields):
    """Pairs of runs with these losses at the end."""
    return [
        run(arm.name, seed, end + 0.01 * seed, **fields)
        for seed in range(seeds)
        for arm, end in ((OLD, old), (NEW, new))
    ]


def words(comparison):
    """All sentences as one text."""
    return " ".join(comparison.sentences)


def test_a_clear_effect_is_confirmed():
    """Five pairs with the same loss, one arm of which learns and the other does not."""
    found = compare(OLD, NEW, runs(0.9, 0.1, noise=0.0))

    assert ("confirmed", True, (0, 1, 2, 3, 4), 200) == (found.verdict, found.comparable, found.seeds, found.step)
    assert found.relative == pytest.approx(0.87, abs=0.03)
    assert " repaired (median of 5 seeds): 87% lower." in words(found)
    assert "Confirmed: repaired learns more than as written" in words(found)


def test_no_effect():
    """Two arms that learn alike are not told apart, and that is no proof."""
    found = compare(OLD, NEW, runs(0.1, 0.1))

    assert "not-reproduced" == found.verdict
    assert "that is no proof that there is none" in words(found)


def test_a_repair_that_harms_is_no_confirmation():
    """The other direction confirms nothing."""
    assert "confirmed" != compare(OLD, NEW, runs(0.1, 0.5)).verdict


def test_nothing_was_learned():
    """Where the repaired arm learns nothing there is nothing to tell."""
    assert "inconclusive" == compare(OLD, NEW, runs(1.0, 0.98)).verdict


def test_early_harm():
    """A start far above the one of the repaired arm is harm, whatever comes later."""
    pairs = runs(0.1, 0.1)
    pairs = [
        one.replace(losses=tuple((s, v * (40 if s < 60 else 1)) for s, v in one.losses)) if one.arm == OLD.name else one
        for one in pairs
    ]

    assert "confirmed" == compare(OLD, NEW, pairs).verdict


@pytest.mark.parametrize(
    ("pairs", "reason"),
    [
        (runs(0.9, 0.1, seeds=4), "it takes 5 seeds, and 4 are paired"),
        (runs(0.9, 0.1, steps=50), "it takes 100 training steps"),
        (runs(-3.0, -9.0), "a loss below zero has no scale"),
        ([one.replace(losses=runs(0.9, 0.1)[0].losses) for one in runs(0.9, 0.1)], "all seeds gave the same losses"),
    ],
)
def test_no_verdict(pairs, reason):
    """Without enough seeds, steps or a scale, only what was seen is told."""
    found = compare(OLD, NEW, pairs)

    assert (None, True) == (found.verdict, found.comparable)
    assert f"No verdict: {reason}" in words(found)


def test_regularization_is_not_judged():
    """A short run always prefers less of it."""
    found = compare(OLD, NEW.replace(judged=False), runs(0.9, 0.1))

    assert None is found.verdict
    assert "a short run always prefers less regularization" in words(found)


@pytest.mark.parametrize("known", [("a", "b"), ("mse", None), (None, None)])
def test_different_losses_are_not_compared(known):
    """What the program reports beside the loss is told, if both report it to the end."""
    metrics = {"accuracy": ((199, 0.5), (200, 0.6)), "val_loss": ((200, 0.1),), "early": ((1, 0.5),)}
    pairs = runs(0.9, 0.1, metrics=metrics)
    pairs = [one.replace(loss=known[one.arm == NEW.name]) for one in pairs]
    pairs = [one.replace(metrics={**one.metrics, "early": ((200, 0.5),)}) if one.seed else one for one in pairs]
    found = compare(OLD, NEW, pairs)

    assert (None, False, None) == (found.verdict, found.comparable, found.relative)
    assert {"accuracy": (0.6, 0.6)} == found.metrics
    assert "Their losses can't be compared" in words(found)


def test_the_word_of_the_caller_wins():
    """Whoever made the arms knows best whether their losses mean the same."""
    old, new = OLD.replace(loss="mse"), NEW.replace(loss="mse over pairs")

    assert not compare(old, new, runs(0.9, 0.1)).comparable
    assert compare(old, new.replace(loss="mse"), runs(0.9, 0.1, loss=None)).comparable


def test_not_a_number():
    """A loss that is lost counts as the worst, and is told with its first step."""
    pairs = [
        one.replace(losses=tuple((s, v if s < 37 else math.nan) for s, v in one.losses)) if one.arm == OLD.name else one
        for one in runs(0.2, 0.1)
    ]
    found = compare(OLD, NEW, pairs)

    assert "confirmed" == found.verdict
    assert "The loss of as written is no finite number in 5 of 5 seeds, from step 37 on." in words(found)


def test_runs_of_different_lengths():
    """The steps that both did are compared, and the reader is told."""
    pairs = [one.replace(steps=120, losses=one.losses[:120]) if one.arm == OLD.name else one for one in runs(0.9, 0.1)]
    found = compare(OLD, NEW, pairs)

    assert 120 == found.step
    assert "did not train for equally many steps (120 as written, 200 repaired)" in words(found)


def test_different_weights_are_told():
    """Whether a seed gave both arms the same network and the same start."""
    start = (((3, 2), 1), ((2,), 2))
    other = [one.replace(weights=start if one.arm == OLD.name else (((3, 2), 9), ((2,), 2))) for one in runs(0.9, 0.1)]
    larger = [one.replace(weights=start if one.arm == OLD.name else (((3, 4), 9),)) for one in runs(0.9, 0.1)]

    assert "begin with different values of the weights" in words(compare(OLD, NEW, other))
    assert "Their networks have different weights" in words(compare(OLD, NEW, larger))


def test_runs_that_failed():
    """Without a pair the reader learns why."""
    pairs = runs(0.9, 0.1)
    pairs = [
        one.replace(outcome="error", message="ValueError: no", losses=()) if one.arm == NEW.name else one
        for one in pairs
    ]
    found = compare(OLD, NEW, pairs)

    assert (None, ()) == (found.verdict, found.seeds)
    assert "repaired: ValueError: no." in words(found)
