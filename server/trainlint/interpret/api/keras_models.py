"""Keras models: Sequential, functional and subclassed; compile, fit, evaluate, predict."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Mapping
from typing import Any

from trainlint import tfapi
from trainlint.interpret import arrays, builtins, calls, classes, effects
from trainlint.interpret.api import keras_layers, keras_outputs, keras_steps, losses
from trainlint.interpret.api.call import ApiCall, Arguments, bind
from trainlint.interpret.api.registry import attribute, called, handles, method
from trainlint.interpret.api.variables import merge_feed
from trainlint.interpret.feeds import FedTensor
from trainlint.interpret.machine import Machine, unknown
from trainlint.program.dims import Shape, Symbol
from trainlint.program.events import Applied, Compile, Feed, Minimize, ModelCall
from trainlint.program.values import (
    NONE,
    TRUE,
    UNKNOWN,
    Api,
    ApiObject,
    Argument,
    Const,
    DictRecord,
    Function,
    Id,
    InstanceRecord,
    ListRecord,
    Ref,
    Stream,
    Tensor,
    Tuple,
    Unknown,
    Value,
    is_none,
)  # fmt: skip


@handles("keras.Sequential")
def sequential(call: ApiCall) -> Value:
    value = call.value("layers")
    items = builtins.items_of(call.machine, value)
    known = items is not None or is_none(value)
    layers = tuple(call.machine.resolve(item) for item in items or ())
    return call.object("model", form="sequential", layers=layers, complete=known, loop=len(call.machine.loops))


@method("model", "add")
def add(call: ApiCall) -> Value:
    call.bind_as("layer")
    record = call.machine.object(call.receiver)
    if record is None or not isinstance(call.receiver, Ref):
        return NONE
    fields = {k: v for k, v in record.fields.items() if k not in ("inputs", "outputs")}
    value = call.value("layer")
    if len(call.machine.loops) > fields.get("loop", 0):
        # How often the loop runs is not known: neither is the number of layers.
        if not is_open(fields):
            fields["head"] = fields.get("layers", ())
        repeated = fields.get("repeated", ())
        fields |= {"complete": False, "layers": ()}
        fields["repeated"] = repeated if value in repeated else (*repeated, value)
    else:
        fields["layers"] = (*fields.get("layers", ()), value)
    call.machine.put(call.receiver, record.replace(fields=fields))
    return NONE


def is_open(fields: Mapping[str, Any]) -> bool:
    """Whether some layers of a Sequential model are not known; `layers` are then those that came after them."""
    return not fields.get("complete", True) or bool(fields.get("forgotten"))


@method("model", "pop")
def pop(call: ApiCall) -> Value:
    record = call.machine.object(call.receiver)
    if record is not None and isinstance(call.receiver, Ref):
        fields = {k: v for k, v in record.fields.items() if k not in ("inputs", "outputs")}
        fields["layers"] = tuple(fields.get("layers", ()))[:-1]
        if "outputs" in record.fields:
            fields["popped"] = record.fields["outputs"]  # what was built was the model's once
        call.machine.put(call.receiver, record.replace(fields=fields))
    return NONE


@handles("keras.Model")
def functional(call: ApiCall) -> Value:
    positional = [call.machine.resolve(a.value) for a in call.arguments.positional]
    keywords = {k: call.machine.resolve(a.value) for k, a in call.arguments.keywords.items()}
    inputs = keywords.get("inputs", keywords.get("input", positional[0] if positional else UNKNOWN))
    outputs = keywords.get("outputs", keywords.get("output", positional[1] if len(positional) > 1 else UNKNOWN))
    listed = call.machine.get(inputs)
    if isinstance(listed, ListRecord) and listed.items is not None and len(listed.items) == 1:
        inputs = call.machine.resolve(listed.items[0])  # `Model(base.inputs, ...)`
    listed = call.machine.get(outputs)
    if isinstance(listed, ListRecord) and listed.items is not None and len(listed.items) == 1:
        if call.machine.generation != "2.16":
            outputs = call.machine.resolve(listed.items[0])  # Keras 3 gives a list of one
    return call.object("model", form="functional", inputs=inputs, outputs=outputs, complete=True)


# What a model computes ------------------------------------------------------------------------------------------------


def model_output(machine: Machine, reference: Ref, place: Any) -> Value:
    """The output of a model for its own inputs, which are built when they are asked for."""
    record = machine.get(reference)
    if isinstance(record, ApiObject):
        outputs = record.fields.get("outputs")
        if outputs is not None:
            return outputs
        if record.fields.get("form") != "sequential":
            return unknown("the layers of the model are not all known", record.place)
        if is_open(record.fields):
            return _after_gap(machine, reference, record)
        inputs = model_input(machine, reference, record)
        output = run_layers(machine, record.fields.get("layers", ()), inputs, record.place)
        record = machine.get(reference)
        machine.put(reference, record.replace(fields={**record.fields, "inputs": inputs, "outputs": output}))
        return output
    if isinstance(record, InstanceRecord):
        known = record.attributes.get("__outputs__")
        if known is not None:
            return machine.resolve(known)
        if classes.method_of(machine, reference, "call") is None:
            return UNKNOWN
        inputs = model_input(machine, reference, record)
        output = keras_layers.call_any(machine, reference, inputs, record.place or place)
        record = machine.get(reference)
        machine.put(
            reference, record.replace(attributes={**record.attributes, "__inputs__": inputs, "__outputs__": output})
        )
        return output
    return UNKNOWN


def _after_gap(machine: Machine, reference: Ref, record: ApiObject) -> Value:
    """The output of a Sequential model whose middle is not known: what its last layers make of anything."""
    tail = record.fields.get("layers", ())
    if not tail:
        return unknown("the layers of the model are not all known", record.place)
    fields = {**record.fields, "layers": record.fields.get("head", ())}
    inputs = model_input(machine, reference, record.replace(fields=fields))
    with machine.within(frame=reference.id.frame, iteration=reference.id.iteration):
        gap = machine.emit("opaque", "", record.place, (inputs,), Tensor(), "gap")
    output = run_layers(machine, tail, gap, record.place)
    record = machine.get(reference)
    if isinstance(record, ApiObject):
        machine.put(reference, record.replace(fields={**record.fields, "inputs": inputs, "outputs": output}))
    return output


def input_id(machine: Machine, reference: Ref, record: Any, index: int = 0) -> Id:
    """The identity of a model's own input, the same before and after it is built."""
    place = record.place
    with machine.within(frame=reference.id.frame, iteration=reference.id.iteration):
        return machine.identify(place, "input" if not index else f"input {index}")


def model_input(machine: Machine, reference: Ref, record: Any) -> Tensor:
    """The symbolic input of a Sequential or subclassed model, with what the feeds tell."""
    declared: Shape = None
    if isinstance(record, ApiObject):
        for value in record.fields.get("layers", ())[:1]:
            if isinstance(value, Tensor):
                return value  # Sequential([keras.Input(...), ...])
            first = machine.object(value)
            if first is not None:
                declared = keras_layers.input_shape_of(machine, first)
                if first.fields.get("form") and isinstance(value, Ref):
                    model_output(machine, value, first.place)
                    first = machine.object(value)
                    inner = first.fields.get("inputs") if first is not None else None
                    declared = inner.shape if isinstance(inner, Tensor) else None
                    if declared and isinstance(declared[0], Symbol):
                        declared = (None, *declared[1:])
    key = input_id(machine, reference, record)
    known = machine.read(("feed", key))
    output = Tensor(shape=declared, dtype="float32")
    if isinstance(known, FedTensor):
        output = merge_feed(output, known.tensor)
    if output.shape and output.shape[0] is None:
        output = output.replace(shape=(Symbol("batch", ("batch", key), batch=True), *output.shape[1:]))
    with machine.within(frame=reference.id.frame, iteration=reference.id.iteration):
        return machine.emit(
            "input", "keras.Input", record.place, (), output, "input", attributes={"declared": declared}
        )


def run_layers(machine: Machine, layers: tuple[Value, ...], inputs: Value, place: Any, training: Value = NONE) -> Value:
    """The output of a stack of layers."""
    value = inputs
    for index, item in enumerate(layers):
        if isinstance(item, Tensor):
            continue  # the model's own Input
        record = machine.object(item)
        if record is not None and record.symbol.name.endswith("InputLayer"):
            continue
        if isinstance(value, Unknown):
            value = Tensor()
        with machine.within(iteration=(*machine.iteration, ("layer", index))):
            value = keras_layers.call_any(machine, item, value, place, training if record is not None else NONE)
    return value


@called("model")
def call_model(call: ApiCall) -> Value:
    """`model(x)`: the same network on other inputs."""
    machine = call.machine
    record = machine.object(call.receiver)
    assert isinstance(call.receiver, Ref) and record is not None
    inputs = keras_layers.input_of(call)
    flag = keras_layers.training_of(call, second=True)
    if record.fields.get("form") == "sequential" and not is_open(record.fields):
        tensor = arrays.as_tensor(machine, inputs)
        output = run_layers(
            machine, record.fields.get("layers", ()), tensor if tensor is not None else Tensor(), call.place, flag
        )
    else:
        output = model_output(machine, call.receiver, call.place)
        output = reapplied(machine, output, inputs, call.place, "call", training=flag, model=call.receiver)
    return applied(call, output)


def applied(call: ApiCall, output: Value) -> Value:
    """The output of a model, noted when it is called in a training step of one's own."""
    machine, given = call.machine, keras_layers.input_argument(call)
    if machine.tape is not None and given is not None and isinstance(call.receiver, Ref):
        machine.record(
            Applied(
                place=call.place,
                context=machine.context(),
                model=call.receiver.id,
                inputs=given.replace(value=machine.resolve(given.value)),
                output=output,
            )
        )
    return output


def reapplied(
    machine: Machine, output: Value, inputs: Value, place: Any, tag: str, library: str = "tf", **attributes: Any
) -> Value:
    """A model's output for other inputs: the same facts, with the rows of those inputs."""
    if isinstance(output, Tensor):
        tensor = next(iter(arrays.tensors_in(machine, inputs)), None)
        several = isinstance(machine.resolve(inputs), (Tuple, Ref)) and tensor is not None
        # A list of inputs has the rows of each of them, it is no tensor of their number.
        rows = tensor if several else arrays.as_tensor(machine, inputs)
        shape = output.shape
        if shape and rows is not None and rows.shape:
            shape = (rows.shape[0], *shape[1:])
        elif shape and library == "np":
            # Answers are often asked for a single sample.
            shape = (None, *shape[1:])
        elif shape:
            shape = (Symbol("batch", ("batch", machine.identify(place, tag)), batch=True), *shape[1:])
        sources = (output,) if tensor is None else (output, tensor)
        return machine.emit(
            "identity",
            "model",
            place,
            sources,
            output.replace(shape=shape, op=None, library=library),
            tag,
            attributes=attributes,
        )
    named = keras_outputs.outputs_of(machine, output)
    if named is not None:
        values = tuple(
            reapplied(machine, item, inputs, place, f"{tag} {i}", library, **attributes)
            for i, (_, item) in enumerate(named)
        )
        table = machine.get(output)
        if isinstance(table, DictRecord):
            keys = [key for key, _ in table.items]
            return machine.new(place, DictRecord(items=tuple(zip(keys, values))), tag)
        return machine.new(place, ListRecord(items=values), tag)
    tensors = tuple(arrays.tensors_in(machine, inputs))
    if tensors:
        machine.emit("opaque", "model", place, tensors, Tensor(), tag)
    return output if isinstance(output, Unknown) else UNKNOWN


@called("subclass")
def call_subclass(call: ApiCall) -> Value:
    """An object of a user's layer or model is called: its `build`, once, then its `call`."""
    machine = call.machine
    assert isinstance(call.receiver, Ref)
    record = machine.get(call.receiver)
    method_value = classes.method_of(machine, call.receiver, "call")
    if method_value is None:
        outer = record.attributes.get("__outputs__") if isinstance(record, InstanceRecord) else None
        if outer is not None:
            inputs, flag = keras_layers.input_of(call), keras_layers.training_of(call, second=True)
            output = reapplied(
                machine, machine.resolve(outer), inputs, call.place, "call", training=flag, model=call.receiver
            )
            return applied(call, output)
        return calls.escape(machine, UNKNOWN, call.arguments, call.place)
    if "__built__" not in record.attributes:
        machine.put(call.receiver, record.replace(attributes={**record.attributes, "__built__": TRUE}))
        build = classes.method_of(machine, call.receiver, "build")
        if build is not None:
            tensor = arrays.as_tensor(machine, keras_layers.input_of(call))
            shape: Value = UNKNOWN
            if tensor is not None and tensor.shape is not None:
                shape = Tuple(
                    items=tuple(
                        NONE if isinstance(d, Symbol) and d.batch else arrays.dim_value(d) for d in tensor.shape
                    )
                )
            positional = [Argument(value=call.receiver, place=call.place), Argument(value=shape, place=call.place)]
            calls.call(machine, build, Arguments(positional, {}), call.place)
    parameters = {p.name for p in method_value.define.parameters}
    takes_any = any(p.kind == "double-star" for p in method_value.define.parameters)
    keywords = {k: a for k, a in call.arguments.keywords.items() if k in parameters or takes_any}
    positional = [Argument(value=call.receiver, place=call.place), *call.arguments.positional]
    order = [p.name for p in method_value.define.parameters if p.kind in ("positional-only", "normal")]
    if "training" in parameters and "training" not in keywords and "training" not in order[: len(positional)]:
        # Keras gives the layers of a model the flag of the outermost call: True in fit, False in predict.
        keywords["training"] = Argument(
            value=unknown("`training` is set by Keras", call.place, ("name", "training")), place=call.place
        )
    output = calls.call(machine, method_value, Arguments(positional, keywords, call.arguments.open), call.place)
    return applied(call, machine.resolve(output))


@method("subclass", "__init__")
def init_subclass(call: ApiCall) -> Value:
    """`class Net(keras.Model)` without __init__, or super().__init__(inputs=..., outputs=...)."""
    machine = call.machine
    record = machine.get(call.receiver) if isinstance(call.receiver, Ref) else None
    if isinstance(record, InstanceRecord) and isinstance(call.receiver, Ref):
        call.bind_as("inputs", "outputs")
        inputs, outputs = call.value("inputs"), call.value("outputs")
        if isinstance(inputs, Tensor) and isinstance(outputs, Tensor):
            built = {"__inputs__": inputs, "__outputs__": outputs}
            machine.put(call.receiver, record.replace(attributes={**record.attributes, **built}))
    return NONE


# Compile and fit ------------------------------------------------------------------------------------------------------


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


def _note_compiled(machine: Machine, reference: Ref, place: Any) -> None:
    """Notes where a model was compiled first, and where last."""
    key = ("compiled", reference.id)
    known = machine.read(key)
    machine.write(key, (known[0], place) if isinstance(known, tuple) else (place, place))


@method("model", "compile")
def compile_model(call: ApiCall) -> Value:
    machine = call.machine
    if not isinstance(call.receiver, Ref):
        return NONE
    third = ("loss_weights", "metrics") if _weights_third(call) else ("metrics", "loss_weights")
    call.bind_as("optimizer", "loss", *third, "weighted_metrics", optimizer="rmsprop", loss=None)
    record = machine.get(call.receiver)
    _note_compiled(machine, call.receiver, call.place)
    optimizer = _optimizer(call)
    output = model_output(machine, call.receiver, call.place)
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
        labels = labels_of(machine, reference, record, index)
        emitted = one_loss(call, loss, labels, prediction, place, f"loss {index}")
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
    labels = _as_column(call, labels_of(machine, reference, record, 0), output)
    argument = call.argument("metrics")
    place = argument.place if argument is not None and argument.place is not None else call.place
    for index, metric in enumerate(own):
        positional = [Argument(value=labels, place=place), Argument(value=output, place=place)]
        result = machine.resolve(calls.call(machine, metric, Arguments(positional, {}), place))
        tensors = tuple(arrays.tensors_in(machine, result))
        if tensors:
            machine.emit("opaque", "model.fit", call.place, tensors, Tensor(), f"metric {index}")


def _as_column(call: ApiCall, labels: Value, prediction: Value) -> Value:
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
        labels = _as_column(call, labels, prediction)
        positional = [Argument(value=labels, place=place), Argument(value=prediction, place=place)]
        return machine.resolve(calls.call(machine, loss, Arguments(positional, {}), place))
    return UNKNOWN


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
    model_output(machine, call.receiver, call.place)
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
    if name.startswith("predict"):
        output = model_output(machine, call.receiver, call.place)
        given = call.argument("x", "generator")
        data = machine.resolve(given.value) if given is not None else None
        if isinstance(output, Unknown) and machine.object(data) is not None:
            # An output that is not known still has the order of the data that it was made of.
            output = Tensor()
        asked = x if pair is None else _batches(machine, x)
        return reapplied(machine, output, asked, call.place, "predict", "np", model=call.receiver, data=data)
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
    return (element, NONE) if isinstance(element, Tensor) else None


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
        return [label_id(machine, reference, record, i) for i in range(len(found) if found else 1)]
    inputs = record.fields.get("inputs") if isinstance(record, ApiObject) else record.attributes.get("__inputs__")
    if inputs is None:
        return [input_id(machine, reference, record)]
    return [t.op for t in arrays.tensors_in(machine, inputs) if t.op is not None]


# Attributes and other methods -----------------------------------------------------------------------------------------


@attribute("model", "output")
def output_of(machine: Machine, reference: Ref, record: Any, place: Any) -> Value | None:
    return model_output(machine, reference, place)


@attribute("model", "outputs")
def outputs_of(machine: Machine, reference: Ref, record: Any, place: Any) -> Value | None:
    return _listed(machine, model_output(machine, reference, place), place, "outputs")


@attribute("model", "input")
def input_of(machine: Machine, reference: Ref, record: Any, place: Any) -> Value | None:
    model_output(machine, reference, place)
    record = machine.get(reference)
    return record.fields.get("inputs") if isinstance(record, ApiObject) else None


@attribute("model", "inputs")
def inputs_of(machine: Machine, reference: Ref, record: Any, place: Any) -> Value | None:
    return _listed(machine, input_of(machine, reference, record, place), place, "inputs")


def _listed(machine: Machine, value: Value | None, place: Any, name: str) -> Value | None:
    """The plural attributes are lists, also of one tensor."""
    return machine.new(place, ListRecord(items=(value,)), name) if isinstance(value, Tensor) else value


@attribute("model", "output_shape")
def output_shape(machine: Machine, reference: Ref, record: Any, place: Any) -> Value | None:
    return _shape_value(model_output(machine, reference, place))


@attribute("model", "input_shape")
def input_shape(machine: Machine, reference: Ref, record: Any, place: Any) -> Value | None:
    return _shape_value(input_of(machine, reference, record, place))


def _shape_value(value: Value | None) -> Value:
    """A shape as Keras shows it, with None for the batch."""
    if not isinstance(value, Tensor) or value.shape is None:
        return UNKNOWN
    return Tuple(items=(NONE, *(arrays.dim_value(d) for d in value.shape[1:])))


def model_weights(machine: Machine, value: Value, depth: int = 0) -> tuple[Tensor, ...]:
    """The weights of a model or of anything that holds layers."""
    record = machine.get(value)
    if depth > 4 or record is None:
        return ()
    found: list[Tensor] = []
    if isinstance(record, ApiObject):
        found += keras_layers.weights_of(machine, value)
        known = (record.fields.get(name, ()) for name in ("head", "repeated", "layers"))
        for layer in itertools.chain.from_iterable(known):
            found += model_weights(machine, layer, depth + 1)
        output = record.fields.get("outputs")
        if record.fields.get("form") == "functional" and output is not None:
            found += _variables_behind(machine, output)
    elif isinstance(record, InstanceRecord):
        for attribute_value in record.attributes.values():
            resolved = machine.resolve(attribute_value)
            if isinstance(resolved, Tensor):
                operation = machine.operation(resolved)
                if operation is not None and operation.kind == "variable":
                    found.append(resolved)
            items = (
                builtins.items_of(machine, resolved) if isinstance(machine.get(resolved), ListRecord) else [resolved]
            )
            for item in items or ():
                found += model_weights(machine, machine.resolve(item), depth + 1)
        if not found and "__outputs__" in record.attributes:
            found += _variables_behind(machine, machine.resolve(record.attributes["__outputs__"]))
    return tuple(dict.fromkeys(found))


def _variables_behind(machine: Machine, output: Value) -> list[Tensor]:
    seen: set[Id] = set()
    result = []
    stack = list(arrays.tensors_in(machine, output))
    while stack:
        operation = machine.operation(stack.pop())
        if operation is None or operation.id in seen:
            continue
        seen.add(operation.id)
        if operation.kind == "variable":
            result.append(operation.output)
        stack.extend(v for v in operation.inputs if isinstance(v, Tensor))
    return result


@attribute("model", "variables", "weights")
def all_weights(machine: Machine, reference: Ref, record: Any, place: Any) -> Value | None:
    """Those that are trained, and a mean and a variance of each batch normalization."""
    found = weights_attribute(machine, reference, record, place)
    listed = machine.get(found)
    if not isinstance(listed, ListRecord) or listed.items is None:
        return found
    operations = [machine.operation(weight) for weight in listed.items if isinstance(weight, Tensor)]
    layers = {o.layer for o in operations if o and o.symbol and o.symbol.name.endswith("BatchNormalization")}
    if not layers:
        return found
    statistics = (Tensor(dtype="float32"),) * (2 * len(layers))
    return machine.new(place, ListRecord(items=(*listed.items, *statistics)), "all weights")


@attribute("model", "trainable_variables", "trainable_weights")
def weights_attribute(machine: Machine, reference: Ref, record: Any, place: Any) -> Value:
    weights = model_weights(machine, reference)
    if not weights or (isinstance(record, ApiObject) and is_open(record.fields)):
        return machine.new(place, ListRecord(items=None, element=Tensor()), "weights")
    return machine.new(place, ListRecord(items=weights), "weights")


@attribute("model", "losses")
def losses_attribute(machine: Machine, reference: Ref, record: Any, place: Any) -> Value:
    return keras_layers.regularization_losses(machine, model_weights(machine, reference), place)


@attribute("model", "metrics", "loss", "compiled_metrics", "stop_training", "metrics_names")
def opaque_attribute(machine: Machine, reference: Ref, record: Any, place: Any) -> Value | None:
    return UNKNOWN


@method(
    "model",
    "summary",
    "save",
    "save_weights",
    "load_weights",
    "build",
    "get_config",
    "to_json",
    "set_weights",
    "get_weights",
    "reset_states",
    "get_layer",
    "count_params",
    "reset_metrics",
    "make_train_function",
    "export",
    "to_yaml",
)
def other(call: ApiCall) -> Value:
    name = call.machine.method_name
    if name == "build" and isinstance(call.receiver, Ref):
        record = call.machine.object(call.receiver)
        if record is not None:
            model_output(call.machine, call.receiver, call.place)
    mark = {"load_weights": "restored", "set_weights": "restored", "make_train_function": "remade"}.get(name)
    if mark == "restored":
        keras_layers.set_weights(call.machine, call.receiver, call.place)
    if mark is not None and isinstance(call.receiver, Ref):
        record = call.machine.get(call.receiver)
        if isinstance(record, ApiObject):
            call.machine.put(call.receiver, record.replace(fields={**record.fields, mark: True}))
    return NONE if name in ("summary", "save", "build") else UNKNOWN


@handles(
    "keras.models.load_model",
    "keras.models.model_from_json",
    "keras.models.model_from_yaml",
    "keras.models.model_from_config",
)
def load_model(call: ApiCall) -> Value:
    return unknown("the model is loaded from a file", call.place)


@handles("keras.models.clone_model")
def clone_model(call: ApiCall) -> Value:
    value = call.value("model")
    record = call.machine.object(value)
    if record is None or call.given("clone_function") is not None:
        return call.opaque()
    return call.machine.new(call.place, record.replace(place=call.place), "model")
