"""Edits that put a layer before or after another one of a Keras model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.fixes.code_index import index_of
from trainlint.fixes.layout import blank_before, gap, line_start
from trainlint.fixes.refusal import Refused
from trainlint.fixes.statements import insert_statement
from trainlint.source import code

if TYPE_CHECKING:
    from trainlint.source.document import Document

    Change = tuple[int, int, str]


def insert_layer(document: Document, layer: code.Node, new: str, where: str) -> list[Change]:
    """The edits that put a layer next to one: in its list, by another `add`, or around what the layer is called on."""
    index = index_of(document)
    parent = index.parent(layer)
    if isinstance(parent, code.Sequence) and parent.kind in ("list", "tuple"):
        return _in_display(document, parent, layer, new, where)
    if isinstance(parent, code.Call) and parent.function is layer and where == "before":
        first = parent.arguments[0] if parent.arguments else None
        if first is None or first.star or first.keyword is not None:
            raise Refused("the layer is not called on a value that can be seen")
        start, end = document.offsets(first.value.place)
        return [(start, start, f"{new}("), (end, end, ")")]
    if isinstance(parent, code.Argument):
        call = index.parent(parent)
        function = call.function if isinstance(call, code.Call) else None
        if isinstance(call, code.Call) and isinstance(function, code.Attribute) and function.name == "add":
            statement = index.parent(call)
            if isinstance(statement, code.Evaluate) and len(call.arguments) == 1 and not parent.star:
                adding = document.source_of(function.place)
                return insert_statement(document, statement, f"{adding}({new})", where)
    raise Refused("the layer stands neither in a list nor in `add` nor before its call")


def _in_display(document: Document, display: code.Sequence, element: code.Node, new: str, where: str) -> list[Change]:
    """The edits that put an element next to another one, in a line of its own if that has one."""
    text = document.text
    start, end = _with_parentheses(document, display, element)
    is_first_of_line = blank_before(text, start)
    indent = f"\n{text[line_start(text, start) : start]}" if is_first_of_line else " "
    if where == "before":
        return [(start, start, f"{new},{indent}")]
    comma = next((at for at in gap(text, end, document.offsets(display.place)[1]) if text[at] == ","), -1)
    if comma >= 0:
        return [(comma + 1, comma + 1, f"{indent}{new},")]
    return [(end, end, f",{indent}{new}")]


def _with_parentheses(document: Document, display: code.Sequence, element: code.Node) -> tuple[int, int]:
    text = document.text
    start, end = document.offsets(element.place)
    place = display.elements.index(element)
    before = document.offsets(display.elements[place - 1].place)[1] if place else document.offsets(display.place)[0] + 1
    if any(text[at] == "(" for at in gap(text, before, start)):
        raise Refused("the layer stands in parentheses of its own")
    return start, end
