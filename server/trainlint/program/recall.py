"""What was found out about a program, kept for its next version as far as nothing that it rests on has changed.

Whatever asks a program something is answered by a few methods, so that what an analysis read of it can be noted:
ids of records, and for questions about many of them the tokens below. An edit changes a few records; what read none of
them holds on. The worlds of one root differ in a few records as well, and share what they find.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from trainlint.program.events import Compile, ModelCall
from trainlint.program.operations import Operation
from trainlint.program.values import ApiObject, Id, InstanceRecord

if TYPE_CHECKING:
    from trainlint.program.program import Program

Token = Any
"""An id: the record under it. Else one of the constants below, or a pair of one of the names below and what it is for.

("kind", kind): the operations of a kind. ("events", type): the events of a type. ("uses", id): the operations that take
a result. ("above", id): all that a result depends on. ("fed", id): what is fed to an input. ("compiles", id): the
`compile` calls that make a loss. ("model", id): what is done with a model.
"""

ANYTHING, HEAP, OPERATIONS, OBJECTS, INSTANCES, EVENTS, WORLD = (
    "anything", "heap", "operations", "objects", "instances", "events", "world",
)  # fmt: skip
"""Whether anything at all is different; all records; all operations, objects, instances, events; which world it is."""

KEPT = 8
"""After so many versions what does not hold any more is forgotten."""

UNUSED = 16
"""So many versions are kept of what nobody asks for."""

_FEW = 8


class Changes:
    """What is different between two programs, as tokens.

    `ids` are the records that are not the same, `above` what depends on them, themselves included.
    """

    __slots__ = ("above", "ids", "tokens")

    def __init__(self, tokens: frozenset[Token], ids: frozenset[Id], above: frozenset[Id]) -> None:
        self.tokens = tokens
        self.ids = ids
        self.above = above


NO_CHANGES = Changes(frozenset(), frozenset(), frozenset())


class Entry:
    """A result, what it was computed from, the last version that it is known to hold in, and the last that used it."""

    __slots__ = ("reads", "result", "subjects", "used", "version")

    def __init__(self, version: int, reads: Any, subjects: tuple[Any, ...], result: Any) -> None:
        self.version = self.used = version
        self.reads = reads
        self.subjects = subjects
        self.result = result


class Recollection:
    """What is known of one world of one root, passed on from version to version; it is right for its `owner` alone."""

    def __init__(self, owner: Program) -> None:
        self.owner = owner
        self.entries: dict[tuple[Any, ...], Entry] = {}
        self.version = 0
        self._changed: list[frozenset[Token]] = []
        """What changed since version i of the last KEPT ones, the sum of all steps."""

    def pass_on(self, owner: Program, changes: Changes) -> None:
        """Makes it that of the next version of the program."""
        self.owner = owner
        self.version += 1
        self._changed = [known | changes.tokens for known in self._changed]
        self._changed.append(changes.tokens)
        if len(self._changed) > KEPT:
            self._sweep()

    def _sweep(self) -> None:
        oldest = self.version - UNUSED
        for key, entry in list(self.entries.items()):
            if self._holding(key) is not None and entry.used < oldest:
                del self.entries[key]
        self._changed.clear()

    def get(self, key: tuple[Any, ...]) -> Entry | None:
        """What is known under a key and still holds."""
        entry = self._holding(key)
        if entry is not None:
            entry.used = self.version
        return entry

    def _holding(self, key: tuple[Any, ...]) -> Entry | None:
        entry = self.entries.get(key)
        if entry is not None and entry.version != self.version:
            if not self._changed[entry.version - self.version].isdisjoint(entry.reads):
                del self.entries[key]
                return None
            entry.version = self.version
        return entry

    def put(self, key: tuple[Any, ...], reads: Iterable[Token], subjects: tuple[Any, ...], result: Any) -> None:
        self.entries[key] = Entry(self.version, reads, subjects, result)


def shortened(reads: set[Token]) -> Any:
    """The tokens in little memory: most results rest on a few records."""
    return tuple(reads) if len(reads) <= _FEW else frozenset(reads)


def finished(result: Any) -> Any:
    """A result that was computed to its end."""
    return tuple(result) if hasattr(result, "__next__") else result


def aligned(old: tuple[Any, ...], new: tuple[Any, ...]) -> tuple[Any, ...]:
    """The new events, with old ones in place of those that equal them, as far as both begin and end alike.

    No event comes twice that did not.
    """
    most = min(len(old), len(new))
    first = _alike(old, new, most)
    last = _alike(old[::-1], new[::-1], most - first)
    present = set(map(id, new))
    pairs = [*zip(old[:first], new[:first]), *((event, event) for event in new[first : len(new) - last])]
    pairs += zip(old[len(old) - last :], new[len(new) - last :])
    result = []
    for then, now in pairs:
        chosen = now if id(then) in present else then
        present.add(id(chosen))
        result.append(chosen)
    return tuple(result)


def _alike(old: tuple[Any, ...], new: tuple[Any, ...], most: int) -> int:
    """How many events at the start are equal."""
    for index, (then, now) in enumerate(zip(old[:most], new)):
        if then is not now and then != now:
            return index
    return most


def concerned(event: Any) -> Iterator[tuple[tuple[str, Id], Any]]:
    """What an event is about, as tokens, each with what it says of that."""
    for feed in getattr(event, "feeds", ()):
        yield ("fed", feed.key), (event, feed)
    kind = type(event)
    if kind is Compile:
        for loss in dict.fromkeys(event.losses):
            yield ("compiles", loss), event
    if kind is Compile or kind is ModelCall:
        yield ("model", event.model), event


def changes(old: Program, new: Program, around: Changes | None) -> Changes | None:
    """What is different in a program; None where too much is. `around` is what is in the module around a root."""
    if (old.root, old.possible, old.version, old.defaults) != (new.root, new.possible, new.version, new.defaults):
        return None
    before, after = old.own, new.own
    changed: set[Id] = {key for key, record in after.items() if before.get(key) is not record and type(key) is Id}
    changed.update(key for key in before if key not in after and type(key) is Id)
    # Which operations happen depends on the decisions of the world as well.
    changed.update(old.made.keys() ^ new.made.keys())
    if [key for key in old.made if key not in changed] != [key for key in new.made if key not in changed]:
        return None
    tokens: set[Token] = {ANYTHING, HEAP, *changed}
    if (old.world_, old.conditions_) != (new.world_, new.conditions_):
        tokens.add(WORLD)
    sources: list[Id] = []
    kinds = set()
    for key in changed:
        for record in (before.get(key), after.get(key)):
            kind = type(record)
            if record is not None and kind is Operation:
                kinds.add(record.kind)
                sources += record.sources
            elif kind is ApiObject:
                tokens.add(OBJECTS)
            elif kind is InstanceRecord:
                tokens.add(INSTANCES)
    if kinds:
        tokens.add(OPERATIONS)
        tokens.update([("kind", kind) for kind in kinds])
        tokens.update([("uses", key) for key in sources])
    if len(old.all_events) != len(new.all_events) or any(a is not b for a, b in zip(old.all_events, new.all_events)):
        tokens.add(EVENTS)
        known = {id(event) for event in old.all_events}.symmetric_difference(map(id, new.all_events))
        for event in (*old.all_events, *new.all_events):
            if id(event) in known:
                tokens.update([token for token, _ in concerned(event)])
        for kind in {type(event) for event in (*old.all_events, *new.all_events)}:
            was, now = ([each for each in p.all_events if type(each) is kind] for p in (old, new))
            if len(was) != len(now) or any(a is not b for a, b in zip(was, now)):
                tokens.update(("events", base) for base in kind.__mro__)
    above = set(changed)
    if around is not None:
        tokens |= around.tokens
        above |= around.above
    graphs = (old.users, new.users)
    stack = list(above)
    while stack:
        key = stack.pop()
        for users in graphs:
            for user in users.get(key, ()):
                if user.id not in above:
                    above.add(user.id)
                    stack.append(user.id)
    tokens.update([("above", key) for key in above])
    return Changes(frozenset(tokens), frozenset(changed), frozenset(above))
