"""Parsing and lowering of units: what a unit's text means, and how it is repaired where it does not parse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainlint.source import code, lower, repair
from trainlint.source.parser import SyntaxFailure, guard, parse

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from trainlint.source.units import Unit

# A call of the parser costs as much as a short statement, and long texts cost more than their pieces.
MAX_RUN = 3000

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
    """The statements of a parsed unit; for a header the tree of its clause."""
    body = list(module.body[0].body.body if unit.indent else module.body)
    if unit.kind == "statement":
        return body
    if len(body) != 1 or not body:
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


def walk(unit: Unit, state: lower.Walk, found: list[Any]) -> tuple[code.Node, ...]:
    """The code of a unit's trees."""
    if unit.kind == "except":
        return (lower.handler(state, found[0]),)
    if unit.kind in ("else", "finally") and not hasattr(found[0], "body"):
        return lower.small_statements(state, found)
    return lower.lower(state, found)


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


def _load_run(run: list[Unit], divisible: Container[Unit]) -> None:
    """Parses statements that follow each other in one call; one by one where that fails."""
    if len(run) > 1:
        indent = run[0].indent
        text = "\n".join([unit.text for unit in run])
        try:
            module = parse(f"if 1:\n{text}\n" if indent else f"{text}\n")
        except SyntaxFailure:
            module = None
        if module is not None:
            body = module.body
            if indent and len(body) == 1:
                body = body[0].body.body
            if len(body) == len(run):
                for unit, tree in zip(run, body):
                    _finish(unit, [tree])
                return
    for unit in run:
        _load_one(unit, divisible)


def _load_one(unit: Unit, divisible: Container[Unit]) -> None:
    if unit.kind == "block":
        unit.statements = (code.Opaque(code.Place(unit, 0)),)
        unit.notice = "syntax-skipped", 0, "syntax error: the head of this block was skipped"
        unit.loaded = unit.skipped = True
        return
    failure = _attempt(unit, unit.text)
    if failure is None:
        return
    line = max(0, min(failure.line - 1, unit.text.count("\n")))
    if unit in divisible:
        unit.failure = line, failure.message
        return
    unit.legacy = repair.translate(unit.text)[1]
    for candidate in repair.candidates(unit.text, unit.kind, unit.block):
        if guard(candidate) is None and _attempt(unit, candidate) is None:
            unit.repaired = candidate
            if unit.legacy is None:
                unit.notice = "syntax-skipped", line, "syntax error: this statement was read as far as possible"
            return
    _skip(unit, line, "syntax error: this statement was skipped")


def _attempt(unit: Unit, text: str) -> SyntaxFailure | None:
    """Loads a unit from this text; the failure if it does not parse."""
    wrapped = Wrapped(unit, text)
    try:
        _finish(unit, trees(unit, parse(wrapped.text)))
    except SyntaxFailure as failure:
        failure.line -= wrapped.lines
        return failure
    except (AttributeError, IndexError):
        # The text closes the wrapper around it and goes on with something else.
        return SyntaxFailure(1, "unexpected structure")
    return None


def _finish(unit: Unit, found: list[Any]) -> None:
    state = lower.Walk(unit)
    try:
        unit.statements = walk(unit, state, found)
    except RecursionError:
        _refuse(unit, "an expression nests too deep")
        return
    unit.dotted = frozenset(state.dotted)
    unit.yields = state.yields
    unit.loaded = True


def _refuse(unit: Unit, reason: str) -> None:
    _skip(unit, 0, f"{reason}: this statement was skipped", "incomplete" if "too long" in reason else "syntax-skipped")


def _skip(unit: Unit, line: int, message: str, kind: str = "syntax-skipped") -> None:
    unit.notice = kind, line, message
    unit.repaired = None
    unit.loaded = unit.skipped = True
    skipped = code.Skipped(code.Place(unit, 0), repair.assigned_names(unit.text))
    if unit.kind == "except":
        unit.statements = (code.Handler(skipped.place, None, None, code.Block()),)
    elif unit.kind in ("else", "finally"):
        unit.statements = ()
    else:
        unit.statements = (skipped,)
