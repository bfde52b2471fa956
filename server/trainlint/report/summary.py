"""The lines before and after the findings: what matters most, how many, how much was understood."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from trainlint.record import Record
from trainlint.report.concise import file_and_cell, position
from trainlint.report.entries import GRAVE
from trainlint.report.terminal import Style, cells, counted, plain, plural, shortened, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trainlint.report.schema import FileEntry, FindingEntry, ModelEntry

SHOWN = 5
"""So many findings stand in the opening, so many models that were not understood at the end."""

PARTLY = ("incomplete", "syntax-skipped")
"""Notices that leave a part of a file unchecked."""

SEVERITY_COLOURS = {"error": "red", "warning": "yellow", "info": "blue"}
"""The gravest first."""

_GRAVITY = tuple(SEVERITY_COLOURS)


class Hidden(Record):
    """How many findings are not shown although no comment silences them, by the reason."""

    baseline: int = 0
    unchanged: int = 0

    @property
    def words(self) -> list[str]:
        """The reasons, each with its number."""
        known = [f"{self.baseline} more in the baseline"] if self.baseline else []
        return known + ([f"{self.unchanged} more outside of the changed lines"] if self.unchanged else [])


def opening(findings: Sequence[FindingEntry], style: Style) -> Iterator[str]:
    """The findings most likely to be the trouble, by rank; each rule counts once."""
    repeated: dict[str, list[FindingEntry]] = {}
    for finding in findings:
        repeated.setdefault(finding["rule"], []).append(finding)
    groups = [sorted(group, key=_by_rank) for group in repeated.values()]
    groups.sort(key=lambda group: _by_rank(group[0]))
    shown = groups[:SHOWN]
    yield style.paint("Most likely to matter, first:", "bold")
    yield ""
    for number, group in enumerate(shown, 1):
        worst = group[0]
        severity = style.paint(worst["severity"], SEVERITY_COLOURS[worst["severity"]], "bold")
        times = f", {len(group)} times" if len(group) > 1 else ""
        files = len({finding["file"] for finding in group})
        times += f" in {files} files" if files > 1 else ""
        where = f"{position(worst)}{times}"
        head = f"  {number}. {worst['severity']} {worst['rule']},"
        painted = f"  {number}. {severity} {style.paint(worst['rule'], 'bold')},"
        if cells(head) + 1 + cells(where) <= style.width:
            yield f"{painted} {where}"
        else:
            yield painted
            yield f"     {where}"
        yield f"     {style.prose(shortened(worst['message'], style.width - 5))}"
    left = len(groups) - len(shown)
    if left:
        yield f"  and {left} more {plural('kind', left)} of findings, below"
    yield ""


def _by_rank(finding: FindingEntry) -> tuple[object, ...]:
    # An info is a matter of judgement: never the first suspect, however often its kind is the culprit elsewhere.
    milder = finding["severity"] == "info"
    gravity = _GRAVITY.index(finding["severity"])
    return (milder, -finding["rank"], gravity, finding["file"], finding["line"], finding["column"])


def footer(
    entries: Sequence[FileEntry], files_checked: int, style: Style, hints: bool, hidden: Hidden | None = None
) -> Iterator[str]:
    """How many findings in how many files, and how to go on from there."""
    active = [finding for entry in entries for finding in entry["findings"] if finding["suppressed"] is None]
    text = outcome(active, files_with(active), entries, files_checked, hidden or Hidden())
    if not active:
        yield from _outcome(text, style, *(["bold"] if _partly(entries) else ["green", "bold"]))
        return
    yield from _outcome(text, style, "bold")
    if hints:
        for line in (*_flood(active), *_repairs(active)):
            yield from (style.prose(each) for each in wrapped(line, style.width, "", "  "))
        ranked = min(active, key=_by_rank)
        explain = f"trainlint explain {ranked['rule']}"
        more = "More about a rule:"
        yield from [f"{more} {explain}"] if len(more) + 1 + len(explain) <= style.width else [more, f"  {explain}"]


def outcome(
    active: Sequence[FindingEntry], files: int, entries: Sequence[FileEntry], files_checked: int, hidden: Hidden
) -> str:
    """What a check found, in a sentence; `active` are the findings that are shown."""
    silenced = sum(finding["suppressed"] is not None for entry in entries for finding in entry["findings"])
    reasons = ([f"{silenced} more silenced by comments"] if silenced else []) + hidden.words
    also = f" ({', '.join(reasons)})" if reasons else ""
    new = "new " if hidden.words else ""
    if not active:
        where = "what could be checked" if _partly(entries) else counted(files_checked, "file")
        return f"No {new}mistakes found in {where}{also}."
    counts = [(severity, sum(finding["severity"] == severity for finding in active)) for severity in _GRAVITY]
    parts = [counted(n, severity) for severity, n in counts if n]
    checked = counted(files_checked, "file")
    among = f" in {checked}" if files == files_checked else f" in {files} of {checked}"
    return f"Found {_listed(parts)}{among}{also}."


def files_with(findings: Sequence[FindingEntry]) -> int:
    """How many files the findings are in."""
    return len({finding["file"] for finding in findings})


def _partly(entries: Sequence[FileEntry]) -> bool:
    """Whether something could not be checked."""
    return any(notice["kind"] in (*GRAVE, *PARTLY) for entry in entries for notice in entry["notices"])


def _outcome(text: str, style: Style, *colours: str) -> Iterator[str]:
    for line in wrapped(text, style.width, "", "  "):
        yield style.paint(line, *colours)


FLOOD = 50
"""From so many findings of one rule on, if it has most of them, nobody reads the others among them."""


def _flood(active: Sequence[FindingEntry]) -> Iterator[str]:
    """How to see what else was found, where one rule hides it."""
    rule, count = Counter(finding["rule"] for finding in active).most_common(1)[0]
    if count >= FLOOD and len(active) // 2 < count < len(active):
        yield f"{count} findings are of {rule}: `--ignore {rule}` shows the others, `--statistics` counts all by rule."


def _repairs(active: Sequence[FindingEntry]) -> Iterator[str]:
    kinds = [[fix["safety"] for fix in finding["fixes"]] for finding in active]
    safe = sum("safe" in each for each in kinds)
    unsafe = [each for each in kinds if each and "safe" not in each]
    if safe:
        them = "it" if safe == 1 else "them"
        yield f"{counted(safe, 'finding')} can be repaired safely: `--diff` shows how, `--fix` repairs {them}."
    if unsafe:
        n = len(unsafe)
        have, them = ("has an unsafe fix", "it") if n == 1 else ("have unsafe fixes", "them")
        most = max(len(each) for each in unsafe)
        first = "" if most == 1 else f" (the first of {most})" if n == 1 else " (the first where there are several)"
        yield (
            f"{counted(n, 'finding')} {have}: `--diff --unsafe-fixes` shows {them}, "
            f"`--fix --unsafe-fixes` applies {them}{first}."
        )


def models_line(models: Sequence[ModelEntry], files_checked: int, silent: bool = True) -> str:
    """How much was understood: silence about a model that was not understood is no approval.

    `silent` says that nothing was found.
    """
    if not models:
        nothing = "0 models: trainlint saw no network being trained"
        return f"{nothing}, so finding no mistakes does not mean that there are none." if silent else f"{nothing}."
    lost = [model for model in models if not model["understood"]]
    partly = [model for model in models if model["understood"] and model["missing"]]
    understood = len(models) - len(lost) - len(partly)
    if len(models) == 1:
        counts = ["understood" if understood else "understood in part" if partly else "not understood"]
    else:
        numbers = ((understood, "understood"), (len(partly), "in part"), (len(lost), "not"))
        counts = [f"{n} {what}" for n, what in numbers if n]
    line = f"{counted(len(models), 'model')}: {', '.join(counts)}"
    if understood == len(models):
        return line
    # Where a line alone could mean several texts, it is named with its file or cell.
    several = files_checked > 1 or len({(model["file"], model["cell"]) for model in models}) > 1
    reasons = list(dict.fromkeys(_reason(model, several) for model in (*lost, *partly)))
    more = f"; and {len(reasons) - SHOWN} more" if len(reasons) > SHOWN else ""
    return f"{line} ({'; '.join(reasons[:SHOWN])}{more})"


def _reason(model: ModelEntry, several: bool) -> str:
    missing = plain(model["missing"][0]) if model["missing"] else "not all of it could be read"
    # What is missing may lie elsewhere than the model; then it says its line itself.
    if not missing.startswith("line "):
        missing = f"line {model['line']}: {missing}"
    return f"{file_and_cell(model['file'], model['cell'])}, {missing}" if several else missing


def _listed(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
