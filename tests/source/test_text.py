"""Bytes to text and edits back to bytes."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trainlint.source.text import EditError, decode

LINES = st.lists(
    st.tuples(st.text("ab#é ", max_size=4), st.sampled_from(["\n", "\r\n", "\r"])).map("".join), max_size=6
).map("".join)
"""Texts with mixed line ends."""


@st.composite
def edits_of(draw: st.DrawFn, length: int, max_edits: int = 3, alphabet: str = "xy\n") -> list[tuple[int, int, str]]:
    """Edits of a text of this length that do not overlap."""
    places = sorted(draw(st.lists(st.integers(0, length), max_size=2 * max_edits)))
    places = places[: len(places) // 2 * 2]
    return [
        (start, end, draw(st.text(alphabet, min_size=int(start == end), max_size=4)))
        for start, end in zip(places[::2], places[1::2])
    ]


def applied(text: str, edits: list[tuple[int, int, str]]) -> str:
    """The text after the edits."""
    for start, end, new in reversed(edits):
        text = text[:start] + new + text[end:]
    return text


@given(st.binary())
@example(b"\xef\xbb\xbf# coding: utf-16\r\r\n")
@example(b"# coding: utf-7\n+AGE-")
@example(b"\xff\xfea")
def test_no_edit_keeps_every_byte(data):
    """Reading never fails, and writing without edits gives the very bytes that were read."""
    assert data == decode(data).encode([])


@given(st.data(), LINES, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]))
def test_an_edit_changes_only_its_bytes(data, original, encoding):
    """An empty insertion at any place gives the bytes that were read, whatever the encoding and the line ends are."""
    content = original.encode(encoding)
    decoded = decode(content)
    offset = data.draw(st.integers(0, len(decoded.text)))

    assert content == decoded.encode([(offset, offset, "")])


@given(st.data(), LINES, st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_edits_arrive_in_the_text(data, original, encoding):
    """The file that was written reads as the text with the edits applied."""
    decoded = decode(original.encode(encoding))
    edits = [edit for edit in data.draw(edits_of(len(decoded.text))) if edit[2]]

    assert applied(decoded.text, edits) == decode(decoded.encode(edits)).text


def test_inserted_text_takes_the_dominant_line_end():
    """New lines end like most lines of the file; the other line ends stay as they are."""
    decoded = decode(b"a\r\nb\nc\r\n")

    assert "a\nb\nc\n" == decoded.text
    assert b"a\r\nb\nnew\r\nc\r\n" == decoded.encode([(4, 4, "new\n")])


def test_edit_across_a_windows_line_end():
    """An edit that ends behind a line end takes both of its bytes."""
    assert b"ac\r\n" == decode(b"a\r\nb\r\nc\r\n").encode([(1, 4, "")])


def test_mark_is_neither_text_nor_lost():
    """A byte order mark is not part of the text, and an edit at the start goes behind it."""
    decoded = decode(codecs.BOM_UTF8 + b"x = 1\n")

    assert "x = 1\n" == decoded.text
    assert codecs.BOM_UTF8 + b"y\nx = 1\n" == decoded.encode([(0, 0, "y\n")])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_marks_decide_the_encoding(encoding):
    """A file with a byte order mark is read by it, and written back in the same encoding."""
    decoded = decode("é = 1\n".encode(encoding))

    assert ("é = 1\n", None) == (decoded.text, decoded.note)
    assert "é = 2\n".encode(encoding) == decoded.encode([(4, 5, "2")])


@pytest.mark.parametrize(
    "cookie",
    [b"# -*- coding: latin-1 -*-\n", b"#!/usr/bin/python\n# vim: set fileencoding=latin-1 :\n", b"\n#coding=latin-1\r"],
)
def test_coding_comment(cookie):
    """The coding comment of the first two lines decides."""
    decoded = decode(cookie + b"x = '\xe9'\n")

    assert ("iso8859-1", None) == (decoded.encoding, decoded.note)
    assert decoded.text.endswith("x = 'é'\n")


@pytest.mark.parametrize("data", [b"x = 1\n# coding: latin-1\n", b"\n\n# coding: latin-1\n"])
def test_coding_comment_too_late(data):
    """A coding comment behind a statement, or on the third line, is an ordinary comment."""
    assert "utf-8" == decode(data).encoding


@pytest.mark.parametrize(
    ("data", "note"),
    [
        (b"x = '\xe9'\n", "neither UTF-8 nor a coding comment: read as Latin-1"),
        (b"# coding: nonsense\nx = 1\n", "unknown encoding 'nonsense' in the coding comment: read as UTF-8"),
        (b"# coding: utf-16\nx = 1\n", "unknown encoding 'utf-16' in the coding comment: read as UTF-8"),
        (b"# coding: ascii\nx = '\xc3\xa9'\n", "not ascii, as its coding comment says: read as UTF-8"),
        (b"# coding: utf-8\nx = '\xe9'\n", "not utf-8, as its coding comment says: read as Latin-1"),
    ],
)
def test_notes(data, note):
    """What cannot be read as it says is read without loss, with one line that says how."""
    decoded = decode(data)

    assert note == decoded.note
    assert data + b"y\n" == decoded.encode([(len(decoded.text), len(decoded.text), "y\n")])


def test_binary():
    """A file full of NULs is binary: no text, no edits."""
    decoded = decode(b"\x80\x04\x95\x00\x00\x00\x00K\x01.")

    assert (True, "", "binary file") == (decoded.binary, decoded.text, decoded.note)
    with pytest.raises(EditError, match="binary"):
        decoded.encode([(0, 0, "x")])


def test_single_nul_is_text():
    """A stray NUL does not make a source file binary."""
    assert not decode(b"x = 1\n" * 50 + b"\x00").binary


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ([(0, 2, "a"), (1, 3, "b")], "two edits overlap at offset 1"),
        ([(0, 2, "a"), (1, 1, "b")], "two edits overlap at offset 1"),
        ([(4, 99, "a")], "edit 4..99 lies outside of the text (0..22)"),
        ([(0, 0, "\N{SNOWMAN}")], "'\\u2603' cannot be written in the file's encoding iso8859-1"),
    ],
)
def test_impossible_edits(edits, message):
    """Edits that cannot be written are refused with a reason."""
    with pytest.raises(EditError) as caught:
        decode(b"# coding: latin-1\nx=1\n").encode(edits)

    assert message == str(caught.value)


def test_insertions_at_one_place_keep_their_order():
    """Several insertions at one place arrive in the order they were given, before what replaces the text there."""
    assert b"12b" == decode(b"ab").encode([(0, 0, "1"), (0, 1, "2")])
    assert b"12ab" == decode(b"ab").encode([(0, 0, "1"), (0, 0, "2")])


def test_encoding_with_shift_state():
    """An encoding whose bytes cannot be cut refuses an edit inside of a shifted stretch and takes one elsewhere."""
    data = "# coding: iso-2022-jp\nx = '日本'\n".encode("iso-2022-jp")
    decoded = decode(data)
    inside = decoded.text.index("本")

    assert data + b"y\n" == decoded.encode([(len(decoded.text), len(decoded.text), "y\n")])
    with pytest.raises(EditError, match="does not allow to edit at this place"):
        decoded.encode([(inside, inside, "x")])
