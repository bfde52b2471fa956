"""The abstract machine: a store of immutable values, and the bookkeeping that makes running a program repeatable.

Everything the program can see lies in one store: a variable under (frame, name), a heap record under its id, what
the feeds tell of a placeholder under ("feed", id), and the branch taken at an open condition under ("decision", key).
Reads and writes are recorded. That one mechanism serves the branches of an `if` (run both, compare what they wrote),
loops (run until nothing changes), and editing: a part of the program whose reads are unchanged is not run again.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

from trainlint.interpret.feeds import Collector
from trainlint.program.operations import Context, Operation
from trainlint.program.values import (
    ApiObject,
    Choice,
    Condition,
    Deferred,
    Frame,
    Id,
    Ref,
    Tensor,
    Unknown,
    Value,
)  # fmt: skip
from trainlint.record import Record

if TYPE_CHECKING:
    from trainlint.program.program import Program
    from trainlint.source.code import Block, Part, Place

MISSING: Any = type("Missing", (), {"__repr__": lambda self: "MISSING"})()
"""What a read gives when nothing was ever written there."""

FUEL = 400_000
"""Steps for one program; counted, never timed, so that a loaded machine finds the same as an idle one."""

MAX_DEPTH = 12
"""Calls that are followed into each other; `main` to `weight_variable` is often six deep."""

MAX_UNROLLED = 64
"""Rounds of a loop that are run one by one (rules.md, section 8 A3)."""

MAX_WORLDS = 8

MAX_ROOT_TESTS = 1
"""So many tests are decided for a root, one way and the other; others are joined: its parameters are all unknown."""

MAX_HOPS = 12
"""Modules that pass a name on to each other."""


class Recording:
    """What one stretch of execution read, wrote and did."""

    __slots__ = ("reads", "writes", "undo", "events", "volatile", "inner")

    def __init__(self) -> None:
        self.inner: list[Memory] = []
        """What was remembered or repeated in it."""
        self.reads: dict[Hashable, Any] = {}
        self.writes: dict[Hashable, Any] = {}
        self.undo: dict[Hashable, Any] = {}
        """What the keys that were written held before, without the ids of what was made in it: those held nothing."""
        self.events: list[Any] = []
        self.volatile = False
        """Whether it depends on more than its reads tell, so that it can't be remembered."""


class Memory(Record, eq=False):
    """A finished run of a part: valid for every store that answers its reads alike."""

    reads: dict[Hashable, Any]
    writes: dict[Hashable, Any]
    events: list[Any]
    fuel: int
    jump: Any
    edition: int
    inner: list[Memory]
    """What it was made of: needed again when one part of it changes."""


class Stretch(Record, eq=False):
    """Some parts of a long block, one after the other: repeating them together is faster than one by one."""

    unit: Any
    """That of the first part."""
    parts: tuple[Part, ...]


_PARTS = 8
"""Parts of a stretch, on average."""

_MOST_PARTS = 32

_MANY_NAMES = 1_000
"""Names of modules, files and parts of packages that are kept whether they are still used or not."""


class OutOfFuel(Exception):
    pass


class Cancelled(BaseException):
    """Nobody waits for the result any more: a later version of the text is there.

    What was run until then is remembered; no handler of failures may take this for one.
    """


class Machine:
    """Runs lowered code. One machine belongs to one entry document and is kept while it is edited."""

    def __init__(self, loader: Callable[[str, int, Any], Any] | None = None, generation: str = "2.16") -> None:
        self.loader = loader
        """Finds a sibling module: (dotted name, level, importing document) -> Document or None."""
        self.cancelled: Callable[[], bool] | None = None
        """Says whether somebody still waits for the run."""
        self.editing = True
        """Whether the text will be edited, so that each part is remembered and not stretches of them alone."""
        self.generation = generation
        self.roots: dict[Hashable, Frame] = {}
        self.memory: dict[tuple[Any, ...], list[Memory]] = {}
        self.decisions: dict[Hashable, bool] = {}
        self.joined: set[Hashable] = set()
        self.documents: dict[tuple[str, str, str, int], Any] = {}
        """What imports have found, as the store sees it: ("document", path, module, level) -> Document or None."""
        self.peeker: Callable[[str, str], Any] | None = None
        """Reads a data file that a program names: (name, path of the document) -> its content or None."""
        self.peeks: dict[tuple[str, str, str], Any] = {}
        """What it has found, as the store sees it: ("peek", path, name) -> content or None."""
        self._stretches: dict[tuple[Part, ...], Stretch] = {}
        self._divisions: dict[tuple[Part, ...], tuple[Any, ...]] = {}
        self._most_names = _MANY_NAMES
        self.feeds = Collector()
        self.edition = 0
        self.attributes: dict[tuple[str, str], Value] = {}
        """Names of packages that were looked up: (path, attribute) -> what it is."""
        self.programs: tuple[Program, ...] = ()
        """What the last run made."""
        self.likely: tuple[Program, ...] = ()
        """Programs that the running one will mostly equal: its last version, and another world."""
        self.entry: Any = None
        """The document that is analysed."""
        self.allowance = FUEL
        """Steps that are left for all roots of the file together."""
        self.reached: set[Any] = set()
        """The functions that roots have entered: nobody needs to enter them on their own."""
        self.holding: dict[int, tuple[Any, bool]] = {}
        """Whether records hold arrays, by identity, with the record so that no other one gets it."""
        self.chosen = False
        """Whether the function that is called now stands behind a variable, so that a program can ask what it takes."""
        self.replayed = 0
        self.executed = 0
        self.reset({})

    def reset(self, initial: dict[Hashable, Any]) -> None:
        """Empties the store; `initial` holds feeds that an earlier pass found."""
        self.holding.clear()
        self.changes = 0
        """How often an array was changed in place."""
        self.values: dict[Hashable, Any] = {}
        self.values.update(self.documents.items())
        self.values.update(self.peeks.items())
        self.values.update(initial)
        for document in (self.entry, *self.documents.values()):
            if document is not None:
                self.state_facts(document)
        self.recordings: list[Recording] = [Recording()]
        self.fuel = FUEL
        self.in_root = False
        """Whether a function or class is run on its own, with unknown arguments."""
        self.reserve = 0
        """Steps that a root gets once it has computed something."""
        self.frame: Frame = None  # type: ignore[assignment]
        self.iteration: tuple[Any, ...] = ()
        self.loops: tuple[Place, ...] = ()
        """The loops that the running code is in a summarised round of."""
        self.tape: Id | None = None
        self.conditions: tuple[tuple[Hashable, bool], ...] = ()
        """The open tests that the running code stands under."""
        self.guarded = False
        """Whether the running code is expected to fail, under a `try` or `assertRaises`."""
        self.listed: Any = None
        """The last call with empty brackets that is a statement of its own, as in a list of names."""
        self.graph: Frame | None = None
        """The innermost function under way that `tf.function` makes a graph of."""
        self.discovered: list[Condition] = []
        self.returns: list[Any] = []
        """What `return` gave in the running call: values, and (condition, those, others) for an open `if`."""
        self.yields: list[Value] = []
        self.skipped: list[tuple[Hashable, Value]] = []
        """What variables are where a branch of the running round may have left it by `break` or `continue`."""
        self.method_name = ""
        """The name of the method that is being handled; handlers serve several."""
        self.comprehended: Any = None
        """The length of what the innermost comprehension ran over."""

    # The store --------------------------------------------------------------------------------------------------------

    def read(self, key: Hashable) -> Any:
        value = self.values.get(key, MISSING)
        recording = self.recordings[-1]
        if key not in recording.writes and key not in recording.reads:
            recording.reads[key] = value
        return value

    def write(self, key: Hashable, value: Any) -> None:
        if self.likely and type(key) is Id:
            value = self._kept(key, value)
        recording = self.recordings[-1]
        if key not in recording.writes:
            before = self.values.get(key, MISSING)
            if before is not MISSING or type(key) is not Id:
                recording.undo[key] = before
        recording.writes[key] = value
        if value is MISSING:
            self.values.pop(key, None)
        else:
            self.values[key] = value

    def _kept(self, key: Id, value: Any) -> Any:
        """The record of the last version, or of another world, where that says the same: then it is no change."""
        for program in self.likely:
            then = program.made.get(key)
            if then is not None and (then is value or then == value):
                return then
        return value

    def load(self, module: str, level: int, importer: Any) -> Any:
        """The document that an import means, None if it is none of the project's."""
        key = ("document", importer.path, module, level)
        found = self.read(key)
        if found is MISSING:
            found = self.loader(module, level, importer) if self.loader is not None else None
            # As in `decide`, not through write(): what the project holds does not depend on the branch that asks.
            self.documents[key] = self.values[key] = found
            if found is not None:
                self.state_facts(found)
            for recording in self.recordings:
                recording.reads.pop(key, None)
            self.recordings[-1].reads[key] = found
        return found

    def peek(self, name: str) -> Any:
        """What a data file holds that the running code names; None where that is not known or not asked for."""
        if self.peeker is None and not self.peeks:
            return None
        path = self.frame.document.path
        key = ("peek", path, name)
        found = self.read(key)
        if found is MISSING:
            found = self.peeker(name, path) if self.peeker is not None else None
            # As for documents: what a file holds does not depend on the branch that asks.
            self.peeks[key] = self.values[key] = found
            for recording in self.recordings:
                recording.reads.pop(key, None)
            self.recordings[-1].reads[key] = found
        return found

    def state_facts(self, document: Any) -> None:
        """Puts what comments state into the store: ("facts", unit) -> the facts of that unit."""
        for unit, facts in document.facts.items():
            self.values[("facts", unit)] = facts

    def reload(self, documents: dict[str, Any]) -> None:
        """Asks again for all modules that the last run imported: they may have changed."""
        for key in list(self.documents):
            path, module, level = key[1:]
            importer = documents.get(path) or self.documents_by_path().get(path)
            del self.documents[key]
            if importer is not None and self.loader is not None:
                self.documents[key] = self.loader(module, level, importer)

        for peeked in self.peeks:
            self.peeks[peeked] = self.peeker(peeked[2], peeked[1]) if self.peeker is not None else None

    def stretches(self, block: Block) -> tuple[Any, ...]:
        """A long block in stretches, which are the same objects as long as their parts are."""
        known = self._divisions.get(block.parts)
        if known is not None:
            return known
        found: list[Any] = []
        parts: list[Part] = []
        for part in block.parts:
            # Where one begins depends on the part alone, so that those after an edit stay as they are.
            if parts and (len(parts) == _MOST_PARTS or not (id(part) >> 4) % _PARTS):
                found.append(self._stretch(tuple(parts)))
                parts = []
            parts.append(part)
        found.append(self._stretch(tuple(parts)))
        result = self._divisions[block.parts] = tuple(found)
        return result

    def _stretch(self, parts: tuple[Part, ...]) -> Any:
        if len(parts) == 1:
            return parts[0]
        found = self._stretches.get(parts)
        if found is None:
            found = self._stretches[parts] = Stretch(parts[0].unit, parts)
        return found

    def forget_stretches(self) -> None:
        """Forgets the stretches that no part of the memory is for."""
        self._divisions.clear()
        used = {key[1] for key in self.memory if type(key[1]) is Stretch}
        self._stretches = {parts: stretch for parts, stretch in self._stretches.items() if stretch in used}

    def forget_names(self) -> None:
        """Forgets modules, files and names that somebody looked for while they were typed, when there are many."""
        if len(self.documents) + len(self.peeks) + len(self.attributes) < self._most_names:
            return
        read = {
            key for memories in self.memory.values() for memory in memories for key in memory.reads
            if type(key) is tuple and key and key[0] in ("document", "peek")
        }  # fmt: skip
        self.documents = {key: found for key, found in self.documents.items() if key in read}
        self.peeks = {key: found for key, found in self.peeks.items() if key in read}
        self.attributes.clear()
        self._most_names = 2 * (len(self.documents) + len(self.peeks)) + _MANY_NAMES

    def let_go(self) -> None:
        """Takes apart what refers to each other, when nothing of it is asked for any more: its memory is free at once.

        Frames know what was called and made in them, which knows its frame; so all that was run would wait for the
        collector, which takes a sixth of the time of a check of many files.
        """
        frames = list(self.roots.values())
        while frames:
            frame = frames.pop()
            frames += frame.children.values()
            frame.children, frame.ids, frame.contexts = {}, {}, {}
        self.roots = {}
        self.programs = self.likely = ()

    def documents_by_path(self) -> dict[str, Any]:
        return {document.path: document for document in self.documents.values() if document is not None}

    def record(self, event: Any) -> None:
        """Appends an event to what the program does."""
        self.recordings[-1].events.append(event)

    @property
    def events(self) -> list[Any]:
        return self.recordings[0].events

    def begin(self) -> None:
        self.recordings.append(Recording())

    def commit(self) -> Recording:
        """Ends the innermost recording; what it did stays done."""
        inner = self.recordings.pop()
        outer = self.recordings[-1]
        outer.events.extend(inner.events)
        outer.inner.extend(inner.inner)
        outer.volatile |= inner.volatile
        if len(self.recordings) > 1:
            # Nobody asks what the outermost recording read or how to undo it.
            self._inherit(inner, outer)
            for key, value in inner.undo.items():
                if key not in outer.writes:
                    outer.undo[key] = value
        outer.writes.update(inner.writes)
        return inner

    def rollback(self) -> Recording:
        """Ends the innermost recording and undoes it; its reads still count as made."""
        inner = self.recordings.pop()
        values, undo = self.values, inner.undo
        for key in inner.writes:
            before = undo.get(key, MISSING)
            if before is MISSING:
                values.pop(key, None)
            else:
                values[key] = before
        if len(self.recordings) > 1:
            self._inherit(inner, self.recordings[-1])
        self.recordings[-1].volatile |= inner.volatile
        self.recordings[-1].inner.extend(inner.inner)
        return inner

    def unwrite(self, key: Hashable) -> None:
        """Takes back what the innermost recording wrote to a key."""
        recording = self.recordings[-1]
        del recording.writes[key]
        before = recording.undo.pop(key, MISSING)
        if before is MISSING:
            self.values.pop(key, None)
        else:
            self.values[key] = before

    @staticmethod
    def _inherit(inner: Recording, outer: Recording) -> None:
        """What the inner stretch read is read by the outer one, unless that wrote it itself."""
        reads, writes = outer.reads, outer.writes
        if not writes:
            outer.reads = _beneath(reads, inner.reads)
            return
        for key, value in inner.reads.items():
            if key not in writes and key not in reads:
                reads[key] = value

    def apply(self, writes: dict[Hashable, Any], events: Any = ()) -> None:
        """Does what a recording did."""
        recording, values = self.recordings[-1], self.values
        if len(self.recordings) > 1:
            for key in writes:
                if key not in recording.writes:
                    before = values.get(key, MISSING)
                    if before is not MISSING or type(key) is not Id:
                        recording.undo[key] = before
        recording.writes.update(writes)
        values.update(writes)
        for key in [key for key, value in writes.items() if value is MISSING]:
            del values[key]
        recording.events.extend(events)

    # Ids and frames ---------------------------------------------------------------------------------------------------

    def identify(self, place: Place, tag: Any = "") -> Id:
        """The id of what is made at a place, the same in every run."""
        key = (place, self.iteration, tag)
        ids = self.frame.ids
        found = ids.get(key)
        if found is None:
            found = ids[key] = Id(self.frame, place, self.iteration, tag)
        return found

    def enter(self, name: str, place: Place, document: Any, lexical: Frame | None, code: Hashable) -> Frame:
        """The frame of a call at a place; the caller restores `machine.frame` afterwards."""
        # The code is another one after each edit of its body, and what stands around the edit is to be repeated.
        key = (place, self.iteration, code.place)  # type: ignore[attr-defined]
        found = self.frame.children.get(key)
        if found is None:
            found = self.frame.children[key] = Frame(name, self.frame, place, document, lexical, self.iteration, code)
        found.code = code
        return found

    def root(self, name: str, document: Any, key: Hashable, lexical: Frame | None = None) -> Frame:
        found = self.roots.get(key)
        if found is None:
            found = self.roots[key] = Frame(name, None, None, document, lexical)
        found.root_document = document
        return found

    def context(self) -> Context:
        """Where the machine is: loops, tape and calls."""
        frame = self.frame
        key = (self.loops, self.tape, self.conditions, self.guarded, self.graph)
        found = frame.contexts.get(key)
        if found is None:
            graph = None if self.graph is None else _calls(self.graph)
            found = frame.contexts[key] = Context(
                self.loops, self.tape, _calls(frame), frame.name, self.conditions, self.guarded, graph
            )
        return found

    # The heap ---------------------------------------------------------------------------------------------------------

    def new(self, place: Place, record: Any, tag: Any = "") -> Ref:
        """Puts a record on the heap."""
        key = self.identify(place, tag)
        self.write(key, record)
        return Ref(id=key)

    def get(self, reference: Value | Id | None) -> Any:
        """The heap record behind a reference, None if there is none."""
        key = reference.id if isinstance(reference, Ref) else reference
        if not isinstance(key, Id):
            return None
        record = self.read(key)
        return None if record is MISSING else record

    def put(self, reference: Ref | Id, record: Any) -> None:
        self.write(reference.id if isinstance(reference, Ref) else reference, record)

    def object(self, value: Value | None) -> ApiObject | None:
        """The API object behind a value, None if it is something else."""
        record = self.get(value) if isinstance(value, Ref) else None
        return record if isinstance(record, ApiObject) else None

    def operation(self, value: Value | Id | None) -> Operation | None:
        """The operation that made a tensor."""
        key = value.op if isinstance(value, Tensor) else value
        if not isinstance(key, Id):
            return None
        record = self.read(key)
        return record if isinstance(record, Operation) else None

    def emit(
        self,
        kind: str,
        name: str,
        place: Place,
        inputs: tuple[Value, ...],
        output: Tensor,
        tag: Any = "",
        **more: Any,
    ) -> Tensor:
        """Adds an operation to the graph and gives its output, which knows where it came from."""
        if self.reserve:
            self.release()
        key = self.identify(place, tag or kind)
        output = output.replace(op=key)
        self.write(key, Operation(key, kind, name, inputs, output, place, context=self.context(), **more))
        return output

    def made(self, kind: str) -> list[Operation]:
        """All operations of a kind so far, as a collection of TensorFlow 1 holds them."""
        self.recordings[-1].volatile = True
        return [record for record in self.values.values() if type(record) is Operation and record.kind == kind]

    # Open conditions --------------------------------------------------------------------------------------------------

    def decide(self, condition: Condition) -> bool | None:
        """The branch that this world takes; None when the condition is not split but joined."""
        key = ("decision", condition.key)
        known = self.read(key)
        if known is not MISSING:
            return known is not condition.negated
        implied = self._implied(condition.key)
        if implied is not None:
            return implied is not condition.negated
        if condition.key in self.joined or (self.in_root and len(self.discovered) >= MAX_ROOT_TESTS):
            return None
        choice = self.decisions.get(condition.key, True)
        # Not through write(): a decision holds for the whole world, also when the branch that asked is undone.
        self.values[key] = choice
        for recording in self.recordings:
            recording.reads.pop(key, None)
        self.recordings[-1].reads[key] = choice
        self.discovered.append(condition)
        return choice is not condition.negated

    def _implied(self, key: Hashable) -> bool | None:
        """False for `x == 'b'` in the world in which `x == 'a'`."""
        if isinstance(key, tuple) and len(key) == 3 and key[0] == "==":
            for other in self.discovered:
                o = other.key
                if isinstance(o, tuple) and len(o) == 3 and o[0] == "==" and o[1] == key[1] and o != key:
                    if self.values.get(("decision", o)) is True:
                        return False
        return None

    def resolve(self, value: Value) -> Value:
        """The value itself, with an open choice decided for this world."""
        hops = 0
        while True:
            if type(value) is Deferred:
                from trainlint.interpret.modules import force

                # Two modules that import a name from each other never define it.
                hops += 1
                value = force(self, value) if hops < MAX_HOPS else unknown(f"`{value.name}` is imported in a circle")
                continue
            if type(value) is not Choice:
                return value
            decision = self.decide(value.condition)
            if decision is None:
                from trainlint.interpret.joins import join

                return join(self.resolve(value.then), self.resolve(value.otherwise))
            value = value.then if decision else value.otherwise

    def left(self) -> int:
        """The steps that are left, with those that a root gets once it has computed something."""
        return self.fuel + self.reserve

    def release(self) -> None:
        """Gives a root the rest of its steps: it has computed something."""
        self.fuel += self.reserve
        self.reserve = 0

    def burn(self) -> None:
        """Takes one step; ends the run when there were too many."""
        self.fuel -= 1
        if self.fuel < 0:
            raise OutOfFuel

    def within(self, **state: Any) -> _Within:
        """Sets some of the machine's registers (frame, iteration, loop, tape) and restores them."""
        return _Within(self, state)


def _calls(frame: Frame | None) -> tuple[Place, ...]:
    """The calls that lead to a frame, the outermost first."""
    places = []
    while frame is not None:
        if frame.place is not None:
            places.append(frame.place)
        frame = frame.parent
    return tuple(reversed(places))


class _Within:
    """A `with` block for registers: entered for each call and each round, so it is no generator."""

    __slots__ = ("machine", "state", "saved")

    def __init__(self, machine: Machine, state: dict[str, Any]) -> None:
        self.machine = machine
        self.state = state

    def __enter__(self) -> None:
        machine = self.machine
        self.saved = {name: getattr(machine, name) for name in self.state}
        for name, value in self.state.items():
            setattr(machine, name, value)

    def __exit__(self, *error: object) -> None:
        for name, value in self.saved.items():
            setattr(self.machine, name, value)


def _beneath(entries: dict[Hashable, Any], others: dict[Hashable, Any]) -> dict[Hashable, Any]:
    """Entries with those of others where they have none."""
    if len(others) > len(entries):
        return {**others, **entries}
    for key, value in others.items():
        if key not in entries:
            entries[key] = value
    return entries


def unknown(reason: str = "", place: Place | None = None, origin: Hashable = None) -> Unknown:
    """An unknown value that remembers why."""
    return Unknown(origin=origin, reason=reason, place=place)
