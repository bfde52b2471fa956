"""Running statements of lowered code."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Any

from trainlint import tfapi
from trainlint.interpret import aliases, builtins, calls, contexts, loops, modules, subscripts
from trainlint.interpret.api.call import Arguments
from trainlint.interpret.expressions import binary, evaluate, evaluate_lazily, lookup, text_of
from trainlint.interpret.joins import choose, choose_record
from trainlint.interpret.machine import MISSING, Cancelled, Machine, Memory, Recording, Stretch, unknown
from trainlint.interpret.truth import truth
from trainlint.program.dims import Dim, is_batch
from trainlint.program.events import Discarded, Escape, Unpacked, Unread
from trainlint.program.operations import UNTOLD, Operation
from trainlint.program.values import (
    NONE,
    UNKNOWN,
    Api,
    ApiObject,
    Argument,
    Class,
    Condition,
    Const,
    Frame,
    Function,
    Id,
    ListRecord,
    Parts,
    Ref,
    Stream,
    Tensor,
    Unknown,
    Value,
)  # fmt: skip
from trainlint.source import code

Jump = Any
"""How a block ends: None when it falls through, else "return", "break", "continue" or "raise"."""


_FEW_PARTS = 8
"""A block of more is run in stretches."""

_DEEP = 32
"""Under so many conditions nothing is remembered: what is to be repeated would be looked up by all of them."""


def execute(machine: Machine, block: code.Block) -> Jump:
    """Runs a block."""
    if len(block.parts) > (_FEW_PARTS if machine.editing else 1):
        return _execute(machine, machine.stretches(block))
    return _execute(machine, block.parts)


def _execute(machine: Machine, parts: tuple[code.Part | Stretch, ...]) -> Jump:
    for part in parts:
        jump = run_part(machine, part)
        if jump is not None:
            return jump
    return None


def run_part(machine: Machine, part: code.Part | Stretch) -> Jump:
    """Runs the statements of a unit or a stretch of them, or repeats what an earlier run with the same reads did."""
    if len(machine.conditions) > _DEEP and not machine.editing:
        machine.executed += 1
        return _run_statements(machine, part)
    key = (
        machine.frame, part, machine.iteration, machine.loops, machine.tape, machine.conditions, machine.guarded,
        machine.graph,
    )  # fmt: skip
    memories = machine.memory.get(key)
    if memories is not None:
        values = machine.values
        for memory in memories:
            if memory.fuel <= machine.fuel and _holds(values, memory.reads):
                return _replay(machine, memory)
    if machine.cancelled is not None and machine.cancelled():
        raise Cancelled
    outer = machine.recordings[-1]
    machine.begin()
    left = machine.left()
    returns = len(machine.returns)
    yields = len(machine.yields)
    skipped = len(machine.skipped)
    discovered = len(machine.discovered)
    machine.executed += 1
    jump: Jump = None
    try:
        jump = _run_statements(machine, part)
    except BaseException:
        machine.commit()
        raise
    recording = machine.commit()
    if discovered == len(machine.discovered) and not recording.volatile:
        memory = Memory(
            recording.reads, recording.writes, recording.events, left - machine.left(),
            (
                jump, tuple(machine.returns[returns:]), tuple(machine.yields[yields:]),
                tuple(machine.skipped[skipped:]), machine.conditions,
            ),
            machine.edition, recording.inner,
        )  # fmt: skip
        if recording.inner:
            del outer.inner[-len(recording.inner) :]
        outer.inner.append(memory)
        machine.memory[key] = [memory] if memories is None else [memory, *memories[:3]]
    return jump


def _holds(values: dict[Hashable, Any], reads: dict[Hashable, Any]) -> bool:
    """Whether a store answers all reads as it did when a part was run."""
    for key, then in reads.items():
        now = values.get(key, MISSING)
        if now is not then:
            if now != then:
                return False
            # Next time it is the same object.
            reads[key] = now
    return True


def _run_statements(machine: Machine, part: code.Part | Stretch) -> Jump:
    if isinstance(part, Stretch):
        if machine.editing or machine.loops:
            return _execute(machine, part.parts)
        # Worlds and roots repeat whole stretches; only what is edited, and the rounds of loops, repeat parts of one.
        for inner in part.parts:
            jump = _run_statements(machine, inner)
            if jump is not None:
                return jump
        return None
    unit = part.unit
    if unit.is_broken:
        machine.record(Unread(place=code.Place(unit, 0), context=machine.context()))
    for statement in part.statements:
        jump = execute_statement(machine, statement)
        if jump is not None:
            return jump
    return None


def _replay(machine: Machine, memory: Memory) -> Jump:
    recording = machine.recordings[-1]
    if len(machine.recordings) > 1:
        # As when it ends a recording: nobody asks what the outermost one read.
        reads, writes = recording.reads, recording.writes
        for key, value in memory.reads.items():
            if key not in writes and key not in reads:
                reads[key] = value
    machine.apply(memory.writes, memory.events)
    if machine.reserve and any(type(record) is Operation for record in memory.writes.values()):
        machine.release()
    machine.fuel -= memory.fuel
    memory.edition = machine.edition
    recording.inner.append(memory)
    machine.replayed += 1
    jump, returns, yields, skipped, machine.conditions = memory.jump
    machine.returns.extend(returns)
    machine.yields.extend(yields)
    machine.skipped.extend(skipped)
    return jump


def execute_statement(machine: Machine, node: code.Node) -> Jump:
    machine.fuel -= 1
    if machine.fuel < 0:
        machine.burn()
    handler = _EXECUTE.get(type(node))
    return handler(machine, node) if handler is not None else None


# Assignments ----------------------------------------------------------------------------------------------------------


def _assign(machine: Machine, node: code.Assign) -> Jump:
    if (
        node.annotation is not None
        and machine.frame.name.startswith("class ")
        and isinstance(node.targets[0], code.Name)
    ):
        fields = machine.read((machine.frame, "__fields__"))
        machine.write((machine.frame, "__fields__"), (*(() if fields is MISSING else fields), node.targets[0].id))
    if node.value is None:
        return None
    value = evaluate_lazily(machine, node.value)
    value = contexts.apply_stated_facts(machine, node, value)
    for target in node.targets:
        assign(machine, target, value, node.value.place)
    return None


def assign(machine: Machine, target: code.Node, value: Value, written: code.Place | None = None) -> None:
    """Binds a value, written at a place, to a name, attribute, item or a tuple of them."""
    if isinstance(target, code.Name):
        bind_name(machine, target.id, value, target.place)
    elif isinstance(target, (code.Sequence, code.Starred)):
        unpack(machine, target, machine.resolve(value))
    elif isinstance(target, code.Attribute):
        owner = evaluate(machine, target.value)
        if isinstance(owner, Tensor) and owner.library == "np" and target.name in ("shape", "dtype"):
            _reinterpret(machine, target, owner, value)
        calls.set_attribute(machine, owner, target.name, value, target.place)
    elif isinstance(target, code.Subscript):
        container = evaluate(machine, target.value)
        index = evaluate(machine, target.index)
        if isinstance(container, Unknown):
            calls.change_some(machine, target.value)
        if isinstance(container, Tensor):
            aliases.changed_in_place(machine, container, target.place)
            assign(machine, target.value, subscripts.assigned_tensor(machine, container, value))
        else:
            subscripts.set_item(machine, container, index, value, written)


def _reinterpret(machine: Machine, target: code.Attribute, array: Tensor, value: Value) -> None:
    """`array.shape = ...` or `array.dtype = ...`: NumPy reads the same numbers in another way from then on."""
    seen: Value = Tensor(library="np")
    if target.name == "shape":
        given = Arguments([Argument(value=value, place=target.place)], {})
        seen = calls.call_method(machine, array, "reshape", given, target.place)
    aliases.changed_in_place(machine, array, target.place, resized=True)
    assign(machine, target.value, seen)


def bind_name(machine: Machine, name: str, value: Value, place: code.Place) -> None:
    frame = scope_of(machine, name)
    machine.write((frame, name), value)


def scope_of(machine: Machine, name: str) -> Frame:
    """The frame that an assignment to a name writes: this one, or the one that `global` or `nonlocal` says."""
    declared = machine.read((machine.frame, "__scopes__"))
    kind = declared.get(name) if declared is not MISSING else None
    if kind is None:
        return machine.frame
    frame = machine.frame.lexical
    while frame is not None:
        if frame.lexical is None or (kind == "nonlocal" and machine.read((frame, name)) is not MISSING):
            return frame
        frame = frame.lexical
    return machine.frame


def unpack(machine: Machine, target: code.Node, value: Value) -> None:
    elements = target.elements if isinstance(target, code.Sequence) else (target,)
    items = builtins.items_of(machine, value)
    if type(value) is Parts:
        _record_parts(machine, target, value)
    starred = [i for i, element in enumerate(elements) if isinstance(element, code.Starred)]
    if items is not None and not starred and len(items) == len(elements):
        for element, item in zip(elements, items):
            assign(machine, element, item)
        return
    if items is not None and len(starred) == 1 and len(items) >= len(elements) - 1:
        index = starred[0]
        tail = len(elements) - index - 1
        for element, item in zip(elements[:index], items):
            assign(machine, element, item)
        middle = tuple(items[index : len(items) - tail])
        star = elements[index]
        assert isinstance(star, code.Starred)
        assign(machine, star.value, machine.new(star.place, ListRecord(items=middle), "star"))
        for element, item in zip(elements[index + 1 :], items[len(items) - tail :]):
            assign(machine, element, item)
        return
    if isinstance(value, Tensor) and value.shape and not _is_other_number(value.shape[0], len(elements), starred):
        for position, element in enumerate(elements):
            inner = element.value if isinstance(element, code.Starred) else element
            with machine.within(iteration=(*machine.iteration, position)):
                part = subscripts.tensor_item(machine, value, Const(value=position), target.place)
            assign(machine, inner, part)
        return
    element_value = builtins.element_of(machine, value) if isinstance(value, (Stream, Ref)) else None
    for position, element in enumerate(elements):
        inner = element.value if isinstance(element, code.Starred) else element
        if element_value is not None and not isinstance(element_value, Unknown):
            assign(machine, inner, element_value)
            continue
        origin = None
        if isinstance(value, Unknown) and value.origin is not None:
            origin = ("item", value.origin, ("const", "int", position))
        name = inner.id if isinstance(inner, code.Name) else "value"
        reason = value.reason if isinstance(value, Unknown) and value.reason else f"`{name}` is unknown"
        place = value.place if isinstance(value, Unknown) and value.place is not None else target.place
        assign(machine, inner, unknown(reason, place, origin))


def _is_other_number(length: Dim, targets: int, starred: list[int]) -> bool:
    """Whether a tensor has another number of rows than it is unpacked into, so that Python stops there."""
    return not starred and length != targets and (isinstance(length, int) or is_batch(length))


def _record_parts(machine: Machine, target: code.Node, value: Parts) -> None:
    """Notes which name gets which part, where all of them are names."""
    leaves: list[code.Node] = [target]
    while any(isinstance(leaf, code.Sequence) for leaf in leaves):
        leaves = [x for leaf in leaves for x in (leaf.elements if isinstance(leaf, code.Sequence) else (leaf,))]
    names = [leaf for leaf in leaves if isinstance(leaf, code.Name)]
    if len(names) == len(leaves) == len(value.roles):
        targets = tuple((name.id, name.place, role) for name, role in zip(names, value.roles))
        machine.record(Unpacked(place=target.place, context=machine.context(), targets=targets))


def _augment(machine: Machine, node: code.Augment) -> Jump:
    if isinstance(node.target, code.Name):
        current = machine.resolve(lookup(machine, node.target.id, node.target.place))
    else:
        current = evaluate(machine, node.target)
    operand = evaluate(machine, node.value)
    record = machine.get(current)
    if isinstance(record, ListRecord) and node.operator == "+":
        builtins.container_method(machine, current, record, "extend", _positional(operand, node.place), node.place)  # type: ignore[arg-type]
        return None
    result = binary(machine, node.operator, current, operand, node.place)
    aliases.changed_in_place(machine, current, node.place)
    assign(machine, node.target, result)
    return None


def _positional(value: Value, place: code.Place) -> Arguments:
    return Arguments([Argument(value=value, place=place)], {})


def _delete(machine: Machine, node: code.Delete) -> Jump:
    for target in node.targets:
        if isinstance(target, code.Name):
            machine.write((scope_of(machine, target.id), target.id), MISSING)
        elif isinstance(target, code.Subscript):
            owner = evaluate(machine, target.value)
            if machine.object(owner) is None:
                calls.forget(machine, owner)
            else:
                index = _positional(evaluate(machine, target.index), target.place)
                calls.call_method(machine, owner, "__delitem__", index, target.place)
    return None


# Simple statements ----------------------------------------------------------------------------------------------------


def _evaluate(machine: Machine, node: code.Evaluate) -> Jump:
    if type(node.value) is code.Call and not node.value.arguments:
        machine.listed = node.value
    value = evaluate(machine, node.value)
    if type(node.value) is code.Call and type(node.value.function) is code.Attribute:
        if node.value.function.name == "set_shape" and isinstance(value, Tensor):
            assign(machine, node.value.function.value, value)
            return None
    if isinstance(node.value, (code.Name, code.Attribute, code.Subscript)) and not isinstance(value, (Unknown, Const)):
        if machine.frame.parent is None and machine.frame.document.shows(node.value.place):
            # What a notebook shows is looked at, as what is printed is.
            machine.record(Escape(place=node.value.place, context=machine.context(), values=(value,)))
    elif isinstance(node.value, (code.Call, code.Operation)) and not isinstance(value, (Unknown, Const)):
        shown = machine.frame.parent is None and machine.frame.document.shows(node.value.place)
        machine.record(Discarded(place=node.value.place, context=machine.context(), value=value, shown=shown))
    elif isinstance(value, Unknown):
        calls.drop(machine, node.value.place)
    return "raise" if contexts.ends_program(machine, node.value) else None


def _return(machine: Machine, node: code.Return) -> Jump:
    value: Value = NONE if node.value is None else evaluate_lazily(machine, node.value)
    if node.value is not None and isinstance(node.value, code.Conditional):
        value = machine.resolve(value)
    machine.returns.append(value)
    return "return"


def _raise(machine: Machine, node: code.Raise) -> Jump:
    return "raise"


def _assert(machine: Machine, node: code.Assert) -> Jump:
    test = machine.resolve(evaluate(machine, node.test))
    # A function does not go on with such values: a branch for others has been taken. A module asserts versions.
    return "raise" if isinstance(test, Const) and not test.value and machine.frame.parent is not None else None


def _scope(machine: Machine, node: code.Scope) -> Jump:
    declared = machine.read((machine.frame, "__scopes__"))
    scopes = dict(() if declared is MISSING else declared)
    scopes.update((name, node.kind) for name in node.names)
    machine.write((machine.frame, "__scopes__"), scopes)
    return None


def _jump(machine: Machine, node: code.Jump) -> Jump:
    return None if node.kind == "pass" else node.kind


def _skipped(machine: Machine, node: code.Skipped) -> Jump:
    for name in node.names:
        bind_name(machine, name, unknown("a statement that could not be read", node.place, None), node.place)
    return None


# Definitions ----------------------------------------------------------------------------------------------------------


def _define(machine: Machine, node: code.Define) -> Jump:
    defaults = tuple((p.name, evaluate(machine, p.default)) for p in node.parameters if p.default is not None)
    owner = machine.read((machine.frame, "__class_value__"))
    function: Value = Function(
        define=node, frame=machine.frame, defaults=defaults, owner=None if owner is MISSING else owner
    )
    function = decorate(machine, node.decorators, function)
    # The setter of a property stands under the name of the property, which stays its getter.
    accessor = next((d.name for d in node.decorators if type(d) is code.Attribute and d.name in _ACCESSORS), None)
    bind_name(machine, node.name if accessor is None else f"{node.name}.{accessor}", function, node.place)
    return None


_ACCESSORS = ("setter", "deleter")


_TRANSPARENT = frozenset({"staticmethod", "classmethod", "property", "abstractmethod", "setter", "getter", "deleter"})


def decorate(machine: Machine, decorators: tuple[code.Node, ...], function: Value) -> Value:
    """The function that decorators make of a function; those of packages are taken to keep it as it is."""
    for decorator in reversed(decorators):
        last = (
            decorator.id
            if isinstance(decorator, code.Name)
            else decorator.name
            if isinstance(decorator, code.Attribute)
            else ""
        )
        if last in _TRANSPARENT:
            continue
        value = evaluate(machine, decorator)
        if isinstance(function, Function) and _makes_graph(machine, decorator, value):
            function = function.replace(graph=True)
        if isinstance(value, Function):
            result = calls.call(
                machine, value, Arguments([Argument(value=function, place=decorator.place)], {}), decorator.place
            )
            result = machine.resolve(result)
            # A wrapper is followed when it is a plain function; anything else would only hide the function.
            if isinstance(result, Function):
                function = result
    return function


def _makes_graph(machine: Machine, decorator: code.Node, value: Value) -> bool:
    """Whether a decorator is `tf.function`, with arguments or without."""
    if isinstance(decorator, code.Call):
        value = evaluate(machine, decorator.function)
    return isinstance(value, Api) and value.symbol.name == "tf.function"


def _class(machine: Machine, node: code.ClassDefine) -> Jump:
    bases = tuple(
        evaluate(machine, argument.value) for argument in node.bases if argument.keyword is None and not argument.star
    )
    frame = machine.enter(f"class {node.name}", node.place, machine.frame.document, machine.frame, node)
    frame.lexical = machine.frame
    cls: Value = Class(define=node, frame=frame, bases=bases)
    with machine.within(frame=frame):
        machine.write((frame, "__fields__"), MISSING)
        machine.write((frame, "__class_value__"), cls)
        execute(machine, node.body)
    bind_name(machine, node.name, cls, node.place)
    return None


# Branches -------------------------------------------------------------------------------------------------------------


def _if(machine: Machine, node: code.If) -> Jump:
    test = truth(machine, evaluate(machine, node.test), text_of(node.test))
    if isinstance(test, Condition) and machine.read(("decision", test.key)) is not MISSING:
        test = machine.decide(test)
    if isinstance(test, bool):
        return execute(machine, node.body if test else node.orelse)
    return branch(
        machine,
        test,
        lambda: execute(machine, node.body),
        lambda: execute(machine, node.orelse),
    )


def branch(
    machine: Machine, condition: Condition | None, then: Callable[[], Jump], otherwise: Callable[[], Jump]
) -> Jump:
    """Runs both branches of an open condition and joins what they did; splits the world where that loses too much."""
    holds: tuple[Any, ...] = ()
    fails: tuple[Any, ...] = ()
    if condition is not None:
        holds, fails = ((condition.key, not condition.negated),), ((condition.key, condition.negated),)
    first = _try_branch(machine, then, holds or (UNTOLD,))
    machine.rollback()
    # What this one does stays, and is changed to what holds after both: in a chain of `elif` it holds all the rest.
    second = _try_branch(machine, otherwise, fails or (UNTOLD,))
    if first.jump == "raise" != second.jump:
        machine.commit()
        return second.end(machine)
    if second.jump == "raise":
        machine.rollback()
        return first.again(machine)
    merged = _merge(machine, condition, first, second)
    if merged is None and condition is not None:
        decision = machine.decide(condition)
        if decision:
            machine.rollback()
            return first.again(machine)
        if decision is not None:
            machine.commit()
            return second.end(machine)
    if merged is None:
        merged = _merge(machine, condition, first, second, force=True)
        assert merged is not None
    skipped = (*first.skipped, *second.skipped, *_left_behind(first, second), *_left_behind(second, first))
    for key, value in merged.items():
        if value is LEFT:
            machine.unwrite(key)
        else:
            machine.write(key, value)
    outer = machine.recordings[-2]
    outer.events.extend(first.recording.events)
    machine.commit()
    if first.returns or second.returns:
        machine.returns.append((condition, tuple(first.returns), tuple(second.returns)))
    machine.yields.extend(first.yields)
    machine.yields.extend(second.yields)
    machine.skipped.extend(skipped)
    if first.jump == "return" != second.jump:
        _stand_under(machine, fails)
    elif second.jump == "return" != first.jump:
        _stand_under(machine, holds)
    # A break or continue of one branch only leaves the rest of the body possible: run it.
    return first.jump if first.jump == second.jump else None


def _stand_under(machine: Machine, conditions: tuple[Any, ...]) -> None:
    """What follows a branch that returned stands under the other outcome, until the function ends."""
    machine.conditions += tuple(c for c in conditions if c not in machine.conditions)


def _left_behind(one: _Outcome, other: _Outcome) -> Iterator[tuple[Hashable, Value]]:
    """What a branch made of variables before it left the round of a loop, where the other goes on."""
    if one.jump in ("break", "continue") and other.jump != one.jump:
        for key, value in one.recording.writes.items():
            if type(key) is tuple and len(key) == 2 and type(key[0]) is Frame and isinstance(value, Value):
                yield key, value


class _Outcome:
    __slots__ = ("jump", "recording", "returns", "yields", "skipped")

    def __init__(
        self, jump: Jump, recording: Recording, returns: list[Any], yields: list[Value],
        skipped: list[tuple[Hashable, Value]],
    ) -> None:  # fmt: skip
        self.jump = jump
        self.recording = recording
        self.returns = returns
        self.yields = yields
        self.skipped = skipped

    def again(self, machine: Machine) -> Jump:
        """Does what the branch did once more, for good."""
        machine.apply(self.recording.writes, self.recording.events)
        return self.end(machine)

    def end(self, machine: Machine) -> Jump:
        """Leaves the branch, as the only one that is taken."""
        machine.returns.extend(self.returns)
        machine.yields.extend(self.yields)
        machine.skipped.extend(self.skipped)
        return self.jump


def _try_branch(machine: Machine, run: Callable[[], Jump], conditions: tuple[Any, ...]) -> _Outcome:
    """Runs a branch; the caller ends its recording."""
    machine.begin()
    returns: list[Any] = []
    yields: list[Value] = []
    skipped: list[tuple[Hashable, Value]] = []
    try:
        with machine.within(
            returns=returns, yields=yields, skipped=skipped, conditions=machine.conditions + conditions
        ):
            jump = run()
    except BaseException:
        machine.rollback()
        raise
    return _Outcome(jump, machine.recordings[-1], returns, yields, skipped)


LEFT: Any = type("Left", (), {"__repr__": lambda self: "LEFT"})()
"""Stands for a local of the branch that has just run and is left by `return`: nobody sees it afterwards."""


def _merge(
    machine: Machine, condition: Condition | None, first: _Outcome, second: _Outcome, force: bool = False
) -> dict[Any, Any] | None:
    """What is to be written over what the second branch did, so that it holds after either of them.

    The recording of the second is still open. None when a record that both can see differs too much to be joined.
    """
    a, b, undo = first.recording.writes, second.recording.writes, second.recording.undo
    leaves_first = first.jump in ("return", "break", "continue") and second.jump != first.jump
    leaves_second = second.jump in ("return", "break", "continue") and second.jump != first.jump
    merged: dict[Any, Any] = {}
    # What the second branch made is in neither of the two, and stays as it is.
    for key in {**a, **undo}:
        before = undo.get(key, MISSING) if key in b else machine.values.get(key, MISSING)
        x, y = a.get(key, before), b.get(key, before)
        if isinstance(key, Id) and before is MISSING:
            merged[key] = x if x is not MISSING else y
        elif leaves_first and key not in b and not isinstance(key, Id):
            continue  # a local of a branch that leaves is not seen afterwards
        elif leaves_second and key not in a and not isinstance(key, Id):
            merged[key] = LEFT
        elif x is MISSING or y is MISSING:
            merged[key] = x if y is MISSING else y
        elif isinstance(x, Value) and isinstance(y, Value):
            if leaves_first != leaves_second:
                merged[key] = y if leaves_first else x
            else:
                merged[key] = choose(condition, x, y)
        elif isinstance(key, Id):
            record = choose_record(condition, x, y)
            if record is None:
                if not force:
                    return None
                record = _forgotten(x, y)
            merged[key] = record
        else:
            merged[key] = x if x == y else y
    return merged


def _forgotten(x: Any, y: Any) -> Any:
    if isinstance(x, ListRecord) and isinstance(y, ListRecord):
        return ListRecord(items=None, element=UNKNOWN, kind=x.kind)
    if isinstance(x, ApiObject) and isinstance(y, ApiObject):
        return x.replace(
            fields={name: value for name, value in x.fields.items() if y.fields.get(name) == value}
            | {"forgotten": True}
        )
    return x


def _try(machine: Machine, node: code.Try) -> Jump:
    # No exception is expected: the handlers only matter when the body can't succeed.
    with machine.within(guarded=machine.guarded or contexts.catches(node.handlers)):
        jump = execute(machine, node.body)
    if jump == "raise" and node.handlers:
        jump = None
        for handler in node.handlers[:1]:
            if handler.name:
                bind_name(machine, handler.name, UNKNOWN, handler.place)
            jump = execute(machine, handler.body)
    elif jump is None and node.handlers:
        _prefer_lasting_names(machine, node)
    if jump is None:
        jump = execute(machine, node.orelse)
    final = execute(machine, node.final)
    return final if final is not None else jump


def _prefer_lasting_names(machine: Machine, node: code.Try) -> None:
    """`try: mul = tf.mul` and `except AttributeError: mul = tf.multiply` leave the name that more versions have."""
    chosen = {target.id for target, _ in _bound(node.body)}
    for target, value in _bound(node.handlers[0].body):
        before = machine.read((machine.frame, target.id)) if target.id in chosen else MISSING
        after = evaluate(machine, value) if isinstance(before, Api) else None
        if isinstance(before, Api) and isinstance(after, Api) and _outlasts(after.symbol, before.symbol):
            bind_name(machine, target.id, after, target.place)


def _outlasts(name: tfapi.Symbol, other: tfapi.Symbol) -> bool:
    """Whether more versions have a name; of two that one object has, it is the one that was tried last."""
    lasting, before = len(tfapi.availability(name)), len(tfapi.availability(other))
    return lasting > before or (lasting == before and name.name == other.name)


def _bound(block: code.Block) -> Iterator[tuple[code.Name, code.Node]]:
    """The names that a block binds to other names, and those."""
    for part in block.parts:
        for statement in part.statements:
            if isinstance(statement, code.Assign) and isinstance(statement.value, code.Attribute):
                for target in statement.targets:
                    if isinstance(target, code.Name):
                        yield target, statement.value


def _with(machine: Machine, node: code.With) -> Jump:
    return contexts.run_with(machine, node, lambda: execute(machine, node.body))


def _match(machine: Machine, node: code.Match) -> Jump:
    evaluate(machine, node.subject)

    def run(cases: tuple[code.Case, ...]) -> Jump:
        if not cases:
            return None
        case = cases[0]

        def body() -> Jump:
            for name in case.names:
                bind_name(machine, name, UNKNOWN, case.place)
            return execute(machine, case.body)

        return branch(machine, None, body, lambda: run(cases[1:]))

    return run(node.cases)


_EXECUTE: dict[type, Callable[[Machine, Any], Jump]] = {
    code.Assign: _assign,
    code.Augment: _augment,
    code.Evaluate: _evaluate,
    code.Return: _return,
    code.Delete: _delete,
    code.Import: modules.import_names,
    code.ImportFrom: modules.import_from,
    code.Raise: _raise,
    code.Assert: _assert,
    code.Scope: _scope,
    code.Jump: _jump,
    code.Skipped: _skipped,
    code.Define: _define,
    code.ClassDefine: _class,
    code.If: _if,
    code.For: loops.run_for,
    code.While: loops.run_while,
    code.With: _with,
    code.Try: _try,
    code.Match: _match,
}
