"""Keras models: Sequential, functional and subclassed, what they compute and what is asked of them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from trainlint.interpret import arrays, builtins, calls, classes
from trainlint.interpret.api import keras_layers, keras_outputs
from trainlint.interpret.api.call import ApiCall, Arguments
from trainlint.interpret.api.registry import attribute, called, handles, method
from trainlint.interpret.api.variables import merge_feed
from trainlint.interpret.feeds import FedTensor
from trainlint.interpret.machine import Machine, unknown
from trainlint.program.dims import Shape, Symbol
from trainlint.program.events import Applied
from trainlint.program.values import (
    NONE,
    TRUE,
    UNKNOWN,
    ApiObject,
    Argument,
    DictRecord,
    Id,
    InstanceRecord,
    ListRecord,
    Ref,
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
        takes_flag = record is not None or isinstance(machine.get(item), InstanceRecord)
        with machine.within(iteration=(*machine.iteration, ("layer", index))):
            value = keras_layers.call_any(machine, item, value, place, training if takes_flag else NONE)
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
        if len(values) == 1 and isinstance(table, ListRecord) and isinstance(values[0], Tensor):
            # Keras 3 gave a list of one, and gives the one itself since (3.15).
            return values[0].replace(shape=None)
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
