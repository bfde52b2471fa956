"""Which operations of a program reach anything that the program does with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.program.events import Compile, Discarded, Escape, Minimize, ModelCall, SessionRun
from trainlint.program.values import (
    ApiObject,
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
    Unknown,
    Value,
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program

SINKS = frozenset((
    "train", "gradient", "opaque", "group", "assign", "metric", "loss", "regularization", "in-top-k", "initializer",
))  # fmt: skip
"""Kinds that use what they take, whatever becomes of their own result."""

_ORDER = ("matmul", "convolution", "add", "subtract", "multiply", "loss", "activation")


_HOLDERS = frozenset((Tensor, Tuple, Choice, Stream, Bound, Partial, Ref))
"""The values that are tensors or can hold some; most arguments are plain constants."""


class Liveness:
    """The ids of used operations.

    `reliable` is False where the graph has lost an edge, so that nothing is proved unused.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.users: dict[Id, list[Operation]] = {}
        self.alive: set[Id] = set()
        self.reliable = True
        sources: dict[Id, tuple[Id, ...]] = {}
        for operation in program.operations:
            found = tuple(dict.fromkeys(self._used_by(operation)))
            sources[operation.id] = found
            for key in found:
                self.users.setdefault(key, []).append(operation)
        stack = list(self._roots())
        while stack:
            key = stack.pop()
            if key in self.alive:
                continue
            self.alive.add(key)
            stack.extend(sources.get(key, ()))

    def _used_by(self, operation: Operation) -> Iterator[Id]:
        for value in operation.inputs:
            if isinstance(value, Tensor) and value.op is None and value.library == "tf":
                self.reliable = False
            if isinstance(value, Unknown) and operation.kind in _ORDER:
                self.reliable = False
            yield from self.tensors(value)
        for argument in operation.arguments.values():
            if type(argument.value) in _HOLDERS:
                yield from self.tensors(argument.value)
        for attribute in operation.attributes.values():
            if type(attribute) in _HOLDERS:
                yield from self.tensors(attribute)

    def _roots(self) -> Iterator[Id]:
        for operation in self.program.operations:
            if operation.kind in SINKS:
                yield operation.id
        for event in self.program.events:
            yield from self._of_event(event)
        for _, record in self.program.objects:
            yield from self._of_object(record)
        for _, instance in self.program.instances:
            for value in instance.attributes.values():
                yield from self.tensors(value)

    def _of_event(self, event: object) -> Iterator[Id]:
        values: tuple[Value, ...] = ()
        if isinstance(event, SessionRun):
            values = (*event.fetches, *(feed.value for feed in event.feeds))
        elif isinstance(event, Minimize):
            values = (event.loss,)
        elif isinstance(event, Escape):
            values = event.values
        elif isinstance(event, (Compile, ModelCall)):
            values = tuple(argument.value for argument in event.arguments.values())
        elif isinstance(event, Discarded):
            return
        for value in values:
            yield from self.tensors(value)

    def _of_object(self, record: ApiObject) -> Iterator[Id]:
        for argument in record.arguments.values():
            yield from self.tensors(argument.value)
        for name, value in record.fields.items():
            # The weights and results of a layer are no use of it; the outputs of a model are.
            if name.startswith("weight ") or not isinstance(value, (Value, tuple)):
                continue
            for item in value if isinstance(value, tuple) else (value,):
                if isinstance(item, Value):
                    yield from self.tensors(item)

    def tensors(self, value: Value | None, depth: int = 0) -> Iterator[Id]:
        """The operations of all tensors inside a value."""
        if isinstance(value, Tensor):
            if value.op is not None:
                yield value.op
            return
        if depth > 5 or type(value) not in _HOLDERS:
            return
        children: list[Value] = []
        if isinstance(value, Tuple):
            children = list(value.items)
        elif isinstance(value, Choice):
            children = [value.then, value.otherwise]
        elif isinstance(value, Stream):
            children = [value.element]
        elif isinstance(value, Bound):
            children = [value.receiver]
        elif isinstance(value, Partial):
            children = [*value.positional, *(item for _, item in value.keywords)]
        elif isinstance(value, Ref):
            record = self.program.record(value)
            if isinstance(record, ListRecord):
                children = [*(record.items or ()), *((record.element,) if record.element is not None else ())]
            elif isinstance(record, DictRecord):
                children = [item for pair in record.items for item in pair]
            elif isinstance(record, InstanceRecord):
                children = list(record.attributes.values())
        for child in children:
            yield from self.tensors(child, depth + 1)


def liveness(program: Program) -> Liveness:
    """What is used in a program, computed once."""
    result: Liveness = program.once(f"{__name__}.liveness", Liveness)
    return result


__all__ = ["Liveness", "liveness"]
