"""Text to logical lines: where each statement line starts and ends, found without parsing.

The scanner knows strings, comments, brackets and continuations, and nothing else of Python.
It reads any text; where a bracket or a quote stays open it finds the line at which code goes on,
so that damage stays local.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LINE_START = (
    r"(?:[ \t\f]*\n)*([ \t\f]*)"
    r"((?:async[ \t]+)?(?:def|for|with)\b|(?:if|elif|else|while|try|except|finally|class|match|case|return|import"
    r"|raise|assert|del|pass|break|continue|global|nonlocal)\b|from[ \t]+[\w.]+[ \t]+import\b|@)?"
)

_START = re.compile(_LINE_START)

# One match per interesting token: the skipped text and the token together, so that nothing is searched char by char.
_TOKEN = re.compile(
    r"[^\n()\[\]{}#'\"\\]*(?:"
    r"(\n)" + _LINE_START + r"|([(\[{])"
    r"|([)\]}])"
    r"|(\"(?!\"\")[^\"\\\n]*(?:\\.[^\"\\\n]*)*\"|'(?!'')[^'\\\n]*(?:\\.[^'\\\n]*)*')"
    r"|(#[^\n]*)"
    r"|(\"\"\"[^\"\\]*(?:(?:\\.|\"(?!\"\"))[^\"\\]*)*\"\"\"|'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*''')"
    r"|(\\\n?)"
    r"|(\"\"\"|'''|\"|')"
    # Without the end as a token, a long last line would be searched again from each of its characters.
    r"|(\Z)"
    r")",
    re.DOTALL,
)
_NEWLINE, _INDENT, _WORD, _OPEN, _CLOSE, _STRING, _COMMENT, _TRIPLE, _ESCAPE, _QUOTE = range(1, 11)

_PARTNER = {")": "(", "]": "[", "}": "{"}

# No expression can have a line that starts with one of these, so an open bracket before it was never closed.
_NEVER_IN_BRACKETS = frozenset((
    "def", "class", "while", "try", "except", "finally", "elif", "return", "import", "raise", "assert", "del", "pass",
    "break", "continue", "global", "nonlocal", "with",
))  # fmt: skip
_HEADERS = frozenset((
    "def", "class", "if", "elif", "else", "for", "while", "try", "except", "finally", "with", "match", "case",
))  # fmt: skip

_KEYWORD_LINE = re.compile(
    r"(?:@\w|(?:async\s+)?def\s+\w|class\s+\w+\s*[:(]|import\s+\w|from\s+[\w.]+\s+import\b|return\b|raise\b|assert\b"
    r"|del\s|(?:pass|break|continue)\s*$|global\s|try\s*:|else\s*:|finally\s*:"
    r"|(?:(?:async\s+)?(?:for|with)|if|elif|while|except)\b.*:\s*(?:#.*)?$)"
)
_ASSIGNMENT_LINE = re.compile(r"[A-Za-z_][\w.]*(?:\[[^\]]*\])?(?:\s*,\s*[\w.]+)*\s*(?:[-+*/%&|^@]|//|\*\*)?=(?!=)")
_CALL_LINE = re.compile(r"[A-Za-z_][\w.]*\(")
_PROSE = re.compile(r"[ \t]*(?!(?:if|for|else|in|and|or|not|is)\b)\w")
_UNFINISHED = re.compile(r"(?:[,(\[{.=+*/%&|^@<>~:-]|\b(?:and|or|not|in|is|if|else|lambda))\s*(?:#.*)?$")

# After so many repairs the rest is read line by line: each repair may read to the end again.
MAX_RESYNCS = 40


class Line(NamedTuple):
    """A logical line: text[start:end] without its newline; `body` is the offset of its first character.

    A form feed in its indent is not part of it.

    `indent` is the width in columns, tabs counted as Python does.
    `word` is its first word when that word can open a block, continue one, or is `@`; else "".
    `depth` is the deepest bracket nesting.
    `broken` tells that a bracket or a quote is not closed or has no partner.
    """

    start: int
    body: int
    end: int
    indent: int
    word: str
    depth: int
    broken: bool

    def moved(self, shift: int) -> Line:
        """The same line, so much further in the text."""
        return Line(self.start + shift, self.body + shift, self.end + shift, *self[3:])


class Scan(NamedTuple):
    """The logical lines and the comments (offset, text) of a text, in order."""

    lines: list[Line]
    comments: list[tuple[int, str]]


def scan(text: str, boundaries: Sequence[int] = ()) -> Scan:
    """The logical lines and comments of a text; never fails.

    What is open at one of the `boundaries`, the offsets at which cells start, does not reach beyond it.
    """
    if len(boundaries) < 2:
        scanner = _Scanner(text)
        scanner.run()
        return Scan(scanner.lines, scanner.comments)
    lines: list[Line] = []
    comments: list[tuple[int, str]] = []
    starts = [0, *boundaries[1:], len(text)]
    for start, end in pairwise(starts):
        scanner = _Scanner(text[start:end])
        scanner.run()
        lines.extend(line.moved(start) for line in scanner.lines)
        comments.extend((offset + start, comment) for offset, comment in scanner.comments)
    return Scan(lines, comments)


def rescan(text: str, old_text: str, old: Scan, before: int, after: int) -> Scan:
    """What `scan(text)` gives, found from the scan of an earlier text.

    The texts share their first `before` and their last `after` characters.
    Scanning starts behind the last line that lies in front of the change, and ends where an old line begins again.
    """
    lines = old.lines
    shift = len(text) - len(old_text)
    kept = bisect_left(lines, before, key=_end)
    # A repaired line was ended by looking at the text after it.
    if not lines or any(line.broken for line in lines):
        return scan(text)
    restart = lines[kept - 1].end + 1 if kept else 0
    again = bisect_left(lines, len(old_text) - after, kept, key=_start)
    scanner = _Scanner(text, frozenset(line.start + shift for line in lines[again:]))
    scanner.run(restart)
    if any(line.broken for line in scanner.lines):
        return scan(text)
    comments = [comment for comment in old.comments if comment[0] < restart] + scanner.comments
    result = lines[:kept] + scanner.lines
    if scanner.stopped is not None:
        again = bisect_left(lines, scanner.stopped - shift, again, key=_start)
        rest = [comment for comment in old.comments if comment[0] >= scanner.stopped - shift]
        if shift:
            result.extend(line.moved(shift) for line in lines[again:])
            comments.extend((offset + shift, comment) for offset, comment in rest)
        else:
            result.extend(lines[again:])
            comments.extend(rest)
    return Scan(result, comments)


def _start(line: Line) -> int:
    return line.start


def _end(line: Line) -> int:
    return line.end


def indent_width(blank: str) -> int:
    """The width of an indent in columns: tabs reach the next multiple of eight, a form feed starts again."""
    blank = blank[blank.rfind("\f") + 1 :]
    return len(blank.expandtabs(8)) if "\t" in blank else len(blank)


class _Scanner:
    def __init__(self, text: str, stops: frozenset[int] = frozenset()) -> None:
        self.text = text
        # Starts of logical lines at which the rest is known, and the one that was reached.
        self.stops = stops
        self.stopped: int | None = None
        self.lines: list[Line] = []
        self.comments: list[tuple[int, str]] = []
        self.resyncs = 0
        # Triple-quoted strings before this offset have been accepted for good.
        self.settled = 0

    def run(self, start: int = 0) -> None:
        position: int | None = start
        while position is not None:
            position = self._run_from(position)

    def _run_from(self, position: int) -> int | None:
        """Scan from the start of a logical line; the offset to go on from, or None at the end."""
        text, size = self.text, len(self.text)
        lines, comments, stops = self.lines, self.comments, self.stops
        flat = self.resyncs >= MAX_RESYNCS
        start_match = _START.match(text, position)
        assert start_match is not None
        start, body, word = start_match.start(1), start_match.end(1), start_match.group(2) or ""
        position = start_match.end()
        stack: list[str] = []
        inner: list[tuple[int, int]] = []  # newlines inside brackets: end of the line before, start of the next
        triples: list[tuple[int, int]] = []
        depth = 0
        broken = only_comment = False
        while True:
            for token in _TOKEN.finditer(text, position):
                kind = token.lastindex
                if kind == _OPEN:
                    stack.append(token.group(_OPEN))
                    if len(stack) > depth:
                        depth = len(stack)
                elif kind == _CLOSE:
                    opener = _PARTNER[token.group(_CLOSE)]
                    if stack and stack[-1] == opener:
                        stack.pop()
                    else:
                        broken = True
                        if opener in stack:
                            while stack.pop() != opener:
                                pass
                elif kind in (_INDENT, _WORD):
                    if stack and not flat:
                        inner.append((token.start(_NEWLINE), token.start(_INDENT)))
                        if kind == _WORD and _first_word(token.group(_WORD)) in _NEVER_IN_BRACKETS:
                            return self._unclosed(start, body, word, depth, inner)
                        continue
                    if stack:
                        broken = True
                        stack.clear()
                    if only_comment:
                        only_comment = False
                    else:
                        end = token.start(_NEWLINE)
                        if end > body:
                            indent = body - start
                            if indent:
                                blank = text[start:body]
                                if "\f" in blank:
                                    start += blank.rfind("\f") + 1
                                    blank = text[start:body]
                                    indent = len(blank)
                                if "\t" in blank:
                                    indent = indent_width(blank)
                            lines.append(Line(start, body, end, indent, word, depth, broken))
                    start, body, word = token.start(_INDENT), token.end(_INDENT), token.group(_WORD) or ""
                    if start in stops:
                        self.stopped = start
                        return None
                    depth = 0
                    broken = False
                    if inner:
                        inner = []
                elif kind == _STRING:
                    opening = token.start(_STRING)
                    if text[opening - 1] in "fFtTrR" and opening:
                        end = self._formatted_end(opening, token.end(), text[opening])
                        if end != token.end():
                            position = end
                            break
                elif kind == _COMMENT:
                    offset = token.start(_COMMENT)
                    comments.append((offset, token.group(_COMMENT)))
                    if offset == body:
                        only_comment = not stack
                elif kind == _TRIPLE:
                    opening = token.start(_TRIPLE)
                    triples.append((opening, token.end()))
                    if text[opening - 1] in "fFtTrR" and opening:
                        end = self._formatted_end(opening, token.end(), text[opening : opening + 3])
                        if end != token.end():
                            position = end
                            break
                elif kind == _QUOTE:
                    broken = True
                    quote = token.group(_QUOTE)
                    opening = token.start(_QUOTE)
                    if len(quote) == 3 and not flat:
                        triples.append((opening, size))
                        found = self._swallowed(triples)
                        if found is not None:
                            return self._drop_from(*found)
                    # An open quote ends with its line, an open triple quote with the text.
                    newline = text.find("\n", opening) if len(quote) == 1 or flat else -1
                    position = newline if newline >= 0 else size
                    break
            else:
                break
        if stack and not flat:
            return self._unclosed(start, body, word, depth, inner)
        end = size
        if end > body and not only_comment:
            start += text[start:body].rfind("\f") + 1
            lines.append(Line(start, body, end, indent_width(text[start:body]), word, depth, broken or bool(stack)))
        return None

    def _formatted_end(self, opening: int, end: int, quote: str) -> int:
        """The end of the string at `opening`, read as an f-string with quotes of its own kind inside if it is one."""
        text = self.text
        prefix = text[max(opening - 2, 0) : opening].lower()
        if not prefix.endswith(("f", "t", "fr", "tr")):
            return end
        if text.count("{", opening, end) == text.count("}", opening, end):
            return end
        nested = _nested_end(text, opening + len(quote), quote)
        return end if nested is None else nested

    def _unclosed(self, start: int, body: int, word: str, depth: int, inner: list[tuple[int, int]]) -> int | None:
        """Ends the logical line with an open bracket before the first line that looks like a statement."""
        text = self.text
        self.resyncs += 1
        start += text[start:body].rfind("\f") + 1
        indent = indent_width(text[start:body])
        stop = resume = len(text)
        for end, following in inner:
            if looks_like_statement(text, following, end, indent, _first_word(word) in _HEADERS):
                stop, resume = end, following
                break
        if resume >= len(text):
            stop = len(text.rstrip())
        self.lines.append(Line(start, body, stop, indent, word, depth, True))
        if resume >= len(text):
            return None
        while self.comments and self.comments[-1][0] >= resume:
            self.comments.pop()
        return resume

    def _swallowed(self, triples: list[tuple[int, int]]) -> tuple[int, int] | None:
        """The triple-quoted string that most likely lacks its end, and the start of the code that it swallowed.

        `triples` are those since the last accepted one; the last of them runs to the end of the text.
        A string that was closed by the opening quote of the next one has prose right behind it.
        """
        text = self.text
        last = triples[-1]
        closed = [triple for triple in triples[:-1] if triple[0] >= self.settled]
        inverted = [(opening, end) for opening, end in closed if _PROSE.match(text, end)]
        for opening, end in [*inverted, last, *closed]:
            resume = self._code_inside(opening, end)
            if resume is not None:
                self.settled = opening + 1
                return opening, resume
        return None

    def _code_inside(self, opening: int, end: int) -> int | None:
        """The start of the first line of a string that looks like code no deeper than the line of its quote."""
        text = self.text
        line_start = text.rfind("\n", 0, opening) + 1
        body = line_start
        while text[body] in " \t\f":
            body += 1
        indent = indent_width(text[line_start:body])
        for position, line in _physical_lines(text, opening, end):
            stripped = line.lstrip(" \t\f")
            if indent_width(line[: len(line) - len(stripped)]) <= indent and (
                _KEYWORD_LINE.match(stripped) or _ASSIGNMENT_LINE.match(stripped) or _CALL_LINE.match(stripped)
            ):
                return position
        return None

    def _drop_from(self, opening: int, resume: int) -> int | None:
        """Forgets what was read after a broken triple quote, whose logical line ends before `resume`."""
        self.resyncs += 1
        text = self.text
        while self.lines and self.lines[-1].end > opening:
            self.lines.pop()
        start = self.lines[-1].end if self.lines else 0
        while self.comments and self.comments[-1][0] >= opening:
            self.comments.pop()
        # The logical line that holds the quote: scanned again alone, it gives its own lines and comments.
        while self.comments and self.comments[-1][0] >= start:
            self.comments.pop()
        stop = resume - 1
        part = _Scanner(text[start:stop])
        part.resyncs = MAX_RESYNCS
        part.run()
        self.lines.extend(line.moved(start) for line in part.lines)
        self.comments.extend((offset + start, comment) for offset, comment in part.comments)
        return resume


def _first_word(word: str) -> str:
    if word.startswith("async"):
        return word[5:].strip()
    return "import" if word.startswith("from") else word


def looks_like_statement(text: str, start: int, previous_end: int, indent: int, header: bool) -> bool:
    """Whether the line at `start` begins a statement, though the bracket of a statement before it is still open.

    `indent` is that of the statement with the open bracket; `header` tells that deeper lines may be its block.
    """
    end = text.find("\n", start)
    line = text[start : end if end >= 0 else len(text)]
    stripped = line.lstrip(" \t\f")
    if not stripped or stripped[0] in ")]}#":
        return False
    width = indent_width(line[: len(line) - len(stripped)])
    if _KEYWORD_LINE.match(stripped):
        word = re.match(r"(?:async\s+)?(\w*)", stripped)
        keyword = word.group(1) if word is not None else ""
        if keyword in _NEVER_IN_BRACKETS or width <= indent or keyword == "from":
            return True
    if width < indent:
        return True
    if width > indent and not header:
        return False
    if stripped.rstrip().endswith(","):
        return False
    if header and width > indent:
        previous = text[text.rfind("\n", 0, previous_end) + 1 : previous_end]
        if _UNFINISHED.search(previous):
            return False
    return bool(_ASSIGNMENT_LINE.match(stripped) or _CALL_LINE.match(stripped))


def _physical_lines(text: str, start: int, end: int) -> Iterator[tuple[int, str]]:
    """The lines that begin after `start` and before `end`, with their offsets."""
    newline = text.find("\n", start, end)
    while newline >= 0:
        following = text.find("\n", newline + 1)
        yield newline + 1, text[newline + 1 : following if following >= 0 else len(text)]
        newline = text.find("\n", newline + 1, end)


_NESTED = re.compile(r"\\.|\{\{|\}\}|[{}]|\"\"\"|'''|\"|'|\n", re.DOTALL)
_EXPRESSION = re.compile(
    r"\"\"\".*?\"\"\"|'''.*?'''|\"[^\"\\\n]*(?:\\.[^\"\\\n]*)*\"|'[^'\\\n]*(?:\\.[^'\\\n]*)*'|[()\[\]{}]", re.DOTALL
)


def _nested_end(text: str, position: int, quote: str) -> int | None:
    """The end of an f-string (PEP 701) whose opening quote ends at `position`; None if it has no end."""
    while True:
        token = _NESTED.search(text, position)
        if token is None:
            return None
        position = token.end()
        found = token.group()
        if found == quote or (len(found) == 3 and found[0] == quote):
            return token.start() + len(quote)
        if found == "\n" and len(quote) == 1:
            return None
        if found == "{":
            level = 1
            while level:
                inside = _EXPRESSION.search(text, position)
                if inside is None:
                    return None
                position = inside.end()
                if inside.group() in "([{":
                    level += 1
                elif inside.group() in ")]}":
                    level -= 1
