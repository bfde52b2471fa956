"""What the author says of a piece of code, in a comment beside it."""

from __future__ import annotations

from trainlint.source import spans
from trainlint.source.code import Place


def comment_beside(place: Place) -> str:
    """The comment behind a place on the line that it ends on; empty where there is none, or where that is not sure."""
    stretches = spans.table(place.unit).spans
    if place.number >= len(stretches):
        return ""
    text, end = place.unit.text, stretches[place.number][1]
    line_end = text.find("\n", end)
    rest = text[end : line_end if line_end >= 0 else len(text)]
    before, mark, comment = rest.partition("#")
    # A number sign in a string is no comment.
    return comment.strip() if mark and not {"'", '"'} & set(before) else ""
