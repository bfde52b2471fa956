"""Takes the edits of some fixes back out of a repaired text, where no later edit touches them."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from trainlint.finding import Edit
from trainlint.fixes.apply import is_import

if TYPE_CHECKING:
    from trainlint.fixes.apply import Repaired, Round


def undoing(repaired: Repaired, rule: str) -> list[Edit] | None:
    """The edits of the repaired text that restore what the fixes of a rule replaced.

    None where a later fix rewrote it, so that it cannot be told apart. Imports that were added stay: another fix may
    need them.
    """
    found: list[Edit] = []
    rounds = repaired.rounds
    for number, each in enumerate(rounds):
        for owner, edit, before in each.edits:
            if owner != rule or is_import(edit):
                continue
            others = [e for _, e, _ in each.edits if e.file == edit.file and e != edit]
            shift = sum(len(e.text) - (e.end - e.start) for e in others if e.end <= edit.start)
            span = (edit.start + shift, edit.start + shift + len(edit.text))
            for later in rounds[number + 1 :]:
                moved = _moved(span, later, edit.file)
                if moved is None:
                    return None
                span = moved
            found.append(Edit(edit.file, span[0], span[1], before))
    return found or None


def _moved(span: tuple[int, int], later: Round, file: str) -> tuple[int, int] | None:
    """Where a stretch of text is after other edits; None if one of them changes it."""
    start, end = span
    shift = 0
    for _, edit, before in later.edits:
        if edit.file != file:
            continue
        if edit.start < edit.end and edit.start <= start and end <= edit.end:
            inside = _kept(before, edit.text, start - edit.start, end - edit.start)
            if inside is None:
                return None
            shift += inside[0] - (start - edit.start)
        elif edit.end <= start and not edit.start == edit.end == start:
            shift += len(edit.text) - (edit.end - edit.start)
        elif edit.start < end or edit.start == edit.end == start:
            return None
    return start + shift, end + shift


def _kept(before: str, after: str, start: int, end: int) -> tuple[int, int] | None:
    """Where a part of a text is in the one that replaced it; None if it is not there as it was."""
    for block in SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks():
        if block.a <= start and end <= block.a + block.size:
            return block.b + start - block.a, block.b + end - block.a
    return None
