"""Comments that would tell what no code shows: which inputs of a program are unknown, and what to write about them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from trainlint.finding import Edit
from trainlint.fixes.layout import line_end, line_start
from trainlint.program.events import ModelCall, SessionRun
from trainlint.program.values import Tensor, Unknown, Value
from trainlint.record import Record
from trainlint.source.stated import assignments

if TYPE_CHECKING:
    from trainlint.analysis import Analysis
    from trainlint.program.dims import Shape
    from trainlint.program.events import Feed
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.source.code import Place
    from trainlint.source.document import Document

MAX_LINE = 120
"""A comment that makes its line longer goes on a line of its own."""

_WORD = re.compile(r"(?<![\w.'\"])[^\W\d]\w*")


class UnknownInput(Record):
    """A variable that a network is fed and of which nothing is known.

    `comment` is a fact to fill in, `# trainlint:` included; `edit` writes it where it counts.
    `models` is how many networks it is fed to.
    """

    place: Place
    name: str
    comment: str
    edit: Edit
    models: int
    weight: int = 0


def unknown_inputs(analysis: Analysis) -> list[UnknownInput]:
    """The unknown inputs of a program, first the one that most depends on."""
    found: dict[tuple[Place, str], tuple[set[Place], int, str]] = {}
    targets: dict[str, list[tuple[str, Place]]] = {}
    for program in analysis.programs:
        for event in program.events:
            if not isinstance(event, (ModelCall, SessionRun)):
                continue
            trains = not isinstance(event, ModelCall) or event.training
            for feed in event.feeds:
                target = program.operation(feed.key)
                if target is None or not _lacks(program, feed.value, target):
                    continue
                for place, name in _variables(analysis, targets, program, feed):
                    models, weight, fact = found.get((place, name), (set(), 0, ""))
                    models.add(event.place if isinstance(event, SessionRun) else target.place)
                    is_labels = bool(target.attributes.get("labels"))
                    weight += (2 if trains else 1) + (0 if is_labels else 2)
                    if not fact or "?" in fact:
                        fact = _fact(program, target, is_labels)
                    found[place, name] = models, weight, fact
    result = []
    for (place, name), (models, weight, fact) in found.items():
        comment = f"# trainlint: {name} {fact}"
        document = analysis.document_of(place)
        result.append(UnknownInput(place, name, comment, _insertion(document, place, comment), len(models), weight))
    return sorted(result, key=lambda each: (-each.weight, analysis.location(each.place).line))


def _lacks(program: Program, value: Value, target: Operation) -> bool:
    """Whether a rule would want to know more of what is fed."""
    if isinstance(value, Unknown):
        return True
    if not isinstance(value, Tensor) or value.grounds == "stated":
        return False
    unclear = value.shape is None or (value.interval is None and not target.attributes.get("labels"))
    return unclear and next(_roots(program, value), None) is not None


def _variables(
    analysis: Analysis, targets: dict[str, list[tuple[str, Place]]], program: Program, feed: Feed
) -> Iterator[tuple[Place, str]]:
    """The assignments, with their variable, that a fact about what is fed would stand at."""
    written = analysis.document_of(feed.place)
    start, scope = written.offsets(feed.place)[0], written.definition_of(feed.place)
    words = set(_WORD.findall(written.source_of(feed.place)))
    before = {
        name: place for name, place in _targets(targets, written)
        if name in words and written.offsets(place)[0] < start and written.definition_of(place) in (scope, "")
    }  # fmt: skip
    if len(before) == 1:
        yield next((place, name) for name, place in before.items())
        return
    for root in _roots(program, feed.value):
        assert root.place is not None
        try:
            document = analysis.document_of(root.place)
        except LookupError:
            continue
        around = document.statement_offsets(root.place)
        names = [
            (place, name) for name, place in _targets(targets, document)
            if place.unit is root.place.unit and document.statement_offsets(place) == around
        ]  # fmt: skip
        if len(names) == 1:
            yield names[0]
            return


def _targets(known: dict[str, list[tuple[str, Place]]], document: Document) -> list[tuple[str, Place]]:
    if document.path not in known:
        stated = {fact.name for facts in document.facts.values() for fact in facts}
        known[document.path] = [pair for pair in assignments(document) if pair[0] not in stated]
    return known[document.path]


def _roots(program: Program, value: Value) -> Iterator[Unknown]:
    """The unknown values that a value is made of."""
    if isinstance(value, Unknown):
        if value.place is not None:
            yield value
        return
    for key in program.ancestors(value):
        operation = program.operation(key)
        for source in operation.inputs if operation is not None else ():
            if isinstance(source, Unknown) and source.place is not None:
                yield source


def _fact(program: Program, target: Operation, is_labels: bool) -> str:
    """What a fact about the input would look like, with what the program says of it filled in."""
    if is_labels:
        for loss in program.consumers(target.id):
            scores = loss.attributes.get("predictions")
            units = scores.shape[-1] if isinstance(scores, Tensor) and scores.shape else None
            function = loss.attributes.get("function")
            if function == "sparse-softmax-cross-entropy":
                return f"int64[n] in {{0..{units - 1}}}" if isinstance(units, int) else "int64[n]"
            if function == "softmax-cross-entropy" and isinstance(units, int):
                return f"float32[n, {units}] one-hot"
            if function == "sigmoid-cross-entropy":
                return "int64[n] in {0, 1}"
            if isinstance(units, int):
                return f"float32[n, {units}]"
        return "float32[n]"
    return f"float32{_shape(target.attributes.get('declared'))} in [0, 1]"


def _shape(declared: Shape) -> str:
    if not declared:
        return "[n, ?]"
    return "[" + ", ".join(["n", *("?" if not isinstance(dim, int) else str(dim) for dim in declared[1:])]) + "]"


def _insertion(document: Document, place: Place, comment: str) -> Edit:
    """The edit that writes a comment behind a statement of one line, else above the statement."""
    text = document.text
    start, end = document.statement_offsets(place)
    first, last = line_start(text, start), line_end(text, end)
    line = text[first:last]
    if "\n" not in line and "#" not in line and "\\" not in line and len(line.rstrip()) + 2 + len(comment) <= MAX_LINE:
        return Edit(document.path, first + len(line.rstrip()), last, f"  {comment}")
    indent = text[first : first + len(line) - len(line.lstrip(" \t"))]
    return Edit(document.path, first, first, f"{indent}{comment}\n")
