"""All runs of an experiment."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from trainlint.probe.script import sandbox
from trainlint.probe.script.comparison import compare
from trainlint.probe.script.records import Comparison, Experiment, Limits, Progress, Run, ScriptResult
from trainlint.probe.script.runner import Orders, Report, run_once
from trainlint.probe.script.trial import isolation

# With these no other run can do better.
_HOPELESS = ("backend-missing", "not-started")
_FAILED = (*_HOPELESS, "error", "died", "no-training-step", "timed-out", "out-of-memory", "too-many-processes")


def run(
    experiment: Experiment,
    *,
    python: str,
    seeds: Sequence[int] = range(5),
    steps: int = 200,
    limits: Limits | None = None,
    allow_downloads: bool = False,
    sandboxed: bool = True,
    progress: Callable[[Progress], None] = lambda _: None,
    cancelled: threading.Event | None = None,
) -> ScriptResult:
    """What the arms of a program show, run one after the other with each seed.

    The first seed leaves the seeds that the program sets itself as they are.
    Arms take turns, so that what was done before a cancel is paired.
    """
    cancelled = cancelled or threading.Event()
    kind = isolation() if sandboxed else sandbox.NOT_WANTED
    orders = Orders(experiment, _program(python), steps, limits or Limits(), allow_downloads, kind)
    began = time.monotonic()
    done: list[Run] = []
    skipped: dict[str, str] = {}
    notes: list[str] = []
    total = len(seeds) * len(experiment.arms)
    for index, seed in enumerate(seeds):
        for number, arm in enumerate(experiment.arms):
            if cancelled.is_set():
                break
            if arm.name in skipped:
                continue
            made = _progress_of(arm.name, seed, index * len(experiment.arms) + number + 1, total, steps, began)
            report = _reporting(progress, made)
            result = run_once(orders, arm, seed, index == 0, report, cancelled)
            done.append(result)
            progress(made("done", result.steps, None))
            if result.outcome in _HOPELESS:
                skipped.update({each.name: result.message for each in experiment.arms})
            elif result.outcome in _FAILED and not result.steps and index == 0:
                # Another seed would not change what happens before the first step.
                skipped[arm.name] = result.message
    if len(seeds) > 1:
        notes += [f"With one seed only: {name}. {why}" for name, why in _told_once(skipped)]
    return ScriptResult(
        entry=os.path.abspath(experiment.entry),
        steps=steps,
        seeds=tuple(seeds),
        isolation=kind,
        runs=tuple(done),
        comparisons=_comparisons(experiment, done),
        python=orders.python,
        cancelled=cancelled.is_set(),
        notes=tuple(notes),
    )


def _progress_of(arm: str, seed: int, number: int, of: int, steps: int, began: float) -> Callable[..., Progress]:
    """A function that makes the progress of one run."""

    def made(phase: Any, step: int, loss: float | None) -> Progress:
        return Progress(
            arm=arm,
            seed=seed,
            run=number,
            runs=of,
            phase=phase,
            step=step,
            steps=steps,
            loss=loss,
            seconds=time.monotonic() - began,
        )

    return made


def _reporting(progress: Callable[[Progress], None], made: Callable[..., Progress]) -> Report:
    return lambda phase, step, loss: progress(made(phase, step, loss))


def _told_once(skipped: dict[str, str]) -> list[tuple[str, str]]:
    """One entry for each reason."""
    by_reason: dict[str, list[str]] = {}
    for name, why in skipped.items():
        by_reason.setdefault(why, []).append(name)
    return [(", ".join(names), why) for why, names in by_reason.items()]


def _program(python: str) -> str:
    """A path with a folder stays valid when the working folder changes."""
    return os.path.abspath(python) if os.sep in python else python


def _comparisons(experiment: Experiment, runs: list[Run]) -> tuple[Comparison, ...]:
    arms = {arm.name: arm for arm in experiment.arms}
    first = experiment.arms[0].name
    pairs = experiment.pairs or tuple((first, arm.name) for arm in experiment.arms[1:])
    return tuple(
        compare(arms[before], arms[after], runs) for before, after in pairs if before in arms and after in arms
    )
