"""The findings of a check as one page that needs nothing else: no network, no script."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint import __version__
from trainlint.report.concise import notice_line, one_line, position, spoken, verdict_words
from trainlint.report.html_style import STYLE
from trainlint.report.markup import head, prose, source_line, text
from trainlint.report.places import active, by_importance
from trainlint.report.preview import changes
from trainlint.report.summary import SEVERITY_COLOURS, files_with, models_line, outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from trainlint.report.formats import Context
    from trainlint.report.schema import FileEntry, FindingEntry, FixEntry, StepEntry

VERDICTS = {"confirmed": "red", "inconclusive": "yellow", "not-reproduced": "green"}
"""Their colours, the gravest first."""

MAX_STEPS = 8
MAX_CHANGE = 12

SILENCE = "Silence is no proof: what trainlint does not know, it does not report."


def report(entries: Iterable[FileEntry], context: Context) -> str:
    """The page."""
    return "\n".join(_page(list(entries), context)) + "\n"


def _page(entries: Sequence[FileEntry], context: Context) -> Iterator[str]:
    findings = active([finding for entry in entries for finding in entry["findings"]], True)
    yield from head("What trainlint found", STYLE)
    yield "<body>"
    yield "<header>"
    yield "<h1>What trainlint found</h1>"
    said = outcome(findings, files_with(findings), entries, context.files_checked, context.hidden)
    yield f'<p class="lead">{prose(said)}</p>'
    models = [model for entry in entries for model in entry["models"]]
    yield f'<p class="muted">{prose(models_line(models, context.files_checked, not findings))}</p>'
    yield "</header>"
    yield "<main>"
    anchors = {id(finding): f"finding-{number}" for number, finding in enumerate(findings, 1)}
    if len(findings) > 1:
        yield from _glance(findings, anchors)
    yield from _files(entries, anchors, context)
    yield from _notes(entries)
    yield "</main>"
    yield f"<footer><p>{text(SILENCE)}</p><p>Made by trainlint {text(__version__)}.</p></footer>"
    yield "</body>"
    yield "</html>"


def _glance(findings: Sequence[FindingEntry], anchors: dict[int, str]) -> Iterator[str]:
    """All rules that found something in one table, the most important first."""
    rules: dict[str, list[FindingEntry]] = {}
    for finding in sorted(findings, key=by_importance):
        rules.setdefault(finding["rule"], []).append(finding)
    yield '<section aria-labelledby="glance"><h2 id="glance">What matters first</h2>'
    yield '<div class="scroll"><table><thead><tr><th scope="col">Severity</th><th scope="col">Rule</th>'
    probed = any(finding["evidence"]["result"] for finding in findings)
    column = '<th scope="col">Probe</th>' if probed else ""
    yield f'<th scope="col" class="numeric">Times</th>{column}<th scope="col">First</th></tr></thead><tbody>'
    for name, found in rules.items():
        first = found[0]
        severity = first["severity"]
        yield f'<tr><td class="strong {SEVERITY_COLOURS[severity]}">{severity}</td><th scope="row">{text(name)}</th>'
        link = f'<a href="#{anchors[id(first)]}">{text(position(first))}</a>'
        verdict = f"<td>{_worst(found)}</td>" if probed else ""
        yield f'<td class="numeric">{len(found)}</td>{verdict}<td>{link}</td></tr>'
    yield "</tbody></table></div></section>"


def _worst(found: Sequence[FindingEntry]) -> str:
    """What a probe says of the one that matters most among findings of a rule."""
    measured = {result["verdict"]: finding for finding in found if (result := finding["evidence"]["result"])}
    for verdict in VERDICTS:
        if verdict in measured:
            return f'<span class="{VERDICTS[verdict]}">{text(verdict_words(measured[verdict]))}</span>'
    return ""


def _files(entries: Sequence[FileEntry], anchors: dict[int, str], context: Context) -> Iterator[str]:
    explained: set[str] = set()
    number = 0
    for entry in entries:
        found = active(entry["findings"], True)
        if not found:
            continue
        number += 1
        yield f'<section aria-labelledby="file-{number}">'
        yield f'<h2 id="file-{number}">{text(entry["file"])}</h2>'
        for finding in found:
            reason = None if finding["rule"] in explained else context.reason(finding["rule"])
            explained.add(finding["rule"])
            yield from article(finding, anchors[id(finding)], reason)
        yield "</section>"


def article(finding: FindingEntry, anchor: str, reason: str | None) -> Iterator[str]:
    """One finding: what it says, the line, why, and what repairs it."""
    colour = SEVERITY_COLOURS[finding["severity"]]
    yield f'<article id="{anchor}" class="{colour}">'
    where = f"{spoken(finding)}, column {finding['column']}"
    yield (
        f'<h3><span class="chip {colour}">{finding["severity"]}</span> {text(finding["rule"])} '
        f'<span class="place">{text(finding["code"])} · {where}</span></h3>'
    )
    yield f"<p>{prose(one_line(finding['message']))}</p>"
    source = source_line(finding)
    if source:
        yield f"<pre>{source}</pre>"
    if words := verdict_words(finding):
        result = finding["evidence"]["result"]
        assert result is not None
        chip = f'<span class="chip {VERDICTS[result["verdict"]]}">probe: {text(words)}</span>'
        yield f"<p>{chip} {prose(result['text'])}</p>"
    if reason:
        yield f'<p class="muted">{prose(reason)}</p>'
    if finding["world"]:
        yield f"<p>Holds when {prose(one_line(finding['world']))}.</p>"
    if finding["assumed"]:
        yield f"<p>Assumed: {prose('; '.join(finding['assumed']))}.</p>"
    yield from _because([step for step in finding["trace"] if step["message"]], finding)
    for fix in finding["fixes"]:
        yield from _fix(fix, finding)
    yield "</article>"


def _because(steps: Sequence[StepEntry], finding: FindingEntry) -> Iterator[str]:
    if not steps:
        return
    yield '<p class="small">Because:</p><ul class="small">'
    for step in steps[:MAX_STEPS]:
        where = spoken(step) if step["file"] == finding["file"] else f"{step['file']}, {spoken(step)}"
        source = source_line({**finding, **step})
        shown = f"<pre>{source}</pre>" if source else ""
        yield f"<li>{text(where)}: {prose(one_line(step['message']))}{shown}</li>"
    yield "</ul>"


def _fix(fix: FixEntry, finding: FindingEntry) -> Iterator[str]:
    colour = "green" if fix["safety"] == "safe" else "yellow"
    title = f'Fix (<span class="{colour}">{fix["safety"]}</span>): {prose(one_line(fix["title"]))}'
    yield f"<details><summary>{title}</summary>"
    found = changes(fix["edits"], finding["lines"])
    lines = []
    for change in found:
        lines += [f"<del>{change.line + n:>4} - {text(line)}</del>" for n, line in enumerate(change.before)]
        lines += [f"<ins>{change.line + n:>4} + {text(line)}</ins>" for n, line in enumerate(change.after)]
    if 0 < len(lines) <= MAX_CHANGE:
        yield f"<pre>{chr(10).join(lines)}</pre>"
    yield "</details>"


def _notes(entries: Sequence[FileEntry]) -> Iterator[str]:
    notices = [notice for entry in entries for notice in entry["notices"]]
    if notices:
        yield '<section aria-labelledby="notes"><h2 id="notes">What could not be checked</h2><ul>'
        yield from (f"<li>{prose(notice_line(notice))}</li>" for notice in notices)
        yield "</ul></section>"
