"""Stated facts that no statement takes up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Notice
from trainlint.source import code
from trainlint.source.walk import statements_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trainlint.source.comments import StatedFact
    from trainlint.source.document import Document


def unused_facts(document: Document, facts: Iterable[StatedFact]) -> Iterator[Notice]:
    """A notice for each fact about a variable that its statement does not assign."""
    facts = list(facts)
    named = {fact.name for fact in facts}
    assigned = [
        (names, document.statement_lines(node.place))
        for node in _assignments(document)
        if (names := named.intersection(_targets(node)))
    ]
    for fact in facts:
        used = (
            fact.name in names and (first <= fact.line <= last or (fact.alone and fact.line == first - 1))
            for names, (first, last) in assigned
        )
        if not any(used):
            why = (
                "facts are followed for plain variables only"
                if "." in fact.name
                else f"it belongs on a line of an assignment to `{fact.name}`, or alone on the line before"
            )
            line = document.line_of(fact.offset)
            yield Notice("comment", document.path, f"the fact about `{fact.name}` has no effect: {why}", line)


def assignments(document: Document) -> list[tuple[str, code.Place]]:
    """The plain variables that statements assign, with the place of the statement, in the order of the text."""
    return [(name, node.place) for node in _assignments(document) for name in _targets(node)]


def _targets(node: code.Assign) -> Iterator[str]:
    for target in node.targets:
        elements = target.elements if isinstance(target, code.Sequence) else (target,)
        yield from (element.id for element in elements if isinstance(element, code.Name))


def _assignments(document: Document) -> Iterator[code.Assign]:
    for node in statements_of(document.body):
        if isinstance(node, code.Assign) and node.value is not None:
            yield node
