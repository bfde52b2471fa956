"""A result as JSON and as lines of text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from trainlint.probe.script.records import Comparison, Curve, Run, ScriptResult
from trainlint.record import Record

VERSION = 1


def as_json(result: ScriptResult) -> dict[str, Any]:
    """The result as plain data; numbers that JSON does not have are the texts "nan", "inf" and "-inf"."""
    return {
        "version": VERSION,
        "entry": result.entry,
        "python": result.python,
        "data": "user",
        "steps": result.steps,
        "seeds": list(result.seeds),
        "isolation": _plain(result.isolation),
        "cancelled": result.cancelled,
        "runs": [_run(run) for run in result.runs],
        "comparisons": [_plain(comparison) for comparison in result.comparisons],
        "notes": list(result.notes),
    }


def comparison_lines(comparison: Comparison) -> list[str]:
    """What a comparison says, a sentence to a line."""
    return list(comparison.sentences)


def _run(run: Run) -> dict[str, Any]:
    place = None
    if run.place is not None:
        place = {"file": run.place[0], "line": run.place[1], "function": run.place[2] or None}
    curves = {
        "losses": _curve(run.losses),
        "other_losses": {name: _curve(curve) for name, curve in run.other_losses.items()},
        "metrics": {name: _curve(curve) for name, curve in run.metrics.items()},
    }
    return {**_plain(run), **curves, "place": place}


def _curve(curve: Curve) -> dict[str, Any]:
    return {"steps": [step for step, _ in curve], "values": [_plain(value) for _, value in curve]}


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        fields: Iterable[str] = type(value).__fields__  # type: ignore[attr-defined]
        return {field: _plain(getattr(value, field)) for field in fields}
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return value
