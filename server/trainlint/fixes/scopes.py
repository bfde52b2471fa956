"""What a name means at a place: which scope binds it, and to which import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainlint.fixes.code_index import COMPOUND, clauses_of, own_blocks, statements
from trainlint.record import Record
from trainlint.source import code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.fixes.code_index import CodeIndex


class Bound(Record, eq=False):
    """One binding of a name; `path` is what an import binds it to, None for any other binding."""

    place: code.Place
    path: str | None = None


class Scopes:
    """The scopes of a document.

    A scope is the node of a function, lambda, comprehension or class; None is the module.
    """

    def __init__(self, index: CodeIndex) -> None:
        self.index = index
        self._bindings: dict[int, dict[str, list[Bound]]] = {}

    def bindings(self, scope: code.Node | None) -> dict[str, list[Bound]]:
        """The names that a scope binds, each with its bindings in the order of the text."""
        key = id(scope)
        if key not in self._bindings:
            found: dict[str, list[Bound]] = {}
            for name, bound in _bindings_of(scope, self.index):
                found.setdefault(name, []).append(bound)
            self._bindings[key] = found
        return self._bindings[key]

    def around(self, node: code.Node) -> list[code.Node | None]:
        """The scopes in which a name at a node is looked up, innermost first; the module is last."""
        found: list[code.Node | None] = []
        inner = node
        in_function = False
        for outer in self.index.ancestors(node):
            is_body = id(inner) in self.index.blocks
            if (isinstance(outer, code.Define) and is_body) or (isinstance(outer, code.Lambda) and inner is outer.body):
                found.append(outer)
                in_function = True
            elif isinstance(outer, code.Comprehension) or (
                isinstance(outer, code.ClassDefine) and is_body and not in_function
            ):
                found.append(outer)
            inner = outer
        return [*found, None]

    def lookup(self, name: str, node: code.Node) -> tuple[code.Node | None, list[Bound]]:
        """The scope that binds a name as seen from a node, and its bindings; none for a builtin or an unknown name."""
        around = self.around(node)
        for scope in around:
            bound = self.bindings(scope).get(name)
            if bound:
                return scope, bound
        return None, []

    def same(self, names: frozenset[str], at: code.Node, there: code.Node) -> bool:
        """Whether the names mean at another node of the document what they mean at this one, as far as scopes tell."""
        for name in names:
            scope, bound = self.lookup(name, at)
            other, _ = self.lookup(name, there)
            if scope is not other:
                return False
            if bound and self._straight(scope, there):
                offsets = self.index.document.offsets
                if min(offsets(each.place)[0] for each in bound) > offsets(there.place)[0]:
                    return False
        return True

    def _straight(self, scope: code.Node | None, node: code.Node) -> bool:
        """Whether a node runs as part of a scope's own statements, so that the order of the text counts."""
        return self.around(node)[0] is scope


def names_in(node: code.Node) -> frozenset[str]:
    """The names that an expression reads and does not bind itself."""
    read: set[str] = set()
    bound: set[str] = set()
    waiting: list[Any] = [node]
    while waiting:
        item = waiting.pop()
        if isinstance(item, code.Name):
            read.add(item.id)
        elif isinstance(item, code.Comprehension):
            for clause in item.clauses:
                bound.update(name for name, _ in _targets(clause.target))
        elif isinstance(item, code.Lambda):
            bound.update(parameter.name for parameter in item.parameters)
        if isinstance(item, (code.Node, code.Block, code.Part)):
            fields = type(item).__fields__  # type: ignore[union-attr]
            waiting.extend(getattr(item, field) for field in fields if field not in ("place", "unit"))
        elif isinstance(item, tuple):
            waiting.extend(item)
    return frozenset(read - bound)


def _bindings_of(scope: code.Node | None, index: CodeIndex) -> Iterator[tuple[str, Bound]]:
    if scope is None:
        yield from _in_block(index.document.body)
        return
    if isinstance(scope, code.Comprehension):
        for clause in scope.clauses:
            yield from _targets(clause.target)
        return
    if isinstance(scope, (code.Define, code.Lambda)):
        for parameter in scope.parameters:
            yield parameter.name, Bound(parameter.place)
    if isinstance(scope, (code.Define, code.ClassDefine)):
        outer: set[str] = set()
        found = list(_in_block(scope.body))
        for name, bound in found:
            if bound.path == _ELSEWHERE:
                outer.add(name)
        yield from ((name, bound) for name, bound in found if name not in outer)


_ELSEWHERE = "<global>"


def _in_block(block: code.Block) -> Iterator[tuple[str, Bound]]:
    for statement in statements(block):
        yield from _in_statement(statement)


def _in_statement(node: code.Node) -> Iterator[tuple[str, Bound]]:
    if isinstance(node, code.Import):
        for name in node.names:
            if name.alias:
                yield name.alias, Bound(name.place, name.name)
            else:
                top = name.name.split(".")[0]
                yield top, Bound(name.place, top)
        return
    if isinstance(node, code.ImportFrom):
        for name in node.names:
            path = f"{node.module}.{name.name}" if node.level == 0 else None
            yield name.alias or name.name, Bound(name.place, path)
        return
    if isinstance(node, (code.Define, code.ClassDefine)):
        yield node.name, Bound(node.place)
        return
    if isinstance(node, code.Scope):
        for each in node.names:
            yield each, Bound(node.place, _ELSEWHERE)
        return
    if isinstance(node, (code.Skipped, code.Case)):
        for each in node.names:
            yield each, Bound(node.place)
    elif isinstance(node, code.Assign):
        for target in node.targets:
            yield from _targets(target)
    elif isinstance(node, (code.Augment, code.For)):
        yield from _targets(node.target)
    elif isinstance(node, code.With):
        for item in node.items:
            if item.target is not None:
                yield from _targets(item.target)
    elif isinstance(node, code.Handler) and node.name:
        yield node.name, Bound(node.place)
    yield from _walrus(node)
    for block in own_blocks(node):
        yield from _in_block(block)
    for inner in clauses_of(node):
        yield from _in_statement(inner)


def _targets(node: code.Node) -> Iterator[tuple[str, Bound]]:
    if isinstance(node, code.Name):
        yield node.id, Bound(node.place)
    elif isinstance(node, code.Starred):
        yield from _targets(node.value)
    elif isinstance(node, code.Sequence):
        for element in node.elements:
            yield from _targets(element)


def _walrus(node: code.Node) -> Iterator[tuple[str, Bound]]:
    """The names that `:=` binds in the expressions of a statement."""
    waiting: list[Any] = [getattr(node, field) for field in type(node).__fields__ if field != "place"]  # type: ignore[attr-defined]
    while waiting:
        item = waiting.pop()
        if isinstance(item, code.Binding):
            yield item.target.id, Bound(item.target.place)
        if isinstance(item, code.Node) and not isinstance(item, (code.Lambda, *COMPOUND)):
            waiting.extend(getattr(item, field) for field in type(item).__fields__ if field != "place")  # type: ignore[attr-defined]
        elif isinstance(item, tuple):
            waiting.extend(item)
