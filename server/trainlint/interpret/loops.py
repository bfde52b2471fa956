"""Loops and comprehensions: unrolled when short, otherwise run until nothing changes any more."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from typing import Any

from trainlint.interpret import builtins, expressions, statements
from trainlint.interpret.joins import join, widen
from trainlint.interpret.machine import MISSING, Machine
from trainlint.interpret.truth import truth
from trainlint.program.dims import Dim, Symbol
from trainlint.program.events import EpochsBegun, Minimize, ModelCall, Rounds, SessionRun
from trainlint.program.operations import Operation
from trainlint.program.values import (
    UNKNOWN,
    ApiObject,
    Const,
    DictRecord,
    Dimension,
    Id,
    ListRecord,
    Range,
    Stream,
    Tensor,
    Tuple,
    Value,
)  # fmt: skip
from trainlint.source import code

ROUNDS = 3
"""After so many rounds what still changes is unknown (rules.md, section 8 E)."""

MAX_NESTED = 256
"""Rounds of nested unrolled loops together."""

MAX_MADE = 3000
"""Operations that the rounds of one unrolled loop may make together; a network with 100 layers has some 1,000."""


def counts_epochs(name: str) -> bool:
    """Whether a variable is called as the number of an epoch is, not as how many there are."""
    words = name.lower().split("_")
    return "epoch" in words and not {"n", "num", "max", "total", "number"} & set(words[: words.index("epoch")])


def run_for(machine: Machine, node: code.For) -> Any:
    iterable = expressions.evaluate(machine, node.iterable)
    if type(node.target) is code.Name and "epoch" in node.target.id and counts_epochs(node.target.id):
        machine.record(EpochsBegun(place=node.place, context=machine.context()))
    items = builtins.items_of(machine, iterable)
    if items is not None and len(items) * max(1, _unrolled(machine)) <= MAX_NESTED:
        for index, item in enumerate(items):
            is_tried = index == 0 and len(items) > 1
            if is_tried:
                machine.begin()
            skipped: list[tuple[Hashable, Value]] = []
            with machine.within(iteration=(*machine.iteration, index), skipped=skipped):
                statements.assign(machine, node.target, item)
                jump = statements.execute(machine, node.body)
            _end_round(machine, skipped)
            if is_tried:
                recording = machine.recordings[-1]
                made = sum(type(value) is Operation for value in recording.writes.values())
                trained = isinstance(iterable, Range) and any(_trains(event) for event in recording.events)
                if trained or made * len(items) > MAX_MADE:
                    # Epochs and steps: one round stands for all, `for i in range(10)` as for `range(10000)`.
                    # So it does where each round is a network of its own, made and trained for one of many data sets.
                    machine.rollback()
                    break
                machine.commit()
            if jump == "break":
                return None
            if jump in ("return", "raise"):
                return jump
        else:
            return statements.execute(machine, node.orelse)
    element = loop_element(machine, iterable, node)

    def body() -> Any:
        statements.assign(machine, node.target, element)
        return statements.execute(machine, node.body)

    rounds = builtins.length_of(machine, iterable)
    if isinstance(rounds, int):
        machine.record(Rounds(place=node.place, context=machine.context(), most=rounds))
    jump = stabilize(machine, node.place, body, rounds)
    if jump == "return":
        return None
    return statements.execute(machine, node.orelse)


def _trains(event: Any) -> bool:
    if isinstance(event, ModelCall):
        return event.training
    return isinstance(event, SessionRun) or (isinstance(event, Minimize) and event.how in ("tape", "gradients"))


def _unrolled(machine: Machine) -> int:
    product = 1
    for index in machine.iteration:
        product *= max(1, index + 1 if isinstance(index, int) else 1)
    return product


def loop_element(machine: Machine, iterable: Value, node: Any) -> Value:
    """The loop variable of a summarised loop."""
    if isinstance(iterable, Range):
        return Dimension(dim=Symbol("i", ("loop", node.place), varying=True))
    if isinstance(iterable, Stream) and isinstance(iterable.element, Tuple):
        first = iterable.element.items[0] if iterable.element.items else UNKNOWN
        if isinstance(first, Tensor) and first.library == "python" and first.op is None and first.low == 0:
            # enumerate(): the counter is the loop's own number.
            counter = Dimension(dim=Symbol("i", ("loop", node.place), varying=True))
            return Tuple(items=(counter, *iterable.element.items[1:]))
    element = builtins.element_of(machine, iterable)
    if element is None:
        return UNKNOWN
    if isinstance(element, Tensor) and element.op is not None and element.shape != ():
        source = machine.operation(element)
        if source is not None:
            return machine.emit("slice", "for", node.place, (element,), element, "row", attributes={"index": None})
    return element


def run_while(machine: Machine, node: code.While) -> Any:
    test = truth(machine, expressions.evaluate(machine, node.test))
    if test is False:
        return statements.execute(machine, node.orelse)

    def body() -> Any:
        expressions.evaluate(machine, node.test)
        return statements.execute(machine, node.body)

    most = _counted(machine, node)
    if most < math.inf:
        machine.record(Rounds(place=node.place, context=machine.context(), most=most))
    jump = stabilize(machine, node.place, body, None)
    if jump == "return" and test is True:
        return jump
    return statements.execute(machine, node.orelse)


def _counted(machine: Machine, node: code.While) -> float:
    """The most rounds of a loop whose test counts them: `while i < 20 and not done:` with `i += 1` inside."""
    tests: tuple[code.Node, ...] = (node.test,)
    if isinstance(node.test, code.Operation) and node.test.operator == "and":
        tests = node.test.operands
    added = {
        each.target.id: each.value.value for part in node.body.parts for each in part.statements
        if isinstance(each, code.Augment) and each.operator == "+" and isinstance(each.target, code.Name)
        and isinstance(each.value, code.Constant) and isinstance(each.value.value, int) and each.value.value > 0
    }  # fmt: skip
    for test in tests:
        if isinstance(test, code.Comparison) and test.operators in (("<",), ("<=",)):
            counter = test.operands[0]
            if isinstance(counter, code.Name) and counter.id in added:
                first, last = (_number(expressions.evaluate(machine, operand)) for operand in test.operands)
                if first is not None and last is not None:
                    return (last - first + (test.operators == ("<=",))) / added[counter.id]
    return math.inf


def _number(value: Value) -> int | None:
    return value.value if isinstance(value, Const) and type(value.value) is int else None


def stabilize(machine: Machine, loop: code.Place, body: Callable[[], Any], rounds: Dim) -> Any:
    """Runs a loop's body until its effect holds for every round; what it did in the last of them stays."""
    before: dict[Any, Any] = {}
    widened: dict[Any, Any] = {}
    fresh: set[Any] = set()
    jump: Any = None
    for attempt in range(ROUNDS):
        last = attempt == ROUNDS - 1
        jump, recording, returns, yields = _round(machine, loop, body)
        carried: list[Hashable] = []
        for key in recording.writes:
            if isinstance(key, Id):
                if (
                    machine.values.get(key, MISSING) is MISSING
                    or key in fresh
                    or isinstance(recording.writes[key], Operation)
                ):
                    fresh.add(key)
                else:
                    carried.append(key)
            elif key in recording.reads and machine.values.get(key, MISSING) is not MISSING:
                carried.append(key)
        changed = False
        for key in carried:
            now, after = machine.values[key], recording.writes[key]
            start = before.setdefault(key, now)
            if after is MISSING or (key in widened and _settled(now, after)):
                continue
            new = _unknown_like(now) if last else widen(now if key in widened else start, after, rounds)
            if new != now:
                changed = True
                machine.write(key, new)
            widened[key] = new
        # What the round made stays: a layer that it built is not built again in the next one.
        for key, value in recording.writes.items():
            if key in fresh:
                machine.write(key, value)
        if not changed or last:
            for key, value in recording.writes.items():
                if key not in widened and key not in fresh:
                    machine.write(key, value)
            machine.recordings[-1].events.extend(recording.events)
            machine.returns.extend((None, (outcome,), ()) for outcome in returns)
            machine.yields.extend(yields)
            return jump
    return jump


def _round(machine: Machine, loop: code.Place, body: Callable[[], Any]) -> tuple[Any, Any, list[Any], list[Value]]:
    """One round of a summarised loop, undone again: how it ended, what it did, returned and yielded."""
    machine.begin()
    returns: list[Any] = []
    yields: list[Value] = []
    skipped: list[tuple[Hashable, Value]] = []
    try:
        with machine.within(
            loops=(*machine.loops, loop), iteration=(*machine.iteration, "*"), returns=returns, yields=yields,
            skipped=skipped,
        ):  # fmt: skip
            jump = body()
        _end_round(machine, skipped)
    except BaseException:
        machine.rollback()
        raise
    return jump, machine.rollback(), returns, yields


def _end_round(machine: Machine, skipped: list[tuple[Hashable, Value]]) -> None:
    """Joins what branches have set before they left the round: the next one, or who follows the loop, may find it."""
    for key, value in skipped:
        known = machine.read(key)
        machine.write(key, value if known is MISSING else join(known, value))


def _settled(now: Any, after: Any) -> bool:
    """Whether another round adds nothing to what is already allowed for."""
    if now == after:
        return True
    if isinstance(now, ListRecord) and isinstance(after, ListRecord) and now.items is None and after.items is None:
        # The growth by round is already in the length.
        return join(now.element or UNKNOWN, after.element or UNKNOWN) == (now.element or UNKNOWN)
    if isinstance(now, DictRecord) and isinstance(after, DictRecord):
        return now.open and {k for k, _ in after.items} <= {k for k, _ in now.items} | {None}
    if isinstance(now, Value) and isinstance(after, Value):
        return join(now, after) == now
    return False


def _unknown_like(value: Any) -> Any:
    if isinstance(value, ListRecord):
        return ListRecord(items=None, element=UNKNOWN, kind=value.kind)
    if isinstance(value, DictRecord):
        return DictRecord(open=True)
    if isinstance(value, ApiObject):
        return value.replace(fields={"forgotten": True})
    if isinstance(value, Tensor):
        return Tensor(shape=value.shape, dtype=value.dtype, library=value.library)
    return UNKNOWN if isinstance(value, Value) else value


def comprehension(machine: Machine, node: code.Comprehension) -> Value:
    """A list, set, dict or generator display."""
    results: list[Value] = []
    pairs: list[tuple[Value, Value]] = []
    # The variables of a comprehension are its own: what had the name before has it again.
    hidden = [(name, machine.read((machine.frame, name))) for name in _variables(node)]
    exact = _expand(machine, node, node.clauses, results, pairs)
    for name, value in hidden:
        if value is not MISSING:
            machine.write((machine.frame, name), value)
    if node.kind == "dict":
        if exact is not None:
            return machine.new(node.place, DictRecord(items=tuple(pairs)), "dict")
        return machine.new(node.place, DictRecord(open=True), "dict")
    if exact is not None:
        if node.kind == "generator":
            return Tuple(items=tuple(results))
        return machine.new(node.place, ListRecord(items=tuple(results), kind=node.kind), "list")
    element = results[0] if results else UNKNOWN
    for other in results[1:]:
        element = join(element, other)
    length: Dim = None
    if len(node.clauses) == 1 and not node.clauses[0].conditions:
        length = machine.comprehended
    if node.kind == "generator":
        return Stream(element=element, length=length)
    return machine.new(node.place, ListRecord(items=None, element=element, length=length, kind=node.kind), "list")


def _variables(node: code.Comprehension) -> list[str]:
    """The names that the clauses of a comprehension bind."""
    names, stack = [], [clause.target for clause in node.clauses]
    while stack:
        target = stack.pop()
        if isinstance(target, code.Name):
            names.append(target.id)
        elif isinstance(target, code.Sequence):
            stack.extend(target.elements)
    return names


def _expand(
    machine: Machine, node: code.Comprehension, clauses: tuple[code.Clause, ...], results: list[Value], pairs: list[Any]
) -> Any:
    """Fills in the elements; None when they stand for more than they are."""
    if not clauses:
        element = expressions.evaluate(machine, node.element)
        if node.key is not None:
            pairs.append((expressions.evaluate(machine, node.key), element))
        results.append(element)
        return True
    clause = clauses[0]
    iterable = expressions.evaluate(machine, clause.iterable)
    items = builtins.items_of(machine, iterable)
    if items is None or len(items) * max(1, _unrolled(machine)) > MAX_NESTED:
        machine.comprehended = builtins.length_of(machine, iterable)
        length = machine.comprehended
        with machine.within(loops=(*machine.loops, clause.place), iteration=(*machine.iteration, "*")):
            statements.assign(machine, clause.target, loop_element(machine, iterable, clause))
            for condition in clause.conditions:
                expressions.evaluate(machine, condition)
            _expand(machine, node, clauses[1:], results, pairs)
        machine.comprehended = length
        return None
    exact: Any = True
    for index, item in enumerate(items):
        with machine.within(iteration=(*machine.iteration, index)):
            statements.assign(machine, clause.target, item)
            tests = [truth(machine, expressions.evaluate(machine, condition)) for condition in clause.conditions]
            if False not in tests:
                if any(test is not True for test in tests):
                    exact = None
                if _expand(machine, node, clauses[1:], results, pairs) is None:
                    exact = None
    if exact is None:
        machine.comprehended = None
    return exact
