"""Which weights are given other values than those they are made with, before anything is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.program.events import Minimize, ModelCall, SessionRun, WeightsSet
from trainlint.program.freezing import parts
from trainlint.program.training import trains
from trainlint.program.values import Id, InstanceRecord, Ref, Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program


def replaced(program: Program) -> frozenset[Id]:
    """The variables that something is assigned to, and the weights of layers and models that are set or loaded."""
    found: frozenset[Id] = program.once(f"{__name__}.replaced", _replaced, lasts=True)
    return found


def _replaced(program: Program) -> frozenset[Id]:
    assigned = [operation for operation in program.of_kind("assign") if _sets(operation)]
    found = {key for operation in assigned if (key := _target(operation)) is not None}
    # What is picked from a list may be any variable.
    given = None if any(_target(operation) is None for operation in assigned) else _given(program)
    found.update(v.id for v in program.of_kind("variable") if given is None or _is_given(program, v, given))
    return frozenset(found)


def _sets(operation: Operation) -> bool:
    return not operation.name.endswith(("assign_add", "assign_sub"))


def _target(operation: Operation) -> Id | None:
    target = operation.attributes.get("variable")
    return target.op if isinstance(target, Tensor) else None


def _is_given(program: Program, variable: Operation, given: set[Id]) -> bool:
    layer = program.object(variable.layer)
    if variable.id in given or variable.layer in given:
        return True
    # Whoever assigns to the kernel may assign to all weights.
    return layer is not None and "kernel" in layer.fields.get("attributes", {})


def _given(program: Program) -> set[Id] | None:
    """What gets its weights from elsewhere before it is trained: layers, models, variables; None if that may be any.

    Weights that are loaded later, such as the best of a training, do not change what it started with.
    """
    found: set[Id] = set()
    trained: set[Id] = set()
    for event in program.events:
        kind = type(event)
        if (kind is Minimize and event.how == "tape") or (kind is SessionRun and trains(program, event)):
            break
        if kind is ModelCall and event.training:
            trained |= _whole(program, event.model)
        elif kind is WeightsSet and event.target is not None:
            found |= _whole(program, event.target) - trained
        elif kind is WeightsSet and not trained:
            return None
    return found


def _whole(program: Program, key: Id) -> set[Id]:
    """A layer or model with its layers, also those that a class of the user holds."""
    found: set[Id] = set()
    queue = [key]
    while queue:
        key = queue.pop()
        if key in found:
            continue
        found.add(key)
        record = program.record(key)
        queue += _held(program, record) if isinstance(record, InstanceRecord) else parts(program, key)
    return found


def _held(program: Program, record: InstanceRecord) -> Iterator[Id]:
    for value in record.attributes.values():
        for item in program.items(value):
            if isinstance(item, Ref):
                yield item.id
            elif isinstance(item, Tensor) and item.op is not None:
                yield item.op


__all__ = ["replaced"]
