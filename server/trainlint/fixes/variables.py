"""Which variable a value is in, and where it got that value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.fixes.code_index import index_of, statements
from trainlint.fixes.refusal import Refused
from trainlint.source import code

if TYPE_CHECKING:
    from trainlint.fixes.scopes import Scopes
    from trainlint.source.document import Document


def kept_in(document: Document, value: code.Node, target: code.Node | None, scopes: Scopes) -> str:
    """The variable or attribute to which the result of a call is assigned: `target`, else what the call is made on."""
    index = index_of(document)
    parent = index.parent(value)
    if not isinstance(parent, code.Evaluate) and id(value) not in index.blocks:
        raise Refused("the result does not stand alone")
    found = target
    if found is None:
        found = value
        while isinstance(found, code.Call) and isinstance(found.function, code.Attribute):
            found = found.function.value
    if found is None or not _is_variable(found):
        raise Refused("the call is made on no variable")
    text = document.source_of(found.place)
    name = text.partition(".")[0]
    scope, bound = scopes.lookup(name, found)
    if any(each.path is not None for each in bound):
        raise Refused(f"`{name}` is a module")
    # An assignment makes a name local, so it has to be that already.
    if isinstance(found, code.Name) and (not bound or scope is not scopes.around(found)[0]):
        raise Refused(f"`{name}` is not a variable of this function")
    return text


def binding_above(document: Document, name: code.Node, scopes: Scopes) -> tuple[str, code.Node]:
    """A variable that is read at a node, and the one statement that gives it the value that it has there."""
    if not isinstance(name, code.Name):
        raise Refused("the value is in no variable")
    index = index_of(document)
    scope, bound = scopes.lookup(name.id, name)
    position = document.offsets(name.place)[0]
    above = [each for each in bound if document.offsets(each.place)[0] < position]
    if scope is not scopes.around(name)[0] or not above:
        raise Refused(f"`{name.id}` is not assigned above")
    node = index.node(max(above, key=lambda each: document.offsets(each.place)[0]).place)
    statement: code.Node | None = node
    while statement is not None and id(statement) not in index.blocks:
        statement = index.parent(statement)
    if not isinstance(statement, (code.Assign, code.Augment)):
        raise Refused(f"`{name.id}` gets its value elsewhere")
    reading = {id(each) for each in (name, *index.ancestors(name))}
    around: code.Node | None = statement
    while around is not None:
        if any(id(each) in reading for each in statements(index.blocks[id(around)])):
            return name.id, statement
        around = index.parent(around)
        if not isinstance(around, code.With):
            break
    raise Refused(f"`{name.id}` gets its value under a condition")


def _is_variable(node: code.Node) -> bool:
    while isinstance(node, code.Attribute):
        node = node.value
    return isinstance(node, code.Name)
