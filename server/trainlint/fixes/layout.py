"""How a call stands in the text: its brackets, arguments and commas.

Only the gaps between nodes are searched; they hold no strings, so brackets and commas in them mean what they seem to.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trainlint.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.source import code
    from trainlint.source.document import Document


class Given(Record, eq=False):
    """An argument of a call: its stretch with keyword and parentheses, and the comma behind it, -1 if there is none."""

    node: code.Argument
    start: int
    end: int
    comma: int


class Layout(Record, eq=False):
    """A call in the text: the offsets of its brackets and its arguments."""

    open: int
    close: int
    given: tuple[Given, ...]


def layout(document: Document, call: code.Call) -> Layout | None:
    """The layout of a call; None where the text is not what the code says, as in repaired lines."""
    text = document.text
    close = document.offsets(call.place)[1] - 1
    position = document.offsets(call.function.place)[1]
    spans = [document.offsets(argument.place) for argument in call.arguments]
    first = spans[0][0] if spans else close
    opening = next((at for at in gap(text, position, first) if text[at] == "("), -1)
    if opening < 0 or close < first or text[close : close + 1] != ")":
        return None
    given = []
    for index, (start, end) in enumerate(spans):
        stop = spans[index + 1][0] if index + 1 < len(spans) else close
        if not position <= start <= end <= stop:
            return None
        commas = [at for at in gap(text, end, stop) if text[at] == ","]
        is_last = index + 1 == len(spans)
        if len(commas) > 1 or (not commas and not is_last):
            return None
        given.append(Given(call.arguments[index], start, end, commas[0] if commas else -1))
    return Layout(opening, close, tuple(given))


def gap(text: str, start: int, end: int) -> Iterator[int]:
    """The offsets of what is not blank and no comment between two nodes."""
    position = start
    while position < end:
        character = text[position]
        if character == "#":
            newline = text.find("\n", position, end)
            position = end if newline < 0 else newline
        elif character not in " \t\f\n\\":
            yield position
        position += 1


def has_comment(text: str, start: int, end: int) -> bool:
    """Whether a comment begins between two nodes."""
    return "#" in text[start:end]


def line_start(text: str, offset: int) -> int:
    """The offset at which the line of an offset starts."""
    return text.rfind("\n", 0, offset) + 1


def line_end(text: str, offset: int) -> int:
    """The offset of the newline that ends the line of an offset, or of the text's end."""
    found = text.find("\n", offset)
    return len(text) if found < 0 else found


def blank_before(text: str, offset: int) -> bool:
    """Whether nothing but blanks stands before an offset in its line."""
    return not text[line_start(text, offset) : offset].strip(" \t\f")


def blank_after(text: str, offset: int) -> bool:
    """Whether nothing but blanks or a comment stands behind an offset in its line."""
    rest = text[offset : line_end(text, offset)].lstrip(" \t\f")
    return not rest or rest.startswith("#")


_STRING = re.compile(r"""(?<![\w'"])(['"])(?!\1)[^'"\\\n]*\1(?!['"])""")
"""A short string on one line, with neither quotes nor escapes in it."""


def prefers_single(text: str) -> bool:
    """Whether most strings of a text stand in single quotes; False where there are none."""
    quotes = _STRING.findall(text)
    return quotes.count("'") > quotes.count('"')
