"""One line per finding: `path:line:column: severity rule-name message`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.report.terminal import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trainlint.report.formats import Context
    from trainlint.report.schema import FileEntry, FindingEntry, LocationEntry, NoticeEntry


def report(entries: Iterable[FileEntry], context: Context) -> str:
    """The lines as text."""
    return "".join(f"{line}\n" for line in render(entries))


def render(entries: Iterable[FileEntry]) -> Iterator[str]:
    """The lines for all findings that no comment silences; a message is never broken."""
    for entry in entries:
        for finding in entry["findings"]:
            if finding["suppressed"] is None:
                yield finding_line(finding)


def finding_line(finding: FindingEntry) -> str:
    """The line for one finding."""
    words = verdict_words(finding)
    measured = f" [probe: {words}]" if words else ""
    return f"{position(finding)}: {finding['severity']} {finding['rule']} {one_line(finding['message'])}{measured}"


def notice_line(notice: NoticeEntry) -> str:
    """The line for something that could not be done: where and what."""
    where = file_and_cell(notice["file"], notice["cell"])
    if where and notice["line"] is not None:
        where += f":{notice['line']}"
    return f"{where}: {one_line(notice['message'])}" if where else one_line(notice["message"])


def position(location: LocationEntry) -> str:
    """`path:line:column`; people count a notebook's cells from 1, so it reads `path:cell 3:line:column` there."""
    return f"{file_and_cell(location['file'], location['cell'])}:{location['line']}:{location['column']}"


def file_and_cell(file: str, cell: int | None) -> str:
    """`path`, or `path:cell 3` in a notebook."""
    return plain(file) if cell is None else f"{plain(file)}:cell {cell + 1}"


def spoken(location: LocationEntry) -> str:
    """Where in its file a place is, in words: `line 4`, or `cell 3, line 4` in a notebook."""
    cell = "" if location["cell"] is None else f"cell {location['cell'] + 1}, "
    return f"{cell}line {location['line']}"


def one_line(message: str) -> str:
    """The message on one line that is safe to print."""
    return " ".join(plain(message).split())


def verdict_words(finding: FindingEntry) -> str:
    """What a probe says of a finding, in words such as "confirmed, necessary"; "" where there was none."""
    result = finding["evidence"]["result"]
    if result is None:
        return ""
    words = result["verdict"].replace("-", " ")
    return f"{words}, {result['attribution'].replace('-', ' ')}" if result["attribution"] else words
