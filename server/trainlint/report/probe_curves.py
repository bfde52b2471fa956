"""The part of a probe's page that shows how arms learned: a bar for each at the end, a chart for each on the way."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from trainlint.report.probe_charts import Line, bars, is_far, lines
from trainlint.report.probe_reading import (
    ALL_REPAIRED,
    AS_WRITTEN,
    TASKS,
    Row,
    arm_name,
    has_learned,
    is_number,
    length,
    mean,
    number,
    rows,
    rows_of,
    tasks,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trainlint.report.schema import NetworkEntry

LOWEST = -1.0
"""Skills below are drawn here: a network that is worse than guessing would flatten all others."""

MAX_POINTS = 50
"""Of a curve: more cannot be told apart in a small chart."""


def overview(network: NetworkEntry) -> Iterator[str]:
    """A bar for the skill of each arm and task."""
    trained = tasks(network)
    found = {task: {row.arm: row for row in rows(network, task) if not row.like} for task in trained}
    arms = list(dict.fromkeys(arm for task in trained for arm in found[task]))
    first = found[trained[0]]
    shown = [arm for arm in arms if arm.startswith("all but ")]
    shown.sort(key=lambda arm: _skill(first.get(arm)))
    others = [arm for arm in arms if arm not in shown]
    order = [*(arm for arm in others if not arm.startswith("only ")), *shown]
    series = [
        (f"task-{i}", [row.skill if (row := found[task].get(arm)) is not None else None for arm in order])
        for i, task in enumerate(trained[:2])
    ]
    names = [arm_name(arm) for arm in order]
    told = "; ".join(
        f"{name} {' and '.join(number(values[i]) for _, values in series)}" for i, name in enumerate(names)
    )
    yield '<ul class="key">'
    for i, task in enumerate(trained[:2]):
        yield f"<li>{_key(f'task-{i}', 'rect')}Task {escape(task)}: {escape(TASKS.get(task, ''))}</li>"
    yield "</ul>"
    yield "<figure>"
    yield bars(names, series, f"Bars of the skill at the end: {told}")
    yield "<figcaption>The skill at the end. A short bar at “everything except” means: this one has to go.</figcaption>"
    yield "</figure>"


def _skill(row: Row | None) -> float:
    return row.skill if row is not None and row.skill is not None else 4.0


def _key(look: str, shape: str) -> str:
    """A sample of a series."""
    drawn = '<rect x="2" y="2" width="24" height="8"/>' if shape == "rect" else '<path d="M0 6 h28"/>'
    return f'<svg class="sample" viewBox="0 0 28 12" aria-hidden="true"><g class="{look}">{drawn}</g></svg>'


def curves(network: NetworkEntry) -> Iterator[str]:
    """For each task and budget a chart of skill and one of loss for each arm."""
    yield "<h3>How they learned</h3>"
    yield '<ul class="key">'
    yield f"<li>{_key('seed', 'line')}one seed</li><li>{_key('mean', 'line')}mean over the seeds</li>"
    yield f"<li>{_key('reference', 'line')}everything repaired, for comparison</li></ul>"
    opened = True
    for task in tasks(network):
        for index, run in enumerate(network["runs"]):
            measured = [each for each in network["arms"] if each["run"] == index]
            found = [row for row in rows_of(measured, task) if not row.like and not row.error]
            if not found:
                continue
            steps = max(row.steps for row in found)
            title = f"Task {task}, {length(run)}"
            yield f"<details{' open' if opened else ''}><summary>{escape(title)}</summary>"
            yield from _grid(found, steps)
            yield from _numbers(found, title)
            yield "</details>"
            opened = False


def _grid(found: Sequence[Row], steps: int) -> Iterator[str]:
    best = max((row.skill for row in found if row.skill is not None), default=0.0)
    reference = next((row for row in found if row.arm == ALL_REPAIRED), None)
    known = [value for row in found for each in row.measured["skill"] for value in each if value is not None]
    lowest = min([0.0, *(value for value in known if is_number(value))])
    low = max(LOWEST, math.floor(lowest * 4) / 4)
    yield '<div class="grid">'
    for row in sorted(found, key=_order):
        yield "<figure>"
        yield f"<figcaption>{escape(arm_name(row.arm))}</figcaption>"
        yield from _charts(row, reference, has_learned(row, best), low, steps)
        yield "</figure>"
    yield "</div>"
    if lowest < LOWEST:
        yield f'<p class="small muted">Skills below {LOWEST:g} are drawn at {LOWEST:g}.</p>'


def _order(row: Row) -> tuple[bool, bool, bool, float]:
    """What is compared with comes first, then what harms most."""
    return row.arm != ALL_REPAIRED, row.arm != AS_WRITTEN, row.arm.startswith("only "), _skill(row)


def _charts(row: Row, reference: Row | None, colour: str, low: float, steps: int) -> Iterator[str]:
    measured = row.measured
    checkpoints = measured["checkpoints"]
    drawn = [Line("seed", tuple(zip(checkpoints, values))) for values in measured["skill"]]
    if reference is not None and reference is not row:
        drawn.append(Line("reference", tuple(zip(reference.measured["checkpoints"], reference.path))))
    drawn.append(Line(f"mean {colour}", tuple(zip(checkpoints, row.path))))
    way = ", ".join(f"{number(value)} after {step}" for step, value in zip(checkpoints, row.path))
    yield '<p class="what">Skill, over the training steps</p>'
    yield lines(drawn, f"Mean skill of {arm_name(row.arm)}: {way} steps.", low=low, high=1.0, steps=steps)
    values = [value for each in measured["curve"] for value in each if value is not None and is_number(value)]
    if not values:
        yield '<p class="what">The loss was never a finite number.</p>'
        return
    kept = _kept(len(measured["curve_steps"]))
    at = [measured["curve_steps"][i] for i in kept]
    drawn = [Line("seed", tuple((x, each[i]) for x, i in zip(at, kept))) for each in measured["curve"]]
    middle = [mean(column) for column in zip(*measured["curve"])]
    drawn.append(Line(f"mean {colour}", tuple((x, middle[i]) for x, i in zip(at, kept))))
    start, end = next((v for v in middle if v is not None), None), middle[-1]
    told = f"Mean training loss of {arm_name(row.arm)}: from {_size(start)} to {_size(end)}."
    scale = " on a logarithmic scale" if is_far(min(values), max(values)) else ""
    yield f'<p class="what">Its own loss{scale}, over the training steps</p>'
    yield lines(drawn, told, low=min(values), high=max(values), steps=steps, loss=True)


def _kept(n: int) -> list[int]:
    """The indices of the points that are drawn, the first and the last among them."""
    if n <= MAX_POINTS:
        return list(range(n))
    return sorted({round(i * (n - 1) / (MAX_POINTS - 1)) for i in range(MAX_POINTS)})


def _size(value: float | None) -> str:
    return "none" if value is None else f"{value:.3g}"


def _numbers(found: Sequence[Row], title: str) -> Iterator[str]:
    """The mean skill at each checkpoint as a table."""
    checkpoints = list(dict.fromkeys(step for row in found for step in row.measured["checkpoints"]))
    yield "<details><summary>As numbers</summary>"
    yield '<div class="scroll"><table>'
    yield f"<caption>Mean skill after so many steps. {escape(title)}</caption>"
    yield '<thead><tr><th scope="col">What was trained</th>'
    yield from (f'<th scope="col" class="numeric">{step}</th>' for step in checkpoints)
    yield "</tr></thead><tbody>"
    for row in found:
        path = dict(zip(row.measured["checkpoints"], row.path))
        cells = "".join(f'<td class="numeric">{number(path.get(step))}</td>' for step in checkpoints)
        yield f'<tr><th scope="row">{escape(arm_name(row.arm))}</th>{cells}</tr>'
    yield "</tbody></table></div></details>"
