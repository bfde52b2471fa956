"""What GitHub Actions shows: the whole report as text, then the most important findings as annotations."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from trainlint.report import text
from trainlint.report.concise import one_line
from trainlint.report.entries import GRAVE
from trainlint.report.places import active, advice, by_importance, told
from trainlint.report.terminal import counted, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trainlint.report.formats import Context
    from trainlint.report.places import Places
    from trainlint.report.schema import FileEntry, FindingEntry, NoticeEntry

MOST = 10
"""GitHub keeps so many annotations of each kind from one step and drops the others (actions/toolkit#734)."""

LEVELS = {"error": "error", "warning": "warning", "info": "notice"}


def report(entries: Iterable[FileEntry], context: Context) -> str:
    """The text report, a line about what has no annotation, then one command to the runner per annotation."""
    entries = list(entries)
    whole = text.report(entries, context)
    shown, left = _chosen(active([each for entry in entries for each in entry["findings"]], context.show_info))
    lines = []
    if left:
        have = "has" if left == 1 else "have"
        lines.append(f"GitHub shows {MOST} annotations of a kind: {counted(left, 'finding')} above {have} none.")
    lines += [_command(finding, context.places) for finding in shown]
    faults = [notice for entry in entries for notice in entry["notices"] if notice["kind"] in GRAVE]
    lines += [_fault(notice, context.places) for notice in faults[:MOST]]
    return "".join((*_quoted(whole), *(f"{line}\n" for line in lines)))


def _quoted(whole: str) -> Iterator[str]:
    """The text such that the runner takes nothing in it for a command: it shows lines of files that anybody wrote."""
    token = blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    yield f"::stop-commands::{token}\n"
    yield whole
    yield f"::{token}::\n"


def _chosen(findings: Iterable[FindingEntry]) -> tuple[list[FindingEntry], int]:
    """The findings that get an annotation, the gravest first, and how many get none."""
    kinds: dict[str, list[FindingEntry]] = {level: [] for level in LEVELS}
    for finding in sorted(findings, key=by_importance):
        kinds[finding["severity"]].append(finding)
    shown = [finding for group in kinds.values() for finding in group[:MOST]]
    return shown, sum(map(len, kinds.values())) - len(shown)


def _command(finding: FindingEntry, places: Places) -> str:
    region = places.region(finding)
    properties = {
        "title": f"{finding['rule']} ({finding['code']})",
        "file": plain(region.path),
        "line": str(region.line),
        "endLine": str(region.end_line),
    }
    # Columns are refused where a place has several lines.
    if region.column is not None and region.end_column is not None and region.line == region.end_line:
        properties |= {"col": str(region.column), "endColumn": str(max(region.column, region.end_column - 1))}
    message = "\n".join((told(finding), *advice(finding)))
    shown = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{LEVELS[finding['severity']]} {shown}::{_data(message)}"


def _fault(notice: NoticeEntry, places: Places) -> str:
    where = f",file={_property(plain(places.path(notice['file'])))}" if notice["file"] else ""
    return f"::error title=trainlint{where}::{_data(one_line(notice['message']))}"


def _data(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")
