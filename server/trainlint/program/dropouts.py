"""Which runs train and which evaluate, and what share of its units a dropout keeps in each of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from trainlint.program.events import Feed, SessionRun
from trainlint.program.heads import SHOWING
from trainlint.program.operations import Operation, frames
from trainlint.program.program import Program
from trainlint.program.values import FALSE, TRUE, Const, Id, Tensor, Value, is_none
from trainlint.source.code import Place

if TYPE_CHECKING:
    from trainlint.program.values import Argument, Frame

TRAINS = frozenset({"train", "gradient", "assign"})
_SAME = frozenset({"identity", "cast", "reshape", "squeeze", "expand", "stop-gradient"})
_DEPTH = 12

Feeds = Mapping[Id, Value]


def role(program: Program, run: SessionRun) -> str | None:
    """ "train" when a run changes weights, "evaluate" when it only asks for results, None when that is not known."""
    kinds = {operation.kind for fetch in run.fetches for operation in _behind(program, fetch)}
    if kinds & TRAINS:
        return "train"
    if run.partial or not run.fetches or "initializer" in kinds:
        return None
    return "evaluate"


def fed_in(run: SessionRun) -> Feeds:
    """What a run feeds, by placeholder."""
    return {feed.key: feed.value for feed in run.feeds}


def places_fed_in_training(program: Program) -> frozenset[Place]:
    """Where the values that training steps are fed are written."""
    return program.once(f"{__name__}.places_fed_in_training", _places_fed_in_training, lasts=True)


def _places_fed_in_training(program: Program) -> frozenset[Place]:
    return frozenset(feed.place for run in program.runs if role(program, run) == "train" for feed in run.feeds)


def dropouts_behind(program: Program, value: Value) -> list[Operation]:
    """The dropouts that a tensor depends on whatever the graph decides, in the order of the program.

    Those in a branch of `tf.cond` are switched by its test.
    """
    keys = program.ancestors(value)
    found = [operation for operation in program.of_kind("dropout") if operation.id in keys]
    if found and any(_chooses(operation) for operation in program.of_kind("select")):
        always = _always_behind(program, value)
        found = [operation for operation in found if operation.id in always]
    return found


def _chooses(operation: Operation) -> bool:
    """Whether a selection runs one branch only, as `tf.cond` does and `tf.where` does not."""
    return operation.kind == "select" and operation.name.rsplit(".", 1)[-1] != "where"


def _always_behind(program: Program, value: Value) -> set[Id]:
    """What a tensor depends on, without the branches that run under a test."""
    seen: set[Id] = set()
    queue = [value]
    while queue:
        operation = program.operation(queue.pop())
        if operation is not None and operation.id not in seen:
            seen.add(operation.id)
            queue += operation.inputs[:1] if _chooses(operation) else operation.inputs
    return seen


def switches(program: Program, dropout: Operation) -> list[Operation]:
    """The placeholders that set the share of a dropout or turn it on."""
    found: dict[Id, Operation] = {}
    for name in ("keep", "rate", "training"):
        for operation in _behind(program, dropout.attributes.get(name)):
            if operation.kind == "placeholder":
                found[operation.id] = operation
    return list(found.values())


def readable(program: Program, dropout: Operation, run: SessionRun) -> bool:
    """Whether a run's feeds of a dropout's switches are all known."""
    if not run.opaque:
        return True
    fed = {feed.key for feed in run.feeds}
    return all(operation.id in fed for operation in switches(program, dropout))


def share_argument(dropout: Operation) -> Argument | None:
    """The argument that says what share a dropout keeps or drops; None for a default."""
    for name in ("keep_prob", "rate", "p", "level"):
        argument = dropout.arguments.get(name)
        if argument is not None and argument.given:
            return argument
    return None


def active(program: Program, dropout: Operation, feeds: Feeds) -> bool | None:
    """Whether a dropout drops anything in a run with these feeds; None when that is not known."""
    training = number(program, dropout.attributes.get("training"), feeds)
    return None if training is None else training != 0


def share(program: Program, dropout: Operation, feeds: Feeds) -> float | None:
    """The share of the units that a dropout keeps while it is on."""
    keep = number(program, dropout.attributes.get("keep"), feeds)
    if keep is not None:
        return keep
    rate = number(program, dropout.attributes.get("rate"), feeds)
    return None if rate is None else 1.0 - rate


def is_shown(program: Program) -> bool:
    """Whether a program runs no network at all: what it does is show what dropout does to some numbers."""
    if program.root or not any(True for _ in program.runs) or any(True for _ in program.of_kind("variable")):
        return False
    return all(operation.name.startswith(SHOWING) for operation in program.of_kind("opaque"))


def kept(program: Program, dropout: Operation, feeds: Feeds) -> float | None:
    """The share of the units that a run keeps: 1 when the dropout is off, None when it is not known."""
    on = active(program, dropout, feeds)
    if on is None:
        return None
    return share(program, dropout, feeds) if on else 1.0


def responsible(program: Program, dropout: Operation, run: SessionRun) -> Feed | None:
    """The feed that leaves a dropout on: the one of the training flag, else the one of the share."""
    feeds = {feed.key: feed for feed in run.feeds}
    for name in ("training", "keep", "rate"):
        for operation in _behind(program, dropout.attributes.get(name)):
            if operation.kind == "placeholder" and operation.id in feeds:
                return feeds[operation.id]
    return None


def direct(program: Program, dropout: Operation, key: Id) -> str | None:
    """ "keep", "rate" or "training" when a placeholder is used as that, unchanged."""
    for name in ("training", "keep", "rate"):
        operation = program.operation(dropout.attributes.get(name))
        while operation is not None and operation.kind in _SAME and operation.inputs:
            operation = program.operation(operation.inputs[0])
        if operation is not None and operation.id is key:
            return name
    return None


def number(program: Program, value: Value | None, feeds: Feeds, depth: int = 0) -> float | None:
    """A scalar of the graph in a run with these feeds; None when it is not one known number."""
    if isinstance(value, Const):
        return float(value.value) if isinstance(value.value, (bool, int, float)) else None
    if not isinstance(value, Tensor) or depth > _DEPTH:
        return None
    operation = program.operation(value)
    if operation is None:
        return value.low if value.low is not None and value.low == value.high else None
    if operation.kind == "placeholder":
        given = feeds.get(operation.id, operation.attributes.get("default"))
        return number(program, given, {}, depth + 1)
    if operation.kind in _SAME and operation.inputs:
        return number(program, operation.inputs[0], feeds, depth + 1)
    operands = [number(program, item, feeds, depth + 1) for item in operation.inputs]
    if operation.kind == "select" and len(operands) == 3 and operands[0] is not None:
        return operands[1] if operands[0] else operands[2]
    if operation.kind in ("constant", "data") and value.low is not None and value.low == value.high:
        return value.low
    if None in operands or not operands:
        return None
    return _computed(operation, operands)  # type: ignore[arg-type]


def _computed(operation: Operation, operands: list[float]) -> float | None:
    if len(operands) == 1:
        if operation.kind == "logical":
            return 1.0 - operands[0]
        return -operands[0] if operation.kind == "negative" else None
    if len(operands) != 2:
        return None
    a, b = operands
    if operation.kind == "divide":
        return a / b if b else None
    return {"add": a + b, "subtract": a - b, "multiply": a * b, "maximum": max(a, b), "minimum": min(a, b)}.get(
        operation.kind
    )


def _behind(program: Program, value: Value | None) -> Iterator[Operation]:
    for key in program.ancestors(value):
        operation = program.operation(key)
        if operation is not None:
            yield operation


_FOLLOWED = _SAME | {
    "flatten", "transpose", "slice", "argmax", "round", "activation", "matmul", "convolution", "add", "pool", "dropout",
    "normalization", "multiply",
}  # fmt: skip


def scored_calls(program: Program) -> Iterator[tuple[Place, Operation]]:
    """Calls of models with `training=True` whose answers a score is computed from, and a dropout that is on there.

    Only calls that are made once, outside of training: who asks again and again wants to see how the answers differ.
    """
    seen: set[Place] = set()
    for operation in program.operations:
        context = operation.context
        if operation.kind not in ("dropout", "identity") or operation.attributes.get("training") != TRUE:
            continue
        if context.tape is not None or context.loop or _in_rounds(operation):
            continue
        if operation.kind == "dropout" and operation.attributes.get("form") == "keras":
            dropout, place = operation, call_of(operation)
        elif operation.kind == "identity" and operation.name == "model":
            found = dropouts_behind(program, operation.inputs[0])
            dropout = next((o for o in found if o.attributes.get("form") == "keras"), operation)
            flag = dropout.attributes.get("training")
            place = operation.place if dropout is not operation and flag is not None and is_none(flag) else None
        else:
            continue
        if place is not None and place not in seen and _is_scored(program, operation):
            seen.add(place)
            yield place, dropout


def call_of(operation: Operation) -> Place | None:
    """The outermost call of the model that a layer's operation is part of."""
    outer = call_frame(operation)
    if outer is not None:
        return outer.place
    tag = operation.id.tag
    return tag[-1] if isinstance(tag, tuple) and tag and isinstance(tag[-1], Place) else None


def call_frame(operation: Operation) -> Frame | None:
    """The outermost `call` method of the user that an operation is computed in."""
    return next((frame for frame in reversed(list(frames(operation))) if frame.name == "call"), None)


def _in_rounds(operation: Operation) -> bool:
    """Whether an operation is one round of a loop that was unrolled; the layers of a model are counted apart."""
    rounds = [*operation.id.iteration, *(part for frame in frames(operation) for part in frame.iteration)]
    return any(not isinstance(part, tuple) for part in rounds)


def _is_scored(program: Program, operation: Operation) -> bool:
    """Whether answers are compared with labels, and how often they agree is counted."""
    queue, seen = [operation], {operation.id}
    while queue:
        for user in program.consumers(queue.pop().output):
            if user.id in seen:
                continue
            seen.add(user.id)
            if user.kind == "metric":
                return True
            if user.kind == "compare":
                if user.attributes.get("operator") in ("==", "equal"):
                    return any(o.kind == "reduce" for o in program.descendants(user.output))
                queue.append(user)
            elif user.kind in _FOLLOWED:
                queue.append(user)
    return False


def is_switched(program: Program, dropout: Operation) -> bool:
    """Whether dropout is on in training alone: by a flag, by what is fed, or because the network is built twice."""
    training = dropout.attributes.get("training")
    if training == FALSE:
        return False
    if switches(program, dropout):
        return True
    twins = (o for o in program.of_kind("dropout") if o.place == dropout.place)
    return training != TRUE or any(twin.attributes.get("training") == FALSE for twin in twins)


def dropped(program: Program, dropout: Operation) -> float | None:
    """The share that dropout sets to 0, if that is one number."""
    rate = number(program, dropout.attributes.get("rate"), {})
    keep = number(program, dropout.attributes.get("keep"), {})
    return rate if rate is not None else None if keep is None else 1.0 - keep
