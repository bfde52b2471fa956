"""Which layers and models are parts of a model, and what is told to train and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.program.events import TrainableSet
from trainlint.program.values import Id, Ref, Tensor

if TYPE_CHECKING:
    from trainlint.program.events import Event
    from trainlint.program.program import Program


def parts(program: Program, model: Id) -> frozenset[Id]:
    """The layers and models that a model is made of, as far as that is known; not itself."""
    return program.recall(_parts, model)


def _parts(program: Program, model: Id) -> frozenset[Id]:
    found: set[Id] = set()
    _collect(program, model, found)
    found.discard(model)
    return frozenset(found)


def _made_of_tensors(program: Program) -> tuple[tuple[Id, Id], ...]:
    """The models that are made from their inputs and outputs, each with the operation of its output."""
    found = []
    for key, record in program.objects:
        outputs = record.fields.get("outputs") if record.kind == "model" else None
        if isinstance(outputs, Tensor) and outputs.op is not None:
            found.append((key, outputs.op))
    return tuple(found)


def _collect(program: Program, model: Id, found: set[Id]) -> None:
    record = program.object(model)
    if record is None or model in found:
        return
    found.add(model)
    for layer in record.fields.get("layers", ()):
        if isinstance(layer, Ref):
            _collect(program, layer.id, found)
    behind = program.ancestors(record.fields.get("outputs"))
    if not behind:
        return
    for key in behind:
        operation = program.operation(key)
        if operation is None:
            continue
        if operation.layer is not None:
            found.add(operation.layer)
        used = operation.attributes.get("model")
        if isinstance(used, Ref):
            _collect(program, used.id, found)
    for other, output in program.once(f"{__name__}.made", _made_of_tensors, lasts=True):
        if output in behind and other not in found:
            _collect(program, other, found)


def trains_at(program: Program, target: Id, event: Event) -> bool | None:
    """Whether a part was told to train, the last time before an event; True if nothing was said, None if not known."""
    value: bool | None = True
    # Between themselves they are in order, and there are few of them.
    for each in program.events_of(TrainableSet) if type(event) is TrainableSet else program.events:
        if each is event:
            return value
        if isinstance(each, TrainableSet) and each.target is target:
            value = None if each.context.conditions else each.value
    return value
