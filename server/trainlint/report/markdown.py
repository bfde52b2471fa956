"""A summary in Markdown, short enough for the comment of a review."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trainlint.report.concise import one_line, spoken, verdict_words
from trainlint.report.places import active, by_importance, text_of
from trainlint.report.preview import changes
from trainlint.report.summary import files_with, models_line, outcome
from trainlint.report.terminal import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trainlint.report.formats import Context
    from trainlint.report.schema import FileEntry, FindingEntry, FixEntry, LocationEntry

MOST = 20
"""Longer comments are not read; GitHub refuses those of more than 65,536 characters."""

MAX_CODE = 200
MAX_CHANGE = 12

MARKS = {"error": "🔴", "warning": "🟡", "info": "🔵"}

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>()#+!|~&]")
_CODE = re.compile(r"`([^`\n]+)`")
_MENTION = re.compile(r"(?<!\w)@(?=\w)|(?<!\w)#(?=\d)")


def report(entries: Iterable[FileEntry], context: Context) -> str:
    """The summary: the outcome, the findings by importance, how much was understood."""
    return "\n".join(_lines(list(entries), context)) + "\n"


def _lines(entries: list[FileEntry], context: Context) -> Iterator[str]:
    findings = active([finding for entry in entries for finding in entry["findings"]], context.show_info)
    findings.sort(key=by_importance)
    headline = outcome(findings, files_with(findings), entries, context.files_checked, context.hidden).rstrip(".")
    yield f"### trainlint: {prose(headline[0].lower() + headline[1:])}"
    yield ""
    explained: set[str] = set()
    for finding in findings[:MOST]:
        reason = None if finding["rule"] in explained else context.reason(finding["rule"])
        explained.add(finding["rule"])
        yield from _finding(finding, reason, context)
    left = findings[MOST:]
    if left:
        yield f"<details><summary>{len(left)} more</summary>"
        yield ""
        for finding in left[: 5 * MOST]:
            yield f"- {_where(finding, context)} {finding['severity']} {code(finding['rule'])}"
        if left[5 * MOST :]:
            yield f"- and {len(left) - 5 * MOST} that this summary has no room for"
        yield ""
        yield "</details>"
        yield ""
    models = [model for entry in entries for model in entry["models"]]
    yield prose(models_line(models, context.files_checked, not findings))
    if findings:
        yield ""
        yield f"What a rule means: {code('trainlint explain ' + findings[0]['rule'])}"


def _finding(finding: FindingEntry, reason: str | None, context: Context) -> Iterator[str]:
    mark = MARKS[finding["severity"]]
    words = verdict_words(finding)
    measured = f" · probe: **{words}**" if words else ""
    kind = f"{finding['severity']}, {finding['code']}"
    yield f"{mark} **{finding['rule']}** ({kind}) in {_where(finding, context)}{measured}"
    yield ""
    yield prose(one_line(finding["message"])) + (f" ({prose(reason)})" if reason else "")
    if finding["world"]:
        yield ""
        yield f"Holds when {prose(one_line(finding['world']))}."
    yield ""
    shown = text_of(finding, finding["line"], finding["lines"])
    if shown is not None:
        yield from fenced([plain(shown).strip()[:MAX_CODE]], "python")
        yield ""
    result = finding["evidence"]["result"]
    if result is not None:
        yield prose(one_line(result["text"]))
        yield ""
    steps = [step for step in finding["trace"] if step["message"]]
    if steps or finding["fixes"]:
        yield "<details><summary>Why, and how to repair it</summary>"
        yield ""
        for step in steps:
            yield f"- {_where(step, context)}: {prose(one_line(step['message']))}"
        if steps:
            yield ""
        for fix in finding["fixes"]:
            yield from _fix(fix, finding)
        yield "</details>"
        yield ""


def _fix(fix: FixEntry, finding: FindingEntry) -> Iterator[str]:
    yield f"{prose(one_line(fix['title']))} ({fix['safety']} fix):"
    yield ""
    lines = []
    for change in changes(fix["edits"], finding["lines"]):
        lines += [f"- {plain(line)[:MAX_CODE]}" for line in change.before]
        lines += [f"+ {plain(line)[:MAX_CODE]}" for line in change.after]
    if 0 < len(lines) <= MAX_CHANGE:
        yield from fenced(lines, "diff")
        yield ""


def _where(location: LocationEntry, context: Context) -> str:
    return f"{code(context.places.path(location['file']))}, {spoken(location)}"


def code(text: str) -> str:
    """The text as code in a line; it may hold backticks itself."""
    text = plain(text)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if longest else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def prose(text: str) -> str:
    """Text of anybody: what stands in backticks stays code, nothing else is markup, and nobody is called."""
    pieces = _CODE.split(text)
    return "".join(code(piece) if index % 2 else _plain(piece) for index, piece in enumerate(pieces))


def _plain(text: str) -> str:
    escaped = _SPECIAL.sub(lambda match: f"\\{match[0]}", plain(text))
    return _MENTION.sub(lambda match: f"{match[0]}\u200b", escaped)


def fenced(lines: list[str], language: str) -> Iterator[str]:
    """The lines as a block of code that nothing in them ends."""
    longest = max((len(run) for line in lines for run in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    yield f"{fence}{language}"
    yield from lines
    yield fence
