"""`trainlint probe --script FILE`: runs the user's own program, as written and repaired, when the user agrees."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trainlint.cli.streams import style_of, write
from trainlint.report.terminal import counted, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.cli.probing import Probing
    from trainlint.probe.script import Progress, ScriptResult

NOTHING, CONFIRMED, FAILED = 0, 1, 2

SEEDS, STEPS = 3, 200
"""What is run where nobody says: each run imports the framework anew, which takes seconds."""


def run_script(probing: Probing, path: str, line: int | None, downloads: bool, agreed: bool) -> int:
    """Asks, runs every arm with every seed, and reports what was recorded."""
    from trainlint.probe.interpreters import find_interpreter
    from trainlint.probe.script import Limits, isolation, run
    from trainlint.probe.script.planning import script_of

    opened = probing.open(path, line)
    experiment = script_of(opened.analysis, opened.project, opened.config, opened.findings, ())
    if experiment is None:
        write([f"There is no repair to try in {probing.display(path)}."])
        return NOTHING
    order = probing.order
    interpreter = find_interpreter(Path(path), named=order.python)
    seeds, steps = order.seeds or SEEDS, order.steps or STEPS
    count = seeds * len(experiment.arms)
    if not agreed:
        question = [
            f"This runs {probing.display(path)} {count} times ({counted(len(experiment.arms), 'variant')}, "
            f"{counted(seeds, 'seed')}, {steps} training steps each) with {interpreter.path}.",
            isolation().sentence,
        ]
        if sys.stdin is None or not sys.stdin.isatty():
            raise click.UsageError(" ".join((*question, "Say --yes to agree.")))
        write(question, sys.stderr)
        if not click.confirm("Run it?", err=True):
            return FAILED
    cancelled = threading.Event()

    def show(step: Progress) -> None:
        probing.progress.step({"message": f"run {step.run} of {step.runs}: {step.arm}, {step.phase} {step.step or ''}"})

    limits = Limits(seconds=order.seconds, **({"memory": order.memory} if order.memory else {}))
    try:
        result = run(
            experiment, python=interpreter.path, seeds=range(seeds), steps=steps, limits=limits,
            allow_downloads=downloads, progress=show, cancelled=cancelled,
        )  # fmt: skip
    finally:
        cancelled.set()
        probing.progress.clear()
    if order.output_format == "json":
        from trainlint.probe.script import as_json

        probing.put(json.dumps(as_json(result), indent=2) + "\n")
    else:
        width = style_of(sys.stdout).width
        probing.put("".join(f"{text}\n" for text in _lines(result, probing.display(path), width)))
    if any(each.verdict == "confirmed" for each in result.comparisons):
        return CONFIRMED
    return NOTHING if any(each.steps for each in result.runs) else FAILED


def _lines(result: ScriptResult, name: str, width: int) -> Iterator[str]:
    """The report of a script for people."""
    yield f"{name}, run on its own data with {result.python}"
    yield from wrapped(result.isolation.sentence, width, "  ", "  ")
    yield ""
    rows = [("variant", "seed", "steps", "first loss", "last loss", "outcome")]
    for each in result.runs:
        losses = [value for _, value in each.losses if value is not None]
        first, last = (f"{losses[0]:.4g}", f"{losses[-1]:.4g}") if losses else ("", "")
        outcome = "" if each.outcome == "finished" else each.message
        rows.append((each.arm, str(each.seed), str(each.steps), first, last, outcome))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(size) for cell, size in zip(row[1:5], widths[1:]))]
        yield ("  " + "  ".join(cells) + f"  {row[5]}").rstrip()
    yield ""
    for comparison in result.comparisons:
        yield f"{comparison.before} against {comparison.after}"
        for sentence in comparison.sentences:
            yield from wrapped(sentence, width, "  ", "  ")
        yield ""
    for note in result.notes:
        yield from wrapped(note, width, "note: ", "  ")
    yield "A short run on your data shows what happens in it, and not what a full training would come to."
