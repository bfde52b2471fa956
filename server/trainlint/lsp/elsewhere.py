"""Findings that the check of one document places in another one, which it imports: they are shown where they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from trainlint.lsp.documents import Buffer
from trainlint.source.code import Stretch
from trainlint.source.document import common_ends

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trainlint.lsp.checked import Checked, Shown
    from trainlint.lsp.documents import Document


def placed_in(document: Document, own: Checked, others: Iterable[Checked]) -> Iterator[tuple[Checked, Shown]]:
    """What the checks of other documents found in a document, each with its check; what was found before counts once.

    A check that is older than the text gives what stands in lines that are still there.
    """
    uris = set(document.uris)
    seen = {_identity(each) for each in own.findings}
    for other in sorted(others, key=lambda checked: checked.document.uri):
        if other.document is document or not other.elsewhere & uris:
            continue
        moved = _Moved(document, other)
        for each in other.findings:
            if each.uri not in uris or each.diagnostic is None:
                continue
            now = moved.finding(each)
            if now is not None and _identity(now) not in seen:
                seen.add(_identity(now))
                yield other, now


def needed_comments(own: Checked, others: Iterable[Checked]) -> list[Shown]:
    """What a check says of comments that silence nothing, where they silence what another document's check found."""
    if own.analysis is None or not any(each.finding.rule == _UNUSED for each in own.findings):
        return []
    silenced = {
        (each.uri, each.finding.suppressed, each.finding.rule)
        for other in others if other.document is not own.document
        for each in other.findings if each.finding.suppressed is not None
    }  # fmt: skip
    text = own.analysis.document.text
    found = []
    for each in own.findings:
        place = each.finding.place
        if silenced and each.finding.rule == _UNUSED and isinstance(place, Stretch):
            rule = each.finding.message.partition("`")[2].partition("`")[0]
            if (each.uri, text[place.start : place.end], rule) in silenced:
                found.append(each)
    return found


_UNUSED = "unused-suppression"


def _identity(each: Shown) -> tuple[str, str, int, int, int, int]:
    start, end = each.range.start, each.range.end
    return each.finding.rule, each.uri, start.line, start.character, end.line, end.character


class _Moved:
    """Where the lines of a document are by now that another document's check has read."""

    def __init__(self, document: Document, other: Checked) -> None:
        self.unchanged = True
        source = other.analysis.siblings.get(document.path) if other.analysis is not None else None
        if source is None or not isinstance(document, Buffer):
            return
        old, new = source.document.text, document.text.replace("\r\n", " \n").replace("\r", "\n")
        if old == new:
            return
        self.unchanged = False
        before, after = common_ends(new, old)
        self.first = old.count("\n", 0, before)
        """The first line that is not the same."""
        self.last = old.count("\n") - old.count("\n", len(old) - after)
        """The last one that is not the same, counted in the old text."""
        self.shift = new.count("\n") - old.count("\n")

    def finding(self, each: Shown) -> Shown | None:
        """A finding where it stands now; None where its own lines were changed."""
        if self.unchanged or each.range.end.line < self.first:
            return each
        if each.range.start.line <= self.last or each.diagnostic is None:
            return None
        start, end = (
            types.Position(place.line + self.shift, place.character) for place in (each.range.start, each.range.end)
        )
        area = types.Range(start, end)
        told = each.diagnostic
        diagnostic = types.Diagnostic(
            range=area, message=told.message, severity=told.severity, code=told.code, source=told.source,
            code_description=told.code_description, tags=told.tags, related_information=told.related_information,
            data=told.data,
        )  # fmt: skip
        return each.replace(range=area, diagnostic=diagnostic)
