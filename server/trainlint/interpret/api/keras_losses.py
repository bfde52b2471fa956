"""The labels that a Keras model gets, and the losses that it is compiled with."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from trainlint.interpret import calls
from trainlint.interpret.api import losses
from trainlint.interpret.api.call import ApiCall, Arguments
from trainlint.interpret.feeds import FedTensor
from trainlint.interpret.machine import Machine
from trainlint.program.values import (
    UNKNOWN,
    Argument,
    Function,
    Id,
    InstanceRecord,
    Ref,
    Tensor,
    Value,
)  # fmt: skip


def label_id(machine: Machine, reference: Ref, record: Any, index: int = 0) -> Id:
    """The id of the labels that a model gets, as it is compiled now."""
    with machine.within(frame=reference.id.frame, iteration=reference.id.iteration):
        return machine.identify(record.place, _label_tag(machine, reference, index))


def _label_tag(machine: Machine, reference: Ref, index: int) -> Hashable:
    tag = f"labels {index}" if index else "labels"
    compiled = machine.read(("compiled", reference.id))
    if not isinstance(compiled, tuple) or compiled[0] == compiled[1]:
        return tag
    # Compiled anew: the loss is another one, and what comes after may be other labels.
    return tag, compiled[1]


def note_compiled(machine: Machine, reference: Ref, place: Any) -> None:
    """Notes where a model was compiled first, and where last."""
    key = ("compiled", reference.id)
    known = machine.read(key)
    machine.write(key, (known[0], place) if isinstance(known, tuple) else (place, place))


def as_column(call: ApiCall, labels: Value, prediction: Value) -> Value:
    """Labels of rank 1 as a function of the user gets them: `fit` makes a column of them.

    Measured with tf_keras 2.21 and Keras 3.15. Keras 3 does it for functions that are losses alone, and only beside
    one output; a program that does not say its version has the benefit of the doubt.
    """
    if not isinstance(labels, Tensor) or labels.rank != 1 or not isinstance(prediction, Tensor):
        return labels
    shape = prediction.shape
    if shape is None or len(shape) != 2 or (call.machine.generation == "2.16" and shape[-1] != 1):
        return labels
    column = labels.replace(shape=(*(labels.shape or ()), 1), op=None)
    return call.machine.emit("reshape", "model.fit", call.place, (labels,), column, "column")


def labels_of(machine: Machine, reference: Ref, record: Any, index: int) -> Tensor:
    key = label_id(machine, reference, record, index)
    known = machine.read(("feed", key))
    output = known.tensor.replace(library="tf") if isinstance(known, FedTensor) else Tensor()
    tag = _label_tag(machine, reference, index)
    with machine.within(frame=reference.id.frame, iteration=reference.id.iteration):
        return machine.emit("input", "labels", record.place, (), output, tag, attributes={"labels": True})


def one_loss(call: ApiCall, loss: Value, labels: Value, prediction: Value, place: Any, tag: Any) -> Value:
    """Records one loss of a compiled model, or runs the function that computes it."""
    machine = call.machine
    found = losses.loss_of(machine, loss)
    if found is not None:
        kind, from_logits, form = found
        record = machine.object(loss)
        arguments: Mapping[str, Argument] = record.arguments if record is not None else {}
        shown = record.place if record is not None else place
        return losses.emit_loss(
            machine,
            f"keras {kind.function}",
            shown,
            kind,
            labels,
            prediction,
            from_logits=from_logits,
            reduced=True,
            form=form,
            tag=tag,
            arguments=arguments,
            compiled=True,
            argument=place,
        )
    if isinstance(loss, Function) or isinstance(machine.get(loss), InstanceRecord):
        labels = as_column(call, labels, prediction)
        positional = [Argument(value=labels, place=place), Argument(value=prediction, place=place)]
        return machine.resolve(calls.call(machine, loss, Arguments(positional, {}), place))
    return UNKNOWN
