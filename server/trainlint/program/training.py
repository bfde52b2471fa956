"""What a program is trained with: the runs that train, and what they are fed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.program.events import Escape, Event, Feed, ModelCall, SessionRun
from trainlint.program.values import Const, Ref, Tensor, is_none

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.events import Compile, Minimize
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import Argument, Id, Value


def training_feeds(program: Program) -> tuple[tuple[Event, Feed], ...]:
    """The feeds of all runs that take a training step, in order."""
    found: tuple[tuple[Event, Feed], ...] = program.once(f"{__name__}.training_feeds", _training_feeds, lasts=True)
    return found


def training_feeds_of(program: Program, key: Id) -> list[tuple[SessionRun | ModelCall, Feed]]:
    """The feeds of one input in all runs that take a training step, in order."""
    return [(event, feed) for event, feed in program.fed(key) if _takes_step(program, event)]


def _training_feeds(program: Program) -> tuple[tuple[Event, Feed], ...]:
    found: list[tuple[Event, Feed]] = []
    for event in program.events:
        if isinstance(event, (SessionRun, ModelCall)) and _takes_step(program, event):
            found += [(event, feed) for feed in event.feeds]
    return tuple(found)


def is_only_run(program: Program) -> bool:
    """Whether a whole program runs networks and has nothing to train one with: it shows something, or loads weights."""
    if program.root or any(True for _ in program.of_kind("loss", "gradient", "train")):
        return False
    if any(True for _ in program.minimized) or any(record.kind == "optimizer" for _, record in program.objects):
        return False
    runs = [*program.runs, *program.model_calls]
    if not runs:
        # TensorFlow 2 computes at once; a graph may be run by another module.
        return program.generation != "1.x" and not any(True for _ in program.of_kind("placeholder"))
    return not any(isinstance(run, ModelCall) and run.training for run in runs)


def is_scheduled(program: Program) -> bool:
    """Whether a callback sets the rate, so that the one of the optimizer is never used."""
    for call in program.model_calls:
        argument = call.arguments.get("callbacks")
        if argument is None or not argument.given:
            continue
        for item in program.items(argument.value):
            record = program.object(item)
            if record is not None and record.name.endswith("LearningRateScheduler"):
                return True
    return False


def is_only_measured(program: Program, event: Compile | Minimize) -> bool:
    """Whether a model is compiled to be evaluated or asked, and the program says nowhere that it is trained."""
    models = [each.model for each in program.compiled if each.place == event.place]
    calls = [call for call in program.model_calls if call.model in models]
    return bool(calls) and not any(call.training for call in calls)


def is_idle(program: Program, optimizer: Id) -> bool:
    """Whether an optimizer is given to models alone that are compiled to be evaluated or asked."""
    events = [event for event in program.minimized if event.optimizer == Ref(id=optimizer)]
    return bool(events) and all(is_only_measured(program, event) for event in events)


def computed_losses(program: Program) -> Iterator[Operation]:
    """The losses of a program, without those of compiled models that are only asked.

    Old versions of Keras wanted a model compiled before it predicts, and the generator of a GAN is trained inside of
    another model: nobody computes the loss that it is compiled with.
    """
    idle: frozenset[Id] = program.once(f"{__name__}.idle", _idle, lasts=True)
    if program.module is not None:
        # What is asked of another program may change without this one.
        idle |= program.once(f"{__name__}.idle in the module", _idle_in_module)
    return (loss for loss in program.of_kind("loss") if loss.id not in idle)


def _idle_in_module(program: Program) -> frozenset[Id]:
    """The losses of a root that are idle in the module around it.

    A method that nothing calls is entered with an object of its own: the module knows what the others are used for.
    """
    assert program.module is not None
    idle = _idle(program.module)
    places = {each.place for each in program.module.compiled if not idle.isdisjoint(each.losses)}
    return frozenset(loss for each in program.compiled if each.place in places for loss in each.losses)


def _idle(program: Program) -> frozenset[Id]:
    calls = list(program.model_calls)
    is_trained = any(call.training for call in calls)
    if not is_trained and not is_restored(program):
        return frozenset()
    used = {call.model for call in calls if call.training or call.method.startswith(("evaluate", "test"))}
    used.update(id for event in program.events_of(Escape) for value in event.values for id in _within(program, value))
    # Where nothing is trained, a model that nothing asks either may be trained elsewhere.
    asked = None if is_trained else {call.model for call in calls}
    idle = (each for each in program.compiled if each.model not in used and (asked is None or each.model in asked))
    return frozenset(loss for event in idle for loss in event.losses)


def _within(program: Program, value: Value) -> Iterator[Id]:
    """The objects that a value is or holds."""
    for item in (value, *program.items(value)):
        if isinstance(item, Ref):
            yield item.id


def _takes_step(program: Program, event: SessionRun | ModelCall) -> bool:
    return trains(program, event) if isinstance(event, SessionRun) else event.training


def trains(program: Program, run: SessionRun) -> bool:
    """Whether a session run fetches a training step."""
    return any(operation.kind == "train" for operation in fetched(program, run))


def fetched(program: Program, run: SessionRun) -> Iterator[Operation]:
    """The operations that a session run fetches, also those that a group holds."""
    for value in run.fetches:
        operation = program.operation(value)
        if operation is not None:
            yield operation
            if operation.kind == "group":
                yield from program.producers(operation)


def data_of(call: ModelCall) -> Argument | None:
    """What a model is trained or asked with."""
    return call.arguments.get("x") or call.arguments.get("generator")


def holds_out(call: ModelCall) -> bool:
    """Whether a training validates on something, as far as that can be seen."""
    given = (call.arguments.get(name) for name in ("validation_data", "validation_split", "validation_steps"))
    return any(name.startswith("*") for name in call.arguments) or any(
        argument is not None and argument.value not in (Const(None), Const(0.0), Const(0)) for argument in given
    )


def is_restored(program: Program) -> bool:
    """Whether weights come from elsewhere, and with them what they were trained on."""
    return any(record.fields.get("restored") for _, record in program.objects)


def is_on_weights(program: Program, event: Minimize) -> bool:
    """Whether a training step is proved to change weights of a network, not an image or a game's other half."""
    step = program.operation(event.op)
    if step is None:
        return False
    sources = [step]
    if event.how == "gradients" and len(step.inputs) > 1:
        keys = program.ancestors(step.inputs[-1])
        sources = [o for key in keys if (o := program.operation(key)) is not None and o.kind == "gradient"][:1]
    for operation in sources:
        for name in ("var_list", "sources", "xs", "variables"):
            argument = operation.arguments.get(name)
            if argument is not None and argument.given and not _has_weights(program, argument.value):
                return False
    return bool(sources)


def _has_weights(program: Program, value: Value) -> bool:
    if is_none(value):
        return True
    for item in program.items(value):
        variable = program.operation(item) if isinstance(item, Tensor) else None
        if variable is not None and variable.kind == "variable":
            if any(user.kind in ("matmul", "convolution") for user in program.consumers(variable.output)):
                return True
    return False


def entry(program: Program, operation: Operation) -> Operation | None:
    """The placeholder or model input whose values enter an operation, looked for through casts and reshapes only."""
    for current in unchanged(program, operation):
        if current.kind in ("placeholder", "input"):
            return current
    return None


def unchanged(program: Program, operation: Operation) -> Iterator[Operation]:
    """What has the values that enter an operation: its first input, and what casts and reshapes made that of."""
    current = program.operation(operation.inputs[0]) if operation.inputs else None
    for _ in range(16):
        if current is None:
            return
        yield current
        if current.kind not in RESHAPING or not current.inputs:
            return
        current = program.operation(current.inputs[0])


RESHAPING = frozenset(
    ("reshape", "flatten", "cast", "identity", "expand", "squeeze", "transpose", "slice", "pad", "stop-gradient")
)
"""Kinds that change no value."""


__all__ = [
    "data_of",
    "entry",
    "fetched",
    "holds_out",
    "is_on_weights",
    "is_restored",
    "trains",
    "training_feeds",
    "training_feeds_of",
    "unchanged",
]
