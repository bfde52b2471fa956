"""From a document to its programs: worlds, roots and the second run with feeds."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from functools import partial
from typing import Any, cast

from trainlint.interpret import api as _api  # noqa: F401  (registers the handlers)
from trainlint.interpret import arrays, classes, effects
from trainlint.interpret.api.arg_scopes import ANY_SCOPE
from trainlint.interpret.api.call import Arguments
from trainlint.interpret.contexts import ARG_SCOPE
from trainlint.interpret.expressions import evaluate
from trainlint.interpret.machine import MAX_WORLDS, Machine, OutOfFuel, unknown
from trainlint.interpret.order import callers_first
from trainlint.interpret.statements import execute
from trainlint.program.events import Altered, Unread
from trainlint.program.operations import Operation
from trainlint.program.program import Layers, Program
from trainlint.program.recall import NO_CHANGES, Changes, aligned
from trainlint.program.values import Argument, Class, Condition, Const, Frame, Function, Unknown, Value
from trainlint.record import Record
from trainlint.source import code
from trainlint.source.code import Place

MAX_ROOTS = 300
"""Functions of one file that are entered on their own."""

FORGOTTEN_EVERY = 8
"""After so many analyses what belongs to places that are gone is forgotten."""

KEPT_EDITIONS = 16
"""So many analyses back a part is still remembered: undoing a few edits costs nothing."""

ROOT_FUEL = 12_000
"""Steps of one root: nobody says what it is given, so what it builds is mostly unknown."""

IDLE_FUEL = 2_000
"""Steps in which a root has to compute something: a builder whose layers come from nowhere never does."""

ROOTS_FUEL = 150_000
"""Steps of all roots of a file together: about a second in a library of builders that nothing calls."""


class Interpretation(Record, eq=False):
    """All programs of a document: the module in each world, then the roots."""

    programs: tuple[Program, ...]
    complete: bool
    machine: Machine

    def let_go(self) -> None:
        """Frees what was run at once; nothing of it may be asked for afterwards."""
        for program in self.programs:
            program.let_go()
        self.machine.let_go()


def interpret(
    document: Any,
    loader: Callable[..., Any] | None,
    generation: str,
    machine: Machine | None = None,
    editing: bool = True,
    peeker: Callable[[str, str], Any] | None = None,
    cancelled: Callable[[], bool] | None = None,
    version: tuple[int, ...] | None = None,
    possible: tuple[str, ...] = (),
) -> Interpretation:
    """Runs a document abstractly. With the machine of an earlier version, only what an edit touched is run again.

    `peeker` reads the data files that the program names, where the user wants that. `version` is the exact version of
    TensorFlow that the program is for, where that is known, and `possible` are the generations that it may be for, of
    which `generation` is the newest.
    Raises Cancelled soon after `cancelled` says that nobody waits.
    """
    if machine is None or machine.generation != generation:
        machine = Machine(loader, generation)
    machine.loader, machine.peeker, machine.editing = loader, peeker, editing
    machine.cancelled = cancelled
    machine.edition += 1
    machine.entry = document
    machine.reload({document.path: document})
    machine.replayed = machine.executed = 0
    complete = True
    programs: list[Program] = []
    machine.joined = set()
    machine.reached = set()
    machine.allowance = ROOTS_FUEL
    first: tuple[dict[Hashable, Any], list[Condition]] = {}, []

    def run() -> tuple[Program, bool]:
        nonlocal first
        result = _run_module(machine, document)
        if not machine.decisions:
            first = machine.values, list(machine.discovered)
        return result

    for program, finished in _worlds(machine, run):
        programs.append(program)
        complete &= finished
    # Roots start from the first world.
    machine.values, machine.discovered = first
    unread = programs[0].events_of(Unread)
    for program, finished in _run_roots(machine, document, tuple(unread)):
        programs.append(program)
        complete &= finished
    _prune(machine)
    for program in programs:
        program.version, program.possible = version, possible or (generation,)
        program.module = programs[0] if program.root else None
    machine.programs = _reused(machine.programs, programs, machine.editing)
    return Interpretation(machine.programs, complete, machine)


def _reused(before: tuple[Program, ...], now: list[Program], editing: bool) -> tuple[Program, ...]:
    """The programs, with those of the last run in the place of the same: they know what was found out about them.

    The worlds of a root go together, and no root stays when the module around it changed.
    Others take over what still holds.
    """
    result = list(now)
    module_changed = False
    around: Changes | None = NO_CHANGES
    for root in dict.fromkeys(program.root for program in now):
        old = [program for program in before if program.root == root]
        places = [index for index, program in enumerate(now) if program.root == root]
        same = len(old) == len(places) and all(now[i].repeats(known) for i, known in zip(places, old))
        if same and not module_changed:
            for index, known in zip(places, old):
                known.heap_ = now[index].heap_
                result[index] = known
            continue
        if not root:
            module_changed = True
        if not editing and len(places) == 1:
            # Nobody asks what was found out about it: there is no other world, and there will be no next version.
            around = around if root else None
            continue
        for number, index in enumerate(places):
            before_it = old[number] if number < len(old) and (not root or around is not None) else None
            changes = now[index].follow(before_it, around if root else None)
            if not root and number == 0:
                around = changes
            if number:
                now[index].resemble(now[places[0]])
    for program in set(before) - set(result):
        # What nobody takes over need not lie beside what is found out anew.
        program.let_go()
    return tuple(result)


def _worlds(
    machine: Machine, run: Callable[[], tuple[Program, bool]], root: str = ""
) -> Iterator[tuple[Program, bool]]:
    """Runs a program once for each way to decide its open conditions, at most MAX_WORLDS times.

    With more conditions than that, the later ones are joined instead of split. `root` is what is run.
    """
    before = [program for program in machine.programs if program.root == root]
    for _ in range(4):
        results: list[tuple[Program, bool]] = []
        pending: list[dict[Hashable, bool]] = [{}]
        planned = 1
        overflow: list[Hashable] = []
        while pending:
            machine.decisions = pending.pop(0)
            machine.likely = (*before[len(results) : len(results) + 1], *[program for program, _ in results[:1]])
            result = run()
            found = list(machine.discovered)
            results.append((_in_world(result[0], machine, found), result[1]))
            fixed: dict[Hashable, bool] = {}
            for condition in found:
                if condition.key not in machine.decisions:
                    if planned >= MAX_WORLDS:
                        overflow.append(condition.key)
                    else:
                        planned += 1
                        pending.append({**machine.decisions, **fixed, condition.key: False})
                fixed[condition.key] = bool(machine.values.get(("decision", condition.key), True))
        if not overflow:
            break
        machine.joined |= set(overflow)
    machine.decisions = {}
    machine.likely = ()
    yield from results


def _in_world(program: Program, machine: Machine, conditions: list[Condition]) -> Program:
    if conditions:
        texts = []
        for condition in conditions:
            holds = machine.values.get(("decision", condition.key), True)
            text = condition.text or arrays.show_origin(condition.key)
            texts.append(f"`{text}` is {'true' if holds is not condition.negated else 'false'}")
        program.decided(texts)
    return program


def _run_module(machine: Machine, document: Any) -> tuple[Program, bool]:
    initial: dict[Hashable, Any] = {}
    finished = True
    for number in range(3):
        machine.reset(initial)
        frame = machine.root("", document, document.path)
        machine.frame = frame
        finished = _guarded(machine, lambda: execute(machine, document.body))
        machine.frame = frame
        fed = _collect(machine, machine.events, number)
        if fed == initial:
            break
        initial = dict(fed)
    values = dict(machine.values)
    decided = _decided(machine, machine.discovered)
    events = _lived(machine, decided, machine.events)
    return Program(values, _own(values, decided), events, machine.generation), finished


def _decided(machine: Machine, conditions: list[Condition]) -> dict[Hashable, bool]:
    """How the tests came out that the running world decides."""
    return {condition.key: machine.values["decision", condition.key] for condition in conditions}


def _own(written: dict[Hashable, Any], decided: dict[Hashable, bool]) -> list[Hashable]:
    """The keys of what a program made, without the operations of branches that its world does not take."""
    if not decided:
        return list(written)
    return [
        key for key, record in written.items()
        if type(record) is not Operation or _happens(decided, record.context.conditions)
    ]  # fmt: skip


def _lived(machine: Machine, decided: dict[Hashable, bool], events: list[Any]) -> tuple[Any, ...]:
    """The events of a world; those that are as in the last version are the same objects."""
    found = tuple([event for event in events if not decided or _happens(decided, event.context.conditions)])
    for program in machine.likely:
        found = aligned(program.all_events, found)
    return found


def _happens(decided: dict[Hashable, bool], conditions: tuple[tuple[Hashable, bool], ...]) -> bool:
    """Whether a world's decisions allow what stands under some conditions."""
    # The last branch of a long chain stands under hundreds of conditions, and few of them are decided; where a loop is
    # unrolled hundreds are decided, and each round stands under few.
    if len(decided) < len(conditions):
        return not any((key, not outcome) in conditions for key, outcome in decided.items())
    return not any(decided.get(key, outcome) is not outcome for key, outcome in conditions)


def _collect(machine: Machine, events: list[Any], number: int, root: str = "") -> dict[Hashable, Any]:
    """What is fed in a run, and what is changed of layers: the pass with this number in this world of a root."""

    def trains(event: Any) -> bool:
        return any(
            (operation := machine.operation(value)) is not None and operation.kind in ("train", "group")
            for value in event.fetches
        )

    run = root, number, tuple(machine.decisions.items())
    fed = machine.feeds.collect(events, lambda value: arrays.as_tensor(machine, value), trains, run)
    altered: dict[Hashable, frozenset[str]] = {}
    for event in events:
        if type(event) is Altered:
            key = "altered", event.target
            altered[key] = altered.get(key, frozenset()) | {event.name}
    return {**fed, **altered} if altered else fed


def _guarded(machine: Machine, run: Callable[[], Any]) -> bool:
    depth = len(machine.recordings)
    try:
        run()
    except (OutOfFuel, RecursionError):
        while len(machine.recordings) > depth:
            machine.commit()
        return False
    return True


# Roots ----------------------------------------------------------------------------------------------------------------


def _run_roots(machine: Machine, document: Any, unread: tuple[Unread, ...]) -> Iterator[tuple[Program, bool]]:
    """Enters every class and function of the module that its body did not reach; what is `unread` concerns them too."""
    frame = machine.root("", document, document.path)
    candidates = callers_first([
        (key[1], value) for (key, value) in list(machine.values.items())
        if type(value) in (Function, Class) and type(key) is tuple and len(key) == 2 and key[0] is frame
    ])  # fmt: skip
    count = 0
    functions = [value for value in candidates if isinstance(value, Function)]
    for cls in candidates:
        if isinstance(cls, Class):
            functions += _methods(machine, cls)
    effects.forget_globals(machine, frame, [each.define for each in functions if not _called(machine, each)])
    for value in candidates:
        if value.frame.document is not document or count >= MAX_ROOTS or machine.allowance <= 0:
            continue
        if isinstance(value, Function):
            if _called(machine, value):
                continue
            count += 1
            defaults = _defaults([value])
            yield from _enter_root(
                machine, frame, value.name, partial(_call_root, machine, value, ()), unread, defaults
            )
        elif isinstance(value, Class) and value.define is not None:
            # A unit test builds what it checks: small, made of ones, or wrong on purpose.
            if _methods_reached(machine, value) or classes.is_test_case(machine, value):
                continue
            count += 1
            made = _heir(machine, value, candidates)
            defaults = _defaults(_methods(machine, value) + _methods(machine, made))
            yield from _enter_root(
                machine, frame, value.define.name, partial(_class_root, machine, value, made), unread, defaults
            )


def _defaults(functions: Iterable[Function]) -> frozenset[int | None]:
    """The numbers, or None, that the parameters of functions have by default."""
    values = [value.value for function in functions for _, value in function.defaults if isinstance(value, Const)]
    return frozenset(value for value in values if value is None or type(value) is int)


def _methods(machine: Machine, cls: Class) -> list[Function]:
    return [
        value for key, value in list(machine.values.items())
        if type(value) is Function and type(key) is tuple and len(key) == 2 and key[0] is cls.frame
    ]  # fmt: skip


def _called(machine: Machine, function: Function) -> bool:
    """Whether the program, or the root that is running, has entered a function."""
    return function.define in machine.reached or machine.values.get(("called", function.define), False)


def _methods_reached(machine: Machine, cls: Class) -> bool:
    return all(_called(machine, method) for method in _methods(machine, cls))


def _enter_root(
    machine: Machine,
    frame: Frame,
    name: str,
    run: Callable[[], None],
    unread: tuple[Unread, ...],
    defaults: frozenset[int | None],
) -> Iterator[tuple[Program, bool]]:
    base = dict(machine.values)
    base_discovered = list(machine.discovered)

    # Who calls it may stand in a scope, where a program has any.
    around: dict[Hashable, Any] = {}
    if any(each.endswith("arg_scope") for each in frame.document.dotted):
        around[ARG_SCOPE] = ANY_SCOPE

    reached: set[Any] = set()
    entered: dict[Hashable, Any] = {}

    def once() -> tuple[Program, bool]:
        fed: dict[Hashable, Any] = {}
        finished = True
        for number in range(3):
            machine.values = {**base, **around, **fed}
            machine.discovered = []
            granted = min(machine.allowance, ROOT_FUEL)
            machine.fuel = min(granted, IDLE_FUEL)
            machine.reserve = granted - machine.fuel
            machine.recordings = [machine.recordings[0]]
            machine.begin()
            machine.frame = frame
            machine.in_root = True
            machine.iteration, machine.loops, machine.tape, machine.conditions = (), (), None, ()
            machine.graph = None
            machine.returns, machine.yields, machine.skipped = [], [], []
            for event in unread:
                machine.record(event)
            # Nothing is lost of a root that gives up before it has computed anything.
            finished = _guarded(machine, run) or machine.reserve > 0
            machine.allowance -= granted - machine.reserve - max(machine.fuel, 0)
            machine.reserve = 0
            machine.frame = frame
            recording = machine.recordings[-1]
            found = _collect(machine, recording.events, number, name)
            if found == fed:
                break
            fed = dict(found)
        recording = machine.recordings.pop()
        entered.update((key, value) for key, value in recording.writes.items() if _is_entry(key))
        # What a root calls is not entered once more as a root of its own.
        reached.update(key[1] for key in recording.writes if isinstance(key, tuple) and key[0] == "called")
        heap = Layers(dict(recording.writes), base)
        decided = _decided(machine, [*base_discovered, *machine.discovered])
        events = _lived(machine, decided, recording.events)
        program = Program(heap, _own(recording.writes, decided), events, machine.generation, name, defaults=defaults)
        return program, finished

    results = list(_worlds(machine, once, name))
    machine.values = base
    machine.discovered = base_discovered
    machine.values.update(entered)
    machine.in_root = False
    machine.reached |= reached
    yield from results


def _is_entry(key: Hashable) -> bool:
    """Whether a key counts how often roots ran a large function."""
    return isinstance(key, tuple) and key[0] == "entries"


def _call_root(machine: Machine, function: Function, given: tuple[Value, ...]) -> Any:
    from trainlint.program.events import Escape

    place = function.define.place
    decorators = getattr(function.define, "decorators", ())
    if function.defaults and any(_is_unknown(machine, each) for each in decorators):
        # Whoever registers it may call it with what it likes: `@interact` reads ranges of sliders from the defaults.
        reason = "a decorator may give it"
        unknowns = ((name, unknown(reason, place, ("given", function.define, name))) for name, _ in function.defaults)
        function = function.replace(defaults=tuple(unknowns))
    positional = [Argument(value=value, place=place) for value in given]
    result = machine.resolve(classes.call_function(machine, function, Arguments(positional, {}), place))
    machine.record(Escape(place=place, context=machine.context(), values=(result,)))
    return result


def _is_unknown(machine: Machine, decorator: code.Node) -> bool:
    node = decorator.function if isinstance(decorator, code.Call) else decorator
    return isinstance(evaluate(machine, node), Unknown)


def _heir(machine: Machine, cls: Class, candidates: list[Value]) -> Class:
    """The class that stands for a class where nothing makes an object: one that derives from it, if there is one.

    A base leaves to others what it does not say, or says it for those that do not care.
    """
    for value in candidates:
        if isinstance(value, Class) and any(machine.resolve(base) == cls for base in value.bases):
            return _heir(machine, value, candidates)
    return cls


def _class_root(machine: Machine, cls: Class, made: Class) -> None:
    """An object of a class with unknown arguments, then those of its methods that nothing reached, in order.

    `made` is the class of the object: this one or one that derives from it.
    """
    place = cls.define.place
    value = classes.instantiate(machine, made, Arguments([], {}), place)
    others = [method.define for method in _methods(machine, cls) if method.name != "__init__"]
    constructor = next((method.define for method in _methods(machine, cls) if method.name == "__init__"), None)
    effects.forget_attributes(machine, value, others, constructor)
    for method in _methods(machine, cls):
        if method.name == "__init__" or _called(machine, method):
            continue
        kind = classes._method_kind(method)
        receiver: tuple[Value, ...] = () if kind == "staticmethod" else (made,) if kind == "classmethod" else (value,)
        _call_root(machine, method, receiver)


def _forget_places(machine: Machine) -> None:
    """Forgets ids, activations and parts that belong to a text that is gone: an edit makes new places."""
    frames = list(machine.roots.values())
    active: set[Frame] = set()
    living = {unit for frame in frames if frame.root_document is not None for unit in frame.root_document.starts}
    while frames:
        frame = frames.pop()
        active.add(frame)
        for keyed in cast("tuple[dict[Any, Any], ...]", (frame.ids, frame.children)):
            # The call or the definition may be gone, or the call of a layer that is a part of an operation's id.
            for key in [key for key in keyed if not _lives(key, living)]:
                del keyed[key]
        frame.contexts.clear()
        frames.extend(frame.children.values())
    for part in [key for key in machine.memory if key[1].unit not in living or key[0] not in active]:
        del machine.memory[part]
    machine.forget_stretches()
    machine.forget_names()


def _lives(key: tuple[Any, ...], living: set[Any]) -> bool:
    """Whether all places in a key belong to the text."""
    for item in key:
        if type(item) is Place:
            if item.unit not in living:
                return False
        elif type(item) is tuple and item and not _lives(item, living):
            return False
    return True


def _prune(machine: Machine) -> None:
    """Forgets what the last few analyses did not meet: an open editor would remember every keystroke."""
    if machine.edition % FORGOTTEN_EVERY != 0:
        return
    _forget_places(machine)
    oldest = machine.edition - KEPT_EDITIONS
    # What was repeated as a part of something larger counts as repeated itself.
    waiting = [memory for memories in machine.memory.values() for memory in memories if memory.edition > oldest]
    while waiting:
        for memory in waiting.pop().inner:
            if memory.edition <= oldest:
                memory.edition = oldest + 1
                waiting.append(memory)
    for key, memories in list(machine.memory.items()):
        kept = [memory for memory in memories if memory.edition > oldest]
        if kept:
            machine.memory[key] = kept
        else:
            del machine.memory[key]
