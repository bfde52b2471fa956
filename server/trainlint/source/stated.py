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
    """A notice for each fact about a variable or attribute that its statement does not assign."""
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
            why = f"it belongs on a line of an assignment to `{fact.name}`, or alone on the line before"
            line = document.line_of(fact.offset)
            yield Notice("comment", document.path, f"the fact about `{fact.name}` has no effect: {why}", line)


def assignments(document: Document) -> list[tuple[str, code.Place]]:
    """The plain variables that statements assign, with the place of the statement, in the order of the text."""
    pairs = ((name, node.place) for node in _assignments(document) for name in _targets(node))
    return [(name, place) for name, place in pairs if "." not in name]


def _targets(node: code.Assign) -> Iterator[str]:
    for target in node.targets:
        elements = target.elements if isinstance(target, code.Sequence) else (target,)
        yield from (name for element in elements if (name := written_name(element)) is not None)


def written_name(target: code.Node) -> str | None:
    """The name that a target of an assignment has in a fact: `x`, `self.x`, `self.data.x`; None for anything else."""
    if isinstance(target, code.Name):
        return target.id
    if isinstance(target, code.Attribute):
        owner = written_name(target.value)
        return None if owner is None else f"{owner}.{target.name}"
    return None


def _assignments(document: Document) -> Iterator[code.Assign]:
    for node in statements_of(document.body):
        if isinstance(node, code.Assign) and node.value is not None:
            yield node
