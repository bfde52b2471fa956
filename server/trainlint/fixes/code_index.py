"""The lowered code of a document by place, with the way up from each node."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from trainlint.source import code
from trainlint.source.walk import fields_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.source.document import Document

COMPOUND = (
    code.If, code.For, code.While, code.With, code.Try, code.Define, code.ClassDefine, code.Match, code.Handler,
    code.Case,
)  # fmt: skip

KEPT = 4
"""Indices that stay: an index holds its document, and an editor makes a document with each key."""


class CodeIndex:
    """All nodes of a document: `nodes` by place, `parents` and, for statements, `blocks` by identity."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.nodes: dict[code.Place, code.Node] = {}
        self.parents: dict[int, code.Node] = {}
        self.blocks: dict[int, code.Block] = {}
        self._fill()

    def _fill(self) -> None:
        waiting: list[tuple[Any, code.Node | None]] = [(self.document.body, None)]
        while waiting:
            item, parent = waiting.pop()
            if isinstance(item, code.Node):
                self.nodes.setdefault(item.place, item)
                if parent is not None:
                    self.parents[id(item)] = parent
                waiting.extend((value, item) for value in reversed(list(fields_of(item))))
            elif isinstance(item, code.Block):
                for part in reversed(item.parts):
                    for statement in reversed(part.statements):
                        self.blocks[id(statement)] = item
                        waiting.append((statement, parent))
            elif isinstance(item, tuple):
                waiting.extend((value, parent) for value in reversed(item))

    def node(self, place: code.Place) -> code.Node | None:
        """The node at a place."""
        return self.nodes.get(place)

    def parent(self, node: code.Node) -> code.Node | None:
        """The node that a node stands in, None for a statement of the module."""
        return self.parents.get(id(node))

    def ancestors(self, node: code.Node) -> Iterator[code.Node]:
        """The nodes around a node, innermost first."""
        found = self.parents.get(id(node))
        while found is not None:
            yield found
            found = self.parents.get(id(found))

    def siblings(self, statement: code.Node) -> list[code.Node]:
        """The statements of the block that a statement stands in."""
        return statements(self.blocks[id(statement)])

    def end(self, statement: code.Node) -> int:
        """Where a statement ends, with the bodies of a compound one."""
        end = self.document.offsets(statement.place)[1]
        for block in blocks_of(statement):
            for inner in statements(block):
                end = max(end, self.end(inner))
        return end


@lru_cache(maxsize=KEPT)
def index_of(document: Document) -> CodeIndex:
    """The index of a document, kept while it is among the last that were asked for."""
    return CodeIndex(document)


def statements(block: code.Block) -> list[code.Node]:
    """The statements of a block in order."""
    return [statement for part in block.parts for statement in part.statements]


def own_blocks(node: code.Node) -> list[code.Block]:
    """The blocks of a compound statement without those of its handlers and cases."""
    return [value for value in fields_of(node) if isinstance(value, code.Block)]


def clauses_of(node: code.Node) -> tuple[code.Node, ...]:
    """The handlers of a `try`, the cases of a `match`."""
    return (*getattr(node, "handlers", ()), *getattr(node, "cases", ()))


def blocks_of(node: code.Node) -> Iterator[code.Block]:
    """The blocks of a compound statement, those of its handlers and cases included."""
    yield from own_blocks(node)
    for inner in clauses_of(node):
        yield from blocks_of(inner)
