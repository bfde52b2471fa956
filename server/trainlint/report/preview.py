"""What a fix changes, in lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.record import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainlint.report.schema import EditEntry, LineEntry


class Change(Record):
    """Neighbouring lines before and after a fix; `line` is the number of the first one."""

    file: str
    cell: int | None
    line: int
    before: tuple[str, ...]
    after: tuple[str, ...]


def changes(edits: Sequence[EditEntry], lines: Sequence[LineEntry]) -> tuple[Change, ...]:
    """The lines that the edits change, in order; empty if a line's text is not known.

    Lines that stay equal at the start and the end of a change are left out.
    """
    text = {(line["file"], line["cell"], line["line"]): line["text"].rstrip("\r\n") for line in lines}
    found: list[Change] = []
    for group in _groups(edits):
        file, cell = group[0]["file"], group[0]["cell"]
        first, last = group[0]["line"], max(edit["end_line"] for edit in group)
        before: list[str] = []
        for number in range(first, last + 1):
            source = text.get((file, cell, number))
            if source is None and number == last and number > first:
                # A range that ends at column 1 of the line after the last one.
                source = ""
            if source is None:
                return ()
            before.append(source)
        after = _edited(before, first, group)
        found.append(_trimmed(Change(file, cell, first, tuple(before), tuple(after))))
    return tuple(change for change in found if change.before != change.after)


def _groups(edits: Sequence[EditEntry]) -> list[list[EditEntry]]:
    """Edits that touch the same lines together."""
    groups: list[list[EditEntry]] = []
    ordered = sorted(edits, key=lambda edit: (edit["file"], edit["cell"] or 0, edit["line"], edit["column"]))
    for edit in ordered:
        if groups:
            last = groups[-1]
            same = (last[0]["file"], last[0]["cell"]) == (edit["file"], edit["cell"])
            if same and edit["line"] <= max(other["end_line"] for other in last):
                last.append(edit)
                continue
        groups.append([edit])
    return groups


def _edited(lines: list[str], first: int, edits: Sequence[EditEntry]) -> list[str]:
    text = "\n".join(lines)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    pieces = []
    position = 0
    for edit in edits:
        start = starts[edit["line"] - first] + edit["column"] - 1
        end = starts[edit["end_line"] - first] + edit["end_column"] - 1
        pieces += [text[position:start], edit["text"]]
        position = end
    pieces.append(text[position:])
    return "".join(pieces).split("\n")


def _trimmed(change: Change) -> Change:
    before, after, line = list(change.before), list(change.after), change.line
    while before and after and before[0] == after[0]:
        del before[0], after[0]
        line += 1
    while before and after and before[-1] == after[-1]:
        del before[-1], after[-1]
    return change.replace(line=line, before=tuple(before), after=tuple(after))
