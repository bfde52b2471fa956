"""What the sessions of TensorFlow 1 run: which variables and queues a run reads, and who gave them values before.

A session is followed only as long as all that is done with it is seen: what hands it to other code ends that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainlint.program.events import Escape, QueuesStarted, SessionOpened, SessionRun
from trainlint.program.operations import Operation
from trainlint.program.values import (
    ApiObject,
    Bound,
    Choice,
    Class,
    DictRecord,
    Function,
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
)
from trainlint.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trainlint.program.program import Program
    from trainlint.source.code import Place

PLAIN = frozenset(("tf.Session", "tf.InteractiveSession"))
"""Sessions that do nothing of their own accord; the others initialise, restore and start queues."""

CARETAKERS = frozenset((
    "tf.train.Supervisor", "tf.train.MonitoredTrainingSession", "tf.train.MonitoredSession",
    "tf.train.SingularMonitoredSession", "tf.train.SessionManager", "tf.train.Scaffold",
))  # fmt: skip
"""What initialises the variables of its sessions itself, or restores them."""

GLOBAL = "tf.global_variables_initializer"
LOCAL = "tf.local_variables_initializer"
SOME = "tf.variables_initializer"
RESTORE = "tf.train.Saver.restore"
_INITIALIZERS = frozenset((GLOBAL, LOCAL, SOME, RESTORE))

QUEUES = frozenset((
    "tf.train.batch", "tf.train.batch_join", "tf.train.shuffle_batch", "tf.train.shuffle_batch_join",
    "tf.train.slice_input_producer", "tf.train.string_input_producer", "tf.train.input_producer",
    "tf.train.range_input_producer",
))  # fmt: skip
"""Functions whose result comes out of a queue that a thread of `start_queue_runners` fills."""

_SLOTS = frozenset(
    f"tf.train.{name}Optimizer"
    for name in ("Adam", "Momentum", "RMSProp", "Adagrad", "Adadelta", "Ftrl", "ProximalAdagrad", "AdagradDA")
)
"""Optimizers that keep variables of their own, which `minimize` makes; measured with TensorFlow 2.21, compat.v1."""


class Read(Record):
    """A run reads a variable, or the slots of an optimizer: `made` is the operation that made what is read.

    `started` are the initializers that the session had run by then, `runs` the runs that did so.
    """

    session: Id
    opened: Place
    run: SessionRun
    made: Operation
    started: tuple[Operation, ...] = ()


class Wait(Record):
    """A run needs a queue that `made` fills from; `starts` are the starts of queue runners by then."""

    session: Id
    opened: Place
    run: SessionRun
    made: Operation
    starts: tuple[QueuesStarted, ...] = ()


class Sessions:
    """What is known of the sessions that a program opens itself."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.reads: list[Read] = []
        """For each run the variables that no initializer was run for, one run of a session at most."""
        self.waits: list[Wait] = []
        self._possible: list[Wait] = []
        self.started: dict[Id, list[tuple[SessionRun, Operation]]] = {}
        """By session: the initializers that were run in it, in order, also after the reads."""
        self._order: dict[Id, int] | None = None
        self._opened: dict[Id, SessionOpened] = {}
        self._lost: set[Id] = set()
        self.queues: dict[Id, list[QueuesStarted]] = {}
        """By session: the starts of queue runners, in order, also after the waits."""
        self._assigned: set[Id] = set()
        self._last: Operation | None = None
        self._has_queues = False
        if any(program.events_of(SessionOpened)) and not _is_cared_for(program):
            for operation in program.of_kind("variable", "train"):
                self._last = operation
            self._has_queues = any(operation.name in QUEUES for operation in program.operations)
            self._follow()

    @property
    def in_order(self) -> bool:
        """Whether what happens is met in the order in which it will: nobody knows in which one methods are called."""
        names = {getattr(getattr(record.cls, "define", None), "name", None) for _, record in self.program.instances}
        return not self.program.root or self.program.root not in names

    def made_before(self, first: Operation, second: Operation) -> bool:
        """Whether an operation was made before another; what the module around a root made comes first.

        A module is run here when a name of it is used, but it is imported before: its body comes first as well.
        """
        if _module(first) is not _module(second):
            return True
        if self._order is None:
            self._order = {operation.id: index for index, operation in enumerate(self.program.operations)}
        return self._order.get(first.id, -1) <= self._order.get(second.id, -1)

    def _follow(self) -> None:
        for event in self.program.events:
            if isinstance(event, SessionOpened):
                record = self.program.object(event.session)
                self._opened[event.session] = event
                if (
                    record is None
                    or record.name not in PLAIN
                    or event.context.conditions
                    or self._is_kept(event.session)
                ):
                    self._lost.add(event.session)
            elif isinstance(event, Escape):
                if self._may_run(event):
                    self._lost.update(self._opened)
            elif isinstance(event, QueuesStarted):
                for session in self._sessions(event.session):
                    self.queues.setdefault(session, []).append(event)
            elif isinstance(event, SessionRun):
                self._run(event)
        for wait in self._possible:
            # A run under an open test waits whenever it is reached, if nothing ever starts the queues.
            if not self.queues and not any(other.session is wait.session for other in self.waits):
                self.waits.append(wait)

    def _is_kept(self, session: Id) -> bool:
        """Whether an object keeps a session for methods that others call."""
        return bool(self.program.root) and any(
            isinstance(value, Ref) and value.id is session
            for _, record in self.program.instances
            for value in record.attributes.values()
        )

    def _sessions(self, session: Value | None) -> list[Id]:
        """The sessions that an event may concern: all for the default session."""
        if isinstance(session, Ref):
            record = self.program.object(session)
            if record is not None and record.name in PLAIN:
                return [session.id]
        return list(self._opened)

    def _run(self, run: SessionRun) -> None:
        sessions = self._sessions(run.session)
        if len(sessions) == 1 and sessions[0] in self._opened and sessions[0] not in self._lost:
            if not run.context.guarded and not run.context.conditions:
                self._look(sessions[0], run)
            elif not run.context.guarded and self._has_queues and not run.opaque:
                opened = self._opened[sessions[0]].place
                made = next((o for o in needed(self.program, run, _anything) if o.name in QUEUES), None)
                if made is not None:
                    self._possible.append(Wait(sessions[0], opened, run, made))
        touched = list(needed(self.program, run, _touching))
        if run.partial or any(operation.attributes.get("open") for operation in touched):
            self._lost.update(sessions)
        for operation in touched:
            if operation.name in _INITIALIZERS:
                for session in sessions:
                    self.started.setdefault(session, []).append((run, operation))
            elif operation.kind == "assign":
                target = operation.inputs[0] if operation.inputs else None
                if isinstance(target, Tensor) and target.op is not None:
                    self._assigned.add(target.op)
                else:
                    self._lost.update(sessions)  # of a list of variables, any

    def _look(self, session: Id, run: SessionRun) -> None:
        opened = self._opened[session].place
        started = tuple(operation for _, operation in self.started.get(session, ()))
        if not any(read.session is session for read in self.reads) and not any(map(self._covers_all, started)):
            for made in self._read(run):
                if not any(self.covers(initializer, made) for initializer in started):
                    self.reads.append(Read(session, opened, run, made, started))
                    break
        if self._has_queues and not run.opaque and not any(wait.session is session for wait in self.waits):
            starts = tuple(self.queues.get(session, ()))
            for made in needed(self.program, run, _anything):
                if made.name in QUEUES and not any(self._is_filled(start, made) for start in starts):
                    self.waits.append(Wait(session, opened, run, made, starts))
                    break

    def _is_filled(self, start: QueuesStarted, made: Operation) -> bool:
        operation = self.program.operation(start.op)
        return operation is None or start.context.loop > 0 or self.made_before(made, operation)

    def _read(self, run: SessionRun) -> Iterator[Operation]:
        """The variables that a run is proved to read, in the order of their making, then what optimizers keep."""
        found = list(needed(self.program, run, _reading))
        trains = any(operation.kind == "train" for operation in found)
        if run.opaque and not trains:
            return  # What is fed may take the place of what reads a variable.
        for operation in found:
            if operation.kind == "variable" and _in_graph(operation) and operation.id not in self._assigned:
                if not any(user.name in ("load", "") for user in self.program.consumers(operation.id)):
                    yield operation
        for operation in found:
            if operation.kind == "train" and keeps_slots(self.program, operation):
                yield operation

    def _covers_all(self, initializer: Operation) -> bool:
        """Whether an initializer comes after all that can be initialised, so that nothing has to be looked at."""
        if self._last is None or initializer.name == RESTORE:
            return True
        return initializer.name == GLOBAL and self.made_before(self._last, initializer)

    def covers(self, initializer: Operation, made: Operation) -> bool:
        """Whether an initializer gives a variable, or the slots of a training step, a value, as far as can be told."""
        if initializer.name == RESTORE:
            return True
        if initializer.name == SOME:
            variables = initializer.arguments.get("var_list") or initializer.arguments.get("*0")
            items = self.program.items(variables.value) if variables is not None else ()
            known = [self.program.operation(item) for item in items]
            if not known or any(operation is None or operation.kind != "variable" for operation in known):
                return True
            return any(operation is made for operation in known)
        collections = made.arguments.get("collections")
        if initializer.name == LOCAL:
            return collections is not None and collections.given
        return not self._made_later(initializer, made)

    def _made_later(self, initializer: Operation, made: Operation) -> bool:
        """Whether what is read is proved not to exist yet where all variables of the graph are collected."""
        if initializer.context.loop > 0 or self.made_before(made, initializer):
            return False
        return made.kind == "train" or not self._may_be_shared(made)

    def _may_be_shared(self, variable: Operation) -> bool:
        """Whether a variable may be one that was made before, under the same name in a scope."""
        if variable.name == "tf.Variable":
            return False
        for _, record in self.program.objects:
            if record.kind == "variable scope" and (reuse := record.arguments.get("reuse")) is not None and reuse.given:
                return True
        name = variable.arguments.get("name")
        for other in self.program.of_kind("variable"):
            if other is variable:
                return False
            known = other.arguments.get("name")
            if other.place == variable.place:
                return True
            if name is not None and known is not None and name.given and name.value == known.value:
                return True
        return True

    def _may_run(self, event: Escape) -> bool:
        """Whether code that is not followed may run something in a session."""
        if event.function is None:
            return False  # What a root returns is used after it.
        if event.dropped and isinstance(event.function, Unknown):
            return True
        return any(self._reaches_session(value) for value in event.values)

    def _reaches_session(self, value: Value, depth: int = 0) -> bool:
        if isinstance(value, Tensor):
            operation = self.program.operation(value)
            return operation is not None and operation.kind == "initializer"
        if isinstance(value, (Function, Class, Bound, Partial)):
            return True
        if isinstance(value, Ref):
            record = self.program.record(value)
            if isinstance(record, ApiObject):
                return record.kind in ("session", "graph") or record.name == "tf.train.Saver"
            if isinstance(record, InstanceRecord):
                return True
            if depth < 4 and isinstance(record, ListRecord):
                items = (*(record.items or ()), *(() if record.element is None else (record.element,)))
                return any(self._reaches_session(item, depth + 1) for item in items)
            if depth < 4 and isinstance(record, DictRecord):
                return any(self._reaches_session(item, depth + 1) for _, item in record.items)
            return False
        if isinstance(value, Tuple) and depth < 4:
            return any(self._reaches_session(item, depth + 1) for item in value.items)
        if isinstance(value, Stream):
            return self._reaches_session(value.element, depth + 1) if depth < 4 else True
        return isinstance(value, Choice)


def sessions(program: Program) -> Sessions:
    """What the sessions of a program run, followed once."""
    found: Sessions = program.once(f"{__name__}.sessions", Sessions)
    return found


def keeps_slots(program: Program, step: Operation) -> bool:
    """Whether the optimizer of a training step has variables of its own."""
    record = program.object(step.attributes.get("optimizer"))
    return record is not None and record.name in _SLOTS


def needed(program: Program, run: SessionRun, follows: Callable[[Operation, int], bool]) -> Iterator[Operation]:
    """The operations that a run computes, in the order of their making.

    What is fed is not computed. `follows` says whether the input at a position of an operation is.
    """
    fed = {feed.key for feed in run.feeds}
    found: dict[Id, Operation] = {}
    stack = [value.op for value in run.fetches if isinstance(value, Tensor)]
    while stack:
        key = stack.pop()
        operation = program.operation(key) if key is not None else None
        if operation is None or operation.id in found or operation.id in fed or operation.output.library != "tf":
            continue
        found[operation.id] = operation
        stack += [
            value.op
            for position, value in enumerate(operation.inputs)
            if isinstance(value, Tensor) and follows(operation, position)
        ]
    order = [*reversed(found.values())]
    return iter(order)


def _anything(operation: Operation, position: int) -> bool:
    return operation.kind != "variable"


def _touching(operation: Operation, position: int) -> bool:
    return operation.kind in ("group", "identity", "opaque", "assign")


def _reading(operation: Operation, position: int) -> bool:
    kind = operation.kind
    if kind in ("variable", "opaque", "select", "initializer") or operation.name == "tensor.initialized_value":
        return False
    # To set a variable is not to read it; to add to it is.
    return kind != "assign" or position > 0 or not operation.name.endswith("assign")


def _in_graph(variable: Operation) -> bool:
    """Whether a variable belongs to the graph of TensorFlow 1, not to Keras, which gives its own a value."""
    name = variable.symbol.name if variable.symbol is not None else ""
    return name.startswith("tf.") and not name.startswith(("tf.contrib.eager", "tf.contrib.keras"))


def _is_cared_for(program: Program) -> bool:
    """Whether something initialises variables without being told: Keras, a supervisor."""
    if any(program.model_calls) or any(program.compiled):
        return True
    for _, record in program.objects:
        if record.name in CARETAKERS or (record.kind in ("layer", "model") and record.name.startswith("keras.")):
            return True
    return any(
        operation.name.startswith(("keras.backend", "keras.layers"))
        or (
            # Who depends on an initializer runs it.
            operation.name == "tf.control_dependencies"
            and any(producer.name in _INITIALIZERS for producer in program.producers(operation))
        )
        for operation in program.operations
    )


def _module(operation: Operation) -> Any:
    """The document whose body led to an operation, also through functions of others."""
    frame = operation.id.frame
    while frame.parent is not None:
        frame = frame.parent
    return frame.document


def depends_on(program: Program) -> Iterator[tuple[Operation, Operation]]:
    """Pairs of variables: the initial value of the first reads the second, and one initializer gives both a value."""
    if _is_cared_for(program):
        return
    followed = sessions(program)
    started = [entry for entries in followed.started.values() for entry in entries]
    starts = [operation for _, operation in started if operation.name == GLOBAL]
    if not starts or any(operation.name == RESTORE for _, operation in started):
        return
    ready = {  # What one initializer has given a value can be read by the next.
        item.op
        for _, operation in started
        if operation.name == SOME
        for argument in operation.arguments.values()
        for item in program.items(argument.value)
        if isinstance(item, Tensor)
    }
    for variable in program.of_kind("variable"):
        if variable.name not in ("tf.Variable", "tf.get_variable") or not variable.inputs or variable.context.loop:
            continue
        other = _read_variable(program, variable)
        if other is not None and other.id not in ready and other is not variable and _in_graph(other):
            if all(followed.made_before(variable, start) for start in starts):
                yield variable, other


def _read_variable(program: Program, variable: Operation) -> Operation | None:
    """A variable that the initial value of another reads."""
    stack = [variable.inputs[0]]
    seen: set[Id] = set()
    while stack:
        operation = program.operation(stack.pop())
        if operation is None or operation.id in seen or operation.output.library != "tf":
            continue
        seen.add(operation.id)
        if operation.kind == "variable":
            return operation
        stack += [
            value
            for position, value in enumerate(operation.inputs)
            if isinstance(value, Tensor) and _reading(operation, position)
        ]
    return None


__all__ = [
    "CARETAKERS",
    "GLOBAL",
    "LOCAL",
    "QUEUES",
    "RESTORE",
    "SOME",
    "Read",
    "Sessions",
    "Wait",
    "depends_on",
    "needed",
    "sessions",
]
