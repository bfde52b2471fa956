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
    found: set[Id] = set()
    _collect(program, model, found)
    found.discard(model)
    return frozenset(found)


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
    for other, candidate in program.objects:
        outputs = candidate.fields.get("outputs") if candidate.kind == "model" else None
        if isinstance(outputs, Tensor) and outputs.op in behind and other not in found:
            _collect(program, other, found)


def trains_at(program: Program, target: Id, event: Event) -> bool | None:
    """Whether a part was told to train, the last time before an event; True if nothing was said, None if not known."""
    value: bool | None = True
    for each in program.events:
        if each is event:
            return value
        if isinstance(each, TrainableSet) and each.target is target:
            value = None if each.context.conditions else each.value
    return value
