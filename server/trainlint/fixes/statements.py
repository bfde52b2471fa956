"""Edits of whole statements."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trainlint.fixes.code_index import COMPOUND, index_of, statements
from trainlint.fixes.expression_text import parsed
from trainlint.fixes.layout import blank_after, blank_before, line_end, line_start
from trainlint.fixes.refusal import Refused
from trainlint.source import code

if TYPE_CHECKING:
    from trainlint.source.document import Document

    Change = tuple[int, int, str]

_SEPARATOR = re.compile(r"[ \t\f]*;[ \t\f]*")


def insert_statement(document: Document, statement: code.Node, new: str, where: str) -> list[Change]:
    """The edits that put a statement before or after another one, into the same block."""
    text = document.text
    if parsed(new) is None:
        raise Refused("the new text is no statement")
    _check_clause(document, statement)
    start = document.statement_offsets(statement.place)[0]
    end = index_of(document).end(statement)
    if not isinstance(statement, COMPOUND):
        end = max(end, document.statement_offsets(statement.place)[1])
    is_alone = blank_before(text, start) and blank_after(text, end)
    first = line_start(text, start)
    if is_alone or (isinstance(statement, COMPOUND) and blank_before(text, start)):
        indent = text[first:start]
        if where == "before":
            return [(first, first, f"{_indented(new, indent)}\n")]
        at = line_end(text, end)
        return [(at, at, f"\n{_indented(new, indent)}")]
    if isinstance(statement, COMPOUND) or "\n" in new or not _is_simple(new):
        raise Refused("the statement shares its line with others")
    if where == "before":
        return [(start, start, f"{new}; ")]
    return [(end, end, f"; {new}")]


def delete_statement(document: Document, statement: code.Node) -> list[Change]:
    """The edits that delete a simple statement; a block that would be empty gets `pass`."""
    text = document.text
    if isinstance(statement, (*COMPOUND, code.Skipped)):
        raise Refused("only a simple statement can be deleted")
    index = index_of(document)
    start, end = document.statement_offsets(statement.place)
    if len(index.siblings(statement)) == 1 and index.parent(statement) is not None:
        return [(start, end, "pass")]
    if blank_before(text, start) and blank_after(text, end):
        stop = line_end(text, end)
        return [(line_start(text, start), min(stop + 1, len(text)), "")]
    separator = _SEPARATOR.match(text, end)
    if separator is not None and not blank_after(text, separator.end()):
        return [(start, separator.end(), "")]
    stop = text.index(";", end) + 1 if separator is not None else end
    ahead = text[:start].rstrip(" \t\f")
    if ahead.endswith(";"):
        return [(len(ahead[:-1].rstrip(" \t\f")), stop, "")]
    if blank_before(text, start):
        return [(line_start(text, start), min(line_end(text, stop) + 1, len(text)), "")]
    raise Refused("the statement shares its line with others")


def import_at(document: Document, node: code.Node, new: str) -> list[Change]:
    """The edits that add an import after those at the top of the file, above a node."""
    text = document.text
    module = statements(document.body)
    last: code.Node | None = None
    first: code.Node | None = None
    for position, statement in enumerate(module):
        if not _is_import(statement) and (position or not _is_text(statement)):
            first = statement
            break
        last = statement
    if last is not None:
        found = insert_statement(document, last, new, "after")
    elif first is not None:
        found = insert_statement(document, first, new, "before")
    else:
        raise Refused("the file has no statement")
    if found[0][0] > document.offsets(node.place)[0] or not text:
        raise Refused("the import would come too late")
    return found


def _is_import(statement: code.Node) -> bool:
    """Whether a statement at the top of a file imports; an `if` or `try` counts by what it holds."""
    if isinstance(statement, (code.Try, code.If)):
        return any(_is_import(each) for each in statements(statement.body))
    return isinstance(statement, (code.Import, code.ImportFrom))


def _is_text(statement: code.Node) -> bool:
    return (
        isinstance(statement, code.Evaluate)
        and isinstance(statement.value, code.Constant)
        and isinstance(statement.value.value, str)
    )


def _check_clause(document: Document, statement: code.Node) -> None:
    if isinstance(statement, code.If):
        start = document.offsets(statement.place)[0]
        if document.text.startswith("elif", start):
            raise Refused("there is no room between the clauses of a statement")


def _is_simple(new: str) -> bool:
    tree = parsed(new)
    body = getattr(tree, "body", [])
    return len(body) == 1 and not hasattr(body[0], "body")


def _indented(new: str, indent: str) -> str:
    return "\n".join(indent + line if line else line for line in new.split("\n"))
