"""Which operations of a program reach anything that the program does with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainlint.program.events import Compile, Escape, Minimize, ModelCall, SessionRun
from trainlint.program.values import (
    HOLDERS,
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
    from collections.abc import Iterable, Iterator

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
    """Which operations are used.

    `reliable` is False where the graph has lost an edge, so that nothing is proved unused.
    `joined` is True where something takes one of several tensors, and which is not known.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.reliable = not any(operation.loses_edges for operation in program.operations)
        self.joined = any(
            type(value) is Tensor and value.op is None and value.library == "tf"
            for operation in program.operations if operation.loses_edges for value in operation.inputs
        )  # fmt: skip
        # Most operations take nothing but their inputs.
        self._holding: dict[Id, Iterable[Id]] = dict(program.recall_each(_holding))
        self._holders: dict[Id, list[Id]] = {}
        for holder, found in self._holding.items():
            for key in found:
                self._holders.setdefault(key, []).append(holder)
        self._roots = self._find_roots()
        self._used = set(self._roots)
        self._alive: set[Id] | None = None

    def is_used(self, key: Id) -> bool:
        """Whether something used depends on a result."""
        seen = {key}
        stack = [key]
        users, holders = self.program.users, self._holders
        while stack:
            current = stack.pop()
            if current in self._used:
                self._used.add(key)
                return True
            following = [user.id for user in users.get(current, ())]
            if current in holders:
                following += holders[current]
            for other in following:
                if other not in seen:
                    seen.add(other)
                    stack.append(other)
        return False

    @property
    def alive(self) -> set[Id]:
        """All that something used depends on."""
        if self._alive is None:
            alive = self._alive = set()
            sources = {operation.id: operation.sources for operation in self.program.operations} | self._holding
            stack = list(self._roots)
            while stack:
                key = stack.pop()
                if key not in alive:
                    alive.add(key)
                    stack.extend(sources.get(key, ()))
        return self._alive

    def users(self, key: Id) -> list[Operation]:
        """The operations that take a result, directly or inside of something else, in order."""
        direct = self.program.consumers(key)
        more = set(self._holders.get(key, ()))
        if not more:
            return direct
        more.update(operation.id for operation in direct)
        return [operation for operation in self.program.operations if operation.id in more]

    def _find_roots(self) -> dict[Id, None]:
        """What is used whatever becomes of it."""
        roots: dict[Id, None] = dict.fromkeys([operation.id for operation in self.program.of_kind(*SINKS)])
        for event in self.program.events:
            for value in _used_in(event):
                _add(self.program, value, roots)
        for _, record in self.program.objects:
            for value in record.held:
                _add(self.program, value, roots)
        for _, instance in self.program.instances:
            for value in instance.attributes.values():
                _add(self.program, value, roots)
        return roots


def _holding(program: Program, operation: Operation) -> Iterator[tuple[Id, Iterable[Id]]]:
    """An operation that takes something inside of something else, and all that it takes."""
    if operation.held:
        found = dict.fromkeys(operation.sources)
        for value in operation.held:
            _add(program, value, found)
        yield operation.id, found


def _add(program: Program, value: Any, found: dict[Id, None], depth: int = 0) -> None:
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
        record = program.record(value)
        if isinstance(record, ListRecord):
            children = [*(record.items or ()), *((record.element,) if record.element is not None else ())]
        elif isinstance(record, DictRecord):
            children = [item for pair in record.items for item in pair]
        elif isinstance(record, InstanceRecord):
            children = list(record.attributes.values())
    for child in children:
        _add(program, child, found, depth + 1)


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
