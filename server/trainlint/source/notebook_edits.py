"""Edits of cell sources in the JSON text of a notebook, with every other character left as it is.

`json` tells no positions, so a small scanner over the JSON text finds the strings that hold the sources.
The result is parsed again and compared before it is handed out.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any

from trainlint.record import Record
from trainlint.source.text import EditError, Newlines, with_line_ends

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from trainlint.source.text import TextEdit

    Path = tuple[str | int, ...]
    """Keys and indices from the top of a JSON document to a value in it."""

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],]|[^\s{}\[\],:"]+')
_CHARACTER = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]", re.DOTALL
)


class Source(Record):
    """Where a cell's source stands in the JSON text: one string, or a list of strings.

    `start` and `end` are those of the value, `strings` those of each string with its quotes.
    """

    start: int
    end: int
    strings: tuple[tuple[int, int], ...]
    is_list: bool


def write_sources(data: bytes, edits: Mapping[Path, tuple[Newlines, list[TextEdit]]]) -> bytes:
    """The notebook's bytes with the edits applied to the sources at these paths.

    Raises EditError if that cannot be done without touching anything else.
    """
    encoding = json.detect_encoding(data)
    text = data.decode(encoding)
    if text.encode(encoding) != data:
        raise EditError("the encoding of the notebook file does not allow to edit it")
    sources = find_sources(text, edits)
    changes: list[tuple[int, int, str]] = []
    expected = json.loads(text)
    for path, (newlines, cell_edits) in edits.items():
        original = _joined(_value(expected, path))
        writer = _SourceWriter(text, sources[path], original)
        pieces, position = [], 0
        for start, end, new in _in_original(newlines, original, cell_edits):
            changes.append(writer.change(start, end, new))
            pieces += [original[position:start], new]
            position = end
        _put(expected, path, "".join((*pieces, original[position:])))
    result, position = [], 0
    for start, end, new in sorted(changes):
        if start < position:
            raise EditError("the edits cannot be written into the notebook one by one")
        result += [text[position:start], new]
        position = end
    edited = "".join((*result, text[position:]))
    _check(edited, expected, edits)
    return edited.encode(encoding)


def find_sources(text: str, paths: Collection[Path]) -> dict[Path, Source]:
    """Where the values at these paths stand in a valid JSON text.

    Raises EditError if one is not there, or twice, which JSON allows.
    """
    found: dict[Path, Source] = {}
    open_at: list[int] = []
    path: list[Any] = []
    strings: list[tuple[int, int]] = []

    def put(source: Source) -> None:
        key = tuple(path)
        if key in found:
            raise EditError("the notebook file holds the source of a cell twice")
        found[key] = source

    for token in _TOKEN.finditer(text):
        start, end = token.span()
        first = text[start]
        if first in "{[":
            open_at.append(start)
            path.append(0 if first == "[" else None)
            if tuple(path[:-1]) in paths:
                strings = []
        elif first in "}]":
            path.pop()
            opened = open_at.pop()
            if tuple(path) in paths:
                put(Source(opened, end, tuple(strings), True))
        elif first == ",":
            path[-1] = path[-1] + 1 if text[open_at[-1]] == "[" else None
        elif first == '"':
            if path and path[-1] is None:
                path[-1] = json.loads(token[0])
            elif tuple(path[:-1]) in paths:
                strings.append((start, end))
            elif tuple(path) in paths:
                put(Source(start, end, ((start, end),), False))
    if len(found) != len(paths):
        raise EditError("the source of a cell was not found in the notebook file")
    return found


class _SourceWriter:
    """Turns an edit of a source into an edit of the JSON text; offsets are those of the joined strings."""

    def __init__(self, text: str, source: Source, original: str):
        self.text, self.source, self.original = text, source, original
        # For each string the offsets of its characters in the JSON text, the closing quote included.
        self.characters = [
            [*(match.start() for match in _CHARACTER.finditer(text, start + 1, end - 1)), end - 1]
            for start, end in source.strings
        ]
        self.starts = [0]
        for characters in self.characters:
            self.starts.append(self.starts[-1] + len(characters) - 1)
        self.ascii = text.isascii()

    def change(self, start: int, end: int, new: str) -> tuple[int, int, str]:
        """The edit of the JSON text that makes this edit of the source; a list keeps one line per string."""
        if not self.source.is_list:
            characters = self.characters[0]
            return characters[start], characters[end], self.escaped(new)
        if not self.characters:
            pieces = ", ".join(f'"{self.escaped(line)}"' for line in new.splitlines(keepends=True))
            return self.source.start, self.source.end, f"[{pieces}]"
        last = len(self.characters) - 1
        first_string = min(last, bisect_right(self.starts, start) - 1)
        last_string = first_string if start == end else bisect_left(self.starts, end) - 1
        starts_string = start == self.starts[first_string]
        ends_string = end == self.starts[last_string + 1]
        before = self.original[:start]
        line_is_over = (new or before or "\n").endswith("\n")
        if ends_string and start < end and not line_is_over and last_string < last:
            # The line that is left goes on in the next string.
            last_string, ends_string = last_string + 1, False
        elif not new and starts_string and ends_string:
            return self.without_strings(first_string, last_string)
        lines = re.split(r"(?<=\n)", new)
        if ends_string and len(lines) > 1 and not lines[-1]:
            lines.pop()
        if start == self.starts[first_string + 1] and not starts_string and before.endswith("\n"):
            lines.insert(0, "")
        characters = self.characters[last_string]
        return (
            self.characters[first_string][start - self.starts[first_string]],
            characters[end - self.starts[last_string]],
            self.separator().join(map(self.escaped, lines)),
        )

    def without_strings(self, first: int, last: int) -> tuple[int, int, str]:
        strings = self.source.strings
        if last + 1 < len(strings):
            return strings[first][0], strings[last + 1][0], ""
        if first:
            return strings[first - 1][1], strings[last][1], ""
        return strings[0][0], strings[last][1], '""'

    def escaped(self, text: str) -> str:
        return json.dumps(text, ensure_ascii=self.ascii)[1:-1]

    def separator(self) -> str:
        """What stands between two strings of the list, quotes included."""
        strings = self.source.strings
        if len(strings) > 1:
            between = self.text[strings[0][1] : strings[1][0]]
        else:
            between = "," + self.text[self.source.start + 1 : strings[0][0]]
            if between == "," and '": ' in self.text:
                # Writers that put a space behind a colon put one behind a comma.
                between = ", "
        return f'"{between}"'


def _in_original(newlines: Newlines, original: str, edits: list[TextEdit]) -> list[TextEdit]:
    """The edits in offsets of the source as it stands in the file; those that touch each other become one."""
    merged: list[TextEdit] = []
    for start, end, text in edits:
        if merged and merged[-1][1] == start:
            merged[-1] = (merged[-1][0], end, merged[-1][2] + text)
        else:
            merged.append((start, end, text))
    result = []
    for start, end, text in merged:
        start, end = newlines.original_offset(start), newlines.original_offset(end)
        text = with_line_ends(text, newlines.dominant, original[:start][-1:], original[end : end + 1])
        if text == original[start:end]:
            continue
        result.append((start, end, text))
    return result


def _check(edited: str, expected: Any, paths: Collection[Path]) -> None:
    document = json.loads(edited)
    for path in paths:
        _put(document, path, _joined(_value(document, path)))
    # Compared as text, because NaN is not equal to itself.
    if json.dumps(document) != json.dumps(expected):
        raise EditError("the edits cannot be written into the notebook safely")


def _value(document: Any, path: Path) -> Any:
    for key in path:
        document = document[key]
    return document


def _put(document: Any, path: Path, value: str) -> None:
    _value(document, path[:-1])[path[-1]] = value


def _joined(source: Any) -> str:
    return source if isinstance(source, str) else "".join(source)
