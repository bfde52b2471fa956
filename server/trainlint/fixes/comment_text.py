"""Edits of comments, which are no part of the code."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trainlint.fixes.layout import blank_before, line_end, line_start
from trainlint.fixes.refusal import Refused

if TYPE_CHECKING:
    from trainlint.source.code import Stretch
    from trainlint.source.document import Document

    Change = tuple[int, int, str]

_NEXT = re.compile(r"[ \t]*#[ \t]*[A-Za-z]")
"""Where another comment begins within a comment, as `# noqa` does; `#12` is the number of something."""


def edit_comment(document: Document, comment: Stretch, new: str) -> list[Change]:
    """The edits that put another text in place of a comment, or delete it when that is empty.

    What another `#` introduces behind it stays.
    """
    text = document.text
    start, end = comment.start, comment.end
    if not text.startswith("#", start):
        raise Refused("the place is no comment")
    following = _NEXT.search(text, start + 1, end)
    if following is not None:
        end = following.start()
    if new:
        return [(start, end, new)]
    if text[end : line_end(text, end)].strip():
        # Another comment takes its place.
        return [(start, end + len(text[end:]) - len(text[end:].lstrip(" \t")), "")]
    if not blank_before(text, start):
        return [(len(text[:start].rstrip(" \t\f")), line_end(text, end), "")]
    first, last = line_start(text, start), line_end(text, end)
    # A cell starts on a line of its own, and the line end in front of that is not in the file.
    starts = document.cells.boundaries if document.cells is not None else ()
    is_last = last == len(text) or last + 1 in starts or (document.cells is not None and last + 1 == len(text))
    if is_last and first and first not in starts:
        return [(first - 1, last, "")]
    return [(first, min(last + 1, len(text)), "")]
