"""The report for people: what is wrong, where one sees it, why it matters and what repairs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.record import Record
from trainlint.report.concise import file_and_cell, notice_line, position, verdict_words
from trainlint.report.entries import GRAVE
from trainlint.report.preview import changes
from trainlint.report.snippet import Mark, snippet
from trainlint.report.statement_hint import statement_hint
from trainlint.report.summary import SEVERITY_COLOURS, Hidden, footer, models_line, opening
from trainlint.report.terminal import Style, cells, cut, screen_line, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from trainlint.report.formats import Context
    from trainlint.report.schema import FileEntry, FindingEntry, FixEntry, LocationEntry, StepEntry

MANY = 3
"""From so many findings on, the report opens with those that matter most."""

MAX_STEPS = 8
MAX_PREVIEW = 6
"""A fix that changes more lines is only named; `--diff` shows it."""


class Report(Record):
    """What goes into a report besides the findings.

    `reason` gives the sentence why a rule's mistake is bad, or None.
    `hints` says whether the end tells how to go on (fixes, explanations), `hidden` what is not shown.
    """

    files_checked: int
    style: Style = Style()
    reason: Callable[[str], str | None] = lambda rule: None
    hints: bool = True
    hidden: Hidden = Hidden()


def report(entries: Iterable[FileEntry], context: Context) -> str:
    """The report as text."""
    made = Report(context.files_checked, context.style, context.reason, context.hints, context.hidden)
    return "".join(f"{line}\n" for line in render(entries, made))


def render(entries: Iterable[FileEntry], report: Report) -> Iterator[str]:
    """The lines of the report: a summary by rank if there is much to say, the findings by place, the outcome."""
    entries = list(entries)
    findings = [finding for entry in entries for finding in entry["findings"] if finding["suppressed"] is None]
    if len(findings) > MANY:
        yield from opening(findings, report.style)
    explained: set[str] = set()
    for entry in entries:
        first_seen: dict[tuple[str, str], FindingEntry] = {}
        for group in _by_line(finding for finding in entry["findings"] if finding["suppressed"] is None):
            yield from _group(group, first_seen, explained, report)
    notes = [notice for entry in entries for notice in entry["notices"] if notice["kind"] not in GRAVE]
    for notice in notes:
        first, *rest = wrapped(notice_line(notice), report.style.width, "note: ", "  ")
        yield report.style.paint("note", "cyan", "bold") + first[len("note") :]
        yield from rest
    if notes:
        yield ""
    yield from footer(entries, report.files_checked, report.style, report.hints, report.hidden)
    models = [model for entry in entries for model in entry["models"]]
    yield from wrapped(models_line(models, report.files_checked, not findings), report.style.width, "", "  ")
    if report.hints and (hint := statement_hint(entries, report.files_checked)):
        yield from (report.style.prose(line) for line in wrapped(hint, report.style.width, "", "  "))


def _by_line(findings: Iterable[FindingEntry]) -> Iterator[list[FindingEntry]]:
    group: list[FindingEntry] = []
    for finding in findings:
        if group and _line(finding) != _line(group[0]):
            yield group
            group = []
        group.append(finding)
    if group:
        yield group


def _line(location: LocationEntry) -> tuple[str, int | None, int]:
    return location["file"], location["cell"], location["line"]


def _group(
    group: list[FindingEntry],
    first_seen: dict[tuple[str, str], FindingEntry],
    explained: set[str],
    report: Report,
) -> Iterator[str]:
    """The block for the findings of one line: what they say, the line once, then traces and fixes."""
    style = report.style
    told: list[FindingEntry] = []
    for finding in group:
        key = (finding["rule"], finding["message"])
        earlier = first_seen.setdefault(key, finding)
        # The same words a second time help nobody; the place and where to read them do.
        if earlier is not finding:
            yield from _head(finding, style, f"as {_there(earlier, finding)}")
            continue
        told.append(finding)
        yield from _head(finding, style)
        for line in wrapped(finding["message"], style.width, "  "):
            yield style.prose(line)
        reason = None if finding["rule"] in explained else report.reason(finding["rule"])
        explained.add(finding["rule"])
        if reason:
            for line in wrapped(reason, style.width, "  "):
                yield style.paint(line, "dim")
    yield ""
    gutter = _gutter(group, told)
    yield from snippet(_marks(group), group[0]["lines"], gutter, style)
    several = len(group) > 1
    for finding in told:
        yield from _details(finding, gutter, several, style)
    yield ""


def _head(finding: FindingEntry, style: Style, more: str = "") -> Iterator[str]:
    """Place, severity, rule and what `more` says; in a line of its own each where they are too long for one."""
    severity = style.paint(finding["severity"], SEVERITY_COLOURS[finding["severity"]], "bold")
    where = style.paint(position(finding), "bold")
    rule, code = finding["rule"], f"({finding['code']})"
    what = f"{style.paint(rule, 'bold')} {style.paint(code, 'dim')}"
    more, below = (f", {more}", style.paint(more, "dim")) if more else ("", "")
    if cells(f"{position(finding)}  {finding['severity']}  {rule} {code}{more}") <= style.width:
        yield f"{where}  {severity}  {what}{style.paint(more, 'dim')}"
    elif cells(f"  {rule} {code}{more}") <= style.width or not more:
        yield f"{where}  {severity}"
        yield f"  {what}{style.paint(more, 'dim')}"
    else:
        yield f"{where}  {severity}"
        yield f"  {what},"
        yield f"  {below}"


def _there(earlier: FindingEntry, finding: FindingEntry) -> str:
    if earlier["cell"] != finding["cell"] and earlier["cell"] is not None:
        return f"in cell {earlier['cell'] + 1}, line {earlier['line']}"
    return "above" if earlier["line"] == finding["line"] else f"in line {earlier['line']}"


def _gutter(group: Sequence[FindingEntry], told: Sequence[FindingEntry]) -> int:
    """The width of the line numbers, the same for all snippets of a block."""
    numbers = [finding["end_line"] for finding in group]
    for finding in told:
        numbers += [step["end_line"] for step in finding["trace"][:MAX_STEPS]]
        numbers += [edit["end_line"] for fix in finding["fixes"] for edit in fix["edits"]]
    return max(3, len(str(max(numbers))))


def _marks(group: Sequence[FindingEntry]) -> list[Mark]:
    """One underline per place; it carries the rules' names where there are several."""
    places: dict[tuple[int, int, int, int], list[FindingEntry]] = {}
    for finding in group:
        place = (finding["line"], finding["column"], finding["end_line"], finding["end_column"])
        places.setdefault(place, []).append(finding)
    marks = []
    for findings in places.values():
        label = ", ".join(dict.fromkeys(finding["rule"] for finding in findings)) if len(places) > 1 else ""
        gravest = min(findings, key=lambda finding: list(SEVERITY_COLOURS).index(finding["severity"]))
        marks.append(Mark(findings[0], "^", label, SEVERITY_COLOURS[gravest["severity"]]))
    return marks


def _details(finding: FindingEntry, gutter: int, several: bool, style: Style) -> Iterator[str]:
    about = f" [{finding['rule']}]" if several else ""
    if words := verdict_words(finding):
        yield from _measured(finding, f"Probe{about}: {words}", style)
    steps = [step for step in finding["trace"] if step["message"]]
    if steps:
        yield from _heading(f"Because{about}:", style)
        yield from _trace(finding, steps[:MAX_STEPS], gutter, style)
        if len(steps) > MAX_STEPS:
            yield f"  and {len(steps) - MAX_STEPS} more steps"
    conditions = []
    if finding["world"]:
        conditions.append(f"Holds{about} when {finding['world']}.")
    if finding["assumed"]:
        conditions.append(f"Assumed{about}: {'; '.join(finding['assumed'])}.")
    if conditions:
        yield from _heading(None, style)
        for condition in conditions:
            for line in wrapped(condition, style.width, "  ", "    "):
                yield style.prose(line)
    for fix in finding["fixes"]:
        yield from _fix(fix, about, finding, gutter, style)


def _measured(finding: FindingEntry, heading: str, style: Style) -> Iterator[str]:
    result = finding["evidence"]["result"]
    assert result is not None
    yield from _heading(heading, style)
    for line in wrapped(result["text"], style.width, "  "):
        yield style.prose(line)


def _heading(text: str | None, style: Style) -> Iterator[str]:
    yield ""
    if text:
        yield "  " + style.paint(text, "bold")


def _trace(finding: FindingEntry, steps: Sequence[StepEntry], gutter: int, style: Style) -> Iterator[str]:
    shown = file_and_cell(finding["file"], finding["cell"])
    for step in steps:
        where = file_and_cell(step["file"], step["cell"])
        if where != shown:
            yield f"{' ' * (gutter + 3)}{style.paint(f'--> {position(step)}', 'dim')}"
            shown = where
        yield from snippet([Mark(step, "-", step["message"], "cyan")], finding["lines"], gutter, style)


def _fix(fix: FixEntry, about: str, finding: FindingEntry, gutter: int, style: Style) -> Iterator[str]:
    yield ""
    safety = style.paint(fix["safety"], "green" if fix["safety"] == "safe" else "yellow")
    first, *rest = wrapped(f"Fix{about} ({fix['safety']}): {fix['title']}", style.width, "  ", "    ")
    for line in (first.replace("Fix", style.paint("Fix", "bold"), 1), *rest):
        yield style.prose(line.replace(f"({fix['safety']}):", f"({safety}):", 1))
    changed = changes(fix["edits"], finding["lines"])
    if sum(max(len(change.before), len(change.after)) for change in changed) > MAX_PREVIEW:
        return
    shown = file_and_cell(finding["file"], finding["cell"])
    for change in changed:
        where = file_and_cell(change.file, change.cell)
        if where != shown:
            yield f"{' ' * (gutter + 3)}{style.paint(f'--> {where}:{change.line}', 'dim')}"
            shown = where
        yield from _side("-", "red", change.before, change.after, change.line, gutter, style)
        yield from _side("+", "green", change.after, change.before, change.line, gutter, style)


def _side(
    sign: str, colour: str, lines: Sequence[str], others: Sequence[str], first: int, gutter: int, style: Style
) -> Iterator[str]:
    room = max(style.width - gutter - 6, 20)
    for index, line in enumerate(lines):
        other = others[index] if index < len(others) else ""
        whole = screen_line(line)
        start, end = whole.at(_shared(line, other) + 1), whole.at(len(line) + 1 - _shared(line[::-1], other[::-1]))
        text = f"{sign} {cut(whole, start, max(start, end), room).text}".rstrip()
        yield f"  {style.paint(str(first + index).rjust(gutter), 'dim')} {style.paint(text, colour)}"


def _shared(line: str, other: str) -> int:
    """How many characters two lines share at their start."""
    n = 0
    for one, two in zip(line, other):
        if one != two:
            break
        n += 1
    return n
