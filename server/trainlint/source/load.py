"""Parsing and lowering of units: what a unit's text means, and how it is repaired where it does not parse.

Python's own parser comes first, since it is fast.
What it does not read goes to libcst: syntax that is newer than the running Python, and broken code.
"""

from __future__ import annotations

import _ast
from bisect import bisect_right
from typing import TYPE_CHECKING, Any

from trainlint.source import code, fast
from trainlint.source.parser import SyntaxFailure, guard, parse
from trainlint.source.units import Compound
from trainlint.source.walk import Walk

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from trainlint.source.units import Clause, Item, Unit

# A run that does not parse is parsed again piece by piece.
MAX_RUN = 3000

# The tree of a text takes some 30 times its size in memory; longer ones are read in runs.
MAX_WHOLE = 400_000

_BEFORE = {"elif": "if 1: pass\n", "else": "if 1: pass\n", "except": "try: pass\n", "finally": "try: pass\n"}
_AFTER = {"try": "finally: pass\n"}


class Wrapped:
    """The text that the parser gets for a unit, and where the unit's own text begins in it."""

    __slots__ = ("lines", "offset", "text")

    def __init__(self, unit: Unit, text: str) -> None:
        indent = unit.indent
        before = "if 1:\n" if indent else ""
        if unit.kind in _BEFORE:
            before += indent + _BEFORE[unit.kind]
        after = f"\n{indent} pass\n" if unit.block else "\n"
        if unit.kind in _AFTER:
            after += indent + _AFTER[unit.kind]
        self.text = before + text + after
        self.offset = len(before)
        self.lines = before.count("\n")


def trees(unit: Unit, module: Any) -> list[Any]:
    """The statements of a unit that libcst parsed; for a header the tree of its clause."""
    body = list(module.body[0].body.body if unit.indent else module.body)
    if unit.kind == "statement":
        return body
    if len(body) != 1:
        raise SyntaxFailure(1, "more than a header")
    tree = body[0]
    if unit.kind == "elif":
        return [tree.orelse]
    if unit.kind == "else":
        return list(tree.orelse.body.body)
    if unit.kind == "except":
        return [tree.handlers[0]]
    if unit.kind == "finally":
        return list(tree.finalbody.body.body)
    return body


def walk(unit: Unit, state: Walk, found: list[Any]) -> tuple[code.Node, ...]:
    """The code of a unit's trees that libcst made."""
    from trainlint.source import lower

    if unit.kind == "except":
        return (lower.handler(state, found[0]),)
    if unit.kind in ("else", "finally") and not hasattr(found[0], "body"):
        return lower.small_statements(state, found)
    return lower.lower(state, found)


def python_trees(unit: Unit, module: Any) -> list[Any]:
    """The statements of a unit that Python parsed; for a header the tree of its clause.

    Raises LookupError or AttributeError where the text is something else.
    """
    body: list[Any] = module.body
    if unit.indent:
        (wrapper,) = body
        body = wrapper.body
    if unit.kind == "statement":
        return body
    (tree,) = body
    if unit.kind in ("elif", "else"):
        return list(tree.orelse)
    if unit.kind == "except":
        return [tree.handlers[0]]
    if unit.kind == "finally":
        return list(tree.finalbody)
    return body


def python_walk(unit: Unit, state: Walk, found: list[Any]) -> tuple[code.Node, ...]:
    """The code of a unit's trees that Python made."""
    if unit.kind == "except":
        return (fast.handler(state, found[0]),)
    return fast.lower(state, found)


def load(units: Iterable[Unit], divisible: Container[Unit]) -> None:
    """Parses and lowers the units that are not loaded yet.

    One of `divisible` that does not parse is left with its `failure`; any other is repaired or skipped.
    """
    run: list[Unit] = []
    size = 0
    for unit in units:
        if unit.loaded:
            continue
        refused = guard(unit.text) if unit.notice is None else unit.notice[2]
        if refused is not None:
            if unit in divisible:
                unit.failure = 0, refused
            else:
                _refuse(unit, refused)
            continue
        if unit.kind != "statement":
            _load_one(unit, divisible)
            continue
        if run and (unit.indent != run[0].indent or size + len(unit.text) > MAX_RUN):
            _load_run(run, divisible)
            run, size = [], 0
        run.append(unit)
        size += len(unit.text)
    if run:
        _load_run(run, divisible)


def load_whole(text: str, items: list[Item], starts: dict[Unit, int], line_starts: list[int]) -> None:
    """Loads all units of a text from one tree; none where Python does not read the text as it was split.

    `starts` are the offsets of the units, `line_starts` those of the lines.
    """
    if len(text) > MAX_WHOLE or any(unit.kind == "block" or unit.notice is not None for unit in starts):
        return
    if any(guard(unit.text) is not None for unit in starts) or (module := fast.parse(text)) is None:
        return
    dealing = _Dealing({unit: bisect_right(line_starts, start) for unit, start in starts.items()})
    if dealing.items(items, module.body):
        for unit, found in dealing.found:
            _finish_python(unit, found)


class _Dealing:
    """Deals the statements of a text to the units that they stand in; `lines` are the first lines of the units.

    Headers of split statements get their statement with another body, as if they had been parsed alone.
    """

    def __init__(self, lines: dict[Unit, int]) -> None:
        self.lines = lines
        self.found: list[tuple[Unit, list[Any]]] = []

    def items(self, items: list[Item], trees: list[Any]) -> bool:
        """Deals the statements of one body; False where they stand otherwise."""
        count = len(trees)
        position = 0
        for item in items:
            if position == count:
                return False
            if isinstance(item, Compound):
                if not self._compound(item.clauses, trees[position]):
                    return False
                position += 1
                continue
            first, last = self._lines(item)
            begin = position
            while position < count and trees[position].lineno <= last:
                if trees[position].lineno < first or trees[position].end_lineno > last:
                    return False
                position += 1
            if position == begin:
                return False
            self.found.append((item, trees[begin:position]))
        return position == count

    def _lines(self, unit: Unit) -> tuple[int, int]:
        first = self.lines[unit]
        return first, first + unit.text.count("\n")

    def _compound(self, clauses: list[Clause], tree: Any) -> bool:
        first, last = self._lines(clauses[0].unit)
        if not first <= tree.lineno <= last or _KEYWORDS.get(tree.__class__) != clauses[0].unit.kind:
            return False
        handlers = list(getattr(tree, "handlers", ()))
        final = getattr(tree, "finalbody", None)
        orelse = getattr(tree, "orelse", None)
        for index, clause in enumerate(clauses):
            unit = clause.unit
            if index == 0:
                header, body = tree, tree.body
            elif unit.kind == "elif":
                if not orelse or orelse[0].__class__ is not _ast.If:
                    return False
                header = orelse[0]
                body, orelse = header.body, header.orelse
            elif unit.kind == "except":
                if not handlers:
                    return False
                header = handlers.pop(0)
                body = header.body
            elif unit.kind == "else":
                header, body, orelse = None, orelse, None
            else:
                header, body, final = None, final, None
            if not body:
                return False
            if unit.block:
                if not self.items(clause.items, body):
                    return False
            elif body[-1].end_lineno > self._lines(unit)[1]:
                return False
            self.found.append((unit, _alone(unit, header, body)))
        return not (handlers or final or orelse)


def _alone(unit: Unit, header: Any, body: list[Any]) -> list[Any]:
    """The trees of a header, as they are when it is parsed alone."""
    if unit.block:
        body = [_PASS]
    if header is None:
        return body
    header.body = body
    if hasattr(header, "orelse"):
        header.orelse = []
    if hasattr(header, "handlers"):
        header.handlers = []
        header.finalbody = [_PASS]
    return [header]


_PASS = _ast.Pass()

_KEYWORDS = {
    getattr(_ast, name): keyword
    for name, keyword in {
        "FunctionDef": "def", "AsyncFunctionDef": "def", "ClassDef": "class", "With": "with", "AsyncWith": "with",
        "If": "if", "For": "for", "AsyncFor": "for", "While": "while", "Try": "try", "TryStar": "try",
    }.items()
    if hasattr(_ast, name)
}  # fmt: skip


def _load_run(run: list[Unit], divisible: Container[Unit]) -> None:
    """Parses statements that follow each other in one call; one by one where that fails."""
    if len(run) > 1:
        indent = run[0].indent
        text = "\n".join([unit.text for unit in run])
        module = fast.parse(f"if 1:\n{text}\n" if indent else f"{text}\n")
        if module is not None and _deal_run(run, module.body, bool(indent)):
            return
    for unit in run:
        _load_one(unit, divisible)


def _deal_run(run: list[Unit], body: list[Any], wrapped: bool) -> bool:
    """Loads the units of a run from the tree of their joined text; False where it is built otherwise."""
    if wrapped:
        if len(body) != 1:
            return False
        body = body[0].body
    line = 2 if wrapped else 1
    lines = {}
    for unit in run:
        lines[unit] = line
        line += unit.text.count("\n") + 1
    dealing = _Dealing(lines)
    if not dealing.items(list(run), body):
        return False
    for unit, found in dealing.found:
        _finish_python(unit, found)
    return all(unit.loaded for unit in run)


def _load_one(unit: Unit, divisible: Container[Unit]) -> None:
    if unit.loaded:
        return
    if unit.kind == "block":
        unit.statements = (code.Opaque(code.Place(unit, 0)),)
        unit.notice = "syntax-skipped", 0, "syntax error: the head of this block was skipped"
        unit.loaded = unit.skipped = True
        return
    if _attempt_python(unit):
        return
    failure = _attempt(unit, unit.text)
    if failure is None:
        return
    line = max(0, min(failure.line - 1, unit.text.count("\n")))
    if unit in divisible:
        unit.failure = line, failure.message
        return
    from trainlint.source import repair

    unit.legacy = repair.translate(unit.text)[1]
    for candidate in repair.candidates(unit.text, unit.kind, unit.block):
        if guard(candidate) is None and _attempt(unit, candidate) is None:
            unit.repaired = candidate
            if unit.legacy is None:
                unit.notice = "syntax-skipped", line, "syntax error: this statement was read as far as possible"
            return
    _skip(unit, line, "syntax error: this statement was skipped")


def _attempt_python(unit: Unit) -> bool:
    """Loads a unit with Python's parser; False if that does not read it."""
    module = fast.parse(Wrapped(unit, unit.text).text)
    if module is None:
        return False
    try:
        found = python_trees(unit, module)
    except (AttributeError, LookupError, ValueError):
        # The text closes the wrapper around it and goes on with something else.
        return False
    return bool(found) and _finish_python(unit, found)


def _attempt(unit: Unit, text: str) -> SyntaxFailure | None:
    """Loads a unit from this text with libcst; the failure if it does not parse."""
    wrapped = Wrapped(unit, text)
    try:
        _finish(unit, trees(unit, parse(wrapped.text)))
    except SyntaxFailure as failure:
        # A failure that was raised refers to all that was being done, and would keep it until garbage is collected.
        return SyntaxFailure(failure.line - wrapped.lines, failure.message)
    except (AttributeError, IndexError):
        return SyntaxFailure(1, "unexpected structure")
    return None


def _finish_python(unit: Unit, found: list[Any]) -> bool:
    """Lowers what Python parsed; False where it nests too deep."""
    state = Walk(unit)
    try:
        unit.statements = python_walk(unit, state, found)
    except RecursionError:
        return False
    unit.by_python = True
    _done(unit, state)
    return True


def _finish(unit: Unit, found: list[Any]) -> None:
    state = Walk(unit)
    try:
        unit.statements = walk(unit, state, found)
    except RecursionError:
        _refuse(unit, "an expression nests too deep")
        return
    _done(unit, state)


def _done(unit: Unit, state: Walk) -> None:
    if state.dotted:
        unit.dotted = frozenset(state.dotted)
    unit.yields = state.yields
    unit.loaded = True


def _refuse(unit: Unit, reason: str) -> None:
    _skip(unit, 0, f"{reason}: this statement was skipped", "incomplete" if "too long" in reason else "syntax-skipped")


def _skip(unit: Unit, line: int, message: str, kind: str = "syntax-skipped") -> None:
    unit.notice = kind, line, message
    unit.repaired = None
    unit.loaded = unit.skipped = True
    from trainlint.source import repair

    skipped = code.Skipped(code.Place(unit, 0), repair.assigned_names(unit.text))
    if unit.kind == "except":
        unit.statements = (code.Handler(skipped.place, None, None, code.Block()),)
    elif unit.kind in ("else", "finally"):
        unit.statements = ()
    else:
        unit.statements = (skipped,)
