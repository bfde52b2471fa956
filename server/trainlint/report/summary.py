"""The lines before and after the findings: what matters most, how many, how much was understood."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.report.concise import file_and_cell, position
from trainlint.report.entries import GRAVE
from trainlint.report.terminal import Style, plain, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trainlint.report.schema import FileEntry, FindingEntry, ModelEntry

SHOWN = 5
"""So many findings stand in the opening, so many models that were not understood at the end."""

_GRAVITY = ("error", "warning", "info")
_COLOURS = {"error": "red", "warning": "yellow", "info": "blue"}


def opening(findings: Sequence[FindingEntry], style: Style) -> Iterator[str]:
    """The findings most likely to be the trouble, by rank; what repeats in a file counts once."""
    repeated: dict[tuple[str, str], list[FindingEntry]] = {}
    for finding in findings:
        repeated.setdefault((finding["file"], finding["rule"]), []).append(finding)
    groups = [sorted(group, key=_by_rank) for group in repeated.values()]
    groups.sort(key=lambda group: _by_rank(group[0]))
    shown = groups[:SHOWN]
    yield style.paint("Most likely to matter, first:", "bold")
    yield ""
    for number, group in enumerate(shown, 1):
        worst = group[0]
        severity = style.paint(worst["severity"], _COLOURS[worst["severity"]], "bold")
        times = f", {len(group)} times" if len(group) > 1 else ""
        yield f"  {number}. {severity} {style.paint(worst['rule'], 'bold')}, {position(worst)}{times}"
        yield f"     {style.prose(shortened(worst['message'], style.width - 5))}"
    left = len(groups) - len(shown)
    if left:
        yield f"  and {left} more {_plural('kind', left)} of findings, below"
    yield ""


def _by_rank(finding: FindingEntry) -> tuple[object, ...]:
    # An info is a matter of judgement: never the first suspect, however often its kind is the culprit elsewhere.
    milder = finding["severity"] == "info"
    gravity = _GRAVITY.index(finding["severity"])
    return (milder, -finding["rank"], gravity, finding["file"], finding["line"], finding["column"])


def footer(entries: Sequence[FileEntry], files_checked: int, style: Style, hints: bool) -> Iterator[str]:
    """How many findings in how many files, and how to go on from there."""
    findings = [finding for entry in entries for finding in entry["findings"]]
    active = [finding for finding in findings if finding["suppressed"] is None]
    silenced = len(findings) - len(active)
    files = len({finding["file"] for finding in active})
    checked = f"{files_checked} {_plural('file', files_checked)}"
    also = f" ({silenced} more silenced by comments)" if silenced else ""
    failed = any(notice["kind"] in GRAVE for entry in entries for notice in entry["notices"])
    partly = any(notice["kind"] == "incomplete" for entry in entries for notice in entry["notices"])
    if not active and (failed or partly):
        yield style.paint(f"No mistakes found in what could be checked{also}.", "bold")
        return
    if not active:
        yield style.paint(f"No mistakes found in {checked}{also}.", "green", "bold")
        return
    counts = [(severity, sum(finding["severity"] == severity for finding in active)) for severity in _GRAVITY]
    parts = [f"{n} {_plural(severity, n)}" for severity, n in counts if n]
    among = f" in {checked}" if files == files_checked else f" in {files} of {checked}"
    yield style.paint(f"Found {_listed(parts)}{among}{also}.", "bold")
    if hints:
        yield from _repairs(active)
        ranked = min(active, key=_by_rank)
        yield f"More about a rule: trainlint explain {ranked['rule']}"


def _repairs(active: Sequence[FindingEntry]) -> Iterator[str]:
    safe = sum(any(fix["safety"] == "safe" for fix in finding["fixes"]) for finding in active)
    unsafe = sum(bool(finding["fixes"]) for finding in active) - safe
    if safe and unsafe:
        change = f"{unsafe} that change the training (--fix --unsafe-fixes)"
        yield f"Fixes: {safe} safe (--fix), {change}; --diff shows them."
    elif safe:
        yield f"Fixes: {safe} safe (--fix); --diff shows what would change."
    elif unsafe:
        yield f"Fixes: {unsafe} that change the training (--fix --unsafe-fixes); --diff shows what would change."


def models_line(models: Sequence[ModelEntry], files_checked: int) -> str:
    """How much was understood: silence about a model that was not understood is no approval."""
    if not models:
        return "0 models: no network was found, so silence says nothing about one."
    count = f"{len(models)} {_plural('model', len(models))}"
    lost = [model for model in models if not model["understood"]]
    understood = len(models) - len(lost)
    if not lost:
        return f"{count}: understood" if len(models) == 1 else f"{count}: {understood} understood"
    # Where a line alone could mean several texts, it is named with its file or cell.
    several = files_checked > 1 or len({(model["file"], model["cell"]) for model in models}) > 1
    reasons = list(dict.fromkeys(_reason(model, several) for model in lost))
    more = f"; and {len(reasons) - SHOWN} more" if len(reasons) > SHOWN else ""
    kept = [f"{understood} understood"] if understood else []
    return f"{count}: {', '.join([*kept, f'{len(lost)} not'])} ({'; '.join(reasons[:SHOWN])}{more})"


def _reason(model: ModelEntry, several: bool) -> str:
    missing = plain(model["missing"][0]) if model["missing"] else "not all of it could be read"
    # What is missing may lie elsewhere than the model; then it says its line itself.
    if not missing.startswith("line "):
        missing = f"line {model['line']}: {missing}"
    return f"{file_and_cell(model['file'], model['cell'])}, {missing}" if several else missing


def _plural(word: str, n: int) -> str:
    return word if n == 1 else f"{word}s"


def _listed(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
