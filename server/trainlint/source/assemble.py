"""Units to code: puts the statements of split units together again.

A part is made anew only when something below it changed, so that whoever remembers parts sees what did not.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from trainlint.source import code
from trainlint.source.units import Compound
from trainlint.source.walk import docstring_of

if TYPE_CHECKING:
    from trainlint.source.units import Clause, Item, Unit

_EMPTY = code.Block()


class Assembly:
    """One pass over the items of a document, in the order of the text.

    `starts` and `scopes` tell for each unit its offset and the dotted name of the definition around it.
    """

    def __init__(self, starts: dict[Unit, int]) -> None:
        self._given = starts
        self.units: list[Unit] = []
        self.starts: dict[Unit, int] = {}
        self.scopes: dict[Unit, str] = {}

    def block(self, items: list[Item], scope: str) -> code.Block:
        """The code of the items of one body."""
        return code.Block(self.parts(items, scope))

    def parts(self, items: list[Item], scope: str) -> tuple[code.Part, ...]:
        """One part for each item."""
        result = []
        for item in items:
            if isinstance(item, Compound):
                result.append(self._compound(item.clauses, scope))
            else:
                self._add(item, scope)
                result.append(item.assembled((), partial(_part, item)))
        return tuple(result)

    def _add(self, unit: Unit, scope: str) -> None:
        self.units.append(unit)
        self.starts[unit] = self._given[unit]
        if scope:
            self.scopes[unit] = scope

    def _compound(self, clauses: list[Clause], scope: str) -> code.Part:
        bodies: list[tuple[code.Part, ...]] = []
        for clause in clauses:
            unit = clause.unit
            self._add(unit, scope)
            inner = scope
            node = unit.statements[0] if unit.statements else None
            if isinstance(node, (code.Define, code.ClassDefine)):
                inner = f"{scope}.{node.name}" if scope else node.name
            bodies.append(self.parts(clause.items, inner) if unit.block else _own_body(unit))
        first = clauses[0].unit
        key = tuple((clause.unit, body) for clause, body in zip(clauses, bodies))
        return first.assembled(key, lambda: code.Part(first, _statements(clauses, bodies)))


def _part(unit: Unit) -> code.Part:
    return code.Part(unit, unit.statements)


def _own_body(unit: Unit) -> tuple[code.Part, ...]:
    """The body that stands on the header's line."""
    if unit.kind in ("else", "finally"):
        return (code.Part(unit, unit.statements),)
    node = unit.statements[0]
    body = getattr(node, "body", _EMPTY)
    return body.parts


def _statements(clauses: list[Clause], bodies: list[tuple[code.Part, ...]]) -> tuple[code.Node, ...]:
    units = [clause.unit for clause in clauses]
    node = units[0].statements[0]
    body = code.Block(bodies[0])
    rest = list(zip(units[1:], bodies[1:]))
    if isinstance(node, code.Define):
        is_generator = node.is_generator or any(map(_yields, clauses[0].items))
        return (node.replace(body=body, docstring=docstring_of(body), is_generator=is_generator),)
    if isinstance(node, code.ClassDefine):
        return (node.replace(body=body, docstring=docstring_of(body)),)
    if isinstance(node, code.With):
        return (node.replace(body=body),)
    if isinstance(node, code.Try):
        return (_try(node, body, rest),)
    orelse = _EMPTY
    for unit, parts in reversed(rest):
        if unit.kind == "elif":
            branch = unit.statements[0]
            if isinstance(branch, code.If):
                branch = branch.replace(body=code.Block(parts), orelse=orelse)
            else:
                branch = code.If(branch.place, code.Opaque(branch.place), code.Block(parts), orelse)
            orelse = code.Block((code.Part(unit, (branch,)),))
        else:
            orelse = code.Block((*parts, *orelse.parts))
    if isinstance(node, (code.If, code.For, code.While)):
        return (node.replace(body=body, orelse=orelse),)
    # The header could not be read: its block may run or not.
    skipped = (node,) if isinstance(node, code.Skipped) else ()
    return (*skipped, code.If(node.place, code.Opaque(node.place), body, orelse))


def _try(node: code.Try, body: code.Block, rest: list[tuple[Unit, tuple[code.Part, ...]]]) -> code.Try:
    handlers: list[code.Handler] = []
    orelse = final = _EMPTY
    for unit, parts in rest:
        if unit.kind == "except":
            head = unit.statements[0]
            if isinstance(head, code.Handler):
                handlers.append(head.replace(body=code.Block(parts)))
            else:
                handlers.append(code.Handler(head.place, None, None, code.Block(parts)))
        elif unit.kind == "else":
            orelse = code.Block((*orelse.parts, *parts))
        else:
            final = code.Block((*final.parts, *parts))
    return node.replace(body=body, handlers=tuple(handlers), orelse=orelse, final=final)


def _yields(item: Item) -> bool:
    """Whether a `yield` in an item belongs to the function around it."""
    if not isinstance(item, Compound):
        return item.yields
    if item.clauses[0].unit.kind in ("def", "class"):
        return False
    return any(clause.unit.yields or any(map(_yields, clause.items)) for clause in item.clauses)
