"""Bytes of a Python file to the text that is analysed, and edits of that text back to bytes.

The analysed text has no byte order mark and ends its lines with `\\n` alone.
The way back keeps every byte that no edit names: encoding, byte order mark, mixed line ends.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_left
from itertools import pairwise
from typing import TYPE_CHECKING

from trainlint.record import Record
from trainlint.source.prefilter import NULS_OF_BINARY

if TYPE_CHECKING:
    from collections.abc import Sequence

    TextEdit = tuple[int, int, str]
    """Start, end (offsets into the analysed text) and the text that replaces what is between them."""

_COOKIE = re.compile(rb"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.ASCII)
_BLANK_OR_COMMENT = re.compile(rb"[ \t\f]*(?:#|$)")
_LINE_END = re.compile(r"\r\n?|\n")
_LINE_END_BYTES = re.compile(rb"\r\n?|\n")

_MARKS = (
    # UTF-32 comes first: its little-endian mark starts with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class EditError(ValueError):
    """Edits that cannot be written into a file; the text says why in one line."""


class Newlines(Record):
    """The line ends of a text before they became `\\n`, and the way back.

    `pairs` are the offsets in the normalised text of those that were `\\r\\n`; `dominant` is the most frequent one.
    """

    text: str
    pairs: tuple[int, ...]
    dominant: str

    def original_offset(self, offset: int) -> int:
        """The offset before normalisation; it never falls between `\\r` and `\\n`."""
        return offset + bisect_left(self.pairs, offset)


def normalise_newlines(original: str) -> Newlines:
    """The text with `\\n` as its only line end."""
    if "\r" not in original:
        return Newlines(original, (), "\n")
    pairs: list[int] = []
    for match in re.finditer("\r\n", original):
        pairs.append(match.start() - len(pairs))
    text = original.replace("\r\n", "\n").replace("\r", "\n")
    n_pairs = len(pairs)
    n_feeds = original.count("\n") - n_pairs
    n_returns = original.count("\r") - n_pairs
    # The order decides ties: `max` returns the first of the equal ones.
    dominant = max(("\n", n_feeds), ("\r\n", n_pairs), ("\r", n_returns), key=lambda end: end[1])[0]
    return Newlines(text, tuple(pairs), dominant)


def ordered(edits: Sequence[TextEdit], length: int) -> list[TextEdit]:
    """The edits in the order of their places; edits at the same place keep their order.

    Raises EditError if one lies outside of a text of this length or if two overlap.
    """
    result = sorted(edits, key=lambda edit: edit[:2])
    position = 0
    for start, end, _ in result:
        if not 0 <= start <= end <= length:
            raise EditError(f"edit {start}..{end} lies outside of the text (0..{length})")
        if start < position:
            raise EditError(f"two edits overlap at offset {start}")
        position = end
    return result


def with_line_ends(text: str, line_end: str, before: str, after: str) -> str:
    """The text with `line_end` as its line ends, fit to stand between two characters.

    A `\\r` and a `\\n` that meet at a border would read as one line end;
    the inner one becomes `\\r\\n`, so that both count.
    """
    text = _LINE_END.sub(lambda _: line_end, text)
    if before == "\r" and text.startswith("\n"):
        text = "\r" + text
    if after == "\n" and text.endswith("\r"):
        text += "\n"
    return text


class Decoded(Record):
    """A file as text.

    `text` is what is analysed; it is empty if the file is `binary`.
    `note` says in one line what went wrong while reading, None if nothing did.
    """

    data: bytes
    text: str
    encoding: str = "utf-8"
    mark: bytes = b""
    newlines: Newlines = Newlines("", (), "\n")
    binary: bool = False
    note: str | None = None

    def encode(self, edits: Sequence[TextEdit]) -> bytes:
        """The file with the edits applied; every byte outside of them stays as it is.

        Raises EditError if edits overlap, lie outside of the text, or bring text that the file's encoding cannot hold.
        """
        if not edits:
            return self.data
        if self.binary:
            raise EditError("a binary file cannot be edited")
        ordered_edits = ordered(edits, len(self.text))
        original = self.data[len(self.mark) :].decode(self.encoding)
        pieces = [self.mark]
        position = 0
        for start, end, text in ordered_edits:
            start, end = self.newlines.original_offset(start), self.newlines.original_offset(end)
            text = with_line_ends(
                text, self.newlines.dominant, original[start - 1 : start] if start else "", original[end : end + 1]
            )
            pieces += [self._bytes(original[position:start]), self._new_bytes(text)]
            position = end
        pieces.append(self._bytes(original[position:]))
        self._check_untouched(original, ordered_edits)
        return b"".join(pieces)

    def _bytes(self, text: str) -> bytes:
        try:
            return text.encode(self.encoding)
        except UnicodeError as error:
            raise EditError(f"the file's encoding {self.encoding} cannot write back what it read") from error

    def _new_bytes(self, text: str) -> bytes:
        try:
            return text.encode(self.encoding)
        except UnicodeEncodeError as error:
            character = text[error.start : error.start + 1]
            raise EditError(f"{character!a} cannot be written in the file's encoding {self.encoding}") from error
        except UnicodeError as error:
            raise EditError(f"the new text cannot be written in the file's encoding {self.encoding}") from error

    def _check_untouched(self, original: str, edits: list[TextEdit]) -> None:
        # Encodings with a shift state, or with two byte sequences for one character, do not survive being cut.
        cuts = [0]
        for start, end, _ in edits:
            cuts += [self.newlines.original_offset(start), self.newlines.original_offset(end)]
        cuts.append(len(original))
        again = b"".join(self._bytes(original[start:end]) for start, end in pairwise(cuts))
        if self.mark + again != self.data:
            raise EditError(f"the file's encoding {self.encoding} does not allow to edit at this place")


def decode(data: bytes) -> Decoded:
    """The text of a Python file, whatever its bytes are.

    Decodes by byte order mark, else by PEP 263, else as UTF-8, else as Latin-1, which can hold any byte.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark) and (marked := _decode(data[len(mark) :], encoding)) is not None:
            return _decoded(data, marked, encoding, mark)
    if data.count(0) * NULS_OF_BINARY > len(data):
        return Decoded(data, "", binary=True, note="binary file")
    body, mark = data, b""
    if data.startswith(codecs.BOM_UTF8):
        body, mark = data[len(codecs.BOM_UTF8) :], codecs.BOM_UTF8
    name = _cookie(body)
    if name and (known := _python_encoding(name)):
        text = _decode(body, known)
        if text is not None:
            return _decoded(data, text, known, mark)
        note = f"not {name}, as its coding comment says"
    elif name:
        note = f"unknown encoding {name!r} in the coding comment"
    else:
        note = "neither UTF-8 nor a coding comment"
    text = _decode(body, "utf-8")
    if text is not None:
        return _decoded(data, text, "utf-8", mark, f"{note}: read as UTF-8" if name else None)
    return _decoded(data, body.decode("latin-1"), "latin-1", mark, f"{note}: read as Latin-1")


def _decoded(data: bytes, original: str, encoding: str, mark: bytes, note: str | None = None) -> Decoded:
    newlines = normalise_newlines(original)
    return Decoded(data, newlines.text, encoding, mark, newlines, note=note)


def _decode(data: bytes, encoding: str) -> str | None:
    try:
        text = data.decode(encoding)
        # Some codecs (unicode_escape, utf-7) make lone surrogates, which no parser and no terminal takes.
        if encoding not in ("utf-8", "latin-1"):
            text.encode("utf-8")
    except (ValueError, LookupError, OverflowError):
        return None
    return text


def _cookie(data: bytes) -> str | None:
    for line in _LINE_END_BYTES.split(data[:4096], maxsplit=2)[:2]:
        match = _COOKIE.match(line)
        if match:
            return match[1].decode("ascii")
        if not _BLANK_OR_COMMENT.match(line):
            return None
    return None


def _python_encoding(name: str) -> str | None:
    """The codec's name, or None if there is no such codec or Python source cannot be written in it."""
    try:
        codec = codecs.lookup(name).name
        # A codec that does not read its own coding comment as it stands (utf-16, rot13) cannot be the right one.
        if b"coding".decode(codec) != "coding":
            return None
    except (ValueError, LookupError):
        return None
    return "utf-8" if codec == "utf-8-sig" else codec
