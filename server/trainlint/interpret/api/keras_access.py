"""The layers of a Keras model by their place or name, and what goes into a layer and comes out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainlint.interpret import arrays
from trainlint.interpret.api import backbones, keras_layers
from trainlint.interpret.api.keras_models import is_open, model_output
from trainlint.interpret.api.registry import attribute, method
from trainlint.interpret.machine import MISSING, unknown
from trainlint.program.values import UNKNOWN, ApiObject, Const, ListRecord, Ref, Tensor, Tuple, Value

if TYPE_CHECKING:
    from trainlint.interpret.api.call import ApiCall
    from trainlint.interpret.machine import Machine
    from trainlint.program.values import Id


def _applied(machine: Machine, reference: Ref, index: int) -> Value | None:
    known = machine.read(keras_layers.applied_key(reference))
    if known is MISSING:
        record = machine.object(reference)
        return record.fields.get(("input", "output")[index]) if record is not None else None
    return machine.resolve(known.items[index])


@attribute("layer", "input")
def layer_input(machine: Machine, reference: Ref, record: ApiObject, place: Any) -> Value | None:
    return _applied(machine, reference, 0)


@attribute("layer", "output")
def layer_output(machine: Machine, reference: Ref, record: ApiObject, place: Any) -> Value | None:
    return _applied(machine, reference, 1)


@attribute("layer", "output_shape")
def layer_shape(machine: Machine, reference: Ref, record: ApiObject, place: Any) -> Value | None:
    output = _applied(machine, reference, 1)
    if not isinstance(output, Tensor) or output.shape is None:
        return None
    return Tuple(items=(Const(value=None), *(arrays.dim_value(dim) for dim in output.shape[1:])))


def _stack(machine: Machine, reference: Ref, place: Any) -> tuple[Value, ...] | None:
    """The layers of a model in the order of Keras, None when it is not known."""
    record = machine.get(reference)
    if not isinstance(record, ApiObject) or is_open(record.fields):
        return None
    if record.fields.get("form") == "sequential":
        layers = tuple(layer for layer in record.fields.get("layers", ()) if not _is_input(machine, layer))
        _build(machine, reference, record, place)
        return layers
    chain = _chain(machine, record.fields.get("outputs"))
    # The first layer of a functional model is its input.
    return None if chain is None else (UNKNOWN, *chain)


def _is_input(machine: Machine, layer: Value) -> bool:
    record = machine.object(layer)
    return isinstance(layer, Tensor) or (record is not None and record.symbol.name.endswith("InputLayer"))


def _build(machine: Machine, reference: Ref, record: ApiObject, place: Any) -> None:
    """Builds a Sequential model whose input is known, so that its layers have outputs."""
    layers = record.fields.get("layers", ())
    first = machine.object(layers[0]) if layers else None
    declared = keras_layers.input_shape_of(machine, first) if first is not None else None
    if declared is not None or (layers and isinstance(layers[0], Tensor)):
        model_output(machine, reference, place)


def _chain(machine: Machine, output: Value | None) -> tuple[Value, ...] | None:
    """The layers between the input and the output of a model where one follows the other."""
    found: list[Id] = []
    current = output
    for _ in range(1000):
        operation = machine.operation(current) if isinstance(current, Tensor) else None
        if operation is None:
            return None
        if operation.kind == "input":
            return tuple(Ref(id=key) for key in reversed(found))
        if operation.layer is None or (operation.layer in found and operation.layer is not found[-1]):
            return None
        if not found or operation.layer is not found[-1]:
            found.append(operation.layer)
        sources = [value for value in operation.inputs if isinstance(value, Tensor) and not _is_weight(machine, value)]
        if len({source.op for source in sources}) != 1:
            return None
        current = sources[0]
    return None


def _is_weight(machine: Machine, value: Tensor) -> bool:
    operation = machine.operation(value)
    return operation is None or operation.kind in ("variable", "constant", "random")


@attribute("model", "layers")
def layers_of(machine: Machine, reference: Ref, record: Any, place: Any) -> Value | None:
    if isinstance(record, ApiObject) and "backbone" in record.fields:
        return machine.new(
            place, ApiObject(record.symbol, "backbone layers", {}, place, {"model": reference}), "layers"
        )
    items = _stack(machine, reference, place)
    return UNKNOWN if items is None else machine.new(place, ListRecord(items=items), "layers")


@method("backbone layers", "__getitem__")
def backbone_layer(call: ApiCall) -> Value:
    """One layer of a pretrained network; the one before the classes gives as many numbers as the last map has."""
    machine, listed = call.machine, call.machine.object(call.receiver)
    model = listed.fields.get("model") if listed is not None else None
    index = machine.resolve(call.arguments.positional[0].value)
    if not isinstance(index, Const) or type(index.value) is not int:
        return unknown("the layers of a pretrained network are not listed", call.place)
    return _inner(call, model, index.value)


def _inner(call: ApiCall, model: Value | None, index: int | None, name: object = None) -> Value:
    record = call.machine.object(model)
    inputs = record.fields.get("inputs") if record is not None else None
    if record is None or not isinstance(inputs, Tensor):
        return unknown("the layers of a pretrained network are not listed", call.place)
    if index == -1 and record.fields.get("outputs") is not None:
        output = record.fields["outputs"]
    else:
        width = backbones.PENULTIMATE.get(record.fields["backbone"]) if record.fields.get("topped") else None
        last = index == -2 or name == ("fc2" if record.fields["backbone"].startswith("VGG") else "avg_pool")
        shape = (inputs.shape[0], width) if last and width is not None and inputs.shape else None
        output = call.emit("opaque", inputs, output=Tensor(shape=shape, dtype="float32"), tag="inner", known=True)
    return call.machine.new(
        call.place, ApiObject(record.symbol, "layer", {}, call.place, {"output": output}), "inner layer"
    )


@method("model", "get_layer")
def get_layer(call: ApiCall) -> Value:
    """A layer by its name or its place."""
    call.bind_as("name", "index", name=None, index=None)
    machine, reference = call.machine, call.receiver
    record = machine.get(reference)
    if not isinstance(reference, Ref) or not isinstance(record, ApiObject):
        return unknown("the layers of the model are not all known", call.place)
    index, name = call.constant("index"), call.constant("name")
    if "backbone" in record.fields:
        return _inner(call, reference, index, name)
    if type(index) is int:
        stack = _stack(machine, reference, call.place)
        known = stack is not None and -len(stack) <= index < len(stack)
        return stack[index] if known and stack is not None else unknown("a layer is unknown", call.place)
    if isinstance(name, str):
        for layer in _stack(machine, reference, call.place) or _behind(machine, record.fields.get("outputs")):
            if _name(machine, layer) == name:
                return layer
    return unknown(f"which layer is called {name!r} is not known" if name else "a layer is unknown", call.place)


def _name(machine: Machine, layer: Value) -> Any:
    record = machine.object(layer)
    argument = record.arguments.get("name") if record is not None else None
    value = machine.resolve(argument.value) if argument is not None else None
    return value.value if isinstance(value, Const) else None


def _behind(machine: Machine, output: Value | None) -> list[Value]:
    """All layers that an output is computed by, in no order that means anything."""
    found: dict[Id, None] = {}
    seen: set[Id] = set()
    stack = list(arrays.tensors_in(machine, output)) if output is not None else []
    while stack:
        operation = machine.operation(stack.pop())
        if operation is None or operation.id in seen:
            continue
        seen.add(operation.id)
        if operation.layer is not None:
            found[operation.layer] = None
        stack.extend(value for value in operation.inputs if isinstance(value, Tensor))
    return [Ref(id=key) for key in found]
