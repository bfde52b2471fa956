"""Which assignment a name has its value from, where the text alone tells.

What is said of a name in a hover must hold whenever that line runs, so only two cases count: the name is bound once in
its scope, or the last binding before it stands in a block around it and no loop brings another one back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from trainlint.fixes.code_index import CodeIndex, blocks_of, index_of, statements
from trainlint.record import Record
from trainlint.source import code

if TYPE_CHECKING:
    from trainlint.source.document import Document


class Reached(Record, eq=False):
    """An assignment; `at_module` is for one of the module, `is_last` if it holds at the end of the program as well."""

    assignment: code.Assign
    at_module: bool
    is_last: bool


class Names:
    """The scopes of a document and what binds names in them."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.index: CodeIndex = index_of(document)
        self._bindings: dict[int, dict[str, list[code.Node]]] = {}
        self._shared: set[str] | None = None

    def assignment(self, name: code.Name) -> Reached | None:
        """The assignment that a name has its value from; None where that depends on how the program runs."""
        parent = self.index.parent(name)
        target = parent.target if isinstance(parent, (code.Augment, code.For, code.Clause, code.WithItem)) else None
        if target is name or name.id in self.shared:
            return None
        if isinstance(parent, code.Assign) and any(each is name for each in parent.targets):
            return None if parent.value is None else Reached(parent, False, False)
        scope, is_later = self._scope(name)
        if scope is name:
            return None
        found = self.bindings(scope).get(name.id, [])
        return self._reaching(name, found, scope is None, is_later)

    def _scope(self, name: code.Name) -> tuple[code.Node | None, bool]:
        """Where a name is bound: a function, a class, None for the module; the name itself where nobody can tell.

        The second value says whether the name is read by a function within that scope, at some later time.
        """
        is_later = False
        for around in self.index.ancestors(name):
            if isinstance(around, code.Comprehension):
                if any(name.id in _names(clause.target) for clause in around.clauses):
                    return name, False
            elif isinstance(around, (code.Define, code.Lambda)):
                if any(each.name == name.id for each in around.parameters):
                    return name, False
                if isinstance(around, code.Define) and name.id in self.bindings(around):
                    return around, is_later
                is_later = True
            elif isinstance(around, code.ClassDefine) and not is_later and name.id in self.bindings(around):
                return around, False
        return None, is_later

    def _reaching(self, name: code.Name, found: list[code.Node], at_module: bool, is_later: bool) -> Reached | None:
        if len(found) == 1:
            only = found[0]
            return Reached(only, at_module, not self._loops(only)) if _assigns(only, name.id) else None
        if is_later:
            return None
        start = self.document.offsets(name.place)[0]
        before = [each for each in found if self._end(each) <= start]
        if not before:
            return None
        last = max(before, key=self._end)
        if not _assigns(last, name.id):
            return None
        around = {id(block) for block in self._blocks(name)}
        held: code.Node | None = last
        while held is not None and id(self.index.blocks.get(id(held))) not in around:
            # The body of a `with` runs whenever the statement does.
            held = self.index.parent(held)
            if not isinstance(held, code.With):
                return None
        for loop in self._loops(name):
            inside = [each for each in found if any(above is loop for above in self.index.ancestors(each))]
            if inside and not any(each is last for each in inside):
                return None
        is_last = last is max(found, key=self._end) and not self._loops(last)
        return Reached(last, at_module, is_last)

    def _loops(self, node: code.Node) -> list[code.Node]:
        """The loops around a node, up to its function."""
        loops: list[code.Node] = []
        for above in self.index.ancestors(node):
            if isinstance(above, (code.Define, code.Lambda)):
                break
            if isinstance(above, (code.For, code.While)):
                loops.append(above)
        return loops

    def _blocks(self, node: code.Node) -> Iterator[code.Block]:
        for above in (node, *self.index.ancestors(node)):
            block = self.index.blocks.get(id(above))
            if block is not None:
                yield block

    def _end(self, node: code.Node) -> int:
        place = node.place
        if isinstance(node, (code.Define, code.ClassDefine)):
            return self.index.end(node)
        return self.document.statement_offsets(place)[1]

    def bindings(self, scope: code.Node | None) -> dict[str, list[code.Node]]:
        """What binds each name of a function, a class or, for None, the module; inner scopes are left out."""
        found = self._bindings.get(id(scope))
        if found is None:
            found = self._bindings[id(scope)] = {}
            blocks = [self.document.body] if scope is None else list(blocks_of(scope))
            for block in blocks:
                for statement in statements(block):
                    for bound, node in _bound(statement):
                        found.setdefault(bound, []).append(node)
        return found

    @property
    def shared(self) -> set[str]:
        """The names that some function declares `global` or `nonlocal`: they change at any time."""
        if self._shared is None:
            nodes = self.index.nodes.values()
            self._shared = {each for node in nodes if isinstance(node, code.Scope) for each in node.names}
        return self._shared


def _assigns(node: code.Node, name: str) -> bool:
    if not isinstance(node, code.Assign) or node.value is None:
        return False
    return any(isinstance(target, code.Name) and target.id == name for target in node.targets)


def _names(target: Any) -> Iterator[str]:
    """The names that a target binds."""
    if isinstance(target, code.Name):
        yield target.id
    elif isinstance(target, code.Starred):
        yield from _names(target.value)
    elif isinstance(target, code.Sequence):
        for element in target.elements:
            yield from _names(element)


def _bound(node: Any) -> Iterator[tuple[str, code.Node]]:
    """The names that a node of a scope binds, with the statement or expression that does."""
    if isinstance(node, (code.Define, code.ClassDefine)):
        yield node.name, node
        return
    if isinstance(node, code.Lambda):
        return
    targets: tuple[Any, ...] = ()
    if isinstance(node, (code.Assign, code.Delete)):
        targets = node.targets
    elif isinstance(node, (code.Augment, code.For, code.WithItem, code.Binding)):
        targets = (node.target,)
    for target in targets:
        for name in _names(target):
            yield name, node
    if isinstance(node, (code.Import, code.ImportFrom)):
        for imported in node.names:
            yield imported.alias or imported.name.partition(".")[0], node
    elif isinstance(node, code.Handler) and node.name is not None:
        yield node.name, node
    elif isinstance(node, (code.Case, code.Skipped)):
        for name in node.names:
            yield name, node
    for inner in _inner(node):
        yield from _bound(inner)


def _inner(node: Any) -> Iterator[code.Node]:
    for field in type(node).__fields__:
        value = getattr(node, field)
        waiting = [value]
        while waiting:
            each = waiting.pop()
            if isinstance(each, code.Node):
                yield each
            elif isinstance(each, code.Block):
                waiting.extend(reversed(statements(each)))
            elif isinstance(each, tuple):
                waiting.extend(reversed(each))
