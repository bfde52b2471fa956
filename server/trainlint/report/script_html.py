"""What a run of the user's own program showed, as a piece of HTML; reads the JSON of `trainlint probe --script`."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any

from trainlint.report.markup import prose, text
from trainlint.report.probe_charts import Line, is_far, lines
from trainlint.report.probe_reading import ALL_REPAIRED, arm_name, is_number, listed, mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_CAUTION = "A short run on your data shows what happens in it, and not what a full training would come to."

_COLOURS: Mapping[str | None, str] = {"confirmed": "red", "not-reproduced": "green"}

MAX_POINTS = 100
"""Of a curve: more cannot be told apart in a small chart."""


def script_importance(document: Mapping[str, Any]) -> dict[str, str]:
    """The title and the colour of what came out of all comparisons."""
    verdicts = {each["verdict"] for each in document["comparisons"]}
    found = next((verdict for verdict in ("confirmed", "not-reproduced") if verdict in verdicts), None)
    return {"title": _title(found), "colour": _COLOURS.get(found, "cyan")}


def script_lead(document: Mapping[str, Any]) -> str:
    """The outcome in a sentence of HTML."""
    confirmed = [each for each in document["comparisons"] if each["verdict"] == "confirmed"]
    if confirmed:
        names = [arm_name(each["before"]) for each in confirmed]
        return prose(f"On your own data, worse than with the repairs: {listed(names)}.")
    if any(each["verdict"] == "not-reproduced" for each in document["comparisons"]):
        return prose("On your own data the repairs made no difference in this time.")
    runs = document["runs"]
    if runs and not any(run["steps"] for run in runs):
        reasons = [reason for reason in dict.fromkeys(run["message"] for run in runs) if reason]
        return prose(f"The program did not train{': ' + reasons[0] if reasons else ''}.")
    return prose("The runs on your own data decide nothing; below is what was seen.")


def script_fragment(document: Mapping[str, Any]) -> str:
    """Comparisons first, then a chart of the loss of each variant, then every run."""
    return "\n".join((*_comparisons(document), *_curves(document), *_runs(document), *_rest(document)))


def _comparisons(document: Mapping[str, Any]) -> Iterator[str]:
    yield '<section aria-labelledby="compared"><h2 id="compared">What the repairs change</h2>'
    for each in document["comparisons"]:
        colour, title = _COLOURS.get(each["verdict"], "cyan"), _title(each["verdict"])
        yield f'<article class="{colour}">'
        names = f"{arm_name(each['before'])}, against {arm_name(each['after'])}"
        yield f'<h3><span class="chip {colour}">{text(title)}</span> <span class="meaning">{text(names)}</span></h3>'
        yield from (f"<p>{prose(sentence)}</p>" for sentence in each["sentences"])
        yield "</article>"
    yield "</section>"


def _title(verdict: str | None) -> str:
    return (verdict or "no verdict").replace("-", " ").capitalize()


def _curves(document: Mapping[str, Any]) -> Iterator[str]:
    arms = list(dict.fromkeys(run["arm"] for run in document["runs"]))
    by_arm = {arm: [_points(run["losses"]) for run in document["runs"] if run["arm"] == arm] for arm in arms}
    values = [y for curves in by_arm.values() for curve in curves for _, y in curve if y is not None]
    if not values:
        return
    steps = int(max(x for curves in by_arm.values() for curve in curves for x, _ in curve))
    scale = " on a logarithmic scale" if is_far(min(values), max(values)) else ""
    yield '<section aria-labelledby="losses"><h2 id="losses">Loss of each variant</h2>'
    yield f'<p class="small muted">The loss that the program itself reports{scale}, over its training steps; '
    yield "a thin line is one seed, the thick one their mean.</p>"
    yield '<div class="grid">'
    for arm, curves in by_arm.items():
        means = _mean(curves)
        look = "mean green" if arm == ALL_REPAIRED else "mean"
        drawn = [*(Line("seed", tuple(curve)) for curve in curves), Line(look, means)]
        known = [value for _, value in means if value is not None]
        told = f"from {known[0]:.3g} to {known[-1]:.3g}" if known else "never a number"
        yield f"<figure><figcaption>{escape(arm_name(arm))}</figcaption>"
        yield lines(
            drawn, f"Mean loss of {arm_name(arm)}: {told}.", low=min(values), high=max(values), steps=steps, loss=True
        )
        yield "</figure>"
    yield "</div></section>"


def _points(curve: Mapping[str, Any]) -> list[tuple[float, float | None]]:
    """A curve thinned to what a chart can show; JSON writes what is no number as a text."""
    pairs = [
        (float(step), float(value) if is_number(value) else None)
        for step, value in zip(curve["steps"], curve["values"])
    ]
    if len(pairs) <= MAX_POINTS:
        return pairs
    return [pairs[round(i * (len(pairs) - 1) / (MAX_POINTS - 1))] for i in range(MAX_POINTS)]


def _mean(curves: Sequence[Sequence[tuple[float, float | None]]]) -> tuple[tuple[float, float | None], ...]:
    by_step: dict[float, list[float | None]] = {}
    for curve in curves:
        for step, value in curve:
            by_step.setdefault(step, []).append(value)
    return tuple((step, mean(by_step[step])) for step in sorted(by_step))


def _runs(document: Mapping[str, Any]) -> Iterator[str]:
    yield "<details><summary>Every run as numbers</summary>"
    yield '<div class="scroll"><table><caption>Each variant was run with several seeds</caption><thead><tr>'
    for title in ("Variant", "Seed", "Steps", "First loss", "Last loss", "Seconds", "Outcome"):
        yield f'<th scope="col">{title}</th>'
    yield "</tr></thead><tbody>"
    for run in document["runs"]:
        known = [value for value in run["losses"]["values"] if is_number(value) and math.isfinite(value)]
        first, last = (f"{known[0]:.4g}", f"{known[-1]:.4g}") if known else ("none", "none")
        told = "finished" if run["outcome"] == "finished" else run["message"]
        yield f'<tr><th scope="row">{text(arm_name(run["arm"]))}</th>'
        numbers = (str(run["seed"]), str(run["steps"]), first, last, f"{run['seconds']:.1f}")
        yield "".join(f'<td class="numeric">{value}</td>' for value in numbers)
        yield f"<td>{text(told)}</td></tr>"
    yield "</tbody></table></div></details>"


def _rest(document: Mapping[str, Any]) -> Iterator[str]:
    yield f"<footer><p>{text(document['isolation']['sentence'])}</p>"
    yield from (f"<p>{prose(note)}</p>" for note in document["notes"])
    yield f"<p>{_CAUTION}</p></footer>"
