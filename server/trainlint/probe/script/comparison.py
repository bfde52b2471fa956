"""What two arms show against each other, and when that is a verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, median
from typing import Literal, cast

from trainlint.probe import verdict
from trainlint.probe.script.records import Arm, Comparison, Curve, Run

Verdict = Literal["confirmed", "not-reproduced", "inconclusive"]

# With fewer pairs the exact sign-flip test can't go below .05.
FEWEST_SEEDS = 5
_FEWEST_STEPS = 100
_STEP_OF_HARM = 25

_USABLE = ("finished", "ended-early")


def compare(before: Arm, after: Arm, runs: Sequence[Run]) -> Comparison:
    """What the runs of two arms show; a verdict only where their losses mean the same and five seeds are paired."""
    usable = [run for run in runs if run.outcome in _USABLE and run.losses]
    olds = {run.seed: run for run in usable if run.arm == before.name}
    news = {run.seed: run for run in usable if run.arm == after.name}
    seeds = tuple(seed for seed in olds if seed in news)
    if not seeds:
        return _not_comparable(before, after, runs)
    pairs = [(olds[seed], news[seed]) for seed in seeds]
    step = min(min(old.steps, new.steps) for old, new in pairs)
    doubt = _doubt(before, after, pairs)
    sentences = [f"{before.name} against {after.name}: {_seeds(len(seeds))}, {step} training steps, on your own data."]
    olds_last, news_last = ([_end(pair[side].losses, step) for pair in pairs] for side in (0, 1))
    loss = (_median(olds_last), _median(news_last))
    relative = None
    verdict: Verdict | None = None
    effect = None
    if doubt:
        sentences.append(f"Their losses can't be compared: {doubt}.")
    else:
        relative = _relative(olds_last, news_last)
        sentences.append(_loss_sentence(before, after, loss, relative, len(seeds)))
    sentences += _nan_sentences(pairs, before, after)
    metrics = _metrics(pairs, with_losses=not doubt)
    sentences += [
        f"{name}: {values[0]:.4g} {before.name}, {values[1]:.4g} {after.name} (median, as the program reports it)."
        for name, values in metrics.items()
    ]
    why_not = doubt or _why_no_verdict(before, after, pairs, step)
    if not why_not:
        verdict, effect = _judged(pairs, step)
        sentences.append(_verdict_sentence(verdict, effect, before, after))
    elif not doubt:
        sentences.append(f"No verdict: {why_not}.")
    sentences += _pairing_sentences(pairs, before, after)
    return Comparison(
        before=before.name,
        after=after.name,
        verdict=verdict,
        seeds=seeds,
        step=step,
        comparable=not doubt,
        loss=loss,
        relative=relative,
        effect=effect,
        metrics=metrics,
        sentences=tuple(sentences),
    )


def _not_comparable(before: Arm, after: Arm, runs: Sequence[Run]) -> Comparison:
    sentences = [f"{before.name} against {after.name}: no seed with which both have trained."]
    for arm in (before, after):
        failed = next((run for run in runs if run.arm == arm.name and run.outcome not in _USABLE), None)
        if failed is not None:
            sentences.append(f"{arm.name}: {failed.message}.")
    return Comparison(
        before=before.name,
        after=after.name,
        verdict=None,
        seeds=(),
        step=0,
        comparable=False,
        sentences=tuple(sentences),
    )


def _doubt(before: Arm, after: Arm, pairs: list[tuple[Run, Run]]) -> str:
    """Why the losses may not mean the same; empty where they do."""
    if before.loss is not None and after.loss is not None:
        return "" if before.loss == after.loss else f"{before.loss} and {after.loss} are different losses"
    old, new = pairs[0]
    if old.loss is None or new.loss is None or "unknown" in (old.loss, new.loss):
        return "it was not seen whether both have the same loss"
    if old.loss == new.loss:
        return ""
    return f"they are computed in different ways ({_only_in(old.loss, new.loss)}; {_only_in(new.loss, old.loss)})"


def _only_in(one: str, other: str) -> str:
    """The words of one text that the other lacks."""
    words = [word for word in dict.fromkeys(one.split()) if word not in other.split()]
    return ", ".join(words[:4]) or one


def _why_no_verdict(before: Arm, after: Arm, pairs: list[tuple[Run, Run]], step: int) -> str:
    if not (before.judged and after.judged):
        return "a short run always prefers less regularization"
    if len(pairs) < FEWEST_SEEDS:
        return f"it takes {FEWEST_SEEDS} seeds, and {len(pairs)} are paired"
    if step < _FEWEST_STEPS:
        return f"it takes {_FEWEST_STEPS} training steps"
    if any(len({side.losses for side in sides}) == 1 for sides in zip(*pairs)):
        return (
            "all seeds gave the same losses, so they count as one: the program draws no random numbers, or fixes them"
        )
    if any(value < 0 for pair in pairs for run in pair for value in _numbers(run.losses)):
        return "a loss below zero has no scale"
    if any(_reference(old, new) <= 0 for old, new in pairs):
        return "the loss begins at zero"
    return ""


def _reference(old: Run, new: Run) -> float:
    """The smaller of the two losses that training begins with: about what a constant answer would have."""
    first = [_begin(old.losses), _begin(new.losses)]
    numbers = [value for value in first if math.isfinite(value)]
    return min(numbers) if numbers else 0.0


def _skill(run: Run, reference: float, step: int) -> float:
    """What of that loss is gone, as facts of the field go: 1 is perfect, 0 is nothing learned."""
    value = _end(run.losses, step)
    return max(verdict.LOWEST, 1.0 - value / reference) if math.isfinite(value) else verdict.LOWEST


def _skills(pairs: list[tuple[Run, Run]], step: int) -> tuple[list[float], list[float]]:
    references = [_reference(old, new) for old, new in pairs]
    return (
        [_skill(old, reference, step) for (old, _), reference in zip(pairs, references)],
        [_skill(new, reference, step) for (_, new), reference in zip(pairs, references)],
    )


def _judged(pairs: list[tuple[Run, Run]], step: int) -> tuple[Verdict, tuple[float, float, float]]:
    """The verdict at the last step, held against the one at half of them, by the rule of all probes."""
    checkpoints = (_STEP_OF_HARM, step // 2, step)
    olds, news = zip(*(_skills(pairs, each) for each in checkpoints))
    found = verdict.compare(list(zip(*olds)), list(zip(*news)), checkpoints)
    last = verdict.compare([[value] for value in olds[-1]], [[value] for value in news[-1]], (step,))
    return cast("Verdict", found.verdict), (last.relative, last.low, last.high)


def _numbers(curve: Curve) -> list[float]:
    return [value for _, value in curve if value is not None and not math.isnan(value)]


def _begin(curve: Curve) -> float:
    """The loss of the first step, before any update."""
    value = curve[0][1]
    return math.nan if value is None else value


def _end(curve: Curve, step: int) -> float:
    """The mean over the last tenth of the steps; not a number where one of them is not."""
    last = [value for at, value in curve if step - max(1, step // 10) < at <= step]
    if not last:
        last = [value for at, value in curve if at <= step][-1:]
    numbers = [math.nan if value is None else value for value in last]
    return fmean(numbers) if numbers else math.nan


def _median(values: list[float]) -> float:
    """Not a number counts as the largest."""
    ordered = median([math.inf if math.isnan(value) else value for value in values])
    return math.nan if math.isinf(ordered) else ordered


def _relative(olds: list[float], news: list[float]) -> float | None:
    found = [(old - new) / old for old, new in zip(olds, news) if math.isfinite(old) and math.isfinite(new) and old > 0]
    return median(found) if found else None


def _metrics(pairs: list[tuple[Run, Run]], with_losses: bool) -> dict[str, tuple[float, float]]:
    """The last values of what all runs report, where they were reported at about the same step."""
    found = {}
    for name in pairs[0][0].metrics:
        if "loss" in name and not with_losses:
            continue
        curves = [[pair[side].metrics.get(name, ()) for pair in pairs] for side in (0, 1)]
        last = [[curve[-1] for curve in side if curve] for side in curves]
        steps = [at for side in last for at, _ in side]
        if len(steps) == 2 * len(pairs) and min(steps) >= 0.9 * max(steps):
            old, new = ([math.nan if value is None else value for _, value in side] for side in last)
            found[name] = (_median(old), _median(new))
    return found


def _seeds(number: int) -> str:
    return "1 seed" if number == 1 else f"{number} seeds"


def _loss_sentence(before: Arm, after: Arm, loss: tuple[float, float], relative: float | None, seeds: int) -> str:
    of = f"median of {_seeds(seeds)}" if seeds > 1 else "1 seed"
    text = f"The training loss ends at {loss[0]:.4g} {before.name} and at {loss[1]:.4g} {after.name} ({of})"
    if relative is None or abs(relative) < 0.005:
        return text + ("." if relative is None else ": the same.")
    return f"{text}: {abs(relative):.0%} {'lower' if relative >= 0 else 'higher'}."


def _nan_sentences(pairs: list[tuple[Run, Run]], before: Arm, after: Arm) -> list[str]:
    found = []
    for side, arm in enumerate((before, after)):
        first = []
        for pair in pairs:
            steps = [at for at, value in pair[side].losses if value is not None and not math.isfinite(value)]
            first += steps[:1]
        if first:
            found.append(
                f"The loss of {arm.name} is no finite number in {len(first)} of {_seeds(len(pairs))},"
                f" from step {min(first)} on."
            )
    return found


def _verdict_sentence(verdict: Verdict, effect: tuple[float, float, float], before: Arm, after: Arm) -> str:
    numbers = f"relative effect {effect[0]:.2f}, 90 % interval {effect[1]:.2f} to {effect[2]:.2f}"
    if verdict == "confirmed":
        return f"Confirmed: {after.name} learns more than {before.name} ({numbers})."
    if verdict == "not-reproduced":
        return f"Not reproduced: no effect within these steps ({numbers}); that is no proof that there is none."
    return f"Inconclusive ({numbers}): more steps or more seeds may tell."


def _pairing_sentences(pairs: list[tuple[Run, Run]], before: Arm, after: Arm) -> list[str]:
    """What is not the same in both arms beside what was meant to differ."""
    found = []
    if any(old.steps != new.steps for old, new in pairs):
        steps = [median([pair[side].steps for pair in pairs]) for side in (0, 1)]
        found.append(
            f"They did not train for equally many steps ({steps[0]:g} {before.name}, {steps[1]:g} {after.name});"
            " the steps that both did are compared."
        )
    both = [(old.weights, new.weights) for old, new in pairs if old.weights and new.weights]
    shapes = [([shape for shape, _ in old], [shape for shape, _ in new]) for old, new in both if old and new]
    if any(old != new for old, new in shapes):
        found.append("Their networks have different weights, so a seed does not give both the same start.")
    elif any(old != new for old, new in both):
        found.append("They begin with different values of the weights, as they must where a repair concerns these.")
    if any(old.device != new.device for old, new in pairs):
        found.append("They ran on different devices.")
    return found
