"""Keras models in use: compile, fit, evaluate and predict."""

from __future__ import annotations

from typing import Any

from trainlint import tfapi
from trainlint.interpret import arrays, builtins, calls, classes, effects
from trainlint.interpret.api import keras_losses, keras_models, keras_outputs, keras_steps
from trainlint.interpret.api.call import ApiCall, Arguments, bind
from trainlint.interpret.api.registry import method
from trainlint.interpret.machine import Machine
from trainlint.program.events import Compile, Feed, Minimize, ModelCall
from trainlint.program.values import (
    NONE,
    UNKNOWN,
    Api,
    ApiObject,
    Argument,
    Const,
    DictRecord,
    Function,
    Id,
    ListRecord,
    Ref,
    Stream,
    Tensor,
    Tuple,
    Unknown,
    Value,
    is_none,
)  # fmt: skip


@method("model", "compile")
def compile_model(call: ApiCall) -> Value:
    machine = call.machine
    if not isinstance(call.receiver, Ref):
        return NONE
    third = ("loss_weights", "metrics") if _weights_third(call) else ("metrics", "loss_weights")
    call.bind_as("optimizer", "loss", *third, "weighted_metrics", optimizer="rmsprop", loss=None)
    record = machine.get(call.receiver)
    keras_losses.note_compiled(machine, call.receiver, call.place)
    optimizer = _optimizer(call)
    output = keras_models.model_output(machine, call.receiver, call.place)
    keras_steps.remember(machine, call.receiver, optimizer, call.argument("loss"))
    has_step = classes.method_of(machine, call.receiver, "train_step") is not None
    record = machine.get(call.receiver)
    # The user's own step decides what the loss gets: it may well apply the softmax first.
    total = UNKNOWN if has_step else keras_steps.own_loss(call, call.receiver, record, output)
    emitted = _losses(call, call.receiver, record, output) if total is None else []
    if not has_step:
        _measure(call, call.receiver, record, output)
    arguments = dict(call.bound)
    machine.record(
        Compile(
            place=call.place,
            context=machine.context(),
            model=call.receiver.id,
            arguments=arguments,
            losses=tuple(emitted),
        )
    )
    if has_step:
        return NONE
    if emitted:
        first = machine.operation(emitted[0])
        assert first is not None
        total = first.output
        if len(emitted) > 1:
            parts = tuple(machine.operation(key).output for key in emitted)  # type: ignore[union-attr]
            total = machine.emit("add", "losses", call.place, parts, Tensor(shape=(), dtype="float32"), "total")
    elif isinstance(output, Unknown):
        total = output
    total = UNKNOWN if total is None else total
    train = call.emit(
        "train",
        *((total,) if isinstance(total, Tensor) else ()),
        output=Tensor(shape=()),
        optimizer=optimizer,
        loss=total,
        model=call.receiver,
    )
    machine.record(
        Minimize(place=call.place, context=machine.context(), loss=total, optimizer=optimizer, how="fit", op=train.op)
    )
    return NONE


def _weights_third(call: ApiCall) -> bool:
    """Whether the third argument of `compile` stands for the weights of the losses: in Keras 3, if it has numbers."""
    if call.machine.generation != "2.16" or len(call.arguments.positional) < 3:
        return False
    value = call.machine.resolve(call.arguments.positional[2].value)
    record = call.machine.get(value)
    items = (
        [item for _, item in record.items] if isinstance(record, DictRecord) else builtins.items_of(call.machine, value)
    )
    return items is not None and all(arrays.as_tensor(call.machine, item) is not None for item in items)


def _optimizer(call: ApiCall) -> Value:
    """The optimizer argument; a string becomes the object that Keras makes of it."""
    value = call.value("optimizer")
    argument = call.argument("optimizer")
    if isinstance(value, Const) and isinstance(value.value, str):
        known = {
            "sgd": "SGD",
            "adam": "Adam",
            "adamw": "AdamW",
            "rmsprop": "RMSprop",
            "adagrad": "Adagrad",
            "adadelta": "Adadelta",
            "adamax": "Adamax",
            "nadam": "Nadam",
            "ftrl": "Ftrl",
            "lion": "Lion",
        }.get(value.value.lower())
        if known is None:
            return value
        return default_object(call, f"keras.optimizers.{known}", "optimizer", argument)
    if isinstance(value, Api) and value.symbol.name.startswith("keras.optimizers."):
        return default_object(call, value.symbol.path, "optimizer", argument)
    return value


def default_object(call: ApiCall, path: str, kind: str, argument: Argument | None) -> Value:
    """An object that Keras makes from a name, with all arguments at their defaults."""
    symbol = tfapi.resolve(path, call.machine.generation)
    if symbol is None:
        return UNKNOWN
    place = argument.place if argument is not None and argument.place is not None else call.place
    record = ApiObject(symbol, kind, bind(call.machine, symbol, Arguments([], {})), place, {"spelled": "string"})
    return call.machine.new(place, record, kind)


def _losses(call: ApiCall, reference: Ref, record: Any, output: Value) -> list[Id]:
    """Records the losses of a compiled model, one for each output."""
    machine = call.machine
    argument = call.argument("loss")
    value = call.value("loss")
    if is_none(value):
        return []
    place = argument.place if argument is not None and argument.place is not None else call.place
    result = []
    for index, loss, prediction in keras_outputs.losses_of(machine, value, output):
        loss, prediction = machine.resolve(loss), machine.resolve(prediction)
        labels = keras_losses.labels_of(machine, reference, record, index)
        emitted = keras_losses.one_loss(call, loss, labels, prediction, place, f"loss {index}")
        if isinstance(emitted, Tensor) and emitted.op is not None:
            result.append(emitted.op)
    return result


def _measure(call: ApiCall, reference: Ref, record: Any, output: Value) -> None:
    """Runs the user's own metrics of a model with one output, as `fit` does with each batch."""
    machine = call.machine
    metrics = call.value("metrics") if call.argument("metrics") is not None else NONE
    record_of_list = machine.get(metrics)
    found = builtins.items_of(machine, metrics) if isinstance(record_of_list, ListRecord) else (metrics,)
    own = [value for value in map(machine.resolve, found or ()) if isinstance(value, Function)]
    if not own or not isinstance(output, Tensor):
        return
    labels = keras_losses.as_column(call, keras_losses.labels_of(machine, reference, record, 0), output)
    argument = call.argument("metrics")
    place = argument.place if argument is not None and argument.place is not None else call.place
    for index, metric in enumerate(own):
        positional = [Argument(value=labels, place=place), Argument(value=output, place=place)]
        result = machine.resolve(calls.call(machine, metric, Arguments(positional, {}), place))
        tensors = tuple(arrays.tensors_in(machine, result))
        if tensors:
            machine.emit("opaque", "model.fit", call.place, tensors, Tensor(), f"metric {index}")


@method(
    "model",
    "fit",
    "fit_generator",
    "train_on_batch",
    "evaluate",
    "evaluate_generator",
    "test_on_batch",
    "predict",
    "predict_generator",
    "predict_on_batch",
    "predict_classes",
    "predict_proba",
)
def run_model(call: ApiCall) -> Value:
    """Feeds a model: arrays, datasets or generators."""
    machine = call.machine
    if not isinstance(call.receiver, Ref):
        return UNKNOWN
    name = call.machine.method_name or "fit"
    order = ("x", "batch_size") if name.startswith("predict") else ("x", "y", "batch_size", "epochs")
    call.bind_as(*order)
    record = machine.get(call.receiver)
    x = call.value("x") if call.argument("x") is not None else call.value("generator")
    y = call.value("y") if call.argument("y") is not None else NONE
    pair = _element(machine, _batch(machine, x, call.place))
    if pair is not None:
        x, y = pair
    keras_models.model_output(machine, call.receiver, call.place)
    record = machine.get(call.receiver)
    feeds = _feeds(machine, call, record, x, y)
    training = name in ("fit", "fit_generator", "train_on_batch")
    arguments = {
        key: argument.replace(value=arrays.plain(machine, argument.value))
        if type(argument.value) in (Ref, Tuple)
        else argument
        for key, argument in call.bound.items()
    }
    if call.arguments.open:
        arguments["**"] = Argument(value=UNKNOWN)  # what a `**kwargs` holds that could not be read
    machine.record(
        ModelCall(
            place=call.place,
            context=machine.context(),
            model=call.receiver.id,
            method=name,
            arguments=arguments,
            feeds=feeds,
            training=training,
        )
    )
    if training and "callbacks" in arguments:
        effects.forget_what_callbacks_set(machine, call.receiver, call.value("callbacks"), call.place)
    if training:
        keras_steps.run_step(machine, call.receiver, x, y, call.place)
    inputs = tuple(t for value in (x, y) for t in arrays.tensors_in(machine, value))
    if inputs:
        machine.emit("identity", f"model.{name}", call.place, inputs, Tensor(library="np"), "feed")
    if name == "predict_classes":
        return Tensor(library="np")
    if name.startswith("predict"):
        output = keras_models.model_output(machine, call.receiver, call.place)
        given = call.argument("x", "generator")
        data = machine.resolve(given.value) if given is not None else None
        if isinstance(output, Unknown) and machine.object(data) is not None:
            # An output that is not known still has the order of the data that it was made of.
            output = Tensor()
        asked = x if pair is None else _batches(machine, x)
        return keras_models.reapplied(
            machine, output, asked, call.place, "predict", "np", model=call.receiver, data=data
        )
    if name.startswith("fit"):
        return machine.new(call.place, ApiObject(call.symbol, "history", {}, call.place, {}), "history")
    return UNKNOWN


def _batches(machine: Machine, batch: Value) -> Value:
    """All that a dataset or generator gives, of which a batch is known: nobody knows how many rows that are."""
    first = next(iter(arrays.tensors_in(machine, batch)), None)
    return batch if first is None or not first.shape else first.replace(shape=(None, *first.shape[1:]))


def _batch(machine: Machine, x: Value, place: Any) -> Value:
    """One batch of a `Sequence` of the user's own; everything else as it is."""
    get = classes.method_of(machine, x, "__getitem__") if isinstance(x, Ref) else None
    if get is None or not isinstance(x, Ref):
        return x
    arguments = Arguments([Argument(value=x, place=place), Argument(value=UNKNOWN, place=place)], {})
    found = machine.resolve(classes.call_function(machine, get, arguments, place))
    return Stream(element=found) if isinstance(found, Tuple) and len(found.items) >= 2 else x


def _element(machine: Machine, x: Value) -> tuple[Value, Value] | None:
    """The (inputs, labels) of one batch of a dataset or generator; None for arrays."""
    if isinstance(x, Tensor):
        return None
    record = machine.object(x)
    element = record.fields.get("element") if record is not None else None
    if element is None and not isinstance(x, (Tuple, Const)) and record is None:
        if isinstance(machine.get(x), (ListRecord, DictRecord)):
            return None
        element = builtins.element_of(machine, x)
    if isinstance(element, Tuple) and len(element.items) >= 2:
        return machine.resolve(element.items[0]), machine.resolve(element.items[1])
    if not isinstance(element, Tensor):
        return None
    # Keras takes the two or three rows of an array for inputs, labels and weights, or all of it for inputs.
    is_apart = element.library == "np" and element.shape and element.shape[0] in (2, 3)
    return (UNKNOWN, UNKNOWN) if is_apart else (element, NONE)


def _feeds(machine: Machine, call: ApiCall, record: Any, x: Value, y: Value) -> tuple[Feed, ...]:
    assert isinstance(call.receiver, Ref)
    feeds = []
    for kind, value, argument in (("input", x, call.argument("x", "generator")), ("labels", y, call.argument("y"))):
        if is_none(value):
            continue
        place = argument.place if argument is not None and argument.place is not None else call.place
        keys = _keys(machine, call.receiver, record, kind)
        record_value = machine.get(value)
        if len(keys) > 1 and isinstance(record_value, DictRecord):
            continue
        items = builtins.items_of(machine, value) if len(keys) > 1 else [value]
        arrays_given = _nested(machine, value)
        if arrays_given is not None:
            items = arrays_given
        if items is None or len(items) != len(keys):
            continue
        values = [arrays.plain(machine, machine.resolve(item)) for item in items]
        feeds += [Feed(key=key, value=item, place=place) for key, item in zip(keys, values)]
    return tuple(feeds)


def _nested(machine: Machine, value: Value, depth: int = 0) -> list[Value] | None:
    """The arrays in lists of arrays, however deep: Keras takes them one by one, and lists of numbers for one array."""
    value = machine.resolve(value)
    if isinstance(value, Tensor):
        return [value] if depth and value.library != "python" else None
    record = machine.get(value) if isinstance(value, Ref) else None
    items = value.items if isinstance(value, Tuple) else record.items if isinstance(record, ListRecord) else None
    if not items or depth > 4:
        return None
    found = [_nested(machine, item, depth + 1) for item in items]
    return None if None in found else [each for part in found if part is not None for each in part]


def _keys(machine: Machine, reference: Ref, record: Any, kind: str) -> list[Id]:
    if kind == "labels":
        outputs = record.fields.get("outputs") if isinstance(record, ApiObject) else None
        found = keras_outputs.outputs_of(machine, outputs) if outputs is not None else None
        return [keras_losses.label_id(machine, reference, record, i) for i in range(len(found) if found else 1)]
    inputs = record.fields.get("inputs") if isinstance(record, ApiObject) else record.attributes.get("__inputs__")
    if inputs is None:
        return [keras_models.input_id(machine, reference, record)]
    return [t.op for t in arrays.tensors_in(machine, inputs) if t.op is not None]
