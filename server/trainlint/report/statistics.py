"""How often each rule found something, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.report.places import active
from trainlint.report.summary import SEVERITY_COLOURS, footer, models_line
from trainlint.report.terminal import wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trainlint.report.formats import Context
    from trainlint.report.schema import FileEntry, FindingEntry


def report(entries: Iterable[FileEntry], context: Context) -> str:
    """The table, most frequent rule first, and the outcome."""
    return "".join(f"{line}\n" for line in _lines(list(entries), context))


def _lines(entries: list[FileEntry], context: Context) -> Iterator[str]:
    found: dict[tuple[str, str], list[FindingEntry]] = {}
    for finding in active([finding for entry in entries for finding in entry["findings"]], True):
        found.setdefault((finding["rule"], finding["severity"]), []).append(finding)
    rows = sorted(found.items(), key=lambda row: (-len(row[1]), list(SEVERITY_COLOURS).index(row[0][1]), row[0][0]))
    if rows:
        widths = [max(len(str(text)) for text in column) for column in zip(*map(_cells, rows))]
        for row in rows:
            yield _row(row, widths, context)
        yield ""
    yield from footer(entries, context.files_checked, context.style, False, context.hidden)
    models = [model for entry in entries for model in entry["models"]]
    yield from wrapped(models_line(models, context.files_checked, not rows), context.style.width, "", "  ")


def _cells(row: tuple[tuple[str, str], list[FindingEntry]]) -> tuple[str, str, str, str, str]:
    (rule, severity), findings = row
    files = len({finding["file"] for finding in findings})
    safe = sum(any(fix["safety"] == "safe" for fix in finding["fixes"]) for finding in findings)
    more = f"{safe} with a safe fix" if safe else ""
    return str(len(findings)), severity, rule, "in 1 file" if files == 1 else f"in {files} files", more


def _row(row: tuple[tuple[str, str], list[FindingEntry]], widths: list[int], context: Context) -> str:
    count, severity, rule, files, more = _cells(row)
    style = context.style
    parts = [
        count.rjust(widths[0]),
        style.paint(severity, SEVERITY_COLOURS[severity], "bold") + " " * (widths[1] - len(severity)),
        style.paint(rule, "bold") + " " * (widths[2] - len(rule)),
        files.ljust(widths[3]),
        more,
    ]
    return "  ".join(parts).rstrip()
