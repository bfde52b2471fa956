"""The model of a program in one world: operations, objects and events, and the questions that rules ask of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, KeysView, Mapping
from operator import itemgetter
from typing import Any, TypeVar

from trainlint.program.events import Compile, Discarded, Escape, Event, Feed, Minimize, ModelCall, SessionRun
from trainlint.program.operations import Operation
from trainlint.program.values import ApiObject, Id, InstanceRecord, ListRecord, Ref, Tensor, Tuple, Value

E = TypeVar("E", bound=Event)

SHAPING = frozenset(
    {"reshape", "flatten", "expand", "squeeze", "identity", "cast", "dropout", "transpose", "stop-gradient"}
)
"""Kinds that pass values on: the activation, and up to scaling the size, of what goes in comes out."""

_FIRST = itemgetter(0)
_NOTHING: KeysView[Id] = dict[Id, None]().keys()


class Layers(Mapping[Any, Any]):
    """What a root made over what the module around it made."""

    __slots__ = ("base", "own")

    def __init__(self, own: dict[Any, Any], base: dict[Any, Any]) -> None:
        self.own = own
        self.base = base

    def __getitem__(self, key: Any) -> Any:
        return self.own[key] if key in self.own else self.base[key]

    def get(self, key: Any, default: Any = None) -> Any:
        found = self.own.get(key)
        return self.base.get(key, default) if found is None else found

    def __iter__(self) -> Iterator[Any]:
        yield from self.own
        yield from (key for key in self.base if key not in self.own)

    def __len__(self) -> int:
        return len({**self.base, **self.own})


class Program:
    """One world of one root. All is plain data; nothing here runs code."""

    def __init__(
        self,
        heap: Mapping[Any, Any],
        own: list[Any],
        events: tuple[Any, ...],
        generation: str,
        root: str = "",
        world: str | None = None,
        conditions: tuple[str, ...] = (),
        assumed: tuple[str, ...] = (),
    ) -> None:
        self.heap = heap
        """Everything by id, also what the module around a root made."""
        self.generation = generation
        self.version: tuple[int, ...] | None = None
        """The version of TensorFlow that it is made for, where the program or its project says that exactly."""
        self.root = root
        """The function or class that was entered on its own; empty for the module."""
        self.world = world
        """The conditions of this world in words; None when there is only one."""
        self.conditions = conditions
        self.assumed = assumed
        self.events = events
        made = [(key, heap[key]) for key in own if type(key) is Id and key in heap]
        self._made = made
        self.operations: tuple[Operation, ...] = tuple(record for _, record in made if type(record) is Operation)
        """What this root computes, in order."""
        self.objects: tuple[tuple[Id, ApiObject], ...] = tuple(pair for pair in made if type(pair[1]) is ApiObject)
        self.instances: tuple[tuple[Id, InstanceRecord], ...] = tuple(
            pair for pair in made if type(pair[1]) is InstanceRecord
        )
        self._consumers: dict[Id, list[Operation]] | None = None
        self._reach: dict[Id, KeysView[Id]] = {}
        self._of_kind: dict[tuple[str, ...], tuple[Operation, ...]] = {}
        self._by_kind: dict[str, list[tuple[int, Operation]]] = {}
        self._variables: dict[Id, tuple[Operation, ...]] = {}
        self._events_of: dict[type, tuple[Any, ...]] = {}
        self.worlds: tuple[Program, ...] = (self,)
        """The worlds of this root: what the same code builds under other conditions."""
        self.cache: dict[Any, Any] = {}
        """What analyses keep between rules."""

    @property
    def is_empty(self) -> bool:
        """Whether it computes nothing and makes nothing."""
        return not self._made and not self.events

    def repeats(self, other: Program) -> bool:
        """Whether another run made the same program; what surrounds a root is not compared."""
        return (
            (self.root, self.world, self.conditions, self.generation)
            == (other.root, other.world, other.conditions, other.generation)
            and self._made == other._made
            and self.events == other.events
        )

    # Looking things up ------------------------------------------------------------------------------------------------

    def operation(self, value: Value | Id | None) -> Operation | None:
        """The operation that made a tensor, or that has an id."""
        # Asked for thousands of times in a program: none of these classes has a subclass.
        key = value.op if type(value) is Tensor else value
        if type(key) is not Id:
            return None
        found = self.heap.get(key)
        return found if type(found) is Operation else None

    def tensor(self, value: Value | Id | None) -> Tensor | None:
        """A tensor as the program finally knows it."""
        operation = self.operation(value)
        if operation is not None:
            return operation.output
        return value if isinstance(value, Tensor) else None

    def object(self, value: Value | Id | None) -> ApiObject | None:
        key = value.id if type(value) is Ref else value
        if type(key) is not Id:
            return None
        found = self.heap.get(key)
        return found if type(found) is ApiObject else None

    def record(self, value: Value | Id | None) -> Any:
        """The heap record behind a reference."""
        key = value.id if isinstance(value, Ref) else value
        return self.heap.get(key) if isinstance(key, Id) else None

    def items(self, value: Value | None) -> tuple[Value, ...]:
        """The known items of a list or tuple; the value itself alone otherwise."""
        if isinstance(value, Tuple):
            return value.items
        record = self.record(value) if isinstance(value, Ref) else None
        if isinstance(record, ListRecord) and record.items is not None:
            return record.items
        return () if value is None else (value,)

    def of_kind(self, *kinds: str) -> Iterator[Operation]:
        """The operations of some kinds, in order."""
        found = self._of_kind.get(kinds)
        if found is None:
            by_kind = self._by_kind
            if not by_kind:
                for index, each in enumerate(self.operations):
                    by_kind.setdefault(each.kind, []).append((index, each))
            numbered = [pair for kind in set(kinds) for pair in by_kind.get(kind, ())]
            if len(kinds) > 1:
                numbered.sort(key=_FIRST)
            found = self._of_kind[kinds] = tuple([each for _, each in numbered])
        return iter(found)

    def events_of(self, kind: type[E]) -> Iterator[E]:
        found = self._events_of.get(kind)
        if found is None:
            found = self._events_of[kind] = tuple(event for event in self.events if isinstance(event, kind))
        return iter(found)

    @property
    def runs(self) -> Iterator[SessionRun]:
        return self.events_of(SessionRun)

    @property
    def minimized(self) -> Iterator[Minimize]:
        return self.events_of(Minimize)

    @property
    def compiled(self) -> Iterator[Compile]:
        return self.events_of(Compile)

    @property
    def model_calls(self) -> Iterator[ModelCall]:
        return self.events_of(ModelCall)

    @property
    def discarded(self) -> Iterator[Discarded]:
        return self.events_of(Discarded)

    def escapes(self, key: Id) -> bool:
        """Whether an object itself is handed to code that is not followed."""
        return any(isinstance(v, Ref) and v.id is key for event in self.events_of(Escape) for v in event.values)

    def feeds(self, key: Id) -> list[Feed]:
        """All feeds of a placeholder, in order."""
        return [feed for run in self.runs for feed in run.feeds if feed.key is key]

    # Walking the graph ------------------------------------------------------------------------------------------------

    def producers(self, operation: Operation) -> Iterator[Operation]:
        """The operations whose results go into an operation."""
        for value in operation.inputs:
            found = self.operation(value) if isinstance(value, Tensor) else None
            if found is not None:
                yield found

    def consumers(self, value: Value | Id | None) -> list[Operation]:
        """The operations of this root that take a tensor."""
        if self._consumers is None:
            self._consumers = {}
            for operation in self.operations:
                for source in operation.sources:
                    self._consumers.setdefault(source, []).append(operation)
        key = value.op if isinstance(value, Tensor) else value
        return self._consumers.get(key, []) if isinstance(key, Id) else []

    def ancestors(self, value: Value | Id | None) -> KeysView[Id]:
        """The ids of all operations that a tensor depends on, its own first."""
        start = value.op if isinstance(value, Tensor) else value
        if not isinstance(start, Id):
            return _NOTHING
        known = self._reach.get(start)
        if known is not None:
            return known
        # A dict keeps the order: a set of ids would come out differently in every process.
        seen = {start: None}
        stack = [start]
        while stack:
            operation = self.operation(stack.pop())
            if operation is None:
                continue
            for source in operation.sources:
                if source not in seen:
                    seen[source] = None
                    stack.append(source)
        result = self._reach[start] = seen.keys()
        return result

    def descendants(self, value: Value | Id | None) -> list[Operation]:
        """The operations of this root that depend on a tensor, nearest first."""
        start = value.op if isinstance(value, Tensor) else value
        result: list[Operation] = []
        seen: set[Id] = set()
        queue = [start] if isinstance(start, Id) else []
        while queue:
            for user in self.consumers(queue.pop(0)):
                if user.id not in seen:
                    seen.add(user.id)
                    result.append(user)
                    queue.append(user.id)
        return result

    def source(self, value: Value | None, passing: frozenset[str] = SHAPING) -> Operation | None:
        """The operation behind a tensor, looked for through casts, reshapes and dropout."""
        operation = self.operation(value) if value is not None else None
        while operation is not None and operation.kind in passing and operation.inputs:
            inner = self.operation(operation.inputs[0])
            if inner is None:
                break
            operation = inner
        return operation

    def variables(self, value: Value | Id | None) -> tuple[Operation, ...]:
        """The trainable variables that a tensor depends on."""
        start = value.op if type(value) is Tensor else value
        if type(start) is not Id:
            return ()
        known = self._variables.get(start)
        if known is None:
            found = map(self.heap.get, self.ancestors(start))
            known = self._variables[start] = tuple(
                [each for each in found if type(each) is Operation and each.kind == "variable"]
            )
        return known

    def once(self, key: str, compute: Callable[[Program], Any]) -> Any:
        """The result of an analysis of this program, computed once and shared by the rules.

        The module that computes it begins the key with its own name, so that no two share one.
        """
        if key not in self.cache:
            self.cache[key] = compute(self)
        return self.cache[key]
