"""Lines and positions of a text as the language server protocol counts them.

A line ends with LF, CRLF or CR, and with nothing else: form feeds and U+2028 are ordinary characters, so
`str.splitlines` must not be used. Columns count code units of an encoding that client and server agreed on.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

_LINE_END = re.compile(r"\r\n|\n|\r")

UTF8, UTF16, UTF32 = "utf-8", "utf-16", "utf-32"


class Lines:
    """Where the lines of a text start."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0, *(match.end() for match in _LINE_END.finditer(text))]

    def __len__(self) -> int:
        return len(self.starts)

    def line(self, number: int) -> str:
        """The text of a line, counted from 0, without its end; empty behind the last one."""
        if not 0 <= number < len(self.starts):
            return ""
        end = self.starts[number + 1] if number + 1 < len(self.starts) else len(self.text)
        return self.text[self.starts[number] : end].rstrip("\r\n")

    def offset(self, line: int, character: int, encoding: str) -> int:
        """The offset of a position; one behind the end of a line is at its end, one behind the text at its end."""
        if line < 0:
            return 0
        if line >= len(self.starts):
            return len(self.text)
        return self.starts[line] + code_points(self.line(line), character, encoding)

    def position(self, offset: int, encoding: str) -> tuple[int, int]:
        """Line and column of an offset."""
        offset = min(max(offset, 0), len(self.text))
        line = bisect_right(self.starts, offset) - 1
        return line, code_units(self.text[self.starts[line] : offset], encoding)


def code_units(text: str, encoding: str) -> int:
    """How long a text is in an encoding."""
    if encoding == UTF32 or text.isascii():
        return len(text)
    if encoding == UTF8:
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text) + sum(character > "\uffff" for character in text)


def code_points(text: str, units: int, encoding: str) -> int:
    """How many characters of a text its first code units are; a column inside of a character is before it."""
    units = max(units, 0)
    if encoding == UTF32 or text.isascii():
        return min(units, len(text))
    seen = 0
    for index, character in enumerate(text):
        seen += code_units(character, encoding)
        if seen > units:
            return index
    return len(text)


def applied(text: str, edits: Iterable[Any], encoding: str) -> str:
    """A text after the edits of one message, all of which count in the text as it is."""
    lines = Lines(text)

    def span(edit: Any) -> tuple[int, int]:
        start, end = edit.range.start, edit.range.end
        return lines.offset(start.line, start.character, encoding), lines.offset(end.line, end.character, encoding)

    for edit in sorted(edits, key=span, reverse=True):
        start, end = span(edit)
        text = text[:start] + edit.new_text + text[end:]
    return text
