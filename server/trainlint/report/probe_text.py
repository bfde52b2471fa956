"""The results of a probe for people at a terminal: what was trained, what came out, and what that means."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from trainlint.record import Record
from trainlint.report.concise import position
from trainlint.report.probe_reading import (
    SEEDS,
    SILENCE,
    alone,
    facts,
    has_learned,
    is_number,
    meaning_of_skill,
    measured_on,
    number,
    outcome,
    sections,
    tasks,
    verdicts,
    where,
    whole_effect,
)
from trainlint.report.terminal import Style, cells, counted, cut, screen_line, shortened, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from trainlint.report.probe_reading import Row, Verdict
    from trainlint.report.schema import FileEntry, FindingEntry, LineEntry, NetworkEntry

_BLOCKS, _ASCII = "▁▂▃▄▅▆▇█", "_.:-=+*#"
"""From skill 0 or less to 1."""

_BROKEN = {True: "×", False: "!"}

_SKILL, _RANGE, _STEPS = 6, 14, 7
"""Columns of a table, besides the arm and the curve."""

_CURVE = "while training"

_LOST = 10
"""The column of the skill that a finding costs."""

NARROW_ARM = 26
"""With less room than this for the names of arms, columns are left out."""

_OTHERS = 4
"""So many further places of a finding are named."""


def render(entries: Iterable[FileEntry], networks: Sequence[NetworkEntry], style: Style) -> Iterator[str]:
    """The lines of the report: each network with its arms, the verdicts, what they rest on, the outcome.

    Of several networks their findings come first, the gravest at the top: nobody reads ten tables to find it.
    """
    found = verdicts(entries)
    several = len(networks) > 1
    if several:
        yield from _ranking(found, networks, style)
    else:
        for network in networks:
            yield from _network(network, style)
    yield from _verdicts(found, networks, style)
    if several:
        for network in networks:
            yield from _network(network, style)
    for network in networks:
        yield from _conditions(network, several, style)
    for line in wrapped(outcome(found), style.width):
        yield style.prose(style.paint(line, "bold"))
    if found:
        for line in wrapped(SILENCE, style.width):
            yield style.paint(line, "dim")


# Several networks -----------------------------------------------------------------------------------------------------


def _ranking(found: Sequence[Verdict], networks: Sequence[NetworkEntry], style: Style) -> Iterator[str]:
    """A line for each verdict, by what it costs."""
    what = f"{counted(sum(len(each.findings) for each in found), 'finding')} on {counted(len(networks), 'network')}"
    yield style.paint(f"{what}, by what they cost", "bold")
    yield ""
    titles = max((cells(each.importance.title) for each in found), default=0)
    rules = max((cells(each.first["rule"]) for each in found), default=0)
    yield style.paint(f"  {' ' * titles}  {'skill lost'.rjust(_LOST)}", "dim")
    for each in found:
        lost = _lost(each)
        cost = (number(lost) if lost is not None else "").rjust(_LOST)
        gap = " " * (titles - cells(each.importance.title))
        place = position(each.first) + (f" and {len(each.findings) - 1} more" if len(each.findings) > 1 else "")
        place = shortened(place, max(style.width - titles - _LOST - rules - 8, 24))
        title = style.paint(each.importance.title, each.importance.colour, "bold")
        yield f"  {title}{gap}  {cost}  {each.first['rule'].ljust(rules)}  {place}"
    yield ""


def _lost(verdict: Verdict) -> float | None:
    effect = verdict.result["effect"]
    return None if effect is None else effect["skill_repaired"] - effect["skill"]


# Networks -------------------------------------------------------------------------------------------------------------


def _network(network: NetworkEntry, style: Style) -> Iterator[str]:
    for line in wrapped(f"The network trained at {where(network)}", style.width, "", "  "):
        yield style.paint(line, "bold")
    yield ""
    pairs = facts(network)
    indent = max(cells(label) for label, _ in pairs) + 4
    for label, text in pairs:
        first, *rest = wrapped(text, style.width, " " * indent)
        yield f"  {style.paint(label, 'dim')}{first[2 + cells(label) :]}"
        yield from rest
    yield ""
    trained = tasks(network)
    if not trained:
        return
    for line in wrapped(f"{meaning_of_skill(network)} {SEEDS}", style.width, "  "):
        yield style.paint(line, "dim")
    for task in trained:
        yield ""
        yield from _table(network, task, style)
    yield ""
    effect = whole_effect(network)
    if effect:
        yield from wrapped(effect, style.width, "  ")
        yield ""


def _table(network: NetworkEntry, task: str, style: Style) -> Iterator[str]:
    """The arms on a task: skill at the end, its range over the seeds, and the way there as a small curve."""
    parts = sections(network, task)
    every = [row for part in parts for _, row in part.rows]
    names = [(4 if part.title else 2) + cells(name) for part in parts for name, _ in part.rows]
    names += [2 + cells(part.title) for part in parts]
    columns = _columns(every, max([*names, len(task) + 7]), style)
    head = _cut(f"  Task {task}", columns.arm, style)
    beside = "skill".rjust(_SKILL)
    beside += f"  {'range of seeds'.ljust(_RANGE)}" if columns.range else ""
    beside += "steps".rjust(_STEPS) if columns.steps else ""
    beside += f"  {_CURVE}" if columns.curve else ""
    yield f"{style.paint(head, 'bold')} {style.paint(beside, 'dim')}"
    best = max((row.skill for row in every if row.skill is not None), default=0.0)
    for part in parts:
        if part.title:
            yield style.paint(f"  {shortened(part.title, style.width - 2)}", "dim")
        for name, row in part.rows:
            yield _row(
                _cut(f"    {name}" if part.title else f"  {name}", columns.arm, style), row, columns, best, style
            )
    for row in every:
        if row.broken and not row.error and not row.like:
            count = f"{row.broken} of {counted(len(row.measured['finite']), 'seed')}"
            text = f"{row.arm}: the loss was not a finite number with {count}"
            yield from (style.paint(line, "yellow") for line in wrapped(text, style.width, "  ", "    "))


class _Columns(Record):
    """The width of the first column of a table, and which others there is room for."""

    arm: int
    range: bool = True
    steps: bool = False
    curve: bool = True


def _columns(rows: Sequence[Row], arm: int, style: Style) -> _Columns:
    """The columns that fit: what the curve shows can be read from the skill, and the range is a refinement."""
    steps = len({row.steps for row in rows if row.steps}) > 1
    curve = max([len(_CURVE), *(2 * len(row.path) - 1 for row in rows)])
    room = style.width - 1 - _SKILL - (_STEPS if steps else 0)
    for with_range, with_curve in ((True, True), (False, True), (False, False)):
        left = room - (2 + _RANGE if with_range else 0) - (2 + curve if with_curve else 0)
        if left >= min(arm, NARROW_ARM):
            break
    return _Columns(max(min(arm, left), 8), with_range, steps, with_curve)


def _cut(text: str, width: int, style: Style) -> str:
    """The text in exactly so many columns, its indent kept."""
    indent = len(text) - len(text.lstrip())
    text = " " * indent + shortened(text, width - indent)
    return text + " " * (width - cells(text))


def _row(start: str, row: Row, columns: _Columns, best: float, style: Style) -> str:
    room = style.width - columns.arm - 2
    if row.like:
        return f"{start}  {style.paint(shortened(f'same as {row.like}', room), 'dim')}"
    if row.skill is None:
        return f"{start}  {style.paint(shortened(f'not measured: {row.error}', room), 'yellow')}"
    colour = has_learned(row, best)
    text = f"{start} {style.paint(number(row.skill).rjust(_SKILL), colour, 'bold')}"
    if columns.range:
        text += f"  {f'({number(row.low)}..{number(row.high)})'.ljust(_RANGE)}"
    if columns.steps:
        text += str(row.steps).rjust(_STEPS)
    if columns.curve:
        text += f"  {style.paint(sparkline(row.path, style.unicode), colour)}"
    return text


def sparkline(path: Sequence[float | None], unicode: bool) -> str:
    """A curve of skills in one line, from 0 at the bottom to 1 at the top; a value that is no number is crossed out.

    Between two points stands their middle, so that short runs look like curves too.
    """
    levels = _BLOCKS if unicode else _ASCII
    shown = [None if value is None or not is_number(value) else min(max(value, 0.0), 1.0) for value in path]
    points = shown[:1]
    for before, value in pairwise(shown):
        points += [None if before is None or value is None else (before + value) / 2, value]
    return "".join(_BROKEN[unicode] if value is None else levels[round(value * (len(levels) - 1))] for value in points)


# Verdicts -------------------------------------------------------------------------------------------------------------


def _verdicts(found: Sequence[Verdict], networks: Sequence[NetworkEntry], style: Style) -> Iterator[str]:
    said = ""
    for verdict in found:
        each = verdict.importance
        if each.key != said:
            said = each.key
            first, *rest = wrapped(f"{each.title}: {each.meaning}", style.width, "", "  ")
            yield style.paint(each.title, each.colour, "bold") + first[len(each.title) :]
            yield from rest
            yield ""
        yield from _verdict(verdict, measured_on(verdict, networks), style)
        yield ""


def _verdict(verdict: Verdict, on: str, style: Style) -> Iterator[str]:
    finding, result = verdict.first, verdict.result
    place, rule, code = position(finding), finding["rule"], f"({finding['code']})"
    if cells(f"  {place}  {rule} {code}") <= style.width:
        yield f"  {style.paint(place, 'bold')}  {style.paint(rule, 'bold')} {style.paint(code, 'dim')}"
    else:
        yield f"  {style.paint(place, 'bold')}"
        yield f"    {style.paint(rule, 'bold')} {style.paint(code, 'dim')}"
    source = next((line["text"] for line in finding["lines"] if _is_of(line, finding)), None)
    if source is not None and source.strip():
        gutter = f"    {finding['line']} | "
        whole = screen_line(source.strip())
        indent = len(source) - len(source.lstrip())
        start = whole.at(finding["column"] - indent)
        end = whole.at(finding["end_column"] - indent) if finding["end_line"] == finding["line"] else whole.width
        yield style.paint(gutter, "dim") + cut(whole, start, end, max(style.width - cells(gutter), 20)).text
    others = verdict.findings[1:]
    if others:
        yield from (style.paint(line, "dim") for line in wrapped(_also(others, finding["file"]), style.width, "    "))
    if on:
        yield from (style.paint(line, "dim") for line in wrapped(on, style.width, "    "))
    for line in wrapped(finding["message"], style.width, "    "):
        yield style.prose(line)
    for text in (result["text"], alone(verdict)):
        if text:
            yield from _arrow(text, verdict, style)


def _arrow(text: str, verdict: Verdict, style: Style) -> Iterator[str]:
    sign = "→" if style.unicode else ">"
    first, *rest = wrapped(text, style.width, "      ")
    yield f"    {style.paint(sign, verdict.importance.colour, 'bold')} {style.prose(first[6:])}"
    yield from (style.prose(line) for line in rest)


def _is_of(line: LineEntry, finding: FindingEntry) -> bool:
    return (line["file"], line["cell"], line["line"]) == (finding["file"], finding["cell"], finding["line"])


def _also(others: Sequence[FindingEntry], file: str) -> str:
    places = [position(each) for each in others]
    places = [place.removeprefix(f"{file}:") for place in places]
    more = f" and {len(places) - _OTHERS} more" if len(places) > _OTHERS else ""
    return f"also at {', '.join(places[:_OTHERS])}{more}"


# What it rests on -----------------------------------------------------------------------------------------------------


def _conditions(network: NetworkEntry, several: bool, style: Style) -> Iterator[str]:
    about = f" (the network at {where(network)})" if several else ""
    for title, items in (
        (f"Taken for granted{about}", network["assumed"]),
        (f"Not carried over into the probe{about}", network["left_out"]),
        (f"Notes{about}", network["notes"]),
    ):
        if items:
            yield style.paint(title, "bold")
            for item in items:
                yield from (style.prose(line) for line in wrapped(item, style.width, "  - ", "    "))
            yield ""
