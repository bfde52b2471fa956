"""Which operations of a program reach anything that the program does with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainlint.program.events import Compile, Escape, Minimize, ModelCall, SessionRun
from trainlint.program.operations import HOLDERS
from trainlint.program.values import (
    Bound,
    Choice,
    DictRecord,
    Id,
    InstanceRecord,
    ListRecord,
    Partial,
    Ref,
    Stream,
    Tensor,
    Tuple,
    Value,
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trainlint.program.events import Event
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program

SINKS = frozenset((
    "train", "gradient", "opaque", "group", "assign", "metric", "loss", "regularization", "in-top-k", "initializer",
))  # fmt: skip
"""Kinds that use what they take, whatever becomes of their own result."""

_DEPTH = 5
"""How deep containers are looked into."""


class Liveness:
    """The ids of used operations.

    `reliable` is False where the graph has lost an edge, so that nothing is proved unused.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.users: dict[Id, list[Operation]] = {}
        self.alive: set[Id] = set()
        self.reliable = True
        sources: dict[Id, Iterable[Id]] = {}
        roots: dict[Id, None] = {}
        for operation in program.operations:
            if operation.kind in SINKS:
                roots[operation.id] = None
            if operation.loses_edges:
                self.reliable = False
            found = sources[operation.id] = self._used_by(operation)
            for key in found:
                self.users.setdefault(key, []).append(operation)
        self._add_roots(roots)
        stack = list(roots)
        while stack:
            key = stack.pop()
            if key in self.alive:
                continue
            self.alive.add(key)
            stack.extend(sources.get(key, ()))

    def _used_by(self, operation: Operation) -> Iterable[Id]:
        held = operation.held
        if not held:
            return operation.sources
        found = dict.fromkeys(operation.sources)
        for value in held:
            self._add(value, found)
        return found

    def _add_roots(self, roots: dict[Id, None]) -> None:
        for event in self.program.events:
            for value in _used_in(event):
                self._add(value, roots)
        for _, record in self.program.objects:
            for argument in record.arguments.values():
                self._add(argument.value, roots)
            for name, held in record.fields.items():
                # The weights and results of a layer are no use of it; the outputs of a model are.
                if not name.startswith("weight "):
                    for item in held if isinstance(held, tuple) else (held,):
                        self._add(item, roots)
        for _, instance in self.program.instances:
            for value in instance.attributes.values():
                self._add(value, roots)

    def _add(self, value: Any, found: dict[Id, None], depth: int = 0) -> None:
        """Adds the operations of all tensors inside anything that can hold some."""
        kind = type(value)
        if kind is Tensor:
            if value.op is not None:
                found[value.op] = None
            return
        if depth > _DEPTH or kind not in HOLDERS:
            return
        children: list[Value] = []
        if kind is Tuple:
            children = list(value.items)
        elif kind is Choice:
            children = [value.then, value.otherwise]
        elif kind is Stream:
            children = [value.element]
        elif kind is Bound:
            children = [value.receiver]
        elif kind is Partial:
            children = [*value.positional, *(item for _, item in value.keywords)]
        elif kind is Ref:
            record = self.program.record(value)
            if isinstance(record, ListRecord):
                children = [*(record.items or ()), *((record.element,) if record.element is not None else ())]
            elif isinstance(record, DictRecord):
                children = [item for pair in record.items for item in pair]
            elif isinstance(record, InstanceRecord):
                children = list(record.attributes.values())
        for child in children:
            self._add(child, found, depth + 1)


def _used_in(event: Event) -> tuple[Value, ...]:
    """The values that an event uses."""
    if isinstance(event, SessionRun):
        return (*event.fetches, *(feed.value for feed in event.feeds))
    if isinstance(event, Minimize):
        return (event.loss,)
    if isinstance(event, Escape):
        return event.values
    if isinstance(event, (Compile, ModelCall)):
        return tuple(argument.value for argument in event.arguments.values())
    return ()


def liveness(program: Program) -> Liveness:
    """What is used in a program, computed once."""
    result: Liveness = program.once(f"{__name__}.liveness", Liveness)
    return result


__all__ = ["Liveness", "liveness"]
