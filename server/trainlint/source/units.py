"""The split of a text into units: the pieces that are parsed, cached and run again one by one.

A unit is one statement.
A class, function, `with`, `if`, `for`, `while` or `try` that has more lines than is asked for, or that does not parse
as a whole, becomes a header unit per clause and the units of its body.
What is split depends on the text alone, never on what was read before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trainlint.source import code
    from trainlint.source.scanner import Line

    Reuse = Callable[[str, bool, int, str], "Unit | None"]

# Measured: 15, 40 and 80 cost the same in batch.
MAX_LINES = 40

# For a text that is being edited: reading takes twice as long, which is 3 % of an analysis, but what an edit runs again
# is one line and not the function or loop around it.
FINE = 1

# Python refuses more than 100 levels of indent.
MAX_BLOCKS = 90

_OPENERS = {"elif": ("if",), "else": ("if", "for", "while", "try"), "except": ("try",), "finally": ("try",)}
SPLITTABLE = frozenset(("class", "def", "with", "if", "for", "while", "try"))

# By statement and clause: the clauses that may follow it.
_ORDER: dict[str, dict[str, tuple[str, ...]]] = {
    "if": {"": ("elif", "else"), "elif": ("elif", "else")},
    "for": {"": ("else",)},
    "while": {"": ("else",)},
    "try": {"": ("except", "finally"), "except": ("except", "else", "finally"), "else": ("finally",)},
}


class Unit:
    """A piece of text that is parsed on its own, and what came of it.

    `kind` is "statement" for a whole statement, the keyword for the header of a split one, and "block" for a header
    that is not understood.
    `block` tells that the statements below a header are units of their own.
    A unit does not know where it stands: the document does, so that it survives a move.
    """

    __slots__ = (
        "_assembled", "block", "by_python", "dotted", "failure", "kind", "legacy", "loaded", "notice", "repaired",
        "skipped", "statements", "text", "yields",
    )  # fmt: skip

    def __init__(self, text: str, kind: str = "statement", block: bool = False) -> None:
        self.text = text
        self.kind = kind
        self.block = block
        self.loaded = False
        # Python's own parser read the text, not libcst: the two number their places in different orders.
        self.by_python = False
        # The text that was parsed in place of `text`: the same lines, columns shifted at most behind the damage.
        self.repaired: str | None = None
        # Nothing was read: the text must not reach the parser again.
        self.skipped = False
        self.statements: tuple[code.Node, ...] = ()
        self.dotted: frozenset[str] = frozenset()
        self.yields = False
        # A compound statement that does not parse as a whole: (line within the unit, message).
        self.failure: tuple[int, str] | None = None
        # What could not be read: (kind, line within the unit, message).
        self.notice: tuple[str, int, str] | None = None
        # The Python 2 construct that was found.
        self.legacy: str | None = None
        self._assembled: tuple[Any, code.Part] | None = None

    @property
    def is_broken(self) -> bool:
        """Whether a part of the text could not be read; what is Python 2 alone was."""
        return self.skipped or (self.repaired is not None and self.legacy is None)

    @property
    def indent(self) -> str:
        """The blank text in front of the first line."""
        return self.text[: len(self.text) - len(self.text.lstrip(" \t\f"))]

    def assembled(self, key: Any, make: Callable[[], code.Part]) -> code.Part:
        """The part made for these children: the one of the last call where the children are the same."""
        if self._assembled is None or self._assembled[0] != key:
            self._assembled = key, make()
        return self._assembled[1]

    def let_go(self) -> None:
        """Gives up the code, whose places refer back to it; nobody may ask for it afterwards."""
        self.statements = ()
        self._assembled = None

    def __repr__(self) -> str:
        line = self.text.strip().split("\n", 1)[0]
        return f"Unit({line if len(line) <= 40 else line[:37] + '...'!r})"


class Clause:
    """The header of a split statement, or of one of its `else`-like continuations, with the items of its body."""

    __slots__ = ("items", "unit")

    def __init__(self, unit: Unit, items: list[Item]) -> None:
        self.unit = unit
        self.items = items


class Compound:
    """A statement that was split: its clauses in order."""

    __slots__ = ("clauses",)

    def __init__(self, clauses: list[Clause]) -> None:
        self.clauses = clauses


Item: TypeAlias = "Unit | Compound"


class Group:
    """The logical lines [first, stop) of one statement; `heads` are the header lines of its clauses."""

    __slots__ = ("first", "heads", "stop", "word")

    def __init__(self, first: int, stop: int, word: str, heads: list[int]) -> None:
        self.first = first
        self.stop = stop
        self.word = word
        self.heads = heads


def keyword(line: Line) -> str:
    """The first word of a logical line, without `async`; "" if it does not matter to the block structure."""
    word = line.word
    return word[5:].strip() if word.startswith("async") else word


def groups(lines: list[Line], first: int, stop: int) -> Iterator[Group]:
    """The statements among lines[first:stop], told by indent and by the words that continue a statement."""
    while first < stop:
        base = lines[first].indent
        head = first
        while lines[head].word == "@" and head + 1 < stop and lines[head + 1].indent == base:
            head += 1
        word = keyword(lines[head])
        if head > first and word not in ("def", "class"):
            # Decorators while they are typed: what follows does not belong to them.
            yield Group(first, first + 1, "", [first])
            first += 1
            continue
        heads = [head]
        end = head + 1
        while end < stop:
            line = lines[end]
            if line.indent <= base:
                if line.indent < base or line.word not in _OPENERS or word not in _OPENERS[line.word]:
                    break
                heads.append(end)
            end += 1
        yield Group(first, end, word, heads)
        first = end


class Splitter:
    """Splits the logical lines of a text into units.

    `reuse(kind, block, start, text)` may return a unit of an earlier document.
    `failed` holds texts known not to parse as a whole, with the line of the error within them.
    A compound statement of at least `most` lines, not counting its head, is split.
    """

    def __init__(
        self, text: str, lines: list[Line], reuse: Reuse, failed: dict[str, int], most: int = MAX_LINES
    ) -> None:
        self.most = most
        self.text = text
        self.lines = lines
        self.reuse = reuse
        self.failed = failed
        self.starts: dict[Unit, int] = {}
        # Where the compound statements stand that are one unit, for the case that they do not parse.
        self.divisible: dict[Unit, tuple[Group, int]] = {}
        self.pending: list[Unit] = []
        # The compound statements that do not parse as a whole: (start, end, line of the error within).
        self.failures: list[tuple[int, int, int]] = []
        # What stands where it must not, although it parses alone: (start, end, 0).
        self.misfits: list[tuple[int, int, int]] = []

    def items(self, first: int, stop: int, depth: int = 0, indent: int | None = None) -> list[Item]:
        """The items of lines[first:stop], which have to begin at an indent where one is given."""
        result: list[Item] = []
        for group in groups(self.lines, first, stop):
            if indent is not None and self.lines[group.first].indent != indent:
                self._misfit(group.first)
            if group.stop == group.first + 1:
                line = self.lines[group.first]
                result.append(self._unit("statement", False, line.start, line.end))
            else:
                result.extend(self._several(group, depth))
        return result

    def _several(self, group: Group, depth: int) -> list[Item]:
        start, end = self.lines[group.first].start, self.lines[group.stop - 1].end
        if depth >= MAX_BLOCKS:
            unit = Unit(self.text[start:end])
            unit.notice = "syntax-skipped", 0, f"blocks nest deeper than {MAX_BLOCKS}"
            self.starts[unit] = start
            self.pending.append(unit)
            return [unit]
        if group.word in SPLITTABLE and self.text.count("\n", start, end) >= self.most:
            return self.divide(group, depth)
        if self.failed:
            line = self.failed.get(self.text[start:end])
            if line is not None:
                self.failures.append((start, end, line))
                return self.divide(group, depth)
        unit = self._unit("statement", False, start, end, divisible=True)
        self.divisible[unit] = group, depth
        return [unit]

    def fail(self, unit: Unit) -> list[Item]:
        """The items in place of a compound statement that did not parse as a whole."""
        start = self.starts.pop(unit)
        line = unit.failure[0] if unit.failure is not None else 0
        self.failures.append((start, start + len(unit.text), line))
        return self.divide(*self.divisible[unit])

    def divide(self, group: Group, depth: int) -> list[Item]:
        """The items of a compound statement in pieces."""
        lines = self.lines
        head = group.heads[0]
        opens = lines[head].word and self.text[: lines[head].end].rstrip().endswith(":")
        if group.word not in SPLITTABLE and not (group.word and opens):
            # Deeper lines below a line that opens no block.
            items = [self._unit("statement", False, line.start, line.end) for line in lines[group.first : head + 1]]
            return [*items, *self.items(head + 1, group.stop, depth + 1)]
        clauses = []
        self._look_at(group)
        for index, head in enumerate(group.heads):
            stop = group.heads[index + 1] if index + 1 < len(group.heads) else group.stop
            kind = keyword(lines[head])
            if kind not in SPLITTABLE and (index == 0 or kind not in _OPENERS):
                kind = "block"
            start = lines[group.first if index == 0 else head].start
            unit = self._unit(kind, stop > head + 1, start, lines[head].end)
            indent = lines[head + 1].indent if stop > head + 1 else None
            clauses.append(Clause(unit, self.items(head + 1, stop, depth + 1, indent)))
        return [Compound(clauses)]

    def _look_at(self, group: Group) -> None:
        """Notes the clauses that do not go together; whole statements are looked at by the parser."""
        order = _ORDER.get(group.word)
        if order is None:
            return
        words = [keyword(self.lines[head]) for head in group.heads[1:]]
        if group.word == "try" and not {"except", "finally"} & set(words):
            self._misfit(group.first)
        before = ""
        for word, head in zip(words, group.heads[1:]):
            if word not in order.get(before, ()):
                self._misfit(head)
            before = word

    def _misfit(self, line: int) -> None:
        self.misfits.append((self.lines[line].start, self.lines[line].end, 0))

    def _unit(self, kind: str, block: bool, start: int, end: int, divisible: bool = False) -> Unit:
        text = self.text[start:end]
        unit = self.reuse(kind, block, start, text)
        # What was repaired as one logical line is divided where it is several.
        if unit is None or (divisible and (unit.repaired is not None or unit.skipped)):
            unit = Unit(text, kind, block)
            self.pending.append(unit)
        self.starts[unit] = start
        return unit
