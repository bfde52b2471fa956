"""How text looks on a terminal: colours, the width of characters, lines that are too long."""

from __future__ import annotations

import re
import unicodedata

from trainlint.record import Record

TAB = 4
"""A tab is shown as the way to the next multiple of so many columns."""

ELLIPSIS = "..."

_CODES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "cyan": "36",
}

_CODE = re.compile(r"`[^`\n]+`")


class Style(Record):
    """How to render for one stream; `unicode` says whether it can carry more than ASCII."""

    colour: bool = False
    width: int = 100
    unicode: bool = True

    def narrower(self, columns: int) -> Style:
        """The same style with less room."""
        return self.replace(width=self.width - columns)

    def paint(self, text: str, *names: str) -> str:
        """The text in these colours, or as it is where colours are off."""
        if not self.colour or not text:
            return text
        return f"\x1b[{';'.join(_CODES[name] for name in names)}m{text}\x1b[0m"

    def prose(self, text: str) -> str:
        """The text with what stands in backticks set off."""
        return _CODE.sub(lambda match: self.paint(match[0], "bold"), text) if self.colour else text


def counted(n: int, word: str) -> str:
    """The number with its word, which takes an s where it is not one."""
    return f"{n} {plural(word, n)}"


def plural(word: str, n: int) -> str:
    """The word as it stands behind a number."""
    return word if n == 1 else f"{word}s"


def shown(character: str) -> str:
    """The character as it may be printed: nothing in a file can move the cursor, ring or reverse the text."""
    if " " <= character <= "~":
        return character
    category = unicodedata.category(character)
    if category == "Cf":
        return ""
    return "?" if category in ("Cc", "Cs", "Zl", "Zp") else character


def plain(text: str) -> str:
    """The text as one line that is safe to print."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(" " if character in "\t\n\r" else shown(character) for character in text)


def cells(text: str) -> int:
    """The columns that a printable text takes on a terminal: two for wide characters, none for combining ones."""
    return len(text) if text.isascii() else sum(map(_cells_of, text))


def _cells_of(character: str) -> int:
    if character < "\u0300":
        return 1
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


class ScreenLine(Record):
    """A source line ready to print: its pieces, one for each code point, and the screen column where each starts."""

    pieces: tuple[str, ...]
    starts: tuple[int, ...]  # one more than pieces: the last is the width

    def at(self, column: int) -> int:
        """The screen column (from 0) of a code point (counted from 1)."""
        return self.starts[max(0, min(column - 1, len(self.pieces)))]

    @property
    def width(self) -> int:
        return self.starts[-1]

    @property
    def text(self) -> str:
        return "".join(self.pieces)


def screen_line(source: str) -> ScreenLine:
    """The line with tabs expanded and with nothing that a terminal would obey."""
    pieces: list[str] = []
    starts = [0]
    for character in source.rstrip("\r\n"):
        if character == "\t":
            piece = " " * (TAB - starts[-1] % TAB)
        elif character == "\f":
            piece = ""
        else:
            piece = shown(character)
        pieces.append(piece)
        starts.append(starts[-1] + cells(piece))
    return ScreenLine(tuple(pieces), tuple(starts))


class Cut(Record):
    """The part of a screen line that fits: its text, and where screen columns lie in it."""

    text: str
    first: int
    last: int
    margin: int

    def at(self, column: int) -> int:
        """The column in the cut text of a column of the whole line."""
        return min(max(column, self.first), self.last) - self.first + self.margin


def cut(line: ScreenLine, start: int, end: int, width: int) -> Cut:
    """At most `width` columns of the line, around the screen columns from `start` to `end`."""
    text = line.text.rstrip()
    if cells(text) <= width:
        return Cut(text, 0, max(line.width, end), 0)
    room = max(width - 2 * len(ELLIPSIS), 8)
    # A short place stands in the middle of what is shown, of a long one the beginning is shown.
    lead = max((room - (end - start)) // 2, room // 8)
    first = max(0, start - lead)
    if first < len(ELLIPSIS):
        first = 0
    indices = [i for i, column in enumerate(line.starts[:-1]) if first <= column and line.starts[i + 1] <= first + room]
    if not indices:
        return Cut(ELLIPSIS, first, first, 0)
    first, last = line.starts[indices[0]], line.starts[indices[-1] + 1]
    before = ELLIPSIS if first else ""
    after = ELLIPSIS if last < line.width else ""
    return Cut(before + "".join(line.pieces[i] for i in indices) + after, first, last, len(before))


def wrapped(text: str, width: int, indent: str = "", hanging: str | None = None) -> list[str]:
    """The text in lines of at most `width` columns, broken at spaces; a longer word keeps a line of its own.

    Nothing breaks between backticks: what stands there is code that somebody may copy.
    """
    hanging = indent if hanging is None else hanging
    lines: list[str] = []
    line, used, empty = indent, cells(indent), True
    for word in words(plain(text)):
        size = cells(word)
        if not empty and used + 1 + size > width:
            lines.append(line)
            line, used, empty = hanging, cells(hanging), True
        line, used = (line + word, used + size) if empty else (f"{line} {word}", used + 1 + size)
        empty = False
    lines.append(line)
    return lines


def words(text: str) -> list[str]:
    """The pieces between which a text may be broken into lines."""
    return re.findall(r"(?:`[^`]{1,60}`|\S)+", text)


def shortened(text: str, width: int) -> str:
    """The text as one safe line of at most `width` columns."""
    text = " ".join(plain(text).split())
    if cells(text) <= width:
        return text
    line = screen_line(text)
    room = max(width - len(ELLIPSIS), 0)
    kept = [piece for i, piece in enumerate(line.pieces) if line.starts[i + 1] <= room]
    return "".join(kept).rstrip() + ELLIPSIS
