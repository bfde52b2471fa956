"""The model of a program in one world: operations, objects and events, and the questions that rules ask of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, KeysView, Mapping
from operator import itemgetter
from typing import Any, TypeVar

from trainlint.program import recall as memories
from trainlint.program.events import Compile, Discarded, Escape, Event, Feed, Minimize, ModelCall, SessionRun
from trainlint.program.operations import Operation
from trainlint.program.values import ApiObject, Id, InstanceRecord, ListRecord, Ref, Tensor, Tuple, Value

E = TypeVar("E", bound=Event)
R = TypeVar("R")

SHAPING = frozenset(
    {"reshape", "flatten", "expand", "squeeze", "identity", "cast", "dropout", "transpose", "stop-gradient"}
)
"""Kinds that pass values on: the activation, and up to scaling the size, of what goes in comes out."""

_CHUNK = 48
"""Operations that are remembered together at most."""

_UNITS = 4
"""Units whose operations are remembered together, on average."""

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
        defaults: frozenset[int | None] = frozenset(),
    ) -> None:
        self.heap_ = heap
        self.generation = generation
        self.version: tuple[int, ...] | None = None
        """The version of TensorFlow that it is made for, where the program or its project says that exactly."""
        self.possible: tuple[str, ...] = (generation,)
        """The generations that it may be made for, as far as it and its project tell; read for the newest of them."""
        self.root = root
        """The function or class that was entered on its own; empty for the module."""
        self.module: Program | None = None
        """Of a root the program of the module around it, in its first world."""
        self.world_ = world
        self.conditions_ = conditions
        self.defaults = defaults
        """Numbers, or None, that the parameters of the root have by default: who calls it elsewhere may give others."""
        self.all_events = events
        made = [(key, heap[key]) for key in own if type(key) is Id and key in heap]
        self.made: dict[Id, Any] = dict(made)
        """The records that this root made, in order."""
        self._operations: tuple[Operation, ...] = tuple([record for _, record in made if type(record) is Operation])
        self._objects: tuple[tuple[Id, ApiObject], ...] = tuple([pair for pair in made if type(pair[1]) is ApiObject])
        self._instances: tuple[tuple[Id, InstanceRecord], ...] = tuple(
            [pair for pair in made if type(pair[1]) is InstanceRecord]
        )
        self._indexed_events: dict[tuple[str, Id], list[Any]] | None = None
        self._users: dict[Id, list[Operation]] | None = None
        self._order: dict[Id, int] | None = None
        self._reach: dict[Id, KeysView[Id]] = {}
        self._of_kind: dict[tuple[str, ...], tuple[Operation, ...]] = {}
        self._chunks: dict[tuple[str, ...], list[tuple[Operation, ...]]] = {}
        self._by_kind: dict[str, list[tuple[int, Operation]]] = {}
        self._variables: dict[Id, tuple[Operation, ...]] = {}
        self._events_of: dict[type, tuple[Any, ...]] = {}
        self._escaped: frozenset[Id] | None = None
        self.worlds_: tuple[Program, ...] = ()
        self.cache: dict[Any, Any] = {}
        """What analyses keep between rules."""
        self._reads: set[memories.Token] | None = None
        """What the innermost analysis under way has read, where that is noted."""
        self.memory: memories.Recollection | None = None
        self._before: tuple[dict[Any, Any], memories.Changes] | None = None
        """What the last version of this world has cached, and what is different since."""
        self._twin: tuple[Program, memories.Changes] | None = None
        """Another world of the same root, and what is different in this one."""

    @property
    def is_empty(self) -> bool:
        """Whether it computes nothing and makes nothing."""
        return not self.made and not self.all_events

    def _note(self, token: memories.Token) -> None:
        if self._reads is not None:
            self._reads.add(token)

    @property
    def heap(self) -> Mapping[Any, Any]:
        """Everything by id, also what the module around a root made."""
        self._note(memories.HEAP)
        return self.heap_

    @property
    def own(self) -> Mapping[Any, Any]:
        """What it wrote itself, without what the module around a root made."""
        return self.heap_.own if type(self.heap_) is Layers else self.heap_

    @property
    def operations(self) -> tuple[Operation, ...]:
        """What this root computes, in order."""
        self._note(memories.OPERATIONS)
        return self._operations

    @property
    def objects(self) -> tuple[tuple[Id, ApiObject], ...]:
        self._note(memories.OBJECTS)
        return self._objects

    @property
    def order(self) -> Mapping[Id, int]:
        """The operations and objects that this root made, numbered in the order of their making."""
        self._note(memories.OPERATIONS)
        self._note(memories.OBJECTS)
        if self._order is None:
            self._order = {key: index for index, key in enumerate(self.made)}
        return self._order

    @property
    def instances(self) -> tuple[tuple[Id, InstanceRecord], ...]:
        self._note(memories.INSTANCES)
        return self._instances

    @property
    def events(self) -> tuple[Any, ...]:
        self._note(memories.EVENTS)
        return self.all_events

    @property
    def world(self) -> str | None:
        """The conditions of this world in words; None when there is only one."""
        self._note(memories.WORLD)
        return self.world_

    @property
    def conditions(self) -> tuple[str, ...]:
        self._note(memories.WORLD)
        return self.conditions_

    @property
    def worlds(self) -> tuple[Program, ...]:
        """The worlds of this root: what the same code builds under other conditions."""
        self._note(memories.ANYTHING)
        return self.worlds_ or (self,)

    def decided(self, conditions: list[str]) -> None:
        """Says under which conditions this world is, in words."""
        self.world_ = " and ".join(conditions)
        self.conditions_ = tuple(conditions)

    def repeats(self, other: Program) -> bool:
        """Whether another run made the same program; what surrounds a root is not compared."""
        return (
            (self.root, self.world_, self.conditions_, self.possible, self.version, self.defaults)
            == (other.root, other.world_, other.conditions_, other.possible, other.version, other.defaults)
            and list(self.made.items()) == list(other.made.items())
            and self.all_events == other.all_events
        )

    # Versions ---------------------------------------------------------------------------------------------------------

    def follow(self, before: Program | None, around: memories.Changes | None) -> memories.Changes | None:
        """Takes over what is known of the last version of this world; tells what is different, None where too much is.

        From now on it is noted what analyses read.
        """
        memory = None if before is None else before.memory
        if before is None or memory is None or memory.owner is not before:
            self.memory = memories.Recollection(self)
            return None
        found = memories.changes(before, self, around)
        if found is None:
            self.memory = memories.Recollection(self)
            return None
        self._reach, before._reach = before._reach, {}
        self._variables, before._variables = before._variables, {}
        for key in found.above:
            self._reach.pop(key, None)
            self._variables.pop(key, None)
        memory.pass_on(self, found)
        self.memory, before.memory = memory, None
        self._before = before.cache, found
        before.let_go()
        return found

    def let_go(self) -> None:
        """Gives up all that refers back to it, so that its memory is free as soon as nobody refers to it."""
        self.cache, self.worlds_, self._before, self._twin = {}, (), None, None
        self.memory = None

    def settle(self) -> None:
        """Lets go of the programs that it was compared with."""
        self._before = self._twin = None

    def resemble(self, twin: Program) -> None:
        """Shares what is found out about another world of the same root."""
        found = memories.changes(twin, self, None)
        if found is not None:
            self._twin = twin, found

    # Looking things up ------------------------------------------------------------------------------------------------

    def operation(self, value: Value | Id | None) -> Operation | None:
        """The operation that made a tensor, or that has an id."""
        # Asked for thousands of times in a program: none of these classes has a subclass.
        key = value.op if type(value) is Tensor else value
        if type(key) is not Id:
            return None
        if self._reads is not None:
            self._reads.add(key)
        found = self.heap_.get(key)
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
        if self._reads is not None:
            self._reads.add(key)
        found = self.heap_.get(key)
        return found if type(found) is ApiObject else None

    def record(self, value: Value | Id | None) -> Any:
        """The heap record behind a reference."""
        key = value.id if isinstance(value, Ref) else value
        if type(key) is not Id:
            return None
        if self._reads is not None:
            self._reads.add(key)
        return self.heap_.get(key)

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
        self._note_kinds(kinds)
        return iter(self._all_of(kinds))

    def _note_kinds(self, kinds: tuple[str, ...]) -> None:
        if self._reads is not None:
            self._reads.update([("kind", kind) for kind in kinds] or (memories.OPERATIONS,))

    def _all_of(self, kinds: tuple[str, ...]) -> tuple[Operation, ...]:
        if not kinds:
            return self._operations
        found = self._of_kind.get(kinds)
        if found is None:
            by_kind = self._by_kind
            if not by_kind:
                for index, each in enumerate(self._operations):
                    by_kind.setdefault(each.kind, []).append((index, each))
            numbered = [pair for kind in set(kinds) for pair in by_kind.get(kind, ())]
            if len(kinds) > 1:
                numbered.sort(key=_FIRST)
            found = self._of_kind[kinds] = tuple([each for _, each in numbered])
        return found

    def events_of(self, kind: type[E]) -> Iterator[E]:
        self._note(("events", kind))
        found = self._events_of.get(kind)
        if found is None:
            found = self._events_of[kind] = tuple(event for event in self.all_events if isinstance(event, kind))
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
        events = self.events_of(Escape)
        if self._escaped is None:
            self._escaped = frozenset(v.id for event in events for v in event.values if type(v) is Ref)
        return key in self._escaped

    def feeds(self, key: Id) -> list[Feed]:
        """All feeds of a placeholder, in order."""
        return [feed for event, feed in self.fed(key) if isinstance(event, SessionRun)]

    def compiles(self, loss: Id) -> list[Compile]:
        """The `compile` calls that make a loss, in order."""
        return self._events_by("compiles", loss)

    def of_model(self, model: Id) -> list[Compile | ModelCall]:
        """What is done with a model that has layers of its own: `compile`, `fit` and the like, in order."""
        return self._events_by("model", model)

    def fed(self, key: Id) -> list[tuple[SessionRun | ModelCall, Feed]]:
        """All feeds of a placeholder or model input, with the runs and calls that do it, in order."""
        return self._events_by("fed", key)

    def _events_by(self, what: str, key: Id) -> list[Any]:
        self._note((what, key))
        index = self._indexed_events
        if index is None:
            index = self._indexed_events = {}
            for event in self.all_events:
                for subject, item in memories.concerned(event):
                    index.setdefault(subject, []).append(item)
        return index.get((what, key), [])

    # Walking the graph ------------------------------------------------------------------------------------------------

    def producers(self, operation: Operation) -> Iterator[Operation]:
        """The operations whose results go into an operation."""
        for value in operation.inputs:
            found = self.operation(value) if isinstance(value, Tensor) else None
            if found is not None:
                yield found

    def consumers(self, value: Value | Id | None) -> list[Operation]:
        """The operations of this root that take a tensor."""
        key = value.op if isinstance(value, Tensor) else value
        if type(key) is not Id:
            return []
        self._note(("uses", key))
        return self.users.get(key, [])

    @property
    def users(self) -> dict[Id, list[Operation]]:
        """By id, the operations of this root that take a result."""
        if self._users is None:
            self._users = {}
            for operation in self._operations:
                for source in operation.sources:
                    self._users.setdefault(source, []).append(operation)
        return self._users

    def ancestors(self, value: Value | Id | None) -> KeysView[Id]:
        """The ids of all operations that a tensor depends on, its own first."""
        start = value.op if isinstance(value, Tensor) else value
        if type(start) is not Id:
            return _NOTHING
        self._note(("above", start))
        known = self._reach.get(start)
        if known is not None:
            return known
        # A dict keeps the order: a set of ids would come out differently in every process.
        seen = {start: None}
        stack = [start]
        while stack:
            operation = self.heap_.get(stack.pop())
            if type(operation) is not Operation:
                continue
            for source in operation.sources:
                if source not in seen:
                    seen[source] = None
                    stack.append(source)
        result = self._reach[start] = seen.keys()
        return result

    def all_ancestors(self, keys: Iterable[Id]) -> frozenset[Id]:
        """The ids of all operations that some depend on, their own among them."""
        stack = list(keys)
        for key in stack:
            self._note(("above", key))
        seen = set(stack)
        while stack:
            operation = self.heap_.get(stack.pop())
            if type(operation) is Operation:
                for source in operation.sources:
                    if source not in seen:
                        seen.add(source)
                        stack.append(source)
        return frozenset(seen)

    def descendants(self, value: Value | Id | None) -> list[Operation]:
        """The operations of this root that depend on a tensor, nearest first."""
        start = value.op if isinstance(value, Tensor) else value
        if type(start) is not Id:
            return []
        result: list[Operation] = []
        seen: set[Id] = set()
        queue = [start]
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
        self._note(("above", start))
        known = self._variables.get(start)
        if known is None:
            found = map(self.heap_.get, self.ancestors(start))
            known = self._variables[start] = tuple(
                [each for each in found if type(each) is Operation and each.kind == "variable"]
            )
        return known

    # What is found out ------------------------------------------------------------------------------------------------

    def recall(self, function: Callable[..., R], *subjects: Any) -> R:
        """`function(program, *subjects)`, from memory where nothing has changed that it read.

        Subjects are operations, events or other objects of the program, which count as the same if they are one.
        The function is to be one object in all calls, or a method of one; what it gives must not refer to the program.
        """
        if self.memory is None or self.memory.owner is not self:
            return function(self, *subjects)
        return self._recalled((function, *map(id, subjects)), function, subjects)

    def recall_each(self, function: Callable[..., Iterable[R]], *kinds: str) -> Iterator[R]:
        """All that `function(program, operation)` gives for the operations of some kinds, or for all, in order."""
        self._note_kinds(kinds)
        if self.memory is None or self.memory.owner is not self:
            for operation in self._all_of(kinds):
                yield from function(self, operation)
            return

        def run(program: Program, *operations: Operation) -> list[R]:
            return [each for operation in operations for each in function(program, operation)]

        for chunk in self._chunks_of(kinds):
            yield from self._recalled((function, *map(id, chunk)), run, chunk)

    def _chunks_of(self, kinds: tuple[str, ...]) -> list[tuple[Operation, ...]]:
        """The operations of some kinds in pieces that an edit leaves alone: remembering each alone takes longer."""
        found = self._chunks.get(kinds)
        if found is None:
            found = self._chunks[kinds] = []
            if kinds:
                wanted = frozenset(kinds)
                for whole in self._chunks_of(()):
                    some = tuple([operation for operation in whole if operation.kind in wanted])
                    if some:
                        found.append(some)
                return found
            unit: Any = None
            chunk: list[Operation] = []
            for operation in self._operations:
                if operation.place.unit is not unit or len(chunk) == _CHUNK:
                    unit = operation.place.unit
                    # Where one begins depends on the unit alone, so that those after an edit stay as they are.
                    if chunk and (not (id(unit) >> 4) % _UNITS or len(chunk) == _CHUNK):
                        found.append(tuple(chunk))
                        chunk = []
                chunk.append(operation)
            if chunk:
                found.append(tuple(chunk))
        return found

    def _recalled(self, key: tuple[Any, ...], function: Callable[..., Any], subjects: tuple[Any, ...] = ()) -> Any:
        memory = self.memory
        assert memory is not None
        outer = self._reads
        entry = memory.get(key)
        if entry is None and self._twin is not None:
            entry = self._of_twin(key)
            if entry is not None:
                memory.put(key, entry.reads, subjects, entry.result)
        if entry is not None:
            if outer is not None:
                outer.update(entry.reads)
            return entry.result
        reads: set[memories.Token] = set()
        self._reads = reads
        try:
            result = memories.finished(function(self, *subjects))
        finally:
            self._reads = outer
        memory.put(key, memories.shortened(reads), subjects, result)
        if outer is not None:
            outer |= reads
        return result

    def _of_twin(self, key: tuple[Any, ...]) -> memories.Entry | None:
        """What is known under a key in another world, where that holds in this one."""
        assert self._twin is not None
        twin, changes = self._twin
        memory = twin.memory
        if memory is None or memory.owner is not twin:
            return None
        entry = memory.get(key)
        return entry if entry is not None and changes.tokens.isdisjoint(entry.reads) else None

    def once(
        self, key: str, compute: Callable[[Program], Any], lasts: bool = False,
        renew: Callable[[Program, Any, memories.Changes], Any] | None = None,
    ) -> Any:  # fmt: skip
        """The result of an analysis of this program, computed once and shared by the rules.

        The module that computes it begins the key with its own name, so that no two share one.
        One that `lasts` is plain data: it neither refers to the program nor is it changed when it is used.
        `renew(program, old, changes)` makes it from that of a program that differs little.
        """
        if lasts and self.memory is not None and self.memory.owner is self:
            return self._recalled((key,), compute)
        # It may go on reading when it is used.
        self._note(memories.ANYTHING)
        if key not in self.cache:
            outer, self._reads = self._reads, None
            try:
                near = self._near(key) if renew is not None else None
                if near is not None and renew is not None:
                    self.cache[key] = renew(self, *near)
                else:
                    self.cache[key] = memories.finished(compute(self))
            finally:
                self._reads = outer
        return self.cache[key]

    def _near(self, key: str) -> tuple[Any, memories.Changes] | None:
        """What is cached for the last version of this world, or for another world, and what is different since."""
        if self._before is not None and key in self._before[0]:
            return self._before[0][key], self._before[1]
        if self._twin is not None and key in self._twin[0].cache:
            return self._twin[0].cache[key], self._twin[1]
        return None
