"""Training steps that a user's model brings along: `train_step`, `compute_loss` and what they use of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainlint import tfapi
from trainlint.interpret import arrays, builtins, calls, classes
from trainlint.interpret.api import keras_layers, keras_losses, keras_models
from trainlint.interpret.api.call import ApiCall, Arguments
from trainlint.interpret.api.registry import attribute, handles, method
from trainlint.program.events import Minimize
from trainlint.program.values import (
    NONE,
    TRUE,
    UNKNOWN,
    ApiObject,
    Argument,
    InstanceRecord,
    Ref,
    Tensor,
    Tuple,
    Unknown,
    Value,
    is_none,
)  # fmt: skip

if TYPE_CHECKING:
    from trainlint.interpret.machine import Machine
    from trainlint.source.code import Place

LOSS = "__loss__"
"""The attribute that keeps what a model was compiled with."""


def remember(machine: Machine, reference: Ref, optimizer: Value, loss: Argument | None) -> None:
    """Keeps the optimizer and loss of `compile` where the methods of a model look for them."""
    record = machine.get(reference)
    kept = {"optimizer": optimizer, LOSS: Tuple(items=(NONE if loss is None else machine.resolve(loss.value),))}
    if isinstance(record, InstanceRecord):
        machine.put(reference, record.replace(attributes={**record.attributes, **kept}))
    elif isinstance(record, ApiObject):
        attributes = {**record.fields.get("attributes", {}), **kept}
        machine.put(reference, record.replace(fields={**record.fields, "attributes": attributes}))


def run_step(machine: Machine, reference: Ref, x: Value, y: Value, place: Place) -> None:
    """Runs the `train_step` that the user wrote for a model on one batch of what `fit` is given."""
    step = classes.method_of(machine, reference, "train_step")
    record = machine.get(reference)
    if step is None or not isinstance(record, InstanceRecord) or "__stepped__" in record.attributes:
        return
    machine.put(reference, record.replace(attributes={**record.attributes, "__stepped__": TRUE}))
    data: Value = UNKNOWN
    if isinstance(x, (Tensor, Unknown)):
        inputs = record.attributes.get("__inputs__")
        entering = inputs if inputs is not None else keras_models.model_input(machine, reference, record)
        data = entering
        if not is_none(y):
            data = Tuple(items=(entering, keras_losses.labels_of(machine, reference, record, 0)))
        elif isinstance(x, Unknown):
            data = UNKNOWN  # the elements of a dataset may well be pairs
    arguments = Arguments([Argument(value=reference, place=place), Argument(value=data, place=place)], {})
    calls.call(machine, step, arguments, place)


def own_loss(call: ApiCall, reference: Ref, record: Any, output: Value) -> Value | None:
    """What the `compute_loss` that the user wrote for a model makes of its output; None if there is none."""
    function = classes.method_of(call.machine, reference, "compute_loss")
    if function is None:
        return None
    machine, place = call.machine, call.place
    values = {"y": keras_losses.labels_of(machine, reference, record, 0), "y_pred": output, "sample_weight": NONE}
    values["x"] = record.attributes.get("__inputs__", UNKNOWN) if isinstance(record, InstanceRecord) else UNKNOWN
    wanted = {parameter.name for parameter in function.define.parameters}
    keywords = {name: Argument(value=value, place=place) for name, value in values.items() if name in wanted}
    return machine.resolve(calls.call(machine, function, Arguments([Argument(reference, place)], keywords), place))


@method("model", "compute_loss", "compiled_loss")
def compute_loss(call: ApiCall) -> Value:
    """The loss of `compile`; `compute_loss` adds the penalties on weights, `compiled_loss` those that it is given."""
    return _compiled_loss(call, adds=call.machine.method_name == "compute_loss")


def _compiled_loss(call: ApiCall, adds: bool) -> Value:
    """The loss of `compile` for labels and predictions; whether it adds the penalties on weights itself."""
    machine = call.machine
    call.bind_as(*(("x", "y", "y_pred") if adds else ("y", "y_pred", "sample_weight", "regularization_losses")))
    if not isinstance(call.receiver, Ref):
        return UNKNOWN
    labels, predictions = call.value("y"), call.value("y_pred")
    loss = _compiled(machine, call.receiver)
    found: Value = UNKNOWN
    if not is_none(loss) and not isinstance(loss, Unknown) and builtins.items_of(machine, predictions) is None:
        found = keras_losses.one_loss(call, loss, labels, predictions, call.place, ("compiled", call.place))
    terms = list(arrays.tensors_in(machine, call.value("regularization_losses"))) if not adds else []
    if adds:
        terms = list(_penalties(machine, call.receiver, call.place))
    if not isinstance(found, Tensor) or not terms:
        return found
    return machine.emit("add", "losses", call.place, (found, *terms), Tensor(shape=(), dtype="float32"), "total")


def _compiled(machine: Machine, reference: Ref) -> Value:
    """The loss that a model was compiled with."""
    record = machine.get(reference)
    kept = record.attributes if isinstance(record, InstanceRecord) else record.fields.get("attributes", {})
    found = kept.get(LOSS)
    return machine.resolve(found.items[0]) if isinstance(found, Tuple) else UNKNOWN


def _penalties(machine: Machine, reference: Ref, place: Place) -> tuple[Tensor, ...]:
    weights = keras_models.model_weights(machine, reference)
    found = machine.get(keras_layers.regularization_losses(machine, weights, place))
    return tuple(term for term in found.items or () if isinstance(term, Tensor))


@method("model", "train_step")
def train_step(call: ApiCall) -> Value:
    """The step of Keras itself, called from one that the user wrote around it."""
    machine = call.machine
    call.bind_as("data")
    if not isinstance(call.receiver, Ref):
        return UNKNOWN
    data = call.value("data")
    if not isinstance(data, Tuple) or len(data.items) < 2:
        return UNKNOWN
    x, y = (machine.resolve(item) for item in data.items[:2])
    output = keras_layers.call_any(machine, call.receiver, x, call.place, TRUE)
    given = {"y": Argument(value=y, place=call.place), "y_pred": Argument(value=output, place=call.place)}
    loss = _compiled_loss(ApiCall(machine, call.symbol, Arguments([], given), call.place, call.receiver), adds=True)
    optimizer = optimizer_of(machine, call.receiver, machine.get(call.receiver), call.place) or UNKNOWN
    inputs = (loss,) if isinstance(loss, Tensor) else ()
    train = call.emit("train", *inputs, output=Tensor(shape=()), optimizer=optimizer, loss=loss, model=call.receiver)
    machine.record(
        Minimize(place=call.place, context=machine.context(), loss=loss, optimizer=optimizer, how="fit", op=train.op)
    )
    return UNKNOWN


@attribute("model", "optimizer")
def optimizer_of(machine: Machine, reference: Ref, record: Any, place: Place) -> Value | None:
    """The optimizer of `compile`; one that nothing is known of where that call is not seen."""
    kept = record.attributes if isinstance(record, InstanceRecord) else record.fields.get("attributes", {})
    found = kept.get("optimizer")
    if found is not None:
        return machine.resolve(found)
    symbol = tfapi.resolve("keras.optimizers.Optimizer", machine.generation)
    if symbol is None or not isinstance(record, InstanceRecord):
        return UNKNOWN
    return machine.new(place, ApiObject(symbol, "optimizer", {}, place, {}), "optimizer")


@handles("keras.utils.unpack_x_y_sample_weight")
def unpack(call: ApiCall) -> Value:
    """`x, y, sample_weight = unpack_x_y_sample_weight(data)`."""
    data = call.value("data")
    items = data.items if isinstance(data, Tuple) else (data,) if isinstance(data, Tensor) else None
    if items is None or len(items) > 3:
        return UNKNOWN
    return Tuple(items=(*items, *(NONE,) * (3 - len(items))))
