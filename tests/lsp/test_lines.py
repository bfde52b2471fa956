"""Lines and positions, and documents that stay in step with their client."""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from trainlint.lsp.documents import Buffer, path_of
from trainlint.lsp.lines import Lines

ENCODINGS = ("utf-8", "utf-16", "utf-32")
CODECS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}

ALPHABET = "ab é模😀\t\f\x0b\x1c\x85\u2028\u2029\r\n\n"
"""Letters of one to four bytes, and everything that some function takes for the end of a line."""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nb", ["a", "b"]),
        ("a\r\nb\rc\n", ["a", "b", "c", ""]),
        ("a\fb\x0bc\u2028d\x85e", ["a\fb\x0bc\u2028d\x85e"]),
        ("", [""]),
        ("\r\r\n\n", ["", "", "", ""]),
    ],
)
def test_lines(text, expected):
    """Only LF, CRLF and CR end a line."""
    lines = Lines(text)

    assert expected == [lines.line(number) for number in range(len(lines))]


@given(st.text(alphabet=ALPHABET), st.sampled_from(ENCODINGS))
def test_position_and_back(text, encoding):
    """A position leads back to its offset, but between the two characters of a CRLF."""
    lines = Lines(text)
    for offset in range(len(text) + 1):
        if text[offset - 1 : offset + 1] == "\r\n" and offset:
            continue
        assert offset == lines.offset(*lines.position(offset, encoding), encoding)


@given(st.text(alphabet=ALPHABET), st.sampled_from(ENCODINGS))
def test_columns_are_code_units(text, encoding):
    """A column is the length of what stands before it on the line, in the encoding that was agreed on."""
    lines = Lines(text)
    codec, width = CODECS[encoding]
    for offset in range(len(text) + 1):
        line, column = lines.position(offset, encoding)
        assert len(text[lines.starts[line] : offset].encode(codec)) // width == column


@given(st.text(alphabet=ALPHABET), st.integers(-2, 50), st.integers(-2, 50), st.sampled_from(ENCODINGS))
def test_any_position_is_somewhere(text, line, column, encoding):
    """A position outside of the text is at the nearest end."""
    assert 0 <= Lines(text).offset(line, column, encoding) <= len(text)


def client_offset(text: str, line: int, column: int, encoding: str) -> int:
    """Where a position is, written without the code under test: line by line, unit by unit."""
    codec, width = CODECS[encoding]
    offset = 0
    for _ in range(line):
        while offset < len(text) and text[offset] not in "\r\n":
            offset += 1
        if text[offset : offset + 2] == "\r\n":
            offset += 1
        offset += 1
    units = 0
    while offset < len(text) and text[offset] not in "\r\n" and units < column:
        units += len(text[offset].encode(codec)) // width
        offset += 1
    return offset


def random_edits(seed: int, count: int, encoding: str) -> None:
    """Sends random incremental edits to a buffer and to a plain string, and compares the two."""
    dice = random.Random(seed)
    text = "".join(dice.choice(ALPHABET) for _ in range(200))
    buffer = Buffer("file:///a.py", "/a.py", 0, text)
    for version in range(1, count + 1):
        changes = []
        for _ in range(dice.choice((1, 1, 1, 2))):
            # A client has its own idea of where its lines start.
            lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
            codec, width = CODECS[encoding]
            first = dice.randrange(len(lines))
            last = min(len(lines) - 1, first + dice.choice((0, 0, 0, 1, 2)))
            columns = []
            for number in (first, last):
                at = dice.randrange(len(lines[number]) + 1)
                columns.append(len(lines[number][:at].encode(codec)) // width)
            if first == last:
                columns.sort()
            new = "".join(dice.choice(ALPHABET) for _ in range(dice.choice((0, 0, 1, 1, 3, 12))))
            start = client_offset(text, first, columns[0], encoding)
            end = client_offset(text, last, columns[1], encoding)
            text = text[:start] + new + text[end:]
            area = types.Range(types.Position(first, columns[0]), types.Position(last, columns[1]))
            changes.append(types.TextDocumentContentChangePartial(range=area, text=new))
        buffer.change(version, changes, encoding)
        assert text == buffer.text, (seed, version)
        if len(text) > 2_000:
            text = text[:200]
            buffer.change(version, [types.TextDocumentContentChangeWholeDocument(text)], encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_documents_stay_in_step(encoding):
    """After any incremental edits the server's text is the client's; `make bench` does a hundred thousand of them."""
    random_edits(1, int(os.environ.get("TRAINLINT_EDITS", "1500")), encoding)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("file:///a/b%20c.py", "/a/b c.py"),
        ("untitled:Untitled-1", "/folder/Untitled-1.py"),
        ("vscode-notebook-cell:/x/y.ipynb#W0", "/folder/x_y.ipynb#W0.py"),
    ],
)
def test_path_of_a_document(uri, expected):
    """A document without a file counts as a Python file in the folder that is open."""
    assert expected == path_of(uri, "/folder")
