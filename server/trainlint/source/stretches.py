"""Where the trees of Python's own parser stand in their text.

Python tells the place of most expressions and statements, as lines and columns in UTF-8.
What it does not tell is found in the text: between two trees stand only keywords, names, punctuation and comments.
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import Any

Span = tuple[int, int]

_GAP = re.compile(r"(?:[ \t\f\n\\]|#[^\n]*)*")
_WORD = re.compile(r"\w+")
_DEFINITION = re.compile(r"(?:async(?:[ \t\f]|\\\n)+)?(?:def|class)(?:[ \t\f]|\\\n)+(\w+)")
_CASE = re.compile(r"^[ \t\f]*(case)\b", re.MULTILINE)


def line_starts(text: str) -> list[int]:
    """The offset of each line."""
    return list(accumulate([len(line) + 1 for line in text.split("\n")[:-1]], initial=0))


class Stretches:
    """The stretches of the trees of one text, as offsets."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = line_starts(text)
        self.ascii = text.isascii()

    def offset(self, line: int, column: int) -> int:
        """The offset of a line from 1 and a column in UTF-8."""
        start = self.starts[line - 1]
        if self.ascii:
            return start + column
        end = self.starts[line] if line < len(self.starts) else len(self.text)
        return start + len(self.text[start:end].encode()[:column].decode(errors="replace"))

    def start(self, tree: Any) -> int:
        """The offset at which Python says that a tree starts."""
        return self.offset(tree.lineno, tree.col_offset)

    def end(self, tree: Any) -> int:
        """The offset at which Python says that a tree ends."""
        return self.offset(tree.end_lineno, tree.end_col_offset)

    def span(self, tree: Any) -> Span:
        """Start and end of a tree, or of a stretch that `fast.py` names."""
        if type(tree) is tuple:
            return getattr(self, f"_{tree[0]}")(*tree[1:])
        return self.start(tree), self.end(tree)

    def statement(self, tree: Any, compound: Any) -> Span:
        """The span of a simple statement, or of the header of a compound one with its decorators."""
        if not compound:
            return self.start(tree), self.end(tree)
        decorators = getattr(tree, "decorator_list", None)
        start, end = self._header(tree)
        return self.text.rfind("@", 0, self.start(decorators[0])) if decorators else start, end

    def _skip(self, at: int) -> int:
        """The offset of the next token."""
        gap = _GAP.match(self.text, at)
        assert gap is not None
        return gap.end()

    def _find(self, character: str, at: int) -> int:
        """The offset of a character outside of comments, in text without strings."""
        text = self.text
        while True:
            at = self._skip(at)
            if text[at] == character:
                return at
            at += 1

    def _within(self, left: int, tree: Any) -> Span:
        """The span of a tree with the parentheses around it that stand right of `left`."""
        text = self.text
        start, end = self.start(tree), self.end(tree)
        opened: list[int] = []
        at = self._skip(left)
        while at < start:
            if text[at] == "(":
                opened.append(at)
            else:
                opened.clear()
            at = self._skip(at + 1)
        for _ in opened:
            end = self._find(")", end) + 1
        return opened[0] if opened else start, end

    def _name(self, tree: Any) -> Span:
        """The name of a function or a class."""
        found = _DEFINITION.match(self.text, self.start(tree))
        return found.span(1) if found is not None else self.span(tree)

    def _parameter(self, tree: Any, stars: int) -> Span:
        """A parameter's name with its stars."""
        start = self.start(tree)
        found = _WORD.match(self.text, start)
        end = found.end() if found is not None else self.end(tree)
        for _ in range(stars):
            start = self.text.rfind("*", 0, start)
        return start, end

    def _opening(self, owner: Any) -> int:
        """The offset behind the bracket that opens the arguments of a call, or the bases of a class."""
        function = getattr(owner, "func", None)
        if function is not None:
            return self._find("(", self.end(function)) + 1
        return self._find("(", self._behind_name(owner)) + 1

    def _behind_name(self, tree: Any) -> int:
        """The offset behind the name of a definition and its type parameters."""
        kinds = getattr(tree, "type_params", None)
        return self._find("]", self.end(kinds[-1])) + 1 if kinds else self._name(tree)[1]

    def _argument(self, tree: Any, previous: Any, owner: Any) -> Span:
        """A positional argument with the parentheses around it."""
        if previous is not None:
            return self._within(self.end(previous), tree)
        opening = self._opening(owner)
        if self.start(tree) < opening:
            return self._generator(tree, owner)
        return self._within(opening, tree)

    def _generator(self, tree: Any, owner: Any) -> Span:
        """A generator that is the only argument; the parentheses may be those of the call."""
        opening = self._opening(owner)
        if self.start(tree) != opening - 1:
            return self.span(tree)
        return self._within(opening, tree.elt)[0], self._last_clause(tree)

    def _last_clause(self, tree: Any) -> int:
        """The end of the last clause of a comprehension."""
        clause = tree.generators[-1]
        if len(clause.ifs) > 1:
            return self._within(self.end(clause.ifs[-2]), clause.ifs[-1])[1]
        if clause.ifs:
            return self._within(self.end(clause.iter), clause.ifs[-1])[1]
        return self._within(self.end(clause.target), clause.iter)[1]

    def _clause(self, tree: Any, index: int) -> Span:
        """A clause of a comprehension, with those behind it."""
        if index:
            before = tree.generators[index - 1]
            last = before.ifs[-1] if before.ifs else before.iter
        else:
            last = tree.elt if hasattr(tree, "elt") else tree.value
        at = self._skip(self.end(last))
        while self.text[at] == ")":
            at = self._skip(at + 1)
        return at, self._last_clause(tree)

    def _indices(self, tree: Any) -> Span:
        """Several indices, without the comma behind the last one."""
        start, end = self.start(tree), self.end(tree)
        if not tree.elts or self.text[end - 1] != ",":
            return start, end
        left = self.end(tree.elts[-2]) if len(tree.elts) > 1 else start
        return start, self._within(left, tree.elts[-1])[1]

    def _item(self, tree: Any, index: int) -> Span:
        """An item of a `with`, without the parentheses around all items."""
        found = _WORD.match(self.text, self.start(tree))
        assert found is not None
        left = found.end()
        if found.group() == "async":
            left = self._skip(left) + len("with")
        if index:
            before = tree.items[index - 1]
            left = self.end(before.optional_vars or before.context_expr)
        elif self._enclosed(tree, left):
            left = self._find("(", left) + 1
        item = tree.items[index]
        start, end = self._within(left, item.context_expr)
        if item.optional_vars is not None:
            end = self._within(self.end(item.context_expr), item.optional_vars)[1]
        return start, end

    def _enclosed(self, tree: Any, left: int) -> bool:
        """Whether parentheses stand around all items of a `with`."""
        first, last = tree.items[0], tree.items[-1]
        at = self._skip(left)
        if self.text[at] != "(" or at == self.start(first.context_expr):
            return False
        if len(tree.items) == 1 and last.optional_vars is None:
            # These need parentheses of their own.
            own = first.context_expr.__class__.__name__ in ("Yield", "YieldFrom", "NamedExpr")
            return not own or self._within(at + 1, first.context_expr)[0] != self.start(first.context_expr)
        if len(tree.items) > 1:
            before = tree.items[-2]
            left = self.end(before.optional_vars or before.context_expr)
        end = self._within(left, last.context_expr)[1]
        if last.optional_vars is not None:
            end = self._within(self.end(last.context_expr), last.optional_vars)[1]
        end = self._skip(end)
        if self.text[end] == ",":
            end = self._skip(end + 1)
        return self.text[end] == ")"

    def _header(self, tree: Any) -> Span:
        """The header of a compound statement, or of one of its clauses, with the colon."""
        if not hasattr(tree, "lineno"):
            inner = tree.pattern
            start = 0
            for found in _CASE.finditer(self.text, 0, self.start(inner)):
                start = found.start(1)
        else:
            start = self.start(tree)
        return start, self._find(":", self._before_colon(tree, start)) + 1

    def _before_colon(self, tree: Any, start: int) -> int:
        """An offset in a header behind which the next colon is its own."""
        kind = tree.__class__.__name__
        if kind in ("If", "While"):
            return self.end(tree.test)
        if kind in ("For", "AsyncFor"):
            return self.end(tree.iter)
        if kind in ("With", "AsyncWith"):
            return self.end(tree.items[-1].optional_vars or tree.items[-1].context_expr)
        if kind in ("FunctionDef", "AsyncFunctionDef"):
            if tree.returns is not None:
                return self.end(tree.returns)
            given = tree.args
            inner = [*given.posonlyargs, *given.args, given.vararg, *given.kwonlyargs, given.kwarg]
            inner += [*given.defaults, *given.kw_defaults]
            return max([self._behind_name(tree), *[self.end(item) for item in inner if item is not None]])
        if kind == "ClassDef":
            inner = [*tree.bases, *tree.keywords]
            return max([self._behind_name(tree), *[self.end(item) for item in inner]])
        if kind == "ExceptHandler":
            return start if tree.type is None else self.end(tree.type)
        if kind == "Match":
            return self.end(tree.subject)
        if kind == "match_case":
            return self.end(tree.guard or tree.pattern)
        return start
